"""Adjusted p-values against statsmodels."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from sigmaraw.errors import UndefinedStatistic
from sigmaraw.statistics.multiplicity import benjamini_hochberg, hochberg, holm


@pytest.mark.parametrize(
    ("function", "method"),
    [(holm, "holm"), (hochberg, "simes-hochberg"), (benjamini_hochberg, "fdr_bh")],
    ids=lambda x: getattr(x, "__name__", x),
)
def test_equal_to_statsmodels(function, method: str) -> None:  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(1)
    for size in (1, 2, 7, 120):
        p = rng.random(size) ** 3
        p[: size // 3] = p[0]  # ties
        assert function(p) == pytest.approx(multipletests(p, method=method)[1], abs=1e-12)


def test_refusals_and_nothing_to_adjust() -> None:
    assert holm(np.array([])).size == 0
    assert benjamini_hochberg(np.array([])).size == 0
    for bad in (np.array([0.1, 1.2]), np.array([np.nan]), np.zeros((2, 2))):
        with pytest.raises(UndefinedStatistic):
            holm(bad)
