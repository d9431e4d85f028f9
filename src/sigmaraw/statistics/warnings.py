"""Warnings that are rare where the answer is right: each states its measured false-alarm rate."""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from sigmaraw.statistics.equality import TestResult
from sigmaraw.statistics.spread import Floats, peak_ratio

# False alarms measured where the answer is right (tests/statistics/test_warnings.py):
# Under .5 % for normal predictions and 4 % for Poisson(.1), the frame a fresh acquisition. At 3 the coverage study's right cells warn
# half as often again, and no more of its wrong ones (decisions/0003).
CENTRE_LIMIT = 4.0
NULL_P = 0.01  # .7 %, N = 60
ONE_PEAK = (0.8, 1.35)  # under .6 % from 100 predictions on, normal or Poisson(.5 … 10)
# .1 % for normal differences, 1.3 % for Student's t with 3 dof, less for rare events (the range is for these). In the coverage
# study it finds 101 of 270 wrong ε̂ of around-raw and 2 of 19 of bootstrap; false alarms 1 of 779 (bootstrap), 0 of 797 (16 repeats).
SHIFT_P = 0.001
FEWEST_FOR_PEAK = 100
FEWEST_EVENTS = 5  # 2.9 % for Poisson(.1) at 5 × 20, where the intervals still cover


def checks(raw: Floats, discrete: bool, centre_shift: float, ks_null: TestResult | None) -> tuple[str, ...]:
    """Return the warnings on raw predictions.

    Parameters
    ----------
    raw : (group, replica), float64. centre_shift : σ_raw. ks_null : raw group 0 against the codec's raw group.

    Reference: SCIENCE 1, 2.8; rates are measured in tests/statistics/test_warnings.py.
    """
    found = list(centre_warning(centre_shift))
    if ks_null is not None and ks_null.p < NULL_P:
        found.append(f"two groups of raw replicas differ (KS p = {ks_null.p:.2g}): they should be draws of one distribution")
    events = _events(raw)
    if discrete and 0 < events < FEWEST_EVENTS:
        found.append(f"only {events} of {raw.size} raw predictions differ from the most frequent value: σ_raw rests on few events")
    return (*found, *peak_warning(raw))


def peak_warning(raw: Floats) -> tuple[str, ...]:
    """Return the warning that raw predictions (group, replica) are two peaks, or one with a few far off; from 100 predictions on."""
    if raw.size < FEWEST_FOR_PEAK or _events(raw) < FEWEST_FOR_PEAK // 5:
        return ()
    low, high = ONE_PEAK
    ratio = peak_ratio(raw)
    if low <= ratio <= high:
        return ()
    how = "two answers" if ratio < low else "its usual answer and one far off"
    return (
        f"raw predictions are not one peak (their standard deviation is {ratio:.2f} times what their quartiles imply): the "
        f"measurement switches between {how}, and σ_raw from a single frame can be far from that of fresh frames",
    )


def centre_warning(shift: float, u_shift: float = 0.0) -> tuple[str, ...]:
    """Return the warning that f(x) is no likely draw of the replicas' predictions, if so.

    Parameters
    ----------
    shift : (centre − f(x))/σ_raw. u_shift : standard uncertainty of the centre, σ_raw; the frame's own is 1.
    """
    if not abs(shift) > CENTRE_LIMIT * math.hypot(1.0, u_shift):  # NaN is no finding
        return ()
    return (f"the prediction on the raw frame lies {abs(shift):.1f} σ_raw from its mean over replicas: they may not represent the frame",)


def shift_warning(on_frame: float, difference: Floats) -> tuple[str, ...]:
    """Return the warning that the frame's own shift d = f(C(x)) − f(x) is no likely draw of the replicas' D, if so:

        |d − D̄|/(s_D √(1 + 1/N)) > t_{N−1} at p = .001, and d outside the range of all D

    Parameters
    ----------
    on_frame : d, float64, the measurement's unit. difference : (replica,), D, float64, the same unit.

    Reference: SCIENCE 2.1.
    """
    n = difference.size
    spread = float(difference.std(ddof=1)) * math.sqrt(1 + 1 / n)
    if not spread > 0.0 or difference.min() <= on_frame <= difference.max():
        return ()
    distance = (on_frame - float(difference.mean())) / spread
    if not abs(distance) > float(special.stdtrit(n - 1, 1 - SHIFT_P / 2)):
        return ()
    return (
        f"the codec's shift of the prediction on the raw frame lies {abs(distance):.1f} standard deviations from its shifts on replicas: "
        "ε̂ may not hold for this frame",
    )


def _events(raw: Floats) -> int:
    """Return how many raw predictions differ from the most frequent value."""
    if not math.isfinite(float(raw.sum())):
        return 0
    return int(raw.size - np.unique(raw, return_counts=True)[1].max())
