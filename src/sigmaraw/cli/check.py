"""sigmaraw check: whether the camera has changed since its last calibration."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Annotated

import typer

from sigmaraw.cli.shared import Json, print_json

CHANGED, UNDECIDED = 1, 3


def check(
    new: Annotated[Path, typer.Argument(metavar="NEW", help="New camera profile (netCDF).")],
    against: Annotated[Path, typer.Option(metavar="OLD", help="Camera profile to compare with.")],
    bound: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="Bound on the change of one quantity, in its unit or as 2% of the old value; repeat it."),
    ] = None,
    json: Json = False,
) -> None:
    """Test whether a camera has changed since its last calibration. Exit 0: the same within the bounds; 1: changed; 3: undecided."""
    from sigmaraw.camera import CameraProfile
    from sigmaraw.camera.comparison import FAIL, OPEN, compare, parse_bound

    bounds = dict(parse_bound(text) for text in bound or [])
    rows = compare(CameraProfile.from_netcdf(new), CameraProfile.from_netcdf(against), bounds)
    verdicts = [row.verdict for row in rows]
    changed, open_ = verdicts.count(FAIL), verdicts.count(OPEN)
    code = CHANGED if changed else UNDECIDED if open_ else 0
    if json:
        print_json([dataclasses.asdict(row) for row in rows])
        raise typer.Exit(code)
    typer.echo(f"{'quantity':<26} {'old':>14} {'new':>14} {'difference ± u':>24} {'bound':>10} {'unit':<6} verdict")
    for row in rows:
        u = "(not known)" if math.isnan(row.u) else f"{row.u:.2g}"
        change = "–" if math.isnan(row.difference) else f"{row.difference:+.3g} ± {u}"
        allowed = "–" if math.isnan(row.bound) else f"{row.bound:.3g}"
        values = f"{_number(row.old):>14} {_number(row.new):>14} {change:>24} {allowed:>10}"
        typer.echo(f"{row.name:<26} {values} {row.unit:<6} {row.verdict}")
    typer.echo(
        f"\n{len(rows)} quantities: {len(rows) - changed - open_} the same within their bounds, {changed} changed, {open_} undecided"
    )
    raise typer.Exit(code)


def _number(value: float) -> str:
    """Return a number, or words where there is none."""
    return "not determined" if math.isnan(value) else f"{value:.5g}"
