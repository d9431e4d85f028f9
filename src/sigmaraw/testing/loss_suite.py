"""The conformance suite for training losses: shapes, derivatives, finite values, checked from outside, for built-ins and extensions."""

from __future__ import annotations

import math
from typing import Any

from sigmaraw.contracts import Loss
from sigmaraw.testing.requirements import require


def check_loss(loss: Loss) -> None:
    """Check a loss against the contract; an extension's author calls it with an object of the own class.

    It checks that name and tasks are stated; that images of two and three dimensions give one finite number, the same twice; that its
    derivative is the one that differences give; that a better output has a smaller loss than a worse one; and that outputs which are
    constant, or far too large, give finite losses and derivatives.

    Parameters
    ----------
    loss : Loss
        The loss itself, not its class.

    Raises
    ------
    AssertionError
        The loss breaks the contract; the message says how.

    Examples
    --------
    >>> from sigmaraw.training.losses import loss
    >>> check_loss(loss("mse"))
    """
    import torch

    require(isinstance(loss, Loss), f"{type(loss).__name__} does not inherit from sigmaraw.contracts.Loss")
    require(isinstance(getattr(loss, "name", None), str) and bool(loss.tasks), f"{type(loss).__name__} states no name or no tasks")
    for task in loss.tasks:
        for shape in ((2, 1, 6, 7), (1, 1, 4, 5, 6)):
            worse, better, target = _examples(task, shape)
            where = f"{loss.name} of {task}, {len(shape) - 2}-D"
            value = loss(worse, target)
            require(value.ndim == 0 and math.isfinite(float(value)), f"{where} is not one finite number")
            require(float(loss(worse, target)) == float(value), f"{where} gives another value the second time")
            require(float(loss(better, target)) < float(value), f"{where} prefers the worse output")
            right = torch.autograd.gradcheck(lambda x, t=target: loss(x, t), (worse.requires_grad_(),), raise_exception=False)
            require(right, f"{where}: wrong derivative")
            _check_extremes(loss, target, where)


def _examples(task: str, shape: tuple[int, ...]) -> tuple[Any, Any, Any]:
    """Return a worse and a better output, and their target."""
    import torch

    random = torch.Generator().manual_seed(7)
    if task == "image":
        target = torch.rand(shape, generator=random, dtype=torch.float64) + 0.2
        noise = torch.rand(shape, generator=random, dtype=torch.float64)
        return 0.3 * target + noise, target + 0.01 * noise, target
    classes = 3 if task == "classes" else 1
    places = torch.randint(0, max(classes, 2), (shape[0], 1, *shape[2:]), generator=random)
    target = torch.cat([places == k for k in range(classes)], dim=1) if classes > 1 else places
    target = target.to(torch.float64)
    worse = torch.randn(target.shape, generator=random, dtype=torch.float64)
    return worse, 8 * (target - 0.5), target


def _check_extremes(loss: Loss, target: Any, where: str) -> None:
    import torch

    for level in (0.5, 60.0):
        output = torch.full_like(target, level).requires_grad_()
        value = loss(output, target)
        value.backward()
        finite = bool(torch.isfinite(value)) and output.grad is not None and bool(torch.isfinite(output.grad).all())
        require(finite, f"{where} is not finite where the output is {level} everywhere")
