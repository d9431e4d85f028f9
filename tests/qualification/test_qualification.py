"""An installation's qualification: requirements and tests are bound, checks can fail, the bill of materials follows its schema."""

from __future__ import annotations

import dataclasses
import importlib.resources
import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from sigmaraw.qualification import installed, report
from sigmaraw.qualification.checks import CHECKS, Check, Outcome, number
from sigmaraw.qualification.traceability import requirements
from tests.qualification import collect

BY_NAME = {check.name: check for check in CHECKS}


@pytest.mark.requirement("R-QUALIFY")
def test_the_shipped_table_is_that_of_the_suite_and_no_requirement_is_without_a_test() -> None:
    assert collect.TABLE.read_text(encoding="utf-8") == collect.text()
    rows = requirements()
    assert {row.name for row in rows} == set(collect.marked())
    assert all(row.tests and row.text and row.source for row in rows)
    assert {check.requirement for check in CHECKS} <= {row.name for row in rows}


@pytest.mark.requirement("R-QUALIFY")
@pytest.mark.parametrize("name", ["quantiles", "digests", "codecs", "replicas"])
def test_quick_checks_pass_here(name: str) -> None:
    (done,) = report.run_checks([BY_NAME[name]])
    assert done.passed, (done.fault, [entry for entry in done.outcomes if not entry.passed])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["calibration", "verdicts", "integrity"])
def test_slow_checks_pass_here(name: str) -> None:
    (done,) = report.run_checks([BY_NAME[name]])
    assert done.passed, (done.fault, [entry for entry in done.outcomes if not entry.passed])


def test_a_broken_library_fails_its_check(monkeypatch: pytest.MonkeyPatch) -> None:
    from scipy import special

    from sigmaraw.integrity import canonical

    real = special.betaincinv
    monkeypatch.setattr(special, "betaincinv", lambda a, b, y: real(a, b, y) * (1.0 + 1e-9))
    monkeypatch.setattr(canonical, "canonical", lambda value: json.dumps(value).encode())
    done = report.run_checks([BY_NAME["quantiles"], BY_NAME["digests"]])
    assert [entry.passed for entry in done] == [False, False]


def test_a_check_that_raises_has_failed_and_the_others_run() -> None:
    def broken() -> Iterator[Outcome]:
        yield number("one", 1.0, 1.0, 0.0)
        raise RuntimeError("no such\nlibrary")

    first = Check("broken", "R-CODEC", "none", broken)
    done = report.run_checks([first, BY_NAME["quantiles"]])
    assert [entry.passed for entry in done] == [False, True] and done[0].fault == "RuntimeError: no such library"


def test_nothing_compared_is_no_pass() -> None:
    assert not report.run_checks([Check("empty", "R-CODEC", "none", lambda: iter(()))])[0].passed
    assert not number("undefined", float("nan"), 1.0, 1.0).passed


def test_the_report_holds_checks_requirements_and_no_markup_of_others(tmp_path: Path) -> None:
    hostile = dataclasses.replace(BY_NAME["quantiles"], truth="<script>alert(1)</script>")
    made = report.write_report(tmp_path, report.run_checks([hostile]))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(report.FILES)
    page = (tmp_path / "qualification.html").read_text(encoding="utf-8")
    assert "<script" not in page and "&lt;script&gt;" in page and not re.search(r"(?:src|href)\s*=\s*.?https?:", page)
    assert made["passed"] and all(row.name in page for row in requirements())
    assert "claims compliance with no rule" in page
    held = json.loads((tmp_path / "qualification.json").read_text(encoding="utf-8"))
    assert held["digest"] == made["digest"] and held["installation"]["packages"]["numpy"] == np.__version__


def test_the_bill_of_materials_follows_the_schema_and_is_the_same_twice() -> None:
    cyclonedx = pytest.importorskip("cyclonedx")
    import jsonschema
    from referencing import Registry, Resource

    folder = importlib.resources.files(cyclonedx).joinpath("schema", "_res")
    schema, *others = (
        json.loads(folder.joinpath(f"{name}.SNAPSHOT.schema.json").read_text(encoding="utf-8")) for name in ("bom-1.6", "spdx", "jsf-0.82")
    )
    resources = [(entry["$id"], Resource.from_contents(entry)) for entry in others]
    made = installed.sbom()
    jsonschema.Draft7Validator(schema, registry=Registry().with_resources(resources)).validate(made)
    assert made == installed.sbom()
    names = {entry["name"] for entry in made["components"]}
    assert {"numpy", "scipy", "cryptography", "rfc8785"} <= names and "sigmaraw" not in names
    assert all(entry["purl"].startswith("pkg:pypi/") for entry in made["components"])


def test_an_altered_file_of_the_program_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib import metadata

    folder = tmp_path / "sigmaraw-9.dist-info"
    folder.mkdir()
    (tmp_path / "good.py").write_bytes(b"abc")
    (tmp_path / "bad.py").write_bytes(b"changed")
    hashed = "sha256=ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0"  # of b"abc", FIPS 180-4
    (folder / "RECORD").write_text("".join(f"{name},{hashed},3\n" for name in ("good.py", "bad.py", "gone.py")))
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: sigmaraw\nVersion: 9\n")
    monkeypatch.setattr(metadata, "distribution", lambda name: metadata.PathDistribution(folder))
    assert installed.altered_files() == (3, ["bad.py", "gone.py"])
