"""Scenes of phase contrast, light sheet, tomography and CT: what they show is what their truth says."""

from __future__ import annotations

import numpy as np
import pytest

from sigmaraw.errors import InvalidOption
from sigmaraw.pipelines.reconstruction import fbp
from sigmaraw.virtual.light_sheet import light_sheet_scene
from sigmaraw.virtual.organ_volume import SCALE, organ_volume
from sigmaraw.virtual.organs import CLASSES, LEVELS_HU, STORED
from sigmaraw.virtual.phase_contrast import phase_contrast_scene
from sigmaraw.virtual.tomography import tomography_scan


def test_cells_in_phase_contrast_are_dark_in_a_bright_halo() -> None:
    from scipy.ndimage import binary_dilation

    scene = phase_contrast_scene((96, 96), 5, 2000.0, seed=4)
    cells = scene.labels > 0
    halo = binary_dilation(cells, iterations=4) & ~binary_dilation(cells, iterations=1)
    far = ~binary_dilation(cells, iterations=18)
    assert scene.count == 5 and (scene.phase_rad[cells] > 0).all() and not scene.phase_rad[~cells].any()
    inside, ring, away = (scene.mean_e[each].mean() for each in (cells, halo, far))
    assert inside < 0.95 * away < away < 0.97 * ring
    assert away == pytest.approx(2000.0, rel=0.02)
    assert np.array_equal(scene.mean_e, phase_contrast_scene((96, 96), 5, 2000.0, seed=4).mean_e)
    with pytest.raises(InvalidOption, match="halo_px"):
        phase_contrast_scene(halo_px=0)


def test_a_light_sheet_fades_along_x_and_blurs_along_z() -> None:
    shape = (16, 48, 48)
    empty = light_sheet_scene(shape, 0, background_e=100.0, stripes=0.0, attenuation_px=60.0, debris=0)
    along = empty.mean_e.mean(axis=(0, 1))[6:-6]  # away from the edges, which the blur repeats
    assert np.diff(np.log(along)) == pytest.approx(-1 / 60, rel=1e-3)
    fine = light_sheet_scene((40, 40, 40), 0, background_e=0.0, stripes=0.0, attenuation_px=1e9, debris=1, debris_e=500.0, seed=4)
    grain = fine.mean_e
    assert grain.max() == pytest.approx(500.0)
    spread = []
    for axis in range(3):
        profile = grain.sum(axis=tuple(other for other in range(3) if other != axis))
        at = np.arange(profile.size)
        middle = (at * profile).sum() / profile.sum()
        spread.append(np.sqrt((((at - middle) ** 2) * profile).sum() / profile.sum()))
    # The grain lies more than 4 σ from every edge, where the filter ends: Gaussians cut there are 4·φ(4) = 0.05 % narrower.
    assert spread == pytest.approx([1.6, 0.9, 0.9], rel=1e-3)
    scene = light_sheet_scene(shape, 6, debris=0, seed=3)
    assert scene.count == 6 and scene.mean_e[scene.labels > 0].mean() > 3 * scene.mean_e[scene.labels == 0].mean()


@pytest.mark.parametrize("kind", ["transmission", "emission"])
def test_projections_give_their_volume_back(kind: str) -> None:
    scan = tomography_scan((6, 48), 60, 5000.0, 1, kind)
    assert scan.mean_e.shape == (60, 6, 48) and scan.count == 5
    line = scan.mean_e - scan.mean_e.min() if kind == "emission" else -np.log(scan.mean_e / scan.flat_e)
    found = fbp(line, scan.angles_deg)
    organs = scan.labels > 0
    assert found[organs].mean() == pytest.approx(scan.volume[organs].mean(), rel=0.05)
    v, u = np.ogrid[:48, :48]
    away = np.hypot(v - 24, u - 24)
    assert abs(found[:, (away > 22) & (away < 23.5)].mean()) < 0.1 * scan.volume[organs].mean()


def test_an_organ_volume_is_what_its_labels_say_and_runs_on() -> None:
    from scipy.ndimage import binary_erosion

    made = organ_volume((12, 80, 80), 2)
    assert made.image.dtype == np.uint16 and set(np.unique(made.labels)) == set(range(len(CLASSES)))
    for label in range(len(CLASSES)):
        inside = binary_erosion(made.labels == label, iterations=2)
        if inside.sum() > 60:
            # Texture and noise are correlated over about 3 px each way: one voxel in sixty is independent. Air is clipped at 0 from below.
            se = np.hypot(8.0, 8.0) / np.sqrt(inside.sum() / 60)
            assert made.image[inside].mean() / SCALE == pytest.approx(LEVELS_HU[label] + STORED, abs=4 * se + 0.5)
    same = (made.labels[1:] == made.labels[:-1]).mean()
    assert 0.85 < same < 1.0, "slices resemble their neighbours and are not equal"
    assert np.array_equal(made.image, organ_volume((12, 80, 80), 2).image)
