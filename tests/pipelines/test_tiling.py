"""Tiles: exact cover for every size, and what the discarded border is for."""

from __future__ import annotations

import numpy as np
import pytest

from sigmaraw.errors import InvalidOption
from sigmaraw.pipelines import Tiling


@pytest.mark.parametrize(("window", "border"), [(16, 0), (16, 3), (17, 5), (32, 15), (8, 3)])
@pytest.mark.parametrize("height", [1, 2, 7, 15, 16, 17, 31, 32, 33, 50])
def test_an_identity_model_returns_every_image_exactly(window: int, border: int, height: int) -> None:
    for width in (1, 5, 16, 23, 48, 65):
        image = np.random.default_rng(height * 100 + width).normal(size=(height, width)).astype(np.float32)
        tiling = Tiling(image.shape, (window, window), border)
        tiles = tiling.split(image)
        assert tiles.shape == (len(tiling), window, window)
        np.testing.assert_array_equal(tiling.join(tiles), image)


def test_sides_of_a_window_may_differ_and_channels_pass_through() -> None:
    image = np.arange(40 * 90, dtype=np.float32).reshape(40, 90)
    tiling = Tiling(image.shape, (24, 48), 4)
    maps = np.stack([np.stack([tile, -tile]) for tile in tiling.split(image)])
    np.testing.assert_array_equal(tiling.join(maps), np.stack([image, -image]))


def test_every_pixel_comes_from_the_middle_of_a_tile() -> None:
    """Mark what a tile must not contribute; where the axis is tiled, nothing of the mark may come back."""
    window, border = 20, 4
    tiling = Tiling((100, 100), (window, window), border)
    mark = np.ones((window, window), np.int32)
    mark[border:-border, border:-border] = 0
    assert len(tiling) == 9 * 9  # ceil(100 / (20 - 8)) = 9 per axis
    assert not tiling.join(np.repeat(mark[np.newaxis], len(tiling), axis=0)).any()


def test_an_image_that_fits_is_one_tile_with_nothing_discarded() -> None:
    image = np.arange(64.0).reshape(8, 8)
    tiling = Tiling((8, 8), (8, 8), 2)
    np.testing.assert_array_equal(tiling.split(image), image[np.newaxis])
    (padded,) = Tiling((8, 8), (12, 12), 2).split(image)
    np.testing.assert_array_equal(padded, np.pad(image, 2, mode="reflect"))


def _blur(tiles: np.ndarray) -> np.ndarray:
    """7 × 7 mean of each tile with zeros beyond its edge, as a network's padded convolutions see it: reach 3 px."""
    padded = np.pad(tiles, ((0, 0), (3, 3), (3, 3)))
    return np.lib.stride_tricks.sliding_window_view(padded, (7, 7), axis=(1, 2)).mean(axis=(-1, -2))


def test_a_border_as_wide_as_the_models_reach_leaves_no_seam_and_none_leaves_one() -> None:
    image = np.random.default_rng(3).uniform(1, 2, (70, 90))
    whole = _blur(np.pad(image, 3, mode="reflect")[np.newaxis])[0, 3:-3, 3:-3]

    def error(border: int) -> np.ndarray:
        tiling = Tiling(image.shape, (32, 32), border)
        return np.abs(tiling.join(_blur(tiling.split(image))) - whole)

    assert error(3).max() < 1e-12  # float64 sums of 49 numbers
    assert error(2).max() > 0.1
    seam = error(0)
    assert seam[:, 31:33].mean() > 0.2  # the first seam lies between columns 31 and 32
    assert seam[4:28, 4:28].max() < 1e-12


@pytest.mark.parametrize(("window", "border"), [(16, 8), (16, 20), (0, 0), (16, -1)])
def test_a_border_that_leaves_nothing_is_refused(window: int, border: int) -> None:
    with pytest.raises(InvalidOption, match="window > 2"):
        Tiling((64, 64), (window, window), border)
