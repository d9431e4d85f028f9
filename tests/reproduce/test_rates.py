"""The study of compression ratios, with two slices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sigmaraw.codecs import codec
from sigmaraw.reproduce import rates
from sigmaraw.virtual.organs import CLASSES, LEVELS_HU, STORED, organ_slice


def _run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, spec: str) -> dict[str, bool]:
    made = organ_slice
    monkeypatch.setattr(rates, "CODEC", spec)
    monkeypatch.setattr(rates, "organ_slice", lambda shape, seed: made((128, 128), seed % 2))
    found = rates.Rates().run(tmp_path, 0, True, lambda *_: None)
    return {criterion.key: bool(criterion.test(found.values[criterion.key])) for criterion in rates.Rates.criteria}


def test_the_slice_is_what_its_labels_say() -> None:
    made = organ_slice((128, 128), 3, noise_hu=12.0)
    assert made.image.dtype == np.uint16 and made.image.max() < 4096
    assert set(np.unique(made.labels)) == set(range(len(CLASSES)))
    from scipy.ndimage import binary_erosion

    for label in range(len(CLASSES)):
        inside = binary_erosion(made.labels == label, iterations=2)
        if inside.sum() > 30:
            # Texture and noise are not independent from pixel to pixel: about one in thirty is.
            se = 16 / np.sqrt(inside.sum() / 30)
            assert made.image[inside].mean() == pytest.approx(LEVELS_HU[label] + STORED, abs=4 * se)
    assert np.array_equal(organ_slice((128, 128), 3).image, made.image)


def test_dice_is_its_definition_over_the_classes_shown() -> None:
    truth = np.array([[0, 1, 1, 2], [0, 0, 2, 2]])
    found = np.array([[0, 1, 2, 2], [1, 0, 2, 2]])
    assert rates.multi_class_dice(truth, found) == pytest.approx((2 * 1 / 4 + 2 * 3 / 7) / 2)


def test_lossless_changes_nothing_and_a_constant_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    flat = _run(monkeypatch, tmp_path, "lossless")
    assert flat["lossless"] and flat["dice"] and not flat["leaves"] and not flat["fall"]

    class Constant:
        def roundtrip(self, image: np.ndarray) -> tuple[np.ndarray, int]:
            return np.full_like(image, 7), 1

    monkeypatch.setattr(rates, "codec", lambda spec: codec(spec) if spec == "lossless" else Constant())
    broken = _run(monkeypatch, tmp_path, "constant")
    assert not broken["leaves"] and not broken["psnr"]
