"""Projections of a turning specimen, with flats and darks: optical or X-ray tomography, by absorbed or by emitted light."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sigmaraw.errors import InvalidOption


@dataclass(frozen=True)
class Scan:
    """A static specimen and what a camera sees of it.

    Parameters
    ----------
    mean_e : ndarray of float64
        (angle, y, x), mean photoelectrons per pixel and exposure of each projection, e-.
    flat_e : ndarray of float64
        (y, x), the same without specimen, e-; zero where light is emitted.
    angles_deg : ndarray of float64
        (angle), degrees, evenly over half a turn.
    volume : ndarray of float64
        (y, v, u), absorption per px, or emitted light in e- per px.
    labels : ndarray of int32
        (y, v, u), 0 outside organs, 1 … count in them.
    """

    mean_e: NDArray[np.float64]
    flat_e: NDArray[np.float64]
    angles_deg: NDArray[np.float64]
    volume: NDArray[np.float64]
    labels: NDArray[np.int32]

    @property
    def count(self) -> int:
        """Number of organs."""
        return int(self.labels.max())


def tomography_scan(
    shape: tuple[int, int] = (12, 64),
    angles: int = 60,
    light_e: float = 20000.0,
    seed: int = 0,
    kind: Literal["transmission", "emission"] = "transmission",
    *,
    organs: int = 5,
    debris: int = 0,
) -> Scan:
    """Return a scan of a rod of tissue with ellipsoidal organs.

    transmission: m = f·exp(−p); emission: m = p + a twentieth of the brightest p as background; p are the volume's line integrals at each
    angle (skimage's Radon transform, slice by slice), f the beam, 20 % darker at the edges.

    Parameters
    ----------
    shape : tuple of int, optional
        (y, x) of a projection, px; a slice of the volume is x × x.
    angles : int, default 60
        Projections over half a turn.
    light_e : float, default 20000.0
        transmission: the beam in the middle; emission: the line integral through the middle of the brightest organ, e-.
    seed : int, default 0
        Decides places, sizes and contrasts.
    kind : {"transmission", "emission"}
        What a projection is made of.
    organs : int, default 5
        Organs wanted.
    debris : int, default 0
        Grains of 1 px, forty times as dense or as bright as an organ.

    Raises
    ------
    InvalidOption
        A value out of its domain.
    """
    from scipy.ndimage import gaussian_filter
    from skimage.transform import radon

    if len(shape) != 2 or shape[0] < 6 or shape[1] < 24 or angles < 8:
        raise InvalidOption(f"shape={shape}, angles={angles}", "at least 6 × 24 px and 8 angles", "give more")
    if kind not in ("transmission", "emission") or not (math.isfinite(light_e) and light_e > 0):
        raise InvalidOption(f"kind={kind}, light_e={light_e}", "transmission or emission, and light above 0", "correct them")
    random = np.random.default_rng([seed, 0x0F7])
    height, width = shape
    labels, relative = _organs(random, height, width, organs)
    for _ in range(debris):
        angle, reach = random.uniform(0, 2 * math.pi), 0.3 * width
        place = width / 2 + reach * math.cos(angle), width / 2 + reach * math.sin(angle)
        relative[int(random.integers(1, height - 1)), int(place[0]), int(place[1])] = 40.0
    v, u = np.ogrid[:width, :width]
    turning = np.hypot(v - width // 2, u - width // 2) < width // 2  # what every projection sees
    relative = gaussian_filter(relative, (0.7, 0.7, 0.7)) * turning
    at = np.arange(angles, dtype=np.float64) * (180.0 / angles)
    turned = np.stack([radon(each, at, circle=True).T for each in relative], axis=1)  # (angle, y, x)
    unit = 0.24 * width  # line through the middle of an organ of relative value 1
    if kind == "emission":
        line = turned / unit * light_e
        return Scan(np.maximum(line, 0) + 0.05 * float(np.percentile(line, 99)), np.zeros(shape), at, relative / unit * light_e, labels)
    x = np.linspace(-1, 1, width)
    flat = np.broadcast_to(light_e * (1 - 0.2 * x**2), shape).copy()
    scale = 0.7 / unit  # about half of the light comes through the thickest line
    return Scan(flat * np.exp(-np.maximum(turned, 0) * scale), flat, at, relative * scale, labels)


def _organs(random: np.random.Generator, height: int, width: int, number: int) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Return labels and relative density (y, v, u) of organs in a rod of density 0.15."""
    y, v, u = np.ogrid[:height, :width, :width]
    middle = (width - 1) / 2
    radius = np.hypot(v - middle, u - middle) + np.zeros((height, 1, 1))
    relative = np.where(radius <= 0.42 * width, 0.15, 0.0)
    labels = np.zeros((height, width, width), np.int32)
    turn = random.uniform(0, 2 * math.pi)
    for index in range(number):
        angle = turn + 2 * math.pi * index / number + random.uniform(-0.15, 0.15)
        reach = width * random.uniform(0.2, 0.26)
        radii = height * random.uniform(0.3, 0.45), width * random.uniform(0.07, 0.1), width * random.uniform(0.07, 0.1)
        place = height * random.uniform(0.4, 0.6), middle + reach * math.cos(angle), middle + reach * math.sin(angle)
        inside = sum(((axis - at) / size) ** 2 for axis, at, size in zip((y, v, u), place, radii, strict=True)) <= 1
        labels[inside & (labels == 0)] = index + 1
        relative[inside] = random.uniform(0.8, 1.2)
    return labels, relative
