"""sigmaraw rician, and its words in the place of a camera."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from tests.noise.test_rician import magnitudes, phantom


def test_estimate_then_draw(tmp_path: Path, sigmaraw: Callable[..., Any]) -> None:
    image, repeats = tmp_path / "mri.tif", tmp_path / "repeats.tif"
    rng = np.random.default_rng(8)
    tifffile.imwrite(image, magnitudes(phantom(64), rng))
    tifffile.imwrite(repeats, np.stack([magnitudes(phantom(64), rng) for _ in range(4)]), photometric="minisblack")
    for arguments in ((image, "--background", "0:8,0:64"), (repeats, "--repeats")):
        done = sigmaraw("rician", *arguments)
        assert done.code == 0
        assert "σ = 1" in done.out
        found = json.loads(sigmaraw("rician", *arguments, "--json").out)
        assert abs(found["sigma_dn"] - 12) < 4 * found["se_dn"]
        assert f"--camera {found['camera']}" in done.out
    out = tmp_path / "replicas.npy.tif"
    assert sigmaraw("replicas", image, "--camera", found["camera"], "-n", 3, "-o", out, "-q").code == 0
    assert tifffile.imread(out).shape == (3, 64, 64)


def test_refusals(tmp_path: Path, sigmaraw: Callable[..., Any]) -> None:
    image = tmp_path / "mri.tif"
    tifffile.imwrite(image, magnitudes(phantom(64), np.random.default_rng(9)))
    for arguments, words in (
        ((), "neither --background nor --repeats"),
        (("--background", "0:8"), "Y:Y,X:X"),
        (("--background", "0:80,0:8"), "inside it"),
        (("--background", "20:44,20:44"), "Rayleigh's law"),
        (("--repeats",), "at least two"),
    ):
        done = sigmaraw("rician", image, *arguments)
        assert done.code == 2
        assert words in done.err
    done = sigmaraw("validate", image, "--camera", "rician:sgima=3", "--codec", "lossless", "--pipeline", "otsu", "-o", tmp_path / "o")
    assert done.code == 2
    assert "sigma" in done.err
