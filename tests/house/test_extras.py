"""The command that installs an extra is right for how the package was installed, and in quotes."""

from __future__ import annotations

import json
import shlex
import sys
from importlib import metadata
from pathlib import Path

import pytest

from sigmaraw import extras
from sigmaraw.errors import MissingExtra

REQUIRES = ["numpy>=2.0", 'onnxruntime>=1.20; extra == "onnx"', 'dask[distributed]>=2025.1; extra == "dask"', 'onnx>=1.17; extra == "test"']


class _Installed:
    def __init__(self, **files: str) -> None:
        self.files = files

    def read_text(self, name: str) -> str | None:
        return self.files.get(name.replace(".", "_"))


def _as(monkeypatch: pytest.MonkeyPatch, prefix: str = "/home/a/venv", **files: str) -> None:
    monkeypatch.setattr(metadata, "distribution", lambda name: _Installed(**files))
    monkeypatch.setattr(metadata, "requires", lambda name: REQUIRES)
    monkeypatch.setattr(sys, "prefix", prefix)


def _origin(folder: Path, editable: bool) -> str:
    return json.dumps({"url": folder.as_uri(), "dir_info": {"editable": editable} if editable else {}})


def test_from_an_index_a_tree_a_repository_and_by_tools(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tree = tmp_path / "my tree"
    tree.mkdir()
    cases: list[tuple[dict[str, str], list[str]]] = [
        ({}, ["python", "-m", "pip", "install", "sigmaraw[onnx]"]),
        ({"INSTALLER": "uv\n"}, ["uv", "pip", "install", "sigmaraw[onnx]"]),
        ({"direct_url_json": _origin(tree, True)}, ["python", "-m", "pip", "install", "-e", f"{tree}[onnx]"]),
        ({"direct_url_json": _origin(tree, False)}, ["python", "-m", "pip", "install", f"{tree}[onnx]"]),
        ({"direct_url_json": _origin(tmp_path / "gone", False)}, ["python", "-m", "pip", "install", "onnxruntime>=1.20"]),
        ({"direct_url_json": "not json"}, ["python", "-m", "pip", "install", "sigmaraw[onnx]"]),
        (
            {"direct_url_json": json.dumps({"url": "https://example.org/s.git", "vcs_info": {"vcs": "git", "commit_id": "0"}})},
            ["python", "-m", "pip", "install", "sigmaraw[onnx] @ git+https://example.org/s.git"],
        ),
    ]
    for files, command in cases:
        _as(monkeypatch, **files)
        assert shlex.split(extras.install_command("onnx")) == command
        assert "'" in extras.install_command("onnx"), "a shell may read brackets and > as its own"
    _as(monkeypatch, prefix="/home/a/.local/share/pipx/venvs/sigmaraw")
    assert shlex.split(extras.install_command("onnx")) == ["pipx", "inject", "sigmaraw", "onnxruntime>=1.20"]
    _as(monkeypatch, prefix="/home/a/.local/share/uv/tools/sigmaraw")
    assert shlex.split(extras.install_command("onnx")) == ["uv", "tool", "install", "--with", "onnxruntime>=1.20", "sigmaraw"]


def test_a_package_leads_to_the_extra_that_users_ask_for(monkeypatch: pytest.MonkeyPatch) -> None:
    _as(monkeypatch)
    assert extras.extra_of("onnxruntime") == "onnx"
    assert extras.extra_of("Dask") == "dask"
    assert extras.extra_of("onnx") is None, "what tests need is no extra of users"
    assert extras.extra_of("numpy") is None


def test_the_refusal_of_a_missing_package_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    _as(monkeypatch)
    made = extras.missing("pipeline 'onnx'", "onnx", "onnxruntime")
    assert isinstance(made, MissingExtra)
    assert str(made).endswith("Run: python -m pip install 'sigmaraw[onnx]'.")
