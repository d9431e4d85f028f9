"""Three statements over images: their error rates at a limit, what they say of few images, specimens, and order."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from sigmaraw.errors import InvalidOption, UndefinedStatistic
from sigmaraw.statistics import Evidence, RowLimits, measure
from sigmaraw.statistics.image_means import mean_bounds
from sigmaraw.statistics.images import Ground, judge_images, mean_effect, share_of_images, these_images
from tests.statistics.proportions import at_most

from .error_rates import rare_failures, rates


def images(shifts: np.ndarray, n: int = 50, seed: int = 1, noise: float = 0.3) -> Evidence:
    rng = np.random.default_rng(seed)
    raw = rng.normal(size=(shifts.size, 2, n))
    return measure(raw, raw[:, 1] + shifts[:, None] + noise * rng.normal(size=(shifts.size, n)), 1)


@pytest.mark.requirement("R-IMAGES")
def test_a_harmless_codec_passes_whatever_the_number_of_images() -> None:
    for j in (3, 10, 30):
        found = judge_images(images(np.full(j, 0.1), 20, seed=j), RowLimits(spread=1.4))
        assert (found.verdict, found.ground) == ("PASS", Ground.MEAN_INSIDE)


def test_one_or_two_images_have_no_mean_and_say_so() -> None:
    for j in (1, 2):
        found = judge_images(images(np.full(j, 0.1), 200), RowLimits())
        assert found.mean.ground is Ground.FEW_IMAGES
        assert (found.verdict, found.ground) == ("PASS", Ground.ALL_INSIDE)


def test_an_image_shown_beyond_a_limit_fails_the_codec() -> None:
    shifts = np.zeros(30)
    shifts[4] = 3.0
    found = judge_images(images(shifts, 100), RowLimits(rms=10.0))
    assert found.mean.value < 0.2  # the mean alone would not condemn it
    assert found.mean.verdict == "INCONCLUSIVE"
    assert (found.verdict, found.ground, found.these.failed) == ("FAIL", Ground.IMAGE_BEYOND, 1)
    assert judge_images(images(np.full(10, 2.0)), RowLimits()).mean.ground is Ground.MEAN_BEYOND


def test_one_bad_image_in_ten_rarely_passes() -> None:
    runs = 400
    rate = rare_failures(20, 30, runs)  # .9³⁰ = .042 of studies hold no bad image
    assert rate <= at_most(0.05, runs)
    assert rate > 0.0


@pytest.mark.requirement("R-IMAGES")
@pytest.mark.parametrize("kind", ["normal", "exponential", "Poisson .3"])
def test_every_statement_errs_in_five_percent_at_its_limit(kind: str) -> None:
    runs = 400
    found = {(name, j): rate for name, j, rate in rates(kind, 20, 0.23, runs)}
    assert {name for name, _ in found} == {"these-images", "mean shift", "mean RMS", "share-of-images"}
    assert max(found.values()) <= at_most(0.055, runs)
    assert found["share-of-images", 10] > 0.01  # the bound is sharp, and the study can fail


def test_an_image_twice_under_one_specimen_narrows_nothing() -> None:
    shifts = np.array([0.1, 0.4, -0.2, 0.3])
    one = images(shifts)
    twice = one.take(np.array([0, 0, 0, 0, 1, 2, 3]))
    names = ["a", "a", "a", "a", "b", "c", "d"]
    plain, repeated = mean_effect(one, RowLimits(), specimens=["a", "b", "c", "d"]), mean_effect(twice, RowLimits(), specimens=names)
    assert (repeated.high, repeated.value, repeated.units) == (plain.high, plain.value, 4)
    assert mean_effect(twice, RowLimits()).units == 7


def test_images_may_come_in_any_order() -> None:
    evidence = images(np.linspace(-0.3, 0.5, 9))
    order = np.random.default_rng(3).permutation(9)
    first, second = judge_images(evidence, RowLimits()), judge_images(evidence.take(order), RowLimits())
    for a, b in ((first.these, second.these), (first.mean, second.mean), (first.share, second.share)):
        assert (a.verdict, a.ground, a.passed, a.failed) == (b.verdict, b.ground, b.passed, b.failed)
        assert (a.value, a.low, a.high) == pytest.approx((b.value, b.low, b.high), rel=1e-12)


def test_changes_that_no_image_showed_are_bounded_over_all_their_replicas() -> None:
    """Counts that never changed have no scatter over images: the mean's t would be zero."""
    rng = np.random.default_rng(4)
    raw = rng.poisson(0.2, (3, 2, 20)).astype(float)
    evidence = measure(raw, raw[:, 1], 1, step=1.0, discrete=True)
    bounds = mean_bounds(evidence)
    sigma = np.sqrt(raw.var(axis=2, ddof=1).mean(axis=1))
    expected = -math.log(0.05) / 60 * float(np.mean(1.0 / sigma**2))
    assert float(bounds.square_high) == pytest.approx(expected, rel=0.05)  # c₄ aside
    many = rng.poisson(0.2, (30, 2, 200)).astype(float)
    assert mean_effect(measure(many, many[:, 1], 1, step=1.0, discrete=True), RowLimits()).verdict == "PASS"


def test_common_uncertainty_does_not_average_out() -> None:
    rng = np.random.default_rng(5)
    raw = rng.normal(size=(30, 2, 100))
    decoded = raw[:, 1] + 0.6
    sure, unsure = (measure(raw, decoded, 1, u_relative=u) for u in (0.0, 0.5))
    assert mean_effect(sure, RowLimits()).verdict == "PASS"
    assert mean_effect(unsure, RowLimits()).verdict == "INCONCLUSIVE"
    assert mean_effect(unsure, RowLimits()).high == pytest.approx(0.6 * math.exp(1.6449 * 0.5), rel=0.05)


@pytest.mark.requirement("R-IMAGES")
def test_share_is_clopper_pearson_and_needs_31_images_for_ten_percent() -> None:
    zeros, ones = np.zeros(30), np.ones(30)
    assert share_of_images(zeros, ones).verdict == "INCONCLUSIVE"
    assert share_of_images(np.zeros(31), np.ones(31)).verdict == "PASS"
    inside = np.zeros(40)
    inside[:3] = 0.5
    found = share_of_images(inside, np.ones(40))
    limit = stats.binomtest(3, 40).proportion_ci(0.90, method="exact").high
    assert found.high == pytest.approx(limit / 0.95, rel=1e-9)
    assert share_of_images(np.ones(20), np.zeros(20)).verdict == "FAIL"
    assert share_of_images(np.zeros(6), np.ones(6), specimens=["a", "a", "b", "b", "c", "c"]).units == 3
    with pytest.raises(InvalidOption):
        share_of_images(zeros, ones, share=1.0)


@pytest.mark.requirement("R-IMAGES")
def test_undefined_images_are_no_evidence_of_a_pass() -> None:
    evidence = images(np.zeros(5), 200)
    found = judge_images(evidence, RowLimits(), undefined=1)
    assert (found.verdict, found.ground) == ("INCONCLUSIVE", Ground.UNDEFINED)
    assert found.share.units == 6
    with pytest.raises(UndefinedStatistic):
        judge_images(evidence, RowLimits(), specimens=["a"])


@pytest.mark.requirement("R-VERDICT")
def test_family_wise_error_over_20_measurements_and_6_codecs() -> None:
    """Holm over 120 true nulls: any rejection in at most 5 % of families; SE √(.05·.95/runs)."""
    rng, runs = np.random.default_rng(6), 2000
    p = rng.random((runs, 120))
    any_rejected = np.mean([these_images(np.ones(120), row).failed > 0 for row in p])
    assert any_rejected <= at_most(0.05, runs)
    assert any_rejected >= 0.03
