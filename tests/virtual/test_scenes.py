"""Scenes: what the labels promise about the light."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from sigmaraw.errors import InvalidOption
from sigmaraw.virtual import nuclei_scene
from sigmaraw.virtual.samples import LEAST_CONTRAST, RANGES, random_sample

EIGHT = np.ones((3, 3))


@pytest.mark.parametrize("seed", range(6))
def test_cells_are_whole_separate_and_counted(seed: int) -> None:
    scene = nuclei_scene((200, 240), 25, seed=seed)
    assert scene.count == 25
    assert ndimage.label(scene.mask, EIGHT)[1] == 25
    assert [ndimage.label(scene.labels == k, EIGHT)[1] for k in (1, 25)] == [1, 1]
    assert scene.area == scene.mask.sum() == np.count_nonzero(scene.labels)
    border = np.concatenate([scene.mask[0], scene.mask[-1], scene.mask[:, 0], scene.mask[:, -1]])
    assert not border.any()


def test_the_gap_between_cells_is_kept() -> None:
    """Grown by half the gap, cells still do not touch; the outline is drawn to about a pixel."""
    scene = nuclei_scene((160, 160), 60, seed=2, gap_px=7.0)
    assert 10 < scene.count < 60  # it is full
    assert ndimage.label(ndimage.binary_dilation(scene.mask, EIGHT, iterations=2), EIGHT)[1] == scene.count


def test_light_is_background_outside_and_peak_inside() -> None:
    scene = nuclei_scene(n_cells=30, peak_e=400.0, background_e=20.0, seed=1, texture=0, brightness_spread=0, gradient=0.2)
    far = ndimage.distance_transform_edt(~scene.mask) > 8
    deep = ndimage.distance_transform_edt(scene.mask) > 5
    np.testing.assert_allclose(scene.mean_e[far], scene.background_e[far], rtol=0.01)
    np.testing.assert_allclose(scene.mean_e[deep] - scene.background_e[deep], 400, rtol=0.02)
    assert scene.background_e.mean() == pytest.approx(20, rel=1e-9)
    assert np.ptp(scene.background_e) == pytest.approx(0.2 * 20, rel=0.01)


def test_cells_vary_and_have_texture() -> None:
    scene = nuclei_scene(n_cells=30, peak_e=400.0, seed=1, texture=0.15, brightness_spread=0.25)
    means = ndimage.mean(scene.mean_e, scene.labels, np.arange(1, 31))
    assert 0.12 < means.std() / means.mean() < 0.4
    deep = (ndimage.distance_transform_edt(scene.mask) > 4) & (scene.labels == scene.labels.max())
    assert scene.mean_e[deep].std() / scene.mean_e[deep].mean() > 0.02


def test_blur_keeps_the_light() -> None:
    sharp, soft = (nuclei_scene(n_cells=20, seed=3, psf_px=psf) for psf in (0.0, 2.0))
    np.testing.assert_array_equal(sharp.labels, soft.labels)
    assert soft.mean_e.sum() == pytest.approx(sharp.mean_e.sum(), rel=1e-6)
    assert np.abs(np.diff(soft.mean_e)).max() < 0.5 * np.abs(np.diff(sharp.mean_e)).max()


def test_a_scene_belongs_to_its_seed() -> None:
    one, again, other = (nuclei_scene((64, 64), 4, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.mean_e, again.mean_e)
    assert not np.array_equal(one.labels, other.labels)
    assert nuclei_scene((64, 64), 0).count == 0


@pytest.mark.parametrize(
    "values",
    [{"shape": (4, 64)}, {"n_cells": -1}, {"peak_e": np.nan}, {"background_e": -1}, {"radius_px": 1}, {"gradient": 3.0}, {"psf_px": -1}],
)
def test_impossible_scenes_are_refused(values: dict[str, object]) -> None:
    with pytest.raises(InvalidOption):
        nuclei_scene(**values)  # type: ignore[arg-type]  # wrong on purpose


def test_samples_stay_in_their_ranges_and_streams_do_not_meet() -> None:
    samples = [random_sample(index, 3, "train", (64, 64)) for index in range(30)]
    gains = [sample.camera.gain for sample in samples]
    low, high = RANGES["log gain"]
    assert low <= min(gains) < max(gains) <= high
    assert len(set(gains)) == 30
    held_out = [random_sample(index, 3, "held-out", (64, 64)).camera.gain for index in range(30)]
    assert not set(gains) & set(held_out)
    assert random_sample(4, 3, "train", (64, 64)).camera == samples[4].camera
    np.testing.assert_array_equal(random_sample(4, 3, "train", (64, 64)).frame, samples[4].frame)


def test_no_sample_is_too_faint_to_have_an_outline() -> None:
    for index in range(40):
        sample = random_sample(index, 5, "train", (96, 96))
        deep = ndimage.distance_transform_edt(sample.scene.mask) > 3
        if not deep.any():
            continue
        contrast = (sample.scene.mean_e - sample.scene.background_e)[deep].mean()
        noise = np.sqrt(sample.scene.background_e.max() + sample.camera.read_noise_e**2)
        assert contrast > 0.5 * LEAST_CONTRAST * noise  # brightness spread and blur take their part
