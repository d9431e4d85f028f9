"""sigmaraw calibrate: dark and flat frames → camera profile."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sigmaraw.cli.shared import Json, print_json


def calibrate(
    series: Annotated[Path, typer.Argument(metavar="SERIES", help="Folder with dark/ and flat/, or an EMVA 1288 descriptor file.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE.nc", help="Where the camera profile (netCDF) goes.")],
    bits: Annotated[int | None, typer.Option(help="Bit depth of the camera; default that of the metadata, else of the container.")] = None,
    taps: Annotated[
        str | None, typer.Option(metavar="ROWSxCOLUMNS", help="Also calibrate each readout region of a sensor with several, such as 2x2.")
    ] = None,
    cfa: Annotated[
        str | None, typer.Option(metavar="LETTERS", help="Also calibrate each plane of a colour filter array, such as RGGB.")
    ] = None,
    report: Annotated[Path | None, typer.Option(metavar="DIR", help="Also write a datasheet (HTML) into this folder.")] = None,
    json: Json = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
) -> None:
    """Calibrate a camera by photon transfer: gain, offset, noise and saturation, each with its standard error."""
    from sigmaraw.camera import calibrate as run
    from sigmaraw.cli.camera import check_output, print_profile
    from sigmaraw.cli.shared import check_folder
    from sigmaraw.progress import Progress

    check_output(output)
    if report is not None:
        check_folder(report)
    with Progress(quiet) as progress:
        profile = run(series, bits=bits, taps=taps, cfa=cfa, progress=progress)
    profile.to_netcdf(output)
    page = None
    if report is not None:
        from sigmaraw.reports.datasheet import write_datasheet

        page = write_datasheet({**profile.summary(), "path": str(output)}, report, profile.figures())
    if json:
        print_json({**profile.summary(), "profile": str(output), "datasheet": None if page is None else str(page)})
        return
    print_profile(profile)
    typer.echo(f"\nprofile: {output}")
    if page is not None:
        typer.echo(f"datasheet: {page}")
