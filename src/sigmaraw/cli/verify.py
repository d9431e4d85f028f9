"""sigmaraw verify: whether the record, and every input, is what it was."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sigmaraw.errors import IntegrityError


def verify(folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that validate wrote.")]) -> None:
    """Recompute the SHA-256 of a record, of its predictions and of every input; exit 2 when one differs."""
    from sigmaraw.study import verify as run

    problems = run(folder)
    if problems:
        raise IntegrityError("; ".join(problems), "the bytes that the record states", "restore them, or run validate again")
    typer.echo(f"{folder}: record, predictions and inputs are as recorded")
