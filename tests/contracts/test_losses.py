"""Every registered loss passes the conformance suite that an extension's author calls, and the suite finds what breaks it."""

from __future__ import annotations

import pytest
import torch

from sigmaraw import registry
from sigmaraw.contracts import Loss
from sigmaraw.testing import check_loss
from sigmaraw.training.losses import loss

VARIANTS = ["asymmetric-mse:under=2", "asymmetric-mse:under=20,cubic=true", "asymmetric-mse:times=target,brightness=1", "sobel:base=pcc"]


@pytest.mark.parametrize("spec", [*registry.names(registry.LOSSES), *VARIANTS])
def test_registered_losses_conform(spec: str) -> None:
    made = loss(spec)
    assert made.name == spec.partition(":")[0]
    check_loss(made)


class Absolute(Loss):
    name = "absolute"
    tasks = ("image",)

    def __call__(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return (output - target).abs().mean()


class Detached(Absolute):
    def __call__(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return (output * (output.detach() - target)).abs().mean()


class Reversed(Absolute):
    def __call__(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return -(output - target).square().mean()


class Vector(Absolute):
    def __call__(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return (output - target).abs().flatten(1).mean(dim=1)


def test_the_suite_takes_an_extension_and_finds_what_breaks_it() -> None:
    check_loss(Absolute())
    for broken, words in ((Detached(), "derivative"), (Reversed(), "prefers"), (Vector(), "one finite number")):
        with pytest.raises(AssertionError, match=words):
            check_loss(broken)
