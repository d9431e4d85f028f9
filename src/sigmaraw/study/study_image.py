"""An image of a study, with all that drawing from it and coding it needs."""

from __future__ import annotations

import functools
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.codecs import learning
from sigmaraw.contracts import Codec
from sigmaraw.noise.keys import Unchanging

if TYPE_CHECKING:
    from sigmaraw.noise import NoiseModel


Hint = tuple[float | None, ...] | None
"""Where a codec's search for a setting starts, step by step."""


@dataclass(frozen=True)
class StudyImage:
    """One image of the study, ready to be drawn from.

    Parameters
    ----------
    frame : ndarray of int
        The raw frame x, (y, x) or (z, y, x), DN.
    source : ndarray of int
        What the mode draws from: x itself, or real repeats (repeat, …), DN.
    codecs : tuple of Codec, optional
        The codecs as used on this image, frozen targets resolved.
    noise_model : NoiseModel or None
        The camera's, fitted to the image; None without a camera.
    hints : tuple of Hint, optional
        For each codec, where its search for a setting starts, from the image.
    later_hints : tuple of Hint, optional
        For each codec, where it starts on replicas but the first, from what was found on that; where there is none, they start from the
        image.
    shift : int, default 0
        What was added to the file's values, DN; the pipeline sees the file's values.
    references : tuple of ndarray, optional
        Masks of the image by observers.
    spacing : tuple of float, optional
        Size of a pixel, (z, y, x) or (y, x), where the file states it.
    spacing_unit : str, default "px"
        Its unit.
    distorts : tuple of bool, optional
        For each codec, whether it can distort a replica without coding it; where it is empty, none does.
    """

    frame: NDArray[np.integer]
    source: NDArray[np.integer]
    noise_model: NoiseModel | None
    codecs: tuple[Codec, ...] = ()
    hints: tuple[Hint, ...] = ()
    later_hints: tuple[Hint, ...] = ()
    shift: int = 0
    references: tuple[NDArray[Any], ...] = ()
    spacing: tuple[float, ...] = ()
    spacing_unit: str = "px"
    distorts: tuple[bool, ...] = ()

    @functools.cached_property
    def unchanging(self) -> NDArray[np.integer]:
        """`source`, marked as unchanging: what is made of it for drawing is made once."""
        return Unchanging.of(self.source)

    def hint_for(self, codec: int, replica: int) -> Hint:
        """Return where a codec's search for a setting starts on a replica of its group."""
        later = self.later_hints[codec] if self.later_hints else None
        if later is None:
            return self.hints[codec]
        return learning(self.hints[codec]) if replica == 0 else later

    def with_codec(self, codec: Codec, hint: Hint, later_hint: Hint, distorts: bool) -> StudyImage:
        """Return the image with one more codec, as it is used on it; what is made of the source for drawing goes with it."""
        added = replace(
            self,
            codecs=(*self.codecs, codec),
            hints=(*self.hints, hint),
            later_hints=(*self.later_hints, later_hint),
            distorts=(*self.distorts, distorts),
        )
        if "unchanging" in self.__dict__:
            added.__dict__["unchanging"] = self.unchanging
        return added

    def __getstate__(self) -> dict[str, Any]:
        """Return the fields alone: what was derived from them does not travel to workers."""
        return {entry.name: getattr(self, entry.name) for entry in fields(self)}
