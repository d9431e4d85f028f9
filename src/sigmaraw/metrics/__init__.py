"""Agreement between masks and between images, and what a codec does to the noise."""

from sigmaraw.metrics.images import MaxError, Psnr, max_error, mean_square_error, psnr_db
from sigmaraw.metrics.installed import describe, image_values, mean_values
from sigmaraw.metrics.masks import Dice, Jaccard
from sigmaraw.metrics.quality import BlockQuality, QualityMoments, QualityReason, block_quality, combine, denoises, undefined

__all__ = [
    "BlockQuality",
    "Dice",
    "Jaccard",
    "MaxError",
    "Psnr",
    "QualityMoments",
    "QualityReason",
    "block_quality",
    "combine",
    "denoises",
    "describe",
    "image_values",
    "max_error",
    "mean_square_error",
    "mean_values",
    "psnr_db",
    "undefined",
]
