"""Where a record's inputs lie: absolute in memory, in the file relative to the record's folder, so that both can move together."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path, PurePath, PurePosixPath

import msgspec

from sigmaraw.files import sha256_of_file
from sigmaraw.record.content import Content

_ZARR = (".zgroup", ".zarray", "zarr.json")
"""Files that say that a folder is a Zarr store."""


def relative_to(content: Content, folder: str | Path) -> Content:
    """Return rows with paths as they stand in the file: from the folder to the input, with / between parts.

    A path on another drive stays absolute.
    """
    base = os.path.realpath(folder)

    def change(path: str) -> str:
        found = Path(path)
        try:
            return PurePath(os.path.relpath(Path(os.path.realpath(found.parent), found.name), base)).as_posix()
        except ValueError:  # Windows: another drive; or a path with a null character
            return path

    return _changed(content, change)


def absolute_from(content: Content, folder: str | Path) -> Content:
    """Return rows of a file with paths as they are in memory."""
    base = os.path.realpath(folder)
    return _changed(content, lambda path: os.path.normpath(Path(base, path)))


def _changed(content: Content, change: Callable[[str], str]) -> Content:
    inputs = tuple(row if row.path is None else msgspec.structs.replace(row, path=change(row.path)) for row in content.inputs)
    camera = content.camera
    if camera.path is not None:
        camera = msgspec.structs.replace(camera, path=change(camera.path))
    return msgspec.structs.replace(content, inputs=inputs, camera=camera)


def find_input(path: str, sha256: str, record: Path, inputs: Path | None) -> tuple[Path, bool] | None:
    """Return the file of an input and whether it has the bytes that the record states; None where there is none.

    A pipe or a device, which a stranger's record may name, is none: it would be read without end. A folder is one where it is a Zarr store.

    Parameters
    ----------
    path : str
        As it stands in the record.
    sha256 : str
        What the record states of its bytes: of several files of that name the one with these bytes is taken.
    record : Path
        Folder of the record.
    inputs : Path or None
        Folder to look in instead: for the longest end of the path that is there, else for the name anywhere below.
    """
    if "\0" in path:
        return None
    if inputs is None:
        found = record / path
        return (found, sha256_of_file(found) == sha256) if _is_input(found) else None
    parts = [part for part in PurePosixPath(path.replace("\\", "/")).parts if part not in ("..", ".", "/")]
    ends = [inputs.joinpath(*parts[start:]) for start in range(len(parts))]
    there = [file for file in ends if _is_input(file)]
    if parts and not there:
        there = sorted(file for file in inputs.rglob("*") if file.name == parts[-1] and _is_input(file))
    return next(((file, True) for file in there if sha256_of_file(file) == sha256), (there[0], False) if there else None)


def _is_input(path: Path) -> bool:
    """Return whether a path names a file, or a folder that is a Zarr store."""
    # Not the methods of Path: they raise where a stranger's name is longer than the system allows.
    return os.path.isfile(path) or any(os.path.isfile(path / name) for name in _ZARR)  # noqa: PTH113
