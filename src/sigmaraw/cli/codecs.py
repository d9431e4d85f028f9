"""sigmaraw codecs: what is installed."""

from __future__ import annotations

import typer


def codecs() -> None:
    """List codec families with their parameters, what they take, the libraries' versions and self-tests."""
    from sigmaraw.cli.tables import print_parameters
    from sigmaraw.codecs import describe

    for row in describe():
        if not row["available"]:
            typer.echo(f"{row['name']:<12} not available: {row['reason']}")
            continue
        kind = "lossless possible" if row["lossless"] else "lossy"
        libraries = ", ".join(f"{name} {version}" for name, version in row["libraries"].items())
        typer.echo(f"{row['name']:<12} {row['summary']}")
        test = f"FAILS, and is refused: {row['fault']}" if row["fault"] else "passes" if row["tested"] else "needs your own settings"
        typer.echo(f"{'':<14}self-test: {test}")
        typer.echo(f"{'':<14}takes {', '.join(row['dtypes'])}; {kind}; guarantee: {row['guarantee']}; {libraries}")
        if row["targets"]:
            typer.echo(f"{'':<14}targets {', '.join(row['targets'])}, by {row['knob']}")
        print_parameters(row["parameters"])
