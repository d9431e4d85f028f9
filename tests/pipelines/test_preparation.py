"""From integers to a network's input, and from its output to a foreground map."""

from __future__ import annotations

import numpy as np
import pytest

from sigmaraw.errors import InvalidModel
from sigmaraw.pipelines.preparation import PRE, foreground, prepare

IMAGE = np.array([[0, 100], [300, 400]], np.uint16)


@pytest.mark.parametrize(
    ("pre", "expected"),
    [
        ("none", [[0, 100], [300, 400]]),
        ("minmax", [[0, 0.25], [0.75, 1]]),
        ("zscore", [[-200 / 158.113883, -100 / 158.113883], [100 / 158.113883, 200 / 158.113883]]),
        ("percentile", [[-3 / 396.4, 97 / 396.4], [297 / 396.4, 397 / 396.4]]),  # P1 = 3, P99.8 = 399.4
    ],
)
def test_normalisations_by_hand(pre: str, expected: list[list[float]]) -> None:
    prepared = prepare(IMAGE, pre)
    assert prepared.dtype == np.float32
    np.testing.assert_allclose(prepared, expected, rtol=2e-7, atol=1e-7)


@pytest.mark.parametrize("pre", sorted(set(PRE) - {"none"}))
def test_a_constant_image_becomes_zero(pre: str) -> None:
    np.testing.assert_array_equal(prepare(np.full((5, 5), 4095, np.uint16), pre), 0)


def test_zscore_keeps_precision_on_a_bright_small_signal() -> None:
    frame = np.full((512, 512), 60000, np.uint16)
    frame[::2] += 1
    np.testing.assert_allclose(np.abs(prepare(frame, "zscore")), 1, rtol=1e-5)


def test_foreground_maps_by_hand() -> None:
    output = np.array([[[0.0, 2.0]], [[0.0, -1.0]]], np.float32)
    np.testing.assert_array_equal(foreground(output, "none", 1), output[1])
    np.testing.assert_allclose(foreground(output, "sigmoid", 0), [[0.5, 1 / (1 + np.exp(-2))]], rtol=1e-6)
    np.testing.assert_allclose(foreground(output, "softmax", 1), [[0.5, np.exp(-1) / (np.exp(2) + np.exp(-1))]], rtol=1e-6)


def test_a_channel_that_is_not_there_is_refused() -> None:
    with pytest.raises(InvalidModel, match=r"1 output channels; expected channel 1"):
        foreground(np.zeros((1, 4, 4), np.float32), "softmax", 1)
