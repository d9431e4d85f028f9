"""sigmaraw reproduce: the papers' studies by name."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from sigmaraw.cli.machine import check_environment
from sigmaraw.cli.shared import Json, print_json
from sigmaraw.errors import InvalidOption
from sigmaraw.progress import Progress

DISAGREES = 1


def _names() -> list[str]:
    from sigmaraw import registry

    return registry.names(registry.REPRODUCTIONS)


def reproduce(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Name of the study; without it, all are listed.", autocompletion=_names)
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="DIR", help="New folder for table, figures and records.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Run the study at a small size.")] = False,
    seed: Annotated[int, typer.Option(help="Seed of everything drawn.")] = 0,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            metavar="DIR",
            help="Folder that holds the public data sets, for the studies that need one [default: $SIGMARAW_DATA, else ../shared/data].",
        ),
    ] = None,
    json: Json = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
) -> None:
    """Rerun a paper's study and test whether its results agree with the paper's in shape; exit 1 where one does not."""
    if name is None:
        _list(json)
        return
    if output is None:
        raise InvalidOption(f"reproduce {name} without an output folder", "-o DIR", "add it")
    check_environment()
    from sigmaraw.reproduce import reproduce as run

    with Progress(quiet) as progress:
        table = run(name, output, quick=quick, seed=seed, data=data, progress=progress, pdf=True)
    if json:
        print_json({**dataclasses.asdict(table), "agrees": table.agrees, "folder": str(output)})
    else:
        typer.echo(f"{table}\n\ntable: {output / 'reproduction.md'}\nreport: {output / 'reproduction.pdf'}, reproduction.html")
    if not table.agrees:
        raise typer.Exit(DISAGREES)


def _list(json: bool) -> None:
    from sigmaraw import registry

    rows = [(entry.name, entry.found, entry.fault) for entry in registry.installed(registry.REPRODUCTIONS)]
    if json:
        print_json(
            [
                {"name": name, "title": getattr(study, "title", None), "paper": getattr(study, "paper", None), "fault": fault}
                for name, study, fault in rows
            ]
        )
        return
    width = max((len(name) for name, _, _ in rows), default=0)
    for name, study, fault in rows:
        typer.echo(f"{name:<{width}}  {fault or f'{study.title} ({study.paper})'}")
        if not fault and study.data:
            typer.echo(f"{'':<{width}}  {'needs' if study.folders else 'uses'} {study.data}")
