"""The way of some frames through the steps of a chain, and back: what is coded, what is kept to undo the maps."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.codecs.bits import require_bits
from sigmaraw.codecs.calls import checked
from sigmaraw.contracts import Coder, Encoded, Map
from sigmaraw.errors import CodecFailed, UnsupportedArray

Achieved = dict[str, float | bool | str]


@dataclass(frozen=True)
class _Undo:
    """A map with what undoes it: per frame its side data, and shape and dtype before."""

    step: Map
    sides: tuple[bytes, ...]
    shapes: tuple[tuple[int, ...], ...]
    dtypes: tuple[np.dtype[Any], ...]


@dataclass(frozen=True)
class ChainState:
    """Frames after some steps.

    arrays : what the next step takes; None while the last coder's streams are not decoded. coded : the last coder with its streams,
    shapes and dtypes. sides : bytes of side data of each frame so far. undo : the maps passed, in order.
    """

    arrays: tuple[NDArray[np.integer], ...] | None
    sides: tuple[int, ...]
    undo: tuple[_Undo, ...] = ()
    coder: Coder | None = None
    coded: tuple[Encoded, ...] = ()
    like: tuple[tuple[tuple[int, ...], np.dtype[Any]], ...] = ()

    @classmethod
    def of(cls, frames: Sequence[NDArray[np.integer]]) -> ChainState:
        """Return the frames before the first step."""
        return cls(tuple(frames), (0,) * len(frames))

    def ready(self) -> tuple[NDArray[np.integer], ...]:
        """Return the arrays that the next step takes; a coder's streams are decoded, from bytes, shape and dtype alone."""
        if self.arrays is not None:
            return self.arrays
        return tuple(self._decoded(encoded, *like) for encoded, like in zip(self.coded, self.like, strict=True))

    def settled(self) -> ChainState:
        """Return this state with its arrays at hand, so that they are decoded once."""
        return self if self.arrays is not None else replace(self, arrays=self.ready())

    def through(self, step: Coder | Map) -> ChainState:
        """Return the state after one more step. Raises UnsupportedArray when an array is outside the step's contract."""
        arrays = self.ready()
        for array in arrays:
            require(step, array)
        like = tuple((array.shape, array.dtype) for array in arrays)
        if isinstance(step, Map):
            outcomes = [_mapped(step, array) for array in arrays]
            sides = tuple(side for _, side in outcomes)
            undo = _Undo(step, sides, tuple(shape for shape, _ in like), tuple(dtype for _, dtype in like))
            grown = tuple(before + len(side) for before, side in zip(self.sides, sides, strict=True))
            return replace(self, arrays=tuple(mapped for mapped, _ in outcomes), sides=grown, undo=(*self.undo, undo))
        coded = tuple(step.encode(array) for array in arrays)
        if not all(encoded.payload for encoded in coded):
            raise CodecFailed(f"{step.name} coded a frame to no bytes", "a code stream", "report this codec's fault")
        grown = tuple(before + len(encoded.side) for before, encoded in zip(self.sides, coded, strict=True))
        return replace(self, arrays=None, sides=grown, coder=step, coded=coded, like=like)

    def without_coding(self, step: Coder) -> ChainState | None:
        """Return the state after a coder, decoded, without its code streams; None where it cannot say what it decodes to.

        Raises UnsupportedArray when an array is outside the coder's contract, or its bit depth.
        """
        arrays = self.ready()
        found = []
        for array in arrays:
            require(step, array)
            distorted = step.distort(array)
            if distorted is None:
                return None
            require_bits(step.name, array, step.stated_bits)
            found.append(checked(step.name, distorted, array.shape, array.dtype))
        return replace(self, arrays=tuple(found), coder=None, coded=(), like=())

    def nbytes(self) -> tuple[int, ...]:
        """Return the bytes of each frame: the last coder's stream, or the mapped array where there is none, and all side data."""
        arrays = self.arrays or ()
        sizes = [len(encoded.payload) for encoded in self.coded] if self.coder is not None else [array.nbytes for array in arrays]
        return tuple(size + side for size, side in zip(sizes, self.sides, strict=True))

    def decoded(self) -> list[NDArray[np.integer]]:
        """Return the frames in their first dtype: the maps are undone, last one first."""
        arrays = list(self.ready())
        for undo in reversed(self.undo):
            parts = zip(arrays, undo.sides, undo.shapes, undo.dtypes, strict=True)
            arrays = [checked(undo.step.name, undo.step.inverse(array, side, dtype), shape, dtype) for array, side, shape, dtype in parts]
        return arrays

    def achieved(self) -> Achieved:
        """Return what the last coder reports: of one frame its words, of several the mean of numbers, all of truths."""
        return _summarise([encoded.achieved for encoded in self.coded])

    def _decoded(self, encoded: Encoded, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[np.integer]:
        if self.coder is None:
            raise CodecFailed("a chain of codecs that is decoded before it has encoded", "a coder", "report this fault")
        decoded = self.coder.decode(Encoded(encoded.payload, encoded.side), shape, dtype)
        return np.ascontiguousarray(checked(self.coder.name, decoded, shape, dtype))


def _mapped(step: Map, array: NDArray[np.integer]) -> tuple[NDArray[np.integer], bytes]:
    mapped, side = step.forward(array)
    if not isinstance(mapped, np.ndarray) or mapped.ndim != array.ndim or mapped.dtype not in (np.uint8, np.uint16):
        raise CodecFailed(f"{step.name} did not give a frame", "uint8 or uint16, as many axes", "report its fault")
    return np.ascontiguousarray(mapped), side


def require(step: Coder | Map, array: NDArray[np.integer]) -> None:
    """Raise UnsupportedArray when an array is outside a step's declared contract."""
    contract = step.contract
    if array.dtype.name not in contract.dtypes:
        raise UnsupportedArray(f"{array.dtype} given to '{step.name}'", " or ".join(contract.dtypes), _dtype_remedy(step, array))
    if contract.max_side is not None and max(array.shape[-2:]) > contract.max_side:
        raise UnsupportedArray(
            f"a frame of shape {array.shape} given to '{step.name}'",
            f"at most {contract.max_side} pixels a side",
            "cut the frame",
        )


def _dtype_remedy(step: Coder | Map, array: NDArray[np.integer]) -> str:
    bits = any(parameter.name == "bits" for parameter in step.parameters)
    if array.dtype == np.uint16:
        return ("state the data's bit depth with bits=, or put" if bits else "put") + " a reduction such as to8bit:shift before it"
    return f"leave '{step.name}' out for 8-bit data"


def _summarise(parts: Sequence[Mapping[str, float | bool | str]]) -> Achieved:
    """Return per key: of a single frame the value, of a stack the mean of numbers, "all" of truths, a common word or "varies"."""
    if len(parts) == 1:
        return dict(parts[0])
    summary: Achieved = {}
    for key in parts[0] if parts else ():
        values = [part[key] for part in parts]
        if all(isinstance(value, bool) for value in values):
            summary[key] = all(values)
        elif any(isinstance(value, str) for value in values):
            summary[key] = values[0] if len(set(values)) == 1 else "varies"
        else:
            summary[key] = statistics.fmean(float(value) for value in values)
    return summary
