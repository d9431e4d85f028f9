"""A laboratory's template: its name, logo, address and the fields that it prints on every report, from a TOML file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sigmaraw.errors import InvalidOption
from sigmaraw.reports.blocks import Letterhead

_KEYS = ("laboratory", "address", "logo", "number", "operator", "sample", "fields")
_LONGEST = 2000  # characters of one text
_LARGEST_LOGO = 1_000_000  # bytes
_LOGOS = {".png": "png", ".jpg": "jpg", ".jpeg": "jpg"}
_STARTS = {"png": b"\x89PNG\r\n\x1a\n", "jpg": b"\xff\xd8\xff"}


@dataclass(frozen=True)
class Lab:
    """What a template says. fields : further names and values, in the file's order."""

    letterhead: Letterhead = field(default_factory=Letterhead)
    number: str = ""
    operator: str = ""
    sample: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)


def read_lab(path: str | Path | None) -> Lab:
    """Return what a template file says; an empty template for None.

    Parameters
    ----------
    path : path or None
        A TOML file with any of `laboratory`, `address` (a text or a list of lines), `logo` (a PNG or JPEG file beside it), `number`,
        `operator`, `sample`, and a table `[fields]` of names and texts.

    Returns
    -------
    Lab
        The template.

    Raises
    ------
    InvalidOption
        The file cannot be read, or holds another key or a value that is no text.
    """
    if path is None:
        return Lab()
    file = Path(path)
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidOption(
            f"--template {file}: {error}", "a TOML file with the laboratory's name and fields", "correct the file"
        ) from error
    unknown = [key for key in content if key not in _KEYS]
    if unknown:
        raise InvalidOption(f"--template {file}: unknown key '{unknown[0]}'", f"one of {', '.join(_KEYS)}", "correct the file")
    address = content.get("address", "")
    lines = address if isinstance(address, list) else str(address).splitlines()
    fields = content.get("fields", {})
    if not isinstance(fields, dict):
        raise InvalidOption(f"--template {file}: 'fields' is no table", '[fields] with a line name = "text" each', "correct the file")
    logo, kind = _logo(file, content.get("logo"))
    return Lab(
        Letterhead(_text(file, "laboratory", content.get("laboratory", "")), [_text(file, "address", line) for line in lines], logo, kind),
        _text(file, "number", content.get("number", "")),
        _text(file, "operator", content.get("operator", "")),
        _text(file, "sample", content.get("sample", "")),
        {_text(file, "fields", name): _text(file, name, value) for name, value in fields.items()},
    )


def _text(file: Path, name: str, value: object) -> str:
    if not isinstance(value, str | int | float) or isinstance(value, bool) or len(str(value)) > _LONGEST:
        raise InvalidOption(f"--template {file}: '{name}' is no text", f"a text of at most {_LONGEST} characters", "correct the file")
    from sigmaraw.record.reading import clean

    return clean(str(value))


def _logo(file: Path, name: object) -> tuple[bytes, str]:
    if name is None:
        return b"", ""
    path = file.parent / str(name)
    kind = _LOGOS.get(path.suffix.lower(), "")
    try:
        size = path.stat().st_size
        content = path.read_bytes() if size <= _LARGEST_LOGO else b""
    except OSError as error:
        raise InvalidOption(f"--template {file}: logo {path}: {error.strerror}", "a PNG or JPEG file", "correct the path") from error
    if not kind or not content.startswith(_STARTS[kind]):
        raise InvalidOption(f"--template {file}: logo {path}", f"a PNG or JPEG file of at most {_LARGEST_LOGO} bytes", "give another")
    return content, kind
