"""Model adapters: image → named numbers. torch and onnxruntime are imported only by the pipelines that need them."""

from sigmaraw.pipelines.base import ImagePipeline
from sigmaraw.pipelines.function import FunctionPipeline
from sigmaraw.pipelines.listing import describe
from sigmaraw.pipelines.measurements import MEASUREMENTS, measure
from sigmaraw.pipelines.segmentation import SegmentationPipeline
from sigmaraw.pipelines.several import JOINT, SeveralPipelines
from sigmaraw.pipelines.spec import pipeline, runs_programs
from sigmaraw.pipelines.tiling import Tiling

__all__ = [
    "JOINT",
    "MEASUREMENTS",
    "FunctionPipeline",
    "ImagePipeline",
    "SegmentationPipeline",
    "SeveralPipelines",
    "Tiling",
    "describe",
    "measure",
    "pipeline",
    "runs_programs",
]
