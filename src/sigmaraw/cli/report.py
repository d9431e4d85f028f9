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
    from sigmaraw.integrity.signing import SIGNATURES_FILE
    from sigmaraw.record.sealing import note_renderings
    from sigmaraw.record.verifying import require_unaltered

    require_unaltered(folder)  # a record that cannot be read, or was altered, is refused before anything is written
    renderers = [registry.load(registry.REPORTS, name)() for name in format or ["html"]]
    made = [renderer.render(folder) for renderer in renderers]
    note_renderings(folder, made)
    for path in made:
        typer.echo(f"report: {path}")
    if (folder / SIGNATURES_FILE).exists():
        typer.echo("the signatures of this record are older than these files: sign it anew with sigmaraw sign --replace")
