"""sigmaraw observers: how well people who segment the same images agree."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from sigmaraw.cli import options as take
from sigmaraw.cli.shared import Json, print_json


def observers(
    masks: Annotated[
        list[Path],
        typer.Argument(metavar="MASKS", help="Folder with OBSERVER/READING/ in it, as --reference takes it, or one folder per observer."),
    ],
    volume: take.Volume = False,
    json: Json = False,
) -> None:
    """Compare masks drawn by several observers, once or twice each: variability within and between them, and limits of the rule cunha."""
    from sigmaraw.people import observers as compared
    from sigmaraw.people.masks import observers_text

    found = compared(masks, volume=volume)
    if json:
        print_json(dataclasses.asdict(found))
    else:
        typer.echo(observers_text(found))
