"""What each codec did to the images: bytes, errors, noise, and the crop with the largest errors."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from sigmaraw.codecs import summary
from sigmaraw.contracts import Codec, RoundTrip
from sigmaraw.metrics import QualityMoments, combine, denoises, image_values, max_error, mean_values, psnr_db, undefined
from sigmaraw.record.codecs import Achieved, CodecImageRow, CodecRow, Settings, SlicesRow
from sigmaraw.record.results import UndefinedRow
from sigmaraw.record.words import Reason, Verdict
from sigmaraw.study.plan import Plan
from sigmaraw.study.study_image import StudyImage
from sigmaraw.study.work import BlockResult

CROP = 64  # px; a worst-case crop is a square of this side, or as much of it as the image has


def codec_rows(
    plan: Plan,
    bits: int,
    images: Sequence[StudyImage],
    resolved: Sequence[Settings],
    qualities: Sequence[Sequence[ImageQuality]],
    blocks: Mapping[tuple[int, int], list[BlockResult]],
    verdicts: Mapping[str, Verdict],
) -> tuple[list[CodecRow], list[UndefinedRow]]:
    """Return the record's `codecs` rows (figures on the raw images, noise figures over replicas) and what is undefined.

    Parameters
    ----------
    resolved : sequence of Settings
        The chain of each codec with every default.
    qualities : sequence of sequence of ImageQuality
        The quality of the round trip of x, per codec and image.
    blocks : mapping of tuple of int to list of BlockResult
        The blocks of replicas of each (image, codec).
    verdicts : mapping of str to Verdict
        The verdict over images of each codec.
    """
    rows, missing = [], []
    for index, spec in enumerate(plan.codecs):
        of_images = [quality.row for quality in qualities[index]]
        used = [image.codecs[index] for image in images]
        of_codec = [block for image in range(len(images)) for block in blocks.get((image, index), ())]
        noise, without = _noise_figures([moments for block in of_codec for moments in block.quality], images)
        missing += [UndefinedRow(codec=spec, field=name, reason=reason, count=1) for name, reason in without.items()]
        missing += _without_slices(spec, of_images)
        missing += [row for quality in qualities[index] for row in quality.without_metrics(spec)]
        replicas = [entry for block in of_codec for entry in block.achieved]
        targets = summary(used, [row.achieved for row in of_images], replicas)
        rows.append(
            CodecRow(
                codec=spec,
                name=targets.name,
                images_missed=targets.images_missed,
                replicas_missed=targets.replicas_missed,
                replicas_targeted=targets.replicas_targeted,
                resolved=resolved[index],
                verdict=verdicts[spec],
                **_totals(of_images, bits, [image.frame for image in images]),
                **noise,
                denoising_alarm=denoises(noise),
                replicas_coded=sum(len(block.nbytes) for block in of_codec),
                replicas_nbytes_mean=float(np.mean([size for block in of_codec for size in block.nbytes])) if of_codec else None,
                achieved=of_images[0].achieved,
                achieved_replicas=_ranges(replicas),
                metrics=mean_values([row.metrics for row in of_images]),
                images=tuple(of_images),
            )
        )
    return rows, missing


def _noise_figures(moments: Sequence[QualityMoments], images: Sequence[StudyImage]) -> tuple[dict[str, float], dict[str, str]]:
    """Return what a codec did to the noise, and by name why a figure has no value: without replicas, or without a camera."""
    if not moments:
        return dict.fromkeys(_OF_REPLICAS, math.nan), dict.fromkeys(_OF_REPLICAS, str(Reason.NO_CAMERA))
    noise, without = combine(moments), {name: str(reason) for name, reason in undefined(moments).items()}
    if any(image.noise_model is None for image in images):
        noise["rz"], without["rz"] = math.nan, str(Reason.NO_CAMERA)
    return noise, without


_OF_REPLICAS = (
    "rz", "bias_dn", "noise_std_ratio", "error_noise_correlation", "error_lag1", "noise_removed", "noise_removed_se", "max_error_dn",
)  # fmt: skip


@dataclass(frozen=True)
class Square:
    """The crop of an image where a codec does worst: mean of error²/V, (y, x) of its first pixel, raw and decoded pixels, DN."""

    score: float
    position: tuple[int, int]
    raw: NDArray[np.integer]
    decoded: NDArray[np.integer]


@dataclass(frozen=True)
class ImageQuality:
    """The quality of one raw image after a codec, without the decoded image itself: `row` for the record, `worst` its worst crop."""

    row: CodecImageRow
    worst: Square
    undefined_metrics: Mapping[str, str]

    @classmethod
    def of(cls, number: int, bits: int, image: StudyImage, codec: Codec, trip: RoundTrip) -> ImageQuality:
        """Return the quality of an image's round trip, page by page: a volume's errors would take several times its memory.

        Parameters
        ----------
        number : int
            The image's number in the study.
        codec : Codec
            The codec as used on this image and its replicas, a frozen target resolved to a setting.
        """
        pages = list(zip(_pages(image.frame), _pages(trip.decoded), strict=True))
        total = 0
        squares: list[int] = []  # of each page
        largest: list[int] = []
        best: Square | None = None
        for raw, decoded in pages:
            error = decoded.astype(np.int64) - raw.astype(np.int64)
            total += int(error.sum())
            squares.append(int((error**2).sum()))
            largest.append(max_error(raw, decoded))
            found = _worst_square(raw, decoded, error**2 / (1.0 if image.noise_model is None else image.noise_model.variance(raw)))
            best = found if best is None or found.score > best.score else best
        assert best is not None  # a frame has pixels
        frame, mse = image.frame, sum(squares) / image.frame.size
        container, span = int(np.iinfo(frame.dtype).max), int(frame.max()) - int(frame.min())
        values, reasons = image_values(frame, trip.decoded)
        row = CodecImageRow(
            image=number,
            full_spec=str(codec.resolved()["full_spec"]),
            nbytes=trip.nbytes,
            compression_ratio=frame.nbytes / trip.nbytes,
            mse_dn2=mse,
            psnr_db=psnr_db(mse, container),
            psnr_camera_db=psnr_db(mse, (1 << bits) - 1),
            psnr_minmax_db=psnr_db(mse, span) if span else math.nan,
            psnr_minmax_range_dn=span,
            max_error_dn=max(largest),
            bias_x_dn=total / frame.size,
            achieved=dict(trip.achieved),
            metrics={name: value if math.isfinite(value) else None for name, value in values.items()},
            slices=None if frame.ndim == 2 else _slices(frame, (1 << bits) - 1, squares, largest, trip.frame_nbytes),
        )
        return cls(row, best, reasons)

    def without_metrics(self, codec: str) -> list[UndefinedRow]:
        """Return the record's `undefined` rows of metrics without a value on this image."""
        return [
            UndefinedRow(image=self.row.image, codec=codec, field=f"metrics.{name}", reason=why, count=1)
            for name, why in self.undefined_metrics.items()
        ]


class SliceReason(StrEnum):
    """Why a figure of a single slice cannot be given."""

    ONE_STREAM = "the volume is one code stream: no bytes belong to a single slice"


def _slices(volume: NDArray[np.integer], peak: int, squares: Sequence[int], largest: Sequence[int], nbytes: Sequence[int]) -> SlicesRow:
    """Return for each slice (z) the figures that a volume's row has for the whole; PSNR against the camera's range, null if identical.

    Parameters
    ----------
    squares : sequence of int
        Σe² of each slice.
    nbytes : sequence of int
        Bytes of each slice, empty where the volume is one code stream: then compression_ratio is None.
    """
    return SlicesRow(
        compression_ratio=tuple(volume[0].nbytes / size for size in nbytes) or None,
        psnr_db=tuple(psnr_db(square / volume[0].size, peak) for square in squares),
        max_error_dn=tuple(largest),
    )


def _without_slices(codec: str, images: Sequence[CodecImageRow]) -> list[UndefinedRow]:
    """Return the record's `undefined` rows of volumes that were coded as one code stream."""
    name, reason = "slices.compression_ratio", str(SliceReason.ONE_STREAM)
    return [
        UndefinedRow(image=row.image, codec=codec, field=name, reason=reason, count=len(row.slices.psnr_db))
        for row in images
        if row.slices is not None and row.slices.compression_ratio is None
    ]


def _pages(image: NDArray[np.integer]) -> NDArray[np.integer]:
    return image.reshape(-1, *image.shape[-2:])


class _Totals(TypedDict):
    nbytes: int
    compression_ratio: float
    compression_ratio_significant: float
    bits_per_pixel: float
    psnr_db: float
    psnr_range_dn: int
    psnr_camera_db: float
    psnr_camera_range_dn: int
    identical: bool


def _totals(images: Sequence[CodecImageRow], bits: int, frames: Sequence[NDArray[np.integer]]) -> _Totals:
    """Pool over images by bytes and by squared error, never by averaging ratios or decibels."""
    nbytes = sum(row.nbytes or 0 for row in images)
    pixels = sum(frame.size for frame in frames)
    mse = sum((row.mse_dn2 or 0.0) * frame.size for row, frame in zip(images, frames, strict=True)) / pixels
    container = int(np.iinfo(frames[0].dtype).max)
    return {
        "nbytes": nbytes,
        "compression_ratio": sum(frame.nbytes for frame in frames) / nbytes,
        "compression_ratio_significant": pixels * bits / 8 / nbytes,
        "bits_per_pixel": 8 * nbytes / pixels,
        "psnr_db": psnr_db(mse, container),
        "psnr_range_dn": container,
        "psnr_camera_db": psnr_db(mse, (1 << bits) - 1),
        "psnr_camera_range_dn": (1 << bits) - 1,
        "identical": mse == 0,
    }


def _ranges(achieved: Sequence[Achieved]) -> dict[str, tuple[float, float]]:
    """Return [lowest, highest] over replicas of every number that a codec reports."""
    ranges: dict[str, tuple[float, float]] = {}
    for entry in achieved:
        for key, value in entry.items():
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                low, high = ranges.get(key, (value, value))
                ranges[key] = (min(low, value), max(high, value))
    return ranges


def worst_crops(plan: Plan, qualities: Sequence[Sequence[ImageQuality]]) -> dict[str, tuple[Any, ...]]:
    """Return per codec the square with the largest local RMS of error/√V over all images, as result.nc variables.

    Parameters
    ----------
    qualities : sequence of sequence of ImageQuality
        The quality of each round trip, per codec and image.
    """
    raw = np.full((len(plan.codecs), CROP, CROP), np.nan)
    decoded = raw.copy()
    position = np.zeros((len(plan.codecs), 2), dtype=np.int64)
    image = np.zeros(len(plan.codecs), dtype=np.int64)
    for index, of_codec in enumerate(qualities):
        image[index] = max(range(len(of_codec)), key=lambda number: of_codec[number].worst.score)
        square = of_codec[image[index]].worst
        position[index] = square.position
        raw[index, : square.raw.shape[0], : square.raw.shape[1]] = square.raw
        decoded[index, : square.raw.shape[0], : square.raw.shape[1]] = square.decoded
    dims = ("codec", "crop_y", "crop_x")
    units = {"units": "DN"}
    return {
        "crop_raw": (dims, raw, units),
        "crop_decoded": (dims, decoded, units),
        "crop_position": (("codec", "axis"), position, {"units": "px"}),
        "crop_image": (("codec",), image),
    }


def _worst_square(raw: NDArray[np.integer], decoded: NDArray[np.integer], scaled: NDArray[np.float64]) -> Square:
    """Return the worst crop of one page (y, x).

    Parameters
    ----------
    scaled : ndarray of float
        error²/V of each pixel.
    """
    height, width = min(CROP, raw.shape[0]), min(CROP, raw.shape[1])
    # origin shifts the window so that the value at (y, x) is the mean over the crop that starts there
    local = uniform_filter(scaled, (height, width), mode="constant", origin=(-(height // 2), -(width // 2)))
    local = local[: raw.shape[0] - height + 1, : raw.shape[1] - width + 1]
    y, x = (int(place) for place in np.unravel_index(int(np.argmax(local)), local.shape))
    inside = (slice(y, y + CROP), slice(x, x + CROP))
    return Square(float(local[y, x]), (y, x), raw[inside].copy(), decoded[inside].copy())
