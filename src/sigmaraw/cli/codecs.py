"""sigmaraw codecs: what is installed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from sigmaraw.cli.options import names_of
from sigmaraw.cli.shared import Json, print_json


def codecs(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Only this family, with all its keys.", autocompletion=names_of("codecs"))
    ] = None,
    json: Json = False,
) -> None:
    """List codec families with their keys, what they take, the versions of their libraries and the outcome of their self-tests."""
    from sigmaraw.codecs import describe

    rows = describe(name)
    if json:
        print_json(rows)
        return
    for row in rows:
        _print(row)


def _print(row: Mapping[str, Any]) -> None:
    """Print one family: summary, self-test, what it takes, targets and keys."""
    from sigmaraw.cli.tables import print_parameters

    if not row["available"]:
        typer.echo(f"{row['name']:<12} not available: {row['reason']}")
        return
    kind = "processing step" if row["processing"] else "lossless possible" if row["lossless"] else "lossy"
    libraries = ", ".join(f"{name} {version}" for name, version in row["libraries"].items())
    typer.echo(f"{row['name']:<12} {row['summary']}")
    for line in _tests(row["tests"]):
        typer.echo(f"{'':<14}self-test: {line}")
    typer.echo(f"{'':<14}takes {', '.join(row['dtypes'])}; {kind}; guarantee: {row['guarantee']}; {libraries}")
    if row["targets"]:
        typer.echo(f"{'':<14}targets {', '.join(row['targets'])}, by {row['knob']}")
    for first, entry in row["knobs"].items():
        typer.echo(f"{'':<14}targets {', '.join(entry['targets'])}, by {entry['knob']} of {first}")
    print_parameters(row["parameters"])


def _tests(tests: dict[str, str]) -> list[str]:
    """Return a line on what passes and one on each method that fails."""
    if not tests:
        return ["needs your own settings"]
    passing = [method for method, fault in tests.items() if not fault]
    lines = ["passes" + (": " + ", ".join(passing) if passing != [""] else "")] if passing else []
    return lines + [f"{method or 'it'} FAILS, and is refused: {fault}" for method, fault in tests.items() if fault]
