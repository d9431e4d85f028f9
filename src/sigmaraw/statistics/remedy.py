"""What would decide an undecided row or statement: more replicas, more images, or something that no number of replicas gives."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from scipy import special

from sigmaraw.record.words import NO_NUMBER
from sigmaraw.statistics.evidence import ALPHA, Evidence, RowLimits
from sigmaraw.statistics.spread import Floats

_MOST = 1_000_000  # replicas or images: more is no advice
# Reach grows by z_.80 over z_.95 where a decision is wanted in 80 % of studies, not in half of them; n by its square.
_POWER = ((float(special.ndtri(0.95)) + float(special.ndtri(0.80))) / float(special.ndtri(0.95))) ** 2


class Means(StrEnum):
    """What decides."""

    NOTHING = "nothing: it is decided"
    REPLICAS = "replicas"
    IMAGES = "images"
    UNCERTAINTY = f"{NO_NUMBER}σ_raw itself is too uncertain; state u_mode, take real repeats, or set a margin"
    MARGIN = f"{NO_NUMBER}raw noise does not change the answer; set a margin"
    AT_LIMIT = f"{NO_NUMBER}the estimate lies at the limit itself"


@dataclass(frozen=True)
class WhatDecides:
    """What would decide, in 80 % of studies.

    Parameters
    ----------
    n : int, optional
        Replicas per group.
    more_images : int, optional
        How many beyond those at hand. None where none helps.
    """

    means: Means
    n: int | None = None
    more_images: int | None = None

    def __str__(self) -> str:
        if self.means is Means.REPLICAS:
            return f"n ≈ {self.n}"
        if self.means is Means.IMAGES:
            return "one more image" if self.more_images == 1 else f"{self.more_images} more images"
        return str(self.means)


def what_decides(evidence: Evidence, limits: RowLimits, alpha: float = ALPHA) -> list[WhatDecides]:
    """Return per row how many replicas would decide it if the estimates stayed as they are.

    Parameters
    ----------
    evidence : Evidence
        Evidence of each row, (row,).
    limits : RowLimits
        In the evidence's unit.
    alpha : float
        One-sided level of each part, 1.

    Returns
    -------
    list of WhatDecides
        `n` is rounded up to two digits.
    """
    decided = evidence.decided(limits, alpha)
    exact = _with_replicas(dataclasses.replace(evidence, u_relative=np.zeros(len(evidence))), 1e12)
    without_u = exact.decided(limits, alpha)
    lower, upper = np.full(len(evidence), float(evidence.n)), np.full(len(evidence), float(_MOST))
    ever = _decided_with(evidence, upper, limits, alpha)
    for _ in range(24):
        middle = np.sqrt(lower * upper)
        holds = _decided_with(evidence, middle, limits, alpha)
        upper, lower = np.where(holds, middle, upper), np.where(holds, lower, middle)
    answers = []
    for row in range(len(evidence)):
        if decided[row]:
            answers.append(WhatDecides(Means.NOTHING))
        elif not math.isfinite(evidence.shift[row]) or math.isnan(evidence.ln_ratio[row]):
            answers.append(WhatDecides(Means.MARGIN))
        elif ever[row] and upper[row] * _POWER <= _MOST:
            answers.append(WhatDecides(Means.REPLICAS, n=_two_digits(upper[row] * _POWER)))
        else:
            answers.append(WhatDecides(Means.UNCERTAINTY if without_u[row] else Means.AT_LIMIT))
    return answers


def images_that_decide(
    values: Floats, limit: float, *, lower_limit: float | None = None, u_relative: float = 0.0, alpha: float = ALPHA
) -> WhatDecides:
    """Return how many more images would decide the mean over images, if mean and scatter stayed as they are.

    Parameters
    ----------
    values : ndarray, float64, (image,)
        ε̂, ln ρ or RMS² of each image, or means of specimens.
    limit : float
        On |mean|, or the upper one where `lower_limit` is given.
    lower_limit : float, optional
        Lower end of the limits, in the unit of the values; None takes −`limit`.
    u_relative : float
        What the images share of the uncertainty of σ_raw, 1; more images do not reduce it.
    alpha : float
        One-sided level, 1.

    Returns
    -------
    WhatDecides
        The number of further images, or the reason why there is none.

    Examples
    --------
    >>> str(images_that_decide(np.array([-0.4, 0.9, 0.2, 1.1]), 1.0))
    '16 more images'
    """
    n, mean = values.size, float(values.mean())
    scatter = float(values.std(ddof=1)) if n > 1 else math.inf
    low = -limit if lower_limit is None else lower_limit
    z = float(special.ndtri(1.0 - alpha)) * u_relative

    def decided(units: int, power: float) -> bool:
        reach = float(special.stdtrit(units - 1.0, 1.0 - alpha)) * scatter * power / math.sqrt(units)
        up, down = math.hypot(reach, mean * math.expm1(z)), math.hypot(reach, mean * -math.expm1(-z))
        inside = low <= mean - up and mean + up <= limit
        return inside or mean - down > limit or mean + down < low

    if n >= 3 and decided(n, 1.0):
        return WhatDecides(Means.NOTHING)
    if not math.isfinite(scatter) or not decided(_MOST, 0.0):
        return WhatDecides(Means.IMAGES, more_images=3 - n) if n < 3 else WhatDecides(Means.UNCERTAINTY if z else Means.AT_LIMIT)
    lower, upper = max(n, 2), _MOST
    while upper - lower > 1:
        middle = (lower + upper) // 2
        lower, upper = (lower, middle) if decided(middle, math.sqrt(_POWER)) else (middle, upper)
    return WhatDecides(Means.IMAGES, more_images=max(upper, 3) - n)


def _decided_with(evidence: Evidence, n: Floats, limits: RowLimits, alpha: float) -> NDArray[np.bool_]:
    """Return per row whether n replicas decide, the estimates staying as they are."""
    return _with_replicas(evidence, n).decided(limits, alpha)


def _with_replicas(evidence: Evidence, n: float | Floats) -> Evidence:
    """Return the evidence that n replicas with the same estimates would be: uncertainties fall as 1/√n, dof and counts grow as n."""
    factor = np.asarray(n) / evidence.n
    names = {"u_normal": -0.5, "u_shift": -0.5, "u_ratio": -0.5, "u_rms": -0.5, "morgan": -1.0}
    names |= {"dof_normal": 1.0, "dof_shift": 1.0, "dof_ratio": 1.0, "dof_rms": 1.0, "f_dof": 1.0}
    changes = {name: getattr(evidence, name) * factor**power for name, power in names.items()}
    # The share of rare changes stays; its Clopper–Pearson reach falls as 1/√n, and as 1/n where none was seen.
    shrink = np.where(evidence.events > 0, factor**-0.5, 1.0 / factor)
    sizes = {name: getattr(evidence, name) * shrink for name in ("event_shift", "event_square", "event_variance")}
    return dataclasses.replace(evidence, **changes, **sizes, sigma_dof=float(evidence.sigma_dof * np.min(factor)))


def _two_digits(value: float) -> int:
    """Return a number rounded up to two digits."""
    unit = 10 ** max(math.floor(math.log10(value)) - 1, 0)
    return math.ceil(value / unit) * unit
