"""Overlap of masks against their definitions over sets."""

import numpy as np
import pytest

from sigmaraw.contracts import Metric
from sigmaraw.errors import ShapeMismatch, UnsupportedArray
from sigmaraw.metrics import Dice, Jaccard


def square(y, x):
    mask = np.zeros((20, 20), dtype=bool)
    mask[y : y + 8, x : x + 8] = True
    return mask


def test_a_square_moved_by_one_pixel():
    """8 × 8 moved 1 px: intersection 56, union 72; the Jaccard index is the .7778 of SCIENCE 7."""
    assert Jaccard()(square(5, 5), square(5, 6)) == pytest.approx(56 / 72)
    assert Dice()(square(5, 5), square(5, 6)) == pytest.approx(112 / 128)


def test_random_masks_against_sets():
    rng = np.random.default_rng(0)
    for _ in range(20):
        a, b = rng.random((2, 7, 9)) < rng.random()
        x, y = set(np.flatnonzero(a)), set(np.flatnonzero(b))
        if x and y:
            assert Dice()(a, b) == pytest.approx(2 * len(x & y) / (len(x) + len(y)))
            assert Jaccard()(a, b) == pytest.approx(len(x & y) / len(x | y))


@pytest.mark.parametrize("metric", [Dice(), Jaccard()])
def test_one_policy_for_empty_masks(metric):
    empty, full = np.zeros((4, 4), bool), np.ones((4, 4), bool)
    assert metric(empty, empty) == 1
    assert metric(empty, full) == metric(full, empty) == 0
    assert metric(full, full) == 1


@pytest.mark.parametrize("metric", [Dice(), Jaccard()])
def test_labels_count_as_foreground_and_large_masks_do_not_wrap(metric):
    labels = np.zeros((300, 300), np.uint8)
    labels[:200] = 200
    assert metric(labels, labels > 0) == 1
    with pytest.raises(ShapeMismatch):
        metric(labels, labels[:5])
    with pytest.raises(UnsupportedArray):
        metric(labels, labels.astype(float))


@pytest.mark.parametrize("metric", [Dice, Jaccard])
def test_it_is_a_metric(metric):
    assert isinstance(metric(), Metric)
    assert metric.unit == "1"
