"""What each codec did to the images: bytes, errors, noise, and where it did worst."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from sigmaraw.contracts import RoundTrip
from sigmaraw.metrics import combine, undefined
from sigmaraw.study.plan import Plan
from sigmaraw.study.record import worst
from sigmaraw.study.work import BlockResult, Scene

CROP = 64  # px; a worst-case crop is a square of this side, or as much of it as the image has


def codec_rows(
    plan: Plan,
    bits: int,
    scenes: Sequence[Scene],
    trips: Sequence[Sequence[RoundTrip]],
    blocks: Mapping[tuple[int, int], list[BlockResult]],
    results: Sequence[Mapping[str, Any]],
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the record's `codecs` rows (figures on the raw images, noise figures over replicas) and what is undefined.

    trips : per codec and image, the round trip of x. blocks : per (image, codec), the blocks of replicas.
    """
    rows, missing = [], []
    for index, spec in enumerate(plan.codecs):
        images = [_image_row(image, bits, scene.frame, trips[index][image]) for image, scene in enumerate(scenes)]
        own = [block for image in range(len(scenes)) for block in blocks[image, index]]
        moments = [block.quality for block in own if block.quality is not None]
        key = {"image": None, "codec": spec, "measurement": None}
        missing += [{**key, "field": name, "reason": str(reason), "count": 1} for name, reason in undefined(moments).items()]
        rows.append(
            {
                "codec": spec,
                "resolved": scenes[0].codecs[index].resolved(),
                "verdict": worst(row["verdict"] for row in results if row["codec"] == spec),
                **_totals(images, bits, [scene.frame for scene in scenes]),
                **combine(moments),
                "replicas_nbytes_mean": float(np.mean([size for block in own for size in block.nbytes])),
                "achieved": dict(trips[index][0].achieved),
                "achieved_replicas": _ranges([entry for block in own for entry in block.achieved]),
                "images": images,
            }
        )
    return rows, missing


def _image_row(image: int, bits: int, frame: NDArray[np.integer], trip: RoundTrip) -> dict[str, Any]:
    error = trip.decoded.astype(np.int64) - frame.astype(np.int64)
    mse = float(np.mean(error.astype(np.float64) ** 2))
    return {
        "image": image,
        "nbytes": trip.nbytes,
        "compression_ratio": frame.nbytes / trip.nbytes,
        "mse_dn2": mse,
        "psnr_db": _psnr(mse, int(np.iinfo(frame.dtype).max)),
        "psnr_camera_db": _psnr(mse, (1 << bits) - 1),
        "max_error_dn": int(np.abs(error).max()),
        "bias_x_dn": float(error.mean()),
        "achieved": dict(trip.achieved),
    }


def _totals(images: Sequence[Mapping[str, Any]], bits: int, frames: Sequence[NDArray[np.integer]]) -> dict[str, Any]:
    """Pool over images by bytes and by squared error, never by averaging ratios or decibels."""
    nbytes = sum(row["nbytes"] for row in images)
    pixels = sum(frame.size for frame in frames)
    mse = sum(row["mse_dn2"] * frame.size for row, frame in zip(images, frames, strict=True)) / pixels
    container = int(np.iinfo(frames[0].dtype).max)
    return {
        "nbytes": nbytes,
        "compression_ratio": sum(frame.nbytes for frame in frames) / nbytes,
        "compression_ratio_significant": pixels * bits / 8 / nbytes,
        "bits_per_pixel": 8 * nbytes / pixels,
        "psnr_db": _psnr(mse, container),
        "psnr_range_dn": container,
        "psnr_camera_db": _psnr(mse, (1 << bits) - 1),
        "psnr_camera_range_dn": (1 << bits) - 1,
        "identical": mse == 0,
    }


def _psnr(mse: float, peak: int) -> float:
    """Return 10·log₁₀(peak²/MSE), dB; infinite (null in the record) for identical images."""
    return math.inf if mse == 0 else 10 * math.log10(peak**2 / mse)


def _ranges(achieved: Sequence[Mapping[str, Any]]) -> dict[str, list[float]]:
    """Return [lowest, highest] over replicas of every number that a codec reports."""
    ranges: dict[str, list[float]] = {}
    for entry in achieved:
        for key, value in entry.items():
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                low, high = ranges.get(key, [value, value])
                ranges[key] = [min(low, value), max(high, value)]
    return ranges


def worst_crops(plan: Plan, scenes: Sequence[Scene], trips: Sequence[Sequence[RoundTrip]]) -> dict[str, Any]:
    """Return per codec the square with the largest local RMS of error/√V over all images, as result.nc variables."""
    raw = np.full((len(plan.codecs), CROP, CROP), np.nan)
    decoded = raw.copy()
    position = np.zeros((len(plan.codecs), 2), dtype=np.int64)
    image = np.zeros(len(plan.codecs), dtype=np.int64)
    for index in range(len(plan.codecs)):
        found = [_worst_square(scene, trips[index][number]) for number, scene in enumerate(scenes)]
        image[index] = max(range(len(found)), key=lambda number: found[number][0])
        _, plane, y, x = found[image[index]]
        position[index] = y, x
        source = _plane(scenes[image[index]].frame, plane)[y : y + CROP, x : x + CROP]
        raw[index, : source.shape[0], : source.shape[1]] = source
        decoded[index, : source.shape[0], : source.shape[1]] = _plane(trips[index][image[index]].decoded, plane)[y : y + CROP, x : x + CROP]
    square = ("codec", "crop_y", "crop_x")
    units = {"units": "DN"}
    return {
        "crop_raw": (square, raw, units),
        "crop_decoded": (square, decoded, units),
        "crop_position": (("codec", "axis"), position, {"units": "px"}),
        "crop_image": (("codec",), image),
    }


def _plane(image: NDArray[np.integer], plane: int) -> NDArray[np.integer]:
    return image if image.ndim == 2 else image[plane]


def _worst_square(scene: Scene, trip: RoundTrip) -> tuple[float, int, int, int]:
    """Return (mean squared error/√V, plane, y, x) of the worst crop of one image."""
    error = trip.decoded.astype(np.float64) - scene.frame.astype(np.float64)
    squared = error**2 / scene.model.variance(scene.frame)
    planes = squared[np.newaxis] if squared.ndim == 2 else squared
    best = (-1.0, 0, 0, 0)
    for number, plane in enumerate(planes):
        height, width = min(CROP, plane.shape[0]), min(CROP, plane.shape[1])
        # origin shifts the window so that the value at (y, x) is the mean over the crop that starts there
        local = uniform_filter(plane, (height, width), mode="constant", origin=(-(height // 2), -(width // 2)))
        local = local[: plane.shape[0] - height + 1, : plane.shape[1] - width + 1]
        y, x = np.unravel_index(int(np.argmax(local)), local.shape)
        if local[y, x] > best[0]:
            best = (float(local[y, x]), number, int(y), int(x))
    return best
