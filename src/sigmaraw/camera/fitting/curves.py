"""Transfer curves: how the variance above dark, y, grows with the mean above dark, x; the best by BIC, where data decide.

    linear      y = K·x
    astier      y = [exp(2·a·x/K) − 1]·K²/(2a), a ≤ 0 in 1/e⁻: brighter-fatter, charge that repels charge
    piecewise   y = K·x up to a break, c + K₂·x above it: dual gain, or a gain that changes with level
Each is fitted by generalised least squares, the covariance taken from the variances of the curve, so that
BIC = χ² + ln det C + k·ln n (k parameters, n levels; the break is one). A bent curve must win by 10, very strong evidence on
the scale of Kass and Raftery (1995). Without that margin 14 of 400 straight cameras (35 levels, one pair each, 128² px) were called
brighter-fatter, which drew the mean z of K to 0.14; with it none was, and z of K has mean 0.06 and sd 1.01.
Reference: P. Astier et al., A&A 629, A36 (2019), eq. 16; formula 3.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from sigmaraw.camera.fitting.transfer import GainFit, TransferData
from sigmaraw.camera.values import Estimate, NotDetermined

Vector = NDArray[np.float64]
MARGIN = 10.0  # of BIC, before a bent curve replaces a straight one
LINEAR_TOLERANCE = 0.02  # of the variance (1 % of the noise): from there on y = K·x does not hold
_STEEPEST = -4.0  # 2a·x/K at the brightest level: far beyond any sensor
_ITERATIONS = 6


class CurveForm(StrEnum):
    """Names as the profile holds them."""

    LINEAR = "linear"
    ASTIER = "astier"
    PIECEWISE = "piecewise"


@dataclass(frozen=True)
class CurveFit:
    """A fitted transfer curve.

    Parameters
    ----------
    form : CurveForm
        Which curve it is.
    gain : Estimate
        K at small signals, DN/e-.
    coefficients : ndarray of float64
        (level,), ∂K/∂y over all levels, 1/(DN·e-).
    predict : callable
        x, DN, to y, DN².
    bic : float
        Bayesian information criterion.
    chi2 : float
        χ² of the residuals.
    dof : int
        Degrees of freedom.
    brighter_fatter : Estimate or None
        a, 1/e-; None for other curves.
    break_dn : Estimate or None
        x of the break, DN; None for other curves.
    gain_above : Estimate or None
        K₂, DN/e-; None for other curves.
    intercept_above : Estimate or None
        c, DN²; None for other curves.
    """

    form: CurveForm
    gain: Estimate
    coefficients: Vector
    predict: Callable[[Vector], Vector] = field(repr=False)
    bic: float
    chi2: float
    dof: int
    brighter_fatter: Estimate | None = None
    break_dn: Estimate | None = None
    gain_above: Estimate | None = None
    intercept_above: Estimate | None = None

    def linear_limit(self, highest: float) -> float | None:
        """Return the x, DN, up to `highest`, at which y has demonstrably left K·x by 2 %; None where it never has.

        Demonstrably: with a curvature two standard errors weaker than the fitted one.

        Parameters
        ----------
        highest : float
            Largest x that is looked at, DN.
        """
        if self.break_dn is not None:
            return self.break_dn.value if self.break_dn.value < highest else None
        if self.brighter_fatter is None:
            return None
        x = np.linspace(highest / 2000, highest, 2000)
        curvature = 2.0 * min(self.brighter_fatter.value + 2.0 * self.brighter_fatter.se, 0.0) / self.gain.value
        beyond = 1.0 - astier(x, 1.0, curvature) / x > LINEAR_TOLERANCE
        return float(x[int(np.argmax(beyond))]) if beyond.any() else None


def astier(x: Vector, gain: float, curvature: float) -> Vector:
    """Return y = K·x·(e^{tx} − 1)/(tx), t = 2a/K in 1/DN.

    Parameters
    ----------
    x : ndarray of float64
        Mean above dark, DN.
    gain : float
        K, DN/e-.
    curvature : float
        t = 2a/K, 1/DN.
    """
    z = curvature * x
    return gain * x * np.where(np.abs(z) < 1e-8, 1.0 + z / 2.0, np.expm1(z) / np.where(z == 0.0, 1.0, z))


def choose_curve(data: TransferData, fit: GainFit) -> tuple[CurveFit, dict[CurveForm, float]]:
    """Return the transfer curve that BIC prefers over the levels of the gain fit, and the BIC of every candidate.

    A sensor with less than 6 levels in the fit counts as linear, since so few levels cannot show a bend.

    Parameters
    ----------
    data : TransferData
        Flat levels and the dark levels that serve them.
    fit : GainFit
        The straight-line fit.
    """
    chosen = data.select(fit.used)
    candidates = [_linear(chosen, fit)]
    if len(chosen.flats) >= 6:
        candidates += [_astier(chosen, fit), *_piecewise(chosen, fit)]
    best = candidates[0]
    for candidate in candidates[1:]:
        best = candidate if candidate.bic < best.bic - MARGIN else best
    return best, {candidate.form: candidate.bic for candidate in candidates}


def plain_faults(data: TransferData, fit: GainFit) -> dict[str, float]:
    """Return the BIC of two faults of the frames that a break of the gain can absorb, over the levels of the gain fit.

    Parameters
    ----------
    data : TransferData
        All levels.
    fit : GainFit
        The straight fit.

    Returns
    -------
    dict of str to float
        By a description: y = c + K·x, and y = K·x + b·x² with b > 0. Empty for less than six levels.
    """
    chosen = data.select(fit.used)
    if len(chosen.flats) < 6:
        return {}
    x, gain = chosen.x, fit.weighted.value
    off = _iterate(chosen, np.stack([x, np.ones_like(x)], axis=1), np.maximum(chosen.y, 0.0), gain)
    bent = _iterate(chosen, np.stack([x, x**2], axis=1), np.maximum(chosen.y, 0.0), gain)
    found = {"a straight line that misses the origin (darks of another level)": off.bic(0)}
    if bent.parameters[1] > 0:
        found["a term of the squared signal (light that differs within a frame from frame to frame)"] = bent.bic(0)
    return found


@dataclass(frozen=True)
class _Solved:
    """Generalised least squares of y on the columns of a design."""

    parameters: Vector
    covariance: Vector
    inverse: Vector  # ∂parameters/∂y, (parameter, level)
    chi2: float
    logdet: float

    def bic(self, extra: int) -> float:
        """χ² + ln det C + k·ln n, with `extra` parameters that are not columns."""
        levels = self.inverse.shape[1]
        return self.chi2 + self.logdet + (len(self.parameters) + extra) * math.log(levels)


def _parameters(data: TransferData, design: Vector, prediction: Vector, gain: float) -> tuple[Vector, Vector, Vector]:
    """Return the parameters, ∂parameters/∂y and the covariance of y that weighs the levels: that of the variances in `prediction`."""
    weights = data.covariance(gain, from_curve=True, above_dark=prediction)
    towards = np.linalg.solve(weights, design)
    normal = np.linalg.inv(design.T @ towards)
    inverse = normal @ towards.T
    return inverse @ data.y, inverse, weights


def _solve(data: TransferData, design: Vector, prediction: Vector, gain: float) -> _Solved:
    """Fit, the covariance being that of the variances in `prediction`."""
    parameters, inverse, weights = _parameters(data, design, prediction, gain)
    residual = data.y - design @ parameters
    # Weights come from the curve, errors from what was measured: right for pixels of unequal noise too.
    covariance = inverse @ data.covariance(gain, from_curve=False) @ inverse.T
    return _Solved(
        parameters, covariance, inverse, float(residual @ np.linalg.solve(weights, residual)), float(np.linalg.slogdet(weights)[1])
    )


def _iterate(data: TransferData, design: Vector, start: Vector, gain: float) -> _Solved:
    prediction = start
    for _ in range(_ITERATIONS - 1):
        parameters = _parameters(data, design, prediction, gain)[0]
        prediction, gain = design @ parameters, max(float(parameters[0]), 1e-3 * gain)
    return _solve(data, design, prediction, gain)


def _spread(row: Vector, fit: GainFit) -> Vector:
    full = np.zeros(len(fit.used))
    full[fit.used] = row
    return full


def _estimate(solved: _Solved, index: int) -> Estimate:
    return Estimate(float(solved.parameters[index]), math.sqrt(max(float(solved.covariance[index, index]), 0.0)))


def _linear(data: TransferData, fit: GainFit) -> CurveFit:
    """The gain fit itself, seen as a candidate."""
    gain = fit.weighted.value
    solved = _iterate(data, data.x[:, None], gain * data.x, gain)
    return CurveFit(CurveForm.LINEAR, fit.weighted, fit.coefficients, lambda x: gain * x, solved.bic(0), solved.chi2, len(data.flats) - 1)


def _astier(data: TransferData, fit: GainFit) -> CurveFit:
    """K is linear for a given curvature t = 2a/K, which is sought on a line; one linearised step then gives errors."""
    from scipy.optimize import minimize_scalar

    x, gain = data.x, fit.weighted.value

    def at(curvature: float) -> _Solved:
        shape = astier(x, 1.0, curvature)
        return _iterate(data, shape[:, None], gain * shape, gain)

    found = minimize_scalar(
        lambda t: (solved := at(t)).chi2 + solved.logdet, bounds=(_STEEPEST / float(x.max()), 0.0), method="bounded",
        options={"xatol": 1e-5 / float(x.max())},
    )  # fmt: skip
    t = float(found.x)
    inner = at(t)
    k = float(inner.parameters[0])
    step = 1e-4 / float(x.max())
    slope = (astier(x, k, t + step) - astier(x, k, t - step)) / (2.0 * step)
    # Linear in (K, t) about the optimum.
    around = _solve(data, np.stack([astier(x, 1.0, t), slope], axis=1), astier(x, k, t), k)
    se = np.sqrt(np.diag(around.covariance))
    value = 0.5 * k * t
    error = 0.5 * math.sqrt(max(t**2 * se[0] ** 2 + k**2 * se[1] ** 2 + 2.0 * k * t * float(around.covariance[0, 1]), 0.0))
    return CurveFit(
        CurveForm.ASTIER, Estimate(k, float(se[0])), _spread(around.inverse[0], fit), lambda x: astier(x, k, t), inner.bic(1),
        inner.chi2, len(x) - 2, brighter_fatter=Estimate(value, error),
    )  # fmt: skip


def _piecewise(data: TransferData, fit: GainFit) -> list[CurveFit]:
    """Breaks between neighbouring levels, two levels below at least and three above; the best one, or none where K ≤ 0."""
    x = data.x
    order = np.sort(x)
    found: list[tuple[float, _Solved, float, float]] = []
    for index in range(1, len(order) - 3):
        low, high = float(order[index]), float(order[index + 1])
        above = (x > low).astype(np.float64)
        design = np.stack([x * (1.0 - above), above, x * above], axis=1)
        solved = _iterate(data, design, np.maximum(data.y, 0.0), fit.weighted.value)
        if solved.parameters[0] > 0:
            found.append((solved.bic(1), solved, 0.5 * (low + high), high - low))
    if not found:
        return []
    bic, solved, middle, width = min(found, key=lambda candidate: candidate[0])
    # Where the break lies: uniform between its neighbours, and the other places by what BIC leaves them.
    weight = np.array([math.exp(-0.5 * (candidate[0] - bic)) for candidate in found])
    away = np.array([(candidate[2] - middle) ** 2 for candidate in found])
    doubt = math.sqrt(width**2 / 12.0 + float((weight * away).sum() / weight.sum()))
    k, c, k2 = map(float, solved.parameters)
    return [
        CurveFit(
            CurveForm.PIECEWISE, _estimate(solved, 0), _spread(solved.inverse[0], fit),
            lambda x: np.where(x <= middle, k * x, c + k2 * x), bic, solved.chi2, len(x) - 4,
            break_dn=Estimate(middle, doubt), gain_above=_estimate(solved, 2), intercept_above=_estimate(solved, 1),
        )
    ]  # fmt: skip


def transfer_scalars(curve: CurveFit) -> dict[str, Estimate]:
    """Return the parameters of the curve by the names of the table of quantities; those of other curves are not determined.

    Parameters
    ----------
    curve : CurveFit
        The fitted transfer curve.
    """
    found = {
        "brighter_fatter": curve.brighter_fatter,
        "gain_break": curve.break_dn,
        "gain_above_break": curve.gain_above,
        "intercept_above_break": curve.intercept_above,
    }
    return {name: value or Estimate.missing(NotDetermined.OTHER_MODEL) for name, value in found.items()}


def highest_signal(curve: CurveFit, data: TransferData, used: NDArray[np.bool_]) -> float:
    """Return the largest x, DN, to which the curve was seen to hold.

    That is the brightest level of the fit, and brighter ones while each agrees: its y is within 2 % of the curve, or within three
    standard errors.

    Parameters
    ----------
    curve : CurveFit
        The fitted transfer curve.
    data : TransferData
        Flat levels and the dark levels that serve them.
    used : ndarray of bool
        (level,), whether the level is in the fit.
    """
    x, y = data.x, data.y
    highest = float(x[used].max())
    error = np.array([math.sqrt(level.variance_var) for level in data.flats])
    expected = curve.predict(x)
    agrees = np.abs(y - expected) <= np.maximum(LINEAR_TOLERANCE * expected, 3.0 * error)
    for index in np.argsort(x):
        if x[index] > highest:
            if not agrees[index]:
                break
            highest = float(x[index])
    return highest


def transfer_attributes(
    curve: CurveFit, bics: dict[CurveForm, float], offset_dn: float, upper_dn: float, highest_dn: float
) -> dict[str, str | float]:
    """Return what the profile states of the transfer curve: its form, reduced χ², every BIC, and the levels up to which it holds.

    Parameters
    ----------
    curve : CurveFit
        The fitted transfer curve.
    bics : dict of CurveForm to float
        BIC of every candidate.
    offset_dn : float
        Dark level, DN.
    upper_dn : float
        Saturation above dark, DN.
    highest_dn : float
        Largest x to which the curve was seen to hold, DN.
    """
    limit = curve.linear_limit(upper_dn)
    return {
        "transfer_model": str(curve.form),
        "transfer_chi2": curve.chi2 / curve.dof,
        "transfer_hi_dn": offset_dn + highest_dn,
        **{f"transfer_bic_{name}": value for name, value in bics.items()},
        **({} if limit is None else {"linear_hi_dn": offset_dn + limit}),
    }
