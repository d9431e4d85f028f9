"""Observers' agreement on drawn masks with known overlaps, and 001's acceptance rule."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sigmaraw.errors import InvalidOption, UndefinedStatistic
from sigmaraw.metrics import Jaccard
from sigmaraw.statistics.observers import (
    acceptance,
    distance_variability,
    inter_observer,
    intra_observer,
    jaccard_by_slice,
    merge,
    retained_curve,
    valid_slices,
)


def stack(*widths: int) -> np.ndarray:
    """One bar of the given width per slice, in a row of 20 pixels."""
    masks = np.zeros((len(widths), 3, 20), dtype=bool)
    for page, width in zip(masks, widths, strict=True):
        page[1, :width] = True
    return masks


def test_jaccard_by_slice_is_the_registered_metric_but_for_empty_pairs() -> None:
    a, b = stack(10, 8, 0, 5), stack(8, 8, 0, 0)
    found = jaccard_by_slice(a, b)
    assert found[:2].tolist() == [0.8, 1.0]
    assert math.isnan(found[2])
    assert found[3] == 0.0  # one empty: no overlap
    assert found[0] == Jaccard()(a[0], b[0])
    with pytest.raises(UndefinedStatistic):
        jaccard_by_slice(a, b[:2])


def test_both_empty_slices_are_left_out_and_counted() -> None:
    """60 empty of 92 slices with annotated JI .46: .46, not .81 (SCIENCE 7)."""
    a, b = np.zeros((2, 92, 1, 50), dtype=bool)
    a[:32], b[:32, :, :23] = True, True
    found = intra_observer(a, b, threshold=0.4)
    assert (found.valid, found.both_empty, found.slices) == (32, 60, 92) and found.mean == pytest.approx(0.46)
    found = intra_observer(a, b)
    assert (found.valid, found.both_empty) == (0, 60) and math.isnan(found.mean), "at the threshold of 001 no slice is valid"


def test_intra_observer_is_the_mean_over_valid_slices() -> None:
    found = intra_observer(stack(10, 10, 10, 10), stack(10, 8, 7, 5), threshold=0.7)
    assert found.valid == 3
    assert found.mean == pytest.approx((1.0 + 0.8 + 0.7) / 3)
    assert valid_slices(np.array([0.7, 0.69, math.nan])).tolist() == [True, False, False]
    assert math.isnan(intra_observer(stack(10), stack(2)).mean)


def test_inter_observer_compares_merged_annotations_on_slices_valid_for_both() -> None:
    first = (stack(10, 10, 10), stack(9, 10, 3))  # third slice not valid
    second = (stack(8, 6, 10), stack(7, 6, 10))
    found = inter_observer(first, second)
    assert found.valid == 2
    assert found.mean == pytest.approx((7 / 9 + 6 / 10) / 2)  # intersections 9 and 7, 10 and 6
    union = inter_observer(first, second, rule="union")
    assert union.mean == pytest.approx((8 / 10 + 6 / 10) / 2)
    with pytest.raises(InvalidOption):
        merge(first[0], first[1], rule="sum")  # type: ignore[arg-type]


def test_retained_curve_counts_all_slices() -> None:
    curve = retained_curve(np.array([1.0, 0.8, 0.5, math.nan]), np.array([0.0, 0.6, 0.9]))
    assert curve.retained_percent.tolist() == [75.0, 50.0, 25.0]
    assert (curve.slices, curve.both_empty) == (4, 1)


def test_distances_are_taken_on_valid_slices_only() -> None:
    def widths(a: np.ndarray, b: np.ndarray) -> float:
        return float(abs(int(a.sum()) - int(b.sum()))) if a.any() and b.any() else math.nan

    found = distance_variability(stack(10, 4, 5), stack(8, 9, 0), np.array([True, False, True]), widths)
    assert (found.mean, found.valid) == (2.0, 1)


def scores(mean: float, distance: float, seed: int, n: int = 40) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    jaccard = mean + 0.05 * rng.normal(size=n)
    return jaccard + mean - jaccard.mean(), np.full(n, distance)


def test_acceptance_needs_better_scores_and_a_difference() -> None:
    intra, inter = scores(0.88, 0.21, 1), scores(0.75, 0.84, 2)
    codecs = {
        "mild": scores(0.87, 0.25, 3),
        "same": scores(0.756, 0.80, 4),  # better by a hair: does not differ
        "strong": scores(0.65, 1.5, 5),
        "far": scores(0.85, 1.2, 6),  # the distance alone is worse
    }
    marks, rows, design = acceptance(codecs, intra, inter)
    accepted = {mark.codec: mark.accepted for mark in marks}
    assert accepted == {"mild": True, "same": False, "strong": False, "far": False}
    by_name = {mark.codec: mark for mark in marks}
    assert (by_name["mild"].differs_intra, by_name["mild"].differs_inter) == (False, True)
    assert (by_name["same"].better_inter, by_name["same"].differs_inter) == (True, False)
    assert len(rows) == 15
    assert "Tukey" in design
