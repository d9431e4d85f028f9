"""Readers of image files: one file → its planes as stored, with what it says of them."""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Role = Literal["frames", "z"]


@dataclass(frozen=True)
class Selection:
    """The part of a file that is asked for; empty means all of it.

    Parameters
    ----------
    axes : dict of str to int or str
        Of an axis, by its lower-case letter: the index that is taken, from 0; or ``frames`` or ``z``, what its planes are taken for.
    pages : tuple of (int, int)
        First and last frame of each range, from 0, both included; empty means all.
    image : str or None
        Number of the image, series, scene or position in a file of several.
    extension : str or None
        Name, name and version (``SCI,2``) or number of a FITS extension.
    lossy : bool
        Whether lossy compression inside the container is accepted.
    dataset : str or None
        Path of the data set inside an HDF5 file, what stands after ``::``.
    text : str
        As typed.
    """

    axes: dict[str, int | Role] = field(default_factory=dict)
    pages: tuple[tuple[int, int], ...] = ()
    image: str | None = None
    extension: str | None = None
    lossy: bool = False
    dataset: str | None = None
    text: str = ""


@dataclass(frozen=True)
class Layout:
    """What a file says of its planes.

    Parameters
    ----------
    letters : str
        One letter an axis before y and x: T time, C channel, Z depth, Q not said, others as their format has them.
    sizes : tuple of int
        Length of each of these axes.
    plain : bool
        Whether Z only says that the planes are a stack.
    """

    letters: str
    sizes: tuple[int, ...]
    plain: bool = False


@dataclass(frozen=True)
class Decoded:
    """One file's pixels as stored.

    Parameters
    ----------
    planes : ndarray
        (plane, y, x), any dtype, DN.
    reader : str
        The library that decoded them.
    bits : int or None
        Bit depth that the file states.
    metadata : mapping of str to object
        Those of these that the file states: camera, serial, mode, cfa; spacing, (z, y, x) or (y, x), and its unit, spacing_unit.
    layout : Layout or None
        Axes of the planes; None means that nothing is said.
    inverted : bool
        Whether the file stores full scale less the value (WhiteIsZero).
    offset : int
        What the file adds to each stored value: the intercept by which CT stores Hounsfield units in unsigned integers.
    processed : str
        Why the pixels are no raw frame of a camera, such as "a stitched mosaic"; "" where the file says nothing of the kind.
    """

    planes: NDArray[Any]
    reader: str
    bits: int | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    layout: Layout | None = None
    inverted: bool = False
    offset: int = 0
    processed: str = ""


@dataclass(frozen=True)
class Opened:
    """One file's planes, not yet read.

    Parameters
    ----------
    shape : tuple of (int, int, int)
        (plane, y, x).
    dtype : dtype
        Any, as stored.
    read : callable
        read(start, out) fills out (n, y, x) with the planes from `start` on.
    bits : int, optional
        Bit depth that the file states.
    metadata : mapping of str to object, optional
        What the reader found beside the pixels.
    close : callable, optional
        Frees what reading holds.
    layout : Layout, optional
        What the planes are, where the file says it.
    inverted : bool, default False
        Whether small values are bright.
    """

    shape: tuple[int, int, int]
    dtype: np.dtype[Any]
    read: Callable[[int, NDArray[Any]], None]
    bits: int | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    close: Callable[[], None] = lambda: None
    layout: Layout | None = None
    inverted: bool = False


class Reader(abc.ABC):
    """A file format; entry points of "sigmaraw.readers", made without arguments.

    Attributes
    ----------
    name : str
        The entry point's name.
    formats : str
        What it reads, in words.
    suffixes : tuple of str
        Ends of file names that it takes, in lower case, such as ``".nii.gz"``.
    package : str
        The library that decodes, which may be missing.
    extra : str
        The extra of this package that installs it; "" where every installation has it.
    last_resort : bool
        Whether it only takes what no other reader takes.
    """

    name: str
    formats: str
    suffixes: tuple[str, ...]
    package: str
    extra: str = ""
    last_resort: bool = False

    def takes(self, path: Path) -> bool:
        """Return whether this reader reads a path whose suffix says nothing, or a folder; false unless overridden.

        Parameters
        ----------
        path : Path
            A file or a folder that exists.

        Returns
        -------
        bool
            Whether `read` takes it.
        """
        del path
        return False

    @abc.abstractmethod
    def read(self, path: Path, selection: Selection) -> Decoded:
        """Return a file's planes as stored. Nothing is rounded, scaled, cut off or repaired.

        Parameters
        ----------
        path : Path
            The file, or a folder that `takes` names.
        selection : Selection
            What of it is asked for: `image`, `extension`, `dataset` and `lossy` are the reader's to obey, axes and pages the caller's.

        Returns
        -------
        Decoded
            The planes, in the order of `layout`.

        Raises
        ------
        UnreadableFile
            Not of this format, damaged, cut off, or with several images of which none is chosen.
        ColourImage, LossyImage, NotIntegerData
            Pixels that are no grey integers, as far as the file says so.
        MissingExtra
            The library is not installed.
        """

    def open(self, path: Path, selection: Selection) -> Opened | None:
        """Return planes to be read a few at a time; None where the whole file has to be read.

        Parameters
        ----------
        path : Path
            The file.
        selection : Selection
            What of it is asked for.

        Returns
        -------
        Opened or None
            The planes, not yet read.
        """
        del path, selection
        return None
