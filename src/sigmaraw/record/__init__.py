"""The record of a study: its rows, how they are written and read, and the words in them."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sigmaraw.record.content import SCHEMA, Content
    from sigmaraw.record.folder import Record
    from sigmaraw.record.reading import content_of, read_content
    from sigmaraw.record.verifying import verify
    from sigmaraw.record.words import VERDICTS, Explained, MissingValue, Reason, Verdict, worst

_HOMES = {
    "SCHEMA": "content",
    "VERDICTS": "words",
    "Content": "content",
    "Explained": "words",
    "MissingValue": "words",
    "Reason": "words",
    "Record": "folder",
    "Verdict": "words",
    "content_of": "reading",
    "read_content": "reading",
    "verify": "verifying",
    "worst": "words",
}

__all__ = [
    "SCHEMA",
    "VERDICTS",
    "Content",
    "Explained",
    "MissingValue",
    "Reason",
    "Record",
    "Verdict",
    "content_of",
    "read_content",
    "verify",
    "worst",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"sigmaraw.record.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'sigmaraw.record' has no attribute '{name}'")
