"""The base classes and Protocols that an extension implements, and the small frozen values that pass through them.

Built-ins and extensions come in the same way: one class that inherits from one of these, one entry point in the package's
metadata, one conformance suite in `sigmaraw.testing`. Arrays are NumPy unless a docstring says otherwise.
"""

from sigmaraw.contracts.codecs import (
    Achieved,
    Codec,
    CodecContract,
    CodecFamily,
    CodecStep,
    Coder,
    Distorting,
    Encoded,
    Knob,
    Map,
    Probes,
    RoundTrip,
)
from sigmaraw.contracts.measures import FindsObjects, FoundObjects, LabelledImage, Measure, TakesPixelSize
from sigmaraw.contracts.modes import (
    Block,
    CameraNoise,
    Denoiser,
    Diagnostic,
    Extrapolation,
    ReplicaBase,
    ReplicaMode,
    ReplicaRequest,
)
from sigmaraw.contracts.pipelines import Differentiable, LowerPrecision, Measurement, OnDevice, Pipeline, Segmenting, SegmentingBatches
from sigmaraw.contracts.readers import Decoded, Layout, Opened, Reader, Selection
from sigmaraw.contracts.reproductions import Criterion, Found, Reproduction
from sigmaraw.contracts.settings import Parameter
from sigmaraw.contracts.studies import Engine, Metric, ReportFormat
from sigmaraw.contracts.training import Loss

__all__ = [
    "Achieved",
    "Block",
    "CameraNoise",
    "Codec",
    "CodecContract",
    "CodecFamily",
    "CodecStep",
    "Coder",
    "Criterion",
    "Decoded",
    "Denoiser",
    "Diagnostic",
    "Differentiable",
    "Distorting",
    "Encoded",
    "Engine",
    "Extrapolation",
    "FindsObjects",
    "Found",
    "FoundObjects",
    "Knob",
    "LabelledImage",
    "Layout",
    "Loss",
    "LowerPrecision",
    "Map",
    "Measure",
    "Measurement",
    "Metric",
    "OnDevice",
    "Opened",
    "Parameter",
    "Pipeline",
    "Probes",
    "Reader",
    "ReplicaBase",
    "ReplicaMode",
    "ReplicaRequest",
    "ReportFormat",
    "Reproduction",
    "RoundTrip",
    "Segmenting",
    "SegmentingBatches",
    "Selection",
    "TakesPixelSize",
]
