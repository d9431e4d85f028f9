"""The study of drift: its statistics against definitions, and a run of few small images."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from sigmaraw.reproduce import cells, drift


def test_roc_auc_is_the_chance_that_a_changed_value_is_higher() -> None:
    random = np.random.default_rng(3)
    quiet, changed = random.integers(0, 6, 40), random.integers(1, 7, 30)
    pairs = changed[:, None] - quiet
    assert cells.roc_auc(quiet, changed) == pytest.approx(((pairs > 0) + 0.5 * (pairs == 0)).mean())


def test_crops_of_one_image_are_one_vote() -> None:
    random = np.random.default_rng(4)
    images = random.standard_normal((120, 1, 4)) + 0.7 * random.standard_normal((120, drift.CROPS, 4))
    tests = 150
    tolerance = 3.3 * math.sqrt(0.05 * 0.95 / tests)
    for copies in (0, 30):
        assert abs(drift._null_share(images, tests, random, copies) - 0.05) <= tolerance
    assert drift._null_share(images, tests, random, 30, crops_count=True) > 0.1 + tolerance


def test_severity_0_changes_nothing_and_higher_ones_blur_more() -> None:
    crops = cells.crops_of(5, 1, 2)
    assert crops.shape == (2, cells.SIDE, cells.SIDE) and crops.dtype == np.uint16
    assert np.array_equal(cells.crops_of(5, 1, 2), crops) and not np.array_equal(cells.crops_of(5, 2, 2), crops)
    detail = [float(np.abs(np.diff(cells.blurred(crops, level).astype(float))).mean()) for level in range(6)]
    assert np.array_equal(cells.blurred(crops, 0), crops) and detail == sorted(detail, reverse=True)


@pytest.mark.parametrize("blur", [cells.BLUR, "lossless"])
def test_a_blur_is_found_and_no_change_is_not(blur: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(cells, "SIDE", 32)
    monkeypatch.setattr(cells, "BLUR", blur)
    monkeypatch.setattr(drift, "RUN_TIMES", (32,))
    monkeypatch.setattr(drift, "QUICK", drift.Size(40, 4, 8, 200, 30, 2, 100))
    done: list[int] = []
    found = drift.Drift().run(tmp_path, 0, True, lambda k, *_: done.append(k))
    assert done == list(range(1, 9))
    held = {criterion.key: bool(criterion.test(found.values[criterion.key])) for criterion in drift.Drift.criteria}
    assert set(found.shown) == set(held)
    if blur == "lossless":
        assert not held["severity"] and not held["offline"] and not held["window"]
        assert len(set(found.values["severity"])) > 1, "other windows of the same images"
    else:
        by_level = found.values["severity"]  # images are too few and too small for the criteria
        assert by_level[4] > 0.9 > by_level[0] + 0.1 and found.values["offline"][4] > found.values["offline"][0]


def test_the_mean_over_references_is_harmonic_with_its_standard_error() -> None:
    random = np.random.default_rng(6)
    draws = 1 / random.gamma(25, 1 / 25, size=(4000, 10))  # false alarms by time vary by a fifth
    found = [drift._over_references(row) for row in draws]
    seen = np.array([one["ratio"] for one in found])
    assert found[0]["ratio"] == pytest.approx(10 / np.sum(1 / draws[0])) and found[0]["low"] == draws[0].min()
    assert np.mean([one["se"] for one in found]) == pytest.approx(seen.std(ddof=1), rel=4 / math.sqrt(2 * 4000) + 0.04)  # 1/(4·9) low
