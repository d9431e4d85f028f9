"""sigmaraw demo: the whole path on a virtual camera, with nothing but the installed package."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sigmaraw.cli.machine import check_environment
from sigmaraw.cli.shared import Json, check_folder
from sigmaraw.cli.validate import finish
from sigmaraw.progress import Progress

CODECS = (
    "lossless",
    "noiseaware:q=1",
    "jpegls:near=2",
    "jpegxl:distance=1",
    "jpeg2000:ratio=10",
    "to8bit:minmax",
    "to8bit:minmax+jpeg:quality=80",
)
SEED = 1288


def demo(
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Folder for the frames, the profile and the report.")
    ] = Path("sigmaraw-demo"),
    n: Annotated[int, typer.Option("-n", help="Replicas per group.")] = 50,
    json: Json = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
) -> None:
    """Calibrate a virtual camera, then validate seven codecs on its images with the shipped U-Net."""
    from sigmaraw.camera import calibrate
    from sigmaraw.cli.camera import print_profile
    from sigmaraw.study import Plan, run
    from sigmaraw.virtual.demo import demo_inputs

    def say(line: str) -> None:
        if not json:
            typer.echo(line)

    check_folder(output)
    check_environment()
    folder = output.absolute()
    plan = Plan(CODECS, "unet-demo", n=n, seed=SEED)
    say("1. A virtual camera takes dark and flat frames, and images of cells")
    inputs = demo_inputs(folder, SEED)
    say("2. Calibration by photon transfer")
    profile = calibrate(inputs.series)
    path = folder / "camera.nc"
    profile.to_netcdf(path)
    if not json:
        print_profile(profile)
    say(f"3. Validation of {len(CODECS)} codecs on {len(inputs.images)} images, {n} replicas per group")
    with Progress(quiet) as progress:
        record = run(plan, inputs.images, path, progress=progress)
    finish(record, folder, output, json)
