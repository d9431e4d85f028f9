"""sigmaraw camera: a profile from datasheet values; and how profiles are printed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sigmaraw.cli.shared import Json, print_json
from sigmaraw.errors import InvalidOption
from sigmaraw.reports.numbers import measured

if TYPE_CHECKING:
    from sigmaraw.camera import CameraProfile


def camera(
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE.nc", help="Where the camera profile (netCDF) goes.")],
    offset: Annotated[float, typer.Option(help="Mean dark level, DN.")],
    read_noise: Annotated[float, typer.Option(help="Read noise, electrons, root mean square over pixels.")],
    bits: Annotated[int, typer.Option(help="Bit depth, 1 to 16.")],
    gain: Annotated[float | None, typer.Option(help="System gain, DN per electron.")] = None,
    conversion_factor: Annotated[
        float | None, typer.Option(help="Electrons per DN, the inverse of the gain, as many datasheets give it.")
    ] = None,
    json: Json = False,
) -> None:
    """Write a camera profile from stated values. The profile is marked "not calibrated", and every report says so."""
    from sigmaraw.camera import CameraProfile

    if (gain is None) == (conversion_factor is None):
        found = "neither --gain nor --conversion-factor" if gain is None else "both --gain and --conversion-factor"
        raise InvalidOption(found, "one of the two", "give --gain in DN/e-, or --conversion-factor in e-/DN")
    if conversion_factor is not None:
        if not conversion_factor > 0:
            raise InvalidOption(f"--conversion-factor {conversion_factor}", "a positive number of e-/DN", "correct it")
        gain = 1 / conversion_factor
    assert gain is not None
    check_output(output)
    profile = CameraProfile.from_values(gain=gain, offset=offset, read_noise=read_noise, bits=bits)
    profile.to_netcdf(output)
    if json:
        print_json({**profile.summary(), "profile": str(output)})
        return
    typer.echo(f"gain {gain:.6g} DN/e- (conversion factor {1 / gain:.6g} e-/DN)")
    print_profile(profile)
    typer.echo(f"\nprofile: {output}")


def check_output(path: Path) -> None:
    """Refuse an output that cannot be a netCDF file before any work is done."""
    if path.suffix != ".nc":
        raise InvalidOption(f"output {path}", "a name that ends in .nc", "choose such a name with -o")
    if path.is_dir():
        raise InvalidOption(f"output {path} is a folder", "a file name", "add a file name to it")


TAP_ROWS = ("gain", "offset", "dark_noise", "read_noise", "dark_current", "saturation", "prnu", "dsnu", "photon_transfer_chi2")


def _print_taps(taps: dict[str, Any] | None) -> None:
    """Print the taps side by side, for the quantities in which taps are known to differ; the profile holds all."""
    if taps is None:
        return
    typer.echo(f"  {taps['layout']:<26} " + "".join(f"{label:<22}" for label in taps["labels"]))
    for name in TAP_ROWS:
        row = taps["scalars"].get(name)
        if row is None or not any(value is not None for value in row["value"]):
            continue
        cells = [
            "not determined" if value is None else f"{value:.5g}" + ("" if se is None else f" ± {se:.2g}")
            for value, se in zip(row["value"], row["se"], strict=True)
        ]
        typer.echo(f"  {name:<26} " + "".join(f"{cell:<22}" for cell in cells) + row["unit"])


def headline(summary: dict[str, Any]) -> str:
    """Return the answer in one line: gain in both directions, read noise, and whether the checks accept the series."""
    gain, noise = (summary["scalars"][name] for name in ("gain", "read_noise"))
    if gain["value"] is None:
        return "K not determined for all pixels together: see the taps"
    inverse = 1.0 / gain["value"]
    error = None if gain["se"] is None else gain["se"] * inverse**2
    failed = [row["name"] for row in summary["checks"] if row["outcome"] == "fail"]
    if not summary["calibrated"]:
        verdict = "stated, not calibrated"
    elif failed:
        verdict = f"not accepted, {len(failed)} check{'s fail' if len(failed) > 1 else ' fails'} ({', '.join(failed)})"
    else:
        verdict = "accepted"
    read = "not determined" if noise["value"] is None else f"{measured(noise['value'], noise['se'])} e⁻"
    return f"K = {measured(gain['value'], gain['se'])} DN/e⁻ ({measured(inverse, error)} e⁻/DN), read noise {read}: {verdict}"


def print_profile(profile: CameraProfile) -> None:
    """Print every scalar with standard error, unit and definition, then the checks and the notes."""
    summary = profile.summary()
    typer.echo(headline(summary))
    low, high = summary["valid_range_dn"]
    kind = "calibrated from frames" if summary["calibrated"] else "stated values, NOT CALIBRATED"
    typer.echo(f"{kind}; {summary['bits']} bit; valid from {low} to {high} DN")
    transfer = summary["transfer"]
    if transfer["model"] is not None:
        end = "" if transfer["linear_to_dn"] is None else f", straight only up to {transfer['linear_to_dn']:.0f} DN"
        others = ", ".join(f"{name} {value:.1f}" for name, value in transfer["bic"].items())
        typer.echo(f"transfer model: {transfer['model']}{end} (BIC: {others})")
    for name, row in summary["scalars"].items():
        value = measured(row["value"], row["se"]) or "not determined"
        error = "" if row["value"] is None else " ± (not stated)" if row["se"] is None else f" ± {row['se']:.2g}"
        limit = f" (flagged: {row['flag']}, at most {row['upper_limit']:.3g})" if "upper_limit" in row and "flag" in row else ""
        typer.echo(f"  {name:<26} {value + error:<26} {row['unit']:<6} {row['definition']}{limit}")
    for row in summary["pixel_classes"]:
        count = "not determined" if row["count"] is None else f"{row['count']} ({100 * row['fraction']:.3g} %)"
        reason = "" if row["not_determined"] is None else f" ({row['not_determined']})"
        typer.echo(f"  pixels {row['name']:<19} {count:<26} {'px':<6} {row['definition']}{reason}")
    _print_taps(summary.get("taps"))
    for row in summary["checks"]:
        typer.echo(f"  check {row['name']:<20} {row['outcome'].upper():<8} {row['evidence']}")
    for note in summary["notes"]:
        typer.echo(f"  note: {note}")
