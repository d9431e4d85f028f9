"""Splits by image, and tiles that are the parent image's pixels."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile

from sigmaraw.codecs.defocus import disc
from sigmaraw.errors import InvalidTraining, ShapeMismatch
from sigmaraw.training.config import AugmentPart, SplitPart
from sigmaraw.training.data import Pair, read_data, split_of
from sigmaraw.training.tiles import batch, contrasted, coordinates, looked_up, one_tile
from tests.training.conftest import COUNT, config

NAMES = [f"cell-{k}" for k in range(20)]


def test_every_image_serves_once_and_the_seed_decides() -> None:
    part = SplitPart(validation=0.2, test=0.1)
    first = split_of(NAMES, part, 1)
    assert sorted(first) == sorted(NAMES)
    assert [sum(value == split for value in first.values()) for split in ("train", "validation", "test")] == [14, 4, 2]
    assert split_of(NAMES, part, 1) == first != split_of(NAMES, part, 2)


def test_an_image_in_two_splits_is_refused() -> None:
    with pytest.raises(InvalidTraining, match=r"'cell-3' is in the splits train and test"):
        split_of(NAMES, SplitPart(train=tuple(NAMES[:18]), validation=("cell-18",), test=("cell-3", "cell-19")), 0)
    with pytest.raises(InvalidTraining, match="is in no split"):
        split_of(NAMES, SplitPart(train=tuple(NAMES[:10]), validation=("cell-18",), test=()), 0)
    with pytest.raises(InvalidTraining, match="'cell-99'"):
        split_of(NAMES, SplitPart(test=("cell-99",)), 0)
    named = split_of(NAMES, SplitPart(validation=("cell-1",), test=0.5), 0)
    assert named["cell-1"] == "validation" and list(named.values()).count("test") == 10


def test_the_same_pixels_under_two_names_are_refused(cells: Path, tmp_path: Path) -> None:
    shutil.copytree(cells, tmp_path / "c")
    for kind in ("images", "masks"):
        shutil.copy(tmp_path / "c" / kind / "cell-0.tif", tmp_path / "c" / kind / "planted.tif")
    split = {"train": [f"cell-{k}" for k in range(COUNT)], "validation": ["planted"], "test": []}
    with pytest.raises(InvalidTraining, match=r"'cell-0' \(train\) and 'planted' \(validation\) have the same pixels"):
        read_data(config(data__split=split), tmp_path / "c")
    both = {"train": [*split["train"], "planted"], "validation": [], "test": []}
    assert len(read_data(config(data__split=both), tmp_path / "c").pairs) == COUNT + 1


def test_files_that_do_not_fit_are_refused(cells: Path, tmp_path: Path) -> None:
    shutil.copytree(cells, tmp_path / "c")
    folder = tmp_path / "c"
    with pytest.raises(InvalidTraining, match="matches no file"):
        read_data(config(data__images="nothing/*.tif"), folder)
    with pytest.raises(InvalidTraining, match="class 2"):
        read_data(config("classes", "classes", "dice-ce", data__classes=2), folder)
    (folder / "masks" / "cell-3.tif").unlink()
    with pytest.raises(InvalidTraining, match="cell-3 has no target"):
        read_data(config(), folder)
    tifffile.imwrite(folder / "masks" / "cell-3.tif", np.zeros((5, 5), np.uint8))
    with pytest.raises(ShapeMismatch, match="cell-3"):
        read_data(config(), folder)


def _pair(shape: tuple[int, ...] = (40, 44)) -> Pair:
    values = np.random.default_rng(0).random(shape).astype(np.float32)
    raw = (1000 * values).astype(np.uint16)
    return Pair("x", "train", raw, values, (values > 0.5).astype(np.float32)[None])


@pytest.mark.parametrize("shape", [(40, 44), (10, 20, 24)])
def test_without_augmentation_a_tile_is_a_piece_of_its_parent(shape: tuple[int, ...]) -> None:
    pair, tile = _pair(shape), (8,) * len(shape)
    random = np.random.default_rng(3)
    for _ in range(5):
        seen, truth = one_tile(pair, tile, AugmentPart(), "none", random)
        windows = np.lib.stride_tricks.sliding_window_view(pair.prepared, tile)
        places = np.argwhere((windows == seen).all(axis=tuple(range(-len(tile), 0))))
        assert len(places) == 1
        assert np.array_equal(truth[0], seen > 0.5)


def test_a_quarter_turn_is_exact_and_corners_hold_real_pixels() -> None:
    image = _pair().prepared
    centre = [19.5, 20.5]
    still = looked_up(image, coordinates((16, 16), centre, 0.0, 1.0, 0), smooth=True)
    turned = looked_up(image, coordinates((16, 16), centre, np.pi / 2, 1.0, 0), smooth=True)
    # y' = c_y + cos·y − sin·x, x' = c_x + sin·y + cos·x with a quarter: tile (y, x) shows what lay at (−x, y).
    assert turned == pytest.approx(np.rot90(still, -1), abs=1e-5)
    ramp = np.add.outer(3.0 * np.arange(60), np.arange(60)).astype(np.float32)
    tilted = looked_up(ramp, coordinates((20, 20), [29.5, 29.5], 0.7, 1.0, 0), smooth=True)
    y, x = np.arange(20)[:, None] - 9.5, np.arange(20) - 9.5
    c, s = np.cos(0.7), np.sin(0.7)
    assert tilted == pytest.approx(3 * (29.5 + c * y - s * x) + 29.5 + s * y + c * x, abs=1e-3), "a plane stays a plane, corners included"
    twice = looked_up(ramp, coordinates((20, 20), [29.5, 29.5], 0.0, 2.0, 0), smooth=True)
    assert np.diff(twice, axis=1) == pytest.approx(np.full((20, 19), 0.5), abs=1e-4), "magnified twice, steps are half as large"


def test_the_same_key_gives_the_same_tiles_and_each_step_others() -> None:
    pairs = [_pair(), _pair((30, 30))]
    part = AugmentPart(flip=0.5, rotate=180, scale=(0.8, 1.2), contrast=(0.5, 3.0), defocus=2.0)
    first, again, other = (batch(pairs, (16, 16), 4, part, "minmax", (0, 1, step)) for step in (5, 5, 6))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])
    assert first[0].shape == first[1].shape == (4, 1, 16, 16)
    assert set(np.unique(first[1])) == {0, 1}, "masks stay masks"


def test_flips_turn_input_and_target_alike() -> None:
    pair = _pair()
    for seed in range(6):
        seen, truth = one_tile(pair, (8, 8), AugmentPart(flip=0.5), "none", np.random.default_rng(seed))
        assert np.array_equal(truth[0], seen > 0.5)


def test_defocus_is_a_disc_of_that_radius() -> None:
    for radius in (0.5, 1.0, 2.5, 6.0):
        kernel = disc(radius)
        assert kernel.sum() == pytest.approx(1)
        reach = kernel.shape[0] // 2
        at = np.arange(-reach, reach + 1)
        second = (kernel * (at[:, None] ** 2 + at**2)).sum()
        # Mean of round(x)² + round(y)² over a disc: Σ (2k − 1)·P(|x| > k − ½), P from the area of a circle's segment.
        cuts = np.minimum((np.arange(1, reach + 1) - 0.5) / radius, 1.0)
        segment = 2 * (np.arccos(cuts) - cuts * np.sqrt(1 - cuts**2)) / np.pi
        expected = 2 * ((2 * np.arange(1, reach + 1) - 1) * segment).sum()
        assert second == pytest.approx(expected, rel=0.02, abs=0.005)  # an edge in parts of 1/16 px
    point = _pair()
    point.prepared[:] = 0
    point.prepared[20, 22] = 1
    sums = [one_tile(point, (40, 44), AugmentPart(defocus=3.0, defocus_share=1.0), "none", np.random.default_rng(k))[0] for k in range(4)]
    assert all(value.sum() == pytest.approx(1, abs=1e-4) and value.max() < 1 for value in sums)


def test_contrast_is_clipped_and_never_folds() -> None:
    raw = np.array([[0, 100, 200, 255]], np.uint8)
    assert contrasted(raw, 3.0).tolist() == [[0, 255, 255, 255]]
    assert contrasted(raw, 0.5).tolist() == [[0, 50, 100, 128]]
