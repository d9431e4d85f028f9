"""Power and sample size: of a t test, of showing equivalence within limits, of a proportion of images."""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from sigmaraw.errors import InvalidOption
from sigmaraw.statistics.distributions import chi_density
from sigmaraw.statistics.evidence import ALPHA

_MOST = 1_000_000


def t_test_power(effect: float, n: int, alpha: float = ALPHA, *, two_sided: bool = True) -> float:
    """Return the power of a one-sample (or paired) t test against a mean of `effect` standard deviations.

    Parameters
    ----------
    effect : float
        Mean over standard deviation, 1.
    n : int
        Values or pairs.
    alpha : float
        Level, 1.
    two_sided : bool, default True
        Whether the test is two-sided.

    Returns
    -------
    float
        The power, 0 to 1.

    Examples
    --------
    >>> round(t_test_power(0.5, 34), 4)
    0.8078
    """
    shift, dof = effect * math.sqrt(n), n - 1
    from scipy import stats  # half a second to import

    if two_sided:
        bound = float(special.stdtrit(dof, 1 - alpha / 2))
        return float(stats.nct.sf(bound, dof, shift) + stats.nct.cdf(-bound, dof, shift))
    return float(stats.nct.sf(float(special.stdtrit(dof, 1 - alpha)), dof, shift))


def equivalence_power(mean: float, sd: float, limit: float, n: int, alpha: float = ALPHA) -> float:
    """Return the probability that |x̄| + t_{1−α}·s/√n ≤ limit, for x ~ N(mean, sd²): two one-sided tests.

    Exactly, by integrating over s: given s, x̄ must lie within ± (limit − t s/√n).

    Parameters
    ----------
    mean, sd, limit : float
        Same unit; sd > 0.
    n : int
        Images or replicas, at least 2.
    alpha : float
        One-sided level, 1.

    Returns
    -------
    float
        The probability, 0 to 1.

    Raises
    ------
    InvalidOption
        n below 2, or an sd or limit that is not above 0.

    References
    ----------
    D. J. Schuirmann, J. Pharmacokinet. Biopharm. 15, 657 (1987); K. F. Phillips, ibid. 18, 137 (1990).

    Examples
    --------
    >>> round(equivalence_power(0.0, 0.5, 1.0, 10), 3)
    1.0
    """
    from scipy import integrate  # with `scipy.optimize` a quarter of a second to import, and only plans ask for it

    if n < 2 or not sd > 0.0 or not limit > 0.0:
        raise InvalidOption(f"n = {n}, sd = {sd:g}, limit = {limit:g}", "n ≥ 2, and sd and limit above 0", "correct the design")
    error, dof = sd / math.sqrt(n), n - 1
    t = float(special.stdtrit(dof, 1 - alpha))
    largest = limit / (t * error)  # of s/σ

    def at(ratio: float) -> float:
        allowed = limit - t * ratio * error
        inside = special.ndtr((allowed - mean) / error) - special.ndtr((-allowed - mean) / error)
        return float(inside * chi_density(ratio * math.sqrt(dof), dof) * math.sqrt(dof))

    centre, width = 1.0, 1.0 / math.sqrt(2 * dof)
    ends = (max(0.0, centre - 9 * width), min(largest, centre + 9 * width))
    if ends[1] <= ends[0]:
        return float(integrate.quad(at, 0.0, largest, limit=200)[0])
    return float(np.clip(integrate.quad(at, *ends, limit=200)[0], 0.0, 1.0))


def equivalence_size(mean: float, sd: float, limit: float, power: float = 0.8, alpha: float = ALPHA) -> int | None:
    """Return the smallest n with the wanted power of showing |mean| within the limit; None where no n does.

    Parameters
    ----------
    mean, sd, limit : float
        As in `equivalence_power`.
    power : float, default 0.8
        Power wanted, a bare number.
    alpha : float, default ALPHA
        One-sided level of each test, a bare number.

    Returns
    -------
    int or None
        Number of units; None where no number suffices.
    """
    if abs(mean) >= limit:
        return None
    lower, upper = 1, 2
    while equivalence_power(mean, sd, limit, upper, alpha) < power:
        lower, upper = upper, upper * 2
        if upper > _MOST:
            return None
    while upper - lower > 1:
        middle = (lower + upper) // 2
        enough = middle >= 2 and equivalence_power(mean, sd, limit, middle, alpha) >= power
        lower, upper = (lower, middle) if enough else (middle, upper)
    return upper


def images_for_share(share: float, failures: int = 0, alpha: float = ALPHA) -> int:
    """Return the fewest images that show, with `failures` not passing, that at most `share` of images like them lie outside.

    Parameters
    ----------
    share : float
        Tolerated share, 1.
    failures : int
        Images that do not pass.
    alpha : float
        One-sided level of the bound and of each image's verdict, 1.

    Returns
    -------
    int
        Number of images.

    Examples
    --------
    >>> images_for_share(0.1)
    31
    """
    if not 0.0 < share < 1.0:
        raise InvalidOption(f"share = {share:g}", "a number between 0 and 1", "give the tolerated share of images, e.g. 0.1")
    n = failures + 1
    while float(special.betaincinv(failures + 1.0, n - failures, 1.0 - alpha)) / (1.0 - alpha) > share:
        n += 1
    return n
