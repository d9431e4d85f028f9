"""What an image is called: its file and frame, never its number alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath, PureWindowsPath

from sigmaraw.record import Content

MOST_NAMED = 4  # names in one line


def few(names: Sequence[str], most: int = MOST_NAMED, separator: str = ", ") -> str:
    """Return the first names in one line, and how many more there are."""
    more = len(names) - most
    stop = "" if separator == ", " else separator.rstrip()
    return separator.join(names[:most]) + (f"{stop} and {more} more" if more > 0 else "")


def file_name(path: str | None) -> str:
    """Return the last part of a path, as Windows or others write it; nothing for no path."""
    return _parts(path)[-1] if path else ""


def image_names(record: Content) -> dict[int, str]:
    """Return the name of each image: the file's name, with as many folders as tell files apart, and the frame where there are several.

    An array that was handed over is "array 1", counted from 1. An image that the record does not describe is "image 1".
    """
    paths = {index: row.path for index, row in enumerate(record.inputs) if row.path}
    short = _told_apart(paths)
    frames = Counter(row.input for row in record.images)
    names = {row.image: f"image {row.image + 1}" for row in record.results}
    for row in record.images:
        source = row.input or 0
        name = short.get(source, f"array {source + 1}")
        names[row.image] = f"{name} frame {row.frame}" if frames[row.input] > 1 else name
    return names


def _parts(path: str) -> tuple[str, ...]:
    return (PureWindowsPath(path) if "\\" in path else PurePosixPath(path)).parts


def _told_apart(paths: dict[int, str]) -> dict[int, str]:
    """Return the last parts of each path, as few as make all different."""
    parts = {index: _parts(path) for index, path in paths.items()}
    shown = {index: of[-1:] for index, of in parts.items()}
    for depth in range(2, 6):
        twice = {name for name, count in Counter(shown.values()).items() if count > 1}
        shown = {index: parts[index][-depth:] if name in twice else name for index, name in shown.items()}
    return {index: "/".join(name) for index, name in shown.items()}
