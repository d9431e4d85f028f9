"""sigmaraw plan: what must be stated, what is locked, and what a pilot adds."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.reports.conftest import make_record, write_folder

STATED = ["--codec", "jpegls:near=1", "--pipeline", "otsu", "--question", "Does it change the count?", "--context", "an archive"]


def test_a_plan_is_written_locked_and_refused_once_edited(tmp_path: Path, sigmaraw: Callable) -> None:
    path = tmp_path / "plan.toml"
    done = sigmaraw("plan", "-o", path, *STATED, "--images", 12, "--margin", "count=2", "--rationale", "count=two of sixty", "--k", "0.5")
    assert done.code == 0 and "SHA-256" in done.out, done.err
    content = tomllib.loads(path.read_text())
    assert content["limits"] == {"k": 0.5, "margin": {"count": 2.0}} and content["images"] == 12
    assert content["rationale"] == {"count": "two of sixty"} and content["lock"]["sha256"]
    assert sigmaraw("plan", "-o", path, *STATED, "--images", 12).code == 2  # it exists
    path.write_text(path.read_text().replace("images = 12", "images = 2"))
    edited = sigmaraw("plan", "-o", tmp_path / "other.toml", "--draft", path)
    assert edited.code == 2 and len(edited.err.strip().splitlines()) == 1 and not (tmp_path / "other.toml").exists()


@pytest.mark.parametrize(
    ("left_out", "named"), [("--question", "question"), ("--context", "context_of_use"), ("--pipeline", "pipeline"), ("--images", "images")]
)
def test_what_is_not_stated_is_named(tmp_path: Path, sigmaraw: Callable, left_out: str, named: str) -> None:
    words = [*STATED, "--images", "12"]
    place = words.index(left_out)
    refused = sigmaraw("plan", "-o", tmp_path / "plan.toml", *words[:place], *words[place + 2 :])
    assert refused.code == 2 and named in refused.err and not (tmp_path / "plan.toml").exists()


def test_a_margin_needs_its_reason_and_numbers_are_numbers(tmp_path: Path, sigmaraw: Callable) -> None:
    words = ["plan", "-o", tmp_path / "plan.toml", *STATED, "--images", 12]
    assert "a rationale of margin count" in sigmaraw(*words, "--margin", "count=2").err
    for wrong in (
        ["--margin", "count=many"],
        ["--margin", "2"],
        ["--rationale", "count"],
        ["--unit", "pixel"],
        ["--power", "2", "--pilot", tmp_path],
    ):
        assert sigmaraw(*words, *wrong).code == 2
    assert not (tmp_path / "plan.toml").exists()


def test_a_pilot_says_how_many_images(tmp_path: Path, sigmaraw: Callable) -> None:
    write_folder(tmp_path / "pilot", make_record(images=4, codecs=1, measurements=1))
    done = sigmaraw("plan", "-o", tmp_path / "plan.toml", *STATED, "--pilot", tmp_path / "pilot")
    assert "lossless, count: 3 images for power 0.8" in done.out
    assert tomllib.loads((tmp_path / "plan.toml").read_text())["images"] == 3


def test_a_misspelt_codec_is_refused_before_the_plan_is_locked(tmp_path: Path, sigmaraw: Callable) -> None:
    words = [*STATED, "--images", "12"]
    words[words.index("jpegls:near=1")] = "to8bit:minmax+jpge:quality=80"
    refused = sigmaraw("plan", "-o", tmp_path / "plan.toml", *words)
    assert refused.code == 2 and "Did you mean 'jpeg'?" in refused.err and not (tmp_path / "plan.toml").exists()
    grid = [*STATED, "--images", "12", "--codec", "jpeg2000:ratio=5|10"]  # a search's plan holds grids
    assert sigmaraw("plan", "-o", tmp_path / "plan.toml", *grid).code == 0
