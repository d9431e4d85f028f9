"""The state of a training in one file, without pickle: tensors as safetensors, everything else as JSON in the file's header.

One file is renamed into place at the end of each epoch, so that a kill at any moment leaves a whole state, the last or the one before.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open

from sigmaraw.errors import InvalidTraining
from sigmaraw.files import atomic_path

NAME = "checkpoint.safetensors"
Weights = dict[str, torch.Tensor]


class State(msgspec.Struct, forbid_unknown_fields=True):
    """What a training needs to go on, tensors aside.

    Parameters
    ----------
    config_sha256, data_sha256 : str
        Of what it was begun with: a training goes on with the same alone.
    threads : int
        Threads that compute.
    epoch : int
        Epochs that are done.
    best_epoch : int
        The epoch with the least validation loss, from 1; 0 where there is none yet.
    best_loss : float, optional
        Its loss.
    history : list of dict
        One row of curves for each epoch.
    """

    config_sha256: str
    data_sha256: str
    threads: int
    epoch: int = 0
    best_epoch: int = 0
    best_loss: float | None = None
    history: list[dict[str, float | None]] = []


def save(folder: Path, state: State, network: torch.nn.Module, optimiser: torch.optim.Optimizer, best: Weights) -> None:
    """Write the state to `folder`, whole or not at all."""
    tensors = {f"network.{name}": value for name, value in network.state_dict().items()}
    tensors |= {f"best.{name}": value for name, value in best.items()}
    for index, values in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{index}.{name}": value for name, value in values.items() if isinstance(value, torch.Tensor)}
    with atomic_path(folder / NAME) as temporary:
        plain = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
        safetensors.torch.save_file(plain, temporary, metadata={"state": json.dumps(msgspec.to_builtins(state))})


def load(folder: Path, network: torch.nn.Module, optimiser: torch.optim.Optimizer) -> tuple[State, Weights]:
    """Put the state of `folder` into network and optimiser, and return the rest of it, with the best weights so far.

    Raises
    ------
    InvalidTraining
        The file is none of ours, or of another network.
    """
    path = folder / NAME
    try:
        with safe_open(path, framework="pt") as file:
            state = msgspec.json.decode((file.metadata() or {}).get("state", ""), type=State)
            tensors: Weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it has no iterator)
        network.load_state_dict(_part(tensors, "network."))
        whole = optimiser.state_dict()
        whole["state"] = {}
        for name, value in _part(tensors, "optimiser.").items():
            index, _, key = name.partition(".")
            whole["state"].setdefault(int(index), {})[key] = value
        optimiser.load_state_dict(whole)
    except (SafetensorError, OSError, msgspec.MsgspecError, RuntimeError, ValueError, KeyError) as error:
        found = f"{path} cannot be gone on with ({' '.join(str(error).split())[:120]})"
        raise InvalidTraining(found, "the checkpoint of this training", "begin with --overwrite") from error
    return state, _part(tensors, "best.")


def _part(tensors: Weights, prefix: str) -> Weights:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def differing(state: State, config_sha256: str, data_sha256: str) -> dict[str, Any]:
    """Return what is not as when the training began."""
    wanted = {"configuration": (state.config_sha256, config_sha256), "images or split": (state.data_sha256, data_sha256)}
    return {what: pair for what, pair in wanted.items() if pair[0] != pair[1]}
