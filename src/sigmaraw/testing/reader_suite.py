"""The conformance suite for readers: what a study relies on, checked from outside, for built-ins and extensions alike."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts.readers import Decoded, Reader, Selection
from sigmaraw.errors import SigmarawError
from sigmaraw.testing.requirements import require

_CUTS = 24
_FLIPS = 40


def check_reader(reader: Reader, path: Path, expected: NDArray[Any], folder: Path) -> None:
    """Check a reader against the contract; an extension's author calls it with an object of the own class and one of its files.

    It checks that name, formats, suffixes and package are stated; that the file's planes come back value for value, the same twice, and
    that the file is left as it was; that the layout's letters and lengths belong to the planes; that `open`, where it is offered, gives
    the same planes from any start; and that a file that is cut off, has bits turned over, or is another file altogether is refused by
    name or gives the pixels that are stored, and never ends in another exception.

    Parameters
    ----------
    reader : Reader
        The reader itself, not its class.
    path : Path
        A file of the format, one image in it.
    expected : ndarray
        (plane, y, x), what is stored in it.
    folder : Path
        An empty folder for broken copies.

    Raises
    ------
    AssertionError
        The reader breaks the contract; the message says how.

    Examples
    --------
    >>> import tempfile
    >>> from sigmaraw.frames.npy import NpyReader
    >>> frames = np.arange(24, dtype=np.uint16).reshape(2, 3, 4)
    >>> with tempfile.TemporaryDirectory() as name:
    ...     np.save(Path(name, "a.npy"), frames)
    ...     Path(name, "broken").mkdir()
    ...     check_reader(NpyReader(), Path(name, "a.npy"), frames, Path(name, "broken"))
    """
    _check_declaration(reader, path)
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    first, second = (reader.read(path, Selection()) for _ in range(2))
    require(isinstance(first, Decoded), f"{reader.name} returns {type(first).__name__}, not Decoded")
    for found in (first, second):
        require(found.planes.ndim == 3, f"{reader.name} returns planes of shape {found.planes.shape}, not (plane, y, x)")
        require(np.array_equal(found.planes, expected), f"{reader.name} returns other values than are stored")
    require(hashlib.sha256(path.read_bytes()).hexdigest() == before, f"{reader.name} changes the file that it reads")
    _check_layout(reader, first)
    _check_open(reader, path, first)
    _check_broken(reader, path, folder)


def _check_declaration(reader: Reader, path: Path) -> None:
    require(isinstance(reader, Reader), f"{type(reader).__name__} does not inherit from sigmaraw.contracts.Reader")
    for field in ("name", "formats", "package"):
        value = getattr(reader, field, None)
        require(isinstance(value, str) and bool(value), f"{type(reader).__name__} states no {field}")
    suffixes = reader.suffixes
    fine = isinstance(suffixes, tuple) and all(isinstance(end, str) and end.startswith(".") and end == end.lower() for end in suffixes)
    require(fine, f"the suffixes of {reader.name} are not a tuple of texts such as '.tif', in lower case")
    require(path.name.lower().endswith(suffixes) or reader.takes(path), f"{reader.name} does not take {path.name}")


def _check_layout(reader: Reader, found: Decoded) -> None:
    layout = found.layout
    if layout is None:
        return
    require(len(layout.letters) == len(layout.sizes), f"{reader.name} has letters '{layout.letters}' for lengths {layout.sizes}")
    planes = int(np.prod(layout.sizes)) if layout.sizes else 1
    require(planes == len(found.planes), f"{reader.name} has a layout of {planes} planes for {len(found.planes)}")


def _check_open(reader: Reader, path: Path, whole: Decoded) -> None:
    opened = reader.open(path, Selection())
    if opened is None:
        return
    try:
        require(opened.shape == whole.planes.shape, f"{reader.name} opens planes of shape {opened.shape}, reads {whole.planes.shape}")
        for start in range(len(whole.planes)):
            out = np.empty((min(2, len(whole.planes) - start), *opened.shape[1:]), opened.dtype.newbyteorder("="))
            opened.read(start, out)
            require(np.array_equal(out, whole.planes[start : start + len(out)]), f"{reader.name} opens other planes than it reads")
    finally:
        opened.close()


def _check_broken(reader: Reader, path: Path, folder: Path) -> None:
    content, rng = path.read_bytes(), np.random.default_rng(11)
    broken = [content[:cut] for cut in range(0, len(content), max(1, len(content) // _CUTS))]
    broken += [b"", rng.bytes(500), b"\0" * 500]
    for _ in range(_FLIPS):
        damaged = bytearray(content)
        for place in rng.integers(0, min(len(damaged), 4096), 3):
            damaged[place] ^= 1 << int(rng.integers(0, 8))
        broken.append(bytes(damaged))
    for number, data in enumerate(broken):
        other = folder / f"{number}{''.join(path.suffixes)}"
        other.write_bytes(data)
        try:
            reader.read(other, Selection())
        except SigmarawError:
            continue
        except Exception as error:  # noqa: BLE001 - the very thing that is looked for: any other exception
            require(False, f"{reader.name} ends in {type(error).__name__} ({error}) where a file is broken")
        finally:
            other.unlink()
