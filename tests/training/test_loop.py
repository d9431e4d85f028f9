"""The loop: the same bytes from the same seed, also where it was killed; curves, stopping, schedules, and what it writes."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from sigmaraw.errors import InvalidOption, InvalidTraining
from sigmaraw.training import train
from sigmaraw.training.checkpoint import NAME
from sigmaraw.training.config import config_from
from sigmaraw.training.optimisation import learning_rate, optimiser_of
from tests.training.conftest import COUNT, config

VARIED = {
    "augment": {"flip": 0.5, "rotate": 90, "scale": [0.8, 1.2], "contrast": [0.5, 3], "defocus": 1.5},
    "network__dropout": 0.2,
    "network__norm": "batch",
    "training__weight_decay": 1e-3,
}


class Stop(Exception):
    """Stands for a kill: raised inside a step."""


def _stop_at(step: int):
    def report(done: int, total: int, what: str) -> None:
        if done == step:
            raise Stop

    return report


@pytest.mark.parametrize("optimiser", ["adam", "sgdm", "adadelta"])
def test_the_same_seed_and_gone_on_with_give_the_same_weights(optimiser: str, cells: Path, tmp_path: Path) -> None:
    made = config(training__optimiser=optimiser, training__epochs=3, **VARIED)
    whole, again = (train(made, tmp_path / name, folder=cells) for name in ("a", "b"))
    assert whole.sha256 == again.sha256 == hashlib.sha256(whole.weights.read_bytes()).hexdigest()
    with pytest.raises(Stop):
        train(made, tmp_path / "c", folder=cells, progress=_stop_at(6))  # in the middle of the second epoch
    assert [path.name for path in (tmp_path / "c").iterdir()] == [NAME]
    with pytest.raises(InvalidOption, match="--resume"):
        train(made, tmp_path / "c", folder=cells)
    resumed = train(made, tmp_path / "c", folder=cells, resume=True)
    assert resumed.sha256 == whole.sha256
    curves = [json.loads(result.record.read_text())["curves"] for result in (whole, resumed)]
    assert curves[0] == curves[1] and len(curves[0]) == 3
    other = train(config(training__optimiser=optimiser, training__epochs=3, seed=1, **VARIED), tmp_path / "d", folder=cells)
    assert other.sha256 != whole.sha256


@pytest.mark.slow
def test_a_process_that_is_killed_leaves_what_is_gone_on_with(cells: Path, tmp_path: Path) -> None:
    text = (
        'task = "mask"\n[data]\nimages = "images/*.tif"\ntargets = "masks/*.tif"\n[network]\nwidths = [4, 8]\n'
        '[training]\nloss = "bce"\nepochs = 5\nsteps = 12\nbatch = 2\ntile = 16\nthreads = 1\n'
    )
    path = cells / "killed.toml"
    path.write_text(text)
    whole = train(path, tmp_path / "whole")
    command = [sys.executable, "-m", "sigmaraw", "train", str(path), "-q", "-o", str(tmp_path / "killed")]
    process = subprocess.Popen(command)
    end = time.monotonic() + 120
    while not (tmp_path / "killed" / NAME).exists() and time.monotonic() < end:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert (tmp_path / "killed" / NAME).exists() and not (tmp_path / "killed" / "model.json").exists()
    assert train(path, tmp_path / "killed", resume=True).sha256 == whole.sha256


def test_the_record_says_what_was_done(cells: Path, tmp_path: Path) -> None:
    made = train(config(), tmp_path, folder=cells)
    record = json.loads(made.record.read_text())
    assert record["sha256"] == made.sha256
    files = record["data"]["files"]
    assert len(files) == COUNT and record["data"]["images"] == {"train": 6, "validation": 1, "test": 1}
    for file in files:
        for kind, name, key in (("images", file["image"], "sha256"), ("masks", file["target"], "target_sha256")):
            assert hashlib.sha256((cells / kind / name).read_bytes()).hexdigest() == file[key]
    assert record["configuration"]["augment"]["flip"] == 0.0, "defaults are written out"
    assert {"torch", "numpy", "python", "sigmaraw"} <= record["versions"].keys()
    assert record["curves"][record["best_epoch"] - 1]["validation_loss"] == min(row["validation_loss"] for row in record["curves"])
    assert record["test"]["images"][0]["id"] == next(file["id"] for file in files if file["split"] == "test")


def test_the_weights_kept_are_those_of_the_best_epoch_and_training_stops_early(cells: Path, tmp_path: Path) -> None:
    # A rate that is far too high after the first epoch: the validation loss rises from then on.
    made = config(training__epochs=9, training__patience=2, training__learning_rate=0.3, training__optimiser="sgdm", seed=2)
    result = train(made, tmp_path / "a", folder=cells)
    assert result.stopped_early and result.epochs == result.best_epoch + 2 < 9
    short = json.loads(json.dumps({"training__epochs": result.best_epoch}))
    changed = config(training__patience=2, training__learning_rate=0.3, training__optimiser="sgdm", seed=2, **short)
    assert train(changed, tmp_path / "b", folder=cells).sha256 == result.sha256


def test_it_learns(cells: Path, tmp_path: Path) -> None:
    result = train(config(training__epochs=4, training__steps=25, data__split={"validation": 0.0, "test": 0.3}), tmp_path, folder=cells)
    assert result.best_epoch == 4, "without validation images the last epoch's weights are kept"
    assert result.test["figure"] > 0.8


def test_another_configuration_or_other_images_are_not_gone_on_with(cells: Path, tmp_path: Path) -> None:
    with pytest.raises(Stop):
        train(config(), tmp_path, folder=cells, progress=_stop_at(6))
    with pytest.raises(InvalidTraining, match="configuration"):
        train(config(seed=1), tmp_path, folder=cells, resume=True)
    assert train(config(training__epochs=3), tmp_path, folder=cells, resume=True).epochs == 3, "more epochs are no other training"
    with pytest.raises(InvalidOption, match="no checkpoint"):
        train(config(), tmp_path, folder=cells, resume=True)


def test_a_checkpoint_that_is_none_is_refused(cells: Path, tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"\x80\x04nonsense")
    with pytest.raises(InvalidTraining, match="cannot be gone on with"):
        train(config(), tmp_path, folder=cells, resume=True)
    safetensors.torch.save_file({"x": torch.zeros(1)}, tmp_path / NAME)
    with pytest.raises(InvalidTraining, match="cannot be gone on with"):
        train(config(), tmp_path, folder=cells, resume=True)


def test_learning_rates_follow_their_laws() -> None:
    part = config(training__schedule="poly", training__power=0.9, training__epochs=5).training
    assert [learning_rate(part, k) for k in (0, 10)] == pytest.approx([0.01, 0.01 * 0.5**0.9])
    part = config(training__schedule="step", training__factor=0.8, training__every=3).training
    assert [learning_rate(part, k * part.steps) for k in (0, 2, 3, 8)] == pytest.approx([0.01, 0.01, 0.008, 0.0064])


def test_sgdm_and_adadelta_follow_their_equations() -> None:
    gradients = [0.5, -0.2, 0.4]
    part = config(training__optimiser="sgdm", training__momentum=0.9, training__weight_decay=0.1).training
    weight, velocity, expected = torch.nn.Parameter(torch.tensor(1.0, dtype=torch.float64)), 0.0, 1.0
    optimiser = optimiser_of([weight], part)
    for g in gradients:
        weight.grad = torch.tensor(g, dtype=torch.float64)
        optimiser.step()
        velocity = 0.9 * velocity + (g + 0.1 * expected)
        expected -= 0.01 * velocity
    assert float(weight.detach()) == pytest.approx(expected, rel=1e-12)
    weight = torch.nn.Parameter(torch.tensor(1.0, dtype=torch.float64))
    optimiser = optimiser_of([weight], config(training__optimiser="adadelta", training__learning_rate=1.0).training)
    square = change = 0.0
    expected = 1.0
    for g in gradients:
        weight.grad = torch.tensor(g, dtype=torch.float64)
        optimiser.step()
        square = 0.9 * square + 0.1 * g * g
        delta = np.sqrt(change + 1e-6) / np.sqrt(square + 1e-6) * g  # the print's θ + Δθ needs the sign of descent
        change = 0.9 * change + 0.1 * delta * delta
        expected -= delta
    assert float(weight.detach()) == pytest.approx(expected, rel=1e-9)


def test_torch_is_left_as_it_was(cells: Path, tmp_path: Path) -> None:
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled(), torch.get_rng_state()
    train(config(training__threads=2), tmp_path, folder=cells)
    assert (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()) == before[:2]
    assert torch.equal(torch.get_rng_state(), before[2])


def test_a_loss_that_is_not_finite_ends_training(cells: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidTraining, match="not finite"):
        train(config("image", "stains", "mse", training__learning_rate=1e30, training__optimiser="sgdm"), tmp_path, folder=cells)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"seed": -1}, "seed"),
        ({"training": {"loss": "bce", "tile": 15}}, "multiples of 8"),
        ({"training": {"loss": "bce", "epochs": 0}}, "epochs"),
        ({"training": {"loss": "bce", "epochs": "6"}}, "Expected `int`"),
        ({"training": {"loss": "bce", "learning_rate": 0}}, "learning_rate"),
        ({"training": {"loss": "bce", "optimizer": "adam"}}, "unknown field `optimizer`"),
        ({"training": {}}, "missing required field `loss`"),
        ({"augment": {"scale": [1.2, 0.8]}}, "scale"),
        ({"augment": {"flip": 2}}, "flip"),
        ({"network": {"widths": []}}, "widths"),
        ({"network": {"dropout": 1}}, "dropout"),
        ({"task": "guess"}, "Invalid enum value 'guess'"),
    ],
)
def test_a_wrong_configuration_is_refused_by_name(change: dict[str, object], words: str) -> None:
    content = {"task": "mask", "data": {"images": "*", "targets": "*"}, "training": {"loss": "bce"}, **change}
    with pytest.raises(InvalidTraining, match=words) as caught:
        config_from(content, "c.toml")
    assert "\n" not in str(caught.value) and str(caught.value).startswith("c.toml")
