"""The Protocols that an extension implements, and the small frozen values that pass through them.

Built-ins and extensions come in the same way: one Protocol here, one entry point in the package's metadata, one conformance
suite in `sigmaraw.testing`. Arrays are NumPy unless a docstring says otherwise.
"""

from sigmaraw.contracts.codecs import Codec, CodecContract, CodecFamily, Coder, Detailed, Encoded, Knob, Map, OpenFamily, RoundTrip
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
from sigmaraw.contracts.pipelines import Differentiable, Measurement, OnDevice, Pipeline
from sigmaraw.contracts.settings import Parameter
from sigmaraw.contracts.studies import Engine, Metric, ReportFormat

__all__ = [
    "Block",
    "CameraNoise",
    "Codec",
    "CodecContract",
    "CodecFamily",
    "Coder",
    "Denoiser",
    "Detailed",
    "Diagnostic",
    "Differentiable",
    "Encoded",
    "Engine",
    "Extrapolation",
    "Knob",
    "Map",
    "Measurement",
    "Metric",
    "OnDevice",
    "OpenFamily",
    "Parameter",
    "Pipeline",
    "ReplicaBase",
    "ReplicaMode",
    "ReplicaRequest",
    "ReportFormat",
    "RoundTrip",
]
