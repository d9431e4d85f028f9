"""Evidence of many rows at once from their predictions: estimates, influences of single replicas, rare changes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.errors import UndefinedStatistic
from sigmaraw.statistics.evidence import Evidence
from sigmaraw.statistics.spread import Floats, c4, centred

FEW_EVENTS = 8
"""Up to so many rare changes their Clopper–Pearson limits stand alone for the ratio: the jackknife has no dof to speak of."""


def measure(
    raw: Floats,
    decoded: Floats,
    group: int,
    *,
    step: float | Floats = math.nan,
    discrete: bool | NDArray[np.bool_] = False,
    u_relative: float | Floats = 0.0,
    spread_factor: float | Floats = 1.0,
    in_unit: bool = False,
    difference: Floats | None = None,
) -> Evidence:
    """Return the evidence of many rows that share a codec's group.

    Parameters
    ----------
    raw : ndarray, float64, (row, group, replica)
        f on the raw replicas of every group, the measurement's unit; finite.
    decoded : ndarray, float64, (row, replica)
        f∘C on the replicas of the codec's group.
    group : int
        The codec's group.
    step : float or ndarray (row,)
        What a change that no replica showed has as its size, the measurement's unit; NaN where nothing says (`step_of`).
    discrete : bool or ndarray (row,)
        Predictions take isolated values, as counts do: an equal D in most replicas is then no proof of a constant one.
    u_relative : float or ndarray (row,)
        Relative standard uncertainty of σ_raw from replica mode and calibration, 1.
    spread_factor : float or ndarray (row,)
        Ratio of σ_raw to the spread of the replicas, a bare number.
    in_unit : bool
        Shift and RMS in the measurement's unit, for margins; σ_raw and its uncertainty then play no part.
    difference : ndarray, float64, (row, replica), optional
        D, where the caller has it with less rounding than decoded − raw.

    Returns
    -------
    Evidence
        Evidence with one entry per row.

    Raises
    ------
    UndefinedStatistic
        Shapes do not fit, there are less than two replicas, or values are not finite.

    References
    ----------
    formula 2.3, formula 2.4, formula 2.5 and formula 2.9; Pitman, Biometrika 31, 9 (1939); Efron and Stein, Ann. Stat. 9, 586 (1981).
    """
    raw, decoded = np.asarray(raw, dtype=np.float64), np.asarray(decoded, dtype=np.float64)
    if raw.ndim != 3 or raw.shape[2] < 2 or decoded.shape != (raw.shape[0], raw.shape[2]) or not 0 <= group < raw.shape[1]:
        raise UndefinedStatistic(
            f"raw predictions of shape {raw.shape}, decoded ones of shape {decoded.shape}, group {group}",
            "(row, group, replica) and (row, replica) with at least 2 replicas",
            "make more replicas (n)",
        )
    if not (np.isfinite(raw).all() and np.isfinite(decoded).all()):
        raise UndefinedStatistic("predictions that are not finite", "finite numbers", "look at these replicas; none is dropped")
    rows, _, n = raw.shape
    x = raw[:, group]
    difference = decoded - x if difference is None else difference
    steps = np.broadcast_to(np.asarray(step, dtype=np.float64), (rows,))
    # A constant D differs from it by rounding: (x + c) − x is c to a few units in the last place.
    rounding = 8.0 * np.finfo(np.float64).eps * np.maximum(np.abs(x).max(axis=-1), np.abs(decoded).max(axis=-1))
    isolated = np.broadcast_to(np.asarray(discrete), (rows,))
    rare, usual, event = _rare_changes(difference, isolated, rounding)
    sigma, psi_sigma, dof = _sigma(raw, np.broadcast_to(np.asarray(spread_factor, dtype=np.float64), (rows,)), in_unit)
    relative = np.zeros(rows) if in_unit else np.broadcast_to(np.asarray(u_relative, dtype=np.float64), (rows,)).copy()
    with np.errstate(all="ignore"):
        floor = 0.0 if in_unit else 0.5 / (raw[0].size * (n - 1))
        return Evidence(
            n=n,
            u_relative=relative,
            sigma_dof=math.inf if in_unit else dof,
            rare=rare,
            events=event.sum(axis=-1).astype(np.float64),
            **_shift(difference, sigma, psi_sigma, floor, dof, group, in_unit),
            **_rms(difference, sigma, psi_sigma, floor, dof, group, rare, usual, event, in_unit),
            **_ratio(x, decoded, difference, rare, event, steps, rounding, isolated),
            **_event_sizes(difference, sigma, steps, rare, usual, event),
        )


def step_of(raw: Floats, decoded: Floats, discrete: bool) -> float:
    """Return the distance between neighbouring values of a measurement: what a change that was not seen may have as its size.

    Discrete predictions: the smallest gap between two of them, 1 for whole numbers without a gap; NaN where neither says. Others have no
    step: the range of the raw predictions stands for it.

    Examples
    --------
    >>> step_of(np.array([[3.0, 3.0, 5.0]]), np.array([3.0, 4.0, 5.0]), discrete=True)
    1.0
    """
    if not discrete:
        return float(raw.max() - raw.min())
    values = np.unique(np.concatenate([np.ravel(raw), np.ravel(decoded)]))
    whole = bool((values == np.rint(values)).all())
    if values.size > 1:
        smallest = float(np.diff(values).min())
        return math.gcd(*(int(gap) for gap in np.diff(values))) * 1.0 if whole and abs(values).max() < 2**53 else smallest
    return 1.0 if whole else math.nan


def effective_dofs(psi: Floats, limit: float | Floats) -> Floats:
    """Return 2(Σψ²)²/(Σψ⁴ − (Σψ²)²/n) over the last axis, within [1, limit] (`spread.effective_dof` for many rows)."""
    largest = np.abs(psi).max(axis=-1, keepdims=True)
    squares = (psi / np.where(largest > 0.0, largest, 1.0)) ** 2
    second = squares.sum(axis=-1)
    excess = (squares**2).sum(axis=-1) - second**2 / psi.shape[-1]
    return np.clip(np.where(excess > 0.0, 2.0 * second**2 / np.where(excess > 0.0, excess, 1.0), limit), 1.0, limit)


def _guarded(psi: Floats, floor: float | Floats, limit: float | Floats, share: float | Floats = 0.5) -> tuple[Floats, Floats]:
    """Return √(Σψ² + max ψ² + floor) and a share of the effective dof, 1 at least."""
    squares = psi**2
    return np.sqrt(squares.sum(axis=-1) + squares.max(axis=-1) + floor), np.maximum(share * effective_dofs(psi, limit), 1.0)


def _sigma(raw: Floats, factor: Floats, in_unit: bool) -> tuple[Floats, Floats, int]:
    """Return σ_raw (row), its influence on ln s (row, group, replica) and ν; 1 and zeros where σ_raw plays no part."""
    dof = raw.shape[1] * (raw.shape[2] - 1)
    if in_unit:
        return np.ones(raw.shape[0]), np.zeros_like(raw), dof
    squares = centred(raw) ** 2
    variance = squares.sum(axis=(1, 2)) / dof
    scale = np.where(variance > 0.0, variance, 1.0)[:, None, None]
    psi = (squares - squares.mean(axis=(1, 2), keepdims=True)) / (2.0 * scale * dof)
    return factor * np.sqrt(variance) / c4(dof), psi, dof


def _rare_changes(difference: Floats, discrete: NDArray[np.bool_], rounding: Floats) -> tuple[NDArray[np.bool_], Floats, NDArray[np.bool_]]:
    """Return (row) whether D rarely leaves one value, that value, and (row, replica) where it does.

    A constant shift of a continuous measurement is no rare change: the value must be 0, or the measurement discrete.
    """
    n = difference.shape[-1]
    usual = np.partition(difference, n // 2, axis=-1)[:, n // 2]
    event = np.abs(difference - usual[:, None]) > rounding[:, None]
    rare = (event.sum(axis=-1) < 0.5 * n) & ((np.abs(usual) <= rounding) | discrete)
    return rare, usual, event & rare[:, None]


def _shift(difference: Floats, sigma: Floats, psi_sigma: Floats, floor: float, dof: int, group: int, in_unit: bool) -> dict[str, Any]:
    """Return the shift with its normal-theory and its guarded influence uncertainty."""
    n = difference.shape[-1]
    residual = centred(difference)
    value = difference.mean(axis=-1) / sigma
    from_mean = (residual**2).sum(axis=-1) / ((n - 1) * n * sigma**2)
    from_sigma = np.zeros_like(value) if in_unit else value**2 / (2 * dof)
    psi = -value[:, None, None] * psi_sigma
    by_influence = (psi**2).sum(axis=(1, 2))
    psi[:, group] += residual / (sigma[:, None] * math.sqrt(n * (n - 1)))
    flat = psi.reshape(len(value), -1)
    u, freedom = _guarded(flat, floor * value**2, float(n - 1) if in_unit else float(dof))
    return {
        "shift": value,
        "u_normal": np.sqrt(from_mean + from_sigma),
        "dof_normal": _welch(from_mean, n - 1.0, from_sigma, float(dof)),
        "u_shift": u,
        "dof_shift": np.minimum(freedom, np.maximum(0.5 * _welch(from_mean, n - 1.0, by_influence, float(dof)), 1.0)),
    }


def _welch(first: Floats, first_dof: float, second: Floats, second_dof: float) -> Floats:
    total = first**2 / first_dof + second**2 / second_dof
    return np.where(total > 0.0, (first + second) ** 2 / np.where(total > 0.0, total, 1.0), second_dof)


def _rms(
    difference: Floats,
    sigma: Floats,
    psi_sigma: Floats,
    floor: float,
    dof: int,
    group: int,
    rare: NDArray[np.bool_],
    usual: Floats,
    event: NDArray[np.bool_],
    in_unit: bool,
) -> dict[str, Any]:
    """Return RMS(D) with its F and its guarded jackknife uncertainty.

    Where changes are rare their number has Clopper–Pearson limits, and ψ holds only how their sizes vary.
    """
    n = difference.shape[-1]
    squares = difference**2
    second = squares.mean(axis=-1)
    psi = -psi_sigma.copy()
    total = squares.sum(axis=-1, keepdims=True)
    left_out = 0.5 * np.log(np.maximum(total - squares, 0.0) / np.where(total > 0.0, total, 1.0))
    jackknife = -(left_out - left_out.mean(axis=-1, keepdims=True)) * math.sqrt((n - 1) / n)
    count = np.maximum(event.sum(axis=-1), 1)
    mean = np.where(event, squares, 0.0).sum(axis=-1) / count
    sizes = np.where(event, squares - mean[:, None], 0.0) / (2.0 * n * np.where(second > 0.0, second, 1.0)[:, None])
    sizes *= np.sqrt(count / np.maximum(count - 1, 1))[:, None]
    few = rare & (event.sum(axis=-1) <= FEW_EVENTS)
    psi[:, group] += np.where(few[:, None], sizes, np.nan_to_num(jackknife, nan=0.0, posinf=1e6, neginf=-1e6))
    u, freedom = _guarded(psi.reshape(len(second), -1), floor, float(n - 1) if in_unit else float(dof))
    noise = (centred(difference) ** 2).sum(axis=-1) / (n - 1)
    mean2 = np.maximum(difference.mean(axis=-1) ** 2 - noise / n, 0.0)
    spread = noise * (noise + 2.0 * mean2)
    matched = np.where(spread <= 1e-9 * n * (mean2 + noise) ** 2, 1e9, n * (mean2 + noise) ** 2 / np.where(spread > 0.0, spread, 1.0))
    return {
        "rms": np.sqrt(second) / sigma,
        "square": second / sigma**2,
        "u_rms": u,
        "dof_rms": freedom,
        "f_dof": np.where(few, math.nan, matched),
    }


def _ratio(
    x: Floats,
    decoded: Floats,
    difference: Floats,
    rare: NDArray[np.bool_],
    event: NDArray[np.bool_],
    step: Floats,
    rounding: Floats,
    discrete: NDArray[np.bool_],
) -> dict[str, Any]:  # floats, and one array of bool
    """Return ln ρ with 1 − r² for Pitman–Morgan and the guarded jackknife uncertainty.

    The paired jackknife of a continuous measurement keeps all of its effective dof: what raw and decoded predictions share cancels in it,
    and at the limit it errs in 5 % without halving (docs/explanation/error-rates.md).
    """
    n = x.shape[-1]
    before, after, change = centred(x), centred(decoded), centred(difference)
    xx, yy = before**2, after**2
    sx, sy = xx.sum(axis=-1), yy.sum(axis=-1)
    dd, xd = (change**2).sum(axis=-1), (before * change).sum(axis=-1)
    same = dd <= n * rounding**2
    left_out = 0.5 * (np.log(np.maximum(sy[:, None] - yy * n / (n - 1), 0.0)) - np.log(np.maximum(sx[:, None] - xx * n / (n - 1), 0.0)))
    jackknife = -(left_out - left_out.mean(axis=-1, keepdims=True)) * math.sqrt((n - 1) / n)
    influence = 0.5 * (yy / sy[:, None] - xx / sx[:, None])
    few = rare & (event.sum(axis=-1) <= FEW_EVENTS)
    psi = np.where(few[:, None], np.where(event, 0.0, influence), jackknife)
    u, freedom = _guarded(np.nan_to_num(psi, nan=1e6, posinf=1e6, neginf=-1e6), 0.0, n - 1.0, np.where(discrete, 0.5, 1.0))
    ratio = np.where(same, 0.0, 0.5 * (np.log(sy) - np.log(sx)))
    usual = np.partition(decoded, n // 2, axis=-1)[:, n // 2]
    others = (decoded != usual[:, None]).sum(axis=-1)
    width = (np.maximum(x.max(axis=-1), decoded.max(axis=-1)) - np.minimum(x.min(axis=-1), decoded.min(axis=-1))) ** 2 * n / sx
    return {
        "ln_ratio": np.where(sx > 0.0, ratio, math.nan),
        "morgan": np.where(few, 0.0, np.maximum(sx * dd - xd**2, 0.0) / (sx * np.where(sy > 0.0, sy, 1.0))),
        "u_ratio": np.where(same, 0.0, u),
        "dof_ratio": freedom,
        "same_spread": same,
        "few_others": np.where((others < 0.5 * n) & (~rare | (sy == 0.0)) & ~same, others, math.nan),
        "few_variance": sy / sx,
        "few_width": width,
        "event_variance": _event_variance(before, after, difference, sy, rare, event, step),
    }


def _event_variance(
    before: Floats,
    after: Floats,
    difference: Floats,
    squares: Floats,
    rare: NDArray[np.bool_],
    event: NDArray[np.bool_],
    step: Floats,
) -> Floats:
    """Return what one rare change does to the variance, over the variance after the codec.

    The mean |change of (χ − χ̄)²| of those seen, but no less than the mean square of their D, which is what changes that do not depend
    on χ do on average; one step, where the prediction lies one spread off, if none was seen.
    """
    n, count = before.shape[-1], event.sum(axis=-1)
    variance = squares / (n - 1)
    unseen = step * (2.0 * np.sqrt((before**2).sum(axis=-1) / (n - 1)) + step)
    seen = np.where(event, np.abs(after**2 - before**2), 0.0).sum(axis=-1) / np.maximum(count, 1)
    usual = np.partition(difference, n // 2, axis=-1)[:, n // 2]
    square = np.where(event, (difference - usual[:, None]) ** 2, 0.0).sum(axis=-1) / np.maximum(count, 1)
    size = np.where(count > 0, np.maximum(seen, square), np.where(np.isfinite(unseen), unseen, math.inf))
    return np.where(rare, size / variance, 0.0)


def _event_sizes(
    difference: Floats, sigma: Floats, step: Floats, rare: NDArray[np.bool_], usual: Floats, event: NDArray[np.bool_]
) -> dict[str, Any]:
    """Return how large rare changes are: those seen, or one step where none was; an unknown step leaves the size unbounded."""
    count = event.sum(axis=-1)
    unseen = np.where(np.isfinite(step), step, math.inf)
    shift = np.where(event, np.abs(difference - usual[:, None]), 0.0).sum(axis=-1) / np.maximum(count, 1)
    square = np.where(event, difference**2 - usual[:, None] ** 2, 0.0).sum(axis=-1) / np.maximum(count, 1)
    shift = np.where(count > 0, shift, unseen)
    square = np.where(count > 0, np.maximum(square, 0.0), (unseen + np.abs(usual)) ** 2 - usual**2)
    return {
        "event_shift": np.where(rare, shift / sigma, 0.0),
        "event_square": np.where(rare, square / sigma**2, 0.0),
    }
