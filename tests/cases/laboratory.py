"""What the cases share: frames of one small sensor, and a series on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tifffile

GAIN, OFFSET, READ, SHAPE, FULL = 0.5, 100.0, 4.0, (64, 80), 4095  # DN/e⁻, DN, e⁻, px, DN
LEVELS = (200, 500, 1000, 1500, 2000, 2500, 3000, 3500, 4000, 4500, 5000, 5500, 6000, 6500, 7000, 7400)  # e⁻
_FIXED = np.random.default_rng(1)
PATTERN, RESPONSE = _FIXED.normal(OFFSET, 1.0, SHAPE), 1 + 0.01 * _FIXED.standard_normal(SHAPE)  # DSNU 2 e⁻, PRNU 1 %


def analog(rng: np.random.Generator, electrons: float | np.ndarray, count: int, response: np.ndarray = RESPONSE) -> np.ndarray:
    """Frames before the converter, DN."""
    light = rng.poisson(np.broadcast_to(electrons * response, (count, *SHAPE)))
    return np.asarray(GAIN * (light + READ * rng.standard_normal((count, *SHAPE))) + PATTERN)


def convert(signal: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(signal), 0, FULL).astype(np.uint16)


def frames(rng: np.random.Generator, electrons: float | np.ndarray, count: int = 1) -> np.ndarray:
    return convert(analog(rng, electrons, count))


def spots(rng: np.random.Generator) -> np.ndarray:
    """One frame of four bright spots."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    scene = np.full(SHAPE, 100.0)
    for cy, cx in ((15, 20), (40, 50), (50, 15), (20, 60)):
        scene += 1500 * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / 30)
    return frames(rng, scene)[0]


def write(path: Path, data: np.ndarray, **options: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, data, **{"photometric": "minisblack", "metadata": None, **options})
    return path


def table(root: Path, levels: tuple[float, ...] = LEVELS) -> str:
    rows = [f"flat/l{index:02}.tif,flat,{level / 100}" for index, level in enumerate(levels)]
    return "\n".join(["path,kind,exposure_ms", "dark/dark.tif,dark,10", *rows, ""])


def series(root: Path, dark: np.ndarray, flats: list[np.ndarray], *, tabled: bool = True) -> Path:
    """A series folder in the plain layout."""
    write(root / "dark" / "dark.tif", dark)
    for index, flat in enumerate(flats):
        write(root / "flat" / f"l{index:02}.tif", flat)
    if tabled:
        (root / "frames.csv").write_text(table(root, LEVELS[: len(flats)]))
    return root


def plain(root: Path, seed: int = 11, *, tabled: bool = True, repeats: int = 2, darks: int = 16) -> Path:
    """A series without a fault."""
    rng = np.random.default_rng(seed)
    return series(root, frames(rng, 0, darks), [frames(rng, level, repeats) for level in LEVELS], tabled=tabled)
