"""Requirement → test → evidence: which tests of the suite stand behind which requirement, as the release was tested.

``python -m tests.qualification.collect`` writes the table anew from the marks in the suite; a test binds the two.
"""

from __future__ import annotations

import importlib.resources
import json
import tomllib
from dataclasses import dataclass

_FOLDER = importlib.resources.files("sigmaraw.qualification")
TABLE = "traceability.json"


@dataclass(frozen=True)
class Requirement:
    """What the program must do.

    Parameters
    ----------
    name : str
        R-….
    text : str
        In one sentence.
    source : str
        Where it is from.
    tests : tuple of str
        Tests of the suite that are evidence for it: file and function.
    """

    name: str
    text: str
    source: str
    tests: tuple[str, ...]


def requirements() -> tuple[Requirement, ...]:
    """Return every requirement with its tests, in the order of requirements.toml."""
    stated = tomllib.loads(_FOLDER.joinpath("requirements.toml").read_text(encoding="utf-8"))
    tests: dict[str, list[str]] = json.loads(_FOLDER.joinpath(TABLE).read_text(encoding="utf-8"))
    return tuple(Requirement(name, row["text"], row["source"], tuple(tests.get(name, ()))) for name, row in stated.items())
