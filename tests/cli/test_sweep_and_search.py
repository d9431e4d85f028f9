"""sigmaraw sweep and sigmaraw search, from files to folders."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import tifffile


def test_sweep_writes_curves_and_a_table(world: Path, tmp_path: Path, sigmaraw: Callable) -> None:
    what = ["--frame", 0, "--camera", world / "camera.nc", "--pipeline", "otsu", "-n", 5, "-o", tmp_path / "o"]
    outcome = sigmaraw("sweep", world / "image.tif", *what, "--codec", "jpegls:near=1..9:3", "--codec", "lossless")
    assert outcome.code == 0, outcome.err
    assert outcome.out.count("jpegls:near=") == 3 and "results.csv" in outcome.out
    assert re.search(r"replicas: (\d+) of \1\b", outcome.err)
    lines = (tmp_path / "o" / "results.csv").read_text().splitlines()
    assert len(lines) == 1 + 4 * 4
    assert 'id="sweep"' in (tmp_path / "o" / "report.html").read_text()
    assert sigmaraw("verify", tmp_path / "o").code == 0


def test_search_writes_what_it_chose(world: Path, tmp_path: Path, sigmaraw: Callable) -> None:
    stack = tifffile.imread(world / "image.tif")
    for index, frame in enumerate(stack):
        tifffile.imwrite(tmp_path / f"{index}.tif", frame)
    common = ["--camera", world / "camera.nc", "--pipeline", "otsu", "-n", 5, "--codec", "lossless:zstd|png", "--quiet"]
    outcome = sigmaraw("search", tmp_path / "0.tif", tmp_path / "1.tif", *common, "--check", "-o", tmp_path / "o")
    assert outcome.code == 0, outcome.err
    chosen = json.loads((tmp_path / "o" / "search.json").read_text())["recommended"]["codec"]
    assert chosen.startswith("lossless:") and f"Recommended: {chosen}" in outcome.out
    assert outcome.err == ""
    assert {path.name for path in (tmp_path / "o").iterdir()} == {"search.json", "tuning", "confirmation"}
    held_out = sigmaraw("search", tmp_path / "0.tif", "--confirm", tmp_path / "1.tif", *common, "-o", tmp_path / "p")
    assert held_out.code == 0, held_out.err
    document = json.loads((tmp_path / "p" / "confirmation" / "record.json").read_text())
    assert [row["path"] for row in document["inputs"] if row["role"] == "raw"] == ["../../1.tif"]  # relative to the record


COPY = 'exec:encode="cp {in} {out}",decode="cp {in} {out}"+jpegls:near=1|4'


@pytest.mark.parametrize(("verb", "report"), [("sweep", "report.html"), ("search", "search.json")])
def test_programs_run_where_the_grid_is_typed_and_allowed(world: Path, tmp_path: Path, sigmaraw: Callable, verb: str, report: str) -> None:
    frames = tifffile.imread(world / "image.tif")[:, :24, :24]
    for index, frame in enumerate(frames):
        tifffile.imwrite(tmp_path / f"{index}.tif", frame)
    (tmp_path / "plan.toml").write_text(f"codecs = ['{COPY}']")
    common = [verb, tmp_path / "0.tif", tmp_path / "1.tif", "--camera", world / "camera.nc", "--pipeline", "otsu", "-n", 2]
    common += ["-o", tmp_path / "o", "--quiet"]
    for refused in (["--codec", COPY], ["--plan", tmp_path / "plan.toml", "--allow-exec"]):
        outcome = sigmaraw(*common, *refused)
        assert outcome.code == 2 and "would run a program" in outcome.err and len(outcome.err.splitlines()) == 1
        assert not (tmp_path / "o").exists()
    outcome = sigmaraw(*common, "--plan", tmp_path / "plan.toml", "--codec", COPY, "--allow-exec")
    assert outcome.code == 0, outcome.err
    assert (tmp_path / "o" / report).exists()


@pytest.mark.parametrize(
    ("verb", "more", "says"),
    [
        ("sweep", ["--codec", "jpegls:near=1..3"], "low..high:count"),
        ("sweep", ["--codec", "lossless", "--batch", "0"], "--batch 0"),
        ("sweep", [], "no codecs given"),
        ("search", ["--codec", "lossless"], "at least two files"),
        ("search", ["--codec", "lossless", "--fraction", "2"], "fraction = 2"),
    ],
)
def test_sweep_and_search_refuse_in_one_line(
    world: Path, tmp_path: Path, sigmaraw: Callable, verb: str, more: list[str], says: str
) -> None:
    outcome = sigmaraw(verb, world / "image.tif", "--camera", world / "camera.nc", "--pipeline", "otsu", *more, "-o", tmp_path / "o")
    assert outcome.code == 2 and says in outcome.err and len(outcome.err.splitlines()) == 1
    assert not (tmp_path / "o").exists()
