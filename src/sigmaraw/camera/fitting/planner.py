"""What a calibration series will be worth before it is taken: the standard error of each quantity for so many levels, pairs and pixels.

The levels that an ideal camera would give, mean K·n + o and variance V = K²(n + σ_d²) + 1/12 with Var(σ̂²) = 2V²/(P(N − 1)), go through
the same fits as measured ones; patterns and maps follow in closed form (formula 3). Nothing is drawn at random. Errors are those
*given* a straight transfer curve, equal pixels and a steady lamp: a real series does no better.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sigmaraw.camera.fitting import derived
from sigmaraw.camera.fitting.dark import QUANTISATION_DN2, dark_result
from sigmaraw.camera.fitting.sensor import LinearSensor
from sigmaraw.camera.fitting.transfer import TransferData, fit_gain, saturation_level
from sigmaraw.camera.measuring.moments import LevelMoments, quantisation_var
from sigmaraw.camera.values import Estimate
from sigmaraw.errors import InvalidOption

_MOST = 1 << 30


@dataclass(frozen=True)
class SeriesPlan(LinearSensor):
    """A camera as one expects it, and the series to be taken of it; it is a `LinearSensor` of at least 2 × 2 px.

    Parameters
    ----------
    saturation_dn : float or None
        Offset included, DN; None is full scale.
    levels : int
        Number of flat levels, evenly from `lowest` to `highest`.
    pairs : int
        Pairs of frames of each flat level.
    dark_frames : int
        Frames of each dark level.
    dark_exposures_ms : tuple of float
        One dark level each, ms; the flats use the first.
    stack : int
        Frames of the level nearest half saturation; 0 for its pairs alone.
    lowest : float
        Of saturation.
    highest : float
        Of saturation.
    """

    saturation_dn: float | None = None
    levels: int = 20
    pairs: int = 1
    dark_frames: int = 16
    dark_exposures_ms: tuple[float, ...] = (10.0,)
    stack: int = 16
    lowest: float = 0.03
    highest: float = 1.10

    def __post_init__(self) -> None:
        super().__post_init__()
        pixels, top = math.prod(self.shape), self.full_scale
        for name, value, good, domain in (
            ("shape", self.shape, min(self.shape) >= 2 and pixels <= _MOST, "two sides of 2 px or more"),
            ("saturation", self.saturation_dn, self.offset_dn < self._saturation <= top, "DN above the offset, within the bit depth"),
            ("PRNU", self.prnu_percent, self.prnu_percent < 100, "% below 100"),
            ("levels", self.levels, 2 <= self.levels <= 10000, "2 or more"),
            ("pairs", self.pairs, 1 <= self.pairs <= 100000, "1 or more"),
            ("dark frames", self.dark_frames, 2 <= self.dark_frames <= 100000, "2 or more"),
            ("stack", self.stack, self.stack == 0 or 2 <= self.stack <= 100000, "0, or 2 or more"),
            ("dark exposures", self.dark_exposures_ms, _ascending(self.dark_exposures_ms), "times in ms from 0, each once, shortest first"),
            ("range", (self.lowest, self.highest), 0 < self.lowest < self.highest < 10, "two parts of saturation"),
        ):
            if not good:
                raise InvalidOption(f"{name} {value}", domain, f"correct the {name}")

    @property
    def _saturation(self) -> float:
        return float(self.full_scale) if self.saturation_dn is None else self.saturation_dn

    @property
    def frames(self) -> int:
        """Frames to take in all."""
        extra = max(self.stack - 2 * self.pairs, 0)
        return self.levels * 2 * self.pairs + extra + len(self.dark_exposures_ms) * self.dark_frames


@dataclass(frozen=True)
class Forecast:
    """What a planned series will determine.

    Parameters
    ----------
    estimates : dict of str to Estimate
        Each scalar with its standard error, by name.
    pixel : dict of str to float
        Standard errors of maps, by name.
    levels_used : int
        Flat levels in the gain fit.
    """

    estimates: dict[str, Estimate]
    pixel: dict[str, float]
    levels_used: int


def forecast(plan: SeriesPlan) -> Forecast:
    """Return what the series will determine, each with its standard error.

    Parameters
    ----------
    plan : SeriesPlan
        The camera as expected and the series to be taken.

    Raises
    ------
    TooFewFrames
        If less than two levels lie below 70 % of saturation.
    """
    flats, darks, stacked = _ideal_levels(plan)
    data = TransferData(tuple(flats), tuple(darks), np.zeros(len(flats), dtype=np.intp))
    saturation, _ = saturation_level(data.flats)
    offset = Estimate(darks[0].mean, math.sqrt(darks[0].mean_var))
    fit = fit_gain(data, plan._saturation - offset.value)
    dark = dark_result(data, list(plan.dark_exposures_ms), fit)
    full = derived.capacity(saturation, offset, fit.weighted)
    threshold = derived.sensitivity_threshold(darks[0].variance, darks[0].variance_var, fit.weighted)
    estimates = {
        "gain": fit.weighted,
        "gain_unweighted": fit.unweighted,
        "offset": offset,
        "dark_variance": Estimate(darks[0].variance, math.sqrt(darks[0].variance_var)),
        "dark_noise": dark.dark_noise,
        "read_noise": dark.read_noise,
        "dark_current": dark.dark_current,
        "dark_current_from_variance": dark.dark_current_from_variance,
        "saturation": saturation,
        "saturation_capacity": full,
        "snr_max": derived.snr_max(full),
        "dynamic_range": derived.dynamic_range(full, threshold),
        "sensitivity_threshold": threshold,
        **_patterns(plan, fit.weighted, darks[0], stacked),
    }
    return Forecast(estimates, _single_pixels(plan, data, fit.used), int(np.count_nonzero(fit.used)))


def _ascending(values: Sequence[float]) -> bool:
    return len(values) > 0 and all(0 <= v < math.inf for v in values) and all(a < b for a, b in itertools.pairwise(values))


def _ideal_levels(plan: SeriesPlan) -> tuple[list[LevelMoments], list[LevelMoments], LevelMoments]:
    """Flat levels, dark levels, and the flat level that the stack is of."""
    seconds = np.array(plan.dark_exposures_ms) / 1e3
    full = (plan._saturation - plan.offset_dn) / plan.gain
    darks = [_level(plan, 0.0, float(second), plan.dark_frames) for second in seconds]
    light = np.linspace(plan.lowest, plan.highest, plan.levels) * full
    middle = int(np.argmin(np.abs(light - 0.5 * full)))
    flats = [
        _level(plan, float(electrons), float(seconds[0]), max(2 * plan.pairs, plan.stack if index == middle else 0))
        for index, electrons in enumerate(light)
    ]
    return flats, darks, flats[middle]


def _level(plan: SeriesPlan, electrons: float, seconds: float, frames: int) -> LevelMoments:
    charge = electrons + plan.dark_current_e_per_s * seconds
    mean = plan.offset_dn + plan.gain * charge
    variance = plan.gain**2 * (charge + plan.read_noise_e**2) + QUANTISATION_DN2
    pixels = math.prod(plan.shape)
    if mean >= plan._saturation:  # all pixels stand at the stop
        mean, variance = plan._saturation, 0.0
    error = 2.0 * variance**2 / ((pixels - 1.0) * (frames // 2)) + float(quantisation_var(variance) if variance else 0.0)
    return LevelMoments(
        mean=mean, variance=variance, variance_var=error, excess=0.0, n_frames=frames, n_pairs=frames // 2, n_pixels=pixels,
        frame_means=np.full(frames, mean), minimum=int(mean), maximum=int(mean), top_fraction=0.0, bottom_fraction=0.0,
    )  # fmt: skip


def _spatial_error(pattern: float, noise: float, frames: int, pixels: int) -> float:
    """SE of a pattern's variance s², DN², under temporal variance v of single frames: √([4s²·v/L + 2(v/L)²·L/(L−1)]/MN)."""
    share = noise / frames
    return math.sqrt((4.0 * pattern * share + 2.0 * share**2 * frames / (frames - 1)) / pixels)


def _patterns(plan: SeriesPlan, gain: Estimate, dark: LevelMoments, flat: LevelMoments) -> dict[str, Estimate]:
    """DSNU from the dark stack, PRNU from the flat stack less the dark's pattern; a root's error is that of its square over 2√s²."""
    pixels = math.prod(plan.shape)
    signal = flat.mean - dark.mean
    shade, response = (plan.dsnu_e * plan.gain) ** 2, (plan.prnu_percent / 100.0 * signal) ** 2
    dark_se = _spatial_error(shade, dark.variance, dark.n_frames, pixels)
    cross = 4.0 * shade * response / pixels  # chance correlation of the two patterns
    flat_se = math.sqrt(_spatial_error(shade + response, flat.variance, flat.n_frames, pixels) ** 2 + dark_se**2 + cross)

    def root(square: float, se: float, scale: float, relative: float) -> Estimate:
        value = math.sqrt(square)
        error = se / (2.0 * value) if square > se else math.sqrt(se)
        return Estimate(value * scale, math.hypot(error * scale, value * scale * relative))

    return {
        "dsnu": root(shade, dark_se, 1.0 / plan.gain, gain.se / gain.value),
        "prnu": root(response, flat_se, 100.0 / signal, 0.0),
    }


def _single_pixels(plan: SeriesPlan, data: TransferData, used: NDArray[np.bool_]) -> dict[str, float]:
    """Errors of the offset, dark variance and gain of one pixel, before it is drawn to the mean."""
    dark = data.darks[0]
    variance = np.array([level.variance for level in data.flats])[used]
    frames = np.array([level.n_frames for level in data.flats])[used]
    x = data.x[used]
    weight = (frames - 1) / (2.0 * variance**2)
    total = float((weight * x * x).sum())
    shared = float((weight * x).sum()) ** 2 * 2.0 * dark.variance**2 / (dark.n_frames - 1)
    return {
        "offset": math.sqrt(dark.variance / dark.n_frames),
        "read_noise": 0.5 * math.sqrt(2.0 / (dark.n_frames - 1)) * dark.variance / max(dark.variance - QUANTISATION_DN2, 1e-12),
        "gain": math.sqrt(total + shared) / total / plan.gain,
    }
