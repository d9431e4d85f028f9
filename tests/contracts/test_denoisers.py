"""Every registered denoiser passes the conformance suite that an extension's author calls, and the suite finds what breaks it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from sigmaraw import registry
from sigmaraw.testing import check_denoiser


@pytest.mark.parametrize("name", registry.names(registry.DENOISERS))
def test_registered_denoisers_conform(name: str) -> None:
    denoiser = registry.load(registry.DENOISERS, name)()
    assert denoiser.name == name
    check_denoiser(denoiser)


class Uniform:
    name = "uniform"

    def __call__(self, image: Any) -> Any:
        return ndimage.uniform_filter(image, 3)


class Nothing(Uniform):
    def __call__(self, image: Any) -> Any:
        return image.copy()


class Single(Uniform):
    def __call__(self, image: Any) -> Any:
        return super().__call__(image).astype(np.float32)


class Shifting(Uniform):
    def __call__(self, image: Any) -> Any:
        return super().__call__(image) + 0.1


class Writing(Uniform):
    def __call__(self, image: Any) -> Any:
        image -= super().__call__(image) - image
        return image


class Remembering(Uniform):
    last = 0.0

    def __call__(self, image: Any) -> Any:
        Remembering.last, before = float(image.mean()), Remembering.last
        return super().__call__(image) + 1e-9 * before


class Dividing(Uniform):
    def __call__(self, image: Any) -> Any:
        with np.errstate(invalid="ignore", divide="ignore"):
            return super().__call__(image) / np.sign(image.size - 1)


def test_the_suite_passes_what_keeps_the_contract() -> None:
    check_denoiser(Uniform())


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (Nothing, "leaves a standard deviation"),
        (Single, "not float64"),
        (Shifting, "moves the mean"),
        (Writing, "changes the image"),
        (Remembering, "other bytes"),
        (Dividing, "not finite"),
    ],
)
def test_the_suite_finds_what_breaks_it(wrong: type[Uniform], words: str) -> None:
    with pytest.raises(AssertionError, match=words):
        check_denoiser(wrong())
