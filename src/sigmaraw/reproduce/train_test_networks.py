"""The networks of the study `train-test`: each is trained by `train`, in a process of its own where there are cores for several."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sigmaraw.errors import UnusableEnvironment
from sigmaraw.processes import available_cores
from sigmaraw.reproduce.rates import multi_class_dice
from sigmaraw.virtual.organs import CLASSES

BATCH = 8
"""Tiles a step."""
Image = NDArray[np.integer]
Dice = dict[int, NDArray[np.float64]]
"""Dice of each test slice, by the ratio of the test."""


@dataclass(frozen=True)
class Architecture:
    """A U-Net by its widths, normalisation and activation."""

    name: str
    widths: tuple[int, ...]
    norm: Literal["none", "batch"] = "none"
    activation: Literal["relu", "elu"] = "relu"


@dataclass(frozen=True)
class Job:
    """One network: what it is trained on, and what it is tested on.

    Parameters
    ----------
    folder : Path
        Where weights and training record stay.
    architecture : Architecture
        Its layers.
    train : sequence of (ndarray, ndarray)
        Slices and labels, (y, x).
    tests : mapping of int to sequence of ndarray
        Slices by the ratio at which they were coded, (y, x).
    labels : sequence of ndarray
        Of the test slices, (y, x).
    seed : int
        Of the start and of the tiles: networks that differ in their slices alone start alike, and see the same places.
    steps, tile : int
        Training steps, and the side of a tile, px.
    """

    folder: Path
    architecture: Architecture
    train: Sequence[tuple[Image, Image]]
    tests: Mapping[int, Sequence[Image]]
    labels: Sequence[Image]
    seed: int
    steps: int
    tile: int


def scored(jobs: Sequence[Job], done: Callable[[], None]) -> list[Dice]:
    """Train and test a network for each job, several at a time where there are cores, and return their Dice.

    A network is computed by one thread, so that their number changes the time that it takes and no digit.

    Parameters
    ----------
    jobs : sequence of Job
        The networks.
    done : callable
        Called after each.

    Raises
    ------
    UnusableEnvironment
        The processes cannot start, or one of them was ended.
    """
    found: list[Dice] = []
    for dice in _scores(jobs, min(available_cores(), len(jobs))):
        found.append(dice)
        done()
    return found


def _scores(jobs: Sequence[Job], processes: int) -> Iterator[Dice]:
    if processes < 2:
        yield from map(trained_and_tested, jobs)
        return
    # Fresh processes: a fork would copy the threads' locks of torch and JAX, and not the threads.
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        try:
            yield from pool.map(trained_and_tested, jobs)
        except BrokenProcessPool as error:
            raise UnusableEnvironment(
                "a process that trained a network has ended",
                "processes that start, and memory for them",
                "in a script of your own call reproduce under `if __name__ == '__main__':`",
            ) from error


def trained_and_tested(job: Job) -> Dice:
    """Return Dice of the test slices by one network."""
    network = trained_network(job)
    return {
        ratio: np.array([multi_class_dice(truth, segmented(network, image)) for truth, image in zip(job.labels, images, strict=True)])
        for ratio, images in job.tests.items()
    }


def trained_network(job: Job) -> Any:
    """Return a network trained on a job's slices; weights and training record stay in its folder, the slices do not."""
    import tempfile

    import safetensors.torch
    import tifffile

    from sigmaraw.pipelines.unet import UNet
    from sigmaraw.training import train
    from sigmaraw.training.config import DataPart, NetworkPart, SplitPart, TrainingConfig, TrainingPart

    made = job.architecture
    config = TrainingConfig(
        task="classes",
        data=DataPart(images="images/*.tif", targets="labels/*.tif", classes=len(CLASSES), split=SplitPart(validation=0.0, test=0.0)),
        training=TrainingPart(
            loss="dice-ce", epochs=1, steps=job.steps, batch=BATCH, tile=job.tile, learning_rate=0.01, schedule="poly", threads=1
        ),
        network=NetworkPart(widths=made.widths, norm=made.norm, activation=made.activation),
        seed=job.seed,
    )
    with tempfile.TemporaryDirectory() as data:
        for kind in ("images", "labels"):
            (Path(data) / kind).mkdir()
        for index, (image, labels) in enumerate(job.train):
            tifffile.imwrite(Path(data) / "images" / f"{index:03}.tif", image)
            tifffile.imwrite(Path(data) / "labels" / f"{index:03}.tif", labels)
        result = train(config, job.folder, folder=data, progress=False)
    network = UNet(config.described)
    network.load_state_dict(safetensors.torch.load_file(result.weights))
    return network.eval()


def segmented(network: Any, image: Image) -> NDArray[np.uint8]:
    """Return the class of each pixel (y, x)."""
    import torch

    from sigmaraw.pipelines.preparation import prepare
    from sigmaraw.training.evaluation import predicted

    with torch.inference_mode():
        output = predicted(network, prepare(image, "zscore"), torch.device("cpu"))
    return output[0].argmax(dim=0).numpy().astype(np.uint8)
