"""Pearson's r, and the loss that is made of it, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from sigmaraw.reproduce.correlation import correlation, pcc_loss


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
