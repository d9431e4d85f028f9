"""What `sigmaraw demo` works on: a small calibration series and two images of cells, all from one virtual camera."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from sigmaraw.virtual.camera import VirtualCamera
from sigmaraw.virtual.scenes import Scene, nuclei_scene
from sigmaraw.virtual.series import write_frames, write_series

EXPOSURE_MS = 10.0


@dataclass(frozen=True)
class DemoInputs:
    """Paths written, and the truth behind them.

    Parameters
    ----------
    series : Path
        The folder of dark and flat frames.
    images : tuple of Path
        Files of one frame each.
    camera : VirtualCamera
        What took them.
    scenes : tuple of Scene
        What they show, in the same order.
    """

    series: Path
    images: tuple[Path, ...]
    camera: VirtualCamera
    scenes: tuple[Scene, ...]


def demo_camera(seed: int) -> VirtualCamera:
    """Return a 12-bit sCMOS-like camera, 256 × 256 px, 0.46 DN/e-, 1.6 e- read noise with a heavy tail."""
    return VirtualCamera(shape=(256, 256), gain=0.46, offset_dn=100.0, read_noise_e=1.6, read_noise_tail=0.4, seed=seed)


def demo_inputs(folder: str | os.PathLike[str], seed: int = 0) -> DemoInputs:
    """Write `folder`/series (SERIES: 12 flat levels × 4 frames, 16 darks) and `folder`/raw/cells-0.tif, cells-1.tif.

    The first image is well lit (400 e- above a background of 25 e-), the second is dim (60 e- above 8 e-).

    Parameters
    ----------
    folder : str or path-like
        Where the frames are written.
    seed : int, default 0
        Seed of camera, scenes and noise.

    Raises
    ------
    InvalidOption
        The folder holds another series.
    """
    folder = Path(folder)
    camera = demo_camera(seed)
    series = write_series(camera, folder / "series", 12, 4, 16, seed, exposure_ms=EXPOSURE_MS)
    scenes, images = [], []
    for index, (peak_e, background_e, n_cells) in enumerate(((400.0, 25.0, 34), (60.0, 8.0, 26))):
        scene = nuclei_scene(camera.shape, n_cells, peak_e, background_e, seed + index)
        (frame,) = camera.acquire(scene.mean_e, 1, [seed, 1000 + index], exposure_s=EXPOSURE_MS / 1000)
        images.append(write_frames(folder / "raw" / f"cells-{index}.tif", frame, camera.bits))
        scenes.append(scene)
    return DemoInputs(series, tuple(images), camera, tuple(scenes))
