"""Limits as options: a margin is as easy to state as k, in every verb that runs a study."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import tifffile

import sigmaraw as sr


@pytest.fixture
def image(world: Path, tmp_path: Path) -> Path:
    """A small cut-out of the world's first image."""
    path = tmp_path / "image.tif"
    tifffile.imwrite(path, tifffile.imread(world / "image.tif")[0, :24, :24])
    return path


LIMITS = ["--k", "0.5", "--spread", "2", "--rms", "3", "--margin", "count=2", "--margin", "area=40"]


def test_limits_of_the_command_line_are_those_of_python(image: Path, world: Path, tmp_path: Path, sigmaraw: Callable) -> None:
    what = ["--camera", world / "camera.nc", "--pipeline", "otsu", "-n", 4, "--codec", "jpegls:near=1", "--quiet"]
    done = sigmaraw("validate", image, *what, *LIMITS, "-o", tmp_path / "o")
    assert done.code == 0, done.err
    written = json.loads((tmp_path / "o" / "record.json").read_text())
    limits = {"k": 0.5, "spread": 2.0, "rms": 3.0, "margin": {"count": 2.0, "area": 40.0}}
    called = sr.validate([image], world / "camera.nc", codecs="jpegls:near=1", pipeline="otsu", n=4, **limits)  # type: ignore[arg-type]
    assert written["plan"]["limits"] == called.document["plan"]["limits"] | {"rms_counts": 3.0}
    assert written["plan"]["sha256"] == called.document["plan"]["sha256"]


@pytest.mark.parametrize(
    "wrong", [("--margin", "count"), ("--margin", "count=two"), ("--margin", "cells=2"), ("--k", "0"), ("--spread", "1")]
)
def test_wrong_limits_are_refused_in_one_line(image: Path, world: Path, tmp_path: Path, sigmaraw: Callable, wrong: tuple[str, str]) -> None:
    what = ["--camera", world / "camera.nc", "--pipeline", "otsu", "-n", 4, "--codec", "jpegls:near=1", "--quiet", "-o", tmp_path / "o"]
    refused = sigmaraw("validate", image, *what, *wrong)
    assert refused.code == 2 and len(refused.err.strip().splitlines()) == 1, refused.err
    assert not (tmp_path / "o").exists()


NOISY = """import numpy as np

RANDOM = np.random.default_rng(5)


def answer(image):
    return {"a": float(image.sum() + 50 * RANDOM.normal())}
"""


def test_a_sweep_takes_limits_and_answers_that_differ(
    image: Path, world: Path, tmp_path: Path, sigmaraw: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "answers_that_differ.py").write_text(NOISY)
    monkeypatch.syspath_prepend(tmp_path)
    what = ["--camera", world / "camera.nc", "--pipeline", "answers_that_differ:answer", "-n", 4, "--quiet"]
    grid = ["--codec", "jpegls:near=1|3", *LIMITS[:4], "-o", tmp_path / "o"]
    refused = sigmaraw("sweep", image, *what, *grid)
    assert refused.code == 2 and "--allow-nondeterminism" in refused.err
    done = sigmaraw("sweep", image, *what, *grid, "--allow-nondeterminism")
    assert done.code == 0, done.err
    found = json.loads((tmp_path / "o" / "record.json").read_text())
    assert found["plan"]["limits"]["k"] == 0.5 and all(row["warnings"] for row in found["results"])
