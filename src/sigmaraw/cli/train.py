"""sigmaraw train: a network from images and targets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sigmaraw.cli.faults import Interrupted
from sigmaraw.cli.machine import check_environment
from sigmaraw.cli.shared import Json, check_folder, print_json
from sigmaraw.progress import Progress


def train(
    config: Annotated[Path, typer.Argument(metavar="CONFIG.toml", help="What to train: images, targets, network, loss.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Folder for the network and its training record.")],
    resume: Annotated[bool, typer.Option("--resume", help="Continue from the checkpoint in the output folder.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the network that the output folder holds.")] = False,
    json: Json = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
) -> None:
    """Train a U-Net on images and targets; the result is a pipeline, trained:DIR/model.safetensors."""
    check_folder(output)
    check_environment()
    import dataclasses

    from sigmaraw.training import train as run
    from sigmaraw.training.checkpoint import NAME

    try:
        with Progress(quiet) as progress:
            made = run(config, output, resume=resume, overwrite=overwrite, progress=progress)
    except KeyboardInterrupt as error:
        kept = f"the last whole epoch is in {output / NAME}; go on with --resume" if (output / NAME).is_file() else "nothing is kept"
        raise Interrupted(kept) from error
    if json:
        print_json(dataclasses.asdict(made))
        return
    stop = ", stopped early" if made.stopped_early else ""
    typer.echo(f"{made.epochs} epochs{stop}; the weights are those of epoch {made.best_epoch}")
    if made.test:
        spread = "" if made.test["figure_se"] is None else f" ± {made.test['figure_se']:.2g} (standard error)"
        typer.echo(
            f"{made.test['images']} test images: loss {made.test['loss']:.4g}, {made.test['name']} {made.test['figure']:.4f}{spread}"
        )
    typer.echo(f"pipeline: trained:{made.weights}\nrecord: {made.record}\nSHA-256 {made.sha256}")
