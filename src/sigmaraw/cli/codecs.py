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
