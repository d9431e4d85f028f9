"""Mean squared error that weighs too bright and too dark differently, with the variants that paper 002 tried.

e = p − g, of output p and target g:
    L = mean m·[e > 0: over·e² (or e³ where cubic), else under·e²] + brightness·Σp/Σg + darkness·Σg/Σp
    m = 1, g (times=target) or 1 − g (times=background)

Paper 002's asymmetry 1 is under=2; asymmetry 2 is over=2; asymmetry 3 is cubic, under=20. Its adjustments of the overall brightness are
brightness=1, and darkness=1 for the reversed division. Sums are of each image. Σg/Σp has a pole where Σp = 0.
"""

from __future__ import annotations

from typing import ClassVar

import torch

from sigmaraw.contracts import Loss, Parameter
from sigmaraw.contracts.training import Task
from sigmaraw.training.losses.sums import per_image


class AsymmetricMse(Loss):
    """Mean squared error with one weight where the output is too bright and another where it is too dark (formula 6)."""

    name = "asymmetric-mse"
    tasks: ClassVar[tuple[Task, ...]] = ("image",)
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("under", float, 1.0, minimum=0, unit="1", help="weight where the output is darker than the target"),
        Parameter("over", float, 1.0, minimum=0, unit="1", help="weight where it is brighter"),
        Parameter("cubic", bool, False, help="e cubed in place of e squared where it is brighter"),
        Parameter("times", str, "one", choices=("one", "target", "background"), help="what each pixel's error is multiplied by"),
        Parameter("brightness", float, 0.0, minimum=0, unit="1", help="weight of the sum of the output over that of the target"),
        Parameter("darkness", float, 0.0, minimum=0, unit="1", help="weight of the sum of the target over that of the output"),
    )

    def __call__(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return the mean over images."""
        error = output - target
        above = error**3 if self.settings["cubic"] else error**2
        values = torch.where(error > 0, self.settings["over"] * above, self.settings["under"] * error**2)
        if self.settings["times"] != "one":
            values = values * (target if self.settings["times"] == "target" else 1 - target)
        total = values.mean()
        for weight, upper, lower in (("brightness", output, target), ("darkness", target, output)):
            if self.settings[weight]:
                total = total + self.settings[weight] * (per_image(upper) / per_image(lower)).mean()
        return total
