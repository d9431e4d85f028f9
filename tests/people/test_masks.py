"""Masks by observers: overlaps known from how they were drawn, and the limits that the rule cunha prints."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile

from sigmaraw.errors import InputNotFound, InvalidOption, ShapeMismatch, UnreadableFile
from sigmaraw.people import observers
from tests.cli.conftest import sigmaraw  # noqa: F401 (a fixture)

IMAGES = 4


def bars(folder: Path, *widths: int) -> None:
    """Write one mask an image: a bar of this many pixels."""
    folder.mkdir(parents=True)
    for number, width in enumerate(widths):
        mask = np.zeros((8, 24), np.uint8)
        mask[3, :width] = 1
        tifffile.imwrite(folder / f"cells-{number}.tif", mask)


@pytest.fixture
def masks(tmp_path: Path) -> Path:
    folder = tmp_path / "masks"
    bars(folder / "ana" / "1", 10, 10, 10, 0)
    bars(folder / "ana" / "2", 8, 9, 5, 0)  # Jaccard .8, .9, .5 (not valid), empty
    bars(folder / "ben", 10, 6, 10, 0)
    return folder


def test_variability_is_that_of_the_bars(masks: Path) -> None:
    found = observers([masks])
    (intra,), (inter,) = found.intra, found.inter
    assert intra.jaccard == pytest.approx((0.8 + 0.9) / 2) and (intra.valid, intra.both_empty, intra.slices) == (2, 1, 4)
    # Ana's merged bars are 8 and 9 px, Ben's 10 and 6: 8/10 and 6/9.
    assert inter.jaccard == pytest.approx((8 / 10 + 6 / 9) / 2) and (inter.valid, inter.both_empty) == (2, 1)
    assert found.limits["inter_jaccard"] == inter.jaccard and found.limits["intra_jaccard"] == intra.jaccard
    # 8 px inside 10: the two outer pixels lie 1 and 2 px away, so ½(3/10 + 0); 6 inside 9: ½(6/9).
    assert inter.distance == pytest.approx((0.15 + 1 / 3) / 2)
    curve = found.retained["ana"]
    at = dict(zip(np.round(curve.thresholds, 2), curve.retained_percent, strict=True))
    assert (at[0.5], at[0.7], at[0.85], at[1.0]) == (75, 50, 25, 0)


def test_observers_may_be_named_one_by_one_and_volumes_are_slices(masks: Path, tmp_path: Path) -> None:
    one, other = observers([masks / "ana", masks / "ben"]), observers([masks])
    assert (one.intra, one.inter, one.limits) == (other.intra, other.inter, other.limits)
    for name, folder in (("ana", masks / "ana" / "1"), ("ben", masks / "ben")):
        stack = np.stack([tifffile.imread(file) for file in sorted(folder.iterdir())])
        tifffile.imwrite(tmp_path / f"{name}.tif", stack, photometric="minisblack")
    found = observers([tmp_path / "ana.tif", tmp_path / "ben.tif"], volume=True)
    assert found.inter[0].jaccard == pytest.approx((1 + 0.6 + 1) / 3) and found.inter[0].both_empty == 1
    assert found.limits == {} and "twice" in found.notes[0]


def test_masks_that_cannot_be_compared_are_refused(masks: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidOption, match="one reading"):
        observers([masks / "ben"])
    (masks / "ben" / "cells-3.tif").unlink()
    with pytest.raises(InputNotFound, match="cells-3"):
        observers([masks])
    tifffile.imwrite(masks / "ben" / "cells-3.tif", np.zeros((4, 4), np.uint8))
    with pytest.raises(ShapeMismatch, match="cells-3"):
        observers([masks])
    with pytest.raises(InputNotFound, match="no such"):
        observers([tmp_path / "no such"])
    (tmp_path / "notes").write_text("no mask")
    with pytest.raises(UnreadableFile, match="notes"):
        observers([masks / "ana", tmp_path / "notes"])


@pytest.mark.slow
def test_the_limits_are_those_of_the_rule_cunha(masks: Path, tmp_path: Path, sigmaraw: Callable) -> None:  # noqa: F811
    random = np.random.default_rng(1)
    (tmp_path / "raw").mkdir()
    for number in range(IMAGES):
        image = random.normal(100, 5, (8, 24))
        image[3, :10] += 200
        tifffile.imwrite(tmp_path / "raw" / f"cells-{number}.tif", np.rint(image).astype(np.uint16))
    printed = json.loads(sigmaraw("observers", masks, "--json").out)["limits"]
    studied = ("--camera", "none", "--codec", "jpegls:near=2", "--pipeline", "otsu", "--reference", masks, "--rule", "cunha")
    outcome = sigmaraw("validate", tmp_path / "raw", *studied, "-o", tmp_path / "out", "-q")
    assert outcome.code == 0, outcome.err
    because = json.loads((tmp_path / "out" / "record.json").read_text())["decision"]["rulings"][0]["because"]
    assert because.endswith(f"observers: {printed['inter_jaccard']:.3f}, {printed['inter_distance']:.3g} px")
    assert "validate --rule cunha" in sigmaraw("observers", masks).out
