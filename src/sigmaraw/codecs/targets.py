"""Targets: what a codec may be asked to achieve on every image, and the setting of its knob that does.

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
from sigmaraw.codecs.search import Knob, Warm, rank, search
from sigmaraw.contracts import CodecContract, Coder, Map, Parameter
from sigmaraw.errors import InvalidSpec, UnreachableTarget
from sigmaraw.metrics import max_error, mean_square_error, psnr_db

if TYPE_CHECKING:
    from sigmaraw.noise import NoiseModel

__all__ = [
    "LOSSLESS",
    "TARGETS",
    "TARGET_PARAMETERS",
    "FoundSetting",
    "Target",
    "TargetCoder",
    "TargetedStep",
    "promised",
    "targeted",
    "with_targets",
]

# Stop the search here: well inside what is promised below, so that re-targeting follows every replica and does not stay at the hint.
_STOP = {"ratio": 0.002, "bpp": 0.002, "rz": 0.002, "psnr": 0.02, "maxerr": 0.0}  # of `excess`: natural logarithm; dB
_GOOD = {"ratio": 0.015, "bpp": 0.015, "rz": 0.015, "psnr": 0.4, "maxerr": math.inf}  # inside that: its neighbours need not be tried
_NEAR = {"ratio": 0.01, "bpp": 0.01, "rz": 0.01, "psnr": 0.09}  # of the first trial on a replica, which is then the only one
_ENOUGH = {"ratio": 0.019, "bpp": 0.019, "rz": 0.019, "psnr": 0.48}  # of a replica, of whose image the curve is known
_MOST, _MOST_WARM = 24, 12  # trials of one search
_MET = {"ratio": 0.02, "bpp": 0.02, "rz": 0.02, "psnr": 0.5}  # what `target_met` states: relative; dB; a maxerr is kept or not
_HOPELESS = {"ratio": math.log(2.0), "bpp": math.log(2.0), "rz": math.log(2.0), "psnr": 6.0, "maxerr": 0.0}  # beyond, nothing "comes near"

BPP = Parameter("bpp", float, minimum=1e-3, maximum=64, unit="bit", help="coded bits per pixel to achieve, on every image")
MAXERR = Parameter("maxerr", int, minimum=0, maximum=65535, unit="DN", help="largest error of a pixel that is allowed, on every image")
RZ = Parameter("rz", float, minimum=1e-3, maximum=1000, unit="1", help="RMS of error over raw noise to achieve; needs a camera")
TARGETS = (RATIO, BPP, PSNR, MAXERR, RZ)
_WITH_TARGETS = (*TARGETS, RANGE, FROZEN)


def target_names(contract: CodecContract) -> tuple[str, ...]:
    """Return the targets that a family accepts; a knob of the same name, such as `maxerr`, is the knob."""
    return () if contract.axis is None else tuple(target.name for target in TARGETS if target.name != contract.axis.name)


def with_targets(contract: CodecContract, parameters: Sequence[Parameter]) -> tuple[Parameter, ...]:
    """Return a family's parameters, and behind them those of the targets that it accepts and has not placed itself."""
    if contract.axis is None:
        return tuple(parameters)
    placed = {parameter.name for parameter in parameters}
    return (*parameters, *(entry for entry in _WITH_TARGETS if entry.name not in placed))


def family_settings(contract: CodecContract, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that the family itself takes: without the targets, which are met from outside."""
    targets = set() if contract.axis is None else {entry.name for entry in _WITH_TARGETS if entry.name != contract.axis.name}
    return {key: value for key, value in values.items() if key not in targets}


@dataclass(frozen=True)
class Target:
    """What a codec is asked to achieve.

    Parameters
    ----------
    name : str
        "ratio", "bpp", "psnr", "maxerr" or "rz".
    goal : float
        In the target's unit: 1, bit, dB, DN, 1.
    peak : float, optional
        What psnr refers to, DN; the container's full scale unless given.
    noise_model : NoiseModel, optional
        The camera's noise, in whose unit rz measures the error.
    """

    name: str
    goal: float
    peak: float | None = None
    noise_model: NoiseModel | None = None

    @property
    def of_bytes(self) -> bool:
        """Whether it is judged without decoding."""
        return self.name in ("ratio", "bpp")

    def achieved(self, raw: Sequence[NDArray[np.integer]], nbytes: int, decoded: Sequence[NDArray[np.integer]] = ()) -> float:
        """Return what a trial achieved, over all its frames together, in the target's unit.

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
            return psnr_db(mean_square_error(raw, decoded), self._peak(raw[0].dtype))
        if self.name == "maxerr":
            return float(max(max_error(before, after) for before, after in zip(raw, decoded, strict=True)))
        if self.noise_model is None:
            raise InvalidSpec("rz= without a camera", "a camera, by whose noise the error is measured", "pass camera=")
        errors = (after.astype(np.int64) - before for before, after in zip(raw, decoded, strict=True))
        variance = (self.noise_model.variance(frame) for frame in raw)
        return math.sqrt(sum(float((error * error / v).sum()) for error, v in zip(errors, variance, strict=True)) / pixels)

    def _peak(self, container: np.dtype[Any]) -> float:
        """Return what psnr refers to, DN."""
        if self.peak is not None:
            return self.peak
        return float(np.iinfo(container).max)

    def excess(self, achieved: float) -> float:
        """Return the quality in excess of the goal: dB for psnr, else a natural logarithm; infinite where `achieved` is 0."""
        if self.name == "psnr":
            return achieved - self.goal
        if self.name == "bpp":
            return math.log(achieved / self.goal)
        half = 0.5 if self.name == "maxerr" else 0.0  # an error of 0 DN has no logarithm
        return math.inf if achieved + half == 0 else math.log((self.goal + half) / (achieved + half))

    def met(self, achieved: float) -> bool:
        """Return whether the goal counts as met: within 2 %, within 0.5 dB, not above the largest error."""
        if self.name == "maxerr":
            return achieved <= self.goal
        return abs(achieved - self.goal if self.name == "psnr" else achieved / self.goal - 1) <= _MET[self.name]

    def miss(self, achieved: float) -> float:
        """Return |achieved/goal − 1|, of psnr that of the RMS error, which is 10^(−psnr/20)·peak; 0 for a bound that is kept."""
        if self.name == "maxerr":
            return 0.0 if achieved <= self.goal else achieved / max(self.goal, 0.5) - 1
        return abs(10 ** ((self.goal - achieved) / 20) - 1 if self.name == "psnr" else achieved / self.goal - 1)

    def hopeless(self, excess: float) -> bool:
        """Return whether this falls so far short, in bytes or in quality, that nothing comes near."""
        return (excess if self.of_bytes else -excess) > _HOPELESS[self.name]


Made = TypeVar("Made")


@dataclass(frozen=True)
class FoundSetting(Generic[Made]):
    """The nearest setting: the targeted step, what it made of the frames, the knob's value, and what is reported of it.

    warm : where to start on a similar image.
    """

    step: TargetedStep
    made: Made
    value: float
    report: dict[str, float | bool | str]
    warm: Warm | None = None


@dataclass(frozen=True)
class TargetedStep:
    """A step whose knob is not stated but found by a search: on every image, or once where `frozen`.

    Parameters
    ----------
    family : CodecFamily
        Its class.
    contract : CodecContract
        As the settings narrow it.
    parameters : tuple of Parameter
        All that a specification may give.
    settings : mapping
        The family's settings without the knob.
    extra : mapping
        What else it is made with, such as a camera.
    target : Target
        What is asked.
    frozen : bool
        Whether the setting is found once, on the raw image.
    knob_value : float, optional
        The knob's value once it is found.
    report : mapping
        What was achieved where it was found.
    """

    family: Any
    contract: CodecContract
    parameters: tuple[Parameter, ...]
    settings: Mapping[str, Any]
    extra: Mapping[str, Any]
    target: Target
    frozen: bool = False
    knob_value: float | None = None
    report: Mapping[str, float | bool | str] = dataclasses.field(default_factory=dict)

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
        """The step itself: with the knob as found, or at the middle of the range for what it declares."""
        knob = self.knob
        return self.at(
            (knob.value((knob.position(knob.low) + knob.position(knob.high)) / 2)) if self.knob_value is None else self.knob_value
        )

    def at(self, value: float) -> Coder | Map:
        """Return the step with its knob at `value`."""
        kind = next((parameter.kind for parameter in self.parameters if parameter.name == self.knob.name), float)
        number = int(value) if self.knob.integer else value
        made: Coder | Map = self.family(**{**self.settings, self.knob.name: kind(number)}, **self.extra)
        return made

    def settings_in_use(self) -> dict[str, Any]:
        """Return the knob, None while it is sought, and what else of the settings the search may have changed."""
        value = None if self.knob_value is None else float(self.knob_value)
        return {**{key: self.settings[key] for finer in self.contract.finer for key in finer}, self.knob.name: value}

    def unsettled(self, details: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the step says of itself, with None for the knob in a library's whole configuration while it is sought."""
        name, sought = self.knob.name, self.knob_value is None
        return {
            key: {**value, name: None} if sought and isinstance(value, dict) and name in value else value for key, value in details.items()
        }

    def seek(self, trial: Callable[[Coder | Map], tuple[float, Made]], dtype: np.dtype[Any], hint: float | None) -> FoundSetting[Made]:
        """Return the setting whose trial comes nearest to the target.

        Parameters
        ----------
        trial : callable
            Puts the step in its chain and returns what the target calls achieved, and what it made.
        dtype : dtype
            Of the array that the step takes.
        hint : float or None
            Knob value found on a similar image.

        Returns
        -------
        FoundSetting
            The nearest setting.

        Raises
        ------
        UnreachableTarget
            Even the nearest falls far short.
        """
        knob = dataclasses.replace(self.knob, high=self.knob.tops.get(dtype.name, self.knob.high))
        best: FoundSetting[Made] | None = None
        evaluations = 0
        levels = ({}, *self.contract.finer)
        warm = hint if isinstance(hint, Warm) else None
        start: float | None = hint
        for level in range(warm.finer if warm else 0, len(levels)):
            finer = levels[level]
            ready = dataclasses.replace(self, settings={**self.settings, **finer})

            def excess_of(value: float, ready: TargetedStep = ready, finer: Mapping[str, Any] = finer) -> float:
                nonlocal best
                achieved, made = trial(ready.at(value))
                if best is None or self._rank(achieved, value) < self._rank(float(best.report[self.target.name]), best.value):
                    best = FoundSetting(ready, made, value, {knob.name: value, **finer, self.target.name: achieved})
                return self.target.excess(achieved)

            found = search(
                excess_of,
                knob,
                tolerance=_STOP[self.target.name],
                hint=start,
                bound=self.target.name == "maxerr",
                good=_GOOD[self.target.name],
                near=_NEAR.get(self.target.name, 0.0),
                enough=_ENOUGH.get(self.target.name, math.inf),
                evaluations=_MOST if warm is None else _MOST_WARM,
            )
            evaluations += found.evaluations
            if best is not None and best.value == found.value and best.step.settings == ready.settings:
                slope = warm.slope if found.slope is None and warm else found.slope
                met = self.target.met(self._achieved(best))
                best = dataclasses.replace(best, warm=Warm(best.value, slope, met, level, found.meets))
            if self._settled(best) or (warm is not None and not warm.met):
                break
            start = best.value if best else hint
            if warm is not None and best is not None:
                start = Warm(best.value, warm.slope, warm.met, level + 1)
        if warm is None and best is not None and best.warm is not None and found.coarse and level + 1 < len(levels):
            best = dataclasses.replace(best, warm=self._finer_start(trial, knob, best.warm, level + 1))
        return self._reported(best, evaluations)

    def _finer_start(self, trial: Callable[[Coder | Map], tuple[float, Made]], knob: Knob, warm: Warm, level: int) -> Warm:
        """Return where to start on a similar image where the target was met by chance, on a scale too coarse for it: one level finer."""
        ready = dataclasses.replace(self, settings={**self.settings, **self.contract.finer[level - 1]})
        enough = _ENOUGH.get(self.target.name, math.inf)
        found = search(
            lambda value: self.target.excess(trial(ready.at(value))[0]),
            knob,
            tolerance=_STOP[self.target.name],
            hint=Warm(float(warm), warm.slope),
            good=_GOOD[self.target.name],
            enough=enough,
            evaluations=_MOST_WARM,
        )
        return Warm(found.value, found.slope or warm.slope, abs(found.excess) <= enough, level, found.meets)

    def _achieved(self, best: FoundSetting[Made]) -> float:
        return float(best.report[self.target.name])

    def _rank(self, achieved: float, value: float) -> tuple[bool, float, float]:
        return rank(self.target.excess(achieved), self.knob.position(value), bound=self.target.name == "maxerr")

    def _settled(self, best: FoundSetting[Made] | None) -> bool:
        """Whether no finer setting can help: the target is met, or far away."""
        achieved = self._achieved(best) if best else math.nan
        return self.target.met(achieved) or abs(self.target.excess(achieved)) > _HOPELESS[self.target.name]

    def _reported(self, best: FoundSetting[Made] | None, evaluations: int) -> FoundSetting[Made]:
        target = self.target
        achieved = self._achieved(best) if best else math.nan
        if best is None or target.hopeless(target.excess(achieved)):
            raise UnreachableTarget(
                f"{self.name} comes no nearer than {target.name}={achieved:.3g} on this image",
                f"{target.name}={target.goal:g}",
                "ask for less, use a larger image or another codec",
            )
        return dataclasses.replace(best, report={**best.report, "evaluations": float(evaluations), "target_met": target.met(achieved)})


def axis_of(name: str, contract: CodecContract) -> Knob:
    """Return the knob's range. Raises InvalidSpec for a family without one."""
    if contract.axis is None:
        raise InvalidSpec(f"'{name}' with a target", "a family with a setting that a target can choose", "choose another family")
    return contract.axis


def targeted(
    family: Any,
    contract: CodecContract,
    parameters: Sequence[Parameter],
    values: Mapping[str, Any],
    given: set[str],
    extra: Mapping[str, Any],
    noise_model: NoiseModel | None,
) -> TargetedStep | None:
    """Return the step whose knob a target sets; None where the specification names no target.

    Parameters
    ----------
    family : CodecFamily
        With a knob.
    contract : CodecContract
        Its contract for the settings as typed.
    parameters : sequence of Parameter
        All that it takes.
    values : mapping
        Every setting, defaults written out.
    given : set of str
        The keys that were typed.
    extra : mapping
        What else the family is made with.
    noise_model : NoiseModel or None
        The camera's noise, which rz needs.

    Returns
    -------
    TargetedStep or None
        The step, its knob left to the target.

    Raises
    ------
    InvalidSpec
        Two targets, a target beside the knob or lossless=true, frozen= or range= without their target, rz= without camera.
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
    if asked == ["rz"] and noise_model is None:
        raise InvalidSpec(f"'{name}' with rz= and no camera", "a camera, by whose noise the error is measured", "pass camera=")
    target = Target(asked[0], float(values[asked[0]]), values.get("range"), noise_model)
    settings = {key: value for key, value in family_settings(contract, values).items() if key != knob.name}
    step = TargetedStep(family, contract, tuple(parameters), settings, extra, target, bool(values.get("frozen")))
    narrowed = step.step.contract  # settings may narrow the knob's range, or the dtypes
    bound = int(target.goal) if target.name == "maxerr" and not step.frozen else None
    words = contract.guarantee if bound is None else f"max |error| <= {bound} DN"
    # A step may write its contract anew and leave the knob's range, which its class has declared, out.
    declared = dataclasses.replace(narrowed, axis=narrowed.axis or contract.axis, finer=narrowed.finer or contract.finer)
    return dataclasses.replace(step, contract=dataclasses.replace(declared, lossless=False, max_error=bound, guarantee=words))
