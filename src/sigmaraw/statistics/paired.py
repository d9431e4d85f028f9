"""Comparisons of paired values: Wilcoxon's signed ranks, contrasts over images, a bootstrap in blocks of slices, a mixed model."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sigmaraw.errors import UndefinedStatistic
from sigmaraw.statistics.agreement import Interval
from sigmaraw.statistics.distributions import t_quantile, t_tail
from sigmaraw.statistics.equality import TestResult
from sigmaraw.statistics.multiplicity import holm
from sigmaraw.statistics.spread import Floats

_MOST_EXACT = 50  # pairs without ties: the exact distribution of the signed ranks


@dataclass(frozen=True)
class Contrast:
    """One codec against raw over images: mean difference with its t interval (the value's unit), p and Holm's p over all contrasts."""

    codec: str
    difference: Interval
    p: float
    p_adjusted: float
    images: int


@dataclass(frozen=True)
class MixedEffect:
    """One codec's fixed effect in value ~ codec + (1|image), the value's unit, with standard error and p (normal)."""

    codec: str
    effect: float
    standard_error: float
    p: float


@dataclass(frozen=True)
class MixedModel:
    """value ~ codec + (1|image): effects against the reference, variance between images and within, intraclass correlation (1)."""

    effects: tuple[MixedEffect, ...]
    between: float
    within: float

    @property
    def intraclass(self) -> float:
        """Share of the variance that lies between images, 1."""
        return self.between / (self.between + self.within)


def wilcoxon(difference: Floats) -> TestResult:
    """Return Wilcoxon's signed-rank test that paired differences are symmetric about zero, two-sided.

    Up to 50 pairs without ties or zeros: the exact distribution; else the normal approximation with its correction for ties, zeros split
    (Pratt).

    Parameters
    ----------
    difference : ndarray of float
        Paired differences, (pair,).

    Returns
    -------
    TestResult
        The statistic is the smaller sum of signed ranks; p = 1 where every difference is zero.

    Raises
    ------
    UndefinedStatistic
        No difference, or some that are not finite.

    References
    ----------
    formula 2.8; F. Wilcoxon, Biometrics 1, 80 (1945); J. W. Pratt, J. Am. Stat. Assoc. 54, 655 (1959).

    Examples
    --------
    >>> wilcoxon(np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])).p
    0.03125
    """
    values = np.asarray(difference, dtype=np.float64)
    if values.ndim != 1 or values.size == 0 or not np.isfinite(values).all():
        raise UndefinedStatistic(
            f"differences of shape {values.shape}, or not all finite", "a row of finite differences", "look at the pairs"
        )
    if not values.any():
        return TestResult(0.0, 1.0, "Wilcoxon signed ranks, all differences zero")
    sizes = np.abs(values)
    exact = values.size <= _MOST_EXACT and (sizes > 0.0).all() and np.unique(sizes).size == sizes.size
    from scipy import stats  # half a second to import

    found = stats.wilcoxon(values, zero_method="wilcox" if exact else "pratt", method="exact" if exact else "approx")
    return TestResult(float(found.statistic), float(found.pvalue), f"Wilcoxon signed ranks, {'exact' if exact else 'normal approximation'}")


def contrasts(values: Mapping[str, Floats], reference: str = "raw", confidence: float = 0.95) -> list[Contrast]:
    """Return each codec's paired contrast with the reference over images, Holm-adjusted over the codecs.

    Parameters
    ----------
    values : mapping of str to ndarray, float64, (image,)
        One value per image; the same images in the same order under every name.
    reference : str, default "raw"
        Name of the codec with which the others are compared.
    confidence : float
        Two-sided confidence of each interval, a bare number.

    Returns
    -------
    list of Contrast
        One contrast per codec other than the reference.

    Raises
    ------
    UndefinedStatistic
        Fewer than two images, or lengths that differ.

    References
    ----------
    formula 2.6.
    """
    base = np.asarray(values[reference], dtype=np.float64)
    names = [name for name in values if name != reference]
    if base.size < 2 or any(len(values[name]) != base.size for name in names):
        raise UndefinedStatistic("fewer than 2 images, or rows of different lengths", "the same images under every codec", "pair them")
    rows, p = [], []
    for name in names:
        d = np.asarray(values[name], dtype=np.float64) - base
        mean, error = float(d.mean()), float(d.std(ddof=1)) / math.sqrt(d.size)
        reach = t_quantile((1 + confidence) / 2, d.size - 1) * error
        rows.append((name, Interval(mean, mean - reach, mean + reach)))
        p.append(2.0 * t_tail(abs(mean) / error, d.size - 1) if error > 0.0 else float(mean == 0.0))
    adjusted = holm(np.array(p))
    return [Contrast(name, interval, q, float(r), base.size) for (name, interval), q, r in zip(rows, p, adjusted, strict=True)]


def mixed_model(values: Floats, codec: Sequence[str], image: Sequence[str], reference: str = "raw") -> MixedModel:
    """Return the mixed model value ~ codec + (1|image) by restricted maximum likelihood (statsmodels' MixedLM).

    It stands beside the t over images, for designs in which images carry several values per codec.

    Parameters
    ----------
    values : ndarray of float
        Values (observation,), of any one unit.
    codec, image : sequence of str
        Of each observation.
    reference : str
        The codec that the others are compared with.

    Returns
    -------
    MixedModel
        Effects of the codecs and variance components, in the unit of the values.

    Raises
    ------
    UndefinedStatistic
        Fewer than two images or codecs, or values that are not finite.

    References
    ----------
    formula 2.6; M. J. Lindstrom, D. M. Bates, J. Am. Stat. Assoc. 83, 1014 (1988).
    """
    from statsmodels.regression.mixed_linear_model import MixedLM  # 1–6 s to import, and few studies ask for it

    values, codecs, images = np.asarray(values, dtype=np.float64), np.asarray(codec), np.asarray(image)
    names = [name for name in dict.fromkeys(codecs.tolist()) if name != reference]
    if not names or np.unique(images).size < 2 or reference not in codecs or not np.isfinite(values).all():
        raise UndefinedStatistic(
            f"{np.unique(images).size} images, codecs {sorted(set(codecs.tolist()))}",
            f"2 or more images with finite values, and {reference} among the codecs",
            "add images",
        )
    design = np.column_stack([np.ones(values.size), *[(codecs == name).astype(np.float64) for name in names]])
    fit = MixedLM(values, design, groups=images).fit(reml=True)
    effects = tuple(
        MixedEffect(name, float(fit.fe_params[i + 1]), float(fit.bse_fe[i + 1]), float(fit.pvalues[i + 1])) for i, name in enumerate(names)
    )
    return MixedModel(effects, float(np.asarray(fit.cov_re).ravel()[0]), float(fit.scale))


def block_length(series: Floats) -> int:
    """Return a length of blocks for a circular bootstrap of the mean of a series, from its autocorrelation.

    b = (2 G²/D)^{1/3} n^{1/3} with flat-top lag windows (Politis and White, corrected 2009), at least 1, at most n/3.

    Parameters
    ----------
    series : ndarray, float64, (slice,)
        Values in order.

    Returns
    -------
    int
        Number of slices per block.
    """
    x = np.asarray(series, dtype=np.float64) - np.mean(series)
    n = x.size
    most = min(math.ceil(math.sqrt(n)) + max(5, math.ceil(math.log10(n))), n - 1)
    autocovariance = np.array([float(x[: n - lag] @ x[lag:]) / n for lag in range(most + 1)])
    if autocovariance[0] == 0.0:
        return 1
    quiet = 2.0 * math.sqrt(math.log10(n) / n)
    needed = max(5, math.ceil(math.log10(n)))
    small = np.abs(autocovariance / autocovariance[0]) < quiet
    last = next((lag for lag in range(most - needed + 1) if small[lag + 1 : lag + 1 + needed].all()), most)
    width = min(2 * max(last, 1), most)
    lags = np.arange(-width, width + 1)
    flat_top = np.minimum(1.0, 2.0 * (1.0 - np.abs(lags) / width))
    covariance = autocovariance[np.abs(lags)]
    g, spectrum = float((flat_top * np.abs(lags) * covariance).sum()), float((flat_top * covariance).sum())
    length = (2.0 * g**2 / (4.0 / 3.0 * spectrum**2)) ** (1 / 3) * n ** (1 / 3) if spectrum > 0.0 else 1.0
    return int(np.clip(math.ceil(length), 1, max(n // 3, 1)))


def block_bootstrap(
    values: Floats, *, length: int | None = None, resamples: int = 4999, seed: int = 20250, confidence: float = 0.95
) -> Interval:
    """Return the mean over slices of a volume with an interval that allows for neighbouring slices being alike.

    Circular block bootstrap: blocks of `length` neighbours, the last slice joined to the first. Percentiles, stretched by
    √(n/(n − length)) about the mean, since blocks lie about the mean of the sample.

    Parameters
    ----------
    values : ndarray, float64, (slice,)
        One value per slice in order, e.g. the difference of Dice.
    length : int, optional
        Slices in a block; `block_length` by default.
    resamples, seed : int, default 4999
        Number of resamples, and the seed that draws them.
    confidence : float
        Two-sided, 1.

    Returns
    -------
    Interval
        Mean and interval, in the unit of the values.

    Raises
    ------
    UndefinedStatistic
        Fewer than six slices, or values that are not finite.

    References
    ----------
    D. N. Politis, J. P. Romano, in Exploring the Limits of Bootstrap (1992), 263; D. N. Politis, H. White, Econom. Rev. 23, 53 (2004).
    """
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 1 or x.size < 6 or not np.isfinite(x).all():
        raise UndefinedStatistic(f"slices of shape {x.shape}, or not all finite", "6 or more finite values in order", "give more slices")
    n = x.size
    size = block_length(x) if length is None else int(np.clip(length, 1, n // 2))
    blocks = math.ceil(n / size)
    starts = np.random.default_rng(seed).integers(0, n, (resamples, blocks))
    sums = np.concatenate([[0.0], np.cumsum(np.concatenate([x, x[:size]]))])
    kept = n - (blocks - 1) * size  # of the last block
    total = (sums[starts[:, :-1] + size] - sums[starts[:, :-1]]).sum(axis=1) + sums[starts[:, -1] + kept] - sums[starts[:, -1]]
    centre = float(x.mean())
    low, high = np.quantile(total / n, [(1 - confidence) / 2, (1 + confidence) / 2])
    stretch = math.sqrt(n / (n - size)) if n > size else 1.0
    return Interval(centre, centre + (float(low) - centre) * stretch, centre + (float(high) - centre) * stretch)
