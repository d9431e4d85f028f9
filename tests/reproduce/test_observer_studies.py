"""The studies of observers, of stability and of downstream measurements, at a tiny size."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sigmaraw.codecs import codec
from sigmaraw.contracts import Reproduction
from sigmaraw.reproduce import cunha_observers, downstream, stability
from sigmaraw.reproduce.nuclei import Truthful, true_measurements, virtual_samples
from sigmaraw.reproduce.simulated_observers import Greys, Observer, greys_of, outlined
from sigmaraw.statistics.observers import jaccard_by_slice
from sigmaraw.virtual.vessels import vessel_volume


class Constant:
    """A codec that returns one value."""

    def __init__(self, value: int) -> None:
        self.value = value

    def roundtrip(self, image: np.ndarray) -> tuple[np.ndarray, int]:
        return np.full_like(image, self.value), 1


def held(study: Reproduction, values: dict[str, Any]) -> dict[str, bool]:
    return {criterion.key: bool(criterion.test(values[criterion.key])) for criterion in study.criteria}


def test_an_observer_outlines_what_the_image_shows() -> None:
    truth = vessel_volume((8, 64, 64), 2).mask
    volume = np.where(truth, 300, 100).astype(np.uint16)
    greys = greys_of(volume)
    assert greys == Greys(100.0, 300.0)
    sharp = outlined(volume, greys, Observer("a", wobble=1e-6, misses=0.0), 0, 1)
    assert np.nanmean(jaccard_by_slice(sharp, truth)) > 0.9
    shaky = [outlined(volume, greys, Observer("a", wobble=0.25), reading, 1) for reading in (0, 1)]
    assert 0.6 < np.nanmean(jaccard_by_slice(*shaky)) < 0.95
    assert np.array_equal(shaky[0], outlined(volume, greys, Observer("a", wobble=0.25), 0, 1)), "a reading can be repeated"
    strict = outlined(volume, greys, Observer("a", level=0.8, wobble=1e-6, misses=0.0), 0, 1)
    assert strict.sum() < sharp.sum()
    assert not outlined(np.full_like(volume, 100), greys, Observer("a"), 0, 1).any()


def test_001s_own_numbers() -> None:
    assert cunha_observers.storage_factor() == pytest.approx((510_000 + 360 + 3_000) / (510_000 / 274 + 360 / 52 + 3_000 / 34))
    assert round(cunha_observers.storage_factor()) == 262 and cunha_observers.mri_limit() == 34


@pytest.fixture
def vessels(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The study of observers without a plan, on eight slices, with two settings that are not lossless."""
    made = vessel_volume
    monkeypatch.setattr(cunha_observers, "vessel_volume", lambda shape, seed: made((8, 96, 96), seed))
    monkeypatch.setattr(cunha_observers, "HEVC", ("jpeg2000:ratio=20",))
    one = ({}, {})

    def verdicts(folder: Path, raw: np.ndarray, camera: Any, specs: list[str], *rest: Any) -> Any:
        return {spec: ["PASS" if spec == "lossless" else "FAIL"] for spec in specs}, {spec: [0.9, 0.9] for spec in specs}

    monkeypatch.setattr(cunha_observers, "_verdicts", verdicts)
    monkeypatch.setattr(cunha_observers, "pictures", lambda *_: one)
    return monkeypatch


def test_outlines_of_vessels_have_001s_shape(vessels: pytest.MonkeyPatch, tmp_path: Path) -> None:
    study = cunha_observers.CunhaObservers()
    found = study.run(tmp_path, 0, True, lambda *_: None)
    came = held(study, found.values)
    assert found.values["lossless"] == [1.0, 0.0, 0.0, 1.0]
    # Twelve slices and more are needed for Tukey's marks and for the distance, which single overlooked vessels rule.
    assert all(came[key] for key in ("intra", "inter", "lossless", "jaccard", "texture", "ms_ssim", "storage", "mri")), came
    assert any("▲" in note for note in found.notes)
    test = next(criterion.test for criterion in study.criteria if criterion.key == "jaccard")
    assert test([0.88, 0.88, 0.87, 0.80, 0.88, 0.75]) and not test([0.88, 0.88, 0.87, 0.82, 0.88, 0.75])
    assert not test([0.85, 0.88, 0.87, 0.80, 0.88, 0.75]), "it rises"


def test_a_codec_that_returns_a_constant_fails_with_observers(vessels: pytest.MonkeyPatch, tmp_path: Path) -> None:
    vessels.setattr(cunha_observers, "codec", lambda spec, camera: codec(spec) if spec == "lossless" else Constant(150))
    study = cunha_observers.CunhaObservers()
    found = study.run(tmp_path, 0, True, lambda *_: None)
    came = held(study, found.values)
    assert found.values["rule"] == [False, False] and found.values["jaccard"][1:4] == [0.0, 0.0, 0.0]
    assert not (came["marks"] or came["rule"] or came["ms_ssim"])


def test_true_measurements_are_those_of_the_labels() -> None:
    labels = np.zeros((20, 20), int)
    labels[:5, :5], labels[10:16, 10:15], labels[18, 18] = 1, 2, 3  # the last is dust
    image = np.arange(400).reshape(20, 20)
    found = true_measurements(Truthful(image, labels))
    inside = (labels == 1) | (labels == 2)
    assert found == {
        "count": 2.0,
        "area": 55.0,
        "total_intensity": float(image[inside].sum()),
        "mean_intensity": float(image[inside].mean()),
    }


@pytest.mark.slow
def test_defocus_is_worst_and_a_blind_step_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(stability, "virtual_samples", lambda count, seed: virtual_samples(3, seed, 96))
    monkeypatch.setattr(stability, "severities", lambda kind, quick: (2, 5) if kind == "defocus" else (-5, 2, 5))

    def shifts(folder: Path, steps: Any, *rest: Any) -> dict[str, dict[str, float]]:
        specs = ["lossless", *(stability.spec_at(kind, severity) for kind in steps for severity in steps[kind])]
        return {spec: dict.fromkeys(stability.MEASUREMENTS, 0.0 if spec == "lossless" else 5.0) for spec in specs}

    monkeypatch.setattr(stability, "_shifts", shifts)
    study = stability.Stability()
    came = held(study, study.run(tmp_path, 1, True, lambda *_: None).values)
    assert came["demo"] and came["rise"] and came["lossless"] and came["real"], "not judged without data"
    monkeypatch.setattr(stability, "codec", lambda spec: Constant(0))
    came = held(study, study.run(tmp_path, 1, True, lambda *_: None).values)
    assert not (came["rise"] or came["demo"] or came["lossless"])


@pytest.mark.slow
def test_predicted_nuclei_follow_true_ones_and_not_after_a_constant(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(downstream, "virtual_samples", lambda count, seed: virtual_samples(8, seed, 128))
    study = downstream.Downstream()
    found = study.run(tmp_path, 0, True, lambda *_: None)
    came = held(study, found.values)
    assert all(came.values()), found.values
    monkeypatch.setattr(downstream, "codec", lambda spec: Constant(0))
    came = held(study, study.run(tmp_path, 0, True, lambda *_: None).values)
    assert not any(came[f"demonstration {name}"] for name in downstream.MEASUREMENTS)
