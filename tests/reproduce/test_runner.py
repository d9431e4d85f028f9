"""The frame of the papers' studies: criteria, tables, exit codes; and the study of readers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sigmaraw import registry
from sigmaraw.contracts import Criterion, Found, Reproduction
from sigmaraw.errors import BrokenExtension, InputNotFound, InvalidOption, UnknownName
from sigmaraw.reproduce import readers, reproduce
from tests.cli.conftest import sigmaraw  # noqa: F401 (a fixture)


class Toy(Reproduction):
    name, title, paper = "toy", "A toy", "000"
    criteria = (Criterion("x", "x", "2", "x is 2", lambda v: v == 2), Criterion("y", "y", "not printed", "y < 1", lambda v: v < 1))
    values: dict[str, Any] = {"x": 2, "y": 0.5}  # noqa: RUF012

    def run(self, folder: Path, seed: int, quick: bool, progress: Any) -> Found:
        (folder / "study").mkdir()
        return Found(self.values, {"x": f"two | {seed}"}, notes=("a <b> note",))


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> type[Toy]:
    monkeypatch.setattr(registry, "load", lambda group, name: Toy)
    return Toy


def test_a_table_is_what_was_found_held_against_the_criteria(toy: type[Toy], tmp_path: Path) -> None:
    table = reproduce("toy", tmp_path / "out", seed=7)
    assert table.agrees and [row.agrees for row in table.rows] == [True, True]
    assert "two \\| 7" in (tmp_path / "out" / "reproduction.md").read_text()
    content = json.loads((tmp_path / "out" / "reproduction.json").read_text())
    assert content["values"] == {"x": 2, "y": 0.5} and 0 <= content["processor_seconds"] < 60
    assert (tmp_path / "out" / "study").is_dir()
    with pytest.raises(InvalidOption, match="holds something"):
        reproduce("toy", tmp_path / "out")


def test_a_shape_that_disagrees_ends_with_1(toy: type[Toy], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sigmaraw: Callable) -> None:  # noqa: F811
    monkeypatch.setattr(toy, "values", {"x": 2, "y": 3.0})
    outcome = sigmaraw("reproduce", "toy", "-o", tmp_path / "out", "-q")
    assert outcome.code == 1 and "DISAGREES: y" in outcome.out and "agrees: x" in outcome.out
    page = (tmp_path / "out" / "reproduction.html").read_text()
    assert "1 of 2 comparisons agree" in page and "disagrees" in page and "two | 0" in page and "a &lt;b&gt; note" in page
    assert (tmp_path / "out" / "reproduction.pdf").read_bytes().startswith(b"%PDF-")
    monkeypatch.setattr(toy, "values", {"x": 2})
    with pytest.raises(BrokenExtension, match="found no y"):
        reproduce("toy", tmp_path / "other")
    assert not (tmp_path / "other").exists(), "nothing half-written"


def test_data_are_named_by_option_environment_or_place_and_missing_ones_refused(
    toy: type[Toy],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    sigmaraw: Callable,  # noqa: F811
) -> None:
    seen = []
    monkeypatch.setattr(toy, "folders", ("camera-a",))
    monkeypatch.setattr(toy, "run", lambda self, *_: seen.append(self.data_set("camera-a")) or Found(self.values, {}))
    for place in ("named", "environment", "shared/data"):
        (tmp_path / place / "camera-a").mkdir(parents=True)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    reproduce("toy", tmp_path / "0")
    monkeypatch.setenv("SIGMARAW_DATA", str(tmp_path / "environment"))
    reproduce("toy", tmp_path / "1")
    assert sigmaraw("reproduce", "toy", "-o", tmp_path / "2", "--data", tmp_path / "named", "-q").code == 0
    assert seen == [tmp_path / place / "camera-a" for place in ("here/../shared/data", "environment", "named")]
    monkeypatch.setattr(toy, "folders", ("camera-a", "camera-b"))
    outcome = sigmaraw("reproduce", "toy", "-o", tmp_path / "3", "-q")
    assert outcome.code == 2 and "environment without camera-b" in outcome.err and "--data DIR" in outcome.err
    monkeypatch.setenv("SIGMARAW_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(InputNotFound, match=r"nowhere \(from SIGMARAW_DATA\)"):
        reproduce("toy", tmp_path / "3")
    monkeypatch.delenv("SIGMARAW_DATA")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputNotFound, match="no folder of data"):
        reproduce("toy", tmp_path / "3")
    assert not (tmp_path / "3").exists()


def test_studies_are_listed_and_unknown_ones_refused(tmp_path: Path, sigmaraw: Callable) -> None:  # noqa: F811
    listed = json.loads(sigmaraw("reproduce", "--json").out)
    assert [row["name"] for row in listed] == registry.names(registry.REPRODUCTIONS)
    assert "readers" in sigmaraw("reproduce").out
    with pytest.raises(UnknownName, match="readers"):
        reproduce("reders", tmp_path / "x")
    assert sigmaraw("reproduce", "readers").code == 2


@pytest.mark.parametrize("name", registry.names(registry.REPRODUCTIONS))
def test_studies_state_their_criteria(name: str) -> None:
    study = registry.load(registry.REPRODUCTIONS, name)()
    keys = [criterion.key for criterion in study.criteria]
    assert study.name == name and keys and len(set(keys)) == len(keys)
    assert all(criterion.words and criterion.paper and criterion.what for criterion in study.criteria)


@pytest.mark.parametrize("seed", [0, 1])
def test_readers(seed: int, tmp_path: Path, sigmaraw: Callable) -> None:  # noqa: F811
    outcome = sigmaraw("reproduce", "readers", "--quick", "--seed", seed, "-o", tmp_path / "out", "-q", "--json")
    assert outcome.code == 0, [row for row in json.loads(outcome.out)["rows"] if not row["agrees"]]
    assert (tmp_path / "out" / "choices.svg").is_file()


def test_readers_who_see_nothing_disagree_with_004(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "QUALITY", dict.fromkeys(readers.RATIOS, 0.0))
    table = reproduce("readers", tmp_path / "out", quick=True)
    failed = [row.what for row in table.rows if not row.agrees]
    assert any("1 against 50" in what for what in failed) and any("Bradley–Terry" in what for what in failed)
