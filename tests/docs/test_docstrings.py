"""Public docstrings are valid numpydoc, and their examples run."""

from __future__ import annotations

import doctest
import importlib
import inspect
import re
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpydoc.validate
import pytest

import sigmaraw

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["numpydoc_validation"]
PENDING = re.compile("|".join(SETTINGS["exclude_files"]) or r"(?!)")
MODULES = ("sigmaraw", "sigmaraw.contracts", "sigmaraw.testing", "sigmaraw.virtual")


def public() -> Iterator[object]:
    """Yield a case for each public class and function: its module and name."""
    for module in MODULES:
        for name in importlib.import_module(module).__all__:
            if inspect.isclass(thing := getattr(importlib.import_module(module), name)) or inspect.isfunction(thing):
                yield pytest.param(module, name, id=f"{module}.{name}")


def converted(module: str, name: str) -> Any:
    """Return the object; skip where its package is still to be converted."""
    thing = getattr(importlib.import_module(module), name)
    file = Path(inspect.getsourcefile(thing) or "").resolve().relative_to(ROOT).as_posix()
    if PENDING.search(file):
        pytest.skip(f"{file} is still to be converted")
    return thing


@pytest.mark.parametrize(("module", "name"), list(public()))
def test_every_parameter_has_a_type_and_a_description(module: str, name: str) -> None:
    thing = converted(module, name)
    if getattr(thing, "_is_protocol", False):
        pytest.skip("nobody calls a Protocol's constructor")
    found = numpydoc.validate.validate(f"{thing.__module__}.{thing.__qualname__}")["errors"]
    assert [text for code, text in found if code in ("PR01", "PR02", *SETTINGS["checks"])] == []


@pytest.mark.parametrize("name", sigmaraw.__all__)
def test_every_name_of_the_package_has_an_example_that_runs(
    name: str, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    thing = getattr(sigmaraw, name)
    if not callable(thing):
        pytest.skip(f"{name} is a module")
    thing = converted("sigmaraw", name)
    (example,) = doctest.DocTestFinder(recurse=False).find(thing, name, globs={})
    assert example.examples, f"sigmaraw.{name} has no example"
    folder = tmp_path / "reader"
    shutil.copytree(world, folder)
    monkeypatch.chdir(folder)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert runner.run(example).failed == 0, capsys.readouterr().out
