"""sigmaraw pipelines: what is installed."""

from __future__ import annotations

import typer


def pipelines() -> None:
    """List pipelines with their keys. Besides these, package.module:function and a TOML file are taken."""
    from sigmaraw.cli.tables import print_parameters
    from sigmaraw.pipelines import describe

    for row in describe():
        typer.echo(f"{row['name']:<12} {row['summary']}")
        print_parameters(row["parameters"])
