"""What a codec does to the noise: moments of raw and decoded replicas that add up over blocks and images.

For a block of b replicas R_1 … R_b of one image, decoded to C_1 … C_b, and per pixel: error e_i = C_i − R_i; noise
n_i = R_i − R̄; mean over the block R̄, C̄, ē. Sums run over replicas and pixels, "within" sums of squares over the deviations
from the block's own mean of that pixel, and their degrees of freedom are (b − 1)·pixels, so that blocks of any size may be added.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.errors import InvalidOption, ShapeMismatch, UndefinedStatistic


@dataclass(frozen=True)
class QualityMoments:
    """Summable moments of one or more blocks; all in DN, DN² or pure numbers.

    count : values, replicas × pixels. dof : Σ(b − 1)·pixels. sum_error : Σe. sum_scaled : Σe²/V. raw_within : Σ(R − R̄)².
    decoded_within : Σ(C − C̄)². error_within : Σ(e − ē)². error_raw_within : Σ(e − ē)(R − R̄). max_error : max|e|.
    """

    count: int
    dof: int
    sum_error: float
    sum_scaled: float
    raw_within: float
    decoded_within: float
    error_within: float
    error_raw_within: float
    max_error: float


class Undefined(StrEnum):
    """Why a value cannot be determined."""

    NO_REPLICATION = "every block has one replica: no temporal variance"
    RAW_CONSTANT = "raw replicas do not vary"
    ERROR_CONSTANT = "the error does not vary over replicas"


def block_quality(raw_block: NDArray[Any], decoded_block: NDArray[Any], variance_dn2: NDArray[np.float64] | float) -> QualityMoments:
    """Return the moments of a block of raw replicas and their decoded versions.

    Replicas are taken one at a time, so that memory is a few frames, whatever the block's size.

    Parameters
    ----------
    raw_block, decoded_block : (replica, y, x) or (replica, z, y, x), DN.
    variance_dn2 : V of the image, broadcastable to one frame, DN², > 0.

    Raises
    ------
    ShapeMismatch : different shapes, or no replica. InvalidOption : V not above 0.

    Reference: SCIENCE 5, "per codec result".
    """
    if raw_block.shape != decoded_block.shape or raw_block.ndim < 2 or raw_block.size == 0:
        raise ShapeMismatch(
            f"blocks of shapes {raw_block.shape} and {decoded_block.shape}", "one shape (replica, …)", "decode every replica"
        )
    variance = np.asarray(variance_dn2, dtype=np.float64)
    if not np.all(variance > 0):
        raise InvalidOption("a raw variance that is not above 0 DN²", "V > 0 for every pixel", "take it from NoiseModel.variance")
    frame = raw_block.shape[1:]
    # Deviations are taken from the first replica: whole numbers near zero, so that sums of squares lose nothing.
    base_raw, base_error = raw_block[0].astype(np.float64), decoded_block[0].astype(np.float64) - raw_block[0]
    sums = {name: np.zeros(frame) for name in ("n", "c", "e", "nn", "cc", "ee", "en")}
    scaled = maximum = total = 0.0
    for raw, decoded in zip(raw_block, decoded_block, strict=True):
        values = raw.astype(np.float64)
        error = decoded - values
        scaled += float(np.sum(error * error / variance))
        maximum = max(maximum, float(np.abs(error).max()))
        total += float(error.sum())
        n, e = values - base_raw, error - base_error
        c = n + e  # decoded, from its own first replica
        for name, term in (("n", n), ("c", c), ("e", e), ("nn", n * n), ("cc", c * c), ("ee", e * e), ("en", e * n)):
            sums[name] += term
    replicas = len(raw_block)

    def within(first: str, second: str) -> float:
        return float(np.sum(sums[first + second] - sums[first] * sums[second] / replicas))

    return QualityMoments(
        count=raw_block.size,
        dof=(replicas - 1) * math.prod(frame),
        sum_error=total,
        sum_scaled=scaled,
        raw_within=within("n", "n"),
        decoded_within=within("c", "c"),
        error_within=within("e", "e"),
        error_raw_within=within("e", "n"),
        max_error=maximum,
    )


def combine(blocks: Iterable[QualityMoments]) -> dict[str, float]:
    """Return the quality over all blocks, NaN where `undefined` gives a reason; sums are exact, so order does not matter.

        rz = √(Σe²/V / count)                                          1     error in units of the raw noise
        bias_dn = Σe / count                                           DN
        noise_std_ratio = √(Σ(C − C̄)² / Σ(R − R̄)²)                     1     temporal noise after the codec over that before
        error_noise_correlation = Σ(e − ē)(R − R̄) / √(Σ(e − ē)²·Σ(R − R̄)²)   1     −1 removes noise, 0 adds independent noise
        max_error_dn = max|e|                                          DN

    Both within-block ratios are of sums with (b − 1)·pixels degrees of freedom above and below, so neither depends on how
    replicas were put into blocks, beyond scatter.

    Raises
    ------
    UndefinedStatistic : no block at all.
    """
    blocks = list(blocks)
    reasons = undefined(blocks)
    total = {item.name: math.fsum(getattr(block, item.name) for block in blocks) for item in fields(QualityMoments)}
    ratio = correlation = math.nan
    if "noise_std_ratio" not in reasons:
        ratio = math.sqrt(total["decoded_within"] / total["raw_within"])
    if "error_noise_correlation" not in reasons:
        cosine = total["error_raw_within"] / math.sqrt(total["error_within"] * total["raw_within"])
        correlation = min(1.0, max(-1.0, cosine))  # rounding alone can leave the interval
    return {
        "rz": math.sqrt(total["sum_scaled"] / total["count"]),
        "bias_dn": total["sum_error"] / total["count"],
        "noise_std_ratio": ratio,
        "error_noise_correlation": correlation,
        "max_error_dn": max(block.max_error for block in blocks),
    }


def undefined(blocks: Iterable[QualityMoments]) -> dict[str, Undefined]:
    """Return, by key of `combine`, the reason for each value that these blocks do not determine.

    Raises
    ------
    UndefinedStatistic : no block at all.
    """
    blocks = list(blocks)
    if not blocks:
        raise UndefinedStatistic("no block of replicas", "at least one", "decode at least one replica")
    if not any(block.dof for block in blocks):
        return dict.fromkeys(("noise_std_ratio", "error_noise_correlation"), Undefined.NO_REPLICATION)
    if not any(block.raw_within for block in blocks):
        return dict.fromkeys(("noise_std_ratio", "error_noise_correlation"), Undefined.RAW_CONSTANT)
    if not any(block.error_within for block in blocks):
        return {"error_noise_correlation": Undefined.ERROR_CONSTANT}
    return {}


def block_quality_slow(raw_block: NDArray[Any], decoded_block: NDArray[Any], variance_dn2: NDArray[np.float64] | float) -> QualityMoments:
    """Return what `block_quality` returns, straight from the definitions: the readable twin that tests hold it against."""
    raw, decoded = raw_block.astype(np.float64), decoded_block.astype(np.float64)
    error = decoded - raw
    deviation = {name: values - values.mean(axis=0) for name, values in (("n", raw), ("c", decoded), ("e", error))}
    return QualityMoments(
        count=raw.size,
        dof=(len(raw) - 1) * raw[0].size,
        sum_error=float(error.sum()),
        sum_scaled=float((error**2 / variance_dn2).sum()),
        raw_within=float((deviation["n"] ** 2).sum()),
        decoded_within=float((deviation["c"] ** 2).sum()),
        error_within=float((deviation["e"] ** 2).sum()),
        error_raw_within=float((deviation["e"] * deviation["n"]).sum()),
        max_error=float(np.abs(error).max()),
    )
