"""sigmaraw sweep: the whole scoring over a grid of codec settings."""

from __future__ import annotations

from typing import Any

import typer

from sigmaraw.cli import options as take
from sigmaraw.cli import shared
from sigmaraw.cli.machine import check_environment
from sigmaraw.progress import Progress


def sweep(
    raw: take.Raw,
    camera: take.Camera,
    output: take.Output,
    codec: take.Grid = None,
    pipeline: take.PipelineSpec = None,
    mode: take.Mode = None,
    plan: take.PlanFile = None,
    reference: take.Reference = None,
    agreement: take.Agreement = None,
    n: take.Count = None,
    seed: take.Seed = None,
    margin: take.Margin = None,
    k: take.Limit = None,
    spread: take.SpreadLimit = None,
    rms: take.RmsLimit = None,
    engine: take.EngineName = "local",
    batch: take.Batch = None,
    roi: take.Roi = None,
    scalars: take.Scalars = False,
    volume: take.Volume = False,
    frame: take.Frame = None,
    bits: take.Bits = None,
    channel: take.Channel = None,
    time: take.Time = None,
    series: take.Series = None,
    allow_exec: take.AllowExec = False,
    allow_nondeterminism: take.AllowNondeterminism = False,
    overwrite: shared.Overwrite = False,
    json: shared.Json = False,
    quiet: take.Quiet = False,
) -> None:
    """Score a grid of codec settings. Plot shift and quality against compression ratio."""
    from sigmaraw import registry
    from sigmaraw.study import run_sweep

    folder = shared.output_folder(output, overwrite)
    given: dict[str, Any] = {"pipeline": pipeline, "mode": mode, "seed": seed, "scalars": scalars, "volume": volume, "frame": frame}
    given |= {
        "bits": bits,
        "agreement": tuple(agreement or ()) or None,
        "margin": take.margins(margin),
        "k": k,
        "spread": spread,
        "rms": rms,
    }
    merged = take.plan_from(plan, codec, n, batch, roi, camera, **given)
    allowed, extra = take.allowed(codec, allow_exec), take.plan_rows(plan)
    check_environment()
    with Progress(quiet) as progress, shared.keeping(folder):
        record = run_sweep(
            merged,
            take.selected(raw, channel, time, series),
            str(camera),
            engine=engine,
            reference=reference,
            batch=batch,
            allow_exec=allowed,
            allow_nondeterminism=allow_nondeterminism,
            pipeline=take.model(pipeline, allow_exec),
            progress=progress,
            extra_inputs=extra,
        )
    page = record.write(folder, ("csv", "html")).name
    shared.remove_leftovers(folder, ("record.json", "result.nc", "results.csv", page))
    if json:
        places = {"folder": str(output), "table": str(output / "results.csv"), "report": str(output / page)}
        shared.print_json({**shared.summary(record), "verdict": record.verdict, **places})
        return
    typer.echo(registry.load(registry.REPORTS, "text")().codecs(record.content))
    typer.echo(f"\ntable: {output / 'results.csv'}\nreport: {output / page}")
