"""The study of training at one ratio and testing at another: small slices, tiny networks."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sigmaraw.codecs import codec
from sigmaraw.errors import UnusableEnvironment
from sigmaraw.reproduce import train_test, train_test_networks
from sigmaraw.reproduce.train_test import RATIOS, Cell, Size
from sigmaraw.reproduce.train_test_networks import Architecture

SLICES = 8


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train_test, "SIDE", 64)
    monkeypatch.setattr(train_test, "TILE", 32)
    monkeypatch.setattr(train_test_networks, "available_cores", lambda: 1)
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
    assert not held["back"] and not held["second"] and not held["tested"] and not held["trained"] and not held["psnr"]
    assert len(list(tmp_path.rglob("model.safetensors"))) == 6 and not list(tmp_path.rglob("*.tif"))


def test_a_codec_that_returns_a_constant_fails(small: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Constant:
        def roundtrip(self, image: np.ndarray) -> tuple[np.ndarray, int]:
            return np.full_like(image, 7), 1

    monkeypatch.setattr(train_test, "codec", lambda spec: codec(spec) if spec == "lossless" else Constant())
    _, held = _run(tmp_path)
    assert not held["trained"] and not held["tested"] and not held["few"]


def test_folds_share_no_slice_and_few_shots_cost_as_many_bytes(small: None, tmp_path: Path) -> None:
    study = train_test._Study(tmp_path, 0, Size((1,), (), (3,), 9, 3, 3, 1))
    whole, few = Cell(train_test.FIRST, 1, 1, RATIOS), Cell(train_test.FIRST, 1, 3, (1,))
    jobs = [study.job(whole, fold) for fold in range(3)]
    trained = [[labels.tobytes() for _, labels in job.train] for job in jobs]
    tested = [{labels.tobytes() for labels in job.labels} for job in jobs]
    assert all(len(names) == 6 for names in trained) and all(len(fold) == 3 for fold in tested)
    assert all(not fold & set(names) for fold, names in zip(tested, trained, strict=True)) and len(set.union(*tested)) == 9
    assert all(set(job.tests) == set(RATIOS) and all(len(images) == 3 for images in job.tests.values()) for job in jobs)
    assert [[labels.tobytes() for _, labels in study.job(few, fold).train] for fold in range(3)] == [names[:2] for names in trained]


@pytest.mark.slow
def test_processes_change_no_digit(small: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    study = train_test._Study(tmp_path, 0, Size((1,), (), (), 4, 2, 2, 2))
    found: list[list[train_test_networks.Dice]] = []
    for cores in (1, 2):
        monkeypatch.setattr(train_test_networks, "available_cores", lambda cores=cores: cores)
        jobs = [
            dataclasses.replace(study.job(Cell(train_test.FIRST, 1, 1, (1, 100)), fold), folder=tmp_path / f"{cores}-{fold}")
            for fold in (0, 1)
        ]
        done: list[int] = []
        found.append(train_test_networks.scored(jobs, lambda done=done: done.append(1)))
        assert len(done) == 2
    for alone, beside in zip(*found, strict=True):
        assert all(np.array_equal(alone[ratio], beside[ratio]) for ratio in (1, 100))


def test_a_process_that_ends_is_refused_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train_test_networks, "available_cores", lambda: 2)
    monkeypatch.setattr(train_test_networks, "trained_and_tested", os._exit)
    with pytest.raises(UnusableEnvironment, match="ended"):
        train_test_networks.scored([3, 3], lambda: None)


def test_an_interval_is_students() -> None:
    from scipy import stats

    random = np.random.default_rng(2)
    base = random.random(7)
    dice = base + random.normal(0.01, 0.02, 7)
    found = train_test._change(dice, base)
    expected = stats.ttest_rel(dice, base).confidence_interval(0.90)
    assert (found["low"], found["high"]) == (pytest.approx(expected.low), pytest.approx(expected.high))
