"""The command line as people meet it: help, JSON, names, completion, folders that hold a record."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import tifffile
from typer.testing import CliRunner

from sigmaraw import registry
from sigmaraw.cli.main import VERBS, VERBS_OF_VERBS, application
from sigmaraw.cli.shared import exit_code, plain

VERB_NAMES = list(VERBS)
_ALL = application()
DOCS = Path(__file__).resolve().parents[2]


def test_alone_it_shows_its_help(sigmaraw: Callable) -> None:
    outcome = sigmaraw()
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == sigmaraw("--help").out
    assert all(f"  {name} " in outcome.out for name in VERB_NAMES)
    assert "..." not in outcome.out.replace("[ARGS]...", ""), "each verb's line is whole"


@pytest.mark.parametrize("verb", VERB_NAMES)
def test_every_help_names_its_page_and_explains_every_option(verb: str, sigmaraw: Callable) -> None:
    outcome = sigmaraw(verb, "--help")
    assert outcome.code == 0
    (page,) = re.findall(r"Documentation: (\S+)", outcome.out)
    assert (DOCS / page).is_file()
    (command,) = application([verb]).registered_commands
    assert command.callback is not None and command.callback.__doc__
    listed = outcome.out.partition("Options:\n")[2].partition("\n\n")[0]
    entries = re.split(r"\n(?=  -)", listed)
    assert all(re.search(r"\S {2,}\S|\n +\S", entry.strip()) for entry in entries), "an option without words"
    assert not re.search(r"decision record|intolerable|\bdoor\b|\broom\b", outcome.out)


@pytest.mark.parametrize("verb", [*VERBS, *VERBS_OF_VERBS])
def test_a_verb_made_alone_says_what_it_says_among_all(verb: str) -> None:
    alone, among_all = (CliRunner().invoke(made, [verb, "--help"]) for made in (application([verb]), _ALL))
    assert alone.exit_code == among_all.exit_code == 0
    assert alone.output == among_all.output and verb in alone.output


def _json(outcome: object) -> object:
    assert outcome.out.isascii()  # type: ignore[attr-defined]
    return json.loads(outcome.out)  # type: ignore[attr-defined]


@pytest.mark.parametrize("verb", ["codecs", "pipelines", "metrics"])
def test_listings_as_json(verb: str, sigmaraw: Callable) -> None:
    rows = _json(sigmaraw(verb, "--json"))
    assert [row["name"] for row in rows] == registry.names(f"sigmaraw.{verb}")  # type: ignore[attr-defined, index]


@pytest.mark.parametrize(
    ("verb", "name", "shown"), [("pipelines", "otsu", "min_size"), ("measurements", "texture", "[1]"), ("metrics", "dice", "2|X")]
)
def test_one_entry_of_a_listing(verb: str, name: str, shown: str, sigmaraw: Callable) -> None:
    outcome = sigmaraw(verb, name)
    assert outcome.code == 0
    assert [line.split()[0] for line in outcome.out.splitlines() if not line.startswith(" ")] == [name]
    assert shown in outcome.out
    assert [row["name"] for row in _json(sigmaraw(verb, name, "--json"))] == [name]  # type: ignore[attr-defined]
    refused = sigmaraw(verb, f"{name}x")
    assert refused.code == 2
    assert f"'{name}'?" in refused.err


def test_one_codec_with_its_keys(sigmaraw: Callable) -> None:
    outcome = sigmaraw("codecs", "jpegls")
    assert outcome.code == 0
    heads = [line.split()[0] for line in outcome.out.splitlines() if not line.startswith(" ")]
    assert heads == ["jpegls"]
    assert re.search(r"^ +near +", outcome.out, re.MULTILINE)
    (row,) = _json(sigmaraw("codecs", "jpegls", "--json"))  # type: ignore[misc]
    assert "near" in [entry["name"] for entry in row["parameters"]]
    refused = sigmaraw("codecs", "jpeglls")
    assert refused.code == 2 and "jpegls" in refused.err


def test_profiles_and_forecasts_as_json(world: Path, tmp_path: Path, sigmaraw: Callable) -> None:
    stated = ["--gain", 0.5, "--read-noise", 2, "--bits", 12]
    profile = _json(sigmaraw("camera", *stated, "--offset", 100, "-o", tmp_path / "a.nc", "--json"))
    assert profile["scalars"]["gain"]["value"] == 0.5 and profile["profile"] == str(tmp_path / "a.nc")  # type: ignore[index]
    forecast = _json(sigmaraw("plan-calibration", *stated, "--shape", "64x64", "--json"))
    assert forecast["quantities"]["gain"]["expected"] == pytest.approx(0.5)  # type: ignore[index]
    measured = sigmaraw("calibrate", world / "series", "--bits", 12, "-o", tmp_path / "b.nc", "--json", "--quiet")
    assert _json(measured)["calibrated"] is True and measured.err == ""  # type: ignore[index]
    same = sigmaraw("check", tmp_path / "b.nc", "--against", tmp_path / "b.nc", "--json")
    assert same.code in (0, 3) and {row["difference"] for row in _json(same)} == {0.0}  # type: ignore[attr-defined, index]


def _study(world: Path, output: Path, verb: str = "validate", *more: object) -> list[object]:
    common = ["--camera", world / "camera.nc", "--pipeline", "intensity", "-n", 4, "--mode", "around-raw", "--codec", "lossless"]
    return [verb, world / "image.tif", *common, "-q", "-o", output, *more]


def test_a_record_is_not_replaced_unless_told(world: Path, tmp_path: Path, sigmaraw: Callable) -> None:
    out = tmp_path / "out"
    first = sigmaraw(*_study(world, out, "sweep"), "--json")
    found = _json(first)
    assert found["verdict"] == "PASS" and found["table"] == str(out / "results.csv")  # type: ignore[index]
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    for verb in ("validate", "sweep"):
        refused = sigmaraw(*_study(world, out, verb))
        assert refused.code == 2 and "holds a record already" in refused.err and "--overwrite" in refused.err
    search = sigmaraw("search", world / "image.tif", world / "image.tif", *_study(world, out)[2:])
    assert search.code == 2 and "holds a record already" in search.err
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    done = sigmaraw(*_study(world, out), "--overwrite", "--json", "--check")
    assert done.code == 0, done.err
    document = _json(done)
    assert {row["verdict"] for row in document["results"]} == {"PASS"}  # type: ignore[index]
    assert "results.csv" not in {path.name for path in out.iterdir()}, "no table of the record before stays beside the new one"


def test_a_search_replaces_all_of_the_search_before(world: Path, tmp_path: Path, sigmaraw: Callable) -> None:
    stack = tifffile.imread(world / "image.tif")
    for index, frame in enumerate(stack):
        tifffile.imwrite(tmp_path / f"{index}.tif", frame)
    common = ["--camera", world / "camera.nc", "--pipeline", "intensity", "-n", 3, "--mode", "around-raw", "-q", "-o", tmp_path / "o"]
    command = ["search", tmp_path / "0.tif", tmp_path / "1.tif", *common]
    found = _json(sigmaraw(*command, "--codec", "lossless:zstd|png", "--json"))
    assert found["recommended"]["codec"].startswith("lossless")  # type: ignore[index]
    assert (tmp_path / "o" / "confirmation").is_dir()
    again = sigmaraw(*command, "--codec", "to8bit:minmax+jpeg:quality=1", "--overwrite", "--check")
    assert again.code == 3, again.err
    assert not (tmp_path / "o" / "confirmation").exists()


def test_check_says_3_where_a_warning_bears_on_a_pass() -> None:
    class Made:
        def __init__(self, verdict: str, **row: object) -> None:
            self.verdict, self.content = verdict, SimpleNamespace(results=[SimpleNamespace(verdict=verdict, **row)])

    bearing, other = SimpleNamespace(bears=True), SimpleNamespace(bears=False)
    assert exit_code(Made("PASS", warnings=[], reason="within limits")) == 0  # type: ignore[arg-type]
    assert exit_code(Made("PASS", warnings=[other, bearing], reason="within limits")) == 3  # type: ignore[arg-type]
    assert exit_code(Made("PASS", warnings=[other], reason="within limits")) == 0  # type: ignore[arg-type]
    assert exit_code(Made("FAIL", warnings=[bearing], reason="x")) == 1  # type: ignore[arg-type]
    assert exit_code(Made("INCONCLUSIVE", warnings=[], reason="x")) == 3  # type: ignore[arg-type]


def test_json_values_are_plain() -> None:
    import numpy as np

    given = {"a": np.float64("nan"), "b": (np.arange(2), float("inf")), 3: None, "c": True, "d": Path("x"), "e": np.bool_(False)}
    assert plain(given) == {"a": None, "b": [[0, 1], None], "3": None, "c": True, "d": "x", "e": False}


@pytest.mark.parametrize(
    ("words", "answer"),
    [("sigmaraw val", "validate"), ("sigmaraw codecs jpegl", "jpegls"), ("sigmaraw validate --mode boo", "bootstrap")],
)
def test_a_shell_completes_verbs_and_names(words: str, answer: str) -> None:
    program = "import sys; sys.argv = ['sigmaraw']; from sigmaraw.cli import main; main()"
    asked = {"_SIGMARAW_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1)}
    done = subprocess.run([sys.executable, "-c", program], env={**os.environ, **asked}, capture_output=True, text=True, timeout=300)
    assert answer in done.stdout.split()


def test_every_page_that_a_help_names_exists(sigmaraw: Callable) -> None:
    root = Path(__file__).parents[2]
    listed = sigmaraw("--help").out.partition("Commands:")[2].partition("Documentation:")[0]
    verbs = re.findall(r"^  (\S+)", listed, re.MULTILINE)
    named = {verb: re.findall(r"docs/[\w/-]+\.md", sigmaraw(*verb.split(), "--help").out) for verb in ("", *verbs)}
    assert len(named) > 20 and all(named.values()), [verb for verb, pages in named.items() if not pages]
    assert [page for pages in named.values() for page in pages if not (root / page).is_file()] == []
