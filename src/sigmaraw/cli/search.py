"""sigmaraw search: the strongest setting of each family that passes, found on some images and confirmed on others."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sigmaraw.cli import options as take
from sigmaraw.cli.progress import Progress
from sigmaraw.cli.shared import check_folder

UNCONFIRMED = 3


def search(
    raw: take.Raw,
    camera: take.Camera,
    output: take.Output,
    codec: take.Grid = None,
    pipeline: take.PipelineSpec = None,
    confirm: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="A held-out image; repeat it. Without it a random share of RAW is held out.")
    ] = None,
    fraction: Annotated[float, typer.Option(help="Share of the files of RAW that is held out.")] = 0.5,
    refine: Annotated[int, typer.Option(help="Rounds of halving between settings of the grid.")] = 2,
    back: Annotated[int, typer.Option(help="Weaker settings to confirm before the strongest, to step back to.")] = 2,
    exceedance: Annotated[
        float | None, typer.Option(help="Share of images that may be intolerable, to be shown at 95 %; default: every one must PASS.")
    ] = None,
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
    check: Annotated[bool, typer.Option("--check", help="Exit 3 when the recommended family has no confirmed setting.")] = False,
    quiet: take.Quiet = False,
) -> None:
    """Find the strongest setting of each codec family that passes, and confirm it on held-out images."""
    from sigmaraw.study import Rule, run_search

    check_folder(output)
    given = {"pipeline": pipeline, "mode": mode, "seed": seed, "scalars": scalars, "volume": volume, "frame": frame}
    merged = take.plan_from(plan, codec, n, batch, roi, **given)
    rule = Rule(fraction, refine, back, exceedance)
    allowed, extra = take.allowed(codec, allow_exec), take.plan_rows(plan)
    with Progress(quiet) as progress:
        result = run_search(
            merged,
            raw,
            str(camera),
            rule,
            confirm or None,
            engine=engine,
            batch=batch,
            allow_exec=allowed,
            progress=progress,
            extra_inputs=extra,
        )
    path = result.write(output)
    typer.echo(result.table())
    typer.echo(f"\nsettings: {output / 'search.json'}\nreport: {path}")
    if check and result.recommended is None:
        raise typer.Exit(UNCONFIRMED)
