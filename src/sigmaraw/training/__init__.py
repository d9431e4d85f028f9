"""Networks trained for a question: one description of U-Net, losses with their equations, a loop that gives the same weights each time.

`train` reads a configuration, trains, and writes weights (safetensors) with their training record (JSON); the two files together are
the pipeline ``trained:model.safetensors``. torch is imported at the first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sigmaraw.training.config import TrainingConfig, read_config
    from sigmaraw.training.loop import Trained, train

_HOMES = {"TrainingConfig": "config", "read_config": "config", "Trained": "loop", "train": "loop"}

__all__ = ["Trained", "TrainingConfig", "read_config", "train"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"sigmaraw.training.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'sigmaraw.training' has no attribute '{name}'")
