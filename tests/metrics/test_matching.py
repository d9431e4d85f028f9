"""Objects of two label images: the assignment against all permutations, and what must and must not change."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import ndimage

from sigmaraw.metrics.matching import REACH, match


def slow(reference: np.ndarray, references: int, test: np.ndarray, tests: int) -> float:
    """The largest sum of intersections over unions of pairs within reach, by trying every assignment."""
    table = np.zeros((references, tests))
    for i, j in itertools.product(range(references), range(tests)):
        one, other = reference == i + 1, test == j + 1
        value = (one & other).sum() / (one | other).sum()
        table[i, j] = value if value >= REACH else 0
    if references > tests:
        table = table.T
    rows = range(table.shape[0])
    return max(
        sum(table[row, column] for row, column in zip(rows, chosen, strict=True))
        for chosen in itertools.permutations(range(table.shape[1]), len(rows))
    )


def labels_of(seed: int, shape: tuple[int, ...] = (12, 12)) -> tuple[np.ndarray, int]:
    found, count = ndimage.label(ndimage.gaussian_filter(np.random.default_rng(seed).random(shape), 1) > 0.52)
    found[found > 6] = 0
    return found, min(count, 6)


@pytest.mark.parametrize("seed", range(8))
def test_the_sum_of_overlaps_is_the_largest_of_all_assignments(seed: int) -> None:
    (one, n), (other, m) = labels_of(seed), labels_of(seed + 100)
    found = match(one, n, other, m)
    total = sum(
        ((one == i + 1) & (other == j + 1)).sum() / ((one == i + 1) | (other == j + 1)).sum() for i, j in enumerate(found.partner) if j >= 0
    )
    assert total == pytest.approx(slow(one, n, other, m))
    assert found.matched + found.unmatched == m
    assert found.matched + found.missed == n
    pairs = [j for j in found.partner if j >= 0]
    assert len(set(pairs)) == len(pairs)


def crowd(count: int = 2000, side: int = 900) -> np.ndarray:
    """Squares of 10 px on a grid of 20 px, one number each."""
    labels = np.zeros((side, side), np.int32)
    places = [(y, x) for y in range(5, side - 12, 20) for x in range(5, side - 12, 20)][:count]
    for number, (y, x) in enumerate(places, 1):
        labels[y : y + 10, x : x + 10] = number
    return labels


def test_an_object_moved_beyond_reach_changes_its_own_partner_alone() -> None:
    labels = crowd()
    count = int(labels.max())
    moved = labels.copy()
    moved[labels == 777] = 0
    y, x = np.argwhere(labels == 777)[0]
    moved[y + 10 : y + 20, x + 10 : x + 20] = 777  # a corner away: nothing in common
    before, after = match(labels, count, labels, count), match(labels, count, moved, count)
    np.testing.assert_array_equal(before.partner, np.arange(count))
    assert np.flatnonzero(before.partner != after.partner).tolist() == [776]
    assert (after.matched, after.unmatched, after.missed, after.split, after.merged) == (count - 1, 1, 1, 0, 0)


def test_split_and_merged_objects_are_counted() -> None:
    one = np.zeros((6, 20), int)
    one[1:5, 1:9] = 1
    one[1:5, 11:15] = 2
    one[1:5, 15:19] = 3
    other = np.zeros_like(one)
    other[1:5, 1:5], other[1:5, 5:9], other[1:5, 11:19] = 1, 2, 3
    found = match(one, 3, other, 3)
    assert (found.split, found.merged, found.matched, found.missed, found.unmatched) == (1, 1, 2, 1, 1)
    back = match(other, 3, one, 3)
    assert (back.split, back.merged) == (1, 1)


def test_images_without_objects() -> None:
    none, one = np.zeros((4, 4), int), np.ones((4, 4), int)
    assert match(none, 0, none, 0).count == 0
    assert (match(one, 1, none, 0).missed, match(none, 0, one, 1).unmatched) == (1, 1)
