"""Random cameras looking at random scenes: what the demonstration model is trained on and judged by."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sigmaraw.virtual.camera import VirtualCamera
from sigmaraw.virtual.scenes import Scene, nuclei_scene

# Ranges from which samples are drawn; a pair is a range, of logarithms where the name says so.
RANGES: dict[str, tuple[float, float]] = {
    "log peak_e": (50.0, 2000.0),
    "log background_e": (2.0, 100.0),
    "radius_px": (5.5, 11.0),
    "psf_px": (0.8, 1.8),
    "texture": (0.05, 0.25),
    "gradient": (0.0, 0.8),
    "brightness_spread": (0.1, 0.35),
    "cells per 128 x 128 px": (0.0, 14.0),
    "log gain": (0.1, 1.0),
    "offset_dn": (20.0, 300.0),
    "log read_noise_e": (0.8, 6.0),
    "read_noise_tail": (0.0, 0.6),
    "prnu_percent": (0.0, 1.0),
    "dsnu_e": (0.0, 1.0),
}
LEAST_CONTRAST = 5.0  # peak over the noise of the background, in one pixel: below it outlines are not defined
STREAMS = {"train": 0, "held-out": 1}


@dataclass(frozen=True)
class Sample:
    """One frame (y, x), uint16, DN, with the camera that took it and the scene that it shows."""

    frame: NDArray[np.integer]
    camera: VirtualCamera
    scene: Scene


def random_sample(index: int, seed: int, stream: str = "train", shape: tuple[int, int] = (256, 256)) -> Sample:
    """Return sample `index` of a stream ("train" or "held-out"): the streams share no random numbers, whatever the seeds.

    Camera and scene properties are uniform, or log-uniform, over RANGES; a peak below LEAST_CONTRAST times the
    background's noise √(background + σ_r²) is raised to it.
    """
    random = np.random.default_rng([STREAMS[stream], seed, index])
    value = {name.removeprefix("log "): _draw(random, name) for name in RANGES}
    noise_e = math.sqrt(value["background_e"] * (1 + value["gradient"] / 2) + value["read_noise_e"] ** 2)
    inner = int(random.integers(2**62))
    scene = nuclei_scene(
        shape,
        round(value["cells per 128 x 128 px"] * shape[0] * shape[1] / 128**2),
        max(value["peak_e"], LEAST_CONTRAST * noise_e),
        value["background_e"],
        inner,
        radius_px=value["radius_px"],
        psf_px=value["psf_px"],
        brightness_spread=value["brightness_spread"],
        texture=value["texture"],
        gradient=value["gradient"],
    )
    names = ("gain", "offset_dn", "read_noise_e", "read_noise_tail", "prnu_percent", "dsnu_e")
    camera = VirtualCamera(shape=shape, bits=12, seed=inner, **{name: value[name] for name in names})
    return Sample(camera.acquire(scene.mean_e, 1, inner)[0], camera, scene)


def _draw(random: np.random.Generator, name: str) -> float:
    low, high = RANGES[name]
    return math.exp(random.uniform(math.log(low), math.log(high))) if name.startswith("log ") else random.uniform(low, high)
