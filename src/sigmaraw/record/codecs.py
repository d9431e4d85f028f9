"""The rows of what each codec did to the images."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from sigmaraw.record.fields import Number, Row, field, quantity
from sigmaraw.record.results import CodecName, Image
from sigmaraw.record.words import Verdict

Achieved = dict[str, float | bool | str]
"""Settings as used and what they gave, by name, in the step's own unit."""

Settings = dict[str, Any]  # a codec family's or pipeline's settings: any JSON values, nested as the extension writes them


class SlicesRow(Row, frozen=True, kw_only=True):
    """What a codec did to each slice (z) of a volume; columns of one length."""

    compression_ratio: Annotated[
        tuple[float, ...] | None, field("container bytes over coded bytes; null where the volume is one stream", "1")
    ] = None
    psnr_db: Annotated[tuple[Number, ...], field("PSNR against the camera's range; null where nothing changed", "dB")]
    max_error_dn: Annotated[tuple[int, ...], field("largest absolute error of a pixel", "DN")]

    def __post_init__(self) -> None:
        super().__post_init__()
        columns = [column for column in (self.compression_ratio, self.psnr_db, self.max_error_dn) if column is not None]
        if not columns[0] or len({len(column) for column in columns}) != 1:
            raise ValueError("'slices' are not equally long columns")
        if any(psnr is None and error != 0 for psnr, error in zip(self.psnr_db, self.max_error_dn, strict=True)):
            raise ValueError("'slices' with an error and no PSNR")


class CodecImageRow(Row, frozen=True, kw_only=True):
    """What a codec did to one raw image."""

    image: Image
    full_spec: Annotated[str, field("specification that gives the same bytes on this image and its replicas without a search")] = ""
    nbytes: Annotated[int | None, field("coded bytes, side data included", "byte")] = None
    compression_ratio: Annotated[Number, quantity("compression_ratio")] = None
    mse_dn2: Annotated[Number, field("mean square error over pixels", "DN2")] = None
    psnr_db: Annotated[Number, field("PSNR against the container's range", "dB")] = None
    psnr_camera_db: Annotated[Number, field("PSNR against the camera's range", "dB")] = None
    psnr_minmax_db: Annotated[Number, field("PSNR against the range of values in the image", "dB")] = None
    psnr_minmax_range_dn: Annotated[int | None, field("the image's largest minus smallest value", "DN")] = None
    max_error_dn: Annotated[int | None, quantity("max_error")] = None
    bias_x_dn: Annotated[Number, quantity("bias")] = None
    achieved: Annotated[Achieved, field("settings used on the image, and what they achieved")] = msgspec.field(default_factory=dict)
    metrics: Annotated[dict[str, Number], field("registered image metrics of raw against decoded, each in its own unit")] = msgspec.field(
        default_factory=dict
    )
    slices: Annotated[SlicesRow | None, field("the same of each slice; null for a single frame")] = None


class CodecRow(Row, frozen=True, kw_only=True):
    """One codec over all images. Bytes and PSNR are on the raw images; errors and noise figures are over replicas."""

    codec: CodecName
    name: Annotated[str, field("the specification as typed, with what was achieved where it misses its target")] = ""
    images_missed: Annotated[int | None, field("raw images on which a target was missed by more than it allows", "1")] = None
    replicas_missed: Annotated[int | None, field("replicas on which a target was missed by more than it allows", "1")] = None
    replicas_targeted: Annotated[int | None, field("replicas on which a target was sought", "1")] = None
    resolved: Annotated[Settings, field("the chain with every default and library version; targets as asked, not as met")] = msgspec.field(
        default_factory=dict
    )
    verdict: Annotated[
        Verdict, field("verdict over all images and measurements: the mean effect passes and no image is shown to be beyond a limit")
    ]
    nbytes: Annotated[int | None, field("coded bytes of all images, side data included", "byte")] = None
    compression_ratio: Annotated[Number, quantity("compression_ratio")] = None
    compression_ratio_significant: Annotated[Number, field("the same, counting the camera's bits only", "1")] = None
    bits_per_pixel: Annotated[Number, field("coded bits per pixel", "bit")] = None
    psnr_db: Annotated[Number, quantity("psnr_db")] = None
    psnr_range_dn: Annotated[int | None, field("range that psnr_db refers to: the container's", "DN")] = None
    psnr_camera_db: Annotated[Number, field("PSNR against the camera's range", "dB")] = None
    psnr_camera_range_dn: Annotated[int | None, field("range that psnr_camera_db refers to", "DN")] = None
    identical: Annotated[bool | None, field("whether every pixel of every image came back as it was")] = None
    rz: Annotated[Number, quantity("rz")] = None
    bias_dn: Annotated[Number, quantity("bias")] = None
    noise_std_ratio: Annotated[Number, quantity("noise_std_ratio")] = None
    error_noise_correlation: Annotated[Number, quantity("error_noise_correlation")] = None
    error_lag1: Annotated[Number, field("correlation of the coding error of neighbouring pixels; 0 is white", "1")] = None
    noise_removed: Annotated[Number, field("share of the raw noise that the codec removes", "1")] = None
    noise_removed_se: Annotated[Number, field("standard error of noise_removed", "1")] = None
    max_error_dn: Annotated[Number, quantity("max_error")] = None
    denoising_alarm: Annotated[bool | None, field("whether the codec removes more than 5 % of the raw noise; null is undefined")] = None
    replicas_coded: Annotated[
        int | None, field("replicas that were coded in full; on these the bytes and settings of replicas rest", "1")
    ] = None
    replicas_nbytes_mean: Annotated[Number, field("mean coded bytes of a replica, of those coded in full", "byte")] = None
    achieved: Annotated[Achieved, field("settings used on the first image, and what they achieved")] = msgspec.field(default_factory=dict)
    achieved_replicas: Annotated[
        dict[str, tuple[float, float]], field("of each number in achieved, lowest and highest over replicas coded in full")
    ] = msgspec.field(default_factory=dict)
    metrics: Annotated[dict[str, Number], field("registered image metrics, mean over images, each in its own unit")] = msgspec.field(
        default_factory=dict
    )
    images: Annotated[tuple[CodecImageRow, ...], field("the same of each image")] = ()
