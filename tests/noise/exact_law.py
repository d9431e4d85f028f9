"""The exact law of a frame's pixel, summed term by term, and how far drawn values are from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special, stats


def exact_pmf(rate, read_noise, gain, offset, lo, hi):
    """Return (first DN, probabilities): Σ_k Poisson(k; λ)·[Φ((d + ½ − o − Kk)/Kσ) − Φ((d − ½ − o − Kk)/Kσ)], the ends taking all
    beyond them."""
    reach = 8 * np.sqrt(rate + 1) + 30  # beyond 1e-12 at every rate here
    k = np.arange(max(0, np.floor(rate - reach)), np.ceil(rate + reach) + 1)
    first = max(lo, int(offset + gain * (k[0] - 7 * read_noise)) - 2)
    last = min(hi, int(offset + gain * (k[-1] + 7 * read_noise)) + 2)
    edges = np.arange(first, last) + 0.5
    at_edge = special.ndtr(((edges - offset) / gain - k[:, None]) / read_noise)
    cumulative = stats.poisson.pmf(k, rate) @ at_edge
    return first, np.diff(cumulative, prepend=0.0, append=1.0)


def chi_square_p(counts, first, pmf, least=10.0):
    """Return p of Pearson's χ² of counts by DN from 0 on, bins merged from both ends until each expects `least`."""
    counts = np.pad(counts, (0, max(0, first + len(pmf) - len(counts))))
    total = counts.sum()
    assert counts[:first].sum() == 0
    assert counts[first + len(pmf) :].sum() == 0
    counts, expected = counts[first : first + len(pmf)].astype(float), pmf * total
    keep = np.flatnonzero(expected >= least)
    groups = np.clip(np.arange(len(pmf)), keep[0], keep[-1]) - keep[0]
    counts, expected = np.bincount(groups, counts), np.bincount(groups, expected)
    if len(counts) == 1:
        return 1.0 if counts[0] == total else 0.0
    return float(stats.chi2.sf(np.sum((counts - expected) ** 2 / expected), len(counts) - 1))


@dataclass(frozen=True)
class MomentScores:
    """z of mean, variance and skewness: (drawn − exact)/SE, each SE by the influence function under the exact law."""

    mean: float
    variance: float
    skewness: float


def moment_scores(counts, first, pmf):
    """Return the z scores of counts by DN from 0 on.

    With u the standardised value: SE² = E[u²]/N (mean, in sd), E[(u² − 1)²]/N (variance, relative) and
    E[(u³ − γ − 3γ(u² − 1)/2 − 3u)²]/N (skewness γ).
    """
    n = counts.sum()
    dn = np.arange(first, first + len(pmf), dtype=np.float64)
    mean = pmf @ dn
    sd = np.sqrt(pmf @ (dn - mean) ** 2)
    u = (dn - mean) / sd
    gamma = pmf @ u**3
    drawn = np.pad(counts, (0, max(0, first + len(pmf) - len(counts))))[first : first + len(pmf)] / n
    mean_d = drawn @ u
    variance_d = drawn @ (u - mean_d) ** 2
    gamma_d = (drawn @ (u - mean_d) ** 3) / variance_d**1.5
    influence = u**3 - gamma - 1.5 * gamma * (u**2 - 1) - 3 * u
    return MomentScores(
        float(mean_d * np.sqrt(n)),
        float((variance_d - 1) / np.sqrt(pmf @ (u**2 - 1) ** 2 / n)),
        float((gamma_d - gamma) / np.sqrt(pmf @ influence**2 / n)),
    )
