"""Weighted total variation against eq. 7 of 001 written as loops, and MS-SSIM against scikit-image scale by scale."""

from __future__ import annotations

import math

import numpy as np
import pytest
from skimage.metrics import structural_similarity

from sigmaraw.errors import ShapeMismatch
from sigmaraw.metrics.sharpness import WEIGHTS, ms_ssim, weighted_total_variation


def test_weighted_total_variation_is_the_sum_of_001() -> None:
    random = np.random.default_rng(3)
    image, labels = random.integers(0, 4096, (12, 14)), np.zeros((12, 14), int)
    labels[2:5, 3:9] = 1
    labels[6, 10] = 2
    labels[8:12, 10:14] = 3  # at the border: no pixel below or right of it
    expected = []
    for top, left, height, width in ((2, 3, 3, 6), (6, 10, 1, 1), (8, 10, 4, 4)):
        total = 0.0
        for i in range(top, top + height):
            for j in range(left, left + width):
                down = float(image[min(i + 1, 11), j] - image[i, j])
                right = float(image[i, min(j + 1, 13)] - image[i, j])
                total += math.sqrt(down**2 + right**2)
        expected.append(total / (height * width))
    assert weighted_total_variation(image, labels) == pytest.approx(expected)
    with pytest.raises(ShapeMismatch):
        weighted_total_variation(image, labels[1:])


def test_one_scale_is_the_ssim_of_scikit_image() -> None:
    """Below 22 px one scale is left; the map then is SSIM with a Gaussian window of 1.5 px."""
    random = np.random.default_rng(1)
    first = random.normal(1000, 100, (21, 21))
    second = first + random.normal(0, 30, first.shape)
    settings = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 4095, "full": True}
    _, expected = structural_similarity(first, second, **settings)
    value, similar = ms_ssim(first, second, 4095)
    assert similar == pytest.approx(np.maximum(expected, 0), abs=1e-9) and value == pytest.approx(expected.mean())


def test_a_shift_of_grey_changes_luminance_at_the_coarsest_scale_alone() -> None:
    random = np.random.default_rng(2)
    first = np.kron(random.normal(1000, 300, (6, 6)), np.ones((32, 32)))  # 192 px: all five scales
    flat = np.full((192, 192), 1000.0)
    c1 = (0.01 * 4095) ** 2
    luminance = (2 * 1000 * 1500 + c1) / (1000**2 + 1500**2 + c1)
    assert ms_ssim(flat, flat + 500, 4095)[0] == pytest.approx(luminance ** (WEIGHTS[-1] / sum(WEIGHTS)))
    assert ms_ssim(first, first, 4095)[0] == 1.0 and (ms_ssim(first, first, 4095)[1] == 1).all()
    noise = random.normal(1000, 300, (192, 192))
    # Contrast and structure of noise of variance v against none are c₂/(v + c₂), v a quarter at each next scale. A window of
    # 4π·1.5² = 28 independent pixels finds v to √(2/28) = 27 %, whose mean inverse is higher by 0.27² = 7 %; one in all by 8 %, then.
    c2 = (0.03 * 500) ** 2
    shares = [c2 / (300**2 / 4**scale + c2) for scale in range(5)]
    expected = float(np.prod(np.power(shares, WEIGHTS)))
    assert ms_ssim(noise, np.full_like(noise, 1000), 500)[0] == pytest.approx(expected, rel=0.15)
    with pytest.raises(ShapeMismatch):
        ms_ssim(first[:8], first[:8], 4095)
