"""How good a network is on whole images: its loss, and one figure that people know."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from sigmaraw.contracts import Loss
from sigmaraw.pipelines.unet import UNet
from sigmaraw.training.data import Pair
from sigmaraw.training.losses.pcc import pearson

FIGURES = {"image": "Pearson's r", "mask": "Dice", "classes": "mean Dice of the classes shown"}


def evaluate(network: UNet, pairs: Sequence[Pair], loss: Loss, task: str) -> list[dict[str, float | str]]:
    """Return for each image its id, the loss and the figure of its task; the network is in evaluation mode meanwhile."""
    training = network.training
    network.eval()
    try:
        return [{"id": pair.image_id, **_one(network, pair, loss, task)} for pair in pairs]
    finally:
        network.train(training)


def _one(network: UNet, pair: Pair, loss: Loss, task: str) -> dict[str, float]:
    place = next(network.parameters()).device
    target = torch.from_numpy(pair.target)[None].to(place)
    with torch.no_grad():
        output = predicted(network, pair.prepared, place)
        return {"loss": float(loss(output, target)), "figure": figure(output, target, task)}


def predicted(network: UNet, prepared: NDArray[np.float32], place: torch.device) -> torch.Tensor:
    """Return the output (1, channel, [z,] y, x) for one whole prepared image, padded by reflection to the network's multiple."""
    multiple = network.described.multiple
    pads = [(0, -side % multiple) for side in prepared.shape]
    padded = np.pad(prepared, pads, mode="reflect")
    output: torch.Tensor = network(torch.from_numpy(padded)[None, None].to(place))
    return output[(..., *(slice(0, side) for side in prepared.shape))]


def figure(output: torch.Tensor, target: torch.Tensor, task: str) -> float:
    """Return Pearson's r of an image, Dice of a foreground at p = ½, or the mean Dice of the classes that the target shows.

    Where neither shows a foreground, Dice is 1.
    """
    if task == "image":
        return float(pearson(output, target).mean())
    if task == "mask":
        found, truth = output > 0, target > 0.5
        total = int(found.sum()) + int(truth.sum())
        return 2 * int((found & truth).sum()) / total if total else 1.0
    best, truth = output.argmax(dim=1), target.argmax(dim=1)
    shown = [int(label) for label in truth.unique()]
    return float(np.mean([2 * int(((best == k) & (truth == k)).sum()) / (int((best == k).sum()) + int((truth == k).sum())) for k in shown]))
