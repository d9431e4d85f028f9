"""A bad level, or bad pixels, put into an otherwise unchanged series: the gain stays within its standard error."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import sigmaraw as sr
from tests.camera.simulated_cameras import OFFSET, gaussian_frames, series

SHAPE, LEVELS = (96, 96), 20
Change = Callable[[np.random.Generator, np.ndarray], np.ndarray]


@pytest.fixture(scope="module")
def clean() -> tuple[np.ndarray, list[np.ndarray], float, float]:
    rng = np.random.default_rng(101)
    dark = gaussian_frames(rng, 0.0, shape=SHAPE, count=16)
    flats = [gaussian_frames(rng, e, shape=SHAPE, count=2) for e in np.linspace(0, 5400, LEVELS + 1)[1:]]
    data = sr.calibrate(series([dark], flats)).dataset
    assert abs(float(data["gain"]) - 0.5) < 4 * float(data["gain_se"])
    return dark, flats, float(data["gain"]), float(data["gain_se"])


def noisier(rng: np.random.Generator, frames: np.ndarray) -> np.ndarray:
    return frames + 0.6 * frames.std(axis=(1, 2), keepdims=True) * rng.standard_normal(frames.shape)


LEVEL_FAULTS: dict[str, Change] = {
    "36 % more variance": noisier,
    "averaged on the camera": lambda rng, frames: (
        np.stack([frames.mean(axis=0), frames[::-1].mean(axis=0)]) + 0.7 * rng.standard_normal(frames.shape)
    ),
    "another gain": lambda _, frames: OFFSET + 1.7 * (frames - OFFSET),
}


@pytest.mark.parametrize("at", [3, 8])
@pytest.mark.parametrize("fault", list(LEVEL_FAULTS))
def test_a_bad_level_does_not_move_the_gain(clean: tuple[np.ndarray, list[np.ndarray], float, float], fault: str, at: int) -> None:
    """Each fault is 5 standard errors of its level's variance or more, √(2/9216) = 1.5 %; left in, it moves K by several of K's."""
    dark, flats, gain, se = clean
    changed = list(flats)
    changed[at] = np.clip(np.rint(LEVEL_FAULTS[fault](np.random.default_rng(102), flats[at].astype(float))), 0, 4095).astype(np.uint16)
    data = sr.calibrate(series([dark], changed)).dataset
    assert abs(float(data["gain"]) - gain) < se
    assert int(data["level_used"].sum()) == LEVELS - 1
    assert "left out of the gain fit" in data.attrs["notes"]


def at_pixels(frames: np.ndarray, where: np.ndarray, values: np.ndarray | float) -> np.ndarray:
    changed = frames.copy()
    changed[:, where] = values
    return changed


PIXEL_FAULTS: dict[str, Callable[[np.random.Generator, np.ndarray, np.ndarray], np.ndarray]] = {
    "stuck": lambda _, frames, where: at_pixels(frames, where, 300),
    "a third of the response": lambda _, frames, where: at_pixels(frames, where, OFFSET + (frames[:, where] - OFFSET) / 3),
    "twice the response": lambda _, frames, where: at_pixels(frames, where, OFFSET + (frames[:, where] - OFFSET) * 2),
    "hot": lambda rng, frames, where: at_pixels(
        frames, where, frames[:, where] + 800 + 20 * rng.standard_normal((len(frames), where.sum()))
    ),
    "jumping": lambda rng, frames, where: at_pixels(frames, where, frames[:, where] + 30 * (rng.random((len(frames), where.sum())) < 0.4)),
}


@pytest.mark.parametrize("fault", list(PIXEL_FAULTS))
def test_bad_pixels_do_not_move_the_gain(clean: tuple[np.ndarray, list[np.ndarray], float, float], fault: str) -> None:
    """0.2 % of the pixels, in all frames."""
    dark, flats, gain, se = clean
    rng = np.random.default_rng(103)
    where = np.zeros(SHAPE, dtype=bool)
    where.reshape(-1)[rng.choice(where.size, round(0.002 * where.size), replace=False)] = True
    stacks = [
        np.clip(np.rint(PIXEL_FAULTS[fault](rng, frames.astype(float), where)), 0, 4095).astype(np.uint16) for frames in (dark, *flats)
    ]
    data = sr.calibrate(series(stacks[:1], stacks[1:])).dataset
    assert abs(float(data["gain"]) - gain) < se
