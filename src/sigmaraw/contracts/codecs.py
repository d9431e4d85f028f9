"""Codecs: what a family declares, what a coder or a map does, and the chain that a study scores."""

from __future__ import annotations

import abc
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, TypeAlias, runtime_checkable

from sigmaraw.contracts.settings import Parameter

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Achieved: TypeAlias = Mapping[str, float | bool | str]
"""What a coder reports of one encoding: settings as used, and what they gave."""

Probes: TypeAlias = "tuple[tuple[str, ...], ...] | Mapping[str, tuple[tuple[str, ...], ...]]"
"""Settings that a self-test tries: groups of one setting, or of several from coarse to fine; or such groups by method."""

_LARGEST_LOG = 700.0  # exp() of more overflows


@dataclass(frozen=True)
class Knob:
    """The range of a codec's setting, as a target search sees it.

    Parameters
    ----------
    name : str
        The parameter's name.
    low, high : float
        The range, in the parameter's unit.
    scale : {"linear", "log"}
        "linear" for decibels and quality; "log" for distances and tolerated errors (of 1 + value where `low` is 0).
    integer : bool
        Whether only whole values exist.
    direction : {1, -1}
        +1 when more of it means more quality, else −1.
    step : float
        The first stride of the search, on its axis (natural logarithm for "log"); from a hint it is a tenth.
    resolution : float
        The search stops when its bracket is narrower than this, on the same axis.
    tops : mapping of str to float, optional
        Another `high` for some dtypes of the frame, for instance ``{"uint8": 127}``.

    Examples
    --------
    >>> knob = Knob("quality", 1, 100, scale="linear", integer=True, direction=1, step=5, resolution=0.5)
    >>> knob.value(knob.position(80.2))
    80.0
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
        """Return the knob's value at a place on the search's axis, rounded where only whole values exist, inside the range."""
        value = self.direction * position
        if self.scale == "log":
            value = math.exp(min(value, _LARGEST_LOG)) - (1 if self.low == 0 else 0)
        if self.integer:
            value = float(round(value))
        return min(max(value, self.low), self.high)


@dataclass(frozen=True)
class CodecContract:
    """What a codec family takes and promises. Anything else raises UnsupportedArray.

    Parameters
    ----------
    dtypes : tuple of str
        The pixel types that it takes: "uint8", "uint16" or both.
    lossless : bool
        Whether every pixel comes back exactly.
    knob : str, optional
        The parameter that trades bytes for quality.
    knob_direction : {1, -1}
        +1 when more of the knob means more quality, −1 when more means fewer bytes.
    guarantee : str
        What is promised of the error, in words.
    max_error : int, optional
        The largest error of a pixel that is promised, DN.
    max_side : int, optional
        The format's limit along y and x, pixels.
    axes : {"frame", "stack"}
        "stack" where (frame, y, x) is given whole, as to a video coder.
    processing : bool
        Whether it changes pixels and codes nothing, as a denoiser does.
    regrades : bool
        Whether it maps grey levels to others on purpose, as a change of brightness does; the order of levels stays.
    axis : Knob, optional
        The knob's range. A family that declares it takes every target (``ratio=``, ``bpp=``, ``psnr=``, ``maxerr=``, ``rz=``).
    finer : tuple of mappings
        Settings that make the knob's steps smaller, tried in turn where a target is missed.
    """

    dtypes: tuple[str, ...]
    lossless: bool
    knob: str | None = None
    knob_direction: Literal[1, -1] = 1
    guarantee: str = "none"
    max_error: int | None = None
    max_side: int | None = None
    axes: Literal["frame", "stack"] = "frame"
    processing: bool = False
    regrades: bool = False
    axis: Knob | None = None
    finer: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class Encoded:
    """One frame as a coder stores it. Its size is ``len(payload) + len(side)`` bytes.

    Parameters
    ----------
    payload : bytes
        The code stream.
    side : bytes
        What else the decoder needs.
    achieved : mapping
        What the encoder reports, for instance the setting in use. The decoder never sees it.
    """

    payload: bytes
    side: bytes = b""
    achieved: Achieved = field(default_factory=dict)


class CodecStep(abc.ABC):
    """What a coder and a map have in common: everything that a codec family may declare, with its default.

    An entry point of "sigmaraw.codecs" names a subclass of `Coder` or of `Map`. `name`, `contract` and the methods of `Coder`
    or `Map` are required; every other attribute has a default.

    Attributes
    ----------
    name : str
        The family's name, the same as the entry point's.
    contract : CodecContract
        What the family takes and promises. An instance may set a narrower one, according to its settings.
    parameters : tuple of Parameter
        The settings that a specification may give; a bare word sets the first one.
    needs_camera : bool
        Whether it cannot work without a camera; it then takes the keyword `noise_model`.
    takes_camera : bool
        Whether it takes the keyword `noise_model`, which may be None.
    runs_programs : bool
        Whether it starts a program; it is refused unless the caller allows it.
    may_be_exact : bool
        Whether some of its settings are lossless; only for listings.
    libraries : tuple of str
        Libraries of imagecodecs that it calls, for their versions.
    probes : tuple, mapping or None
        Settings for the self-test at the first use: groups of one setting, or of several from coarse to fine; or such groups by
        method. None tries ``lossless=true`` where there is such a parameter, else the defaults.
    method_key : str, optional
        The parameter whose values are the methods of `probes`; the first parameter unless given.
    knobs : mapping of str to Knob
        The knobs that values of the first parameter have, where the knob depends on it; only for listings.

    Parameters
    ----------
    **settings
        One value for each of `parameters`, with its type and default already applied; and `noise_model` where declared.
    """

    name: str
    contract: CodecContract
    parameters: tuple[Parameter, ...] = ()
    needs_camera: bool = False
    takes_camera: bool = False
    runs_programs: bool = False
    may_be_exact: bool = False
    libraries: ClassVar[tuple[str, ...]] = ()
    probes: ClassVar[Probes | None] = None
    method_key: ClassVar[str | None] = None
    knobs: ClassVar[Mapping[str, Knob]] = MappingProxyType({})

    def __init__(self, **settings: Any) -> None:
        self.settings = settings

    @classmethod
    def parameters_for(cls, first: str | None) -> tuple[Parameter, ...]:
        """Return all parameters where the first one, as typed, has the value `first`; they may depend on it."""
        return cls.parameters

    @classmethod
    def contract_for(cls, first: str | None, keys: Mapping[str, Any] = MappingProxyType({})) -> CodecContract:
        """Return the contract where the first parameter has the value `first` and the others are `keys`, all as typed."""
        return cls.contract

    @staticmethod
    def build() -> Mapping[str, str]:
        """Return the library versions that a self-test's result belongs to; where empty, imagecodecs' and those of `libraries`."""
        return {}

    def details(self) -> dict[str, Any]:
        """Return what the record needs beside the settings, such as library versions (JSON values)."""
        return {}


class Coder(CodecStep):
    """A step that turns one frame into bytes and back, in the same shape and dtype.

    A frame is (y, x) uint8 or uint16, DN; (frame, y, x) where the contract's `axes` are "stack".

    Parameters
    ----------
    **settings
        Values of the family's parameters, by name.

    Examples
    --------
    >>> import zlib
    >>> import numpy as np
    >>> class Deflate(Coder):
    ...     name = "deflate"
    ...     contract = CodecContract(("uint8", "uint16"), lossless=True)
    ...     def encode(self, frame):
    ...         return Encoded(zlib.compress(frame.tobytes()))
    ...     def decode(self, encoded, shape, dtype):
    ...         return np.frombuffer(zlib.decompress(encoded.payload), dtype).reshape(shape).copy()
    >>> coder, frame = Deflate(), np.zeros((4, 4), np.uint16)
    >>> coder.decode(coder.encode(frame), frame.shape, frame.dtype).max()
    np.uint16(0)
    """

    @abc.abstractmethod
    def encode(self, frame: NDArray[np.integer]) -> Encoded:
        """Return the frame as it is stored; the same frame gives the same bytes."""

    @abc.abstractmethod
    def decode(self, encoded: Encoded, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[np.integer]:
        """Return the frame from its code stream and side data alone.

        Raises
        ------
        CodecFailed
            The code stream is broken.
        """

    @property
    def stated_bits(self) -> int | None:
        """Bit depth that the specification states, beyond which `encode` refuses pixels; None where it states none."""
        bits: int | None = getattr(self, "settings", {}).get("bits")
        return bits

    def distort(self, frame: NDArray[np.integer]) -> NDArray[np.integer] | None:
        """Return ``decode(encode(frame))``, bit for bit, without coding; None where nothing shorter than coding gives it.

        Unless a family says otherwise, a lossless coder gives the frame itself, and any other None. A quantiser whose codes are coded
        exactly quantises and restores. A study codes every image and a share of its replicas in full all the same, and a difference
        ends it.

        Parameters
        ----------
        frame : ndarray
            As for `encode`; not to be changed.

        Returns
        -------
        ndarray or None
            In the frame's shape and dtype, DN.

        Raises
        ------
        UnsupportedArray
            Where `encode` raises it, but for `stated_bits`, which the chain asks for.
        """
        return frame if self.contract.lossless else None


class Map(CodecStep):
    """A step that turns a frame into another integer frame and back, such as a reduction to 8 bit.

    The same axes as `Coder`. A map stores only side data; the coder behind it stores the mapped frame.

    Parameters
    ----------
    **settings
        Values of the family's parameters, by name.
    """

    @abc.abstractmethod
    def forward(self, frame: NDArray[np.integer]) -> tuple[NDArray[np.integer], bytes]:
        """Return the mapped frame, uint8 or uint16, and the side data that `inverse` needs."""

    @abc.abstractmethod
    def inverse(self, mapped: NDArray[np.integer], side: bytes, dtype: np.dtype[Any]) -> NDArray[np.integer]:
        """Return the frame in its first dtype."""


CodecFamily: TypeAlias = "type[Coder] | type[Map]"
"""What an entry point of "sigmaraw.codecs" names."""


@dataclass(frozen=True)
class RoundTrip:
    """What a codec made of an array.

    Parameters
    ----------
    decoded : ndarray
        In the raw array's shape and dtype, DN.
    nbytes : int
        Every byte that the decoder needs.
    achieved : mapping
        Settings as used and what they gave, for instance ``{"level": 61.3, "ratio": 10.02}``; of a stack as a whole.
    hint : tuple, optional
        Starts the search on a similar image.
    frame_nbytes : tuple of int
        Bytes of each frame of a stack that is coded frame by frame; empty where it is one code stream.
    """

    decoded: NDArray[np.integer]
    nbytes: int
    achieved: Achieved = field(default_factory=dict)
    hint: tuple[float | None, ...] | None = None
    frame_nbytes: tuple[int, ...] = ()


@runtime_checkable
class Codec(Protocol):
    """A whole chain: what `sigmaraw.codec` returns and a study scores. Stateless: the same input gives the same bytes."""

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
        """Return the round trip with what it achieved; `hint` of an earlier RoundTrip starts a target search."""
        ...

    def freeze(self, raw: NDArray[np.integer]) -> Codec:
        """Return the codec to use on replicas of `raw`: itself, or with ``frozen=true`` one with the setting found on it."""
        ...


@runtime_checkable
class Distorting(Protocol):
    """A `Codec` that may know what it decodes to without coding."""

    def distort(self, raw: NDArray[np.integer]) -> NDArray[np.integer] | None:
        """Return the decoded array of `Codec.apply`, bit for bit, without coding; None where coding is needed for it."""
        ...
