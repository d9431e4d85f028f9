"""Vesicles: classes, shares and colours as the labels say."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from sigmaraw.errors import InvalidOption
from sigmaraw.virtual.vesicles import SHARES, vesicle_image


def test_shares_are_those_of_003() -> None:
    """Over 30 images; a share spreads by its own 30 % and by half a vesicle: the standard error is that over the images."""
    images = [vesicle_image((64, 64), k) for k in range(30)]
    for label, share in enumerate(SHARES):
        found = np.array([np.mean(each.labels == label) for each in images])
        assert found.mean() == pytest.approx(share, abs=4 * found.std(ddof=1) / np.sqrt(len(images)))
    assert set(np.unique(images[0].labels)) == {0, 1, 2}


def test_an_object_has_one_class_and_its_colour() -> None:
    made = vesicle_image((96, 96), 4, peak_e=1000.0, cytosol_e=0.0)
    assert made.image.shape == (2, 96, 96) and made.image.dtype == np.uint16 and made.image.max() < 4096
    numbers = np.arange(1, made.objects.max() + 1)
    assert np.array_equal(made.objects > 0, made.labels > 0)
    low, high = (reduce(made.labels, made.objects, numbers) for reduce in (ndimage.minimum, ndimage.maximum))
    assert np.array_equal(low, high)
    ratio = [
        float(made.image[1][made.labels == label].mean() - 100) / float(made.image[0][made.labels == label].mean() - 100)
        for label in (1, 2)
    ]
    assert 0.8 < ratio[0] < 1.2 and ratio[1] < 0.3  # green over red, above the camera's offset


def test_the_same_seed_is_the_same_image() -> None:
    one, same, other = (vesicle_image((48, 48), seed).image for seed in (1, 1, 2))
    assert np.array_equal(one, same) and not np.array_equal(one, other)
    with pytest.raises(InvalidOption, match="32 px"):
        vesicle_image((16, 48))
