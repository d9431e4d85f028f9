"""Agreement between masks and between images, and what a codec does to the noise."""

from sigmaraw.metrics.images import MaxError, Psnr
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
    "undefined",
]
