"""sigmaraw rician: σ of the Rician noise of magnitude images, from a region without signal or from repeats."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Annotated, Any

import typer

from sigmaraw.cli import options as take
from sigmaraw.cli.shared import Json, print_json
from sigmaraw.errors import InvalidOption, ShapeMismatch


def rician(
    raw: Annotated[
        list[Path], typer.Argument(metavar="RAW…", help="Magnitude images, in any format that `sigmaraw formats` lists; each a repeat.")
    ],
    background: Annotated[
        str | None, typer.Option(metavar="Y:Y,X:X", help="Rows and columns of a region of air, px, first included, last not.")
    ] = None,
    repeats: Annotated[bool, typer.Option("--repeats", help="The frames of all files are repeats of one scan of a static object.")] = False,
    volume: take.Volume = False,
    channel: take.Channel = None,
    time: take.Time = None,
    series: take.Series = None,
    json: Json = False,
) -> None:
    """Estimate σ of the noise of magnitude images (MRI), and print what --camera takes."""
    import numpy as np

    from sigmaraw.frames import read_frames
    from sigmaraw.noise.rician import RicianNoise
    from sigmaraw.noise.rician_sigma import sigma_from_background, sigma_from_repeats

    if (background is None) != repeats:
        found = "both --background and --repeats" if repeats else "neither --background nor --repeats"
        raise InvalidOption(found, "one of the two", "name a region of air, or give repeats of one scan")
    stacks = [read_frames(path, volume=volume, signed=True) for path in take.selected(raw, channel, time, series)]
    for frames in stacks:
        RicianNoise.stated(1.0).of_image(frames.bits, frames.shift)
    if len({frames.data.shape[1:] for frames in stacks}) > 1:
        raise ShapeMismatch("images of several shapes", "one shape", "give the files of each shape by themselves")
    data = np.concatenate([frames.data for frames in stacks])
    estimate = sigma_from_repeats(data) if background is None else sigma_from_background(data[_region(background, data.shape)])
    if json:
        print_json({**dataclasses.asdict(estimate), "camera": estimate.spec})
        return
    typer.echo(f"σ = {estimate.sigma_dn:.5g} ± {estimate.se_dn:.2g} DN, from {estimate.pixels} pixels ({estimate.how})")
    typer.echo(f"--camera {estimate.spec}")


def _region(text: str, shape: tuple[int, ...]) -> Any:
    """Return the index of ``Y:Y,X:X`` in images of this shape (frame, …, y, x). Raises InvalidOption."""
    found = re.fullmatch(r"(\d+):(\d+),(\d+):(\d+)", text.replace(" ", ""))
    if found is None:
        raise InvalidOption(f"--background {text}", "Y:Y,X:X, such as 0:32,0:32", "give the first and the last row and column")
    top, bottom, left, right = map(int, found.groups())
    if not (top < bottom <= shape[-2] and left < right <= shape[-1]):
        raise InvalidOption(f"--background {text} of an image of {shape[-2]} × {shape[-1]} px", "a region inside it", "correct the region")
    return (..., slice(top, bottom), slice(left, right))
