"""From ``name:key=value`` to a loss."""

from __future__ import annotations

from typing import cast

from sigmaraw import registry
from sigmaraw.contracts import Loss
from sigmaraw.contracts.training import Task
from sigmaraw.errors import InvalidOption


def loss(spec: str, task: Task | None = None) -> Loss:
    """Return the loss that `spec` names.

    Parameters
    ----------
    spec : str
        Such as ``pcc`` or ``asymmetric-mse:under=2``.
    task : {"image", "mask", "classes"}, optional
        What the network gives; a loss that does not serve it is refused.

    Returns
    -------
    Loss
        Ready to be called.

    Raises
    ------
    UnknownName, InvalidSpec
        No loss of that name, or a wrong key or value.
    InvalidOption
        The loss does not serve the task.

    Examples
    --------
    >>> loss("sobel:weight=0.5").settings["weight"]
    0.5
    """
    step = registry.parse_step(spec)
    kind = registry.load(registry.LOSSES, step.name)
    made = cast(Loss, kind(**registry.typed(step, kind.parameters)))
    if task is not None and task not in made.tasks:
        others = [name for name in registry.names(registry.LOSSES) if task in registry.load(registry.LOSSES, name).tasks]
        raise InvalidOption(f"loss '{step.name}' with task '{task}'", f"one of {', '.join(others)}", "choose another loss, or task")
    return made
