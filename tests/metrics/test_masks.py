"""Agreement of masks against its definitions written out slowly, on ten thousand small masks, and against published figures."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sigmaraw.contracts import Metric
from sigmaraw.errors import InvalidOption, ShapeMismatch, UnsupportedArray
from sigmaraw.metrics import (
    Accuracy,
    AverageHausdorff,
    AveragePrecision,
    AverageSurfaceDistance,
    BoundaryF1,
    BoxesMatched,
    BoxesTouched,
    Dice,
    GeneralisedDice,
    Hausdorff,
    Hausdorff95,
    Jaccard,
    PanopticQuality,
    Precision,
    Recall,
    Specificity,
    SurfaceDice,
    mean_agreement,
)
from sigmaraw.metrics.masks.objects import box_overlaps, labelled, matched, overlaps

Pair = tuple[np.ndarray, np.ndarray]
DISTANCES = (AverageHausdorff, Hausdorff, Hausdorff95, AverageSurfaceDistance)


def square(y: int, x: int, side: int = 20) -> np.ndarray:
    mask = np.zeros((side, side), dtype=bool)
    mask[y : y + 8, x : x + 8] = True
    return mask


# --- the definitions, written out slowly ---


def cells(mask: np.ndarray) -> list[tuple[int, ...]]:
    return [tuple(place) for place in np.argwhere(mask).tolist()]


def edge(mask: np.ndarray) -> list[tuple[int, ...]]:
    """Pixels with a neighbour along an axis that is outside, where beyond the array is outside."""
    around = np.pad(mask, 1)
    outside = np.zeros_like(around)
    for axis in range(mask.ndim):
        for step in (-1, 1):
            outside |= ~np.roll(around, step, axis)
    return cells((around & outside)[(slice(1, -1),) * mask.ndim])


def nearest(first: list[tuple[int, ...]], second: list[tuple[int, ...]], spacing: tuple[float, ...]) -> tuple[list[float], list[float]]:
    """Distances of each of the first to the nearest of the second, and the other way round: all pairs are tried."""
    a, b = (np.array(part, dtype=float) * spacing for part in (first, second))
    apart = np.sqrt(((a[:, None] - b[None]) ** 2).sum(axis=-1))
    return apart.min(axis=1).tolist(), apart.min(axis=0).tolist()


def slow_values(x: np.ndarray, y: np.ndarray, spacing: tuple[float, ...]) -> dict[str, float]:
    """Every metric of two masks by sets and lists."""
    a, b = set(cells(x)), set(cells(y))
    if not a and not b:
        return {"overlap": 1.0, "distance": 0.0}
    if not a or not b:
        return {"overlap": 0.0, "distance": math.nan}
    tp, fp, fn = len(a & b), len(b - a), len(a - b)
    tn = x.size - tp - fp - fn
    there, back = nearest(cells(x), cells(y), spacing)
    to_test, to_reference = nearest(edge(x), edge(y), spacing)
    both = to_test + to_reference
    theta = 0.0075 * math.sqrt(sum((size * step) ** 2 for size, step in zip(x.shape, spacing, strict=True)))
    near = [sum(d <= theta for d in part) / len(part) for part in (to_reference, to_test)]
    weights = {0: x.size - len(a), 1: len(a)}
    sizes = {0: y.size - len(b), 1: len(b)}
    hits = {0: tn, 1: tp}
    classes = [value for value in (0, 1) if weights[value]]
    return {
        "dice": 2 * tp / (len(a) + len(b)),
        "jaccard": tp / len(a | b),
        "precision": tp / (tp + fp),
        "recall": tp / (tp + fn),
        "specificity": tn / (tn + fp) if tn + fp else math.nan,
        "accuracy": (tp + tn) / x.size,
        "generalised": sum(2 * hits[c] / weights[c] ** 2 for c in classes)
        / sum((weights[c] + sizes[c]) / weights[c] ** 2 for c in classes),
        "ahd": 0.5 * (sum(there) / len(there) + sum(back) / len(back)),
        "hd": max(both),
        "hd95": max(percentile(to_test), percentile(to_reference)),
        "assd": sum(both) / len(both),
        "nsd": sum(d <= 1.0 for d in both) / len(both),
        "f1": 2 * near[0] * near[1] / (near[0] + near[1]) if sum(near) else 0.0,
    }


def percentile(values: list[float]) -> float:
    """The 95th percentile between order statistics, linearly."""
    ranked, place = sorted(values), 0.95 * (len(values) - 1)
    low = math.floor(place)
    high = min(low + 1, len(values) - 1)
    return ranked[low] + (place - low) * (ranked[high] - ranked[low])


def fast_values(spacing: tuple[float, ...]) -> dict[str, Metric]:
    return {
        "dice": Dice(),
        "jaccard": Jaccard(),
        "precision": Precision(),
        "recall": Recall(),
        "specificity": Specificity(),
        "accuracy": Accuracy(),
        "generalised": GeneralisedDice(),
        "ahd": AverageHausdorff(spacing),
        "hd": Hausdorff(spacing),
        "hd95": Hausdorff95(spacing),
        "assd": AverageSurfaceDistance(spacing),
        "nsd": SurfaceDice(spacing=spacing),
        "f1": BoundaryF1(spacing=spacing),
    }


def masks(rng: np.random.Generator, shape: tuple[int, ...]) -> Pair:
    """Two masks: noise, blocks at the edge, one voxel, empty, full, or one moved."""

    def one() -> np.ndarray:
        kind = rng.integers(0, 6)
        mask = np.zeros(shape, bool)
        if kind == 0:
            return rng.random(shape) < rng.random()
        if kind == 1:
            return ~mask
        if kind == 2:
            mask[tuple(rng.integers(0, side) for side in shape)] = True
        elif kind == 3:
            mask[tuple(slice(*sorted(rng.integers(0, side + 1, 2))) for side in shape)] = True
        elif kind == 4:
            mask[(slice(0, 2),) * len(shape)] = True
        return mask

    first = one()
    return first, np.roll(first, 1, axis=int(rng.integers(0, len(shape)))) if rng.random() < 0.3 else one()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("shape", "spacing"), [((6, 5), (1.0, 1.0)), ((5, 7), (0.4, 2.5)), ((3, 4, 4), (1.0, 1.0, 1.0)), ((3, 3, 5), (3.0, 0.7, 1.3))]
)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_each_metric_equals_its_definition(shape: tuple[int, ...], spacing: tuple[float, ...], seed: int) -> None:
    """4 shapes × 25 seeds × 100 pairs: 10⁴ pairs of masks, 2-D and 3-D, isotropic and not."""
    rng, metrics = np.random.default_rng(seed), fast_values(spacing)
    for _ in range(100):
        x, y = masks(rng, shape)
        slow = slow_values(x, y, spacing)
        for name, metric in metrics.items():
            expected = slow.get(name, slow.get("distance" if isinstance(metric, DISTANCES) else "overlap"))
            assert expected is not None
            found = metric(x, y)
            same = math.isclose(found, expected, rel_tol=1e-12, abs_tol=1e-12) or (math.isnan(found) and math.isnan(expected))
            assert same, (name, found, expected, x.astype(int), y.astype(int))


# --- objects ---


def slow_components(mask: np.ndarray) -> list[set[tuple[int, ...]]]:
    """Components by flood fill over all neighbours, corners too."""
    left, found = set(cells(mask)), []
    while left:
        group, todo = set(), [left.pop()]
        while todo:
            place = todo.pop()
            group.add(place)
            for step in itertools.product((-1, 0, 1), repeat=mask.ndim):
                other = tuple(c + s for c, s in zip(place, step, strict=True))
                if other in left:
                    left.remove(other)
                    todo.append(other)
        found.append(group)
    return found


def slow_best(iou: list[list[float]], at_least: float) -> list[float]:
    """The one-to-one match of largest sum, by trying all."""
    best: list[float] = []
    rows, columns = len(iou), len(iou[0]) if iou else 0

    def choose(row: int, used: frozenset[int], so_far: list[float]) -> None:
        nonlocal best
        if row == rows:
            best = max(best, so_far, key=sum)
            return
        choose(row + 1, used, so_far)
        for column in range(columns):
            if column not in used and iou[row][column] >= at_least:
                choose(row + 1, used | {column}, [*so_far, iou[row][column]])

    choose(0, frozenset(), [])
    return best


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), three=st.booleans())
def test_objects_equal_their_definitions(seed: int, three: bool) -> None:
    rng = np.random.default_rng(seed)
    shape = (3, 4, 4) if three else (7, 8)
    for _ in range(20):
        x, y = (rng.random(shape) < rng.uniform(0.05, 0.35) for _ in range(2))
        first, second = slow_components(x), slow_components(y)
        assert labelled(x)[1] == len(first)
        if not first or not second or max(len(first), len(second)) > 6:
            continue
        iou = [[len(a & b) / len(a | b) for b in second] for a in first]
        assert sorted(overlaps(x, y).iou.ravel()) == pytest.approx(sorted(itertools.chain(*iou)))
        tp_ious = [value for value in itertools.chain(*iou) if value > 0.5]
        quality = sum(tp_ious) / (len(tp_ious) + 0.5 * (len(first) + len(second) - 2 * len(tp_ious)))
        assert PanopticQuality()(x, y) == pytest.approx(quality)
        precisions = []
        for threshold in (0.5, 0.7):
            tp = len(slow_best(iou, threshold))
            precisions.append(tp / (len(first) + len(second) - tp))
        assert AveragePrecision([0.5, 0.7])(x, y) == pytest.approx(sum(precisions) / 2)
        boxes = [[box_iou(a, b) for b in second] for a in first]
        assert sorted(box_overlaps(x, y).iou.ravel()) == pytest.approx(sorted(itertools.chain(*boxes)))
        pairs = slow_best(boxes, 0.1)
        assert sum(matched(box_overlaps(x, y).iou, 0.1)) == pytest.approx(sum(pairs))


def box_iou(first: set[tuple[int, ...]], second: set[tuple[int, ...]]) -> float:
    """Of the boxes' pixels, one by one."""

    def box(group: set[tuple[int, ...]]) -> set[tuple[int, ...]]:
        sides = [range(min(axis), max(axis) + 1) for axis in zip(*group, strict=True)]
        return set(itertools.product(*sides))

    a, b = box(first), box(second)
    return len(a & b) / len(a | b)


def test_boxes_by_iou_and_a_match_that_is_one_to_one() -> None:
    reference = np.zeros((20, 20), int)
    reference[0:4, 0:4], reference[10:14, 10:14] = 1, 2
    test = np.zeros_like(reference)
    test[0:4, 1:5], test[10:14, 12:16], test[0:4, 16:20] = 1, 2, 3  # IoU 12/20, 8/24, none
    assert BoxesMatched()(reference, test) == 0.5
    assert BoxesTouched()(reference, test) == 0.5
    one_for_two = np.zeros_like(reference)
    one_for_two[0:14, 0:14] = 1
    assert BoxesTouched()(reference, one_for_two) == 0.0, "each box overlaps by 16/196 only"
    assert matched(np.array([[0.9, 0.8], [0.8, 0.0]]), 0.1) == pytest.approx([0.8, 0.8]), "the sum counts, not the best pair first"
    assert BoxesMatched()(reference, 0 * reference) == 0.0
    assert BoxesMatched()(0 * reference, 0 * reference) == 1.0


def test_label_images_keep_objects_that_touch() -> None:
    labels = np.array([[1, 1, 2, 2], [1, 1, 2, 2]])
    assert labelled(labels)[1] == 2
    assert labelled(labels > 0)[1] == 1
    assert PanopticQuality()(labels, labels) == 1.0
    assert PanopticQuality()(labels, (labels > 0).astype(int)) == 0.0, "IoU .5 is no match"


# --- published figures, and what must not change a value ---


def test_a_square_moved_by_one_pixel() -> None:
    """8 × 8 moved 1 px: intersection 56, union 72; AHD 8/64, ASSD 14/28, HD 1; boundary F1 .5 in 64 × 64 at θ .68 px."""
    x, y = square(5, 5), square(5, 6)
    assert Jaccard()(x, y) == pytest.approx(0.7778, abs=5e-5)
    assert Dice()(x, y) == pytest.approx(112 / 128)
    assert AverageHausdorff()(x, y) == 0.125
    assert AverageSurfaceDistance()(x, y) == 0.5
    assert Hausdorff()(x, y) == 1.0
    x, y = square(20, 20, 64), square(20, 21, 64)
    assert BoundaryF1().theta((64, 64)) == pytest.approx(0.68, abs=0.005)
    assert BoundaryF1()(x, y) == 0.5


def test_means_leave_both_empty_pairs_out() -> None:
    """60 empty slices of 92, the others of Jaccard index .46: the mean is .46, and not .81."""
    reference = np.zeros((1, 100), bool)
    reference[0, :73] = True
    test = np.zeros_like(reference)
    test[0, 27:100] = True  # 46 of 100
    empty = np.zeros_like(reference)
    found = mean_agreement(Jaccard(), [(empty, empty)] * 60 + [(reference, test)] * 32)
    assert found.value == pytest.approx(0.46)
    assert (found.counted, found.both_empty, found.one_empty, found.undefined) == (32, 60, 0, 0)
    assert np.mean([Jaccard()(*pair) for pair in [(empty, empty)] * 60 + [(reference, test)] * 32]) == pytest.approx(0.81, abs=0.005)
    found = mean_agreement(Hausdorff(), [(reference, empty), (reference, reference)])
    assert (found.value, found.counted, found.one_empty, found.undefined) == (0.0, 1, 1, 1)
    assert math.isnan(mean_agreement(Dice(), [(empty, empty)]).value)


ALL: list[Callable[..., Any]] = [
    Accuracy, AverageHausdorff, AveragePrecision, AverageSurfaceDistance, BoundaryF1, BoxesMatched, Dice, GeneralisedDice, Hausdorff,
    Hausdorff95, Jaccard, PanopticQuality, Precision, Recall, Specificity, SurfaceDice,
]  # fmt: skip
SYMMETRIC = (
    AverageHausdorff,
    AveragePrecision,
    AverageSurfaceDistance,
    BoundaryF1,
    Dice,
    Hausdorff,
    Hausdorff95,
    Jaccard,
    PanopticQuality,
    SurfaceDice,
    Accuracy,
)


@pytest.mark.parametrize("metric", ALL)
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_swaps_transposes_padding_and_scales(metric: Callable[..., Any], seed: int) -> None:
    """Swapped arguments, transposed axes, background around, spacing × s: what each may and may not change."""
    rng = np.random.default_rng(seed)
    x, y = masks(rng, (7, 6))
    exactly = {"rel": 1e-12, "abs": 1e-12, "nan_ok": True}
    if metric in SYMMETRIC:
        assert metric()(x, y) == pytest.approx(metric()(y, x), **exactly)
    if metric is Precision:
        assert Precision()(x, y) == pytest.approx(Recall()(y, x), **exactly)
    fixed = {"tolerance": 1.0} if metric is BoundaryF1 else {}  # its own tolerance grows with the frame
    assert metric(**fixed)(x.T, y.T) == pytest.approx(metric(**fixed)(x, y), **exactly)
    if metric not in (Accuracy, GeneralisedDice, Specificity):  # which count the background
        padded = [np.pad(mask, 2) for mask in (x, y)]
        assert metric(**fixed)(*padded) == pytest.approx(metric(**fixed)(x, y), **exactly)
    if metric in DISTANCES:
        assert metric(spacing=(3.0, 1.5))(x, y) == pytest.approx(3.0 * metric(spacing=(1.0, 0.5))(x, y), **exactly)
        assert metric(spacing=(1.0, 0.5))(x, y) == pytest.approx(metric(spacing=(0.5, 1.0))(x.T, y.T), **exactly)
    if metric is SurfaceDice:
        assert metric(3.0, (3.0, 1.5))(x, y) == metric(1.0, (1.0, 0.5))(x, y)


# --- classes, policies, refusals ---


def test_classes_are_added_up_averaged_or_weighted() -> None:
    """Three classes by hand: recalls 3/4, 1/2 and 1."""
    reference = np.array([0, 0, 0, 0, 1, 1, 2, 2, 2, 2])
    test = np.array([0, 0, 0, 1, 1, 2, 2, 2, 2, 2])
    assert Recall("mean")(reference, test) == pytest.approx((3 / 4 + 1 / 2 + 1) / 3)
    assert Recall("weighted")(reference, test) == pytest.approx((4 * 3 / 4 + 2 * 1 / 2 + 4 * 1) / 10)
    assert Recall("global")(reference, test) == pytest.approx(8 / 10)
    assert Precision("mean")(reference, test) == pytest.approx((3 / 3 + 1 / 2 + 4 / 5) / 3)
    assert Accuracy("global")(reference, test) == pytest.approx(26 / 30)
    assert Recall()(reference, test) == 1.0
    only_test = np.where(reference == 1, 3, reference)
    assert Recall("mean")(reference, only_test) == pytest.approx((1 + 0 + 1) / 3), "a class without pixels has no recall"
    with pytest.raises(InvalidOption, match="global"):
        Recall("micro")


@pytest.mark.parametrize("metric", ALL)
def test_one_policy_for_empty_masks(metric: Callable[..., Any]) -> None:
    empty, full = np.zeros((4, 4), bool), np.ones((4, 4), bool)
    distance = metric in DISTANCES
    assert metric()(empty, empty) == (0.0 if distance else 1.0)
    for pair in ((empty, full), (full, empty)):
        found = metric()(*pair)
        assert math.isnan(found) if distance else found == 0.0


@pytest.mark.parametrize("metric", [one for one in ALL if one is not Specificity])
def test_labels_count_as_foreground_and_large_masks_do_not_wrap(metric: Callable[..., Any]) -> None:
    labels = np.zeros((300, 300), np.uint8)
    labels[:200] = 200
    mask = (labels > 0).astype(np.uint8) if metric is not GeneralisedDice else labels
    assert metric()(labels, mask) == (0.0 if metric in DISTANCES else 1.0)
    with pytest.raises(ShapeMismatch):
        metric()(labels, labels[:5])
    with pytest.raises(UnsupportedArray):
        metric()(labels, labels.astype(float))


def test_wrong_spacings_and_tolerances_are_refused() -> None:
    for wrong in ((0.0, 1.0), (1.0, math.nan), ()):
        with pytest.raises(InvalidOption, match="spacing"):
            Hausdorff(wrong)
    with pytest.raises(ShapeMismatch, match="spacing"):
        Hausdorff((1.0, 1.0, 1.0))(square(1, 1), square(1, 2))
    for made in (lambda: SurfaceDice(-1.0), lambda: BoundaryF1(math.nan), lambda: AveragePrecision([0.0])):
        with pytest.raises(InvalidOption):
            made()
