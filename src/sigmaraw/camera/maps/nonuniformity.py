"""Fixed pattern of a mean image, split into rows, columns and pixels, each part with its standard error.

For M rows and N columns, s² the variance of the mean image of L frames, cav and rav those of its column and row means, each divided
by the count of its values and corrected for temporal noise (σ²_t that of single pixels, T that of column or row means of one frame,
which holds temporal column or row noise too):
    s² −= σ²_t/L,   cav −= T_col/L,   rav −= T_row/L
    s²_col = [(MN−M)·cav − N·(s² − rav)]/(MN−M−N),   s²_row by symmetry,   s²_pix = MN·(s²−cav−rav)/(MN−M−N)
The three add up to s². Temporal noise can leave an estimate below zero: the value is then 0, and the one-sided 95 % upper limit
√(max(s², 0) + 1.645·SE(s²)) is what the series shows. Reference: EMVA 1288 r4.0, nonuniformity; formula 3.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sigmaraw.camera.measuring.lines import LineNoise
from sigmaraw.camera.values import Estimate, NotDetermined, square_root

PARTS = ("total", "row", "column", "pixel")
UPPER_LIMIT = "not-above-zero"  # the flag of a part whose variance is not significantly above zero
ONE_SIDED_95 = 1.6448536269514722


@dataclass(frozen=True)
class Pattern:
    """Spatial variances of a mean image, temporal noise removed.

    The standard error of the total and of the pixel part is that of this sensor's pattern: temporal noise alone. Row and column parts are
    judged against sensors without rows or columns, so the pattern of the pixels, which leaks into their means, enters too.

    Parameters
    ----------
    shape : tuple of (int, int)
        (rows, columns).
    variance : dict of str to Estimate
        s² with its standard error, DN², by part.
    """

    shape: tuple[int, int]
    variance: Mapping[str, Estimate]


def split(total: float, row_means: float, column_means: float, shape: tuple[int, int]) -> tuple[float, float, float, float]:
    """Return (s², s²_row, s²_col, s²_pix) from s², rav and cav; all in one unit, all corrected for temporal noise.

    Parameters
    ----------
    total : float
        s².
    row_means : float
        rav.
    column_means : float
        cav.
    shape : tuple of (int, int)
        (rows, columns).
    """
    m, n = shape
    rest = m * n - m - n
    row = ((m * n - n) * row_means - m * (total - column_means)) / rest
    column = ((m * n - m) * column_means - n * (total - row_means)) / rest
    return total, row, column, m * n * (total - column_means - row_means) / rest


def pattern(mean: NDArray[np.float64], variance: NDArray[np.float64], frames: int, lines: LineNoise) -> Pattern:
    """Return the fixed pattern of a mean image, by part.

    Parameters
    ----------
    mean : ndarray of float64
        (y, x), temporal mean of each pixel, DN.
    variance : ndarray of float64
        (y, x), temporal variance of each pixel, DN².
    frames : int
        Number of frames behind the mean; 0 where it is not given, and then no noise is removed.
    lines : LineNoise
        Temporal noise of rows and of columns of the same frames.
    """
    m, n = mean.shape
    noise = variance / frames if frames else np.zeros_like(variance)
    row_noise, column_noise = (value / frames if frames else 0.0 for value in (lines.row, lines.column))
    rows, columns = mean.mean(axis=1), mean.mean(axis=0)
    total = float(mean.var()) - float(noise.mean())
    pixels = _pixel_error(mean, noise, frames)
    if (m - 1) * (n - 1) <= 1:
        absent = Estimate.missing(NotDetermined.TOO_FEW_PIXELS)
        return Pattern((m, n), {"total": Estimate(total, math.sqrt(pixels)), "row": absent, "column": absent, "pixel": absent})
    values = split(total, float(rows.var()) - row_noise, float(columns.var()) - column_noise, (m, n))
    _, row, column, pixel = (max(value, 0.0) for value in values)
    dof = max(frames - 1, 1)
    # Line means: cross term of pattern and disturbance, the disturbance itself, and the error of what is subtracted.
    row_total, column_total = pixel / n + row_noise, pixel / m + column_noise
    row_var = (4.0 * row * row_total + 2.0 * row_total**2 + 2.0 * row_noise**2 / dof) / m
    column_var = (4.0 * column * column_total + 2.0 * column_total**2 + 2.0 * column_noise**2 / dof) / n
    # Noise that a whole row or column shares does not average over its pixels.
    shared_row = max(row_noise - float(noise.mean()) / n, 0.0)
    shared_column = max(column_noise - float(noise.mean()) / m, 0.0)
    shared = (4.0 * row * shared_row + 4.0 * shared_row**2) / m + (4.0 * column * shared_column + 4.0 * shared_column**2) / n
    single = _pixel_error(mean - rows[:, None] - columns[None, :] + mean.mean(), noise, frames)
    leak = 2.0 * (pixel / m + column_noise) ** 2 / n + 2.0 * (pixel / n + row_noise) ** 2 / m
    rounded = [_rounding_error(value, float(variance.mean()), frames) for value in (total, row, column, pixel)]
    errors = (pixels + shared, row_var + single / n**2, column_var + single / m**2, single + leak)
    errors = tuple(error + extra for error, extra in zip(errors, rounded, strict=True))
    return Pattern((m, n), {part: Estimate(value, math.sqrt(error)) for part, value, error in zip(PARTS, values, errors, strict=True)})


def _pixel_error(mean: NDArray[np.float64], noise: NDArray[np.float64], frames: int) -> float:
    """Return Var(s² − σ²_t/L), DN⁴, for this pattern d under independent pixel noise of variance v: [4Σd²v + 2Σv²·L/(L−1)]/(MN)².

    d² is measured with v on top, and v² with a factor (L+1)/(L−1): both are corrected for.
    """
    if frames < 2:
        return 0.0
    square = float((noise * noise).mean()) * (frames - 1) / (frames + 1)
    deviation = mean - mean.mean()
    cross = max(float((deviation * deviation * noise).mean()) - square, 0.0)
    return (4.0 * cross + 2.0 * square * frames / (frames - 1)) / mean.size


def _rounding_error(spatial: float, variance: float, frames: int) -> float:
    """Return the squared uncertainty, DN⁴, that rounding leaves in a spatial variance s², for an unknown phase φ of the mean.

    The mean of round(x), x ~ N(μ, σ²), is μ − exp(−2π²σ²)·sin(2πμ)/π + …; over μ ~ N(·, s²) that changes s² by −4s²·exp(−2π²(σ² + s²))·cos
    2πφ, of which half the squared amplitude is the mean square.

    Parameters
    ----------
    variance : float
        σ² + 1/12, DN².
    """
    if not frames or spatial <= 0:
        return 0.0
    return 0.5 * (4.0 * spatial * math.exp(-2.0 * math.pi**2 * (max(variance - 1.0 / 12.0, 0.0) + spatial))) ** 2


def response_variance(bright: Pattern, dark: Pattern) -> dict[str, Estimate]:
    """Return s²_bright − s²_dark by part, DN²: the pattern of the photo response.

    The two patterns are independent in law, not on one sensor: their chance correlation over n values leaves 4·s²_dark·s²_response/n.

    Parameters
    ----------
    bright : Pattern
        Pattern of a flat level.
    dark : Pattern
        Pattern of the dark level.
    """
    m, n = bright.shape
    values: dict[str, Estimate] = {}
    crosses: dict[str, float] = {}
    for part, size in (("row", m), ("column", n), ("pixel", m * n)):
        light, shade = bright.variance[part], dark.variance[part]
        if light.reason is not None:
            values[part] = light
            continue
        difference = light.value - shade.value
        crosses[part] = 4.0 * max(shade.value, 0.0) * max(difference, 0.0) / size
        values[part] = Estimate(difference, math.sqrt(light.se**2 + shade.se**2 + crosses[part]))
    light, shade = bright.variance["total"], dark.variance["total"]
    difference = light.value - shade.value
    cross = sum(crosses.values()) if crosses else 4.0 * max(shade.value, 0.0) * max(difference, 0.0) / (m * n)
    return {"total": Estimate(difference, math.sqrt(light.se**2 + shade.se**2 + cross)), **values}


def deviations(
    name: str, variances: Mapping[str, Estimate], scale: Estimate
) -> tuple[dict[str, Estimate], dict[str, dict[str, float | str]]]:
    """Return standard deviations √max(s², 0)·scale named `name`, `name`_row …, and the flags and limits of those not above zero.

    Parameters
    ----------
    name : str
        "prnu" or "dsnu".
    variances : dict of str to Estimate
        s² by part.
    scale : Estimate
        Factor to the unit of the quantity, with its standard error.
    """
    found: dict[str, Estimate] = {}
    flags: dict[str, dict[str, float | str]] = {}
    for part in PARTS:
        square = variances[part]
        key = name if part == "total" else f"{name}_{part}"
        if square.reason is not None:
            found[key] = square
            continue
        root = square_root(square.value, square.se)
        found[key] = Estimate(root.value * scale.value, math.hypot(root.se * scale.value, root.value * scale.se))
        if square.value <= ONE_SIDED_95 * square.se:
            limit = scale.value * math.sqrt(max(square.value, 0.0) + ONE_SIDED_95 * square.se)
            flags[key] = {"flag": UPPER_LIMIT, "upper_limit": limit}
    return found, flags
