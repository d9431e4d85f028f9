"""The Protocols that an extension implements, and the small frozen values that pass through them.

Built-ins and extensions use the same door: one Protocol here, one entry point in the package's metadata, one conformance
suite in `sigmaraw.testing`. Arrays are NumPy unless a docstring says otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from sigmaraw.noise import NoiseModel


# --- settings ---------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Parameter:
    """One setting of a codec family or pipeline, as a specification may give it.

    `unit` is "1" for a pure number and "" for words.
    """

    name: str
    kind: type[bool] | type[int] | type[float] | type[str]
    default: Any = None
    required: bool = False
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[Any, ...] = ()
    unit: str = ""
    help: str = ""

    def domain(self) -> str:
        """Return in words which values are allowed."""
        if self.kind is bool:
            return "true or false"
        if self.choices:
            return "one of " + ", ".join(str(choice) for choice in self.choices)
        if self.kind is str:
            return self.help or "a word"
        number = "a whole number" if self.kind is int else "a number"
        low = "" if self.minimum is None else f" from {self.minimum:g}"
        high = "" if self.maximum is None else f" up to {self.maximum:g}"
        return number + low + high

    def describe(self) -> dict[str, Any]:
        """Return what a listing shows, as JSON values."""
        return {
            "name": self.name,
            "domain": self.domain(),
            "default": self.default,
            "required": self.required,
            "unit": self.unit,
            "help": self.help,
        }


# --- codecs -----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Knob:
    """The range of a codec's setting, as a target search sees it.

    name : the parameter's name. low, high : its range, in its own unit; `tops`: another high for some dtypes of the frame.
    scale : "linear" for decibels and quality, "log" for distances and tolerated errors (of 1 + value when low is 0).
    integer : whether only whole values exist. direction : +1 when more of it means more quality, else −1.
    step : the first stride of the bracket, on the search's own axis (the scale's logarithm is natural); a tenth of it from
        a hint. resolution : stop when the bracket is narrower, on the same axis.
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


# --- pipelines --------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Measurement:
    """One named number that a pipeline predicts. `discrete` when it takes isolated values, as a count does.

    `kind` says how it depends on the pixels, as the coverage study of replica modes distinguishes it: "mean" (linear in all
    pixels), "adaptive-area" (a threshold found in the image itself), "area" (any other), "count", "intensity" (sum inside objects),
    "mean-intensity", "texture", and for a network "network-count", "network-area", "network-dice", "network-intensity",
    "network-mean-intensity" and the "network-soft-…" of them; "" is not said, and takes the largest uncertainty that was measured.
    `studied` : the study measured this very number of this very pipeline. Otherwise `kind` is a statement, and records call it one.
    """

    name: str
    unit: str
    symbol: str
    definition: str
    discrete: bool = False
    kind: str = ""
    studied: bool = False


class Pipeline(Protocol):
    """Image → named numbers. Deterministic, and each image's numbers do not depend on the rest of its batch."""

    spec: str
    measurements: tuple[Measurement, ...]

    def config(self) -> dict[str, Any]:
        """Return every setting with defaults written out and versions, enough to reproduce it (JSON values).

        `name` is always there; where a file was read, `model` (or `weights`) is its path and `model_sha256` its hash.
        """
        ...

    def __call__(self, raw: Any) -> dict[str, float]:
        """Return the measurements of one frame (y, x) or volume (z, y, x): integer array or RawFrames."""
        ...

    def batch(self, images: NDArray[np.integer]) -> dict[str, NDArray[np.float64]]:
        """Return per measurement a float64 array (image). images: (image, y, x) or (image, z, y, x)."""
        ...


@runtime_checkable
class Differentiable(Protocol):
    """A pipeline that knows how some of its measurements change with the pixels; the hook is optional."""

    def gradient(self, image: NDArray[np.integer]) -> Mapping[str, NDArray[np.floating]]:
        """Return ∂χ/∂x of the measurements that are differentiable at `image`, by name; the others are left out.

        image : (y, x) or (z, y, x), uint8 or uint16, DN. Each derivative has the image's shape, the measurement's unit per DN.
        """
        ...


# --- metrics, modes, engines, reports ---------------------------------------------------------------------------------
@runtime_checkable
class Metric(Protocol):
    """A comparison of two arrays of one shape, reference first."""

    name: str
    unit: str
    definition: str

    def __call__(self, reference: NDArray[Any], test: NDArray[Any]) -> float: ...


@dataclass(frozen=True)
class Diagnostic:
    """One check of a replica mode's premises on one image: `value` should lie in [low, high]. `text` warns when it does not.

    `kinds` : kinds of measurement (`Measurement.kind`) that a failure speaks against; empty is all.
    """

    name: str
    value: float
    low: float
    high: float
    definition: str
    text: str
    kinds: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether the value lies within its limits."""
        return self.low <= self.value <= self.high

    def warns(self, measurement: Measurement) -> bool:
        """Return whether it warns of this measurement."""
        return not self.passed and (not self.kinds or measurement.kind in self.kinds)


class Denoiser(Protocol):
    """Takes noise of unit standard deviation from an image; entry points of "sigmaraw.denoisers" (classes without arguments).

    Deterministic: the same image gives the same bytes, whatever was denoised before.
    """

    name: str

    def __call__(self, image: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the denoised image. image: (y, x) float64, variance-stabilised: noise of standard deviation 1 everywhere."""
        ...


@dataclass(frozen=True)
class Extrapolation:
    """Where a mode's replicas lie on several noise levels, and how what is found at each leads to the number wanted:

        θ = Σ_l weights_l·θ(levels_l)

    Replica i belongs to cluster c = i // cluster, whose level is levels[c mod L]. Replicas of a cluster share what they are drawn
    around; σ_raw is their spread about the cluster's own mean. Which replicas a study needs follows from n alone, so that
    replica i still does not depend on it.
    """

    levels: tuple[float, ...]
    weights: tuple[float, ...]
    cluster: int

    def replicas(self, n: int) -> int:
        """Return how many replicas n per level are in all, n rounded up to whole clusters, two at least."""
        return max(2, -(-n // self.cluster)) * self.cluster * len(self.levels)

    def arrange(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return (level, …, cluster, member) of values (…, replica), replicas 0 … `replicas(n)` − 1."""
        split = values.reshape(*values.shape[:-1], -1, len(self.levels), self.cluster)
        return split.transpose(split.ndim - 2, *range(split.ndim - 2), split.ndim - 1)


class ReplicaMode(Protocol):
    """A way to make replicas; entry points of "sigmaraw.modes". Inherit from it to get the defaults.

    `frame` is (y, x) or (z, y, x), or (repeat, …) where `needs_repeats`. Yields blocks (replica, …) in frame's dtype.
    Replica i of a group is the same bytes whatever `start`, `n` and `batch` are; `slab` asks for some planes of a volume only, the
    same bytes as those planes have in the whole, which the caller has held against the camera. `u_mode(measurement)` is the relative
    standard uncertainty of σ_raw that the construction itself causes, and its source.

    `draws_noise` : replicas come out of the noise model, any number of them, each group from a stream of its own. Where it is
    False they are the repeats themselves, which groups have to split, and no calibration error enters.
    `parameters` : settings that a specification may give (`name:key=value`), keywords of the constructor.
    `extrapolation` : replicas lie on several noise levels and the result is read off outside them; None is the common case.
    `again` : so many replicas of group 0 are in turn taken for the frame, to see whether the mode finds the same σ_raw from them.
    """

    name: str
    needs_repeats: bool
    draws_noise: bool = True
    parameters: tuple[Parameter, ...] = ()
    extrapolation: Extrapolation | None = None
    again: int = 0

    def blocks(
        self,
        frame: NDArray[np.integer],
        model: NoiseModel | None,
        *,
        n: int,
        start: int,
        group: int,
        seed: int,
        batch: int | None,
        slab: slice | None = None,
    ) -> Iterator[NDArray[np.integer]]: ...

    def u_mode(self, measurement: Measurement) -> tuple[float, str]: ...

    def spread_factor(self, frame: NDArray[np.integer]) -> float:
        """Return σ_raw/sd(f(R)): what the spread of these replicas is multiplied by, where they are known to vary too little."""
        return 1.0

    def centre(self, frame: NDArray[np.integer], model: NoiseModel) -> NDArray[np.integer] | NDArray[np.float64]:
        """Return the levels that replicas are drawn around, (y, x) or (z, y, x), DN; `frame` as in `blocks`."""
        return frame.mean(axis=0, dtype=float) if self.needs_repeats else frame

    def diagnostics(self, frame: NDArray[np.integer], model: NoiseModel) -> tuple[Diagnostic, ...]:
        """Return checks of what the construction rests on for this image; `frame` as in `blocks`."""
        return ()


Item = TypeVar("Item")
Result = TypeVar("Result")


class Engine(Protocol):
    """Maps one pure, picklable function over work items; results come in the order of the items.

    An engine whose workers take time to start may be a context manager too: a study enters it and then calls `map` several times.
    """

    name: str

    def map(self, function: Callable[[Item], Result], items: Sequence[Item]) -> Iterable[Result]: ...


class ReportFormat(Protocol):
    """Lays out a record folder; computes nothing."""

    name: str

    def render(self, folder: Path) -> Path:
        """Write the rendering of `folder`/record.json and result.nc into the folder and return its path."""
        ...
