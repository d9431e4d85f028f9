"""The training loop: the same seed, data and number of threads give the same weights, killed and gone on with or not.

Every step draws tiles and dropout from a stream of its own, made of seed and step, so that a checkpoint holds weights, the optimiser's
moments and the curves, and no generator's state.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sigmaraw.contracts import Loss
from sigmaraw.errors import InvalidOption, InvalidTraining
from sigmaraw.pipelines.threads import available_cores
from sigmaraw.pipelines.torch_network import place_of
from sigmaraw.pipelines.unet import UNet
from sigmaraw.progress import Report, reporting
from sigmaraw.training import checkpoint, evaluation, record, tiles
from sigmaraw.training.config import TrainingConfig, read_config
from sigmaraw.training.data import DataSet, Pair, read_data
from sigmaraw.training.losses import loss as loss_named
from sigmaraw.training.optimisation import learning_rate, optimiser_of, take_step

_TILES, _DROPOUT, _START = 1, 2, 3  # streams of the seed; 0 is the split's


@dataclass(frozen=True)
class Trained:
    """A finished training.

    Parameters
    ----------
    weights, record : Path
        model.safetensors and model.json.
    sha256 : str
        Of the weights.
    epochs, best_epoch : int
        Epochs that ran, and the one whose weights were kept, from 1.
    stopped_early : bool
        Whether the validation loss had not fallen for `patience` epochs.
    test : dict
        Mean loss and figure over the test images; empty where there are none.
    """

    weights: Path
    record: Path
    sha256: str
    epochs: int
    best_epoch: int
    stopped_early: bool
    test: dict[str, Any]


def train(
    config: TrainingConfig | str | Path,
    output: str | Path,
    *,
    folder: str | Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    progress: Report | bool | None = None,
) -> Trained:
    """Train a network and write its weights and training record.

    Parameters
    ----------
    config : TrainingConfig or path
        The configuration, or its TOML file.
    output : path
        Folder for model.safetensors and model.json, and for the checkpoint while it trains.
    folder : path, optional
        Folder to which the patterns of files are relative; by default the configuration file's, or the working folder.
    resume : bool, default False
        Continue from the checkpoint in the output folder.
    overwrite : bool, default False
        Replace what the output folder holds.
    progress : callable or bool, optional
        As in `sigmaraw.validate`.

    Returns
    -------
    Trained
        What was written.

    Raises
    ------
    InvalidTraining
        Configuration, images, targets or checkpoint are wrong.
    InvalidOption
        The output folder holds a network or a checkpoint, and neither `resume` nor `overwrite` says what is to be done.
    """
    base = Path(folder) if folder is not None else Path() if isinstance(config, TrainingConfig) else Path(config).parent
    config = config if isinstance(config, TrainingConfig) else read_config(config)
    target = Path(output)
    _check_output(target, resume, overwrite)
    loss = loss_named(config.training.loss, config.task)
    data = read_data(config, base)
    if config.training.patience and not data.of("validation"):
        raise InvalidTraining("training.patience without validation images", "data.split.validation above 0", "add some, or patience = 0")
    run = _Run(config, data, loss, target)
    with reporting(progress) as report, exactly(run.threads(resume)):
        return run(resume, report)


def _check_output(folder: Path, resume: bool, overwrite: bool) -> None:
    held = next((name for name in (checkpoint.NAME, *record.FILES) if (folder / name).exists()), None)
    if resume and not (folder / checkpoint.NAME).exists():
        raise InvalidOption(f"no checkpoint in {folder}", f"{checkpoint.NAME}", "leave resume out")
    if held and not (resume or overwrite):
        what = "begin with --overwrite, or go on with --resume" if held == checkpoint.NAME else "choose another folder, or add --overwrite"
        raise InvalidOption(f"output {folder} holds {held}", "a folder without a network", what)


@contextlib.contextmanager
def exactly(threads: int) -> Iterator[None]:
    """Within it torch computes with so many threads, by algorithms that give the same bits each time."""
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # what cuBLAS needs for it
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        torch.use_deterministic_algorithms(before[1])


class _Run:
    """One training: network, optimiser, and the state that a checkpoint holds."""

    def __init__(self, config: TrainingConfig, data: DataSet, loss: Loss, folder: Path) -> None:
        self.config, self.data, self.loss, self.folder = config, data, loss, folder
        self.part = config.training
        self.place = place_of(self.part.device)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(word(config.seed, _START, 0))
            self.network = UNet(config.described)
        self.network.to(self.place)
        if config.described.dims == 2:
            self.network.to(memory_format=torch.channels_last)
        self.optimiser = optimiser_of(self.network.parameters(), self.part)
        self.best: checkpoint.Weights = {}
        self.state = checkpoint.State(config.sha256(), data.sha256(), self.part.threads or available_cores())

    def threads(self, resume: bool) -> int:
        """Return how many threads compute: as the checkpoint says, where one is gone on with."""
        if resume:
            state, self.best = checkpoint.load(self.folder, self.network, self.optimiser)
            changed = checkpoint.differing(state, self.state.config_sha256, self.state.data_sha256)
            if changed:
                found = f"the {' and the '.join(changed)} differ from those of the checkpoint in {self.folder}"
                raise InvalidTraining(found, "the same as when it began (the number of epochs may grow)", "begin with --overwrite")
            self.state = state
        return self.state.threads

    def __call__(self, resume: bool, report: Report) -> Trained:
        """Train, epoch by epoch, and write the result."""
        began = time.monotonic()
        total = self.part.epochs * self.part.steps
        report(self.state.epoch * self.part.steps, total, "training steps")
        with torch.random.fork_rng(devices=[] if self.place.type == "cpu" else [self.place]):
            while self.state.epoch < self.part.epochs and not self._exhausted():
                self._epoch(report, total)
                checkpoint.save(self.folder, self.state, self.network, self.optimiser, self.best)
        weights = self.best or self.network.state_dict()
        self.network.load_state_dict(weights)
        test = evaluation.evaluate(self.network, self.data.of("test"), self.loss, self.config.task)
        made = record.write(self.folder, self.config, self.data, self.state, self.network, test, time.monotonic() - began)
        (self.folder / checkpoint.NAME).unlink(missing_ok=True)
        return Trained(*made, self.state.epoch, self.state.best_epoch, self.state.epoch < self.part.epochs, _named(test, self.config.task))

    def _exhausted(self) -> bool:
        patience = self.part.patience
        return bool(patience) and self.state.epoch - self.state.best_epoch >= patience

    def _epoch(self, report: Report, total: int) -> None:
        self.network.train()
        pairs, losses = self.data.of("train"), []
        end = (self.state.epoch + 1) * self.part.steps
        for step in range(end - self.part.steps, end):
            losses.append(self._step(pairs, step))
            report(step + 1, total, "training steps")
        if not np.isfinite(losses).all():
            found = f"the loss is not finite in epoch {self.state.epoch + 1}"
            raise InvalidTraining(found, "finite losses", "lower training.learning_rate, or set training.clip")
        means = record.mean_of(evaluation.evaluate(self.network, self.data.of("validation"), self.loss, self.config.task))
        row = {"epoch": self.state.epoch + 1, "learning_rate": learning_rate(self.part, end - 1), "train_loss": float(np.mean(losses))}
        self.state.history.append({**row, "validation_loss": means.get("loss"), "validation_figure": means.get("figure")})
        self.state.epoch += 1
        value = means.get("loss")
        if value is None or self.state.best_loss is None or value < self.state.best_loss:
            self.state.best_epoch, self.state.best_loss = self.state.epoch, value
            self.best = {name: tensor.detach().clone() for name, tensor in self.network.state_dict().items()}

    def _step(self, pairs: tuple[Pair, ...], step: int) -> float:
        config = self.config
        key = (config.seed, _TILES, step)
        inputs, targets = (torch.from_numpy(array).to(self.place) for array in self._batch(pairs, key))
        if config.described.dims == 2:
            inputs = inputs.to(memory_format=torch.channels_last)
        torch.manual_seed(word(config.seed, _DROPOUT, step))
        return float(take_step(self.network, self.optimiser, self.loss, (inputs, targets), self.part, step))

    def _batch(self, pairs: tuple[Pair, ...], key: tuple[int, ...]) -> tuple[Any, ...]:
        config = self.config
        drawn = tiles.batch(pairs, config.tile, self.part.batch, config.augment, config.data.pre, key)
        return tuple(np.ascontiguousarray(array) for array in drawn)


def _named(test: list[dict[str, Any]], task: str) -> dict[str, Any]:
    return {**record.mean_of(test), "name": evaluation.FIGURES[task]} if test else {}


def word(*key: int) -> int:
    """Return a seed for torch from whole numbers."""
    return int(np.random.SeedSequence(list(key)).generate_state(1, np.uint64)[0] >> np.uint64(1))
