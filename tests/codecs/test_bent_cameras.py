"""Codecs that know the camera, on cameras whose transfer curve is bent: steps and noise along the curve, against closed forms."""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import sigmaraw as sr
from sigmaraw.codecs import codec
from sigmaraw.errors import CodecFailed, UnsupportedArray
from sigmaraw.noise import NoiseModel, replica_mode
from sigmaraw.noise.transfer import BrighterFatter, Piecewise

PROFILES = Path(__file__).parents[2] / "calibration" / "profiles"
NAMES = ["example-brighter-fatter-16bit", "example-dual-gain-12bit", "kinked", "stepped"]
TOLERATED = 0.005  # of a noise-std ratio near 1


def camera(name: str) -> NoiseModel:
    """A shipped profile, or a stated curve: the shipped dual-gain profile's range ends at its break, which a stated one's does not."""
    if name == "kinked":
        return NoiseModel(0.5, 100.0, 3.0, 12, curve=Piecewise(0.5, 1200.0, 0.8, -360.0), highest_dn=3500.0)
    if name == "stepped":
        return NoiseModel(0.5, 100.0, 3.0, 12, curve=Piecewise(0.5, 1200.0, 0.5, 40.0), highest_dn=3500.0)
    return NoiseModel.from_profile(sr.CameraProfile.from_netcdf(PROFILES / f"{name}.nc"))


def variance(model: NoiseModel, level: float) -> float:
    """V by hand from the values of each curve."""
    gain, x = float(model.gain_dn_per_e), max(level - float(model.offset_dn), 0.0)
    curve = model.curve
    if isinstance(curve, BrighterFatter):
        t = 2 * curve.coefficient / curve.gain
        photons = gain * math.expm1(t * x) / t
    elif isinstance(curve, Piecewise) and x > curve.break_dn:
        photons = curve.intercept_above + curve.gain_above * x
    else:
        photons = gain * x
    return photons + (gain * float(model.read_noise_e)) ** 2 + 1 / 12


def check_ratios(spec: str, model: NoiseModel, shares: list[float], side: int, added_of: Callable[[float], float]) -> None:
    """Assert √(1 + added) within .005 at levels that are so large a share of what the profile allows; .005 is 4 SE.

    Frames are drawn by plain NumPy. Var C(x) = Var x + Var e + 2 cov(x, e): the covariance of two independent values of mean 0 has
    SE √(Var x·Var e/N).
    """
    chain, random = codec(spec, model), np.random.default_rng(8)
    assert model.highest_dn is not None
    for share in shares:
        level = float(model.offset_dn) + share * (model.highest_dn - float(model.offset_dn))
        noise = math.sqrt(variance(model, level) - 1 / 12)
        frame = np.clip(np.rint(level + noise * random.normal(size=(side, side))), 0, model.hi_dn).astype(model.dtype)
        decoded, added = chain.roundtrip(frame)[0].astype(np.float64), added_of(variance(model, level))
        assert 4 * (math.sqrt(added / frame.size) / math.sqrt(1 + added) + added / math.sqrt(2 * frame.size)) < TOLERATED
        assert abs(decoded.std() / frame.std() - math.sqrt(1 + added)) < TOLERATED, f"{share:.2f}"


@pytest.mark.parametrize("name", NAMES)
def test_noiseaware_adds_its_share_of_the_noise_along_the_curve(name: str) -> None:
    """√(1 + [q²/12·(V − 1/12 + 3K²/8) + 1/6]/V), q = 1, from dark to the end of the range."""
    model = camera(name)
    share = 3 * float(model.gain_dn_per_e) ** 2 / 8
    levels = [*np.linspace(0.04, 1.0, 9), *([1100 / 3400, 1110 / 3400] if name in ("kinked", "stepped") else [])]
    check_ratios("noiseaware:q=1,backend=zstd", model, levels, 320, lambda v: ((v - 1 / 12 + share) / 12 + 1 / 6) / v)


def test_noiseaware_with_large_steps_follows_the_brighter_fatter_curve() -> None:
    """q = 2, where a straight camera's steps would be .017 off at the end of the range."""
    model = camera(NAMES[0])
    share = 3 * float(model.gain_dn_per_e) ** 2 / 8
    levels, added = [0.5, 0.75, 1.0], lambda v: ((v - 1 / 12 + share) / 3 + 1 / 6) / v
    check_ratios("noiseaware:q=2,backend=zstd", model, levels, 760, added)
    straight = dataclasses.replace(model, curve=None)
    assert math.sqrt(1 + added(variance(model, 44_889.0)) * variance(straight, 44_889.0) / variance(model, 44_889.0)) > 1.17


@pytest.mark.parametrize("name", NAMES)
def test_a_bin_of_sqrt_is_q_sigma_wide_at_every_level(name: str) -> None:
    """Within 1 DN, to which bins are rounded, and ±2 % that V changes across a bin; none across a break, where V may jump."""
    model, q = camera(name), 2.0
    codes = codec(f"sqrt:q={q}", model).steps[0].table.codes.astype(int)
    first = np.flatnonzero(np.diff(codes, prepend=-1))
    assert model.highest_dn is not None
    for start, end in itertools.pairwise(first):
        middle = (start + end) / 2
        at_break = isinstance(model.curve, Piecewise) and start <= 100 + model.curve.break_dn <= end
        if float(model.offset_dn) + 20 < start and end < model.highest_dn and not at_break:
            width = q * math.sqrt(variance(model, middle) - 1 / 12 + 3 * float(model.gain_dn_per_e) ** 2 / 8)
            assert abs(end - start - width) < 1 + 0.02 * width


@pytest.mark.parametrize("name", NAMES)
def test_denoise_is_what_the_bootstrap_draws_around(name: str) -> None:
    model = camera(name)
    assert model.highest_dn is not None
    y, x = np.mgrid[:48, :40] / 40.0
    level = 100 + (model.highest_dn - 100) * (0.3 + 0.6 * np.exp(-8 * ((y - 0.6) ** 2 + (x - 0.5) ** 2)))
    frame = model.sample(level, 1, seed=4)[0]
    decoded = codec("denoise", model).roundtrip(frame)[0]
    np.testing.assert_array_equal(decoded, np.rint(replica_mode("bootstrap").centre(frame, model)))


@pytest.mark.parametrize("curve", [BrighterFatter(0.8, -2e-6), Piecewise(0.5, 1200.0, 0.8, -360.0)])
def test_exact_codes_end_where_the_step_reaches_one_dn(curve: object) -> None:
    """The first level with q√V ≥ 1, by trying every level, for numbers and for maps."""
    for q in (0.05, 0.2):
        gain = np.array([[0.7, 0.9]]) * (1 if isinstance(curve, BrighterFatter) else 0.625)
        for values in (gain, float(gain[0, 0])):
            model = NoiseModel(values, 100.0, 0.3, 16, curve=curve)  # type: ignore[arg-type]
            limit = np.atleast_1d(codec(f"noiseaware:q={q}", model).steps[0]._limit).ravel()
            levels = np.arange(6000)
            table = np.stack([model.variance(np.full((1, 2), level)).ravel() for level in levels])
            for pixel, found in enumerate(limit):
                assert found == np.argmax(table[:, pixel] * q**2 >= 1)


def test_curves_are_told_apart() -> None:
    """The curve is in the stream's fingerprint and in `resolved`; a stated gain is a straight camera's."""
    bent, frame = camera("kinked"), np.full((16, 16), 2000, np.uint16)
    coder, other = (codec("noiseaware:backend=zstd", model).steps[0] for model in (bent, camera("stepped")))
    with pytest.raises(CodecFailed, match="other camera"):
        other.decode(coder.encode(frame), frame.shape, frame.dtype)
    for spec in ("noiseaware", "sqrt", "denoise"):
        (step,) = codec(spec, bent).resolved()["steps"]
        assert json.loads(json.dumps(step))["transfer_curve"]["kind"] == "Piecewise"
        assert "transfer_curve" not in codec(f"{spec}:gain=0.5", bent).resolved()["steps"][0]
    plain = NoiseModel(0.5, 100.0, 3.0, 12)
    stated, straight = codec("noiseaware:gain=0.5,backend=zstd", bent), codec("noiseaware:backend=zstd", plain)
    assert stated.roundtrip(frame)[1] == straight.roundtrip(frame)[1]
    np.testing.assert_array_equal(stated.roundtrip(frame)[0], straight.roundtrip(frame)[0])


def test_frames_that_do_not_fit_the_maps_are_refused() -> None:
    maps = NoiseModel(np.full((8, 8), 0.5), 100.0, 3.0, 12)
    for spec in ("noiseaware", "denoise"):
        with pytest.raises(UnsupportedArray, match="camera maps of shape"):
            codec(spec, maps).roundtrip(np.full((8, 9), 200, np.uint16))
