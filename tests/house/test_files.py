"""Files are written whole or not at all."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from sigmaraw.errors import InvalidOption
from sigmaraw.files import atomic_folder, atomic_path, require_empty, sha256_of_file, write_text


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "record.json"
    write_text(target, "old")
    with pytest.raises(RuntimeError), atomic_path(target) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_the_temporary_name_keeps_the_suffix_and_the_result_is_an_ordinary_file(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "a" / "x.nc") as temporary:
        assert temporary.suffix == ".nc"
        temporary.write_bytes(b"1")
    result = tmp_path / "a" / "x.nc"
    assert result.read_bytes() == b"1"
    assert result.stat().st_mode & 0o444 == 0o444 & ~_umask()


def _umask() -> int:
    import os

    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_a_folder_or_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for target in (tmp_path, tmp_path / "file" / "below"):
        with pytest.raises(InvalidOption), atomic_path(target):
            pass


def test_a_folder_is_written_to_a_free_name_or_over_an_empty_folder_alone(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for target in (tmp_path / "empty", tmp_path / "new"):
        require_empty(target)
        with atomic_folder(target) as temporary:
            (temporary / "x").write_text("1")
        assert [file.name for file in target.iterdir()] == ["x"]
        assert target.stat().st_mode & 0o777 == 0o777 & ~_umask()
        with pytest.raises(InvalidOption, match="holds something"):
            require_empty(target)
    with pytest.raises(InvalidOption, match="holds something"):
        require_empty(tmp_path / "new" / "x")
    with pytest.raises(RuntimeError), atomic_folder(tmp_path / "never"):
        raise RuntimeError
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "new"]


def test_sha256_is_that_of_the_bytes(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"sigmaraw" * 100_000)
    assert sha256_of_file(path) == hashlib.sha256(b"sigmaraw" * 100_000).hexdigest()
