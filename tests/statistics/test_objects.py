"""Scores of single objects against the scores of a study's rows, and what a replica without the object changes."""

from __future__ import annotations

import numpy as np
import pytest

from sigmaraw.statistics.objects import object_scores
from sigmaraw.statistics.spread import pool


def test_an_object_that_is_always_found_has_the_sigma_and_shift_of_a_row() -> None:
    random = np.random.default_rng(4)
    raw = random.normal(50, 3, (3, 40, 2))
    decoded = raw[1] + random.normal(1, 0.5, (40, 2))
    found = object_scores(np.array([50.0, 51]), np.array([52.0, 51]), raw, 1, decoded)
    for index in range(2):
        sigma = pool(raw[:, :, index], False).sigma
        assert found.sigma[index] == pytest.approx(sigma)
        assert found.epsilon_hat[index] == pytest.approx((decoded - raw[1])[:, index].mean() / sigma)
    np.testing.assert_allclose(found.epsilon, [2 / found.sigma[0], 0])
    assert found.n_raw.tolist() == [120, 120]
    # u covers the spread of ε̂ over repetitions: its mean square is their variance, within 4 SE = 4·√(2/200)
    repeats = []
    for _ in range(200):
        raw = random.normal(50, 3, (3, 40, 1))
        scores = object_scores(np.array([50.0]), np.array([50.0]), raw, 1, raw[1] + random.normal(3, 2, (40, 1)))
        repeats.append((scores.epsilon_hat[0], scores.u[0]))
    values, u = np.array(repeats).T
    assert values.var(ddof=1) == pytest.approx((u**2).mean(), rel=4 * np.sqrt(2 / 200))


def test_replicas_without_the_object_are_left_out() -> None:
    random = np.random.default_rng(5)
    raw = random.normal(0, 1, (2, 10, 1))
    decoded = raw[1] + 1
    raw[0, 3], raw[1, 2], decoded[5] = np.nan, np.nan, np.nan
    found = object_scores(np.zeros(1), np.array([np.nan]), raw, 1, decoded)
    kept = [np.delete(raw[0, :, 0], 3), np.delete(raw[1, :, 0], 2)]
    s = np.sqrt(sum(((group - group.mean()) ** 2).sum() for group in kept) / 16)
    assert found.sigma[0] == pytest.approx(s, rel=0.02)  # c₄(16) is 0.985
    assert (found.n_raw[0], found.n[0]) == (18, 8)
    assert found.epsilon_hat[0] == pytest.approx(1 / found.sigma[0])
    assert np.isnan(found.epsilon[0])


def test_an_object_that_never_varies_has_no_score_but_zero() -> None:
    raw = np.full((2, 5, 2), 7.0)
    decoded = np.stack([raw[1, :, 0], raw[1, :, 1] + 1], axis=1)
    found = object_scores(np.array([7.0, 7]), np.array([7.0, 8]), raw, 1, decoded)
    np.testing.assert_array_equal(found.epsilon_hat, [0, np.nan])
    np.testing.assert_array_equal(found.epsilon, [0, np.nan])
