"""What a study from the command line does not import: each of these takes more time than the study's own arithmetic."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import tifffile

import sigmaraw as sr

_UNUSED = (
    "matplotlib",
    "cryptography",
    "xarray",
    "pandas",
    "dask",
    "distributed",
    "torch",
    "numba",
    "statsmodels",
    "sigmaraw.cli.sweep",
    "sigmaraw.engines.dask",
    "sigmaraw.study.searches",
    "sigmaraw.study.sweeps",
    "sigmaraw.study.validations",
)
_CODE = """
import sys
from sigmaraw.cli.main import main
try:
    main(sys.argv[1:])
except SystemExit as stopped:
    assert stopped.code == 0, stopped.code
print("imported:", *sorted(sys.modules))
"""


def test_a_study_and_its_page_import_only_what_they_use(tmp_path: Path) -> None:
    frame = np.random.default_rng(3).poisson(300, (48, 48)).astype(np.uint16)
    frame[10:20, 10:20] += 400
    tifffile.imwrite(tmp_path / "a.tif", frame)
    sr.CameraProfile.from_values(gain=1.0, offset=0, read_noise=2.0, bits=12).to_netcdf(tmp_path / "c.nc")
    words = [
        "validate",
        "a.tif",
        "--camera",
        "c.nc",
        "--codec",
        "jpegls:near=2",
        "--pipeline",
        "intensity",
        "-n",
        "20",
        "--quiet",
        "-o",
        "r",
    ]
    done = subprocess.run([sys.executable, "-c", _CODE, *words], cwd=tmp_path, capture_output=True, text=True, check=True)
    imported = set(done.stdout.rpartition("imported:")[2].split())
    assert "jax" in imported and (tmp_path / "r" / "report.html").is_file()
    assert not imported.intersection(_UNUSED)
