"""sigmaraw self-validate: whether this installation works on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sigmaraw.cli.shared import Json, check_folder, print_json

if TYPE_CHECKING:
    from sigmaraw.qualification.report import Done

FAILED = 1


def self_validate(
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Folder for the report (HTML, JSON) and the bill of materials.")
    ] = Path("sigmaraw-qualification"),
    json: Json = False,
) -> None:
    """Check this installation on this machine against independent results, and write a qualification report; exit 1 if a check fails."""
    from sigmaraw.cli.machine import check_environment
    from sigmaraw.qualification.report import FILES, run_checks, write_report

    def say(done: Done) -> None:
        if json:
            return
        typer.echo(f"{'PASS' if done.passed else 'FAIL'}  {done.check.name:<12} {len(done.outcomes):>2} comparisons, {done.check.truth}")
        for entry in done.outcomes:
            if not entry.passed:
                typer.echo(f"      {entry.what}: found {entry.found}, expected {entry.expected}")
        if done.fault:
            typer.echo(f"      {done.fault}")

    check_folder(output)
    check_environment()
    made = write_report(output, run_checks(say=say))
    if json:
        print_json({**made, "report": str(output / FILES[1])})
    else:
        typer.echo(f"\nreport: {output / FILES[1]}\nbill of materials: {output / FILES[2]}")
    if not made["passed"]:
        raise typer.Exit(FAILED)
