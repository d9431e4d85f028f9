"""Frames of known statistics for the codec tests."""

from __future__ import annotations

import functools

import numpy as np
import pytest

GAIN, OFFSET, READ_NOISE = 0.5, 100.0, 1.6  # DN/e⁻, DN, e⁻


def _expose(rng, mean_e, gain=GAIN, offset=OFFSET, read_noise=READ_NOISE, bits=12):
    """Return DN = clip(round(o + K·(n + r))), n ~ Poisson(mean_e), r ~ N(0, σ_r): NumPy's own samplers."""
    signal = rng.poisson(mean_e) + rng.normal(0, read_noise, np.shape(mean_e))
    return np.clip(np.rint(offset + gain * signal), 0, (1 << bits) - 1).astype(np.uint16)


@functools.cache
def _blobs(size):
    """Return Gaussian blobs of 200 e⁻ on 20 e⁻: the scene of every frame of this size."""
    y, x = np.mgrid[:size, :size]
    centres = np.random.default_rng(99).uniform(0, size, (40 * size * size // 65536, 2))
    return 20 + sum(200 * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / 60) for cy, cx in centres)


def _cells(size=256, seed=0, bits=12):
    """Return blobs as a 12-bit camera sees them, or a 16-bit one of 16 times the gain."""
    return _expose(np.random.default_rng(seed), _blobs(size), gain=GAIN if bits == 12 else 16 * GAIN, bits=bits)


@pytest.fixture(scope="session")
def cells():
    """cells(size=256, seed=0, bits=12) → a noisy cell-like frame, uint16."""
    return _cells


@pytest.fixture(scope="session")
def expose():
    """expose(rng, mean_e, gain, offset, read_noise, bits) → a frame of the linear camera model, uint16."""
    return _expose
