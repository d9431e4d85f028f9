"""sigmaraw readers make|score: pages on which people judge images blind, and their answers."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import typer

from sigmaraw.cli import options as take
from sigmaraw.cli.machine import check_environment
from sigmaraw.cli.shared import Json, print_json, verb_of_verbs
from sigmaraw.progress import Progress

PAGE = "Documentation: docs/how-to/readers.md"
readers = verb_of_verbs("readers", "Let people judge images blind, and score their answers.", PAGE)
WINDOW_HELP = "Display window: auto, mr, full, ct-soft, ct-lung, ct-bone, ct-brain, ct-liver, ct-vessels, or low..high; repeat it."


@readers.command(short_help="Write a page for readers.", epilog=PAGE)
def make(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGES", help="Image files or folders; each frame is an image.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="New folder for page.html and key.json.")],
    codec: take.Spec = None,
    kind: Annotated[
        Literal["pairs", "ratings"], typer.Option(help="pairs: which of two is better; ratings: each of two from 1 to 10.")
    ] = "pairs",
    window: Annotated[list[str] | None, typer.Option(metavar="NAME", help=WINDOW_HELP)] = None,
    question: Annotated[str | None, typer.Option(help="What readers are asked, above the images.")] = None,
    repeat: Annotated[int, typer.Option(help="How often each trial is shown.")] = 1,
    trials: Annotated[int | None, typer.Option(help="At most this many trials, spread evenly over pairs and images; default all.")] = None,
    camera: Annotated[Path | None, typer.Option(metavar="FILE.nc", help="Camera profile, for codecs that need one.")] = None,
    volume: take.Volume = False,
    slices: Annotated[int, typer.Option(help="With --volume: how many slices of each volume are shown, evenly spaced.")] = 1,
    bits: take.Bits = None,
    channel: take.Channel = None,
    time: take.Time = None,
    series: take.Series = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the random order; default: a random one, which nobody knows.")] = None,
    json: Json = False,
    quiet: take.Quiet = False,
) -> None:
    """Write a page for readers: images side by side, before and after codecs, blind and in random order; and the key to it.

    Give page.html to readers. Keep key.json: it says what stood where.
    """
    check_environment()
    from sigmaraw.people import make_page
    from sigmaraw.people.key import encoded, sha256
    from sigmaraw.people.page import KEY_FILE, PAGE_FILE

    with Progress(quiet) as progress:
        key = make_page(
            take.selected(images, channel, time, series), tuple(codec or ()), output, kind=kind, windows=tuple(window or ("auto",)),
            question=question, repeat=repeat, most=trials, camera=None if camera is None else str(camera), bits=bits, volume=volume,
            slices=slices, seed=seed, progress=progress,
        )  # fmt: skip
    page, place, found = output / PAGE_FILE, output / KEY_FILE, sha256(encoded(key))
    if json:
        settings = [msgspec.structs.asdict(setting) for setting in key.settings]
        print_json({"page": page, "key": place, "key_sha256": found, "trials": len(key.trials), "settings": settings})
        return
    size = page.stat().st_size / 1e6
    typer.echo(f"{len(key.trials)} trials on {len(key.images)} images; the page has {size:.1f} MB")
    for setting in key.settings:
        typer.echo(f"  {setting.name:<32} compression ratio {setting.compression_ratio:.2f}")
    typer.echo(f"for readers: {page}\nkeep: {place}\nSHA-256 of the key, which is in the page: {found}")


@readers.command(short_help="Score readers' answers.", epilog=PAGE)
def score(
    answers: Annotated[list[Path], typer.Argument(metavar="ANSWERS.csv", help="Files that the page saved, of one reader or several.")],
    key: Annotated[Path, typer.Option(metavar="key.json", help="Key that was written with the page.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE.csv", help="Also write each answer with what was shown.")
    ] = None,
    json: Json = False,
) -> None:
    """Score readers' answers: per reader, whether the less compressed image is chosen, or rated higher."""
    from sigmaraw.people import score_answers
    from sigmaraw.people.scoring import scored_text

    found = score_answers(answers, key, output)
    if json:
        print_json(dataclasses.asdict(found))
    else:
        typer.echo(scored_text(found))
