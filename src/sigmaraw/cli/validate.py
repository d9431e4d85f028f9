"""sigmaraw validate: the main job."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sigmaraw.cli.progress import Progress
from sigmaraw.cli.shared import check_folder, parse_roi
from sigmaraw.errors import InvalidOption

if TYPE_CHECKING:
    from sigmaraw.study import Record

EXIT_CODES = {"PASS": 0, "FAIL": 1, "INCONCLUSIVE": 3}


def validate(
    raw: Annotated[list[Path], typer.Argument(metavar="RAW...", help="Raw images: TIFF, .npy or FITS; each frame is an image.")],
    camera: Annotated[Path, typer.Option(metavar="FILE.nc", help="Camera profile.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Folder for record.json, result.nc and the report.")],
    codec: Annotated[list[str] | None, typer.Option(metavar="SPEC", help="Codec, such as jpeg2000:ratio=10; repeat it.")] = None,
    pipeline: Annotated[str | None, typer.Option(metavar="SPEC", help="otsu, unet-demo, onnx:FILE, torch:FILE, module:function.")] = None,
    mode: Annotated[str | None, typer.Option(help="Replica mode; default: as the decision record says.")] = None,
    plan: Annotated[Path | None, typer.Option(metavar="PLAN.toml", help="A plan that was fixed before the data were seen.")] = None,
    n: Annotated[str | None, typer.Option("-n", help="Replicas per group; default 100. auto:0.05 until u(σ_raw) is 5 %.")] = None,
    seed: Annotated[int | None, typer.Option(help="Study seed, 0 to 2^64 - 1; default 0.")] = None,
    engine: Annotated[str, typer.Option(help="local or dask: same numbers, different speed.")] = "local",
    batch: Annotated[int | None, typer.Option(help="Replicas held in memory at once; changes no number.")] = None,
    workers: Annotated[
        int | None, typer.Option(help="Threads that code replicas while the model predicts; default one per core; changes no number.")
    ] = None,
    roi: Annotated[str | None, typer.Option(metavar="Y,X", help="Where the images lie in the camera's frame, px.")] = None,
    scalars: Annotated[bool, typer.Option("--scalars", help="Use the camera's scalars, not its maps.")] = False,
    volume: Annotated[bool, typer.Option("--volume", help="A file's pages are z, not frames.")] = False,
    frame: Annotated[int | None, typer.Option(help="Only this frame of each file, from 0; default all.")] = None,
    allow_exec: Annotated[bool, typer.Option("--allow-exec", help="Codecs typed here with --codec may run programs (exec).")] = False,
    check: Annotated[bool, typer.Option("--check", help="Exit 1 on a FAIL, 3 when undecided.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
) -> None:
    """Score what codecs do to a model's answers against the camera's own noise, and write the report."""
    from sigmaraw.study import count_or_auto, merge_plan, plan_row, read_plan, run

    if batch is not None and batch < 1:
        raise InvalidOption(f"--batch {batch}", "a whole number from 1", "correct or leave out --batch")
    if workers is not None and workers < 0:
        raise InvalidOption(f"--workers {workers}", "a whole number from 0", "correct or leave out --workers")
    check_folder(output)
    given = {"codecs": tuple(codec or ()) or None, "pipeline": pipeline, "mode": mode, "seed": seed, "roi": parse_roi(roi)}
    given |= {"frame": frame, "n": None if n is None else count_or_auto(n)}
    command = {key: value for key, value in given.items() if value is not None}
    command |= {key: True for key, value in (("scalars", scalars), ("volume", volume)) if value}
    merged = merge_plan(read_plan(plan) if plan else {}, command)
    with Progress(quiet) as progress:
        extra = [plan_row(plan)] if plan else []
        # What is typed is the user's own word; what only the plan file says may be a stranger's.
        allowed = tuple(codec or ()) if allow_exec else ()
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
