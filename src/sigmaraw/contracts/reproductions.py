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

    Public data lie in one folder, a folder a data set; `sigmaraw reproduce --data` says where.

    Attributes
    ----------
    name, title : str
        The entry point's name, and one line.
    paper : str
        Which paper, by its number and first author.
    data : str
        What it needs or uses beside the package; "" where that is nothing.
    folders : tuple of str
        Data sets without which it cannot run; it is refused where one is missing.
    data_root : Path or None
        The folder that holds the data sets, set before `run`; None where there is none.
    criteria : tuple of Criterion
        What must come out.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    paper: ClassVar[str]
    data: ClassVar[str] = ""
    folders: ClassVar[tuple[str, ...]] = ()
    criteria: ClassVar[tuple[Criterion, ...]]
    data_root: Path | None = None

    def data_set(self, name: str) -> Path | None:
        """Return the folder of a data set, or None where it is missing (never for one of `folders`).

        Parameters
        ----------
        name : str
            Of the folder.
        """
        found = None if self.data_root is None else self.data_root / name
        return found if found is not None and found.is_dir() else None

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
