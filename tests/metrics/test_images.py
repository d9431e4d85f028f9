"""PSNR and largest error, with the range stated."""

import math

import numpy as np
import pytest

from sigmaraw.contracts import Metric
from sigmaraw.errors import InvalidOption, ShapeMismatch, UnsupportedArray
from sigmaraw.metrics import MaxError, Psnr


def test_psnr_is_the_equation():
    a = np.array([[10, 20], [30, 40]], np.uint16)
    b = np.array([[12, 20], [30, 36]], np.uint16)
    assert Psnr(4095)(a, b) == pytest.approx(10 * math.log10(4095**2 / 5))
    assert Psnr()(a, b) == pytest.approx(10 * math.log10(65535**2 / 5))
    assert Psnr()(a.astype(np.uint8), b.astype(np.uint8)) == pytest.approx(10 * math.log10(255**2 / 5))
    assert Psnr()(a, a) == math.inf


def test_psnr_against_scikit_image():
    from skimage.metrics import peak_signal_noise_ratio

    a, b = np.random.default_rng(0).integers(0, 4096, (2, 30, 40)).astype(np.uint16)
    assert Psnr(4095)(a, b) == pytest.approx(peak_signal_noise_ratio(a, b, data_range=4095))


def test_the_range_used_can_be_asked():
    image = np.zeros((2, 2), np.uint16)
    assert Psnr().range_of(image) == 65535
    assert Psnr(4095).range_of(image) == 4095
    with pytest.raises(UnsupportedArray):
        Psnr()(image.astype(float), image.astype(float) + 1)
    assert Psnr(2.0)(image.astype(float), image.astype(float) + 1) == pytest.approx(10 * math.log10(4))


@pytest.mark.parametrize("data_range", [0, -1, math.nan, math.inf])
def test_a_range_that_is_none_is_refused(data_range):
    with pytest.raises(InvalidOption):
        Psnr(data_range)


def test_unsigned_differences_do_not_wrap():
    a, b = np.array([[0, 5]], np.uint8), np.array([[255, 4]], np.uint8)
    assert MaxError()(a, b) == MaxError()(b, a) == 255
    assert MaxError()(a, a) == 0
    assert Psnr()(a, b) == Psnr()(b, a)


@pytest.mark.parametrize("metric", [Psnr(), MaxError()])
def test_it_is_a_metric_of_equal_shapes(metric):
    assert isinstance(metric, Metric)
    with pytest.raises(ShapeMismatch):
        metric(np.zeros((2, 2), np.uint8), np.zeros((1, 2), np.uint8))
    with pytest.raises(ShapeMismatch):
        metric(np.zeros((0, 2), np.uint8), np.zeros((0, 2), np.uint8))
