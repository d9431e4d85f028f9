"""A part of the acceptance of the noise-aware quantiser; `python -m tests.codecs.acceptance` does all of it."""

from __future__ import annotations

import math

import pytest

from tests.codecs.acceptance import SIZE, excess_bits, noise_row


@pytest.mark.parametrize(("gain", "electrons"), [(1.0, 0), (1.0, 2), (1.0, 1000), (0.46, 10), (0.3125, 100)])
def test_noise_and_mean(gain, electrons):
    frames = 30
    row = noise_row(gain, 1.6, electrons, frames=frames)
    # Var(C) = Var(x) + Var(e) + 2 cov: the covariance's SE is √(Var x·Var e/N), with Var e/Var x = formula² − 1.
    added = row.formula**2 - 1
    count = frames * SIZE**2
    se = math.sqrt(added / count) / row.formula + added / math.sqrt(2 * count)
    assert 3 * se < 0.002
    assert abs(row.ratio - row.formula) < 0.005 + 3 * se
    assert abs(row.shift) < 0.2 + 2 * row.shift_se


def test_where_levels_are_coded_exactly_less_noise_is_added():
    row = noise_row(0.3125, 1.6, 2, frames=5)
    assert 1 <= row.ratio < 1.01 < row.formula


@pytest.mark.parametrize("q", [0.5, 1.0, 2.0])
def test_jpeg_xl_is_within_five_per_cent_of_the_theory_and_the_others_exceed_it_as_documented(q):
    bits, theory = excess_bits(q, "jpegxl", size=384)
    assert -0.01 < bits / theory - 1 < 0.05
    documented = {"jpegls": {0.5: 0.116, 1.0: 0.183, 2.0: 0.238}, "zstd": {0.5: 0.177, 1.0: 0.240, 2.0: 0.337}}
    for backend, excess in documented.items():
        bits, theory = excess_bits(q, backend, size=384)
        assert bits / theory - 1 == pytest.approx(excess[q], abs=0.02)
