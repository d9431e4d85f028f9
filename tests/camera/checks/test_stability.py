"""Dark drift over several levels: the smallest of k chances counts k times; distances to the nearest frame."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2

from sigmaraw.camera.checks.evidence import CHANCE, SeriesEvidence, distance_to_nearest
from sigmaraw.camera.checks.result import CheckOutcome
from sigmaraw.camera.checks.stability import dark_drift
from sigmaraw.camera.fitting.transfer import GainFit, TransferData
from sigmaraw.camera.measuring.evidence import LevelEvidence
from sigmaraw.camera.measuring.lines import LineNoise
from sigmaraw.camera.measuring.moments import LevelMoments
from sigmaraw.camera.values import Estimate

FRAMES, SIDE = 5, 10


def dark_level(chance: float) -> tuple[LevelMoments, LevelEvidence]:
    """A level of white noise, 1 DN², whose frame means scatter by a χ² of that chance (4 degrees of freedom, noise 1/100 DN²)."""
    noise = 1.0 / SIDE**2
    means = np.linspace(-1.0, 1.0, FRAMES)
    means *= np.sqrt(chi2.isf(chance, FRAMES - 1) * noise / (FRAMES - 1) / means.var(ddof=1))
    moments = LevelMoments(100.0, 1.0, 1e-4, 0.0, FRAMES, FRAMES // 2, SIDE**2, 100.0 + means, 95, 105, 0.0, 0.0)
    lines = LineNoise(1.0 / SIDE, 1.0 / SIDE)
    keep = np.ones(FRAMES, dtype=bool)
    return moments, LevelEvidence(lines, (SIDE, SIDE), FRAMES, keep, 0.0, 0.0, 1.0, SIDE**2, (), 0, 0, 0, 0.0)


def outcome_of(chances: list[float]) -> CheckOutcome:
    moments, evidence = zip(*map(dark_level, chances), strict=True)
    data = TransferData(moments[:1], moments, np.zeros(1, dtype=np.intp))
    gain = Estimate(1.0, 0.1)
    fit = GainFit(gain, gain, 1.0, np.ones(1, dtype=bool), np.ones(1), ())
    return dark_drift(SeriesEvidence(data, fit, evidence, evidence[:1], None, 1000.0, 4095)).outcome


@pytest.mark.parametrize("levels", [2, 20])
def test_dark_drift_shares_its_chance_among_the_levels(levels: int) -> None:
    """Bonferroni: of k levels the smallest chance fails below CHANCE/k. χ²(4) at .001: scatter .19 of the dark noise; limit .05."""
    quiet = [0.5] * (levels - 1)
    assert outcome_of([0.99 * CHANCE]) is CheckOutcome.FAIL
    assert outcome_of([1.01 * CHANCE]) is CheckOutcome.PASS
    assert outcome_of([*quiet, 1.01 * CHANCE / levels]) is CheckOutcome.PASS
    assert outcome_of([*quiet, 0.99 * CHANCE / levels]) is CheckOutcome.FAIL


def test_the_nearest_frame_is_the_one_that_comparing_all_finds() -> None:
    """Ties, single values and no others included; the slow twin compares each with each."""
    random = np.random.default_rng(8)
    for digits in (0, 1, 12):
        for count, of_others in ((1, 0), (1, 3), (2, 1), (40, 60)):
            values, others = np.round(random.normal(0, 5, count), digits), np.round(random.normal(0, 5, of_others), digits)
            own = np.abs(values[:, None] - values) + np.where(np.eye(count, dtype=bool), np.inf, 0.0)
            assert np.array_equal(distance_to_nearest(values), own.min(axis=1))
            assert np.array_equal(distance_to_nearest(values, others), np.abs(values[:, None] - others).min(axis=1, initial=np.inf))
