"""Studies of magnitude images: σ_raw against the closed form, what record and report say, and what is refused."""

from __future__ import annotations

import math
from pathlib import Path

import nibabel
import numpy as np
import pytest
from scipy import stats
from scipy.ndimage import gaussian_filter

import sigmaraw as sr
from sigmaraw.errors import NotIntegerData, SigmarawError
from sigmaraw.noise import RicianNoise
from tests.noise.test_rician import SIGMA, magnitudes, phantom


def exact_sigma_of_mean(truth: np.ndarray) -> float:
    """Return the standard deviation of the image's mean: √ΣV/N, V by SciPy's law, 1/12 of rounding added."""
    variance = SIGMA**2 * stats.rice.var(truth / SIGMA) + 1 / 12
    return math.sqrt(float(variance.sum())) / truth.size


def test_sigma_raw_is_that_of_rician_noise(tmp_path: Path) -> None:
    truth, n = gaussian_filter(phantom(), 0.8), 60  # no scanner's edges are a pixel wide
    image = magnitudes(truth, np.random.default_rng(1))
    record = sr.validate(image, "rician:sigma=12,se=0.24", codecs=["lossless", "jpegls:near=2"], pipeline="intensity", n=n)
    rows = {(row.codec, row.measurement): row for row in record.content.results}
    row = rows["jpegls:near=2", "mean_intensity"]
    exact = exact_sigma_of_mean(truth)
    # SE of σ_raw, pooled over three groups: σ/√(2·3(n − 1)); the estimate of the image adds 2 %
    assert row.sigma_raw == pytest.approx(exact, abs=4 * exact / math.sqrt(6 * (n - 1)) + 0.02 * exact)
    assert row.delta is not None
    assert row.delta.sigma == pytest.approx(exact, rel=0.02)  # by the law of propagation, with no replica
    assert row.u_cal == pytest.approx(0.24 / 12)
    assert rows["lossless", "mean_intensity"].verdict == "PASS"
    camera = record.content.camera
    assert (camera.source, camera.calibrated, camera.scalars["rician_sigma"].value) == ("stated Rician noise", False, 12.0)
    assert record.content.decision is not None
    assert record.content.decision.basis == "stated-noise"
    said = " ".join(str(record.table()).split())
    assert "Rician noise of a stated σ of 12.00 DN (standard error 0.24 DN)" in said
    assert "gain" not in said
    page = record.write(tmp_path / "r").read_text()
    assert "Rician noise of a stated σ" in page
    assert "Root-sum-of-squares images" in page
    assert "gain, offset and read noise" not in page
    assert "read noise" not in page.split("What the words mean")[0].split("A raw-equivalent replica")[1]  # the variance law is Rice's
    failed = {check.name for check in record.content.mode_diagnostics if not check.passed}
    assert not failed & {"frame_noise", "local_noise", "masked_background", "marginal_variance_ratio", "hot_pixels"}


def test_a_wrong_sigma_and_a_masked_background_do_not_pass() -> None:
    image = magnitudes(phantom(), np.random.default_rng(2))
    masked = np.where(phantom() == 0, 0, image).astype(np.uint16)
    for raw, camera, check in ((image, "rician:sigma=18", "frame_noise"), (masked, "rician:sigma=12", "masked_background")):
        record = sr.validate(raw, camera, codecs="jpegls:near=1", pipeline="intensity", n=10)
        assert record.verdict == "INCONCLUSIVE"
        assert check in {entry.name for entry in record.content.mode_diagnostics if not entry.passed}
        assert record.content.results[0].u_cal == pytest.approx(0.1)  # no standard error was stated


def test_a_signed_volume_in_nifti(tmp_path: Path) -> None:
    volume = np.stack([magnitudes(phantom(40), np.random.default_rng(seed)) for seed in range(3)])
    path = tmp_path / "mri.nii.gz"
    nibabel.save(nibabel.Nifti1Image(volume.astype(np.int16).T, np.diag([2.0, 2.0, 3.0, 1.0])), path)
    options = {"codecs": "lossless", "pipeline": "intensity", "n": 6, "volume": True}
    record = sr.validate(path, RicianNoise.stated(SIGMA, se_dn=0.1), **options)
    assert record.content.images[0].shape == (3, 40, 40)
    exact = exact_sigma_of_mean(np.stack([phantom(40)] * 3))
    assert record.content.results[0].measurement == "total_intensity"
    assert record.content.results[0].sigma_raw == pytest.approx(exact * volume.size, rel=4 / math.sqrt(2 * 2 * 5))
    below = volume.astype(np.int16)
    below[0, 0, 0] = -1
    with pytest.raises(NotIntegerData, match="magnitudes"):
        sr.validate(below, "rician:sigma=12", **options)


def test_codecs_that_need_a_camera_say_so_and_repeats_need_no_sigma() -> None:
    image = magnitudes(phantom(40), np.random.default_rng(3))
    with pytest.raises(SigmarawError, match="camera"):
        sr.validate(image, "rician:sigma=12", codecs="noiseaware:q=1", pipeline="intensity", n=4)
    repeats = np.stack([magnitudes(phantom(40), np.random.default_rng(seed)) for seed in range(8)])
    record = sr.validate(repeats, "rician:sigma=12", codecs="lossless", pipeline="intensity", mode="repeats")
    assert record.content.decision is not None
    assert record.content.decision.basis == "repeats"
