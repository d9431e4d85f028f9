"""sigmaraw calibrate: dark and flat frames → camera profile."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sigmaraw.cli.shared import Json, print_json
from sigmaraw.errors import InvalidOption

if TYPE_CHECKING:
    from sigmaraw.frames import Series


def calibrate(
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE.nc", help="Where the camera profile (netCDF) goes.")],
    series: Annotated[
        Path | None, typer.Argument(metavar="SERIES", help="Folder with dark/ and flat/, or an EMVA 1288 descriptor file.")
    ] = None,
    dark: Annotated[
        list[str] | None,
        typer.Option(metavar="PATTERN", help="Dark frames, in place of SERIES: files, folders or patterns such as '{exposure}ms_*.tif'."),
    ] = None,
    flat: Annotated[list[str] | None, typer.Option(metavar="PATTERN", help="Flat frames, in the same way.")] = None,
    bits: Annotated[
        int | None, typer.Option(help="Bit depth of the camera; default: that of the metadata, else that of the pixel type.")
    ] = None,
    taps: Annotated[
        str | None,
        typer.Option(metavar="ROWSxCOLUMNS", help="Also calibrate each readout region (tap) of a multi-tap sensor, such as 2x2."),
    ] = None,
    cfa: Annotated[
        str | None, typer.Option(metavar="LETTERS", help="Also calibrate each plane of a colour filter array, such as RGGB.")
    ] = None,
    report: Annotated[Path | None, typer.Option(metavar="DIR", help="Also write a datasheet (HTML and PDF) into this folder.")] = None,
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
        profile = run(_source(series, dark or [], flat or [], bits), bits=bits, taps=taps, cfa=cfa, progress=progress)
    profile.to_netcdf(output)
    page = None
    if report is not None:
        from sigmaraw.reports.datasheet import write_datasheet

        page = write_datasheet({**profile.summary(), "path": str(output)}, report, profile.figures(), formats=("html", "pdf"))
    if json:
        print_json({**profile.summary(), "profile": str(output), "datasheet": None if page is None else str(page)})
        return
    print_profile(profile)
    typer.echo(f"\nprofile: {output}")
    if page is not None:
        typer.echo(f"datasheet: {page}")


def _source(series: Path | None, dark: list[str], flat: list[str], bits: int | None) -> Path | Series:
    """Return what is calibrated: the folder, or the series that patterns find. Raises InvalidOption for both or neither."""
    if series is not None and not dark and not flat:
        return series
    if series is not None or not dark or not flat:
        found = "a SERIES and patterns" if series is not None else "no SERIES" if not dark and not flat else "patterns of one kind only"
        raise InvalidOption(found, "a SERIES folder, or both --dark and --flat", "give one of the two")
    from sigmaraw.frames import read_patterns

    return read_patterns(dark, flat, bits=bits)
