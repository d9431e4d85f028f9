"""sigmaraw report: lay a record out again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer


def report(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that validate wrote.")],
    format: Annotated[
        list[str] | None, typer.Option("--format", help="html (default), pdf, md, json, csv, text, or “list” for all; repeat it.")
    ] = None,
    edition: Annotated[Literal["short", "full"], typer.Option(help="How much html and pdf print; md is always short.")] = "full",
    template: Annotated[
        Path | None, typer.Option(metavar="TOML", help="The laboratory's name, address, logo and fields, for html, pdf and md.")
    ] = None,
) -> None:
    """Write the report again from record.json and result.nc. Nothing is computed."""
    from sigmaraw import registry
    from sigmaraw.contracts.studies import StyledReport
    from sigmaraw.integrity.manifest import PDF_FILE, SIGNATURES_FILE
    from sigmaraw.integrity.pades import holds_signature
    from sigmaraw.record.sealing import note_renderings, seal_of
    from sigmaraw.record.verifying import require_unaltered

    if format == ["list"]:
        typer.echo("\n".join(registry.names(registry.REPORTS)))
        return
    require_unaltered(folder)  # a record that cannot be read, or was altered, is refused before anything is written
    sealed = seal_of(folder)
    renderers = [registry.load(registry.REPORTS, name)() for name in format or ["html"]]
    had_signature = holds_signature(folder)
    made = [(one.styled(edition, template) if isinstance(one, StyledReport) else one).render(folder) for one in renderers]
    note_renderings(folder, made, sealed)
    for path in made:
        typer.echo(f"report: {path}")
    if had_signature and any(path.name == PDF_FILE for path in made):
        typer.echo("the PDF before this one had a signature inside; this one has none: sigmaraw sign --pdf-certificate adds it")
    if (folder / SIGNATURES_FILE).exists():
        typer.echo("the signatures of this record are older than these files: sign it anew with sigmaraw sign --replace")
