"""Where results of self-tests are kept: one small JSON file in the user's cache folder, by family and build."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from sigmaraw.errors import InvalidOption
from sigmaraw.files import atomic_path, cache_folder

_NAME = "selftests.json"


def key(versions: Mapping[str, str], sources: Sequence[str]) -> str:
    """Return 32 hex digits over library versions, NumPy's, the machine's architecture, and the given source files."""
    digest = hashlib.sha256(json.dumps([dict(sorted(versions.items())), np.__version__, platform.machine()]).encode())
    for source in sources:
        digest.update(Path(source).read_bytes())
    return digest.hexdigest()[:32]


def read(name: str, build: str) -> str | None:
    """Return the kept reason (empty: passed), or None when this build was not tested yet, or the file is not readable."""
    entry = _load().get(name)
    if isinstance(entry, dict) and entry.get("build") == build and isinstance(entry.get("reason"), str):
        return entry["reason"]
    return None


def write(name: str, build: str, reason: str) -> None:
    """Keep a result. Where the folder cannot be written, the test is simply made again by the next process."""
    entries = {**_load(), name: {"build": build, "reason": reason}}
    try:
        with atomic_path(cache_folder() / _NAME) as temporary:
            temporary.write_text(json.dumps(entries, indent=1, sort_keys=True), encoding="utf-8")
    except (OSError, InvalidOption):
        return


def _load() -> dict[str, object]:
    """Return the file's entries; none where it is missing or not what this module writes."""
    try:
        entries = json.loads((cache_folder() / _NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return entries if isinstance(entries, dict) else {}
