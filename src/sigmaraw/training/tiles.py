"""Tiles for training, each cut from its whole parent image with what is varied: flips, rotation, magnification, contrast, defocus.

Rotation and magnification look up the parent image at the turned coordinates, so that a tile holds real pixels to its corners; only
beyond the edge of the parent image is it mirrored. Reference: paper 002, section 3.1.4.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sigmaraw.codecs.defocus import disc, in_planes
from sigmaraw.pipelines.preparation import prepare
from sigmaraw.training.config import AugmentPart
from sigmaraw.training.data import Pair

Floats = NDArray[np.float32]


def batch(
    pairs: Sequence[Pair], tile: tuple[int, ...], size: int, part: AugmentPart, pre: str, key: Sequence[int]
) -> tuple[Floats, Floats]:
    """Return inputs (batch, 1, …) and targets (batch, channel, …) of one training step.

    Parameters
    ----------
    pairs : sequence of Pair
        The training images; each tile is of one of them, all equally likely.
    tile : tuple of int
        ([z,] y, x), px.
    size : int
        Tiles.
    part : AugmentPart
        What is varied.
    pre : str
        Preparation of the whole image, for images whose contrast is changed before it.
    key : sequence of int
        Seed and step: the same key gives the same tiles, whatever was drawn before.
    """
    random = np.random.default_rng(list(key))
    drawn = [one_tile(pairs[int(random.integers(len(pairs)))], tile, part, pre, random) for _ in range(size)]
    inputs, targets = zip(*drawn, strict=True)
    return np.stack(inputs)[:, None], np.stack(targets)


def one_tile(pair: Pair, tile: tuple[int, ...], part: AugmentPart, pre: str, random: np.random.Generator) -> tuple[Floats, Floats]:
    """Return an input ([z,] y, x) and its target (channel, [z,] y, x)."""
    image = pair.prepared
    if part.contrast and random.random() < part.contrast_share:
        image = prepare(contrasted(pair.raw, float(random.choice(part.contrast))), pre)
    radius = float(random.uniform(0.5, max(part.defocus, 0.5))) if part.defocus and random.random() < part.defocus_share else 0.0
    centre = [random.uniform(0, max(side - wanted, 0)) + (wanted - 1) / 2 for side, wanted in zip(image.shape, tile, strict=True)]
    angle = math.radians(random.uniform(-part.rotate, part.rotate))
    scale = math.exp(random.uniform(*np.log(part.scale)))
    margin = math.ceil(radius) if radius else 0
    places = coordinates(tile, centre, angle, scale, margin)
    seen = looked_up(image, places, smooth=True)
    if radius:
        # The blur is in pixels of the camera, whatever the tile's magnification.
        seen = in_planes(seen, disc(radius)).astype(np.float32)[..., margin:-margin, margin:-margin]
        places = coordinates(tile, centre, angle, scale, 0)
    truth = np.stack([looked_up(channel, places, smooth=not pair.discrete) for channel in pair.target])
    axes = tuple(axis for axis in range(len(tile)) if random.random() < part.flip)
    return np.flip(seen, axes), np.flip(truth, tuple(axis + 1 for axis in axes))


def coordinates(tile: tuple[int, ...], centre: Sequence[float], angle: float, scale: float, margin: int) -> list[NDArray[np.float64]]:
    """Return for each axis where in the parent image each pixel of the tile lies, px; `margin` more pixels on each side of a plane."""
    if angle == 0 and scale == 1:  # whole pixels, as they are
        centre = [round(c - (side - 1) / 2) + (side - 1) / 2 for c, side in zip(centre, tile, strict=True)]
    y, x = (np.arange(-margin, side + margin) - (side - 1) / 2 for side in tile[-2:])
    cosine, sine = math.cos(angle) / scale, math.sin(angle) / scale
    down = centre[-2] + cosine * y[:, None] - sine * x
    across = centre[-1] + sine * y[:, None] + cosine * x
    if len(tile) == 2:
        return [down, across]
    z = centre[0] + (np.arange(tile[0]) - (tile[0] - 1) / 2) / scale
    shape = (len(z), *down.shape)
    return [np.broadcast_to(z[:, None, None], shape), np.broadcast_to(down, shape), np.broadcast_to(across, shape)]


def looked_up(image: Floats, places: Sequence[NDArray[np.float64]], smooth: bool) -> Floats:
    """Return the image at these places, between pixels by linear interpolation, or (not `smooth`) by the nearest one; mirrored outside."""
    from scipy.ndimage import map_coordinates

    found: Floats = map_coordinates(image, places, order=1 if smooth else 0, mode="mirror", output=np.float32)
    return found


def contrasted(raw: NDArray[np.integer], gain: float) -> NDArray[np.integer]:
    """Return gain·raw, rounded and clipped to the integers of its dtype (paper 002, equation 45)."""
    top = np.iinfo(raw.dtype).max
    changed: NDArray[np.integer] = np.clip(np.rint(gain * raw.astype(np.float64)), 0, top).astype(raw.dtype)
    return changed
