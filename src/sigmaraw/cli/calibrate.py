"""sigmaraw calibrate: dark and flat frames → camera profile."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def calibrate(
    series: Annotated[Path, typer.Argument(metavar="SERIES", help="Folder with dark/ and flat/, or an EMVA 1288 descriptor file.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE.nc", help="Where the camera profile (netCDF) goes.")],
    bits: Annotated[int | None, typer.Option(help="Bit depth of the camera; default: metadata, else the container's.")] = None,
    taps: Annotated[
        str | None, typer.Option(metavar="ROWSxCOLUMNS", help="Calibrate each region of a multi-tap sensor too, as 2x2.")
    ] = None,
    cfa: Annotated[str | None, typer.Option(metavar="LETTERS", help="Calibrate each plane of a colour filter array too, as RGGB.")] = None,
    report: Annotated[Path | None, typer.Option(metavar="DIR", help="Also write a datasheet (HTML) into this folder.")] = None,
) -> None:
    """Calibrate a camera by photon transfer: gain, offset, noise and saturation, each with its standard error."""
    from sigmaraw.camera import calibrate as run
    from sigmaraw.cli.camera import check_output, print_profile
    from sigmaraw.cli.progress import Progress
    from sigmaraw.cli.shared import check_folder

    check_output(output)
    if report is not None:
        check_folder(report)
    with Progress() as progress:
        profile = run(series, bits=bits, taps=taps, cfa=cfa, progress=progress)
    profile.to_netcdf(output)
    print_profile(profile)
    typer.echo(f"\nprofile: {output}")
    if report is not None:
        from sigmaraw.reports.datasheet import write_datasheet

        page = write_datasheet({**profile.summary(), "path": str(output)}, report, profile.figures())
        typer.echo(f"datasheet: {page}")
