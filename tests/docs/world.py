"""What a reader of the docs has at hand: frames of a camera, images, repeats, a volume and a network, all small."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tifffile

import sigmaraw as sr
from tests.pipelines.make_models import onnx_blur

GAIN, OFFSET, READ = 0.5, 100.0, 2.0  # DN/e-, DN, e-
SHAPE = (64, 64)
SEED = 12


def make_world(folder: Path) -> None:
    """Write series/, darks/ and flats/, camera.nc, today.nc, reference.nc, image.tif, raw/, masks/, repeats.tif, volume.npy and more.

    ct.nii.gz is a volume in Hounsfield units, mri.tif a magnitude image, mri-repeats.tif repeats of it, nuclei.onnx a network.

    Frames follow round(o + K(n + r)) with NumPy's own samplers; 12 bit, 64 × 64 px.
    """
    random = np.random.default_rng(SEED)
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    spots = sum(300 * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / 18) for cy, cx in ((14, 14), (14, 46), (46, 20), (48, 48)))

    def expose(electrons: np.ndarray | float, count: int | None = None) -> np.ndarray:
        light = np.broadcast_to(electrons, SHAPE if count is None else (count, *SHAPE))
        frames = random.poisson(light) + random.normal(0, READ, light.shape)
        return np.clip(np.rint(OFFSET + GAIN * frames), 0, 4095).astype(np.uint16)

    for kind, levels, frames in (("dark", [0.0], 16), ("flat", [200.0, 800.0, 1800.0, 3200.0, 5000.0, 6500.0, 8200.0, 9000.0], 4)):
        (folder / "series" / kind).mkdir(parents=True)
        for number, level in enumerate(levels):
            tifffile.imwrite(folder / "series" / kind / f"level-{number:02}.tif", expose(level, frames), photometric="minisblack")
    for name in ("darks", "flats", "raw"):
        (folder / name).mkdir()
    for repeat in range(8):
        tifffile.imwrite(folder / "darks" / f"dark-{repeat}.tif", expose(0.0))
    for exposure_ms in (1, 4, 8, 12, 16, 20, 24):
        for repeat in range(2):
            tifffile.imwrite(folder / "flats" / f"{exposure_ms}ms_{repeat}.tif", expose(400.0 * exposure_ms))
    tifffile.imwrite(folder / "image.tif", expose(10 + spots))
    for number in range(6):
        tifffile.imwrite(folder / "raw" / f"cells-{number}.tif", expose(10 + spots))
    tifffile.imwrite(folder / "repeats.tif", expose(10 + spots, 8), photometric="minisblack")
    np.save(folder / "volume.npy", np.stack([expose(10 + share * spots) for share in (0.5, 1.0, 0.7)]))
    for name in ("camera", "today", "reference"):
        sr.CameraProfile.from_values(gain=GAIN, offset=OFFSET, read_noise=READ, bits=12).to_netcdf(folder / f"{name}.nc")
    onnx_blur(folder / "nuclei.onnx")
    (folder / "masks").mkdir()
    for name in ("image", *(f"cells-{number}" for number in range(6))):
        tifffile.imwrite(folder / "masks" / f"{name}.tif", (spots > 60).astype(np.uint8))
    _ct(folder / "ct.nii.gz", random)
    _mri(folder, np.random.default_rng(SEED + 1))


def _mri(folder: Path, random: np.random.Generator) -> None:
    """Write mri.tif, a magnitude image with σ = 12 DN and air at its edges, and mri-repeats.tif, 6 repeats of it."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    amplitude = 150.0 * (np.hypot(y - 32, x - 32) < 20) + 150.0 * (np.hypot(y - 28, x - 26) < 7)
    noisy = np.hypot(amplitude + random.normal(0, 12, (7, *SHAPE)), random.normal(0, 12, (7, *SHAPE)))
    tifffile.imwrite(folder / "mri.tif", np.rint(noisy[0]).astype(np.uint16))
    tifffile.imwrite(folder / "mri-repeats.tif", np.rint(noisy[1:]).astype(np.uint16), photometric="minisblack")


def _ct(path: Path, random: np.random.Generator) -> None:
    """Write 4 slices of a bright cylinder in Hounsfield units, int16."""
    import nibabel

    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    inside = np.hypot(y - 30, x - 34) < 20
    volume = np.where(inside, 60.0, -980.0) + random.normal(0, 12, (4, *SHAPE))
    nibabel.save(nibabel.Nifti1Image(np.rint(volume).astype(np.int16).T, np.diag([2.0, 2.0, 3.0, 1.0])), path)
