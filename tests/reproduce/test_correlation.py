"""Pearson's r, and the loss that is made of it, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from sigmaraw.reproduce.correlation import correlation, exceeds, pcc_loss, reaches


def test_correlation_is_pearsons() -> None:
    a, b = np.random.default_rng(1).standard_normal((2, 50))
    assert correlation(a, a + b) == pytest.approx(np.corrcoef(a, a + b)[0, 1])
    assert correlation(a, np.ones(50)) == 0


def test_the_loss_is_that_of_pearsons_correlation() -> None:
    random = np.random.default_rng(0)
    truth, predicted = random.random((16, 16)) > 0.6, random.random((16, 16))
    assert pcc_loss(predicted, truth) == pytest.approx((1 - np.corrcoef(predicted.ravel(), truth.ravel())[0, 1]) / 2)
    assert pcc_loss(truth.astype(float), truth) == pytest.approx(0) and pcc_loss(np.ones((16, 16)), truth) == 0.5
    assert np.isnan(correlation([1.0, np.nan], [1.0, 2.0])), "a value that is undefined is not hidden"


def test_an_r_is_held_against_a_limit_with_its_standard_error() -> None:
    """Of samples whose true r is the limit, and of two whose true r are equal, 1 in 44 fails: two standard errors, one side."""
    random, count, runs = np.random.default_rng(5), 80, 4000
    x = random.standard_normal((2, runs, count))
    y = 0.95 * x + np.sqrt(1 - 0.95**2) * random.standard_normal(x.shape)
    r = np.array([[correlation(a, b) for a, b in zip(*one, strict=True)] for one in zip(x, y, strict=True)])
    tolerance = 4 * np.sqrt(0.0228 / runs)
    assert abs(np.mean([not reaches(one, 0.95, count) for one in r[0]]) - 0.0228) <= tolerance
    assert abs(np.mean([exceeds(one, other, count) for one, other in r.T]) - 0.0228) <= tolerance
    assert reaches(1.0, 0.95, 4) and not reaches(0.5, 0.95, 80) and exceeds(1.0, 0.9, 80) and not exceeds(1.0, 1.0, 80)
