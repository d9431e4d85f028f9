"""sigmaraw measurements: what is installed."""

from __future__ import annotations

from typing import Annotated

import typer

from sigmaraw.cli.options import names_of
from sigmaraw.cli.shared import Json, print_json


def measurements(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="Only this measurement, with all its keys.", autocompletion=names_of("measurements")),
    ] = None,
    json: Json = False,
) -> None:
    """List the measurements that measure=… may name, with units and keys. Besides these, it takes package.module:function."""
    from sigmaraw.cli.tables import print_parameters
    from sigmaraw.measurements import describe

    rows = describe(name)
    if json:
        print_json(rows)
        return
    for row in rows:
        if not row["available"]:
            typer.echo(f"{row['name']:<18} not available: {row['reason']}")
            continue
        typer.echo(f"{row['name']:<18} {row['summary']}")
        for entry in row["measurements"]:
            if len(row["measurements"]) > 1:
                typer.echo(f"{'':<14}{entry['name']:<22} [{entry['unit']}]  {entry['definition']}")
        print_parameters([{**entry, "name": f"{row['name']}.{entry['name']}"} for entry in row["parameters"]])
