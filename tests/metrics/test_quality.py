"""Moments of what a codec does to the noise: fast against slow, blocks against the whole, and codecs whose answer is known."""

import math
from dataclasses import astuple

import numpy as np
import pytest

from sigmaraw.errors import InvalidOption, ShapeMismatch, UndefinedStatistic
from sigmaraw.metrics import QualityReason, block_quality, combine, denoises, undefined
from sigmaraw.metrics.quality import block_quality_slow

RNG = np.random.default_rng(0)
MEAN = RNG.uniform(200, 3000, (40, 50))
RAW = np.rint(MEAN + np.sqrt(MEAN) * RNG.standard_normal((30, 40, 50))).astype(np.uint16)


def test_fast_is_slow():
    decoded = (RAW // 8 * 8 + 3).astype(np.uint16)
    for raw, coded in ((RAW, decoded), (RAW[:1], decoded[:1]), (RAW[:6].reshape(3, 2, 40, 50), decoded[:6].reshape(3, 2, 40, 50))):
        variance = MEAN if raw.ndim == 3 else 7.0
        np.testing.assert_allclose(
            astuple(block_quality(raw, coded, variance)), astuple(block_quality_slow(raw, coded, variance)), rtol=1e-10
        )


def test_combined_blocks_are_their_definitions():
    """Two blocks of unequal size; order changes nothing, not even rounding."""
    decoded = (RAW // 16 * 16).astype(np.uint16)
    blocks = [
        block_quality(RAW[:8], decoded[:8], MEAN),
        block_quality(RAW[8:], decoded[8:], MEAN),
        block_quality(RAW[3:5], decoded[3:5], MEAN),
    ]
    found = combine(blocks)
    assert found == combine(blocks[::-1])
    parts = [slice(0, 8), slice(8, 30), slice(3, 5)]
    error = [decoded[part].astype(float) - RAW[part] for part in parts]
    noise = [RAW[part] - RAW[part].mean(axis=0) for part in parts]
    dev_e = [e - e.mean(axis=0) for e in error]
    dev_c = [decoded[part] - decoded[part].mean(axis=0) for part in parts]

    def total(arrays):
        return sum(float(np.sum(array)) for array in arrays)

    values = 32 * 40 * 50
    assert found["rz"] == pytest.approx(math.sqrt(total(e**2 / MEAN for e in error) / values))
    assert found["bias_dn"] == pytest.approx(total(error) / values)
    assert found["noise_std_ratio"] == pytest.approx(math.sqrt(total(c**2 for c in dev_c) / total(n**2 for n in noise)))
    cross = total(e * n for e, n in zip(dev_e, noise, strict=True))
    assert found["error_noise_correlation"] == pytest.approx(cross / math.sqrt(total(e**2 for e in dev_e) * total(n**2 for n in noise)))
    assert found["max_error_dn"] == 15
    assert found["noise_removed"] == pytest.approx(-cross / total(n**2 for n in noise))
    pairs = [(e[:, :, 1:] * e[:, :, :-1], e[:, 1:] * e[:, :-1]) for e in dev_e]
    count = 29 * (40 * 49 + 39 * 50)  # Σ(b − 1) = 7 + 21 + 1
    assert found["error_lag1"] == pytest.approx(
        (total(x for pair in pairs for x in pair) / count) / (total(e**2 for e in dev_e) / (29 * 40 * 50))
    )
    assert undefined(blocks) == {}


def test_independent_noise_adds_and_does_not_correlate():
    """Error N(0, (σ/2)²) of its own: ratio √1.25, rz ½, correlation 0 within 4/√dof."""
    added = np.rint(0.5 * np.sqrt(MEAN) * np.random.default_rng(1).standard_normal(RAW.shape))
    found = combine([block_quality(RAW, RAW + added, MEAN + 1 / 12)])
    dof = 29 * 40 * 50
    extra = 1 / 12 / MEAN.mean()
    assert found["noise_std_ratio"] == pytest.approx(math.sqrt(1.25 + extra), abs=4 / math.sqrt(dof))
    assert found["rz"] == pytest.approx(math.sqrt(0.25 + extra), abs=4 * 0.5 / math.sqrt(2 * RAW.size) + 1e-3)
    assert abs(found["error_noise_correlation"]) < 4 / math.sqrt(dof)


def test_denoising_is_minus_one_and_a_copy_is_one():
    frozen = np.broadcast_to(RAW[0], RAW.shape)
    found = combine([block_quality(RAW, frozen, MEAN)])
    assert found["noise_std_ratio"] == 0
    assert found["error_noise_correlation"] == pytest.approx(-1)
    doubled = combine([block_quality(RAW, RAW.astype(float) * 2, MEAN)])
    assert doubled["noise_std_ratio"] == pytest.approx(2)
    assert doubled["error_noise_correlation"] == pytest.approx(1)


def test_lossless_has_no_error_to_correlate():
    blocks = [block_quality(RAW, RAW, MEAN)]
    found = combine(blocks)
    assert (found["rz"], found["bias_dn"], found["noise_std_ratio"], found["max_error_dn"]) == (0, 0, 1, 0)
    assert math.isnan(found["error_noise_correlation"])
    assert undefined(blocks) == dict.fromkeys(("error_noise_correlation", "error_lag1"), QualityReason.ERROR_CONSTANT)
    assert (found["noise_removed"], found["noise_removed_se"]) == (0, 0)


@pytest.mark.parametrize(
    ("raw", "reason"), [(RAW[:1], QualityReason.NO_REPLICATION), (np.repeat(RAW[:1], 4, axis=0), QualityReason.RAW_CONSTANT)]
)
def test_what_the_blocks_cannot_tell_is_nan_with_a_reason(raw, reason):
    blocks = [block_quality(raw, raw + np.uint16(2), MEAN)] * 2
    found = combine(blocks)
    assert found["bias_dn"] == found["max_error_dn"] == 2
    assert math.isnan(found["noise_std_ratio"])
    assert math.isnan(found["error_noise_correlation"])
    lag = QualityReason.NO_REPLICATION if reason is QualityReason.NO_REPLICATION else QualityReason.ERROR_CONSTANT
    names = ("noise_std_ratio", "noise_removed", "noise_removed_se", "error_noise_correlation")
    assert undefined(blocks) == {**dict.fromkeys(names, reason), "error_lag1": lag}
    assert all(math.isnan(combine(blocks)[name]) for name in undefined(blocks))
    assert denoises(combine(blocks)) is None


def test_unsigned_errors_do_not_wrap():
    raw = np.array([[[250, 3]]], np.uint8)
    assert combine([block_quality(raw, raw[..., ::-1], 1.0)])["bias_dn"] == 0
    assert combine([block_quality(raw, raw[..., ::-1], 1.0)])["max_error_dn"] == 247


def test_bad_blocks_are_refused():
    with pytest.raises(ShapeMismatch):
        block_quality(RAW, RAW[:2], MEAN)
    for variance in (0.0, -1.0, math.nan):
        with pytest.raises(InvalidOption):
            block_quality(RAW, RAW, variance)
    with pytest.raises(UndefinedStatistic):
        combine([])
