"""A U-Net trained on arrays in memory: for studies that train many small networks, and for images of several channels.

Loss, optimiser, schedule and start are those of `train`. Nothing is written; the same seed and arrays give the same weights.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from sigmaraw.contracts.training import Task
from sigmaraw.errors import InvalidTraining, ShapeMismatch
from sigmaraw.pipelines.unet import UNet, UNetDescription
from sigmaraw.training.config import TrainingPart
from sigmaraw.training.loop import exactly, word
from sigmaraw.training.losses import loss as loss_named
from sigmaraw.training.optimisation import optimiser_of, take_step

Floats = NDArray[np.float32]
_BATCHES, _DROPOUT, _START = 11, 12, 13  # streams of the seed, none of them one of `train`


def fit(
    inputs: Floats,
    targets: Floats,
    described: UNetDescription,
    part: TrainingPart,
    task: Task,
    seed: int = 0,
    progress: Callable[[], None] | None = None,
) -> UNet:
    """Return a network trained on tiles of images in memory, each flipped and turned by right angles at random.

    Parameters
    ----------
    inputs : ndarray of float32
        (image, channel, y, x), prepared.
    targets : ndarray of float32
        (image, channel, y, x): wanted images, a foreground of 0 and 1, or one channel of 0 and 1 for each class.
    described : UNetDescription
        The layers.
    part : TrainingPart
        Loss, epochs, steps, batch, tile (its side, px), optimiser, learning rate, schedule and threads; there is no early stopping.
    task : {"image", "mask", "classes"}
        What the network gives.
    seed : int, default 0
        Decides start, order, flips and dropout.
    progress : callable, optional
        Called after each step.

    Returns
    -------
    UNet
        In evaluation mode.

    Raises
    ------
    ShapeMismatch
        Arrays that do not go with each other or with the network.
    InvalidTraining
        The loss is not finite.
    """
    tile = _tile(inputs, targets, described, part)
    loss = loss_named(part.loss, task)
    with torch.random.fork_rng(devices=[]), exactly(part.threads or 1):
        torch.manual_seed(word(seed, _START, 0))
        network = UNet(described).to(memory_format=torch.channels_last)
        optimiser = optimiser_of(network.parameters(), part)
        for step in range(part.epochs * part.steps):
            seen, wanted = _batch(inputs, targets, tile, part.batch, (seed, _BATCHES, step))
            torch.manual_seed(word(seed, _DROPOUT, step))
            value = take_step(network, optimiser, loss, (seen.to(memory_format=torch.channels_last), wanted), part, step)
            if not torch.isfinite(value):
                raise InvalidTraining(f"the loss is not finite in step {step + 1}", "finite losses", "lower learning_rate, or set clip")
            if progress:
                progress()
    return network.eval()


def output(network: UNet, inputs: Floats, batch: int = 16) -> Floats:
    """Return the network's output (image, channel, y, x) for prepared images (image, channel, y, x), float32."""
    with torch.inference_mode():
        parts = [network(torch.from_numpy(inputs[first : first + batch])).numpy() for first in range(0, len(inputs), batch)]
    return np.concatenate(parts)


def _tile(inputs: Floats, targets: Floats, described: UNetDescription, part: TrainingPart) -> int:
    """Return the side of a tile, px. Raises ShapeMismatch where the arrays do not go with each other, the network or the tile."""
    wanted = (len(inputs), described.outputs, *inputs.shape[2:])
    if inputs.ndim != 4 or not len(inputs) or inputs.shape[1] != described.inputs or targets.shape != wanted:
        found = f"images {inputs.shape} and targets {targets.shape}"
        raise ShapeMismatch(found, f"(image, {described.inputs}, y, x) and (image, {described.outputs}, y, x)", "give such arrays")
    tile = part.tile
    if not isinstance(tile, int) or not 1 <= tile <= min(inputs.shape[2:]) or tile % described.multiple:
        expected = f"one side, up to {min(inputs.shape[2:])} px, a multiple of {described.multiple}"
        raise ShapeMismatch(f"training.tile = {tile}", expected, "choose another tile")
    return tile


def _batch(inputs: Floats, targets: Floats, tile: int, size: int, key: tuple[int, ...]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return tiles of images and targets for one step, each pair cut, flipped and turned alike."""
    random = np.random.default_rng(list(key))
    pairs = []
    for _ in range(size):
        image, turn, flip = (int(random.integers(count)) for count in (len(inputs), 4, 2))
        y, x = (int(random.integers(side - tile + 1)) for side in inputs.shape[2:])
        place = (image, slice(None), slice(y, y + tile), slice(x, x + tile))
        pairs.append([_turned(arrays[place], turn, bool(flip)) for arrays in (inputs, targets)])
    seen, wanted = (torch.from_numpy(np.stack(planes)) for planes in zip(*pairs, strict=True))
    return seen, wanted


def _turned(planes: Floats, turn: int, flip: bool) -> Floats:
    turned = np.rot90(planes, turn, axes=(-2, -1))
    return turned[..., ::-1] if flip else turned
