"""Runs a study of a paper and holds what it found against the criteria stated beforehand: *paper | here | agrees in shape?*."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

from sigmaraw import __version__, registry
from sigmaraw.contracts import Criterion, Found, Reproduction
from sigmaraw.errors import BrokenExtension, InputNotFound, InvalidOption
from sigmaraw.files import atomic_folder, require_empty, write_text
from sigmaraw.progress import Report, reporting

DATA_VARIABLE = "SIGMARAW_DATA"
_BESIDE = Path("..", "shared", "data")


@dataclass(frozen=True)
class ComparedFigure:
    """One line of the table.

    Parameters
    ----------
    what, paper, here, criterion : str
        What is compared, the paper's figure, the figure found, and when they agree.
    agrees : bool
        Whether they do.
    """

    what: str
    paper: str
    here: str
    criterion: str
    agrees: bool


@dataclass(frozen=True)
class Table:
    """What a study showed.

    Parameters
    ----------
    name, title, paper : str
        The study.
    quick : bool
        Its size.
    seed : int
        Of everything drawn.
    rows : tuple of ComparedFigure
        One for each criterion.
    notes : tuple of str
        Errors in print, and what was not reproduced.
    """

    name: str
    title: str
    paper: str
    quick: bool
    seed: int
    rows: tuple[ComparedFigure, ...]
    notes: tuple[str, ...]

    @property
    def agrees(self) -> bool:
        """Whether every row does."""
        return all(row.agrees for row in self.rows)

    def __str__(self) -> str:
        lines = [f"{self.name}: {self.title} ({self.paper}{', quick' if self.quick else ''}, seed {self.seed})", ""]
        for row in self.rows:
            verdict = "agrees" if row.agrees else "DISAGREES"
            lines += [f"{verdict}: {row.what}", f"  paper: {row.paper}", f"  here:  {row.here}", f"  agrees where {row.criterion}"]
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])

    def markdown(self) -> str:
        """Return the table as a page of Markdown."""
        cells = [[row.what, row.paper, row.here, f"{'yes' if row.agrees else '**no**'}: {row.criterion}"] for row in self.rows]
        table = ["| what | paper | here | agrees in shape? |", "|---|---|---|---|"]
        table += ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in cells]
        notes = [f"- {note}" for note in self.notes]
        size = "quick" if self.quick else "full size"
        return "\n".join([f"# {self.title}", "", f"Paper {self.paper}; {size}, seed {self.seed}.", "", *table, "", *notes]).rstrip() + "\n"


def reproduce(
    name: str,
    output: str | Path,
    *,
    quick: bool = False,
    seed: int = 0,
    data: str | Path | None = None,
    progress: Report | bool | None = None,
    pdf: bool = False,
) -> Table:
    """Run a study of a paper by its name, write its table, figures and records, and return the table.

    Parameters
    ----------
    name : str
        As `sigmaraw reproduce` lists it.
    output : path
        Folder for them, which must not exist, or be empty.
    quick : bool, default False
        Run the study at a small size.
    seed : int, default 0
        Of everything drawn.
    data : path, optional
        Folder that holds the public data sets, a folder each; by default that of the environment variable SIGMARAW_DATA, else
        ../shared/data where it exists.
    progress : callable or bool, optional
        As in `sigmaraw.validate`.
    pdf : bool, default False
        Whether the report is written as PDF too.

    Returns
    -------
    Table
        Paper, here, and whether they agree in shape.

    Raises
    ------
    UnknownName
        No such study.
    InputNotFound
        The folder of data does not exist, or lacks a data set that the study cannot do without.
    InvalidOption
        The output folder holds something, or the seed is out of its domain.
    BrokenExtension
        The study returns no value for one of its criteria.
    """
    study = cast(Reproduction, registry.load(registry.REPRODUCTIONS, name)())
    folder = Path(output)
    require_empty(folder)
    if not 0 <= seed < 2**32:
        raise InvalidOption(f"seed {seed}", "a whole number from 0 to 2^32 - 1", "choose another")
    study.data_root = _data_root(data)
    _require_data(study)
    began, processor = time.monotonic(), _processor_seconds()
    with reporting(progress) as report, atomic_folder(folder) as temporary:
        found = study.run(temporary, seed, quick, report)
        table = _table(study, found, quick, seed)
        took = {"seconds": time.monotonic() - began, "processor_seconds": _processor_seconds() - processor}
        _write(temporary, table, found, took, pdf=pdf)
    return table


def _data_root(given: str | Path | None) -> Path | None:
    """Return the folder that the user named, by argument or environment, or the one beside the working folder, or None."""
    named = given if given is not None else os.environ.get(DATA_VARIABLE) or None
    if named is None:
        return _BESIDE.absolute() if _BESIDE.is_dir() else None
    if not Path(named).is_dir():
        whence = "" if given is not None else f" (from {DATA_VARIABLE})"
        raise InputNotFound(f"no folder of data {named}{whence}", "the folder that holds the data sets", "name it with --data DIR")
    return Path(named).absolute()


def _require_data(study: Reproduction) -> None:
    missing = [name for name in study.folders if study.data_set(name) is None]
    if missing:
        where = "no folder of data" if study.data_root is None else f"{study.data_root} without {', '.join(missing)}"
        remedy = f"name the folder that holds {'them' if len(missing) > 1 else 'it'} with --data DIR or {DATA_VARIABLE}"
        raise InputNotFound(f"study '{study.name}': {where}", f"the data sets {', '.join(study.folders)}", remedy)


def _table(study: Reproduction, found: Found, quick: bool, seed: int) -> Table:
    rows = tuple(_row(criterion, found, study.name) for criterion in study.criteria)
    return Table(study.name, study.title, study.paper, quick, seed, rows, found.notes)


def _row(criterion: Criterion, found: Found, name: str) -> ComparedFigure:
    if criterion.key not in found.values:
        raise BrokenExtension(f"study '{name}' found no {criterion.key}", "a value for each criterion", "tell its author")
    value = found.values[criterion.key]
    return ComparedFigure(
        criterion.what, criterion.paper, found.shown.get(criterion.key, str(value)), criterion.words, bool(criterion.test(value))
    )


def _processor_seconds() -> float:
    """Return the processor time of this process and of those that it started and that have ended."""
    return sum(os.times()[:4])


def _write(folder: Path, table: Table, found: Found, took: Mapping[str, float], *, pdf: bool) -> None:
    from sigmaraw.reports.reproduction import write_reproduction
    from sigmaraw.reports.svg import drawing, to_svg

    content = {
        "schema": "sigmaraw/reproduction/1",
        "sigmaraw": __version__,
        **asdict(table),
        "agrees": table.agrees,
        "values": _plain(found.values),
        **{name: round(seconds, 1) for name, seconds in took.items()},
    }
    write_text(folder / "reproduction.json", json.dumps(content, indent=1, allow_nan=False) + "\n")
    write_text(folder / "reproduction.md", table.markdown())
    figures = {}
    for name, drawn in found.figures.items():
        with drawing():
            figures[name] = to_svg(drawn, name, f"{table.title}: {name}")
        write_text(folder / f"{name}.svg", figures[name])
    write_reproduction(folder, content, figures, pdf=pdf)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, str | int | None) else _plain(value.tolist())
