"""Each measure against numbers by hand, scikit-image, or a slow twin."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import ndimage
from skimage.feature import graycomatrix, graycoprops
from skimage.measure import regionprops
from skimage.metrics import structural_similarity

from sigmaraw.errors import ShapeMismatch
from sigmaraw.measurements import Measures
from sigmaraw.measurements.skeleton import degrees, edges
from sigmaraw.measurements.texture import cooccurrence, grey_levels, properties
from sigmaraw.pipelines import measure


def blobs(shape: tuple[int, ...], seed: int = 0, share: float = 75) -> tuple[np.ndarray, np.ndarray, int]:
    """An image of smooth blobs with its labels."""
    image = (ndimage.gaussian_filter(np.random.default_rng(seed).random(shape), 2) * 60000).astype(np.uint16)
    labels, count = ndimage.label(image > np.percentile(image, share))
    return image, labels, count


@pytest.mark.parametrize("shape", [(60, 70), (12, 24, 30)])
def test_the_four_measurements_of_a_mask_have_the_same_bits_by_either_way(shape: tuple[int, ...]) -> None:
    image, _, _ = blobs(shape)
    mask = image > np.percentile(image, 80)
    labels, count = ndimage.label(mask, np.ones((3,) * len(shape)))
    assert Measures()(image, labels, count) == measure(image, mask)


def test_shapes_agree_with_scikit_image() -> None:
    image, labels, count = blobs((80, 90))
    found = Measures("diameter+eccentricity+solidity").of_objects(image, labels, count)
    for name, attribute in (("diameter", "equivalent_diameter_area"), ("eccentricity", "eccentricity"), ("solidity", "solidity")):
        np.testing.assert_allclose(found[name], [getattr(region, attribute) for region in regionprops(labels)], atol=1e-9)


def test_a_ball_and_a_rod_by_hand() -> None:
    labels = np.zeros((9, 9, 30), np.int32)
    labels[4, 4, 3:23] = 1
    values = Measures("volume+diameter+length+eccentricity+branches", pixel_size=(2.0, 1.0, 0.5))(labels.astype(np.uint8), labels, 1)
    assert values["volume"] == 20  # 20 pixels of 1 µm³
    assert values["diameter"] == pytest.approx((6 * 20 / math.pi) ** (1 / 3))
    assert values["length"] == pytest.approx(0.5 * 19)
    assert (values["eccentricity"], values["branches"]) == (1, 0)


def test_a_volume_of_a_frame_is_refused_and_so_is_a_pixel_size_of_other_axes() -> None:
    image, labels, count = blobs((20, 20))
    with pytest.raises(ShapeMismatch, match="measure=area"):
        Measures("volume")(image, labels, count)
    with pytest.raises(ShapeMismatch, match="a size for each axis"):
        Measures("area", pixel_size=(1.0, 1.0, 1.0))(image, labels, count)


def test_intensity_above_background_by_hand() -> None:
    image = np.array([[10, 10, 50, 60], [11, 30, 30, 5]], np.uint16)
    labels = np.array([[0, 0, 1, 1], [0, 2, 2, 0]])
    values = Measures("above_background").of_objects(image, labels, 2)["above_background"]
    np.testing.assert_allclose(values, [110 - 2 * 10, 60 - 2 * 10])  # the median outside is 10
    assert Measures("above_background", {"above_background.level": 5.0})(image, labels, 2) == {"above_background": 170 - 4 * 5}
    assert math.isnan(Measures("above_background")(image, np.ones_like(labels), 1)["above_background"])


def test_a_cross_has_one_branch_point_and_the_length_of_its_arms() -> None:
    mask = np.zeros((41, 41), bool)
    mask[20, 5:36] = mask[5:36, 20] = True
    values = Measures("length+branches")(mask.astype(np.uint8), mask.astype(np.int32), 1)
    assert values == {"length": 60, "branches": 1}


def slow_edges(skeleton: np.ndarray) -> dict[tuple[tuple[int, ...], tuple[int, ...]], float]:
    """The slow twin: two pixels are joined unless a third one of the skeleton is between them."""
    points = [tuple(map(int, point)) for point in np.argwhere(skeleton)]
    joined = {}
    for i, one in enumerate(points):
        for other in points[:i]:
            if max(abs(a - b) for a, b in zip(one, other, strict=True)) == 1:
                box = [sorted((a, b)) for a, b in zip(one, other, strict=True)]
                between = [
                    p for p in points if p not in (one, other) and all(low <= x <= high for x, (low, high) in zip(p, box, strict=True))
                ]
                if not between:
                    joined[other, one] = math.dist(one, other)
    return joined


@pytest.mark.parametrize("shape", [(9, 11), (5, 6, 7)])
def test_edges_and_degrees_agree_with_the_slow_twin(shape: tuple[int, ...]) -> None:
    for seed in range(5):
        skeleton = np.random.default_rng(seed).random(shape) < 0.35
        slow = slow_edges(skeleton)
        fast = sum(math.sqrt(sum(by * by for by in step)) * np.count_nonzero(joined) for step, joined in edges(skeleton))
        assert fast == pytest.approx(sum(slow.values()))
        expected = np.zeros(shape, int)
        for pair in slow:
            for point in pair:
                expected[point] += 1
        np.testing.assert_array_equal(degrees(skeleton), expected)


def test_texture_agrees_with_scikit_image() -> None:
    image, _, _ = blobs((40, 44))
    grey = grey_levels(image, 16)
    p = cooccurrence(grey, np.ones(image.shape, bool), 16, 1)
    angles = [0, math.pi / 4, math.pi / 2, 3 * math.pi / 4]
    counts = graycomatrix(grey.astype(np.uint8), [1], angles, 16, symmetric=True).sum(axis=3, keepdims=True)
    np.testing.assert_allclose(p, counts[..., 0, 0] / counts.sum())
    for name, value in properties(p).items():
        assert value == pytest.approx(graycoprops(counts / counts.sum(), name)[0, 0], rel=1e-9)


def test_texture_of_objects_and_of_volumes_counts_pairs_inside() -> None:
    grey = np.arange(27).reshape(3, 3, 3) % 4
    mask = np.ones(grey.shape, bool)
    mask[0] = False
    p = cooccurrence(grey, mask, 4, 1)
    expected = np.zeros((4, 4))
    points = np.argwhere(mask)
    for one in points:
        for other in points:
            if np.abs(one - other).max() == 1:
                expected[grey[tuple(one)], grey[tuple(other)]] += 1
    np.testing.assert_allclose(p, expected / expected.sum())


def test_a_reference_image_is_compared_with_the_prediction_where_there_is_one(tmp_path: pytest.TempPathFactory) -> None:
    image, labels, count = blobs((24, 26))
    other, _, _ = blobs((24, 26), seed=1)
    path = f"{tmp_path}/reference.npy"
    np.save(path, other)
    measures = Measures("pcc+ssim", {"pcc.reference": path, "ssim.reference": path})
    plain = measures(image, labels, count)
    assert plain["pcc"] == pytest.approx(np.corrcoef(image.ravel(), other.ravel())[0, 1])
    span = float(other.max()) - float(other.min())
    assert plain["ssim"] == pytest.approx(structural_similarity(image.astype(float), other.astype(float), data_range=span))
    predicted = measures(image, labels, count, prediction=2.0 * other + 3)
    assert predicted["pcc"] == pytest.approx(1)
    with pytest.raises(ShapeMismatch, match=r"reference\.npy"):
        measures(image[:-1], labels[:-1], count)


def test_classes_are_measured_apart() -> None:
    image, labels, _ = blobs((30, 30))[0], np.zeros((30, 30), np.int32), 0
    labels[2:5, 2:5], labels[10:12, 10:12], labels[20:24, 20:21] = 1, 2, 3
    measures = Measures("count+area", classes=("cell", "debris"))
    values = measures(image, labels, 3, classes=np.array([1, 2, 1]))
    assert values == {"count_cell": 2, "area_cell": 13, "count_debris": 1, "area_debris": 4}
    assert [row.symbol for row in measures.measurements] == ["N(cell)", "A(cell)", "N(debris)", "A(debris)"]
