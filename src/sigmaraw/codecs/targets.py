"""Targets: what a codec may be asked to reach on every image, and the setting of its knob that reaches it.

A family that declares its knob's range (`CodecContract.axis`) accepts every target; nothing else is asked of it.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from sigmaraw.codecs.knobs import FROZEN, LOSSLESS, PSNR, RANGE, RATIO, TARGET_PARAMETERS, TargetCoder, promised
from sigmaraw.codecs.search import Knob, rank, search
from sigmaraw.contracts import CodecContract, Coder, Map, Parameter
from sigmaraw.errors import InvalidSpec, UnreachableTarget

if TYPE_CHECKING:
    from sigmaraw.noise import NoiseModel

__all__ = ["LOSSLESS", "TARGETS", "TARGET_PARAMETERS", "Aimed", "Reached", "Target", "TargetCoder", "aim", "promised", "with_targets"]

# Stop the search here: well inside what is promised below, so that re-targeting follows every replica and does not stay at the hint.
_STOP = {"ratio": 0.002, "bpp": 0.002, "rz": 0.002, "psnr": 0.02, "maxerr": 0.0}  # of `excess`: natural logarithm; dB
_GOOD = {"ratio": 0.015, "bpp": 0.015, "rz": 0.015, "psnr": 0.4, "maxerr": math.inf}  # inside that: its neighbours need not be tried
_MET = {"ratio": 0.02, "bpp": 0.02, "rz": 0.02, "psnr": 0.5}  # what `target_met` states: relative; dB; a maxerr is kept or not
_HOPELESS = {"ratio": math.log(2.0), "bpp": math.log(2.0), "rz": math.log(2.0), "psnr": 6.0, "maxerr": 0.0}  # beyond, nothing "comes near"

BPP = Parameter("bpp", float, minimum=1e-3, maximum=64, unit="bit", help="coded bits per pixel to aim at, on every image")
MAXERR = Parameter("maxerr", int, minimum=0, maximum=65535, unit="DN", help="largest error of a pixel that is allowed, on every image")
RZ = Parameter("rz", float, minimum=1e-3, maximum=1000, unit="1", help="RMS of error over raw noise to aim at; needs a camera")
TARGETS = (RATIO, BPP, PSNR, MAXERR, RZ)
_WITH_TARGETS = (*TARGETS, RANGE, FROZEN)


def target_names(contract: CodecContract) -> tuple[str, ...]:
    """Return the targets that a family accepts; a knob of the same name, such as `maxerr`, is the knob."""
    return () if contract.axis is None else tuple(target.name for target in TARGETS if target.name != contract.axis.name)


def with_targets(contract: CodecContract, parameters: Sequence[Parameter]) -> tuple[Parameter, ...]:
    """Return a family's parameters, and behind them those of the targets that it accepts and has not placed itself."""
    if contract.axis is None:
        return tuple(parameters)
    own = {parameter.name for parameter in parameters}
    return (*parameters, *(entry for entry in _WITH_TARGETS if entry.name not in own))


def own_values(contract: CodecContract, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that the family itself takes: without the targets, which are met from outside."""
    targets = set() if contract.axis is None else {entry.name for entry in _WITH_TARGETS if entry.name != contract.axis.name}
    return {key: value for key, value in values.items() if key not in targets}


def mean_square_error(first: Sequence[NDArray[np.integer]], second: Sequence[NDArray[np.integer]]) -> float:
    """Return the mean square difference over all pixels of paired frames, DN², in float64."""
    total = sum(float(np.square(a.astype(np.float64) - b).sum()) for a, b in zip(first, second, strict=True))
    return total / sum(frame.size for frame in first)


def psnr_db(mean_square: float, peak: float) -> float:
    """Return 10·log₁₀(peak² / mean square error), dB; infinite where the error is 0."""
    return math.inf if mean_square == 0 else 10 * math.log10(peak * peak / mean_square)


@dataclass(frozen=True)
class Target:
    """What is asked: `name` of a target, its `goal`, `peak` that psnr refers to (None: the container's), the camera's noise for rz."""

    name: str
    goal: float
    peak: float | None = None
    model: NoiseModel | None = None

    @property
    def of_bytes(self) -> bool:
        """Whether it is judged without decoding."""
        return self.name in ("ratio", "bpp")

    def reached(self, raw: Sequence[NDArray[np.integer]], nbytes: int, decoded: Sequence[NDArray[np.integer]] = ()) -> float:
        """Return what a trial gave, over all its frames together, in the target's unit.

            ratio = container bytes / coded bytes;  bpp = 8·coded bytes / pixels;  maxerr = max|error|, DN
            psnr = 10·log₁₀(peak²/mean error²), dB;  rz = √mean(error²/V(raw))

        raw, decoded : frames, DN. nbytes : of their code streams and side data.
        """
        pixels = sum(frame.size for frame in raw)
        if self.name == "ratio":
            return sum(frame.nbytes for frame in raw) / nbytes
        if self.name == "bpp":
            return 8 * nbytes / pixels
        if self.name == "psnr":
            return psnr_db(mean_square_error(raw, decoded), float(self.peak or np.iinfo(raw[0].dtype).max))
        errors = [after.astype(np.int64) - before for before, after in zip(raw, decoded, strict=True)]
        if self.name == "maxerr":
            return float(max(int(np.abs(error).max()) for error in errors))
        if self.model is None:
            raise InvalidSpec("rz= without a camera", "a camera, by whose noise the error is measured", "pass camera=")
        variance = [self.model.variance(frame) for frame in raw]
        return math.sqrt(sum(float((error * error / v).sum()) for error, v in zip(errors, variance, strict=True)) / pixels)

    def excess(self, reached: float) -> float:
        """Return the quality in excess of the goal: dB for psnr, else a natural logarithm; infinite where `reached` is 0."""
        if self.name == "psnr":
            return reached - self.goal
        if self.name == "bpp":
            return math.log(reached / self.goal)
        half = 0.5 if self.name == "maxerr" else 0.0  # an error of 0 DN has no logarithm
        return math.inf if reached + half == 0 else math.log((self.goal + half) / (reached + half))

    def met(self, reached: float) -> bool:
        """Return whether the goal counts as met: within 2 %, within 0.5 dB, not above the largest error."""
        if self.name == "maxerr":
            return reached <= self.goal
        return abs(reached - self.goal if self.name == "psnr" else reached / self.goal - 1) <= _MET[self.name]

    def hopeless(self, excess: float) -> bool:
        """Return whether this falls so far short, in bytes or in quality, that nothing comes near."""
        return (excess if self.of_bytes else -excess) > _HOPELESS[self.name]


Made = TypeVar("Made")


@dataclass(frozen=True)
class Reached(Generic[Made]):
    """The nearest setting: the step with its knob set, what it made of the frames, and what is reported of it."""

    step: Aimed
    made: Made
    value: float
    report: dict[str, float | bool | str]


@dataclass(frozen=True)
class Aimed:
    """A step whose knob is not stated but sought: on every image again, or once where `frozen`.

    family : its class. settings : the family's own, without the knob. extra : what else it is made with, such as a camera.
    fixed : the knob's value once it is known.
    """

    family: Any
    contract: CodecContract
    parameters: tuple[Parameter, ...]
    settings: Mapping[str, Any]
    extra: Mapping[str, Any]
    target: Target
    frozen: bool = False
    fixed: float | None = None

    @property
    def name(self) -> str:
        """The family's name."""
        return str(self.family.name)

    @property
    def knob(self) -> Knob:
        """The knob's range."""
        return axis_of(self.name, self.contract)

    @property
    def step(self) -> Coder | Map:
        """The step itself: with its knob fixed, or at the middle of the range for what it declares."""
        knob = self.knob
        return self.at((knob.value((knob.position(knob.low) + knob.position(knob.high)) / 2)) if self.fixed is None else self.fixed)

    def at(self, value: float) -> Coder | Map:
        """Return the step with its knob at `value`."""
        kind = next((parameter.kind for parameter in self.parameters if parameter.name == self.knob.name), float)
        number = int(value) if self.knob.integer else value
        made: Coder | Map = self.family(**{**self.settings, self.knob.name: kind(number)}, **self.extra)
        return made

    def settings_in_use(self) -> dict[str, Any]:
        """Return the knob, None while it is sought, and what else of the settings the search may have changed."""
        value = None if self.fixed is None else float(self.fixed)
        return {**{key: self.settings[key] for finer in self.contract.finer for key in finer}, self.knob.name: value}

    def unsettled(self, details: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the step says of itself, with None for the knob in a library's whole configuration while it is sought."""
        name, sought = self.knob.name, self.fixed is None
        return {
            key: {**value, name: None} if sought and isinstance(value, dict) and name in value else value for key, value in details.items()
        }

    def seek(self, trial: Callable[[Coder | Map], tuple[float, Made]], dtype: np.dtype[Any], hint: float | None) -> Reached[Made]:
        """Return the setting whose trial comes nearest to the target.

        Parameters
        ----------
        trial : puts the step in its chain and returns what the target calls reached, and what it made.
        dtype : of the array that the step takes. hint : knob value found on a similar image.

        Raises
        ------
        UnreachableTarget : even the nearest falls far short.
        """
        knob = dataclasses.replace(self.knob, high=self.knob.tops.get(dtype.name, self.knob.high))
        best: Reached[Made] | None = None
        evaluations = 0
        for finer in ({}, *self.contract.finer):
            ready = dataclasses.replace(self, settings={**self.settings, **finer})

            def excess_of(value: float, ready: Aimed = ready, finer: Mapping[str, Any] = finer) -> float:
                nonlocal best
                reached, made = trial(ready.at(value))
                if best is None or self._rank(reached, value) < self._rank(float(best.report[self.target.name]), best.value):
                    best = Reached(ready, made, value, {knob.name: value, **finer, self.target.name: reached})
                return self.target.excess(reached)

            found = search(
                excess_of,
                knob,
                tolerance=_STOP[self.target.name],
                hint=best.value if best else hint,
                bound=self.target.name == "maxerr",
                good=_GOOD[self.target.name],
            )
            evaluations += found.evaluations
            if self._settled(best):
                break
        return self._reported(best, evaluations)

    def _rank(self, reached: float, value: float) -> tuple[bool, float, float]:
        return rank(self.target.excess(reached), self.knob.position(value), bound=self.target.name == "maxerr")

    def _settled(self, best: Reached[Made] | None) -> bool:
        """Whether no finer setting can help: the target is met, or far away."""
        reached = float(best.report[self.target.name]) if best else math.nan
        return self.target.met(reached) or abs(self.target.excess(reached)) > _HOPELESS[self.target.name]

    def _reported(self, best: Reached[Made] | None, evaluations: int) -> Reached[Made]:
        target = self.target
        reached = float(best.report[target.name]) if best else math.nan
        if best is None or target.hopeless(target.excess(reached)):
            raise UnreachableTarget(
                f"{self.name} comes no nearer than {target.name}={reached:.3g} on this image",
                f"{target.name}={target.goal:g}",
                "ask for less, use a larger image or another codec",
            )
        return dataclasses.replace(best, report={**best.report, "evaluations": float(evaluations), "target_met": target.met(reached)})


def axis_of(name: str, contract: CodecContract) -> Knob:
    """Return the knob's range. Raises InvalidSpec for a family without one."""
    if contract.axis is None:
        raise InvalidSpec(f"'{name}' with a target", "a family with a knob", "choose another family")
    return contract.axis


def aim(
    family: Any,
    contract: CodecContract,
    parameters: Sequence[Parameter],
    values: Mapping[str, Any],
    given: set[str],
    extra: Mapping[str, Any],
    model: NoiseModel | None,
) -> Aimed | None:
    """Return the step that a specification aims at a target; None where it names none.

    Parameters
    ----------
    family, contract : with a knob. parameters : all that it takes. values : every setting, defaults written out.
    given : the keys that were typed.
    extra : what else the family is made with. model : the camera's noise, which rz needs.

    Raises
    ------
    InvalidSpec : two targets, a target beside the knob or lossless=true, frozen= or range= without their target, rz= without camera.
    """
    knob, name = axis_of(family.name, contract), family.name
    names = target_names(contract)
    asked = [target for target in names if target in given]
    chosen = [*([knob.name] if knob.name in given else []), *asked, *(["lossless=true"] if values.get("lossless") else [])]
    if len(chosen) > 1:
        ways = ", ".join([knob.name, *names, *(["lossless=true"] if "lossless" in values else [])])
        raise InvalidSpec(f"'{name}' with {' and '.join(chosen)}", f"one of {ways}", "remove the others")
    if values.get("frozen") and not asked:
        raise InvalidSpec(f"'{name}' with frozen=true and no target", f"frozen=true beside one of {', '.join(names)}", "remove frozen=true")
    if values.get("range") is not None and asked != ["psnr"]:
        raise InvalidSpec(f"'{name}' with range= but no psnr=", "range= beside psnr=", "remove range=")
    if not asked:
        return None
    if asked == ["rz"] and model is None:
        raise InvalidSpec(f"'{name}' with rz= and no camera", "a camera, by whose noise the error is measured", "pass camera=")
    target = Target(asked[0], float(values[asked[0]]), values.get("range"), model)
    own = {key: value for key, value in own_values(contract, values).items() if key != knob.name}
    aimed = Aimed(family, contract, tuple(parameters), own, extra, target, bool(values.get("frozen")))
    narrowed = aimed.step.contract  # settings may narrow the knob's range, or the dtypes
    bound = int(target.goal) if target.name == "maxerr" and not aimed.frozen else None
    words = contract.guarantee if bound is None else f"max |error| <= {bound} DN"
    # A step may write its contract anew and leave the knob's range, which its class has declared, out.
    declared = dataclasses.replace(narrowed, axis=narrowed.axis or contract.axis, finer=narrowed.finer or contract.finer)
    return dataclasses.replace(aimed, contract=dataclasses.replace(declared, lossless=False, max_error=bound, guarantee=words))
