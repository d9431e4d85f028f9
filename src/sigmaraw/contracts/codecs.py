"""Codecs: steps, families, and the chains that a study scores."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from sigmaraw.contracts.settings import Parameter

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Knob:
    """The range of a codec's setting, as a target search sees it.

    Parameters
    ----------
    name : str
        The parameter's name.
    low, high : float
        Its range, in its unit.
    scale : {"linear", "log"}
        "linear" for decibels and quality, "log" for distances and tolerated errors (of 1 + value when low is 0).
    integer : bool
        Whether only whole values exist.
    direction : {1, -1}
        +1 when more of it means more quality, else −1.
    step : float
        The first stride of the search, on its axis (the scale's logarithm is natural); a tenth of it from a hint.
    resolution : float
        Stop when the bracket is narrower, on the same axis.
    tops : dict of str to float, optional
        Another high for some dtypes of the frame.
    """

    name: str
    low: float
    high: float
    scale: Literal["linear", "log"]
    integer: bool
    direction: Literal[1, -1]
    step: float
    resolution: float
    tops: Mapping[str, float] = field(default_factory=dict)

    def position(self, value: float) -> float:
        """Return the place of `value` on the search's axis, on which quality rises."""
        if self.scale == "linear":
            return self.direction * value
        return self.direction * math.log(value + (1 if self.low == 0 else 0))

    def value(self, position: float) -> float:
        """Return the knob value at a place on the search's axis, rounded to a whole one where need be, inside the range."""
        value = self.direction * position
        if self.scale == "log":
            value = math.exp(value) - (1 if self.low == 0 else 0)
        if self.integer:
            value = float(round(value))
        return min(max(value, self.low), self.high)


@dataclass(frozen=True)
class CodecContract:
    """What a family takes and promises; everything outside raises UnsupportedArray.

    `knob` is the parameter that trades bytes for quality (None where there is none); `knob_direction` is +1 when more of
    it means more quality, −1 when more means fewer bytes. `guarantee` says in words what is promised of the error.
    `axis`, the knob's range, is all that a family declares to accept the targets (`ratio=`, `bpp=`, `psnr=`, `maxerr=`, `rz=`).
    `finer` : settings that make the knob's steps smaller, tried in turn where a target is missed by more than is promised.
    """

    dtypes: tuple[str, ...]
    lossless: bool
    knob: str | None = None
    knob_direction: Literal[1, -1] = 1
    guarantee: str = "none"
    max_error: int | None = None  # DN, where the family promises a bound
    max_side: int | None = None  # pixels along y or x, where the format has a limit
    axes: Literal["frame", "stack"] = "frame"  # "stack": (frame, y, x) is given whole, as to a video coder
    processing: bool = False  # changes pixels and codes nothing, as a denoiser does
    axis: Knob | None = None
    finer: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class Encoded:
    """A coder's code stream with what else the decoder needs. Bytes = len(payload) + len(side)."""

    payload: bytes
    side: bytes = b""
    achieved: Mapping[str, float | bool | str] = field(default_factory=dict)


@runtime_checkable
class Coder(Protocol):
    """A step that turns one frame (y, x) of uint8 or uint16, DN, into bytes and back; the same shape and dtype return."""

    name: str
    parameters: tuple[Parameter, ...]
    contract: CodecContract

    def encode(self, frame: NDArray[np.integer], hint: float | None = None) -> Encoded:
        """Return the code stream. `hint` is a knob value found on a similar frame, for a coder that searches by itself."""
        ...

    def decode(self, encoded: Encoded, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[np.integer]:
        """Return the frame. Only `encoded` may carry information from the encoder."""
        ...


@runtime_checkable
class Detailed(Protocol):
    """A step that adds to `Codec.resolved()` what its settings do not say: library versions, the camera's values."""

    def details(self) -> dict[str, Any]:
        """Return JSON values."""
        ...


@runtime_checkable
class Map(Protocol):
    """A step that maps a frame to another integer frame and back, such as a bit-depth reduction; it stores side data."""

    name: str
    parameters: tuple[Parameter, ...]
    contract: CodecContract

    def forward(self, frame: NDArray[np.integer]) -> tuple[NDArray[np.integer], bytes]:
        """Return the mapped frame and the side data that `inverse` needs."""
        ...

    def inverse(self, mapped: NDArray[np.integer], side: bytes, dtype: np.dtype[Any]) -> NDArray[np.integer]:
        """Return the frame in its first dtype."""
        ...


@dataclass(frozen=True)
class RoundTrip:
    """What a codec made of an array: the decoded array, every byte counted, and what each step achieved.

    `achieved` holds per-step settings as used and what they gave (of a stack: as a whole), for instance
    {"level": 61.3, "ratio": 10.02}. `hint` warm-starts the search on a similar image. `frame_nbytes` : of a stack coded frame by
    frame, the bytes of each; empty where it is one code stream.
    """

    decoded: NDArray[np.integer]
    nbytes: int
    achieved: Mapping[str, float | bool | str] = field(default_factory=dict)
    hint: tuple[float | None, ...] | None = None
    frame_nbytes: tuple[int, ...] = ()


class Codec(Protocol):
    """A whole chain: what `sigmaraw.codec(spec)` returns and a study scores. Stateless: same input, same bytes."""

    @property
    def spec(self) -> str:
        """The specification as typed."""
        ...

    def resolved(self) -> dict[str, Any]:
        """Return the chain with every default written out and library versions, enough to reproduce it (JSON values)."""
        ...

    def roundtrip(self, raw: NDArray[np.integer]) -> tuple[NDArray[np.integer], int]:
        """Return decode(encode(raw)) and the byte count. raw: (y, x) or (frame, y, x), uint8 or uint16, DN."""
        ...

    def apply(self, raw: NDArray[np.integer], hint: tuple[float | None, ...] | None = None) -> RoundTrip:
        """Return the round trip with what it achieved; `hint` from an earlier RoundTrip warm-starts a target search."""
        ...

    def freeze(self, raw: NDArray[np.integer]) -> Codec:
        """Return the codec to use on replicas of `raw`: itself, or with `frozen=true` one with the setting fixed on it."""
        ...


class CodecFamily(Protocol):
    """What an entry point of "sigmaraw.codecs" is: a class that `typed(step, parameters)` can fill.

    Families that need the camera declare `needs_camera = True` and take it as the keyword `noise_model`; those that only report
    something in its units declare `takes_camera = True`.
    A family may name `probes`, groups of settings (text, as in a specification) for its self-test: one, or several from coarse
    to fine; or a mapping from methods to such groups, the methods being values of its first parameter, or of `method_key`; and
    `build()`, the versions to which the result belongs. One that runs programs says `runs_programs = True`: it is refused unless
    the caller allows it.
    """

    name: str
    parameters: tuple[Parameter, ...]
    contract: CodecContract
    needs_camera: bool

    def __call__(self, **settings: Any) -> Coder | Map: ...


@runtime_checkable
class OpenFamily(Protocol):
    """A codec family whose first key names another library's codec, on which the other keys depend.

    It may also have `contract_for(first, keys)`, the contract for that key's value and the other keys as typed, where the knob depends on
    them, and then `knobs`, a mapping from such values to knobs, for lists of what is installed.
    """

    def parameters_for(self, first: str | None) -> tuple[Parameter, ...]:
        """Return all parameters, the first one included, for its value as typed (None where it is missing)."""
        ...
