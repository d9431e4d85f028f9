"""sigmaraw validate: the main job."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sigmaraw.cli import options as take
from sigmaraw.cli import shared
from sigmaraw.cli.machine import check_environment
from sigmaraw.cli.resume import stored
from sigmaraw.errors import InvalidOption
from sigmaraw.progress import Progress

if TYPE_CHECKING:
    from sigmaraw.contracts import Engine
    from sigmaraw.study import Record

CHECK_HELP = "Exit 1 on a FAIL; exit 3 on an INCONCLUSIVE, or on a warning that bears on a verdict."


def validate(
    context: typer.Context,
    raw: take.Raw,
    camera: take.Camera,
    output: take.Output,
    codec: take.Spec = None,
    pipeline: take.PipelineSpec = None,
    mode: take.Mode = None,
    plan: take.PlanFile = None,
    exploratory: Annotated[
        bool, typer.Option("--exploratory", help="Accept a plan that was not locked before the data were read; the report says so.")
    ] = False,
    rule: take.RuleName = None,
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
    workers: Annotated[
        int | None, typer.Option(help="Threads that code replicas while the model predicts; default one per core. It changes no number.")
    ] = None,
    roi: take.Roi = None,
    scalars: take.Scalars = False,
    volume: take.Volume = False,
    frame: take.Frame = None,
    bits: take.Bits = None,
    channel: take.Channel = None,
    time: take.Time = None,
    series: take.Series = None,
    objects: take.Objects = False,
    every_byte: take.EveryByte = False,
    allow_exec: take.AllowExec = False,
    allow_nondeterminism: take.AllowNondeterminism = False,
    overwrite: shared.Overwrite = False,
    resume: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Continue the study that was stopped in this folder. It needs no other option."),
    ] = None,
    scheduler: Annotated[str | None, typer.Option(metavar="ADDRESS", help="With --engine dask: the scheduler of a cluster.")] = None,
    check: Annotated[bool, typer.Option("--check", help=CHECK_HELP)] = False,
    json: shared.Json = False,
    quiet: take.Quiet = False,
) -> None:
    """Compare the change that each codec makes to a model's answers with the camera's own noise, and write the report."""
    from sigmaraw.study import require_lock, run
    from sigmaraw.study.store import BlockStore

    if exploratory and plan is None:
        raise InvalidOption("--exploratory without --plan", "a plan file", "leave --exploratory out")

    if workers is not None and workers < 0:
        raise InvalidOption(f"--workers {workers}", "a whole number from 0", "correct or leave out --workers")
    if scheduler is not None and engine != "dask":
        raise InvalidOption(f"--scheduler with --engine {engine}", "--engine dask", "add --engine dask, or leave --scheduler out")
    folder = shared.output_folder(output, overwrite, resume)
    store = BlockStore(folder, stored(context.obj or ()), resume=resume is not None)
    given: dict[str, Any] = {"pipeline": pipeline, "mode": mode, "seed": seed, "scalars": scalars, "volume": volume, "frame": frame}
    given |= {"rule": rule, "objects": objects, "margin": take.margins(margin), "k": k, "spread": spread, "rms": rms}
    given |= {"bits": bits, "agreement": tuple(agreement or ()) or None}
    share = {"coded_share": 1.0} if every_byte else {}
    merged = take.plan_from(plan, codec, n, batch, roi, camera, **given, **share)
    allowed, extra = take.allowed(codec, allow_exec), take.plan_rows(plan)
    lock = require_lock(plan, exploratory) if plan else None
    check_environment()
    with Progress(quiet) as progress, shared.keeping(folder):
        record = run(
            merged,
            take.selected(raw, channel, time, series),
            str(camera),
            lock=lock,
            engine=engine if scheduler is None else _cluster(scheduler),
            store=store,
            reference=reference,
            batch=batch,
            workers=workers,
            allow_exec=allowed,
            pipeline=take.model(pipeline, allow_exec),
            allow_nondeterminism=allow_nondeterminism,
            progress=progress,
            extra_inputs=extra,
        )
    finish(record, folder, resume or output, json)
    store.discard()
    if check:
        raise typer.Exit(shared.exit_code(record))


def _cluster(scheduler: str) -> Engine:
    from sigmaraw.engines.dask import DaskEngine  # most studies ask for no cluster

    return DaskEngine(scheduler=scheduler)


def finish(record: Record, folder: Path, shown: Path, json: bool = False) -> None:
    """Write the record folder and print the verdicts and where the report is.

    Parameters
    ----------
    folder : Path
        Where to, absolute.
    shown : Path
        The same as the user wrote it.
    """
    path = record.write(folder)
    shared.remove_leftovers(folder, ("record.json", "result.nc", path.name))
    if json:
        shared.print_json({**shared.summary(record), "verdict": record.verdict, "folder": str(shown), "report": str(shown / path.name)})
        return
    typer.echo(record.table())
    typer.echo(f"\nreport: {shown / path.name}")
