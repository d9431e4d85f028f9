"""sigmaraw tells, with evidence, whether a codec changes a model's answers more than the camera's own noise does.

Names are imported at first use (PEP 562): ``import sigmaraw`` and ``sigmaraw --help`` load neither torch nor jax.
"""

from __future__ import annotations

import importlib
import logging
import os
from typing import TYPE_CHECKING, Any

# Before JAX is imported anywhere: torch shares the device, so JAX must not take all of its memory.
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")

# Says nothing unless the program that imports it, or `sigmaraw --log FILE`, asks for it.
logging.getLogger(__name__).addHandler(logging.NullHandler())

if TYPE_CHECKING:
    from sigmaraw import contracts, errors
    from sigmaraw.camera import CameraProfile, calibrate
    from sigmaraw.codecs import codec
    from sigmaraw.frames import RawFrames, read_frames
    from sigmaraw.noise import NoiseModel
    from sigmaraw.noise.replicas import iter_replicas, replicas
    from sigmaraw.pipelines import pipeline
    from sigmaraw.study import Plan, Record, SearchResult, search, sweep, validate

__version__ = "0.1.0"

_HOMES = {
    "CameraProfile": "camera",
    "calibrate": "camera",
    "codec": "codecs",
    "RawFrames": "frames",
    "read_frames": "frames",
    "NoiseModel": "noise",
    "iter_replicas": "noise",
    "replicas": "noise",
    "pipeline": "pipelines",
    "Plan": "study",
    "Record": "study",
    "SearchResult": "study",
    "search": "study",
    "sweep": "study",
    "validate": "study",
}

_MODULES = ("contracts", "errors")

__all__ = [
    "CameraProfile",
    "NoiseModel",
    "Plan",
    "RawFrames",
    "Record",
    "SearchResult",
    "__version__",
    "calibrate",
    "codec",
    "contracts",
    "errors",
    "iter_replicas",
    "pipeline",
    "read_frames",
    "replicas",
    "search",
    "sweep",
    "validate",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"sigmaraw.{_HOMES[name]}"), name)
    if name in _MODULES:
        return importlib.import_module(f"sigmaraw.{name}")
    raise AttributeError(f"module 'sigmaraw' has no attribute '{name}'")


def __dir__() -> list[str]:
    """List what is public, and nothing of how the package is made."""
    return list(__all__)
