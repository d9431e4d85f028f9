"""Rows that are assessed together get the numbers that each gets by itself, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest

from sigmaraw.statistics import Limits, assess, ks_test
from sigmaraw.statistics.equality import ks_tests
from sigmaraw.statistics.row_parts import parts_of_rows, raw_summary


def predictions(kind: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Raw predictions (row, group, replica) and decoded ones (row, replica): ordinary rows, constants, equal answers, missing ones."""
    random = np.random.default_rng([seed, len(kind)])
    shape = (8, 3, 30)
    raw = random.poisson(4.0, shape).astype(float) if kind == "counts" else 50.0 + random.standard_t(4.0, shape)
    change = random.integers(-1, 2, (8, 30)) if kind == "counts" else 0.3 * random.normal(size=(8, 30))
    decoded = raw[:, 1] + change
    decoded[1] = raw[1, 1]  # answers that are equal
    raw[2] = 7.0  # no spread, and a codec that changes some
    decoded[2] = np.where(np.arange(30) < 3, 8.0, 7.0)
    raw[3, 0, 4] = np.nan
    decoded[4, 2] = np.inf
    decoded[5] = raw[5, 1] + 2.0  # a constant shift
    decoded[6] = np.where(np.arange(30) == 8, raw[6, 1] + 1.0, raw[6, 1])  # a rare change
    return raw, decoded


@pytest.mark.parametrize("kind", ["counts", "continuous"])
@pytest.mark.parametrize("margin", [None, 1.5])
def test_assessments_are_those_of_single_rows(kind: str, margin: float | None) -> None:
    raw, decoded = predictions(kind, 3)
    discrete, factors, u = kind == "counts", np.linspace(1.0, 1.2, 8), np.linspace(0.0, 0.2, 8)
    summaries = [raw_summary(rows, factor, discrete) for rows, factor in zip(raw, factors, strict=True)]
    parts = parts_of_rows(
        raw, decoded, 1, discrete=discrete, independent=True, u_relative=u, spread_factor=factors, summaries=summaries, alpha=0.02
    )
    verdicts = set()
    for row in range(8):
        asked = {
            "chi_raw": 4.0,
            "chi_codec": 4.5,
            "raw": raw[row],
            "group": 1,
            "decoded": decoded[row],
            "discrete": discrete,
            "limits": Limits(margin=margin),
            "u_mode": float(u[row]),
            "spread_factor": float(factors[row]),
            "alpha": 0.02,
        }
        alone = assess(**asked)
        verdicts.add(alone.verdict)
        assert repr(assess(**asked, parts=parts[row])) == repr(alone)
    assert len(verdicts) > 1


@pytest.mark.parametrize("discrete", [True, False])
def test_ks_of_many_pairs(discrete: bool) -> None:
    """Pairs with and without ties, equal samples, samples apart, and of different sizes."""
    random = np.random.default_rng(5)
    a, b = random.normal(size=(6, 21)), random.normal(size=(6, 34))
    a[1], b[1] = np.rint(a[1]), np.rint(b[1])
    b[2] += 9.0
    a[3], b[3] = 1.0, 1.0
    a[4, 3] = b[4, 7]
    found = ks_tests(a, b, discrete=discrete)
    assert found == [ks_test(*pair, discrete=discrete) for pair in zip(a, b, strict=True)]
    assert len({test.method for test in found}) == (1 if discrete else 2)
    assert found[3].p == 1.0
    assert found[2].p < 1e-12
