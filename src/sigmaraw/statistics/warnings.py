"""Warnings of a row, each with its measured false-alarm rate."""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from sigmaraw.record.words import CodedWarning
from sigmaraw.statistics.equality import TestResult
from sigmaraw.statistics.spread import Floats, peak_ratio, power_of_two

# False alarms measured where the answer is right (tests/statistics/test_warnings.py):
# Under .5 % for normal predictions and 4 % for Poisson(.1), the frame a fresh acquisition. At 3 the coverage study's right cells warn
# half as often again, and no more of its wrong ones (decisions/0003).
CENTRE_LIMIT = 4.0
NULL_P = 0.01  # .7 %, N = 60
ONE_PEAK = (0.8, 1.35)  # under .6 % from 100 predictions on, normal or Poisson(.5 … 10)
# .1 % for normal differences, 1.3 % for Student's t with 3 dof, less for rare events (the range is for these). In the coverage
# study it finds 101 of 270 wrong ε̂ of around-raw and 2 of 19 of bootstrap; false alarms 1 of 779 (bootstrap), 0 of 797 (16 repeats).
SHIFT_P = 0.001
FRAME_SHIFT = "frame-shift"
FEWEST_FOR_PEAK = 100
FEWEST_EVENTS = 5  # 2.9 % for Poisson(.1) at 5 × 20, where the intervals still cover


def group_warning(ks_null: TestResult | None) -> tuple[CodedWarning, ...]:
    """Return the warning that raw group 0 and the codec's raw group (`ks_null`) are no draws of one distribution, if so.

    References
    ----------
    formula 2.8; the rate is measured in tests/statistics/test_warnings.py.
    """
    if ks_null is None or not ks_null.p < NULL_P:
        return ()
    text = f"two groups of raw replicas differ (KS p = {ks_null.p:.2g}): they should be draws of one distribution"
    return (CodedWarning(text, "groups-differ"),)


def raw_warnings(raw: Floats, discrete: bool) -> tuple[CodedWarning, ...]:
    """Return the warnings on raw predictions by themselves: few events, and more than one peak.

    Parameters
    ----------
    raw : Floats
        Raw predictions (group, replica), float64.
    discrete : bool
        Whether predictions take isolated values, as counts do.

    References
    ----------
    formula 1; rates are measured in tests/statistics/test_warnings.py.
    """
    found: list[CodedWarning] = []
    events = _events(raw)
    if discrete and 0 < events < FEWEST_EVENTS:
        text = f"only {events} of {raw.size} raw predictions differ from the most frequent value: σ_raw rests on few events"
        found.append(CodedWarning(text, "few-events"))
    return (*found, *peak_warning(raw))


def peak_warning(raw: Floats) -> tuple[CodedWarning, ...]:
    """Return the warning that raw predictions (group, replica) have two peaks, or a few values far from one; from 100 predictions on."""
    if raw.size < FEWEST_FOR_PEAK or _events(raw) < FEWEST_FOR_PEAK // 5:
        return ()
    low, high = ONE_PEAK
    ratio = peak_ratio(raw)
    if low <= ratio <= high:
        return ()
    how = "two answers" if ratio < low else "its usual answer and one far off"
    text = (
        f"raw predictions are not one peak (their standard deviation is {ratio:.2f} times what their quartiles imply): the "
        f"measurement switches between {how}, and σ_raw from a single frame can be far from that of fresh frames"
    )
    return (CodedWarning(text, "not-one-peak"),)


def centre_warning(shift: float, u_shift: float = 0.0) -> tuple[CodedWarning, ...]:
    """Return the warning that f(x) is no likely draw of the replicas' predictions, if so.

    Parameters
    ----------
    shift : float
        (centre − f(x))/σ_raw, in σ_raw.
    u_shift : float, default 0.0
        Standard uncertainty of the centre, in σ_raw; that of the frame is 1.
    """
    if not abs(shift) > CENTRE_LIMIT * math.hypot(1.0, u_shift):  # NaN is no finding
        return ()
    text = f"the prediction on the raw frame lies {abs(shift):.1f} σ_raw from its mean over replicas: they may not represent the frame"
    return (CodedWarning(text, "centre"),)


def shift_warning(on_frame: float, difference: Floats) -> tuple[CodedWarning, ...]:
    """Return the warning that the shift d = f(C(x)) − f(x) of the frame itself is no likely draw of the replicas' D, if so.

    ::

        |d − D̄|/(s_D √(1 + 1/N)) > t_{N−1} at p = .001, and d outside the range of all D

    Parameters
    ----------
    on_frame : float
        Shift d of the frame, the measurement's unit.
    difference : Floats
        Differences D of the replicas, (replica,), float64, the same unit.

    References
    ----------
    formula 2.1.
    """
    if not shift_p(on_frame, difference) < SHIFT_P:
        return ()
    distance = _distance(on_frame, difference)
    text = (
        f"the codec's shift of the prediction on the raw frame lies {abs(distance):.1f} standard deviations from its shifts on replicas: "
        "ε̂ may not hold for this frame"
    )
    return (CodedWarning(text, FRAME_SHIFT, bears=True),)


def shift_p(on_frame: float, difference: Floats) -> float:
    """Return how rarely D would be as far out as the frame's own shift: two-sided p; 1 within the range of D, or where all D agree.

    Parameters
    ----------
    on_frame : float
        Shift d of the frame, the measurement's unit.
    difference : Floats
        Differences D of the replicas, (replica,), float64, the same unit.

    References
    ----------
    formula 2.1.
    """
    distance = _distance(on_frame, difference)
    if math.isnan(distance) or difference.min() <= on_frame <= difference.max():
        return 1.0
    return 2.0 * float(special.stdtr(difference.size - 1, -abs(distance)))


def _distance(on_frame: float, difference: Floats) -> float:
    """Return (d − D̄)/(s_D √(1 + 1/N)); NaN where D do not vary, or are not all finite."""
    if not (math.isfinite(on_frame) and np.isfinite(difference).all()):
        return math.nan
    scale = power_of_two(difference, np.array([on_frame]))  # squares of very large numbers overflow
    on_frame, difference = on_frame / scale, difference / scale
    spread = float(difference.std(ddof=1)) * math.sqrt(1 + 1 / difference.size)
    return (on_frame - float(difference.mean())) / spread if spread > 0.0 else math.nan


def _events(raw: Floats) -> int:
    """Return how many raw predictions differ from the most frequent value."""
    if not math.isfinite(float(raw.sum())):
        return 0
    return int(raw.size - np.unique(raw, return_counts=True)[1].max())
