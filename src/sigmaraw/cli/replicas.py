"""sigmaraw replicas: a raw image → raw-equivalent noise replicas."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sigmaraw.cli import options as take
from sigmaraw.cli.machine import check_environment
from sigmaraw.cli.shared import parse_roi
from sigmaraw.errors import InvalidOption
from sigmaraw.progress import Progress

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def replicas(
    raw: Annotated[Path, typer.Argument(metavar="RAW", help="TIFF, .npy, FITS or Zarr file, or what `sigmaraw formats` lists.")],
    camera: Annotated[
        Path,
        typer.Option(metavar="FILE.nc|rician:…", help="Camera profile, as calibrate or camera writes it; or rician:sigma=DN."),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="Where the replicas go: a name that ends in .tif, .nc or .zarr.")
    ],
    n: Annotated[int, typer.Option("-n", help="Number of replicas.")] = 64,
    mode: Annotated[str | None, typer.Option(help=take.DRAW_HELP)] = None,
    seed: Annotated[int, typer.Option(help="Study seed, 0 to 2^64 - 1.")] = 0,
    frame: Annotated[int, typer.Option(help="Number of the frame in a stack, from 0.")] = 0,
    roi: Annotated[
        str | None, typer.Option(metavar="Y,X", help="Corner of the image in the camera's full frame, px, for an image that is a cut-out.")
    ] = None,
    scalars: Annotated[bool, typer.Option("--scalars", help="Use the camera's mean values in place of its maps.")] = False,
    volume: Annotated[
        bool, typer.Option("--volume", help="Read the pages of the file as the slices (z) of one volume, not as frames.")
    ] = False,
    channel: take.Channel = None,
    time: take.Time = None,
    series: take.Series = None,
    quiet: take.Quiet = False,
) -> None:
    """Draw replicas: frames that the camera could have delivered in place of RAW."""
    from sigmaraw.camera import CameraProfile
    from sigmaraw.frames import read_frames
    from sigmaraw.noise import DEFAULT_MODE, RicianNoise, is_rician, iter_replicas, replica_mode, rician_of
    from sigmaraw.noise.export import check_format, write_replicas, write_slabs
    from sigmaraw.noise.replicas import iter_slabs

    mode = mode or DEFAULT_MODE
    check_format(output)
    repeats = replica_mode(mode).needs_repeats
    magnitudes = is_rician(camera)
    profile = rician_of(camera) if magnitudes else CameraProfile.from_netcdf(camera)
    frames = read_frames(take.selected([raw], channel, time, series)[0], volume=volume, signed=magnitudes)
    if isinstance(profile, RicianNoise):
        profile = profile.of_image(frames.bits, frames.shift)
    if not 0 <= frame < len(frames):
        raise InvalidOption(f"--frame {frame} of a file with {len(frames)}", f"a number from 0 to {len(frames) - 1}", "correct --frame")
    image = frames.data if repeats else frames.data[frame]
    options: dict[str, Any] = {"mode": mode, "seed": seed, "roi": parse_roi(roi), "scalars": scalars}
    attributes = {"mode": mode, "seed": str(seed), "source_sha256": frames.files[0].sha256}
    check_environment()
    with Progress(quiet) as progress:
        if volume:
            shape = frames.frame_shape
            slabs = progress.count(iter_slabs(image, profile, n, **options), n * shape[0], "planes", lambda slab: _planes(slab.block))
            written = write_slabs(output, slabs, n, shape, attributes)
        else:
            blocks = progress.count(iter_replicas(image, profile, n, **options), n, "replicas")
            written = write_replicas(output, blocks, n, attributes)
    typer.echo(f"{n} replicas by {mode}, seed {seed}: {written}")


def _planes(block: NDArray[np.integer]) -> int:
    return block.shape[0] * block.shape[1]
