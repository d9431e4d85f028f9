"""Optimisers and learning rates.

Adam with decoupled weight decay (I. Loshchilov and F. Hutter, ICLR 2019); gradient descent with momentum (SGDM); Adadelta (M. D. Zeiler,
2012; paper 002, algorithm 1). Learning rate at step t of T, in epoch e: constant; poly: rate·(1 − t/T)^power (paper 004); step:
rate·factor^⌊e/every⌋ (paper 003).
"""

from __future__ import annotations

from collections.abc import Iterable

import torch

from sigmaraw.contracts import Loss
from sigmaraw.training.config import TrainingPart


def optimiser_of(parameters: Iterable[torch.nn.Parameter], part: TrainingPart) -> torch.optim.Optimizer:
    """Return the optimiser of a configuration."""
    if part.optimiser == "adam":
        return torch.optim.AdamW(parameters, lr=part.learning_rate, weight_decay=part.weight_decay, foreach=False)
    if part.optimiser == "adadelta":
        return torch.optim.Adadelta(parameters, lr=part.learning_rate, weight_decay=part.weight_decay, foreach=False)
    return torch.optim.SGD(
        parameters, lr=part.learning_rate, momentum=part.momentum, nesterov=part.nesterov, weight_decay=part.weight_decay, foreach=False
    )


def learning_rate(part: TrainingPart, step: int) -> float:
    """Return the learning rate of a step, counted from 0."""
    if part.schedule == "poly":
        return float(part.learning_rate * (1 - step / (part.epochs * part.steps)) ** part.power)
    if part.schedule == "step":
        return float(part.learning_rate * part.factor ** (step // part.steps // part.every))
    return part.learning_rate


def take_step(
    network: torch.nn.Module,
    optimiser: torch.optim.Optimizer,
    loss: Loss,
    pair: tuple[torch.Tensor, torch.Tensor],
    part: TrainingPart,
    step: int,
) -> torch.Tensor:
    """Change the weights once, and return the loss before it.

    Parameters
    ----------
    network : Module
        In training mode.
    optimiser : Optimizer
        Of its weights; it gets the step's learning rate.
    loss : Loss
        Of output and target.
    pair : tuple of Tensor
        Images and targets (image, channel, [z,] y, x).
    part : TrainingPart
        Learning rate, schedule and clip.
    step : int
        Counted from 0.
    """
    for group in optimiser.param_groups:
        group["lr"] = learning_rate(part, step)
    optimiser.zero_grad()
    inputs, targets = pair
    value = loss(network(inputs), targets)
    value.backward()
    if part.clip:
        torch.nn.utils.clip_grad_norm_(network.parameters(), part.clip)
    optimiser.step()
    return value.detach()
