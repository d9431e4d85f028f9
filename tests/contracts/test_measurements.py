"""Every registered measure passes the conformance suite that an extension's author calls, and the suite finds what breaks it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sigmaraw import registry
from sigmaraw.contracts import LabelledImage, Measure, Measurement
from sigmaraw.testing import check_measure

_COMPARE = ("pcc", "ssim")  # take images of one shape each: that of their reference


@pytest.mark.parametrize("name", [name for name in registry.names(registry.MEASUREMENTS) if name not in _COMPARE])
def test_registered_measures_conform(name: str) -> None:
    measure = registry.load(registry.MEASUREMENTS, name)()
    assert measure.name == name
    check_measure(measure, frames=name != "volume")


@pytest.mark.parametrize("name", _COMPARE)
def test_measures_with_a_reference_conform(name: str, tmp_path: Path) -> None:
    np.save(tmp_path / "reference.npy", np.random.default_rng(0).integers(0, 999, (24, 24)).astype(np.uint16))
    measure = registry.load(registry.MEASUREMENTS, name)(reference=str(tmp_path / "reference.npy"))
    check_measure(measure, volumes=False)


class Total(Measure):
    """Area of the objects."""

    name = "total"
    rows = (Measurement("total", "px", "T", "pixels"),)
    dimension = "space"

    def __call__(self, labelled: LabelledImage) -> dict[str, Any]:
        return {"total": float(labelled.sizes.sum()) * labelled.cell}

    def of_objects(self, labelled: LabelledImage) -> dict[str, Any]:
        return {"total": labelled.sizes * labelled.cell}


class Unitless(Total):
    rows = (Measurement("total", "", "T", "pixels"),)


class Renamed(Total):
    def __call__(self, labelled: LabelledImage) -> dict[str, Any]:
        return {"sum": 1.0}


class Whole(Total):
    def __call__(self, labelled: LabelledImage) -> dict[str, Any]:
        return {"total": int(labelled.sizes.sum())}


class Meddler(Total):
    def __call__(self, labelled: LabelledImage) -> dict[str, Any]:
        value = super().__call__(labelled)
        labelled.image[..., 0] += 1
        return value


class First(Total):
    def __call__(self, labelled: LabelledImage) -> dict[str, Any]:
        return {"total": float(labelled.sizes[:1].sum()) * labelled.cell}


class Unscaled(Total):
    def __call__(self, labelled: LabelledImage) -> dict[str, Any]:
        return {"total": float(labelled.sizes.sum())}


class Sorted(Total):
    def of_objects(self, labelled: LabelledImage) -> dict[str, Any]:
        return {"total": np.sort(labelled.sizes)}


class Short(Total):
    def of_objects(self, labelled: LabelledImage) -> dict[str, Any]:
        return {"total": np.zeros(1)}


def test_the_suite_passes_what_keeps_the_contract() -> None:
    check_measure(Total())


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (Unitless, "lacks unit"),
        (Renamed, "returns sum"),
        (Whole, "not a finite float"),
        (Meddler, "changes an array"),
        (First, "how objects are numbered"),
        (Unscaled, "does not scale"),
        (Sorted, "order of their labels"),
        (Short, "shape"),
    ],
)
def test_the_suite_finds_what_breaks_it(wrong: type[Total], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check_measure(wrong())
