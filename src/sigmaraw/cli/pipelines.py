"""sigmaraw pipelines: what is installed."""

from __future__ import annotations

from typing import Annotated

import typer

from sigmaraw.cli.options import names_of
from sigmaraw.cli.shared import Json, print_json


def pipelines(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Only this pipeline, with all its keys.", autocompletion=names_of("pipelines"))
    ] = None,
    json: Json = False,
) -> None:
    """List pipelines with their keys. Besides these, --pipeline takes package.module:function and a TOML file."""
    from sigmaraw.cli.tables import print_parameters
    from sigmaraw.pipelines import describe

    rows = describe(name)
    if json:
        print_json(rows)
        return
    for row in rows:
        if not row.get("available", True):
            typer.echo(f"{row['name']:<12} not available: {row['reason']}")
            continue
        typer.echo(f"{row['name']:<12} {row['summary']}")
        print_parameters(row["parameters"])
