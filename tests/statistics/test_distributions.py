"""Quantiles, tails and p-values against `scipy.stats`, whose bits they are meant to have; and what importing a study does not import."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

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


@pytest.mark.parametrize(("n", "shift"), [(2, 0.0), (20, 0.0), (20, 3.0), (100, 0.5), (333, 0.1), (400, 9.0)])
def test_two_samples_of_equal_size_have_the_bits_of_scipy_stats(n: int, shift: float) -> None:
    random = np.random.default_rng(n)
    a, b = random.normal(0, 1, n), random.normal(shift, 1, n)
    theirs = stats.ks_2samp(a, b)
    assert ours.ks_2samp(a, b) == (theirs.statistic, theirs.pvalue)


def test_samples_of_other_sizes_are_left_to_scipy_stats() -> None:
    random = np.random.default_rng(2)
    a, b = random.normal(0, 1, 30), random.normal(0.4, 1, 40)
    theirs = stats.ks_2samp(a, b)
    assert ours.ks_2samp(a, b) == (theirs.statistic, theirs.pvalue)


@pytest.mark.parametrize("sizes", [(5, 5), (20, 20, 20), (7, 30, 12, 9)])
def test_analysis_of_variance_has_the_bits_of_scipy_stats(sizes: tuple[int, ...]) -> None:
    random = np.random.default_rng(len(sizes))
    samples = [random.gamma(2, 1 + 0.1 * index, size) for index, size in enumerate(sizes)]
    assert ours.one_way_p(samples) == stats.f_oneway(*samples).pvalue


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


def test_the_command_writes_a_study_without_importing_dask(tmp_path: Path) -> None:
    """xarray would import it for every array. Afterwards dask is there for whoever asks, and xarray knows its arrays."""
    program = f"""
import sys
from pathlib import Path
import numpy as np, tifffile
import sigmaraw as sr
from sigmaraw.cli import main
sr.CameraProfile.from_values(gain=0.5, offset=100, read_noise=2.0, bits=12).to_netcdf(r"{tmp_path}/c.nc")
tifffile.imwrite(r"{tmp_path}/x.tif", np.random.default_rng(1).poisson(200, (24, 24)).astype(np.uint16) + 100)
for name in [name for name in sys.modules if name.partition(".")[0] in ("dask", "distributed")]:
    del sys.modules[name]
try:
    main(["validate", r"{tmp_path}/x.tif", "--camera", r"{tmp_path}/c.nc", "--codec", "lossless", "--pipeline", "intensity",
          "--mode", "around-raw", "-n", "4", "-o", r"{tmp_path}/o", "-q"])
except SystemExit as end:
    assert not end.code, end.code
print([name for name in ("dask", "distributed", "scipy.stats", "torch") if name in sys.modules])
import xarray
print(xarray.DataArray(np.zeros(4)).chunk(2).chunks)
"""
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert said.stdout.splitlines()[-2:] == ["[]", "((2, 2),)"], said.stdout + said.stderr
