"""The study of paper 000: its models, its distribution of grey levels, and its verdicts, with one small microscope."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sigmaraw.metrics import Dice
from sigmaraw.reproduce import pixel_classifier, pomarico
from sigmaraw.virtual.camera import VirtualCamera
from sigmaraw.virtual.phase_contrast import phase_contrast_scene

LOSSLESS = {"16 → 8 bit": "lossless:png", "8 bit + JPEG": "lossless:jpegls", "noise-aware": "lossless"}
CONSTANT = {"16 → 8 bit": "contrast:gain=0", "8 bit + JPEG": "contrast:gain=0,bits=16", "noise-aware": "contrast:gain=0.0"}


def test_the_models_find_what_scenes_of_other_seeds_show() -> None:
    camera = VirtualCamera((96, 96), pixel_classifier.GAIN, 1.6, pixel_classifier.OFFSET, 16)
    scene = phase_contrast_scene(**pixel_classifier.PHASE_CONTRAST, seed=5)
    found = pixel_classifier.phase_contrast_cells(camera.acquire(scene.mean_e, 1, 1)[0])
    assert Dice()(scene.labels > 0, found) > 0.9
    assert not pixel_classifier.phase_contrast_cells(np.full((96, 96), 3100, np.uint16)).any()


def test_grey_levels_are_distributed_as_formula_3_says() -> None:
    levels = np.arange(100, 900)
    chance = pomarico.grey_level_distribution(levels, 400.0, 1.8, 100.0, 3.0)
    mean = (levels * chance).sum()
    variance = ((levels - mean) ** 2 * chance).sum()
    assert chance.sum() == pytest.approx(1, abs=1e-9) and mean == pytest.approx(400.0, abs=1e-6)
    assert variance == pytest.approx(1.8**2 * (300 / 1.8 + 3.0**2) + 1 / 12, rel=1e-6)
    random = np.random.default_rng(1)
    seen = np.rint(100 + 1.8 * (random.poisson(300 / 1.8, 4000) + random.normal(0, 3.0, 4000))).astype(int)
    assert pomarico._chi_square(seen, levels, 4000 * chance) > 1e-3
    assert pomarico._chi_square(seen, levels, 4000 * pomarico.grey_level_distribution(levels, 400.0, 1.5, 100.0, 3.0)) < 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("codecs", [LOSSLESS, CONSTANT], ids=["lossless", "constant"])
def test_lossless_changes_nothing_and_a_constant_fails(codecs: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(pomarico, "CODECS", codecs)
    monkeypatch.setattr(pomarico, "SETUPS", pomarico.SETUPS[:1])
    monkeypatch.setattr(pomarico, "SIZES", {"quick": (1, 4, 3)})
    monkeypatch.setattr(pomarico, "_REPEATS", 100)
    found = pomarico.Pomarico().run(tmp_path, 0, True, lambda *_: None)
    agrees: dict[str, Any] = {each.key: bool(each.test(found.values[each.key])) for each in pomarico.Pomarico.criteria}
    assert len(found.values["rows"]) == 9 and agrees["pixels"]
    if codecs is LOSSLESS:
        assert all(row["epsilon"] == 0 and row["percent"] == 0 and row["spread"] == 1 for row in found.values["rows"])
        assert agrees["aware"] and agrees["aware_spread"] and not agrees["harm"] and not agrees["harm_each"]
    else:
        assert not agrees["aware"] and not agrees["aware_ratio"] and found.values["harm_each"] == ["phase contrast"]
        assert found.values["harm"], "all cells are lost"
