"""Cells with vesicles of autophagy in two channels, with known truth: red everywhere, green where the vesicle is not yet acid.

The reporter of paper 003 (Rosella) fuses a red protein with a green one that acid quenches. A phagophore is bright in both channels, an
autolysosome in red alone. The shares of pixels are paper 003's; its two rarest classes, .001 and less, are left out, as there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sigmaraw.errors import InvalidOption
from sigmaraw.virtual.camera import VirtualCamera

CLASSES = ("background", "phagophore", "autolysosome")
SHARES = (0.953, 0.023, 0.024)
"""Shares of the pixels, mean over images; paper 003 prints .95 for the background, beside two classes that are left out."""
RADII_PX = ((1.5, 3.5), (2.0, 4.5))
"""Smallest and largest radius of phagophores and of autolysosomes, px."""
_QUENCHED = 0.1  # of the green light of an autolysosome
_SPREAD = 0.3  # of the shares between images, log-normal
_ATTEMPTS = 60  # places tried for a vesicle


@dataclass(frozen=True)
class VesicleImage:
    """One image.

    Parameters
    ----------
    image : ndarray of uint16
        (channel, y, x), red and green, 12 bit, DN.
    labels : ndarray of uint8
        (y, x), the class of each pixel: a number in `CLASSES`.
    objects : ndarray of int32
        (y, x), 0 for background, 1 … count for vesicles, which may touch.
    """

    image: NDArray[np.uint16]
    labels: NDArray[np.uint8]
    objects: NDArray[np.int32]


def vesicle_image(shape: tuple[int, int] = (96, 96), seed: int = 0, peak_e: float = 120.0, cytosol_e: float = 40.0) -> VesicleImage:
    """Return an image of cells with vesicles, taken by a virtual camera in uneven light.

    Parameters
    ----------
    shape : tuple of int
        (y, x), at least 32 px each.
    seed : int, default 0
        Decides cells, vesicles, light and noise.
    peak_e : float, default 120.0
        Mean brightness of a vesicle above the cytosol, in each channel, e-; log-normal over vesicles with a spread of .45.
    cytosol_e : float, default 40.0
        Mean brightness of the cytosol, e-; log-normal over cells with a spread of .4.

    Returns
    -------
    VesicleImage
        With its truth.

    Raises
    ------
    InvalidOption
        A smaller shape, or a brightness that is not a number from 0.
    """
    from scipy.ndimage import gaussian_filter

    if len(shape) != 2 or min(shape) < 32:
        raise InvalidOption(f"shape={shape}", "(y, x), at least 32 px each", "give such a shape")
    if not all(math.isfinite(value) and value >= 0 for value in (peak_e, cytosol_e)):
        raise InvalidOption(f"peak_e={peak_e}, cytosol_e={cytosol_e}", "numbers from 0", "correct them")
    random = np.random.default_rng([seed, 0x0E51])
    light = np.full((2, *shape), 8.0) + _cytosol(random, shape, cytosol_e)
    labels, objects = np.zeros(shape, np.uint8), np.zeros(shape, np.int32)
    wanted = [share * math.exp(random.normal(-(_SPREAD**2) / 2, _SPREAD)) * labels.size for share in SHARES[1:]]
    for label, pixels in enumerate(wanted, 1):
        while (inside := _vesicle(random, labels, RADII_PX[label - 1])) is not None:
            left = pixels - np.count_nonzero(labels == label)
            # The last vesicle is placed with a chance that makes the mean share the one wanted, whatever its size.
            if random.random() * inside.sum() > left:
                break
            brightness = peak_e * random.lognormal(-(0.45**2) / 2, 0.45)
            light[0][inside] += brightness
            light[1][inside] += brightness * (1.0 if label == 1 else _QUENCHED) * random.uniform(0.8, 1.2)
            labels[inside], objects[inside] = label, objects.max() + 1
    mean = np.stack([gaussian_filter(channel, 1.0, mode="reflect") for channel in light]) * _uneven(random, shape)
    inner = int(random.integers(2**62))
    camera = VirtualCamera(shape=shape, bits=12, seed=inner)
    return VesicleImage(np.stack([camera.acquire(channel, 1, inner + k)[0] for k, channel in enumerate(mean)]), labels, objects)


def _cytosol(random: np.random.Generator, shape: tuple[int, int], cytosol_e: float) -> NDArray[np.float64]:
    """Return the light of cells that overlap one another, (channel, y, x), e-: patches with soft borders and grain of about 3 px."""
    from scipy.ndimage import gaussian_filter

    y, x = np.mgrid[: shape[0], : shape[1]]
    found = np.zeros((2, *shape))
    for _ in range(max(2, round(shape[0] * shape[1] / 1800))):
        radius = random.uniform(14, 24)
        distance = np.hypot((y - random.uniform(0, shape[0])) * random.uniform(0.8, 1.25), x - random.uniform(0, shape[1]))
        patch = 1 / (1 + np.exp((distance - radius) / 1.5))
        brightness = cytosol_e * random.lognormal(-(0.4**2) / 2, 0.4)
        found = np.maximum(found, np.array([1.0, random.uniform(0.7, 1.3)])[:, None, None] * brightness * patch)
    grain = gaussian_filter(random.standard_normal(shape), 3.0)
    return found * np.clip(1 + 0.2 * grain / max(float(grain.std()), 1e-12), 0.3, None)


def _vesicle(random: np.random.Generator, labels: NDArray[np.uint8], radii: tuple[float, float]) -> NDArray[np.bool_] | None:
    """Return the pixels of an ellipse in a free place, or None where none was found."""
    y, x = np.mgrid[: labels.shape[0], : labels.shape[1]]
    for _ in range(_ATTEMPTS):
        radius, stretch, angle = random.uniform(*radii), random.uniform(1.0, 1.5), random.uniform(0, math.pi)
        v, u = y - random.uniform(0, labels.shape[0] - 1), x - random.uniform(0, labels.shape[1] - 1)
        a, b = math.cos(angle) * u + math.sin(angle) * v, -math.sin(angle) * u + math.cos(angle) * v
        inside: NDArray[np.bool_] = (a / stretch) ** 2 + (b * stretch) ** 2 <= radius**2
        if inside.any() and not labels[inside].any():
            return inside
    return None


def _uneven(random: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.float64]:
    """Return the light of the lamp over the field, mean about 1: a wide spot whose middle is off the field's."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    centre = [side * random.uniform(0.3, 0.7) for side in shape]
    spot = np.exp(-((y - centre[0]) ** 2 + (x - centre[1]) ** 2) / (2 * (0.8 * max(shape)) ** 2))
    return np.asarray(spot / spot.mean())
