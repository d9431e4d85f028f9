"""Does the series support its answer? Named checks that pass, fail or stay unknown, each with its evidence.

A check that compares with noise fails only when chance gives its statistic in fewer than one series in a thousand *and* the effect
is of a size that matters (`limit`). Its false-alarm rate and power are measured: docs/explanation/checks.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.camera.checks import frames
from sigmaraw.camera.fitting.curves import ModelFit
from sigmaraw.camera.fitting.dark import HIDDEN_BELOW_DN2
from sigmaraw.camera.fitting.transfer import GainFit, TransferData
from sigmaraw.camera.measuring.evidence import CODES_NEEDED, LevelEvidence
from sigmaraw.camera.measuring.moments import LevelMoments

_SHUFFLED, _SHUFFLED_SIGNAL = 5.0, 0.003  # standard errors of a difference, or the lamp's limit, that a frame is away from its level
CHANCE = 1e-3  # of a false alarm, per check and series, whatever parts the sensor has


class CheckName(StrEnum):
    """What is checked; the words are those of profile, table and datasheet."""

    LAMP_DRIFT = "lamp-drift"
    DARK_DRIFT = "dark-drift"
    CORRELATED_PIXELS = "correlated-pixels"
    ROW_NOISE = "row-noise"
    COLUMN_NOISE = "column-noise"
    MISSING_CODES = "missing-codes"
    BLACK_CLIPPING = "black-clipping"
    WHITE_CLIPPING = "white-clipping"
    HIDDEN_QUANTISATION = "hidden-quantisation"
    TOO_FEW_LEVELS = "too-few-levels"
    TOO_FEW_PAIRS = "too-few-pairs"
    NONLINEAR_EXPOSURE = "nonlinear-exposure"
    DUPLICATED_FRAMES = "duplicated-frames"
    SHUFFLED_FRAMES = "shuffled-frames"
    DARK_FLAT_MIXUP = "dark-flat-mixup"
    IMAGE_LAG = "image-lag"
    FLAT_LINES = "line-noise-in-flats"
    EXPOSURE_ORIGIN = "exposure-origin"
    TRANSFER_CURVE = "transfer-curve"
    TIME_OUTLIERS = "outliers-in-time"
    UNLIT_PIXELS = "unlit-pixels"


class Outcome(StrEnum):
    """How a check ended."""

    PASS = "pass"
    FAIL = "fail"
    UNKNOWN = "unknown"  # the series holds too little to tell


# Where an effect starts to matter. Units as in `Check.unit`.
LIMITS: dict[CheckName, tuple[float, str]] = {
    CheckName.LAMP_DRIFT: (0.3, "%"),  # of the signal, rms over the repeats of a level
    CheckName.DARK_DRIFT: (0.05, "1"),  # of the dark noise, rms over frames
    CheckName.CORRELATED_PIXELS: (0.02, "1"),  # correlation of neighbours
    CheckName.ROW_NOISE: (0.05, "1"),  # of the dark noise
    CheckName.COLUMN_NOISE: (0.05, "1"),
    CheckName.MISSING_CODES: (0.0, "1"),  # codes
    CheckName.BLACK_CLIPPING: (0.1, "%"),  # of the dark values at the lowest code
    CheckName.WHITE_CLIPPING: (0.1, "%"),  # of a fitted level's values at the highest code
    CheckName.HIDDEN_QUANTISATION: (HIDDEN_BELOW_DN2, "DN2"),
    CheckName.TOO_FEW_LEVELS: (5.0, "1"),  # levels in the fit
    CheckName.TOO_FEW_PAIRS: (2.0, "%"),  # relative standard error of the gain
    CheckName.NONLINEAR_EXPOSURE: (0.5, "%"),  # mean absolute deviation from the line
    CheckName.DUPLICATED_FRAMES: (0.0, "1"),  # copies
    CheckName.SHUFFLED_FRAMES: (0.0, "1"),  # frames
    CheckName.DARK_FLAT_MIXUP: (0.0, "1"),  # frames or levels
    CheckName.IMAGE_LAG: (0.01, "1"),  # correlation of successive frames: K is wrong by as much
    CheckName.FLAT_LINES: (0.07, "1"),  # of a pixel's noise: K is half a percent too large
    CheckName.EXPOSURE_ORIGIN: (0.5, "1"),  # of the dark noise
    CheckName.TRANSFER_CURVE: (1.0, "%"),  # of the variance, rms over levels
    CheckName.TIME_OUTLIERS: (5.0, "%"),  # of a level's variance
    CheckName.UNLIT_PIXELS: (0.1, "%"),  # of the pixels
}


@dataclass(frozen=True)
class Check:
    """One check: `value` stands against `limit` in `unit`; None where the outcome is unknown. `evidence` is one sentence."""

    name: CheckName
    outcome: Outcome
    evidence: str
    value: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the check as JSON values."""
        limit, unit = LIMITS[self.name]
        value = None if self.value is None else float(self.value)
        return {
            "name": str(self.name), "outcome": str(self.outcome), "evidence": self.evidence, "value": value, "limit": limit, "unit": unit,
        }  # fmt: skip


@dataclass(frozen=True)
class Findings:
    """All that the checks look at. `dark` and `flat` hold the evidence of each level, in the order of `data`'s levels.

    light : relative light of each flat, None where not known. upper_dn : saturation above dark. full_scale : DN.
    chance : of a false alarm, per check: of a sensor in parts each part has its share, since the worst part speaks for all (Bonferroni).
    """

    data: TransferData
    fit: GainFit
    dark: tuple[LevelEvidence, ...]
    flat: tuple[LevelEvidence, ...]
    light: NDArray[np.float64] | None
    upper_dn: float
    full_scale: int
    chance: float = CHANCE
    curve: ModelFit | None = None  # the chosen transfer curve
    plain_faults: Mapping[str, float] = field(default_factory=dict)  # BIC of faults that look like a break
    dead: int = 0  # pixels that do not respond
    dead_lines: tuple[int, int] = (0, 0)  # rows and columns of them
    dead_floor: float = 0.0  # %, of the dark values: defective pixels that stand at the lowest code

    @property
    def curve_name(self) -> str:
        """What the chosen transfer curve is called."""
        return "" if self.curve is None else str(self.curve.model)

    def used(self) -> list[int]:
        """Indices of the flat levels in the gain fit."""
        return [int(index) for index in np.flatnonzero(self.fit.used)]

    @cached_property
    def shuffled(self) -> tuple[NDArray[np.bool_], ...]:
        """Frames of each flat level that lie at another level's mean: far from all of their own, and four times nearer to a stranger."""
        means = [level.frame_means for level in self.data.flats]
        found = []
        for index, own in enumerate(means):
            strangers = np.concatenate([other for place, other in enumerate(means) if place != index] or [np.empty(0)])
            apart = np.abs(own[:, None] - own[None, :]) + np.where(np.eye(len(own), dtype=bool), np.inf, 0.0)
            nearest = apart.min(axis=1)
            away = np.abs(own[:, None] - strangers[None, :]).min(axis=1, initial=np.inf)
            noise = _SHUFFLED * max(math.sqrt(2.0 * self.flat[index].mean_noise), _SHUFFLED_SIGNAL * abs(self.data.x[index]))
            found.append((nearest > noise) & (away < nearest / 4.0))
        return tuple(found)


def run_checks(findings: Findings) -> tuple[Check, ...]:
    """Return every check in the order of `CheckName`. With maps in place of darks, checks of dark frames stay unknown."""
    return tuple(_CHECKS[name](findings) for name in CheckName)


def _against(name: CheckName, value: float, evidence: str, *, seen: bool = True) -> Check:
    """Fail where the effect is beyond its limit and more than chance (`seen`), else pass."""
    return Check(name, Outcome.FAIL if seen and value > LIMITS[name][0] else Outcome.PASS, evidence, value)


def _unknown(name: CheckName, why: str) -> Check:
    return Check(name, Outcome.UNKNOWN, why)


def _tail(chi2: float, dof: float) -> float:
    from scipy.special import gammaincc

    return float(gammaincc(0.5 * dof, 0.5 * chi2))


# --- stability --------------------------------------------------------------------------------------------------------
def _excess(level: LevelMoments, evidence: LevelEvidence) -> tuple[float, float, float, int]:
    """Return (excess variance of frame means, variance that noise gives them, χ², degrees of freedom), DN²."""
    means = level.frame_means[evidence.keep]
    noise = evidence.mean_noise
    scatter = float(means.var(ddof=1))
    dof = len(means) - 1
    return scatter - noise, noise, dof * scatter / noise if noise > 0 else 0.0, dof


def _lamp(findings: Findings) -> tuple[float, float, int]:
    """Return the relative variance of the light between repeats, pooled over levels, with χ² and its degrees of freedom."""
    x, total, weight, chi2, dof = findings.data.x, 0.0, 0.0, 0.0, 0
    for index in (index for index in findings.used() if not findings.shuffled[index].any()):
        excess, noise, level_chi2, level_dof = _excess(findings.data.flats[index], findings.flat[index])
        if noise > 0:
            share = level_dof * x[index] ** 4 / noise**2
            total, weight = total + share * excess / x[index] ** 2, weight + share
            chi2, dof = chi2 + level_chi2, dof + level_dof
    return (total / weight if weight else 0.0), chi2, dof


def _lamp_drift(findings: Findings) -> Check:
    name = CheckName.LAMP_DRIFT
    relative, chi2, dof = _lamp(findings)
    if dof < 2:
        return _unknown(name, "too few repeats of too few levels")
    percent, chance = 100.0 * math.sqrt(max(relative, 0.0)), _tail(chi2, dof)
    return _against(
        name,
        percent,
        f"means of repeats scatter by {percent:.3g} % of the signal beyond noise (chance {chance:.2g})",
        seen=chance < findings.chance,
    )


def _dark_drift(findings: Findings) -> Check:
    name = CheckName.DARK_DRIFT
    worst, chances = 0.0, []
    for level, evidence in zip(findings.data.darks, findings.dark, strict=False):
        excess, _, chi2, dof = _excess(level, evidence)
        if dof >= 3:
            chances.append(_tail(chi2, dof))
            worst = max(worst, math.sqrt(max(excess, 0.0) / level.variance) if level.variance > 0 else 0.0)
    if not chances:
        return _unknown(name, "no dark level has four frames")
    chance = min(1.0, min(chances) * len(chances))
    text = f"frame means of a dark level scatter by {worst:.3g} of the dark noise (chance {chance:.2g})"
    return _against(name, worst, text, seen=chance < findings.chance)


# --- noise that is not white ------------------------------------------------------------------------------------------
def _correlated(findings: Findings) -> Check:
    name = CheckName.CORRELATED_PIXELS
    levels = [*findings.dark, *(findings.flat[index] for index in findings.used())]
    usable = [level for level in levels if level.lag_count and level.lag_variance > 0]
    count = sum(level.lag_count for level in usable)
    if count < 100:
        return _unknown(name, "too few pixels")
    found = [
        sum(level.lag_count * value / level.lag_variance for level, value in zip(usable, lags, strict=True)) / count
        for lags in ([level.lag_x for level in usable], [level.lag_y for level in usable])
    ]
    worst = max(abs(value) for value in found)
    chance = min(1.0, 2.0 * math.erfc(worst * math.sqrt(count) / math.sqrt(2.0)))  # two directions
    text = f"temporal noise of neighbours correlates by {found[0]:.3g} in rows, {found[1]:.3g} in columns (chance {chance:.2g})"
    return _against(name, worst, text, seen=chance < findings.chance)


def _line_check(name: CheckName, part: str) -> Callable[[Findings], Check]:
    def check(findings: Findings) -> Check:
        share, chi2, dof, levels = 0.0, 0.0, 0.0, 0
        for evidence in findings.dark:
            lines, per_line = evidence.line_counts[part == "column"]
            if lines < 3 or per_line < 2 or evidence.lag_variance <= 0:
                continue
            # lag_variance is the pixels' own, line means taken off; neighbours that correlate spread their line's mean further.
            along = evidence.lag_x if part == "row" else evidence.lag_y
            own = max(evidence.lag_variance + 2.0 * along * (per_line - 1) / per_line, 0.1 * evidence.lag_variance)
            expected = own / per_line * (lines - 1) / lines
            # Less certain than its own lines say: `own` has an error too, 2/count of the variance and 4/count of the covariance.
            freedom = 2.0 / (2.0 / ((lines - 1) * (evidence.frames - 1)) + 6.0 / evidence.lag_count)
            ratio = getattr(evidence.lines, part) / expected
            chi2, dof = chi2 + freedom * ratio, dof + freedom
            share = max(share, math.sqrt(max(ratio - 1.0, 0.0) / per_line))
            levels += 1
        if not levels:
            return _unknown(name, "no dark frames of enough rows and columns")
        chance = _tail(chi2, dof)
        text = f"{part}s share temporal noise of {share:.3g} of a pixel's dark noise (chance {chance:.2g})"
        return _against(name, share, text, seen=chance < findings.chance)

    return check


# --- codes ------------------------------------------------------------------------------------------------------------
def _missing_codes(findings: Findings) -> Check:
    levels = (*findings.dark, *findings.flat)
    missing, tested = sum(level.missing for level in levels), sum(level.tested for level in levels)
    if tested < 10:
        return _unknown(CheckName.MISSING_CODES, "too few values per code to tell an empty one from chance")
    return _against(CheckName.MISSING_CODES, float(missing), f"{missing} of {tested} codes inside the levels' histograms never occur")


def _black_clipping(findings: Findings) -> Check:
    name = CheckName.BLACK_CLIPPING
    if not findings.dark:
        return _unknown(name, "no dark frames")
    shares = [
        100.0 * (max(evidence.piled, level.bottom_fraction if level.minimum == 0 else 0.0))
        for level, evidence in zip(findings.data.darks, findings.dark, strict=False)
    ]
    lowest = min(level.minimum for level in findings.data.darks)
    shares = [max(share - findings.dead_floor, 0.0) for share in shares]
    return _against(name, max(shares), f"{max(shares):.3g} % of the dark values pile up at the lowest code ({lowest} DN)")


def _white_clipping(findings: Findings) -> Check:
    top = max(level.maximum for level in findings.data.flats)
    used = [findings.data.flats[index] for index in findings.used()]
    share = 100.0 * max(level.top_fraction if level.maximum == top else 0.0 for level in used)
    # Of an unsaturated series the brightest level's highest value is not a stop, nor are two of a few hundred values that tie there.
    stop = top == findings.full_scale or any(
        level.maximum == top and level.top_fraction > max(0.001, CODES_NEEDED / (level.n_pixels * level.n_frames))
        for level in findings.data.flats
    )
    text = f"{share if stop else 0.0:.3g} % of the values of a fitted level stand at the highest code ({top} DN)"
    return _against(CheckName.WHITE_CLIPPING, share if stop else 0.0, text)


def _hidden(findings: Findings) -> Check:
    name, variance = CheckName.HIDDEN_QUANTISATION, findings.data.darks[0].variance
    text = f"dark variance is {variance:.3g} DN2; below {HIDDEN_BELOW_DN2} DN2 rounding hides the noise"
    return Check(name, Outcome.FAIL if variance < HIDDEN_BELOW_DN2 else Outcome.PASS, text, variance)


# --- enough and in order ----------------------------------------------------------------------------------------------
def _levels(findings: Findings) -> Check:
    name, count = CheckName.TOO_FEW_LEVELS, len(findings.used())
    text = f"{count} flat levels in the gain fit, from {min(findings.data.x[findings.used()]):.4g} DN above dark"
    return Check(name, Outcome.FAIL if count < LIMITS[name][0] else Outcome.PASS, text, float(count))


def _pairs(findings: Findings) -> Check:
    gain = findings.fit.weighted
    percent = 100.0 * gain.se / gain.value
    pairs = sum(findings.data.flats[index].n_pairs for index in findings.used())
    return _against(CheckName.TOO_FEW_PAIRS, percent, f"the gain's standard error is {percent:.2g} % from {pairs} pairs of frames")


def _nonlinear(findings: Findings) -> Check:
    """Deviation from the weighted straight line over 5–95 % of saturation, against noise and the lamp's own scatter."""
    name, x, light = CheckName.NONLINEAR_EXPOSURE, findings.data.x, findings.light
    if light is None:
        return _unknown(name, "exposures or irradiances are not known")
    inside = (x >= 0.05 * findings.upper_dn) & (x <= 0.95 * findings.upper_dn)
    inside &= ~np.array([frames.any() for frames in findings.shuffled])
    if len(np.unique(light[inside])) < 4:
        return _unknown(name, "fewer than four different exposures between 5 and 95 % of saturation")
    y, h = x[inside], light[inside]
    lamp = max(_lamp(findings)[0], 0.0)
    flats = [level for level, kept in zip(findings.data.flats, inside, strict=True) if kept]
    noise = np.array([e.mean_noise / level.n_frames for e, level in zip(np.array(findings.flat, dtype=object)[inside], flats, strict=True)])
    error = np.sqrt(noise + np.array([lamp / level.n_frames for level in flats]) * y**2)
    design = np.stack([np.ones_like(h), h], axis=1)
    relative, *_ = np.linalg.lstsq(design / y[:, None], np.ones_like(y), rcond=None)
    weighted, *_ = np.linalg.lstsq(design / error[:, None], y / error, rcond=None)
    percent = 100.0 * float(np.abs(y / (design @ relative) - 1.0).mean())
    chance = _tail(float((((y - design @ weighted) / error) ** 2).sum()), len(y) - 2)
    text = f"levels lie {percent:.3g} % off a straight line on average (chance {chance:.2g})"
    return _against(name, percent, text, seen=chance < findings.chance)


def _duplicated(findings: Findings) -> Check:
    hashes = [value for level in (*findings.dark, *findings.flat) for value in level.hashes]
    copies = len(hashes) - len(set(hashes))
    return _against(CheckName.DUPLICATED_FRAMES, float(copies), f"{copies} of {len(hashes)} frames are copies of others")


def _shuffled_frames(findings: Findings) -> Check:
    name = CheckName.SHUFFLED_FRAMES
    if len(findings.data.flats) < 2:
        return _unknown(name, "one flat level only")
    count = sum(int(np.count_nonzero(frames)) for frames in findings.shuffled)
    levels = sum(bool(frames.any()) for frames in findings.shuffled)
    return _against(name, float(count), f"{count} flat frames in {levels} levels lie at another level's mean")


def _mixup(findings: Findings) -> Check:
    """Frames far off their level's median; flat levels that are as dark as the dark although light is stated."""
    foreign = sum(level.foreign for level in findings.dark) + sum(
        int(np.count_nonzero(~level.keep & ~shuffled)) for level, shuffled in zip(findings.flat, findings.shuffled, strict=True)
    )
    unlit, x, light = 0, findings.data.x, findings.light
    if light is not None and light[findings.fit.used].max() > 0:
        slope = float(np.median(x[findings.fit.used & (light > 0)] / light[findings.fit.used & (light > 0)]))
        for index, level in enumerate(findings.data.flats):
            error = math.sqrt(level.mean_var + findings.data.darks[findings.data.dark_index[index]].mean_var)
            unlit += slope * light[index] > 20.0 * error and x[index] < 0.1 * slope * light[index]
    text = f"{foreign} frames are far off the median of their level, {unlit} flat levels are dark although light is stated"
    return _against(CheckName.DARK_FLAT_MIXUP, float(foreign + unlit), text)


def _measured(name: CheckName, found: frames.Measure | str, chance: float) -> Check:
    return _unknown(name, found) if isinstance(found, str) else _against(name, found.value, found.text, seen=found.chance < chance)


_CHECKS: Mapping[CheckName, Callable[[Findings], Check]] = {
    CheckName.LAMP_DRIFT: _lamp_drift,
    CheckName.DARK_DRIFT: _dark_drift,
    CheckName.CORRELATED_PIXELS: _correlated,
    CheckName.ROW_NOISE: _line_check(CheckName.ROW_NOISE, "row"),
    CheckName.COLUMN_NOISE: _line_check(CheckName.COLUMN_NOISE, "column"),
    CheckName.MISSING_CODES: _missing_codes,
    CheckName.BLACK_CLIPPING: _black_clipping,
    CheckName.WHITE_CLIPPING: _white_clipping,
    CheckName.HIDDEN_QUANTISATION: _hidden,
    CheckName.TOO_FEW_LEVELS: _levels,
    CheckName.TOO_FEW_PAIRS: _pairs,
    CheckName.NONLINEAR_EXPOSURE: _nonlinear,
    CheckName.DUPLICATED_FRAMES: _duplicated,
    CheckName.SHUFFLED_FRAMES: _shuffled_frames,
    CheckName.DARK_FLAT_MIXUP: _mixup,
    CheckName.IMAGE_LAG: lambda found: _measured(CheckName.IMAGE_LAG, frames.lag(found), found.chance),
    CheckName.FLAT_LINES: lambda found: _measured(CheckName.FLAT_LINES, frames.flat_lines(found), found.chance),
    CheckName.EXPOSURE_ORIGIN: lambda found: _measured(CheckName.EXPOSURE_ORIGIN, frames.exposure_origin(found, _lamp(found)[0]), found.chance),
    CheckName.TRANSFER_CURVE: lambda found: _measured(CheckName.TRANSFER_CURVE, frames.transfer_curve(found), found.chance),
    CheckName.TIME_OUTLIERS: lambda found: _measured(CheckName.TIME_OUTLIERS, frames.time_outliers(found), found.chance),
    CheckName.UNLIT_PIXELS: lambda found: _measured(CheckName.UNLIT_PIXELS, frames.unlit(found), found.chance),
}
