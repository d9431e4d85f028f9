"""The pages of docs/reproductions: how they are made, and that they belong to the studies as they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sigmaraw import registry
from tests.reproduce import pages

PAGES = Path(__file__).resolve().parents[2] / "docs" / "reproductions"


def write_run(folder: Path, seed: int, quick: bool, agrees: bool, seconds: float, here: str) -> None:
    row: dict[str, Any] = {"what": "a | b", "paper": "1", "here": here, "criterion": "it is 1", "agrees": agrees}
    run = {
        "name": "rates",
        "title": "T",
        "paper": "004",
        "quick": quick,
        "seed": seed,
        "rows": [row],
        "notes": ["A note."],
        "agrees": agrees,
    }
    folder.mkdir(parents=True)
    (folder / "reproduction.json").write_text(json.dumps({**run, "processor_seconds": seconds}))
    (folder / "curve.svg").write_text(f"<svg>{here}</svg>")


def test_a_page_counts_seeds_and_shows_the_full_run(tmp_path: Path) -> None:
    for seed, agrees in enumerate((True, False, True)):
        write_run(tmp_path / "runs" / f"q{seed}", seed, True, agrees, 10 + seed, f"quick {seed}")
    pages.write_page(pages.runs_in(tmp_path / "runs")["rates"], tmp_path / "docs")
    made = (tmp_path / "docs" / "rates.md").read_text()
    assert "| `--quick` | 0 to 2 | 2 of 3 | 10 s to 12 s |" in made and "The full size has not been run." in made
    assert "- Quick, seed 1: a | b. Here: quick 1. It would agree where it is 1." in made
    assert "| a \\| b | 1 | quick 0 | yes: it is 1 |" in made and "- A note." in made
    write_run(tmp_path / "runs" / "full", 0, False, True, 300, "full 0")
    pages.write_page(pages.runs_in(tmp_path / "runs")["rates"], tmp_path / "docs")
    made = (tmp_path / "docs" / "rates.md").read_text()
    assert "| full | 0 | 1 of 1 | 5.0 min |" in made and "| a \\| b | 1 | full 0 | yes: it is 1 |" in made
    assert (tmp_path / "docs" / "figures" / "rates--curve.svg").read_text() == "<svg>full 0</svg>"


@pytest.mark.parametrize("page", sorted(PAGES.glob("*.md")), ids=lambda path: path.stem)
def test_a_page_states_the_criteria_of_its_study(page: Path) -> None:
    study, text = registry.load(registry.REPRODUCTIONS, page.stem), page.read_text(encoding="utf-8")
    for criterion in study.criteria:
        what, paper = (words.replace("|", "\\|") for words in (criterion.what, criterion.paper))
        assert f"| {what} | {paper} |" in text, "make the page anew"
        assert f": {criterion.words} |" in text, "make the page anew"


def test_every_page_is_named_where_the_studies_are_listed() -> None:
    listed = (PAGES.parent / "how-to" / "reproduce.md").read_text(encoding="utf-8")
    assert all(f"(../reproductions/{page.name})" in listed for page in PAGES.glob("*.md"))
