"""What would decide a row: the advised n does decide it, and no number is advised where none helps."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sigmaraw.statistics import Evidence, RowLimits, measure
from sigmaraw.statistics.remedy import Means, images_that_decide, what_decides


def rows(n: int, runs: int, u: float, shift: float, seed: int = 1):  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(seed)
    raw = rng.normal(size=(runs, 2, n))
    return measure(raw, raw[:, 1] + shift + 0.4 * rng.normal(size=(runs, n)), 1, u_relative=u)


def _decided(evidence: Evidence, limits: RowLimits) -> float:
    return float((evidence.inside(limits).all(axis=0) | evidence.beyond(limits).any(axis=0)).mean())


def test_the_advised_n_decides_in_about_four_of_five_studies() -> None:
    limits = RowLimits(1.0, 1.25, 1e9)
    answers = [a for a in what_decides(rows(40, 60, 0.0, 0.7), limits) if a.means is Means.REPLICAS]
    assert len(answers) > 20
    n = int(np.median([a.n for a in answers if a.n]))
    rate = _decided(rows(n, 400, 0.0, 0.7, seed=2), limits)
    assert rate >= 0.65  # wanted .80; the estimate that advice starts from scatters itself
    needed = next(n for n in range(10, 1000, 10) if _decided(rows(n, 400, 0.0, 0.7, seed=3), limits) >= 0.8)
    # Rows still open at 40 have unlucky estimates, which the advice takes as they are: too many, by less than a factor of 3.
    assert n <= 3 * needed


def test_decided_is_inside_or_beyond() -> None:
    """Rows within, beyond and between, in shift, spread (either way) and RMS; with and without rare changes; by three levels."""
    rng = np.random.default_rng(6)
    shift, spread = rng.uniform(-2, 2, 300), np.exp(rng.uniform(-0.7, 0.7, 300))
    raw = rng.normal(size=(300, 2, 30))
    smooth = measure(raw, spread[:, None] * raw[:, 1] + shift[:, None] + 0.2 * rng.normal(size=(300, 30)), 1)
    counts = rng.poisson(6, (300, 2, 30)).astype(float)
    rare = measure(counts, counts[:, 1] + (rng.random((300, 30)) < rng.uniform(0, 0.3, (300, 1))), 1, step=np.ones(300), discrete=True)
    assert rare.rare.any() and not smooth.rare.any()
    for evidence in (smooth, rare):
        for limits in (RowLimits(1.0, 1.25, 1e9), RowLimits(1e9, 1.25, 1e9), RowLimits(1e9, 1e9, 1.0), RowLimits()):
            for alpha in (0.01, 0.05, np.full(300, 0.2)):
                wanted = evidence.inside(limits, alpha).all(axis=0) | evidence.beyond(limits, alpha).any(axis=0)
                np.testing.assert_array_equal(evidence.decided(limits, alpha), wanted)
            assert 0 < wanted.sum() < 300 or evidence is rare


def test_no_number_of_replicas_helps_where_sigma_is_not_known() -> None:
    found = what_decides(rows(400, 3, 0.6, 0.7), RowLimits(1.0, 1e9, 1e9))
    assert {a.means for a in found} == {Means.UNCERTAINTY}
    assert str(found[0]) == "no number of replicas: σ_raw itself is too uncertain; state u_mode, take real repeats, or set a margin"
    assert {a.means for a in what_decides(rows(400, 3, 0.0, 0.1), RowLimits())} == {Means.NOTHING}


def test_no_raw_variation_asks_for_a_margin() -> None:
    flat = np.zeros((1, 2, 20))
    assert what_decides(measure(flat, flat[:, 1], 1), RowLimits())[0].means is Means.MARGIN


def test_images_that_decide_equals_the_t_formula() -> None:
    values = np.array([0.2, 0.9, -0.1, 0.8, 0.1])
    found = images_that_decide(values, 0.7)
    assert found.means is Means.IMAGES
    assert found.more_images is not None
    total = 5 + found.more_images
    from scipy import stats

    stretch = 1 + stats.norm.ppf(0.8) / stats.norm.ppf(0.95)

    def reach(j: int) -> float:
        return float(stats.t.ppf(0.95, j - 1)) * float(values.std(ddof=1)) / math.sqrt(j) * stretch

    assert values.mean() + reach(total) <= 0.7 < values.mean() + reach(total - 1)
    assert str(found) == f"{found.more_images} more images"
    assert images_that_decide(np.array([0.1, 0.11, 0.09]), 1.0).means is Means.NOTHING
    assert images_that_decide(np.array([0.8, 0.81, 0.79]), 1.0, u_relative=0.5).means is Means.UNCERTAINTY
    assert images_that_decide(np.array([0.1]), 1.0).more_images == 2


@pytest.mark.parametrize(("value", "text"), [(161.0, 170), (99.0, 99), (12345.0, 13000)])
def test_advice_has_two_digits(value: float, text: int) -> None:
    from sigmaraw.statistics.remedy import _two_digits

    assert _two_digits(value) == text
