"""The denoiser of mode `bootstrap`: against a slow twin, and what must hold of any sum of shrunk patches."""

import numpy as np
import pytest

from sigmaraw.noise.sliding_dct import CUT, PATCH_PX, SlidingDct

RANDOM = np.random.default_rng(20)
Y, X = np.mgrid[:37, :29]
SCENE = 20 + 15 * np.exp(-((Y - 17) ** 2 + (X - 12) ** 2) / 40)
NOISY = SCENE + RANDOM.normal(size=SCENE.shape)


def cosines():
    """The orthonormal DCT-II matrix, written out: rows are frequencies."""
    k = np.arange(PATCH_PX)
    matrix = np.sqrt(2 / PATCH_PX) * np.cos(np.pi * (2 * k[np.newaxis] + 1) * k[:, np.newaxis] / (2 * PATCH_PX))
    matrix[0] /= np.sqrt(2)
    return matrix


def mirrored(image):
    """Repeat the edge pixel first, as a mirror on the pixels' border does."""
    q = PATCH_PX - 1
    rows = np.concatenate([image[:q][::-1], image, image[-q:][::-1]])
    return np.concatenate([rows[:, :q][:, ::-1], rows, rows[:, -q:][:, ::-1]], axis=1)


def slow(image, step=1):
    """Patch by patch in float64, as the docstring has it; twicing done as Tukey does: filter, and filter what is left."""
    c, wide = cosines(), mirrored(image)

    def average(patch_of):
        total, weights = np.zeros_like(wide), np.zeros_like(wide)
        for y in range(0, wide.shape[0] - PATCH_PX + 1, step):
            for x in range(0, wide.shape[1] - PATCH_PX + 1, step):
                where = (slice(y, y + PATCH_PX), slice(x, x + PATCH_PX))
                patch, weight = patch_of(where)
                total[where] += weight * patch
                weights[where] += weight
        inner = (slice(PATCH_PX - 1, 1 - PATCH_PX),) * 2
        return total[inner] / weights[inner]

    def hard(where):
        found = c @ wide[where] @ c.T
        kept = np.abs(found) >= CUT
        kept[0, 0] = True
        return c.T @ np.where(kept, found, 0) @ c, 1 / kept.sum()

    first = mirrored(average(hard))

    def wiener_twice(where):
        b = c @ first[where] @ c.T
        gain = b**2 / (b**2 + 1)
        gain[0, 0] = 1
        found = c @ wide[where] @ c.T
        once = gain * found
        again = once + gain * (found - once)
        both = 1 - (1 - gain) ** 2
        return c.T @ again @ c, 1 / (both**2).sum()

    return average(wiener_twice)


@pytest.mark.parametrize("step", [1, 2, 4])
def test_it_is_the_slow_twin(step):
    """Within float32: 2e-5 of values near 30; a coefficient at the cut itself is not expected to fall either way here."""
    np.testing.assert_allclose(SlidingDct(step)(NOISY), slow(NOISY, step), atol=1e-4)


def test_a_level_stays_and_rows_and_columns_are_alike():
    np.testing.assert_allclose(SlidingDct()(np.full((20, 11), 37.5)), 37.5, rtol=1e-6)
    np.testing.assert_allclose(SlidingDct()(NOISY.T.copy()), SlidingDct()(NOISY).T, atol=1e-4)
    np.testing.assert_allclose(SlidingDct()(NOISY[::-1].copy()), SlidingDct()(NOISY)[::-1], atol=1e-4)


def test_noise_goes_and_structure_stays():
    """RMS error about a quarter of the noise; of noise alone the patches' means stay, of variance 1/64 and less for their overlap."""
    assert np.sqrt(np.mean((SlidingDct()(NOISY) - SCENE) ** 2)) < 0.35
    flat = SlidingDct()(RANDOM.normal(size=(200, 200)))
    assert flat.std() < 1 / PATCH_PX


def test_a_strong_structure_is_left_alone():
    """Coefficients of hundreds of standard deviations are kept whole: the bias is (1 − g)² of them, 1e-4 of one noise."""
    steps = 1000.0 * ((X // 4 + Y // 4) % 2)
    np.testing.assert_allclose(SlidingDct()(steps), steps, atol=0.02)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (3, 200), (8, 8)])
def test_images_of_any_size_are_taken(shape):
    image = RANDOM.normal(50, 1, shape)
    found = SlidingDct()(image)
    assert found.shape == shape
    assert found.dtype == np.float64
    assert abs(found.mean() - 50) < 4 / np.sqrt(image.size)  # 4 SE of the image's mean, which patches keep nearly
