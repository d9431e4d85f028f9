"""Agreement between two sets of measurements of the same things: Lin's concordance, Bland–Altman limits, Cliff's δ."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from sigmaraw.errors import UndefinedStatistic
from sigmaraw.statistics.distributions import t_quantile
from sigmaraw.statistics.spread import Floats


@dataclass(frozen=True)
class Interval:
    """A number with its two-sided interval, in the number's unit."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class BlandAltman:
    """Mean difference (bias) and 95 % limits of agreement with intervals, the measurement's unit; `slope` of difference on mean, 1."""

    bias: Interval
    lower: Interval
    upper: Interval
    slope: float
    n: int


@dataclass(frozen=True)
class Agreement:
    """Two measurements of the same things, correlation beside agreement; all without unit.

    pearson, spearman say whether one follows the other; ccc whether they are the same.
    """

    pearson: float
    spearman: float
    ccc: Interval
    n: int


def _pairs(a: Floats, b: Floats, fewest: int) -> tuple[Floats, Floats]:
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if a.shape != b.shape or a.ndim != 1 or a.size < fewest or not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise UndefinedStatistic(
            f"measurements of shapes {a.shape} and {b.shape}, or not all finite",
            f"{fewest} or more finite pairs",
            "leave none out: look at them",
        )
    return a, b


def concordance(a: Floats, b: Floats, confidence: float = 0.95) -> Interval:
    """Return Lin's concordance correlation coefficient with its interval.

    ρ_c = 2 s_ab/(s_a² + s_b² + (ā − b̄)²), moments over n; interval by Fisher's z with Lin's variance (his correction of 2000).

    Parameters
    ----------
    a, b : ndarray, float64, (thing,)
        Two measurements of each thing, same unit.
    confidence : float
        Two-sided, 1.

    Returns
    -------
    Interval
        The coefficient with its interval, bare numbers.

    Raises
    ------
    UndefinedStatistic
        Fewer than three pairs, values that are not finite, or none that vary.

    References
    ----------
    L. I.-K. Lin, Biometrics 45, 255 (1989); 56, 324 (2000).

    Examples
    --------
    >>> round(concordance(np.array([1.0, 2.0, 3.0, 4.0]), np.array([2.0, 3.0, 4.0, 5.0])).value, 4)
    0.7143
    """
    a, b = _pairs(a, b, 3)
    va, vb, shift = float(a.var()), float(b.var()), float(a.mean() - b.mean())
    if va == 0.0 or vb == 0.0:
        raise UndefinedStatistic(
            "measurements that do not vary", "two sets that vary", "compare their means: correlation has no meaning here"
        )
    covariance = float(((a - a.mean()) * (b - b.mean())).mean())
    value = 2.0 * covariance / (va + vb + shift**2)
    r = covariance / math.sqrt(va * vb)
    if abs(value) >= 1.0 or r == 0.0:
        return Interval(value, value, value) if abs(value) >= 1.0 else Interval(value, -1.0, 1.0)
    u2 = shift**2 / math.sqrt(va * vb)
    c2, r2 = value**2, r**2
    variance = (
        (1 - r2) * c2 / ((1 - c2) * r2)
        + 2 * value**3 * (1 - value) * u2 / (r * (1 - c2) ** 2)
        - value**4 * u2**2 / (2 * r2 * (1 - c2) ** 2)
    ) / (a.size - 2)
    reach = float(special.ndtri((1 + confidence) / 2)) * math.sqrt(max(variance, 0.0))
    return Interval(value, math.tanh(math.atanh(value) - reach), math.tanh(math.atanh(value) + reach))


def agreement(a: Floats, b: Floats) -> Agreement:
    """Return Pearson and Spearman correlation beside Lin's concordance: correlation is not agreement.

    Parameters
    ----------
    a, b : ndarray, float64, (thing,)
        Two measurements of each thing, same unit.

    Returns
    -------
    Agreement
        The three coefficients, each with its interval.

    Raises
    ------
    UndefinedStatistic
        As `concordance`.
    """
    ccc = concordance(a, b)
    from scipy import stats  # half a second to import

    return Agreement(float(stats.pearsonr(a, b).statistic), float(stats.spearmanr(a, b).statistic), ccc, len(a))


def bland_altman(a: Floats, b: Floats, confidence: float = 0.95) -> BlandAltman:
    """Return bias b − a and its 95 % limits of agreement, each with an interval.

    Limits d̄ ± 1.96 s; SE(d̄) = s/√n; SE(limit) = s√(1/n + 1.96²/(2(n − 1))); t with n − 1 dof.

    Parameters
    ----------
    a, b : ndarray, float64, (thing,)
        Two measurements of each thing, same unit.
    confidence : float
        Two-sided confidence of the three intervals, a bare number.

    Returns
    -------
    BlandAltman
        Bias and limits of agreement, in the unit of the values.

    Raises
    ------
    UndefinedStatistic
        Fewer than three pairs, or values that are not finite.

    References
    ----------
    J. M. Bland, D. G. Altman, Lancet 327, 307 (1986); Stat. Methods Med. Res. 8, 135 (1999), 2.1.

    Examples
    --------
    >>> found = bland_altman(np.arange(10.0), np.arange(10.0) + 1.0)
    >>> found.bias.value, found.upper.value
    (1.0, 1.0)
    """
    a, b = _pairs(a, b, 3)
    difference, mean, n = b - a, (a + b) / 2.0, a.size
    bias, s = float(difference.mean()), float(difference.std(ddof=1))
    t, z = t_quantile((1 + confidence) / 2, n - 1), float(special.ndtri(0.975))
    at_bias, at_limit = t * s / math.sqrt(n), t * s * math.sqrt(1 / n + z**2 / (2 * (n - 1)))
    slope = float(np.polyfit(mean, difference, 1)[0]) if np.ptp(mean) > 0.0 else math.nan
    low, high = bias - z * s, bias + z * s
    return BlandAltman(
        Interval(bias, bias - at_bias, bias + at_bias),
        Interval(low, low - at_limit, low + at_limit),
        Interval(high, high - at_limit, high + at_limit),
        slope,
        n,
    )


def cliffs_delta(a: Floats, b: Floats, confidence: float = 0.95) -> Interval:
    """Return Cliff's δ = P(b > a) − P(b < a) of two independent samples, with its interval.

    Consistent variance estimate of δ and the interval that is asymmetric within [−1, 1].

    Parameters
    ----------
    a, b : ndarray, float64, (value,)
        Independent samples, ratings or measurements; ties count for neither.
    confidence : float
        Two-sided, 1.

    Returns
    -------
    Interval
        δ with its interval, bare numbers.

    Raises
    ------
    UndefinedStatistic
        Fewer than two values in a sample, or values that are not finite.

    References
    ----------
    N. Cliff, Psychol. Bull. 114, 494 (1993), eqs. 3–9.

    Examples
    --------
    >>> cliffs_delta(np.array([1.0, 2.0, 3.0]), np.array([4.0, 5.0, 6.0])).value
    1.0
    """
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if a.size < 2 or b.size < 2 or not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise UndefinedStatistic(
            f"samples of {a.size} and {b.size} values, or not all finite", "two finite values or more in each", "add values"
        )
    ordered = np.sort(a)
    below = np.searchsorted(ordered, b, side="left") / a.size
    above = 1.0 - np.searchsorted(ordered, b, side="right") / a.size
    rows = below - above  # of each b
    ordered_b = np.sort(b)
    columns = (b.size - np.searchsorted(ordered_b, a, side="right") - np.searchsorted(ordered_b, a, side="left")) / b.size  # of each a
    n, m = b.size, a.size
    value = float(rows.mean())
    squares = float((below + above).sum()) * m  # Σ over pairs of (sign)²
    pairs = squares - n * m * value**2
    variance = (m**2 * float(((rows - value) ** 2).sum()) + n**2 * float(((columns - value) ** 2).sum()) - pairs) / (
        n * m * (n - 1) * (m - 1)
    )
    variance = max(variance, (1 - value**2) / (n * m - 1))
    if abs(value) == 1.0:
        # No pair contradicts: the largest share that would show none with probability α, as for a proportion of the smaller sample.
        edge = 1.0 - 2.0 * (1.0 - ((1.0 - confidence) / 2.0) ** (1.0 / min(n, m)))
        return Interval(value, edge, 1.0) if value > 0 else Interval(value, -1.0, -edge)
    z = float(special.ndtri((1 + confidence) / 2))
    root = z * math.sqrt(variance) * math.sqrt((1 - value**2) ** 2 + z**2 * variance)
    below_above = 1 - value**2 + z**2 * variance
    return Interval(value, (value - value**3 - root) / below_above, (value - value**3 + root) / below_above)
