"""The noise-aware quantiser against its own formulas: noise ratio, mean, bits, exact region, camera."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from sigmaraw.codecs import codec
from sigmaraw.codecs.dither import DITHER, ROUNDING, nonce_of, uniform
from sigmaraw.contracts import Encoded
from sigmaraw.errors import CodecFailed, InvalidSpec, UnsupportedArray
from sigmaraw.noise import NoiseModel

SIDE_BYTES = 8 + 8 + 4 + 1


def spec(q=1.0, gain=1.0, offset=100.0, read_noise=1.6, backend="zstd", **keys):
    extra = "".join(f",{key}={str(value).lower()}" for key, value in keys.items())
    return f"noiseaware:q={q},gain={gain},offset={offset},read_noise={read_noise},backend={backend}{extra}"


def slow_pixel(x, u, w, q, gain, offset, read_noise):
    """One pixel through the dithered quantiser, in the words of SCIENCE 5; None where the exact code takes over."""
    z, c = (x - offset) / gain, 3 / 8 + read_noise**2
    variance = gain * max(x - offset, 0) + gain**2 * read_noise**2 + 1 / 12
    if q * math.sqrt(variance) < 1:
        return None
    s = z + c
    y = 2 * math.sqrt(s) if s >= 1 else 2 + (s - 1)
    k = round(y / q + u)
    back = (k - u) * q
    estimate = back**2 / 4 - q**2 / 48 - c if back >= 2 else back - 1 - c
    return math.floor(offset + gain * estimate + w)


@pytest.mark.parametrize(("q", "gain", "read_noise"), [(1, 1, 1.6), (0.5, 2, 0.2), (2, 0.5, 3), (1, 0.3, 1), (0.7, 0.46, 1.6)])
def test_every_pixel_is_the_formula(q, gain, read_noise):
    rng = np.random.default_rng(3)
    frame = np.concatenate([rng.integers(90, 115, 400), rng.integers(0, 4096, 200)]).reshape(20, 30).astype(np.uint16)
    decoded, _ = codec(spec(q, gain, 100, read_noise)).roundtrip(frame)
    u, w = (uniform(frame.shape, nonce_of(frame), stream) for stream in (DITHER, ROUNDING))
    for index in np.ndindex(frame.shape):
        expected = slow_pixel(int(frame[index]), u[index] - 0.5, w[index], q, gain, 100, read_noise)
        assert decoded[index] == (frame[index] if expected is None else min(max(expected, 0), 65535))


@pytest.mark.parametrize(
    ("electrons", "gain"), [(0, 1.0), (2, 1.0), (10, 1.0), (100, 1.0), (1000, 1.0), (10, 0.5), (100, 0.5), (1000, 0.5)]
)
def test_noise_ratio_and_mean(expose, electrons, gain):
    q, read_noise, frames, size = 1.0, 1.6, 40, 192
    rng = np.random.default_rng(17)
    chain = codec(spec(q, gain, 100, read_noise))
    raws = [expose(rng, np.full((size, size), float(electrons)), gain, 100, read_noise, 16) for _ in range(frames)]
    decoded = [chain.roundtrip(raw)[0] for raw in raws]
    variance = gain**2 * (electrons + read_noise**2) + 1 / 12
    added = (q**2 / 12 * (variance - 1 / 12 + 3 * gain**2 / 8) + 1 / 6) / variance
    ratio = np.std(decoded) / np.std(raws)
    # Var(C(x)) = Var(x) + Var(e) + 2·cov(x, e): the covariance of two independent zero-mean values has SE √(Var x·Var e / n).
    count = frames * size**2
    se = math.sqrt(added / count) / math.sqrt(1 + added) + added / math.sqrt(2 * count)
    assert ratio == pytest.approx(math.sqrt(1 + added), abs=0.002 + 3 * se)
    assert 3 * se < 0.003
    # The mean's shift in units of σ of the frame's mean, √V/size; its SE over frames is √added/√frames.
    shift = (np.mean(decoded) - np.mean(raws)) * size / math.sqrt(variance)
    assert abs(shift) <= 0.15 + 2 * math.sqrt(added / frames)


def test_dithered_errors_do_not_follow_the_signal_and_undithered_ones_do(expose):
    raw = expose(np.random.default_rng(1), np.full((512, 512), 50.0), 1.0, 100, 1.6, 16)
    levels, counts = np.unique(raw, return_counts=True)
    levels = levels[counts > 1000]

    def by_level(dither):
        error = codec(spec(2, dither=dither)).roundtrip(raw)[0].astype(float) - raw
        parts = [error[raw == level] for level in levels]
        return np.array([part.mean() for part in parts]), np.array([part.std() / np.sqrt(part.size) for part in parts])

    mean, se = by_level(dither=True)  # SE of a mean of n independent errors: s/√n
    assert len(levels) > 25
    assert np.abs(mean / se).max() < 4
    mean, se = by_level(dither=False)  # a function of the level: a sawtooth of ± half a step, q·√V/2 = 7 DN
    assert np.all(se == 0)
    assert np.abs(mean).max() > 5


@pytest.mark.parametrize(
    ("q", "reconstruct", "documented"), [(1, "midpoint", -17.6), (2, "midpoint", -7.6), (0.5, "mean", 21), (1, "mean", 26), (2, "mean", 22)]
)
def test_undithered_variants_are_biased_as_documented(expose, q, reconstruct, documented):
    rng = np.random.default_rng(2)
    chain = codec(spec(q, dither=False, reconstruct=reconstruct))
    raws = [expose(rng, np.full((192, 192), 10.0), 1.0, 100, 1.6, 16) for _ in range(10)]
    shift = np.mean([chain.roundtrip(raw)[0].astype(float) - raw for raw in raws])
    # In σ of the frame's mean; over 10 frames the SE is at most (q/√12)/√10 = 0.18, and 0.5 is for the documented figure's rounding.
    assert shift * 192 / math.sqrt(10 + 1.6**2 + 1 / 12) == pytest.approx(documented, abs=4 * 0.18 + 0.5)


@pytest.mark.parametrize("q", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("dither", [True, False])
def test_bits_are_near_the_theory(expose, q, dither):
    raw = expose(np.random.default_rng(4), np.full((384, 384), 400.0), 1.0, 100, 1.6, 16)
    theory = 0.5 * math.log2(2 * math.pi * math.e * (1 / q**2 + (1 / 6 if dither else 1 / 12)))
    bits = {backend: codec(spec(q, backend=backend, dither=dither)).roundtrip(raw)[1] * 8 / raw.size for backend in ("jpegxl", "jpegls")}
    assert -0.02 < bits["jpegxl"] / theory - 1 < 0.05
    assert 0.08 < bits["jpegls"] / theory - 1 < 0.3


@pytest.mark.parametrize(("q", "gain", "read_noise"), [(1, 0.1, 1.0), (0.25, 1, 1.6), (0.5, 0.46, 2.0), (3, 0.01, 0.5)])
def test_codes_are_exact_where_the_step_is_under_one_dn(q, gain, read_noise):
    model = NoiseModel(gain_dn_per_e=gain, offset_dn=100.0, read_noise_e=read_noise, bits=12)
    frame = np.arange(4096, dtype=np.uint16).reshape(64, 64)
    decoded, _ = codec(f"noiseaware:q={q},backend=zstd", model).roundtrip(frame)
    fine = q * np.sqrt(model.variance(frame)) < 1
    assert 0.01 < fine.mean() < 0.99
    assert np.array_equal(decoded[fine], frame[fine])
    assert np.mean(decoded[~fine] != frame[~fine]) > 0.3
    assert codec(f"noiseaware:q={q},backend=zstd", model).apply(frame).achieved["exact_fraction"] == fine.mean()


def test_a_quiet_camera_is_coded_exactly_as_a_whole():
    frame = np.random.default_rng(0).integers(0, 200, (32, 32)).astype(np.uint16)
    assert np.array_equal(codec(spec(0.1, gain=0.1, offset=0)).roundtrip(frame)[0], frame)


def test_bytes_are_payload_and_side_data(cells):
    raw = cells(128)
    chain = codec(spec(1, 0.5, backend="jpegls"))
    encoded = chain.steps[0].encode(raw)
    assert len(encoded.side) == SIDE_BYTES
    assert chain.roundtrip(raw)[1] == len(encoded.payload) + SIDE_BYTES


def test_the_camera_gives_the_values_and_a_key_wins_over_it(cells):
    raw = cells(96)
    camera = NoiseModel(gain_dn_per_e=0.5, offset_dn=100.0, read_noise_e=1.6, bits=12)
    by_camera = codec("noiseaware:q=1", camera)
    assert by_camera.resolved()["steps"][0]["gain"] == 0.5
    by_keys = codec("noiseaware:q=1,gain=0.5,offset=100,read_noise=1.6,bits=12")
    assert np.array_equal(by_camera.roundtrip(raw)[0], by_keys.roundtrip(raw)[0])
    mixed = codec("noiseaware:q=1,gain=2", camera)
    assert mixed.resolved()["steps"][0]["gain"] == 2
    assert mixed.resolved()["steps"][0]["read_noise"] == 1.6
    assert not np.array_equal(mixed.roundtrip(raw)[0], by_keys.roundtrip(raw)[0])


def test_maps_are_used_pixel_by_pixel(cells):
    raw = cells(64)
    gain = np.full((64, 64), 0.5)
    gain[:, 32:] = 4.0
    camera = NoiseModel(gain_dn_per_e=gain, offset_dn=np.full((64, 64), 100.0), read_noise_e=1.6, bits=12)
    chain = codec("noiseaware:q=1", camera)
    u, w = (uniform(raw.shape, nonce_of(raw), stream) for stream in (DITHER, ROUNDING))
    decoded = chain.roundtrip(raw)[0]
    for index in [(3, 5), (40, 31), (40, 32), (63, 63)]:
        assert decoded[index] == slow_pixel(int(raw[index]), u[index] - 0.5, w[index], 1, gain[index], 100, 1.6)
    assert chain.resolved()["steps"][0]["maps"] is True
    with pytest.raises(UnsupportedArray, match="maps of shape"):
        chain.roundtrip(cells(96))


def test_pixels_of_one_frame_may_be_exact_and_quantised_by_their_own_maps():
    noise = np.full((32, 32), 0.2)
    noise[16:] = 20.0
    camera = NoiseModel(gain_dn_per_e=0.5, offset_dn=0.0, read_noise_e=noise, bits=12)
    raw = np.random.default_rng(0).integers(0, 2, (32, 32)).astype(np.uint16)
    decoded, _ = codec("noiseaware:q=1,backend=zstd", camera).roundtrip(raw)
    assert np.array_equal(decoded[:16], raw[:16])
    assert (decoded[16:] != raw[16:]).mean() > 0.3


def test_another_cameras_stream_is_refused(cells):
    raw = cells(64)
    ours, other = codec(spec(1, 0.5)).steps[0], codec(spec(1, 0.51)).steps[0]
    encoded = ours.encode(raw)
    with pytest.raises(CodecFailed, match="other camera"):
        other.decode(encoded, raw.shape, raw.dtype)
    with pytest.raises(CodecFailed, match="side data"):
        ours.decode(Encoded(encoded.payload, encoded.side[:-1]), raw.shape, raw.dtype)


def test_the_range_of_the_converter_is_kept():
    frame = np.full((64, 64), 4095, np.uint16)
    decoded, _ = codec(spec(4, bits=12)).roundtrip(frame)
    assert decoded.max() == 4095
    assert (decoded < 4095).any()
    dark, _ = codec(spec(4, offset=2)).roundtrip(np.zeros((64, 64), np.uint16))
    assert dark.min() == 0 and dark.max() < 60


def test_eight_bit_cameras():
    raw = np.random.default_rng(0).poisson(60, (64, 64)).astype(np.uint8)
    camera = NoiseModel(gain_dn_per_e=1.0, offset_dn=5.0, read_noise_e=2.0, bits=8)
    decoded, nbytes = codec("noiseaware:q=1", camera).roundtrip(raw)
    assert decoded.dtype == np.uint8
    assert nbytes < raw.nbytes / 2
    with pytest.raises(UnsupportedArray):
        codec("noiseaware:q=1", camera).roundtrip(raw.astype(np.uint16))


def test_the_guarantee_is_withdrawn_without_dither():
    assert codec(spec()).steps[0].contract.guarantee != "none"
    assert codec(spec(dither=False)).steps[0].contract.guarantee == "none"
    with pytest.raises(InvalidSpec, match="dither"):
        codec(spec(2.5, dither=False))


def test_a_model_of_any_frozen_kind_is_taken_as_it_is(cells):
    camera = NoiseModel(gain_dn_per_e=0.5, offset_dn=100.0, read_noise_e=1.6, bits=12)
    louder = dataclasses.replace(camera, read_noise_e=30.0)
    raw = cells(64)
    assert codec("noiseaware:q=1", louder).roundtrip(raw)[1] < codec("noiseaware:q=1", camera).roundtrip(raw)[1]
