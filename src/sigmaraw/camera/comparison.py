"""Has the camera changed? Equivalence of two profiles, quantity by quantity, by two one-sided tests.

With d = new − old, u² = u²(new) + u²(old) and a bound B, at 5 % each side (Schuirmann 1987, the 90 % interval rule):
    PASS          |d| + 1.645·u ≤ B     shown to be the same within B
    FAIL          |d| − 1.645·u > B     shown to differ by more than B
    INCONCLUSIVE  else, and where a value or its standard error is there in one profile only
A camera passes when all its quantities do; asking for all needs no correction for their number (intersection–union).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sigmaraw.camera.dataset import SCALARS
from sigmaraw.camera.maps.nonuniformity import ONE_SIDED_95
from sigmaraw.camera.profile import CameraProfile
from sigmaraw.errors import InvalidOption, ProfileMismatch
from sigmaraw.quantities import TABLE

PASS, FAIL, OPEN = "PASS", "FAIL", "INCONCLUSIVE"


@dataclass(frozen=True)
class Bound:
    """How far a quantity may move between two profiles.

    Parameters
    ----------
    size : float
        The bound, above 0.
    of : str
        "value": a part of the old value; "unit": in the unit of the quantity; "dark noise": a part of the old dark noise in DN.
    least : float
        The smallest margin, in the unit of the quantity: a part of an old value near 0 would be a margin that no calibration meets.
    """

    size: float
    of: str = "value"  # "value" | "unit" | "dark noise"
    least: float = 0.0

    def absolute(self, old: float, dark_noise_dn: float) -> float:
        """Return the margin in the quantity's unit.

        Parameters
        ----------
        old : float
            The old value.
        dark_noise_dn : float
            Old dark noise, DN.
        """
        return max(self.size * {"value": abs(old), "unit": 1.0, "dark noise": dark_noise_dn}[self.of], self.least)


# What a user of the numbers would notice: 1 % of gain is 0.5 % of the noise; a fifth of the dark noise is what replicas shift by.
# Nonuniformity of 0.05 % adds 1.2 % to the shot noise of 100,000 e-, and 0.1 e- adds 0.5 % to a dark noise of 1 e-.
BOUNDS: dict[str, Bound] = {
    "gain": Bound(0.01),
    "gain_unweighted": Bound(0.02),
    "offset": Bound(0.2, "dark noise"),
    "dark_variance": Bound(0.10),
    "read_noise": Bound(0.05),
    "dark_noise": Bound(0.05),
    "dark_current": Bound(0.20),
    "dark_current_from_variance": Bound(0.50),
    "saturation": Bound(0.20),
    "saturation_capacity": Bound(0.20),
    "dynamic_range": Bound(0.20),
    "snr_max": Bound(0.10),
    "sensitivity_threshold": Bound(0.05),
    "linearity_error": Bound(0.5, "unit"),
    "prnu": Bound(0.10, least=0.05),
    "dsnu": Bound(0.10, least=0.1),
    **{f"prnu_{part}": Bound(0.25, "unit") for part in ("row", "column", "pixel")},
    **{f"dsnu_{part}": Bound(0.5, "unit") for part in ("row", "column", "pixel")},
    "brighter_fatter": Bound(0.50),
    "gain_break": Bound(0.20),
    "gain_above_break": Bound(0.05),
    "intercept_above_break": Bound(0.20),
}


@dataclass(frozen=True)
class Comparison:
    """One quantity of two profiles.

    Parameters
    ----------
    name : str
        The quantity; of a tap `quantity[label]`.
    unit : str
        Unit of all figures.
    old : float
        Value of the old profile.
    new : float
        Value of the new profile.
    difference : float
        New less old.
    u : float
        Standard error of the difference.
    bound : float
        Largest difference that is allowed.
    verdict : str
        PASS, FAIL or INCONCLUSIVE.
    """

    name: str
    unit: str
    old: float
    new: float
    difference: float
    u: float
    bound: float
    verdict: str


def compare(new: CameraProfile, old: CameraProfile, bounds: Mapping[str, Bound] | None = None) -> tuple[Comparison, ...]:
    """Return every quantity that either profile determines, and those of each readout tap or colour plane as ``gain[R]``.

    Parameters
    ----------
    new : CameraProfile
        The profile that is judged.
    old : CameraProfile
        The profile that it is compared with.
    bounds : dict of str to Bound or None
        Bounds in place of the defaults, by quantity.

    Raises
    ------
    ProfileMismatch
        If bit depths or taps differ.
    InvalidOption
        If a bound is not positive, or names no quantity of a camera.
    """
    chosen = {**BOUNDS, **(bounds or {})}
    for name, bound in chosen.items():
        if name not in BOUNDS or not (math.isfinite(bound.size) and bound.size > 0):
            raise InvalidOption(f"bound {name}={bound.size:g}", f"a positive number for one of {', '.join(BOUNDS)}", "correct --bound")
    if new.bits != old.bits:
        raise ProfileMismatch(
            f"a profile of {new.bits} bits against one of {old.bits} bits", "the same camera mode", "calibrate in that mode"
        )
    taps = [profile.arrays.attrs.get("tap_labels") for profile in (new, old)]
    if taps[0] != taps[1]:
        raise ProfileMismatch(
            f"a profile of taps {taps[0] or 'none'} against one of {taps[1] or 'none'}",
            "the same taps",
            "calibrate with the same --taps or --cfa",
        )
    rows = [*_rows(new, old, chosen, None, "")]
    for index, label in enumerate(str(taps[0]).split() if taps[0] else ()):
        rows += _rows(new, old, chosen, index, f"[{label}]")
    return tuple(rows)


def _rows(new: CameraProfile, old: CameraProfile, chosen: Mapping[str, Bound], tap: int | None, label: str) -> Iterator[Comparison]:
    """Compare the quantities of all pixels, or of one tap."""
    noise = _read(old, "dark_noise", tap)[0] * _read(old, "gain", tap)[0]
    for name in SCALARS:
        if name not in BOUNDS:  # goodness of the fit is no property of the camera
            continue
        (a, u_a), (b, u_b) = _read(old, name, tap), _read(new, name, tap)
        if math.isnan(a) and math.isnan(b):
            continue
        u, allowed = math.hypot(u_a, u_b), chosen[name].absolute(a, noise)
        yield Comparison(f"{name}{label}", TABLE[name].unit, a, b, b - a, u, allowed, verdict(b - a, u, allowed))


def verdict(difference: float, u: float, bound: float) -> str:
    """Return the outcome of the two one-sided tests; what is not a number decides nothing.

    Parameters
    ----------
    difference : float
        New less old, in the unit of the quantity.
    u : float
        Standard error of the difference.
    bound : float
        Largest difference that is allowed.
    """
    if not (math.isfinite(difference) and math.isfinite(u) and math.isfinite(bound)):
        return OPEN
    if abs(difference) + ONE_SIDED_95 * u <= bound:
        return PASS
    return FAIL if abs(difference) - ONE_SIDED_95 * u > bound else OPEN


def parse_bound(text: str) -> tuple[str, Bound]:
    """Return (name, bound) of ``gain=2%`` (of the old value) or ``offset=0.5`` (in the quantity's unit).

    Parameters
    ----------
    text : str
        NAME=VALUE or NAME=VALUE%.

    Raises
    ------
    InvalidOption
        If the text is neither.
    """
    name, _, size = text.partition("=")
    relative = size.endswith("%")
    try:
        value = float(size.removesuffix("%"))
    except ValueError:
        value = math.nan
    if name not in BOUNDS or not (math.isfinite(value) and value > 0):
        raise InvalidOption(f"--bound {text}", "NAME=VALUE, VALUE a positive number or a percentage", f"name one of {', '.join(BOUNDS)}")
    return name, Bound(value / 100.0, "value") if relative else Bound(value, "unit")


def _read(profile: CameraProfile, name: str, tap: int | None) -> tuple[float, float]:
    name = name if tap is None else f"tap_{name}"
    if name not in profile.arrays.variables:
        return math.nan, math.nan
    value, error = (profile.arrays.variables[key].values for key in (name, f"{name}_se"))
    return (float(value), float(error)) if tap is None else (float(value[tap]), float(error[tap]))
