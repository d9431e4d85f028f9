"""What a codec does to the noise: moments of raw and decoded replicas that add up over blocks and images.

For a block of b replicas R_1 … R_b of one image, decoded to C_1 … C_b, and per pixel: error e_i = C_i − R_i; noise
n_i = R_i − R̄; mean over the block R̄, C̄, ē. Sums run over replicas and pixels, "within" sums of squares over the deviations
from the block's own mean of that pixel, and their degrees of freedom are (b − 1)·pixels, so that blocks of any size may be added.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.errors import InvalidOption, ShapeMismatch, UndefinedStatistic
from sigmaraw.metrics.images import largest

TOLERATED_REMOVAL = 0.05  # share of the raw noise that a codec may remove without an alarm
_ONE_SIDED = 1.96  # standard normal quantile at 97.5 %: with few rows, 1.645 gave 6 % of false alarms
_FEWEST_CLUSTERS = 10

Variance = NDArray[np.float64] | float | Callable[[int], NDArray[np.float64]]


@dataclass(frozen=True)
class QualityMoments:
    """Summable moments of one or more blocks; all in DN, DN² or pure numbers.

    count : values, replicas × pixels. dof : Σ(b − 1)·pixels. sum_error : Σe. sum_scaled : Σe²/V. raw_within : Σ(R − R̄)².
    decoded_within : Σ(C − C̄)². error_within : Σ(e − ē)². error_raw_within : Σ(e − ē)(R − R̄). max_error : max|e|.
    error_lag : Σ(e − ē)(e′ − ē′) over neighbours e′ in x and in y, of which lag_dof is (b − 1)·pairs.
    clusters : rows of pixels, for the standard error of the noise that is removed: with A = Σ(e − ē)(R − R̄) and B = Σ(R − R̄)² of a
    row, cross_cross : ΣA², cross_raw : ΣAB, raw_raw : ΣB².
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
    error_lag: float
    lag_dof: int
    clusters: int
    cross_cross: float
    cross_raw: float
    raw_raw: float


class QualityReason(StrEnum):
    """Why a value cannot be determined."""

    NO_REPLICATION = "every block has one replica: no temporal variance"
    RAW_CONSTANT = "raw replicas do not vary"
    ERROR_CONSTANT = "the error does not vary over replicas"
    ONE_PIXEL = "no pixel has a neighbour"
    FEW_ROWS = "fewer than 10 rows of pixels over all blocks: no standard error"


class BlockQuality:
    """Takes a block's replicas one after the other and returns the block's moments.

    What grows with the frame are two sums per pixel, two per row, and the first replica, raw and decoded: 12 bytes a pixel for uint16,
    however many replicas come. All sums but Σe²/V are of whole numbers, and exact.

    Parameters
    ----------
    shape : tuple of int
        Of one frame, (y, x) or (z, y, x).
    variance_dn2 : float, ndarray or callable
        V of the image, DN², > 0: a number, an array that broadcasts to a frame, or a function of the plane's number that returns the
        plane's (y, x); the last spares a float64 copy of a volume.

    Notes
    -----
    formula 5, "per codec result".
    """

    def __init__(self, shape: tuple[int, ...], variance_dn2: Variance) -> None:
        self._shape, self._variance = shape, variance_dn2
        self._planes = (math.prod(shape[:-2]), *shape[-2:])
        self._sum_raw, self._sum_error = (np.zeros(self._planes, np.int32) for _ in range(2))  # of deviations from the first replica
        self._first: tuple[NDArray[np.integer], NDArray[np.integer]] | None = None
        self._replicas = self._max = 0
        self._total = {"e": 0, "ee": 0, "lag": 0}
        self._rows = {name: np.zeros(self._planes[:2], np.int64) for name in ("nn", "en")}
        self._scaled = 0.0

    def add(self, raw: NDArray[np.integer], decoded: NDArray[np.integer]) -> None:
        """Take one replica and its decoded version, both of the frame's shape, DN. Raises ShapeMismatch, InvalidOption."""
        if raw.shape != self._shape or decoded.shape != self._shape:
            raise ShapeMismatch(
                f"a replica of shape {raw.shape} decoded to {decoded.shape}", f"{self._shape} twice", "decode every replica"
            )
        raw, decoded = raw.reshape(self._planes), decoded.reshape(self._planes)
        if self._first is None:
            self._first = (raw.copy(), decoded.copy())
        self._replicas += 1
        for number, (raw_plane, decoded_plane) in enumerate(zip(raw, decoded, strict=True)):
            self._add_plane(number, raw_plane.astype(np.float64), decoded_plane.astype(np.float64))

    def _add_plane(self, number: int, raw: NDArray[np.float64], decoded: NDArray[np.float64]) -> None:
        assert self._first is not None
        first_raw, first_decoded = self._first[0][number], self._first[1][number]
        error = decoded - raw
        n, e = raw - first_raw, error + first_raw - first_decoded
        self._sum_raw[number] += n.astype(np.int32)
        self._sum_error[number] += e.astype(np.int32)
        self._rows["nn"][number] += _of_rows(n, n)
        self._rows["en"][number] += _of_rows(e, n)
        self._total["e"] += int(error.sum())
        self._total["ee"] += int(_of_rows(e, e).sum())
        self._total["lag"] += _neighbours(e)
        self._max = max(self._max, largest(error))
        error *= error
        error /= self._plane_variance(number)
        self._scaled += float(error.sum())

    def _plane_variance(self, number: int) -> NDArray[np.float64]:
        if callable(self._variance):
            return _positive(self._variance(number))
        if self._replicas == 1:
            _positive(self._variance)
        return np.broadcast_to(self._variance, self._shape).reshape(self._planes)[number]

    def moments(self) -> QualityMoments:
        """Return the moments of all replicas so far. Raises ShapeMismatch where there is none."""
        if not self._replicas:
            raise ShapeMismatch("a block without replicas", "at least one", "decode at least one replica")
        pixels = math.prod(self._shape)
        ee, lag = self._total["ee"] * self._replicas, self._total["lag"] * self._replicas  # here and below: times the number of replicas
        rows = {name: sums * self._replicas for name, sums in self._rows.items()}
        for number, (plane_raw, plane_error) in enumerate(zip(self._sum_raw, self._sum_error, strict=True)):
            # A sum over replicas may pass 2³², and a product of two 2⁵³: float64 would no longer be exact.
            n, e = plane_raw.astype(np.int64), plane_error.astype(np.int64)
            ee, lag = ee - int(_of_rows(e, e).sum()), lag - _neighbours(e)
            rows["nn"][number] -= _of_rows(n, n)
            rows["en"][number] -= _of_rows(e, n)
        nn, en = int(rows["nn"].sum()), int(rows["en"].sum())
        cross, raw_squares = rows["en"] / self._replicas, rows["nn"] / self._replicas
        return QualityMoments(
            count=self._replicas * pixels,
            dof=(self._replicas - 1) * pixels,
            sum_error=float(self._total["e"]),
            sum_scaled=self._scaled,
            raw_within=nn / self._replicas,
            decoded_within=(nn + 2 * en + ee) / self._replicas,  # c = n + e
            error_within=ee / self._replicas,
            error_raw_within=en / self._replicas,
            max_error=float(self._max),
            error_lag=lag / self._replicas,
            lag_dof=(self._replicas - 1) * _pairs(self._planes),
            clusters=cross.size,
            cross_cross=float(np.sum(cross * cross)),
            cross_raw=float(np.sum(cross * raw_squares)),
            raw_raw=float(np.sum(raw_squares * raw_squares)),
        )


_Whole = NDArray[np.float64] | NDArray[np.int64]


def _of_rows(a: _Whole, b: _Whole) -> NDArray[np.int64]:
    """Return the sum of a·b over each row, (y,). a, b: (y, x), whole numbers; in float64 exact below 2¹⁷ in size and 2¹⁹ pixels a row."""
    return np.einsum("yx,yx->y", a, b).astype(np.int64, copy=False)


def _neighbours(plane: _Whole) -> int:
    """Return the sum of products of every pixel with its right and its lower neighbour. plane: (y, x), as for `_of_rows`."""
    return int(_of_rows(plane[:, 1:], plane[:, :-1]).sum()) + int(_of_rows(plane[1:], plane[:-1]).sum())


def _positive(variance: NDArray[np.float64] | float) -> NDArray[np.float64]:
    if not np.all(np.asarray(variance) > 0):
        raise InvalidOption("a raw variance that is not above 0 DN²", "V > 0 for every pixel", "take it from NoiseModel.variance")
    return np.asarray(variance, np.float64)


def _pairs(planes: tuple[int, ...]) -> int:
    """Return the number of such pairs in planes (z, y, x)."""
    z, y, x = planes
    return z * (y * (x - 1) + x * (y - 1))


def block_quality(raw_block: NDArray[Any], decoded_block: NDArray[Any], variance_dn2: Variance) -> QualityMoments:
    """Return the moments of a block of raw replicas and their decoded versions.

    Parameters
    ----------
    raw_block, decoded_block : ndarray
        (replica, y, x) or (replica, z, y, x), whole numbers, DN.
    variance_dn2 : float, ndarray or callable
        As for `BlockQuality`, DN².

    Returns
    -------
    QualityMoments
        They add up over blocks.

    Raises
    ------
    ShapeMismatch
        Different shapes, or no replica.
    InvalidOption
        V not above 0.

    Notes
    -----
    formula 5, "per codec result".
    """
    if raw_block.shape != decoded_block.shape or raw_block.ndim < 3 or raw_block.size == 0:
        raise ShapeMismatch(
            f"blocks of shapes {raw_block.shape} and {decoded_block.shape}", "one shape (replica, …)", "decode every replica"
        )
    sums = BlockQuality(raw_block.shape[1:], variance_dn2)
    for raw, decoded in zip(raw_block, decoded_block, strict=True):
        sums.add(raw, decoded)
    return sums.moments()


def combine(blocks: Iterable[QualityMoments]) -> dict[str, float]:
    """Return the quality over all blocks, NaN where `undefined` gives a reason; sums are exact, so order does not matter.

        rz = √(Σe²/V / count)                                          1     error in units of the raw noise
        bias_dn = Σe / count                                           DN
        noise_std_ratio = √(Σ(C − C̄)² / Σ(R − R̄)²)                     1     temporal noise after the codec over that before
        error_noise_correlation = Σ(e − ē)(R − R̄) / √(Σ(e − ē)²·Σ(R − R̄)²)   1     −1 removes noise, 0 adds independent noise
        max_error_dn = max|e|                                          DN
        error_lag1 = [Σ(e − ē)(e′ − ē′)/pairs] / [Σ(e − ē)²/pixels]     1     0 is white; above it the error is blotchy or smooth
        noise_removed = −Σ(e − ē)(R − R̄) / Σ(R − R̄)²                  1     share of the raw noise that is gone; with its SE

    Regressing e on the noise n gives e = −noise_removed·n + rest, so that noise_std_ratio² = 1 − 2·noise_removed + Σe²/Σn² and
    error_noise_correlation = −noise_removed·√(Σn²/Σe²): a codec may remove noise and add as much of its own, and keep the ratio at 1.
    noise_removed_se takes rows of pixels as clusters, so that bright pixels may be noisier than dark ones:
    √(G/(G − 1)·Σ(A + noise_removed·B)²) / ΣB over G rows, NaN below 10.

    The within-block ratios are of sums with (b − 1)·pixels degrees of freedom above and below, so none depends on how
    replicas were put into blocks, beyond scatter.

    Raises
    ------
    UndefinedStatistic
        No block at all.
    """
    blocks = list(blocks)
    reasons = undefined(blocks)
    total = {item.name: math.fsum(getattr(block, item.name) for block in blocks) for item in fields(QualityMoments)}
    ratio = correlation = lag1 = removed = removed_se = math.nan
    if "noise_std_ratio" not in reasons:
        ratio = math.sqrt(total["decoded_within"] / total["raw_within"])
        removed = -total["error_raw_within"] / total["raw_within"]
    if "noise_removed_se" not in reasons:
        rest = total["cross_cross"] + 2 * removed * total["cross_raw"] + removed**2 * total["raw_raw"]
        removed_se = math.sqrt(max(rest, 0.0) * total["clusters"] / (total["clusters"] - 1)) / total["raw_within"]
    if "error_noise_correlation" not in reasons:
        cosine = total["error_raw_within"] / math.sqrt(total["error_within"] * total["raw_within"])
        correlation = min(1.0, max(-1.0, cosine))  # rounding alone can leave the interval
    if "error_lag1" not in reasons:
        lag1 = (total["error_lag"] / total["lag_dof"]) / (total["error_within"] / total["dof"])
    return {
        "rz": math.sqrt(total["sum_scaled"] / total["count"]),
        "bias_dn": total["sum_error"] / total["count"],
        "noise_std_ratio": ratio,
        "error_noise_correlation": correlation,
        "error_lag1": lag1,
        "noise_removed": removed,
        "noise_removed_se": removed_se,
        "max_error_dn": max(block.max_error for block in blocks),
    }


def undefined(blocks: Iterable[QualityMoments]) -> dict[str, QualityReason]:
    """Return, by key of `combine`, the reason for each value that these blocks do not determine.

    Raises
    ------
    UndefinedStatistic
        No block at all.
    """
    blocks = list(blocks)
    if not blocks:
        raise UndefinedStatistic("no block of replicas", "at least one", "decode at least one replica")
    of_noise = ("noise_std_ratio", "noise_removed", "noise_removed_se", "error_noise_correlation")
    if not any(block.dof for block in blocks):
        return dict.fromkeys((*of_noise, "error_lag1"), QualityReason.NO_REPLICATION)
    found: dict[str, QualityReason] = {}
    if sum(block.clusters for block in blocks) < _FEWEST_CLUSTERS:
        found["noise_removed_se"] = QualityReason.FEW_ROWS
    if not any(block.error_within for block in blocks):
        found |= dict.fromkeys(("error_noise_correlation", "error_lag1"), QualityReason.ERROR_CONSTANT)
    elif not any(block.lag_dof for block in blocks):
        found["error_lag1"] = QualityReason.ONE_PIXEL
    if not any(block.raw_within for block in blocks):
        found |= dict.fromkeys(of_noise, QualityReason.RAW_CONSTANT)
    return found


def denoises(quality: Mapping[str, float]) -> bool | None:
    """Return the denoising alarm: whether the codec removes more than 5 % of the raw noise; None where that is undefined.

        noise_removed − 1.96·noise_removed_se > 0.05

    a one-sided test of "removes 5 % at most". False alarms measured on 20 replicas of 24²: 3.6 % of 2,000 for what removes 5 %
    exactly, none for what removes nothing; power 72 % at 6 %, 100 % at 8 % (tests/metrics/test_denoising.py).

    Parameters
    ----------
    quality : mapping of str to float
        Figures of a codec as `combine` returns them.

    References
    ----------
    formula 5.
    """
    removed, error = quality["noise_removed"], quality["noise_removed_se"]
    return None if math.isnan(removed) or math.isnan(error) else removed - _ONE_SIDED * error > TOLERATED_REMOVAL


def block_quality_slow(raw_block: NDArray[Any], decoded_block: NDArray[Any], variance_dn2: NDArray[np.float64] | float) -> QualityMoments:
    """Return what `block_quality` returns, straight from the definitions: the readable twin that tests hold it against."""
    raw, decoded = raw_block.astype(np.float64), decoded_block.astype(np.float64)
    error = decoded - raw
    deviation = {name: values - values.mean(axis=0) for name, values in (("n", raw), ("c", decoded), ("e", error))}
    e = deviation["e"]
    pairs = [(e[..., 1:] * e[..., :-1]), (e[..., 1:, :] * e[..., :-1, :])]
    cross, raw_squares = (e * deviation["n"]).sum(axis=(0, -1)), (deviation["n"] ** 2).sum(axis=(0, -1))
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
        error_lag=float(sum(pair.sum() for pair in pairs)),
        lag_dof=(len(raw) - 1) * sum(pair[0].size for pair in pairs),
        clusters=cross.size,
        cross_cross=float((cross**2).sum()),
        cross_raw=float((cross * raw_squares).sum()),
        raw_raw=float((raw_squares**2).sum()),
    )
