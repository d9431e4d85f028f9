"""sigmaraw calibrate: dark and flat frames → camera profile."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sigmaraw.cli.shared import Json, print_json
from sigmaraw.errors import InvalidOption

if TYPE_CHECKING:
    from sigmaraw.camera import CameraProfile
    from sigmaraw.frames import Series
    from sigmaraw.reports.lab import Lab


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
    dcc: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.xml", help="Also write a Digital Calibration Certificate (PTB's DCC 3.3.0) that names the profile by its hash."
        ),
    ] = None,
    template: Annotated[
        Path | None, typer.Option(metavar="TOML", help="The laboratory's name, number and operator, for datasheet and certificate.")
    ] = None,
    json: Json = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
) -> None:
    """Calibrate a camera by photon transfer: gain, offset, noise and saturation, each with its standard error."""
    from sigmaraw.camera import calibrate as run
    from sigmaraw.cli.camera import check_output, print_profile
    from sigmaraw.cli.shared import check_folder
    from sigmaraw.progress import Progress
    from sigmaraw.reports.lab import read_lab

    check_output(output)
    if dcc is not None and dcc.is_dir():
        raise InvalidOption(f"certificate {dcc} is a folder", "a file name such as camera.xml", "add a file name to it")
    lab = read_lab(template)  # a fault in it must not cost a calibration
    if report is not None:
        check_folder(report)
    with Progress(quiet) as progress:
        profile = run(_source(series, dark or [], flat or [], bits), bits=bits, taps=taps, cfa=cfa, progress=progress)
    profile.to_netcdf(output)
    if dcc is not None:
        _write_certificate(profile, output, dcc, lab)
    page = None
    if report is not None:
        from sigmaraw.reports.datasheet import write_datasheet

        page = write_datasheet({**profile.summary(), "path": str(output)}, report, profile.figures(), lab, pdf=True)
    if json:
        print_json(
            {
                **profile.summary(),
                "profile": str(output),
                "datasheet": None if page is None else str(page),
                "certificate": None if dcc is None else str(dcc),
            }
        )
        return
    print_profile(profile)
    typer.echo(f"\nprofile: {output}")
    if page is not None:
        typer.echo(f"datasheet: {page}")
    if dcc is not None:
        typer.echo(f"certificate: {dcc}")
        if template is None:
            typer.echo("  laboratory, country, customer and signer are not stated: give --template lab.toml before it leaves the house")


def _write_certificate(profile: CameraProfile, output: Path, dcc: Path, lab: Lab) -> None:
    """Write the profile as a Digital Calibration Certificate; what the template does not state is called so."""
    from sigmaraw.files import atomic_path, sha256_of_file
    from sigmaraw.reports.certificate import Parties, certificate

    fields = {name.lower(): text for name, text in lab.fields.items()}
    parties = Parties(
        laboratory=lab.letterhead.laboratory,
        city=fields.get("city", ""),
        country=fields.get("country", ""),
        signer=lab.operator,
        customer=fields.get("customer", ""),
        number=lab.number,
    )
    made = certificate(profile.summary(), parties, profile=output.name, sha256=sha256_of_file(output))
    with atomic_path(dcc) as temporary:
        temporary.write_bytes(made)


def _source(series: Path | None, dark: list[str], flat: list[str], bits: int | None) -> Path | Series:
    """Return what is calibrated: the folder, or the series that patterns find. Raises InvalidOption for both or neither."""
    if series is not None and not dark and not flat:
        return series
    if series is not None or not dark or not flat:
        found = "a SERIES and patterns" if series is not None else "no SERIES" if not dark and not flat else "patterns of one kind only"
        raise InvalidOption(found, "a SERIES folder, or both --dark and --flat", "give one of the two")
    from sigmaraw.frames import read_patterns

    return read_patterns(dark, flat, bits=bits)
