"""Ten records that something is wrong with, and what their reports say of it: `python examples/10_bad_reports.py DIR [NAME]`.

Each is one virtual camera, two small images of cells and one fault. DIR gets a folder with record and report for each, and the lines of
the first page are printed. docs/explanation/bad-reports.md explains them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter

import sigmaraw as sr
from sigmaraw.errors import SigmarawError
from sigmaraw.reports.front import next_steps, speaks_against
from sigmaraw.reports.statements import plain_lines
from sigmaraw.virtual.camera import VirtualCamera
from sigmaraw.virtual.scenes import nuclei_scene

SEED, SIDE = 1288, 96
CAMERA = VirtualCamera(shape=(SIDE, SIDE), gain=0.46, offset_dn=100.0, read_noise_e=1.6, seed=SEED)
_noise = np.random.default_rng(SEED)


def frames(peak_e: float = 300.0) -> list[np.ndarray]:
    """Return two frames of cells, (y, x) uint16, DN."""
    scenes = [nuclei_scene(CAMERA.shape, 6, peak_e, 20.0, SEED + index) for index in range(2)]
    return [CAMERA.acquire(scene.mean_e, 1, [SEED, index])[0] for index, scene in enumerate(scenes)]


def study(images: list[np.ndarray], **changed: Any) -> sr.Record:
    """Return the record of a small study; whatever is not changed is as it should be."""
    settings: dict[str, Any] = {"codecs": ["lossless", "jpegls:near=2"], "pipeline": "otsu", "n": 40, "seed": 7}
    camera = changed.pop("camera", None) or CAMERA.truth_profile()
    return sr.validate(images, camera, **{**settings, **changed})


def unsteady(image: np.ndarray) -> dict[str, float]:
    """A model with a dropout left switched on: it answers the same image differently every time."""
    return {"brightness": float(image.mean() + _noise.normal(scale=0.5))}


def empty(image: np.ndarray) -> dict[str, float]:
    """A model that finds nothing and divides by it."""
    bright = image[image > 4000]
    return {"mean_of_cells": float(bright.mean()) if bright.size else float("nan")}


def whole_cells(image: np.ndarray) -> dict[str, float]:
    """A count with so coarse a threshold that noise never changes it."""
    return {"fields_with_cells": float((image.reshape(4, SIDE // 4, 4, SIDE // 4).mean(axis=(1, 3)) > 105).sum())}


CASES: dict[str, Callable[[], sr.Record]] = {
    "wrong-gain": lambda: study(frames(), camera=sr.CameraProfile.from_values(gain=2.0, offset=100, read_noise=1.6, bits=12)),
    "stated-camera": lambda: study(frames(), camera=sr.CameraProfile.from_values(gain=0.46, offset=100, read_noise=1.6, bits=12)),
    "clipped-frame": lambda: study(frames(peak_e=14_000.0)),
    "denoised-raw": lambda: study([np.rint(gaussian_filter(frame.astype(float), 1.2)).astype(np.uint16) for frame in frames()]),
    "shifted-bits": lambda: study([(frame // 4 * 4).astype(np.uint16) for frame in frames()]),
    "too-few-replicas": lambda: study(frames(), n=5),
    "unsteady-model": lambda: study(frames(), pipeline=unsteady, allow_nondeterminism=True),
    "undefined-answers": lambda: study(frames(), pipeline=empty),
    "no-raw-variation": lambda: study(frames(), pipeline=whole_cells, codecs=["lossless", "jpeg2000:ratio=60"]),
    "denoising-codec": lambda: study(frames(), codecs=["lossless", "jpeg2000:ratio=30"]),
}


def main(folder: Path, names: list[str]) -> None:
    """Make the records and print what their first pages say."""
    for name in names or list(CASES):
        try:
            record = CASES[name]()
        except SigmarawError as refusal:  # some faults are refused outright
            print(f"\n## {name}\n  refused: {refusal}", flush=True)
            continue
        record.write(folder / name)
        print(f"\n## {name}")
        for verdict, line in plain_lines(record.content):
            print(f"  {verdict}: {line}")
        for line in speaks_against(record.content):
            print(f"  against: {line}")
        for line in next_steps(record.content):
            print(f"  next: {line}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "bad-reports"), sys.argv[2:])
