"""sigmaraw validate: the main job."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sigmaraw.cli import options as take
from sigmaraw.cli.progress import Progress
from sigmaraw.cli.shared import check_folder
from sigmaraw.errors import InvalidOption

if TYPE_CHECKING:
    from sigmaraw.study import Record

EXIT_CODES = {"PASS": 0, "FAIL": 1, "INCONCLUSIVE": 3}


def validate(
    raw: take.Raw,
    camera: take.Camera,
    output: take.Output,
    codec: take.Spec = None,
    pipeline: take.PipelineSpec = None,
    mode: take.Mode = None,
    plan: take.PlanFile = None,
    n: take.Count = None,
    seed: take.Seed = None,
    engine: take.EngineName = "local",
    batch: take.Batch = None,
    workers: Annotated[
        int | None, typer.Option(help="Threads that code replicas while the model predicts; default one per core; changes no number.")
    ] = None,
    roi: take.Roi = None,
    scalars: take.Scalars = False,
    volume: take.Volume = False,
    frame: take.Frame = None,
    allow_exec: take.AllowExec = False,
    check: Annotated[bool, typer.Option("--check", help="Exit 1 on a FAIL, 3 when undecided.")] = False,
    quiet: take.Quiet = False,
) -> None:
    """Score what codecs do to a model's answers against the camera's own noise, and write the report."""
    from sigmaraw.study import run

    if workers is not None and workers < 0:
        raise InvalidOption(f"--workers {workers}", "a whole number from 0", "correct or leave out --workers")
    check_folder(output)
    given = {"pipeline": pipeline, "mode": mode, "seed": seed, "scalars": scalars, "volume": volume, "frame": frame}
    merged = take.plan_from(plan, codec, n, batch, roi, **given)
    allowed, extra = take.allowed(codec, allow_exec), take.plan_rows(plan)
    with Progress(quiet) as progress:
        record = run(
            merged, raw, str(camera), engine=engine, batch=batch, workers=workers, allow_exec=allowed, progress=progress, extra_inputs=extra
        )
    finish(record, output)
    if check:
        raise typer.Exit(EXIT_CODES[record.verdict])


def finish(record: Record, folder: Path) -> None:
    """Write the record folder and print the verdict table and where the report is."""
    path = record.write(folder)
    typer.echo(record.table())
    typer.echo(f"\nreport: {path}")
