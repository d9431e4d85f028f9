"""sigmaraw watch fit|check|report: images, camera and answers after a study."""

from __future__ import annotations

import json
import math
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sigmaraw.cli import options as take
from sigmaraw.cli.machine import check_environment
from sigmaraw.cli.shared import Json, check_folder, print_json, verb_of_verbs
from sigmaraw.errors import InvalidOption, visible
from sigmaraw.progress import Progress

if TYPE_CHECKING:
    from sigmaraw.camera import CameraProfile

PAGE = "Documentation: docs/how-to/watch.md"
watch = verb_of_verbs("watch", "Watch images, camera and answers after a study.", PAGE)
StateFile = Annotated[Path, typer.Option("--state", metavar="WATCH.db", help="State file of the watch.")]
ALARM = 1


@watch.command(short_help="Describe reference frames.", epilog=PAGE)
def fit(
    reference: Annotated[list[Path], typer.Argument(metavar="RAW", help="Reference frames, as they were in the study.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="WATCH.db", help="State file to write.")],
    feature: Annotated[
        list[str] | None,
        typer.Option(help="statistics, residuals, measurements or bottleneck; repeat it. Default: all that camera and pipeline allow."),
    ] = None,
    camera: Annotated[Path | None, typer.Option(metavar="FILE.nc", help="Camera profile, for residuals.")] = None,
    pipeline: take.PipelineSpec = None,
    record: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Record of the study: its limits are watched too, with its pipeline.")
    ] = None,
    codec: Annotated[str | None, typer.Option(metavar="SPEC", help="Codec of the record that is in use.")] = None,
    window: Annotated[int, typer.Option(help="Frames that the online test looks at together.")] = 10,
    run_time: Annotated[float, typer.Option(help="Mean number of frames until the online tests give a false alarm.")] = 256.0,
    alpha: Annotated[float, typer.Option(help="Probability that the sequential test ever gives a false alarm.")] = 0.01,
    share: Annotated[
        float | None, typer.Option(help="Share of frames that may exceed the limits; default: the upper 95 % limit on the reference.")
    ] = None,
    corrupted: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Name of a frame known to be altered; it is refused as a reference; repeat it."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of simulated streams and of ties.")] = 0,
    scalars: take.Scalars = False,
    volume: take.Volume = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the state file.")] = False,
    quiet: take.Quiet = False,
) -> None:
    """Describe reference frames: what they look like, and from where on the tests give an alarm."""
    from sigmaraw.watch import Setup, State
    from sigmaraw.watch import fit as fitted
    from sigmaraw.watch.exceedance import limits_of

    if output.exists() and not overwrite:
        raise InvalidOption(f"{output} exists", "a free name", "choose another with -o, or add --overwrite")
    if codec is not None and record is None:
        raise InvalidOption("--codec without --record", "the record of a study", "add --record, or leave --codec out")
    check_environment()
    limits, named = limits_of(record, codec) if record else None, take.joined(pipeline)
    if limits is not None and named is not None and named != limits.pipeline:
        raise InvalidOption(f"--pipeline {named}", f"{limits.pipeline}, as in the record", "leave --pipeline out")
    spec = named or (limits.pipeline if limits else None)
    groups = tuple(feature) if feature else _possible(spec, camera)
    setup = Setup(
        groups, spec, None if camera is None else str(camera.absolute()), window, run_time, alpha, seed, scalars, volume, limits, share
    )
    with Progress(quiet) as progress:
        body = fitted(setup, reference, corrupted or (), progress, [spec for spec in (named, codec) if spec is not None])
    state = State.created(output, body, overwrite)
    typer.echo(f"{len(body['reference'])} reference frames; features: {', '.join(groups)}")
    for name, detector in body["detectors"].items():
        typer.echo(f"  {name}: {len(detector['kept'])} numbers, threshold of the online test {detector['threshold']:.4g}")
    if limits is not None:
        found = body["setup"]["share"]
        typer.echo(f"  limits of {limits.codec}: exceeded in {body['exceeded']} reference frames; a share of {found:.3g} is allowed")
    typer.echo(f"state: {output}\ndigest: {state.digest}")
    state.close()


def _possible(pipeline: str | None, camera: Path | None) -> tuple[str, ...]:
    """Return the groups of features that camera and pipeline allow."""
    found = ["statistics"] + ["residuals"] * (camera is not None) + ["measurements"] * (pipeline is not None)
    return (*found, "bottleneck") if pipeline is not None and pipeline.startswith("trained:") else tuple(found)


@watch.command(short_help="Test new frames.", epilog=PAGE)
def check(
    raw: Annotated[list[Path], typer.Argument(metavar="RAW", help="New frames, in the order in which they were taken.")],
    state: StateFile,
    pipeline: take.PipelineSpec = None,
    codec: Annotated[str | None, typer.Option(metavar="SPEC", help="Codec of the state, where it names a function.")] = None,
) -> None:
    """Test new frames, and print one line of JSON for each; exit 1 where a test gives an alarm.

    A pipeline that is a function (module:function, labels:…) runs only where you type it with --pipeline, as in fit: the state may be a
    stranger's.
    """
    from sigmaraw.watch import State, Watch
    from sigmaraw.watch.fitting import frames_of

    check_environment()
    opened = State(state)
    alarmed = False
    try:
        named = take.joined(pipeline)
        watched = Watch(opened, [spec for spec in (named, codec) if spec is not None])
        _require_same("--pipeline", named, watched.setup.pipeline)
        _require_same("--codec", codec, None if watched.setup.limits is None else watched.setup.limits.codec)
        for name, pixels in frames_of(raw, watched.setup.volume):
            line = watched.check(name, pixels)
            alarmed = alarmed or line["alarm"]
            typer.echo(json.dumps(line, ensure_ascii=True, allow_nan=False))
    finally:
        opened.close()
    if alarmed:
        raise typer.Exit(ALARM)


def _require_same(option: str, typed: str | None, fitted: str | None) -> None:
    if typed is not None and typed != fitted:
        raise InvalidOption(f"{option} {typed}", f"{visible(fitted or 'none')}, as in the state", f"leave {option} out, or fit again")


@watch.command(short_help="Show what was seen.", epilog=PAGE)
def report(
    state: StateFile,
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="DIR", help="Folder for watch.svg and watch.json.")] = None,
    last: Annotated[int, typer.Option(help="Latest frames that the offline test compares with the reference.")] = 100,
    calibration: Annotated[
        list[str] | None,
        typer.Option(metavar="DATE=FILE.nc", help="A calibration of the camera and its day, such as 2026-01-31=a.nc; repeat it."),
    ] = None,
    json: Json = False,
) -> None:
    """Show what a watch has seen, test the latest frames against the reference, and say when to calibrate again."""
    import dataclasses

    from sigmaraw.watch import State, intervals, summary
    from sigmaraw.watch.report import write

    if output is not None:
        check_folder(output)
    history = [_calibration(text) for text in calibration or []]
    opened = State(state)
    try:
        found = summary(opened, last)
        if history:
            found["recalibration"] = [dataclasses.asdict(row) for row in intervals(history)]
        path = write(opened, output, found) if output is not None else None
    finally:
        opened.close()
    if json:
        print_json(found)
        return
    first = "" if found["first_alarm"] is None else f", the first at frame {found['first_alarm']}"
    typer.echo(f"{found['frames']} frames after {found['reference']} of reference; {found['alarms']} with an alarm{first}")
    typer.echo(f"evidence of all tests together: 10^{found['log10_e_all']:.2f}; alarm from 10^{-math.log10(found['alpha']):.2f}")
    for name, test in found["offline"].items():
        what = test.get("undefined") or f"MMD² {test['mmd2']:.4g}, p {test['p']:.3g}, {test['p_adjusted']:.3g} by Holm"
        typer.echo(f"offline, {name}: {what}")
    for row in found.get("recalibration", []):
        drift = f"{row['drift']:+.2g} ± {row['drift_u']:.2g} {row['unit']} a day"
        typer.echo(f"calibrate anew within {row['days']:.0f} days for {row['quantity']} (drift {drift})")
    if path is not None:
        typer.echo(f"figure: {path}")


def _calibration(text: str) -> tuple[date, CameraProfile]:
    from sigmaraw.camera import CameraProfile

    try:
        day, path = take.pair(text)
        when = date.fromisoformat(day)
    except ValueError as error:  # as which InvalidOption counts too
        raise InvalidOption(f"--calibration {text}", "DATE=FILE.nc, such as 2026-01-31=a.nc", "correct it") from error
    return when, CameraProfile.from_netcdf(path)
