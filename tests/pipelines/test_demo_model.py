"""The shipped U-Net: what it must achieve on scenes that it has not seen, and that its files are what they say."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sigmaraw as sr
from sigmaraw import errors
from sigmaraw.files import sha256_of_file
from sigmaraw.metrics import Dice
from sigmaraw.pipelines.demo_weights import SHIPPED, training_record
from sigmaraw.virtual import VirtualCamera, nuclei_scene
from sigmaraw.virtual.samples import random_sample

SEED = 77  # neither the training's nor the one in the training record


@pytest.fixture(scope="module")
def pipeline() -> Any:
    return sr.pipeline("unet-demo")


def test_held_out_scenes_dice_at_least_95_percent_and_count_within_5_percent(pipeline: Any) -> None:
    dice, found, true = [], [], []
    for index in range(24):
        sample = random_sample(index, SEED, "held-out")
        found.append(pipeline(sample.frame)["count"])
        true.append(sample.scene.count)
        if true[-1]:
            dice.append(Dice()(sample.scene.mask, pipeline.mask(sample.frame)))
    assert len(dice) >= 20
    assert np.mean(dice) >= 0.95
    assert np.min(dice) >= 0.90
    assert abs(sum(found) / sum(true) - 1) <= 0.05
    # Scene by scene too, so that errors of opposite sign cannot cancel; one cell is allowed where there are few.
    assert np.all(np.abs(np.subtract(found, true)) <= np.maximum(1, 0.05 * np.array(true)))


def test_area_and_intensity_are_near_the_truth(pipeline: Any) -> None:
    camera = VirtualCamera(seed=SEED)
    scene = nuclei_scene(n_cells=30, seed=SEED)
    values = pipeline(camera.acquire(scene.mean_e, 1, SEED)[0])
    assert values["area"] == pytest.approx(scene.area, rel=0.05)
    assert values["mean_intensity"] == pytest.approx(camera.mean_dn(scene.mean_e)[scene.mask].mean(), rel=0.03)


@pytest.mark.parametrize("value", [0, 100, 65535])
def test_an_empty_frame_has_no_cells(pipeline: Any, value: int) -> None:
    assert pipeline(np.full((64, 64), value, np.uint16))["count"] == 0


def test_sizes_that_are_no_multiple_are_padded_and_cut_back(pipeline: Any) -> None:
    camera = VirtualCamera(shape=(129, 143), seed=4)
    scene = nuclei_scene(camera.shape, 8, seed=4)
    mask = pipeline.mask(camera.acquire(scene.mean_e, 1, 4)[0])
    assert mask.shape == camera.shape
    assert Dice()(scene.mask, mask) > 0.95


def test_weights_are_small_and_their_record_is_theirs() -> None:
    record = training_record()
    assert SHIPPED.stat().st_size < 2_000_000
    assert record["sha256"] == sha256_of_file(SHIPPED) == sr.pipeline("unet-demo").config()["model_sha256"]
    assert record["parameters"] < 300_000
    assert record["held_out"]["dice_mean"] >= 0.95
    assert abs(record["held_out"]["count_error_total"]) <= 0.05
    assert {"seed", "steps", "loss_every_tenth", "data"} <= record["training"].keys()
    assert {"torch", "numpy", "python"} <= record["versions"].keys()


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for suffix in (".safetensors", ".json"):
        shutil.copy(SHIPPED.with_suffix(suffix), tmp_path)
    return tmp_path / SHIPPED.name


def test_other_weights_with_their_record_are_taken(copy: Path) -> None:
    frame = random_sample(3, SEED, "held-out", (96, 96)).frame
    expected = sr.pipeline("unet-demo")(frame)
    assert expected["count"] > 0
    assert sr.pipeline(f"unet-demo:weights={copy}")(frame) == expected


def test_only_the_shipped_weights_were_measured(copy: Path) -> None:
    kinds = ["network-count", "network-area", "network-intensity", "network-mean-intensity"]
    found = {}
    for spec in ("unet-demo", "unet-demo:u_mode=largest", f"unet-demo:weights={copy}", f"unet-demo:weights={copy},u_mode=unet-demo"):
        rows = sr.pipeline(spec).measurements
        found[spec.replace(str(copy), "W")] = ([row.kind for row in rows], {row.studied for row in rows})
    assert found == {
        "unet-demo": (kinds, {True}),
        "unet-demo:u_mode=largest": ([""] * 4, {False}),
        "unet-demo:weights=W": ([""] * 4, {False}),
        "unet-demo:weights=W,u_mode=unet-demo": (kinds, {False}),
    }
    soft = sr.pipeline("unet-demo:measure=soft").measurements
    assert {(row.kind, row.studied) for row in soft} == {(f"network-soft-{name}", True) for name in ("area", "intensity", "mean-intensity")}


def test_changed_weights_are_refused(copy: Path) -> None:
    content = bytearray(copy.read_bytes())
    content[-1] ^= 1
    copy.write_bytes(content)
    with pytest.raises(errors.IntegrityError, match="as its training record states"):
        sr.pipeline(f"unet-demo:weights={copy}")


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"sha256": 3}'])
def test_a_record_that_is_none_is_refused(copy: Path, text: str) -> None:
    copy.with_suffix(".json").write_text(text)
    with pytest.raises(errors.InvalidModel, match="training record"):
        sr.pipeline(f"unet-demo:weights={copy}")
    copy.with_suffix(".json").unlink()
    with pytest.raises(errors.InputNotFound):
        sr.pipeline(f"unet-demo:weights={copy}")


@pytest.mark.parametrize("content", [b"", b"no safetensors at all", None])
def test_a_file_that_does_not_hold_this_network_is_refused(copy: Path, content: bytes | None) -> None:
    import safetensors.numpy

    copy.write_bytes(safetensors.numpy.save({"a": np.zeros(3, np.float32)}) if content is None else content)
    copy.with_suffix(".json").write_text(json.dumps({"sha256": sha256_of_file(copy)}))
    with pytest.raises(errors.InvalidModel, match="does not fit the demonstration U-Net") as caught:
        sr.pipeline(f"unet-demo:weights={copy}")
    assert "\n" not in str(caught.value)
