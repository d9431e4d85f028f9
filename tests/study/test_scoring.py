"""What meets the predictions in the tests: the camera's uncertainty reaches every row and the verdict."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest

import sigmaraw as sr
from sigmaraw.record import Reason
from sigmaraw.study import Record
from tests.study import search_acceptance

GAIN, OFFSET, NOISE, LEVEL = 0.5, 100.0, 2.0, 300
FRAME = np.rint(np.random.default_rng(8).normal(LEVEL, 10.05, (16, 16))).astype(np.uint16)  # noise of V = 101 DN²


@pytest.fixture(autouse=True, scope="module")
def shift() -> Iterator[None]:
    """A codec that adds 160 DN to the total, about σ_raw, and leaves the noise as it is."""
    with pytest.MonkeyPatch.context() as patch:
        search_acceptance.register(patch.setitem)
        yield


def study(gain_se: float, noise_se: float, k: float = 1.0, mode: str = "around-raw") -> Record:
    camera = sr.CameraProfile.from_values(gain=GAIN, offset=OFFSET, read_noise=NOISE, bits=12, gain_se=gain_se, read_noise_se=noise_se)
    limits = {"k": k, "spread": 50.0, "rms": 50.0}
    return sr.validate([FRAME], camera, codecs=["shift:by=160"], pipeline="intensity", n=12, mode=mode, seed=3, **limits)


def expected_u_cal(gain_se: float, noise_se: float) -> float:
    """½·|∂V/∂K|·u(K)/V and ½·|∂V/∂σ_r|·u(σ_r)/V in quadrature, V = K(m − o) + K²σ_r² + 1/12, means over pixels."""
    signal = FRAME - OFFSET
    variance = GAIN * signal + (GAIN * NOISE) ** 2 + 1 / 12
    by_gain = float((0.5 * (signal + 2 * GAIN * NOISE**2) / variance).mean()) * gain_se
    return math.hypot(by_gain, float((0.5 * 2 * GAIN**2 * NOISE / variance).mean()) * noise_se)


@pytest.mark.parametrize(("gain_se", "noise_se"), [(0.0, 0.0), (0.1, 0.0), (0.0, 0.5), (0.1, 0.5)])
def test_the_cameras_uncertainty_is_in_every_result(gain_se: float, noise_se: float) -> None:
    rows = study(gain_se, noise_se).content.results
    wanted = expected_u_cal(gain_se, noise_se)
    for row in rows:
        assert row.u is not None and row.u_mc is not None and row.epsilon_hat is not None and row.u_mode is not None
        assert row.u_cal == pytest.approx(wanted, rel=1e-9, abs=1e-12)
        assert row.epsilon_hat != 0
        assert row.u**2 == pytest.approx(row.u_mc**2 + row.epsilon_hat**2 * (row.u_mode**2 + wanted**2), rel=1e-9)


def test_the_cameras_uncertainty_decides_a_verdict() -> None:
    first = study(0.0, 0.0).content.results[0]
    assert first.epsilon_hat is not None and first.u is not None
    limit = abs(first.epsilon_hat) + 8 * first.u  # far inside by the replicas' own uncertainty, 0.17 σ_raw
    assert study(0.0, 0.0, k=limit).verdict == "PASS"
    unsure = study(1.5, 0.0, k=limit).content.results[0]  # a guard band of 1.645·1.5·ε̂ reaches over it
    assert (unsure.verdict, unsure.reason) == ("INCONCLUSIVE", str(Reason.SHIFT_UNSURE))


def test_the_cameras_uncertainty_is_in_an_extrapolated_result() -> None:
    row = study(0.1, 0.5, mode="simex").content.results[0]
    assert row.u_cal == pytest.approx(expected_u_cal(0.1, 0.5), rel=1e-9)
    assert row.u is not None and row.u_mc is not None and row.epsilon_hat is not None and row.u_mode is not None and row.u_cal is not None
    assert row.u**2 == pytest.approx(row.u_mc**2 + row.epsilon_hat**2 * (row.u_mode**2 + row.u_cal**2), rel=1e-9)
