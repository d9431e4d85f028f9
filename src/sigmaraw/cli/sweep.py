"""sigmaraw sweep: the whole scoring over a grid of codec settings."""

from __future__ import annotations

import typer

from sigmaraw.cli import options as take
from sigmaraw.cli.progress import Progress
from sigmaraw.cli.shared import check_folder


def sweep(
    raw: take.Raw,
    camera: take.Camera,
    output: take.Output,
    codec: take.Grid = None,
    pipeline: take.PipelineSpec = None,
    mode: take.Mode = None,
    plan: take.PlanFile = None,
    n: take.Count = None,
    seed: take.Seed = None,
    engine: take.EngineName = "local",
    batch: take.Batch = None,
    roi: take.Roi = None,
    scalars: take.Scalars = False,
    volume: take.Volume = False,
    frame: take.Frame = None,
    allow_exec: take.AllowExec = False,
    quiet: take.Quiet = False,
) -> None:
    """Score a grid of codec settings and draw shift and quality against compression ratio."""
    from sigmaraw import registry
    from sigmaraw.study import run_sweep

    check_folder(output)
    given = {"pipeline": pipeline, "mode": mode, "seed": seed, "scalars": scalars, "volume": volume, "frame": frame}
    merged = take.plan_from(plan, codec, n, batch, roi, **given)
    allowed, extra = take.allowed(codec, allow_exec), take.plan_rows(plan)
    with Progress(quiet) as progress:
        record = run_sweep(merged, raw, str(camera), engine=engine, batch=batch, allow_exec=allowed, progress=progress, extra_inputs=extra)
    path = record.write(output, ("csv", "html"))
    typer.echo(registry.load(registry.REPORTS, "text")().codecs(record.content))
    typer.echo(f"\ntable: {path.with_name('results.csv')}\nreport: {path}")
