"""sigmaraw metrics: what is installed."""

from __future__ import annotations

from typing import Annotated

import typer

from sigmaraw.cli.options import names_of
from sigmaraw.cli.shared import Json, print_json


def metrics(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Only this metric.", autocompletion=names_of("metrics"))] = None,
    json: Json = False,
) -> None:
    """List the metrics that compare masks and images, with unit and definition."""
    from sigmaraw.metrics import describe

    rows = describe(name)
    if json:
        print_json(rows)
        return
    for row in rows:
        if not row["available"]:
            typer.echo(f"{row['name']:<12} not available: {row['reason']}")
            continue
        typer.echo(f"{row['name']:<12} [{row['unit']}]  {row['definition']}")
