"""sigmaraw search: the strongest setting of each family that passes, found on some images and confirmed on others."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from sigmaraw.cli import options as take
from sigmaraw.cli import shared
from sigmaraw.cli.machine import check_environment
from sigmaraw.progress import Progress

UNCONFIRMED = 3


def search(
    raw: take.Raw,
    camera: take.Camera,
    output: take.Output,
    codec: take.Grid = None,
    pipeline: take.PipelineSpec = None,
    confirm: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="An image to confirm on; repeat it. Without it, a random fraction of RAW is held out."),
    ] = None,
    fraction: Annotated[float, typer.Option(help="Fraction of the files of RAW to hold out for confirmation, between 0 and 1.")] = 0.5,
    refine: Annotated[int, typer.Option(help="Rounds that halve the distance between settings of the grid.")] = 2,
    back: Annotated[
        int, typer.Option(help="Weaker settings to confirm before the strongest; the search steps back to them if the strongest fails.")
    ] = 2,
    exceedance: Annotated[
        float | None,
        typer.Option(
            help="Largest fraction of images allowed to fail, demonstrated with 95 % confidence, between 0 and 1; "
            "without it the codec must PASS over the images."
        ),
    ] = None,
    mode: take.Mode = None,
    plan: take.PlanFile = None,
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
    check: Annotated[bool, typer.Option("--check", help="Exit 3 when the recommended family has no confirmed setting.")] = False,
    json: shared.Json = False,
    quiet: take.Quiet = False,
) -> None:
    """Find the strongest setting of each codec family that passes, and confirm it on other images."""
    from sigmaraw.record.fields import plain
    from sigmaraw.study import Rule, run_search

    folder = shared.output_folder(output, overwrite)
    given: dict[str, Any] = {"pipeline": pipeline, "mode": mode, "seed": seed, "scalars": scalars, "volume": volume, "frame": frame}
    given |= {"bits": bits, "margin": take.margins(margin), "k": k, "spread": spread, "rms": rms}
    merged = take.plan_from(plan, codec, n, batch, roi, camera, **given)
    rule = Rule(fraction, refine, back, exceedance)
    allowed, extra = take.allowed(codec, allow_exec), take.plan_rows(plan)
    check_environment()
    with Progress(quiet) as progress, shared.keeping(folder):
        result = run_search(
            merged,
            take.selected(raw, channel, time, series),
            str(camera),
            rule,
            take.selected(confirm, channel, time, series) if confirm else None,
            engine=engine,
            batch=batch,
            allow_exec=allowed,
            allow_nondeterminism=allow_nondeterminism,
            pipeline=take.model(pipeline, allow_exec),
            progress=progress,
            extra_inputs=extra,
        )
    path = output / result.write(folder).relative_to(folder)
    shared.remove_leftovers(folder, ("search.json",), [entry.folder for entry in result.summary.records])
    if json:
        shared.print_json({**plain(result.summary), "folder": str(output), "report": str(path)})
    else:
        typer.echo(result.table())
        typer.echo(f"\nsettings: {output / 'search.json'}\nreport: {path}")
    if check and result.recommended is None:
        raise typer.Exit(UNCONFIRMED)
