"""sigmaraw codecs: what is installed."""

from __future__ import annotations

import typer


def codecs() -> None:
    """List codec families with their parameters, what they take, and the libraries' versions."""
    from sigmaraw.cli.tables import print_parameters
    from sigmaraw.codecs import describe

    for row in describe():
        kind = "lossless possible" if row["lossless"] else "lossy"
        typer.echo(f"{row['name']:<12} {row['summary']}")
        typer.echo(f"{'':<12} takes {', '.join(row['dtypes'])}; {kind}; {row['library']}")
        print_parameters(row["parameters"])
