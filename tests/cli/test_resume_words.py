"""`--resume DIR` and `--resume=DIR` stand for the same command, and neither is kept with a study."""

from __future__ import annotations

from pathlib import Path

import pytest

from sigmaraw.cli.resume import expanded, stored
from sigmaraw.errors import InvalidOption
from sigmaraw.study import store


@pytest.mark.parametrize("joined", [False, True])
def test_both_spellings_stand_for_the_stopped_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, joined: bool) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(store, "command_of", lambda folder: {"arguments": ["a.tif", "-n", "5"], "folder": str(tmp_path)})
    words = [f"--resume={tmp_path}"] if joined else ["--resume", str(tmp_path)]
    assert expanded(["validate", *words, "-q"]) == ["validate", "a.tif", "-n", "5", "-q", "--resume", str(tmp_path)]
    assert stored(["validate", "a.tif", *words, "-q"])["arguments"] == ["a.tif"]


def test_a_folder_without_a_stopped_study_is_refused_in_both(tmp_path: Path) -> None:
    for words in (["--resume", str(tmp_path)], [f"--resume={tmp_path}"]):
        with pytest.raises(InvalidOption):
            expanded(["validate", *words])
