"""Fields in DIC: stains lie where the labels say, and DIC shows slopes alone."""

from __future__ import annotations

import numpy as np
import pytest

from sigmaraw.errors import InvalidOption
from sigmaraw.virtual.dic import STAINS, dic_scene


def test_stains_lie_where_their_labels_are() -> None:
    scene = dic_scene((96, 96), 6, 3)
    assert scene.count == 6 and set(np.unique(scene.nuclei)) == set(range(7))
    assert np.array_equal(scene.cells[scene.nuclei > 0], scene.nuclei[scene.nuclei > 0])
    ring = (scene.cells > 0) & (scene.nuclei == 0)
    inside = {"nuclei": scene.nuclei > 0, "er": ring, "gfp": scene.cells > 0}
    for name in STAINS:
        stain = scene.stains[name]
        assert stain[inside[name]].mean() > 1.5 * stain[scene.cells == 0].mean()
    assert scene.stains["nuclei"][ring].mean() < scene.stains["nuclei"][scene.nuclei > 0].mean() / 1.5


def test_dic_is_a_slope_whose_sum_along_the_shear_vanishes() -> None:
    """The path is 0 on both sides of a cell: slopes of both signs cancel, to .15 of their spread."""
    scene = dic_scene((96, 96), 5, 1)
    ground = scene.dic[scene.cells == 0].astype(float)
    assert ground.mean() == pytest.approx(110, abs=1)
    cells = scene.dic[scene.cells > 0].astype(float)
    assert cells.std() > 2 * ground.std()
    assert cells.mean() == pytest.approx(110, abs=0.15 * cells.std())


def test_magnification_and_seed() -> None:
    small, large = (dic_scene((128, 128), 5, 2, scale) for scale in (0.7, 1.3))
    ratio = np.count_nonzero(large.nuclei) / np.count_nonzero(small.nuclei)
    assert 0.6 * (1.3 / 0.7) ** 2 < ratio < 1.6 * (1.3 / 0.7) ** 2
    assert np.array_equal(dic_scene((64, 64), 3, 5).dic, dic_scene((64, 64), 3, 5).dic)
    with pytest.raises(InvalidOption, match="scale"):
        dic_scene(scale=9.0)
