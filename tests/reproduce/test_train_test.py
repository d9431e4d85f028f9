"""The study of training at one ratio and testing at another: small slices, tiny networks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sigmaraw.codecs import codec
from sigmaraw.reproduce import train_test
from sigmaraw.reproduce.train_test import RATIOS, Architecture, Size

SLICES = 8


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train_test, "SIDE", 64)
    monkeypatch.setattr(train_test, "TILE", 32)
    monkeypatch.setattr(train_test, "FIRST", Architecture("small", (4, 8)))
    monkeypatch.setattr(train_test, "SECOND", Architecture("smaller", (4,), "batch", "elu"))
    monkeypatch.setattr(train_test, "QUICK", Size((1, 20, 100), (1, 100), (20,), SLICES, 4, 1, 8))


def _run(folder: Path) -> tuple[dict[str, Any], dict[str, bool]]:
    found = train_test.TrainTest().run(folder, 0, True, lambda *_: None)
    assert set(found.shown) == {criterion.key for criterion in train_test.TrainTest.criteria} and set(found.figures) == {"ratios", "matrix"}
    held = {criterion.key: bool(criterion.test(found.values[criterion.key])) for criterion in train_test.TrainTest.criteria}
    return dict(found.values), held


def test_lossless_changes_nothing(small: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(train_test, "CODEC", "lossless")
    values, held = _run(tmp_path)
    assert len(set(values["matrix"].values())) == 1 and len(values["matrix"]) == 3 * len(RATIOS)
    assert all(change["mean"] == 0 for change in values["trained"]["changes"].values())
    assert set(values["tested"]["dice"]) == {values["tested"]["dice"][0]}
    assert not held["back"] and not held["tested"] and not held["trained"] and not held["psnr"]
    assert len(list(tmp_path.rglob("model.safetensors"))) == 6 and not list(tmp_path.rglob("*.tif"))


def test_a_codec_that_returns_a_constant_fails(small: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Constant:
        def roundtrip(self, image: np.ndarray) -> tuple[np.ndarray, int]:
            return np.full_like(image, 7), 1

    monkeypatch.setattr(train_test, "codec", lambda spec: codec(spec) if spec == "lossless" else Constant())
    _, held = _run(tmp_path)
    assert not held["trained"] and not held["tested"] and not held["few"]


def test_folds_share_no_slice_and_few_shots_cost_as_many_bytes(small: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    trained: list[list[bytes]] = []
    tested: list[bytes] = []

    def train(folder: Path, architecture: Any, pairs: Any, seed: int, steps: int) -> None:
        trained.append([labels.tobytes() for _, labels in pairs])

    def dice(truth: np.ndarray, found: Any) -> float:
        tested.append(truth.tobytes())
        return 0.5

    monkeypatch.setattr(train_test, "trained_network", train)
    monkeypatch.setattr(train_test, "segmented", lambda network, image: None)
    monkeypatch.setattr(train_test, "multi_class_dice", dice)
    study = train_test._Study(tmp_path, 0, Size((1,), (), (3,), 9, 3, 3, 1), lambda *_: None)
    study.matrix(train_test.FIRST, (1,), RATIOS)
    assert [len(names) for names in trained] == [6, 6, 6]
    folds = [set(tested[start : start + 15]) for start in (0, 15, 30)]
    assert all(len(fold) == 3 and not fold & set(names) for fold, names in zip(folds, trained, strict=True))
    assert len(folds[0] | folds[1] | folds[2]) == 9
    study.few_shot(3)
    assert [len(names) for names in trained[3:]] == [2, 2, 2] and all(names == trained[k][:2] for k, names in enumerate(trained[3:]))


def test_an_interval_is_students() -> None:
    from scipy import stats

    random = np.random.default_rng(2)
    base = random.random(7)
    dice = base + random.normal(0.01, 0.02, 7)
    found = train_test._change(dice, base)
    expected = stats.ttest_rel(dice, base).confidence_interval(0.90)
    assert (found["low"], found["high"]) == (pytest.approx(expected.low), pytest.approx(expected.high))
