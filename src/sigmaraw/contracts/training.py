"""Losses: what a network is trained to make small."""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from sigmaraw.contracts.settings import Parameter

if TYPE_CHECKING:
    import torch

Task = Literal["image", "mask", "classes"]
"""What a network gives: another image (an in-silico label), one foreground, or one of several classes for each pixel."""


class Loss(abc.ABC):
    """A training loss; entry points of "sigmaraw.losses".

    It is given the network's output as it comes, without sigmoid or softmax, and a target of the same shape (batch, channel, [z,] y, x):
    the wanted image, a foreground of 0 and 1, or one channel of 0 and 1 for each class.

    Attributes
    ----------
    name : str
        The entry point's name.
    tasks : tuple of str
        Which of "image", "mask" and "classes" it serves.
    parameters : tuple of Parameter
        The settings that a specification may give; a bare word sets the first one.

    Parameters
    ----------
    **settings
        One value for each of `parameters`, with its type and default already applied.
    """

    name: ClassVar[str]
    tasks: ClassVar[tuple[Task, ...]]
    parameters: ClassVar[tuple[Parameter, ...]] = ()

    def __init__(self, **settings: Any) -> None:
        self.settings = {parameter.name: settings.pop(parameter.name, parameter.default) for parameter in self.parameters}
        if settings:
            raise TypeError(f"{type(self).__name__} has no setting {', '.join(settings)}")

    @abc.abstractmethod
    def __call__(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return the loss, 0-d, differentiable in `output`: the mean over the images of the batch.

        Parameters
        ----------
        output : Tensor
            (batch, channel, [z,] y, x), floats.
        target : Tensor
            The same shape and dtype.

        Returns
        -------
        Tensor
            The loss.
        """
