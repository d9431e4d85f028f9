"""A number with its standard error, or the reason why there is none."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum


class NotDetermined(StrEnum):
    """Why a quantity has no value. The word stands in the dataset as the attribute `not_determined`."""

    NOT_REACHED = "not-reached"  # no flat level is beyond the maximum of the variance curve
    NEEDS_DARK_EXPOSURES = "needs-dark-exposures"  # less than two dark exposures
    NEEDS_DARK_FRAMES = "needs-dark-frames"  # too few frames of a dark level to tell a pixel's ways from chance
    NEEDS_EXPOSURES = "needs-exposures"  # flat exposures or irradiances unknown, or too few different ones
    STATED_VALUES = "stated-values"  # the profile was made from stated values
    MAPS_STAND_IN = "maps-stand-in"  # dark maps carry no frame count
    TOO_FEW_PIXELS = "too-few-pixels"
    TAPS_DIFFER = "taps-differ"  # the taps can be calibrated, all their pixels together cannot
    OTHER_MODEL = "other-transfer-model"  # a parameter of a model that the data did not choose


@dataclass(frozen=True)
class Estimate:
    """A number with its standard error, or the reason why there is none.

    Parameters
    ----------
    value : float
        The number; NaN where it is not determined.
    se : float
        Its standard error in the same unit; NaN beside a finite value: the uncertainty is not stated.
    reason : NotDetermined or None
        Why there is no value; None where there is one.
    """

    value: float
    se: float = math.nan
    reason: NotDetermined | None = None

    @classmethod
    def missing(cls, reason: NotDetermined) -> Estimate:
        """Return the estimate of what cannot be determined.

        Parameters
        ----------
        reason : NotDetermined
            Why there is no value.
        """
        return cls(math.nan, math.nan, reason)


def square_root(square: float, square_se: float) -> Estimate:
    """Return √max(square, 0) with a finite standard error.

    u(√q) = u(q)/(2√q); where q is smaller than its error the root is not linear and √u(q) bounds it.

    Parameters
    ----------
    square : float
        q.
    square_se : float
        u(q), in the unit of q.
    """
    root = math.sqrt(max(square, 0.0))
    se = square_se / (2.0 * root) if square > square_se else math.sqrt(square_se)
    return Estimate(root, se)


def format_estimate(value: float | None, se: float | None) -> str:
    """Return a value and its standard error as text, digits set by the standard error.

    Parameters
    ----------
    value : float or None
        None where it is not determined.
    se : float or None
        Standard error in the same unit; None where it is not stated.

    Returns
    -------
    str
        Two significant digits of the standard error, the value to the same place.

    Examples
    --------
    >>> format_estimate(0.461234, 0.00123)
    '0.4612 ± 0.0012'
    >>> format_estimate(100.0, None)
    '100'
    """
    if value is None:
        return "not determined"
    if not se:
        return f"{value:.6g}"
    places = max(0, 1 - math.floor(math.log10(float(f"{se:.1e}"))))
    return f"{value:.{places}f} ± {se:.{places}f}"
