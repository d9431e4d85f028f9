"""sigmaraw formats: which image files are read."""

from __future__ import annotations

from importlib.util import find_spec

import typer

from sigmaraw.cli.shared import Json, print_json


def formats(json: Json = False) -> None:
    """List the image formats that are read, with their suffixes and what has to be installed for each."""
    from sigmaraw import extras
    from sigmaraw.frames.installed import describe

    rows = describe()
    for row in rows:
        row["installed"] = row["available"] and find_spec(row["library"]) is not None
        row["install"] = "" if row["installed"] or not row["extra"] else extras.install_command(row["extra"])
    if json:
        print_json(rows)
        return
    for row in rows:
        if not row["available"]:
            typer.echo(f"{row['name']:<8} not available: {row['reason']}")
            continue
        typer.echo(f"{row['name']:<8} {row['formats']} ({' '.join(row['suffixes'])}), by {row['library']}")
        if row["install"]:
            typer.echo(f"{'':<8} {row['library']} is not installed; run: {row['install']}")
