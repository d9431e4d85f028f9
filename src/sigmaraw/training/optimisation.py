"""Optimisers and learning rates.

Adam with decoupled weight decay (I. Loshchilov and F. Hutter, ICLR 2019); gradient descent with momentum (SGDM); Adadelta (M. D. Zeiler,
2012; paper 002, algorithm 1). Learning rate at step t of T, in epoch e: constant; poly: rate·(1 − t/T)^power (paper 004); step:
rate·factor^⌊e/every⌋ (paper 003).
"""

from __future__ import annotations

from collections.abc import Iterable

import torch

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
