"""The training record, beside the weights: data with their hashes, split, seed, versions, curves, and what the test images say."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import safetensors.torch
import torch

from sigmaraw import __version__
from sigmaraw.files import atomic_path, sha256_of_file, write_text
from sigmaraw.pipelines.trained_model import SCHEMA, TrainedModel
from sigmaraw.pipelines.unet import UNet
from sigmaraw.training.checkpoint import State
from sigmaraw.training.config import TrainingConfig
from sigmaraw.training.data import DataSet, counts
from sigmaraw.training.evaluation import FIGURES

FILES = ("model.safetensors", "model.json")


def write(
    folder: Path, config: TrainingConfig, data: DataSet, state: State, network: UNet, test: Sequence[dict[str, Any]], seconds: float
) -> tuple[Path, Path, str]:
    """Write weights and training record; return their paths and the SHA-256 of the weights."""
    weights, path = (folder / name for name in FILES)
    path.unlink(missing_ok=True)  # a record never stands beside weights that it does not describe
    with atomic_path(weights) as temporary:
        safetensors.torch.save_file({name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}, temporary)
    sha256 = sha256_of_file(weights)
    model = TrainedModel(config.task, config.data.pre, config.described, config.data.target_pre)
    content = {
        "schema": SCHEMA,
        "sha256": sha256,
        "model": msgspec.to_builtins(model),
        "parameters": sum(value.numel() for value in network.parameters()),
        "configuration": msgspec.to_builtins(config),
        "configuration_sha256": config.sha256(),
        "data": {"sha256": data.sha256(), "images": counts(data.files), "files": list(data.files)},
        "seed": config.seed,
        "curves": state.history,
        "best_epoch": state.best_epoch,
        "figure": FIGURES[config.task],
        "test": {"mean": mean_of(test), "images": list(test)},
        "threads": state.threads,
        "device": config.training.device,
        "seconds": round(seconds, 1),
        "versions": {
            "python": platform.python_version(),
            "sigmaraw": __version__,
            **{name: version(name) for name in ("torch", "numpy", "scipy", "safetensors")},
        },
        "machine": {"platform": platform.platform(), "cpu": torch.backends.cpu.get_cpu_capability()},
    }
    write_text(path, json.dumps(content, indent=1, allow_nan=False) + "\n")
    return weights, path, sha256


def mean_of(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return mean loss and figure over images, with the standard error of the figure; empty without images."""
    if not rows:
        return {}
    figures = np.array([row["figure"] for row in rows])
    error = float(figures.std(ddof=1) / np.sqrt(len(figures))) if len(figures) > 1 else None
    return {"images": len(rows), "loss": float(np.mean([row["loss"] for row in rows])), "figure": float(figures.mean()), "figure_se": error}
