"""sigmaraw plan-calibration: what a series of so many levels, pairs and pixels will determine, and how well."""

from __future__ import annotations

from typing import Annotated

import typer

from sigmaraw.cli.shared import Json, print_json
from sigmaraw.errors import InvalidOption


def plan_calibration(
    gain: Annotated[float, typer.Option(help="Expected system gain, DN per electron.")],
    read_noise: Annotated[float, typer.Option(help="Expected read noise, e-.")],
    bits: Annotated[int, typer.Option(help="Bit depth, 1 to 16.")],
    shape: Annotated[str, typer.Option(metavar="YxX", help="Rows and columns of a frame, px.")] = "512x512",
    levels: Annotated[int, typer.Option(help="Flat levels, evenly from 3 to 110 % of saturation.")] = 20,
    pairs: Annotated[int, typer.Option(help="Pairs of frames at each flat level.")] = 1,
    dark_frames: Annotated[int, typer.Option(help="Frames of each dark level.")] = 16,
    dark_ms: Annotated[str, typer.Option(metavar="MS,MS…", help="Exposure times of the dark levels, ms; the flats have the first.")] = "10",
    stack: Annotated[int, typer.Option(help="Frames of the flat level near half saturation, for PRNU and maps.")] = 16,
    offset: Annotated[float, typer.Option(help="Expected dark level, DN.")] = 100.0,
    saturation: Annotated[float | None, typer.Option(help="Expected saturation, DN; default: full scale.")] = None,
    prnu: Annotated[float, typer.Option(help="Expected PRNU, %.")] = 0.5,
    dsnu: Annotated[float, typer.Option(help="Expected DSNU, e-.")] = 0.5,
    dark_current: Annotated[float, typer.Option(help="Expected dark current, e-/s.")] = 0.0,
    json: Json = False,
) -> None:
    """Forecast the standard error of every quantity for a calibration series, before any frame is taken."""
    from sigmaraw.camera import SeriesPlan, forecast
    from sigmaraw.quantities import TABLE

    plan = SeriesPlan(
        shape=_sides(shape), gain=gain, read_noise_e=read_noise, bits=bits, levels=levels, pairs=pairs, dark_frames=dark_frames,
        dark_exposures_ms=_times(dark_ms), stack=stack, offset_dn=offset, saturation_dn=saturation, prnu_percent=prnu, dsnu_e=dsnu,
        dark_current_e_per_s=dark_current,
    )  # fmt: skip
    found = forecast(plan)
    if json:
        print_json(
            {
                "frames": plan.frames,
                "levels": plan.levels,
                "levels_used": found.levels_used,
                "quantities": {
                    name: {"expected": estimate.value, "se": estimate.se, "unit": TABLE[name].unit, "not_determined": estimate.reason}
                    for name, estimate in found.estimates.items()
                },
                "one_pixel": dict(found.pixel),
            }
        )
        return
    typer.echo(f"{plan.frames} frames; {found.levels_used} of {plan.levels} flat levels lie in the range of the gain fit")
    typer.echo(f"  {'quantity':<26} {'expected':>12} {'standard error':>16} {'relative':>10} unit")
    for name, estimate in found.estimates.items():
        if estimate.reason is not None:
            typer.echo(f"  {name:<26} {'not determined':>12}: {estimate.reason}")
            continue
        known = abs(estimate.value) > estimate.se
        relative = f"{100 * estimate.se / abs(estimate.value):.2g} %" if known else "-"
        shown = f"{estimate.value:.5g}" if abs(estimate.value) > 1e-9 else "0"
        typer.echo(f"  {name:<26} {shown:>12} {estimate.se:>16.2g} {relative:>10} {TABLE[name].unit}")
    noise, gain_error = (100 * found.pixel[name] for name in ("read_noise", "gain"))
    typer.echo(f"  one pixel: offset ± {found.pixel['offset']:.2g} DN, read noise ± {noise:.2g} %, gain ± {gain_error:.2g} %")
    typer.echo("given a straight transfer curve, equal pixels and a steady lamp")


def _sides(text: str) -> tuple[int, int]:
    parts = text.lower().split("x")
    if len(parts) != 2 or not all(part.isdecimal() and len(part) < 7 for part in parts):
        raise InvalidOption(f"--shape {text[:40]}", "pixels as YxX", "give e.g. 512x512")
    return int(parts[0]), int(parts[1])


def _times(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise InvalidOption(f"--dark-ms {text[:40]}", "times in ms, separated by commas", "give e.g. 10,1000,4000") from error
