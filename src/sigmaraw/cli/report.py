"""sigmaraw report: lay out a record again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def report(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that validate wrote.")],
    format: Annotated[list[str] | None, typer.Option("--format", help="html (default), json, text, csv; repeat it.")] = None,
) -> None:
    """Write the report anew from record.json and result.nc. Nothing is computed."""
    from sigmaraw import registry
    from sigmaraw.record.reading import read_document

    read_document(folder)  # a record that cannot be read is refused before anything is written
    renderers = [registry.load(registry.REPORTS, name)() for name in format or ["html"]]
    for renderer in renderers:
        typer.echo(f"report: {renderer.render(folder)}")
