"""Studies of the papers that can be rerun by name: what they must show is stated before they run."""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

Report = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Criterion:
    """One thing that must come out.

    Parameters
    ----------
    key : str
        The name under which a run returns what it found.
    what : str
        What is compared, with its unit.
    paper : str
        What the paper prints; "not printed" where it prints nothing.
    words : str
        When the shapes agree, in words.
    test : callable
        The same as a function of what was found.
    """

    key: str
    what: str
    paper: str
    words: str
    test: Callable[[Any], bool]


@dataclass(frozen=True)
class Found:
    """What a run found.

    Parameters
    ----------
    values : mapping of str to object
        By the criteria's keys, JSON values.
    shown : mapping of str to str
        The same in words, for the table.
    figures : mapping of str to object
        Matplotlib figures, by file names without suffix.
    notes : tuple of str
        Errors in print, and what was not reproduced, one sentence each.
    """

    values: Mapping[str, Any]
    shown: Mapping[str, str]
    figures: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


class Reproduction(abc.ABC):
    """A study of a paper; entry points of "sigmaraw.reproductions", made without arguments.

    Attributes
    ----------
    name, title : str
        The entry point's name, and one line.
    paper : str
        Which paper, by its number and first author.
    data : str
        What it needs beside the package; "" where that is nothing.
    criteria : tuple of Criterion
        What must come out.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    paper: ClassVar[str]
    data: ClassVar[str] = ""
    criteria: ClassVar[tuple[Criterion, ...]]

    @abc.abstractmethod
    def run(self, folder: Path, seed: int, quick: bool, progress: Report) -> Found:
        """Run the study and return what it found.

        Parameters
        ----------
        folder : Path
            Where records of studies and inputs go.
        seed : int
            Of everything drawn.
        quick : bool
            A small size, within 90 s on two cores.
        progress : callable
            Called as progress(done, total, what).

        Returns
        -------
        Found
            A value for the key of each criterion.
        """
