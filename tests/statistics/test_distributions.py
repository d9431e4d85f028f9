"""Quantiles, tails and p-values against `scipy.stats`, whose bits they are meant to have; and what importing a study does not import."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from scipy import stats

from sigmaraw.statistics import distributions as ours


def test_quantiles_and_tails_have_the_bits_of_scipy_stats() -> None:
    random = np.random.default_rng(4)
    for p, dof, other in zip(random.uniform(0.0005, 0.9995, 300), random.uniform(0.6, 400, 300), random.uniform(1, 99, 300), strict=True):
        assert ours.t_quantile(p, dof) == stats.t.ppf(p, dof)
        assert ours.t_tail(other / 9, dof) == stats.t.sf(other / 9, dof)
        assert ours.chi2_quantile(p, dof) == stats.chi2.ppf(p, dof)
        assert ours.f_quantile(p, other, dof) == stats.f.ppf(p, other, dof)
        assert ours.chi_density(other / 9, dof) == pytest.approx(stats.chi.pdf(other / 9, dof), rel=1e-13)
    assert np.isnan(ours.t_quantile(0.9, 0.0)) == np.isnan(stats.t.ppf(0.9, 0.0))


def test_a_study_is_imported_without_what_it_does_not_use() -> None:
    """Each of these takes from a tenth of a second to several seconds of the processor."""
    unused = ("scipy.stats", "statsmodels", "torch", "onnxruntime", "dask", "distributed", "matplotlib", "sigmaraw.camera.calibration")
    said = subprocess.run(
        [sys.executable, "-c", f"import sys, sigmaraw.study; print([name for name in {unused} if name in sys.modules])"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.strip() == "[]"
