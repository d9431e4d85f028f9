"""What several verbs do alike: options, output folders, tables as JSON, exit codes of --check."""

from __future__ import annotations

import contextlib
import json
import math
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sigmaraw.cli.faults import Interrupted
from sigmaraw.errors import InvalidOption, PredictionFailed
from sigmaraw.files import atomic_path, remove_folder
from sigmaraw.integrity.manifest import MANIFEST_FILE, read_manifest

if TYPE_CHECKING:
    from sigmaraw.study import Record

Json = Annotated[bool, typer.Option("--json", help="Print JSON in place of the table.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the record that the output folder holds.")]

RECORD_FILES = (
    "record.json", "result.nc", "report.html", "report.pdf", "record.md", "results.csv", "summary.json", "verdicts.txt", "search.json",
    "plan.toml", "check.py", "ro-crate-metadata.json", "manifest.json", "signatures.json",
)  # fmt: skip
PARTIAL_FILE = "partial.nc"
EXIT_CODES = {"PASS": 0, "FAIL": 1, "INCONCLUSIVE": 3}


def verb_of_verbs(name: str, help: str, page: str) -> typer.Typer:
    """Return a verb that has verbs itself, such as watch; `page` is what each help ends with."""
    settings = {"help_option_names": ["-h", "--help"]}
    return typer.Typer(name=name, help=help, epilog=page, rich_markup_mode=None, no_args_is_help=True, context_settings=settings)


def parse_roi(text: str | None) -> tuple[int, int] | None:
    """Return (y, x) of ``y,x``. Raises InvalidOption for anything but two whole numbers from 0."""
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != 2 or not all(part.isdecimal() for part in parts):
        raise InvalidOption(f"--roi {text}", "two whole numbers y,x from 0", "give the corner like --roi 128,64")
    return int(parts[0]), int(parts[1])


def check_folder(folder: Path) -> None:
    """Refuse an output folder that cannot be one before any work is done."""
    taken = next((part for part in (folder, *folder.parents) if part.exists()), None)
    if taken is not None and not taken.is_dir():
        raise InvalidOption(f"output {folder}: {taken} is a file", "a folder, or a name that is free", "choose another with -o")


def output_folder(folder: Path, overwrite: bool, resume: Path | None = None) -> Path:
    """Return the output folder as an absolute path: a model may change the working folder.

    Where a study goes on in the folder `resume`, it is that.

    Raises
    ------
    InvalidOption
        It is a file, or holds a record that nobody said may go.
    """
    folder = folder if resume is None else resume
    check_folder(folder)
    held = next((name for name in RECORD_FILES if (folder / name).exists()), None)
    if held is not None and not overwrite:
        raise InvalidOption(
            f"output {folder} holds a record already ({held})", "a folder without one", "choose another with -o, or add --overwrite"
        )
    if resume is None and not overwrite and _unfinished(folder):
        raise InvalidOption(
            f"output {folder} holds a study that was stopped",
            "a folder without one",
            f"go on with it: sigmaraw validate --resume {folder}, or add --overwrite",
        )
    return folder.absolute()


def _unfinished(folder: Path) -> bool:
    """Return whether a folder holds the blocks of a study that was stopped."""
    if not folder.is_dir():
        return False  # most folders are new: the study's modules need not be imported to say so
    from sigmaraw.study.store import NAME

    return (folder / NAME).is_file()


def remove_leftovers(folder: Path, written: Sequence[str], folders: Sequence[str] = ()) -> None:
    """Remove what an earlier record, search or unfinished study left in the folder, once the new one stands.

    Parameters
    ----------
    written : sequence of str
        The files that were written now.
    folders : sequence of str
        The folders of records that were written now.
    """
    for record in folder.glob("*/record.json"):
        name = record.parent.name
        if name not in folders and name.partition("-")[0] in ("tuning", "confirmation"):
            remove_folder(record.parent)
    manifest = folder / MANIFEST_FILE
    parts = [part.path for part in read_manifest(manifest).parts] if "record.json" in written and manifest.exists() else []
    kept = {*written, *parts, *([MANIFEST_FILE] if parts else [])}
    for name in (*RECORD_FILES, PARTIAL_FILE):
        if name not in kept:
            (folder / name).unlink(missing_ok=True)


@contextlib.contextmanager
def keeping(folder: Path) -> Iterator[None]:
    """Write what a study had computed when its model failed, or when it was interrupted, to partial.nc, and say so in the message."""
    try:
        yield
    except (PredictionFailed, KeyboardInterrupt) as error:
        partial = getattr(error, "partial", None)
        if partial is None:
            raise
        path = folder / PARTIAL_FILE
        with atomic_path(path) as temporary:
            partial.to_netcdf(temporary, engine="netcdf4")
        kept = f"the predictions until then are in {path}"
        if isinstance(error, PredictionFailed):
            error.found += f"; {kept}"
            raise
        if _unfinished(folder):
            kept += f". Go on with it: sigmaraw validate --resume {shlex.quote(str(folder))}"
        raise Interrupted(kept) from error


def print_json(value: Any) -> None:
    """Print JSON in ASCII, which every encoding of a terminal or pipe can carry; numbers that are not finite are null."""
    typer.echo(json.dumps(plain(value), indent=1, ensure_ascii=True, allow_nan=False))


def plain(value: Any) -> Any:
    """Return a value in JSON types."""
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str | int | None):
        return str(value) if isinstance(value, str) else value
    return plain(value.tolist()) if hasattr(value, "tolist") else str(value)


def exit_code(record: Record) -> int:
    """Return what --check says of a record: 1 a FAIL, 3 no FAIL but an INCONCLUSIVE or a warning that bears on a verdict, else 0.

    Which warnings bear is written with each of them (`warnings[].bears`): those that a right camera gives in less than 5 % of runs.
    """
    code = EXIT_CODES[record.verdict]
    warned = any(warning.bears for row in record.content.results for warning in row.warnings)
    return EXIT_CODES["INCONCLUSIVE"] if code == 0 and warned else code


def summary(record: Record) -> dict[str, Any]:
    """Return a record's verdicts as the report "json" lays them out."""
    from sigmaraw import registry

    found: dict[str, Any] = registry.load(registry.REPORTS, "json")().summary(record.content)
    return found
