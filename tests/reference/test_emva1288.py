"""Every quantity against the PyPI package emva1288 on the same frames: its numbers frozen, and run anew where its Python is given."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sigmaraw as sr
from tests.reference import emva1288_agreement as agreement

DOCS = Path(__file__).parents[2] / "docs" / "explanation" / "agreement.md"


@pytest.fixture(scope="module")
def series(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    whole, only, _ = agreement.write_series(tmp_path_factory.mktemp("emva1288"), 0)
    return whole, only


@pytest.fixture(scope="module")
def frozen() -> dict[str, Any]:
    return dict(json.loads(agreement.FROZEN.read_text(encoding="utf-8"))["series"][0])


def test_the_frames_are_those_of_the_frozen_numbers(series: tuple[Path, Path], frozen: dict[str, Any]) -> None:
    """Means and variances of all levels, a thousandth of their standard errors: nothing below compares unlike frames."""
    pixels = agreement.SHAPE[0] * agreement.SHAPE[1]
    data = sr.calibrate(series[1]).dataset
    order = np.argsort(frozen["temporal"]["u_y"], kind="stable")
    np.testing.assert_allclose(data["level_mean"], np.array(frozen["temporal"]["u_y"])[order], rtol=1e-12)
    np.testing.assert_allclose(data["level_variance"], np.array(frozen["temporal"]["s2_y"])[order] * pixels / (pixels - 1), rtol=1e-5)


def test_every_quantity_agrees_or_the_difference_is_explained(series: tuple[Path, Path], frozen: dict[str, Any]) -> None:
    rows = agreement.compare(*series, frozen)
    assert len(rows) == 18
    for row in rows:
        assert row.ours == pytest.approx(row.same, rel=row.tolerance), row
    assert sum(row.tolerance == agreement.EXACT for row in rows) == 6
    assert agreement.table(rows) in DOCS.read_text(encoding="utf-8")


def test_a_negative_variance_is_an_upper_limit_here_and_nan_there(series: tuple[Path, Path], frozen: dict[str, Any]) -> None:
    data = sr.calibrate(series[0]).dataset
    for part, theirs in (("row", "PRNU1288_row"), ("column", "PRNU1288_col")):
        assert frozen["scalars"][theirs] is None
        assert float(data[f"prnu_{part}"]) == 0.0
        assert 0.0 < float(data[f"prnu_{part}"].attrs["upper_limit"]) < 0.1


def test_the_package_still_says_so(series: tuple[Path, Path], frozen: dict[str, Any]) -> None:
    if agreement.PYTHON not in os.environ:
        pytest.skip(f"{agreement.PYTHON} does not name the Python of an environment with emva1288 and numpy 1.26")
    (live,) = agreement.emva1288([series[0]])["series"]
    assert live["scalars"].keys() == frozen["scalars"].keys()
    for name, value in frozen["scalars"].items():
        assert live["scalars"][name] == (None if value is None else pytest.approx(value, rel=1e-6)), name
    assert live["pixels_in_histogram"] == agreement.SHAPE[0] * agreement.SHAPE[1]
    for row in agreement.compare(*series, live):
        assert row.ours == pytest.approx(row.same, rel=row.tolerance), row
