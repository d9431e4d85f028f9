"""Classical segmentations: each against its definition, a known scene, or scikit-image. tests/contracts has their conformance."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from skimage.filters import threshold_isodata, threshold_minimum

import sigmaraw as sr
from sigmaraw.pipelines.classical.iterative_mean import IterativeMeanPipeline


def discs(centres: list[tuple[int, int]], radius: int, light: np.ndarray | float = 40.0, shape: tuple[int, int] = (96, 96)) -> np.ndarray:
    """Discs of 400 e- on a background, 12 bit."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    inside = np.zeros(shape, bool)
    for cy, cx in centres:
        inside |= (y - cy) ** 2 + (x - cx) ** 2 <= radius**2
    return np.clip(100 + np.random.default_rng(2).poisson(light + 400.0 * inside), 0, 4095).astype(np.uint16)


APART = [(20, 20), (20, 70), (70, 30), (65, 75)]


@pytest.mark.parametrize(
    "spec",
    [
        "bimodal",
        "iterative-mean",
        "local:block=41",
        "two-step:block=61",
        "rolling-ball:radius=30",
        "percentile-clip:percentile=50",
        "watershed",
    ],
)
def test_discs_apart_are_counted_and_have_their_area(spec: str) -> None:
    values = sr.pipeline(f"{spec},min_size=30" if ":" in spec else f"{spec}:min_size=30")(discs(APART, 9))
    area = np.count_nonzero(discs(APART, 9, light=0.0) > 200)
    assert values["count"] == 4
    assert values["area"] == pytest.approx(area, rel=2 * 0.2 / 9)  # an edge that is off by d = 0.2 px changes πr² by 2d/r of it


def test_uneven_light_defeats_otsu_and_not_a_local_threshold_or_a_rolling_ball() -> None:
    slope = np.broadcast_to(np.linspace(20, 1400, 96), (96, 96))
    frame = discs(APART, 9, light=slope)
    assert sr.pipeline("otsu:min_size=30")(frame)["area"] > 3000  # the bright half of the image
    for spec in ("local:block=41,min_size=60", "rolling-ball:radius=15,min_size=60"):
        assert sr.pipeline(spec)(frame)["count"] == 4


def test_touching_discs_are_split_by_the_watershed_alone() -> None:
    frame = discs([(30, 30), (30, 46), (70, 70)], 9)
    assert sr.pipeline("otsu:min_size=30")(frame)["count"] == 2
    assert sr.pipeline("watershed")(frame)["count"] == 3
    plain, split = (
        sr.pipeline("otsu:min_size=30,measure=area+total_intensity")(frame),
        sr.pipeline("watershed:measure=area+total_intensity")(frame),
    )
    assert split == plain
    volume = np.stack([frame, frame, frame])
    assert sr.pipeline("watershed")(volume)["count"] == 3


def test_thresholds_are_those_of_scikit_image() -> None:
    frame = discs(APART, 9)
    threshold = IterativeMeanPipeline("iterative-mean").threshold(frame)
    # The loop ends within its tolerance of 0.5 DN, and isodata at the middle of one of 256 bins: only pixels between may differ.
    apart = 0.5 + np.ptp(frame) / 256
    between = np.count_nonzero(np.abs(frame - threshold) <= apart)
    assert abs(int((frame > threshold).sum()) - int((frame > threshold_isodata(frame)).sum())) <= min(between, 10)
    above = frame > threshold
    assert threshold == pytest.approx((frame[above].mean() + frame[~above].mean()) / 2, abs=0.5)
    expected = (frame > threshold_minimum(frame.astype(float))).sum()
    assert sr.pipeline("bimodal")(frame)["area"] == expected


def test_an_image_without_two_peaks_has_undefined_measurements() -> None:
    flat = np.full((40, 40), 100, np.uint16)
    flat[0, 0] = 101
    frame = np.random.default_rng(0).integers(100, 102, (40, 40)).astype(np.uint16)
    for image in (flat, frame, np.arange(1600, dtype=np.uint16).reshape(40, 40)):
        values = sr.pipeline("bimodal")(image)
        assert set(values) == {"count", "area", "total_intensity", "mean_intensity"}
    ramp = np.arange(1600, dtype=np.uint16).reshape(40, 40)
    pipeline: Any = sr.pipeline("bimodal")
    labels, values = pipeline.segmented(ramp)
    assert np.isnan(list(pipeline(ramp).values())).all() and np.isnan(list(values.values())).all()
    for found in (labels, pipeline.mask(ramp)):
        assert found.shape == ramp.shape and not found.any()


def test_pixels_below_zero_are_segmented_as_the_same_pixels_above_it() -> None:
    frame = discs(APART, 9).astype(np.int16)
    iterative = IterativeMeanPipeline("iterative-mean")
    # Sums of whole numbers below 2^53 are exact; each of the few quotients of the loop rounds by 2^-53 of less than 4096.
    assert iterative.threshold(frame - 1024) == pytest.approx(iterative.threshold(frame) - 1024, abs=1e-9)
    two_step: Any = sr.pipeline("two-step:block=61")
    near, far = two_step.mask(frame - 1024), two_step.mask(frame - 4000)
    np.testing.assert_array_equal(near, far)
    assert near.any()


def test_vesicles_are_found_below_a_bright_haze() -> None:
    y, x = np.mgrid[:96, :96]
    haze = 300 * np.exp(-((y - 48) ** 2 + (x - 48) ** 2) / 1800)
    dots = sum(
        250 * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2 * 1.6**2)) for cy, cx in ((20, 30), (40, 60), (50, 40), (70, 70), (80, 20))
    )
    frame = (100 + np.random.default_rng(1).poisson(30 + haze + dots)).astype(np.uint16)
    assert sr.pipeline("cip")(frame)["count"] == 5
    assert sr.pipeline("otsu")(frame)["count"] != 5
