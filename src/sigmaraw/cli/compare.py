"""sigmaraw compare: what changed between two records."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sigmaraw.cli.shared import Json, print_json


def compare(
    first: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that validate wrote.")],
    second: Annotated[Path, typer.Argument(metavar="DIR", help="Another such folder.")],
    check: Annotated[bool, typer.Option("--check", help="Exit 1 where a verdict differs.")] = False,
    json: Json = False,
) -> None:
    """Show what changed between two records: plan, data, camera, libraries, verdicts and scores."""
    from dataclasses import asdict

    from sigmaraw.record import read_content
    from sigmaraw.reports.comparison import compare_records, comparison_text

    found = compare_records(read_content(first), read_content(second))
    if json:
        print_json({"verdicts": found.verdicts, "parts": {name: [asdict(row) for row in rows] for name, rows in found.parts.items()}})
    else:
        typer.echo(comparison_text(found, (str(first), str(second))))
    if check and found.verdicts:
        raise typer.Exit(1)
