"""Every registered report format passes the conformance suite that an extension's author calls, and the suite finds what breaks it."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from sigmaraw import registry
from sigmaraw.errors import InvalidRecord
from sigmaraw.testing import check_report, report_suite


@pytest.mark.parametrize("name", registry.names(registry.REPORTS))
def test_registered_formats_conform(name: str) -> None:
    report = registry.load(registry.REPORTS, name)()
    assert report.name == name
    check_report(report)


class Units:
    """A page of units, escaped as it should be."""

    name = "units"
    count = itertools.count()

    def render(self, folder: Path) -> Path:
        try:
            record = json.loads((folder / "record.json").read_text(encoding="utf-8"))
            units = [row["unit"] for row in record["measurements"]]
        except (OSError, ValueError, TypeError) as error:
            raise InvalidRecord(f"{folder.name} holds no record", "record.json", "name a record folder") from error
        path = folder / "units.html"
        path.write_text(self.text(folder, units), encoding="utf-8")
        return path

    def text(self, folder: Path, units: list[str]) -> str:
        return " ".join(unit.replace("&", "&amp;").replace("<", "&lt;") for unit in units)


class Raw(Units):
    def text(self, folder: Path, units: list[str]) -> str:
        return " ".join(units)


class Counting(Units):
    def text(self, folder: Path, units: list[str]) -> str:
        return str(next(self.count))


class Empty(Units):
    def text(self, folder: Path, units: list[str]) -> str:
        return ""


class Rooted(Units):
    def text(self, folder: Path, units: list[str]) -> str:
        return str(folder)


class Outside(Units):
    def render(self, folder: Path) -> Path:
        return super().render(folder).rename(folder.parent / "units.html")


class Overwriting(Units):
    def render(self, folder: Path) -> Path:
        path = super().render(folder)
        (folder / "record.json").write_text((folder / "record.json").read_text() + " ")
        return path


class Trusting(Units):
    def render(self, folder: Path) -> Path:
        if not (folder / "result.nc").is_file():
            return folder / "units.html"
        return super().render(folder)


class Untidy(Units):
    def render(self, folder: Path) -> Path:
        (folder / "half.html").write_text("<html>")
        return super().render(folder)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("suite") / "study"
    report_suite._small_study(folder)
    return folder


@pytest.fixture
def quick(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The suite's own study, run once for all of these tests."""

    def copied(folder: Path) -> None:
        folder.mkdir()
        for path in study.iterdir():
            (folder / path.name).write_bytes(path.read_bytes())

    monkeypatch.setattr(report_suite, "_small_study", copied)


def test_the_suite_passes_what_keeps_the_contract(quick: None, study: Path) -> None:
    check_report(Units(), study)
    assert not (study / "units.html").exists()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (Raw, "without escaping"),
        (Counting, "other bytes a second time"),
        (Empty, "empty file"),
        (Rooted, "absolute path"),
        (Outside, "no file in the folder"),
        (Overwriting, "changes record.json"),
        (Trusting, "without a word"),
        (Untidy, "writes into a folder"),
    ],
)
def test_the_suite_finds_what_breaks_it(quick: None, wrong: type[Units], words: str) -> None:
    with pytest.raises(AssertionError, match=words):
        check_report(wrong())
