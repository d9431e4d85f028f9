"""The studies of in-silico labels and of magnification: their parts by truth, and both at a tiny size."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch

from sigmaraw.errors import ShapeMismatch
from sigmaraw.pipelines.unet import UNet, UNetDescription
from sigmaraw.reproduce import isl, isl_real, isl_training, scale
from sigmaraw.training.arrays import output
from sigmaraw.virtual.dic import dic_scene


class _Answers(torch.nn.Module):
    """A network that gives, whatever it sees, the planes that it was made with."""

    def __init__(self, planes: np.ndarray) -> None:
        super().__init__()
        self.planes = torch.from_numpy(planes.astype(np.float32))
        self.first = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first = self.first % len(self.planes)
        self.first += len(x)
        return self.planes[first : first + len(x)]


def _criteria(study: Any, values: dict[str, Any]) -> dict[str, bool]:
    return {criterion.key: bool(criterion.test(values[criterion.key])) for criterion in study.criteria}


def test_measured_is_what_the_labels_say() -> None:
    scene = dic_scene((96, 96), 5, 4)
    found = isl_training.measured(scene.stains["nuclei"].astype(float), scene.nuclei > 0)
    assert found["count"] == 5 and found["area"] == np.count_nonzero(scene.nuclei)
    total = scene.stains["nuclei"][scene.nuclei > 0].sum()
    assert found["total intensity"] == total and found["mean intensity"] == pytest.approx(total / found["area"])
    assert isl_training.measured(np.zeros((8, 8)), np.zeros((8, 8), bool))["mean intensity"] == 0


def test_the_true_stains_as_answers_and_a_constant() -> None:
    """True stains score r = 1, loss 0 in the uncorrupted images; a constant answer fails all that a network must show."""
    test = isl_training.fields(6, (3,))
    stains = np.stack([np.stack([scene.stains[name] for name in isl.LABELS]) for scene in test])
    gfp = np.stack([(scene.stains["gfp"] > 250)[None] * 20.0 - 10 for scene in test])
    net = UNet(UNetDescription(2, (2,), outputs=2)).eval()
    nets: dict[str, Any] = {name: _Answers(stains) for name in ("plain", "augmented", "shuffled")}
    nets["gfp"] = _Answers(gfp)
    seams = isl._seams
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(isl, "_seams", lambda _, large: seams(net, large))
        right = isl._judged(nets, test, test[0], None).values
        nets = {
            name: _Answers(planes * 0 - 1)
            for name, planes in (("plain", stains), ("augmented", stains), ("shuffled", stains), ("gfp", gfp))
        }
        blind = _criteria(isl.Isl, isl._judged(nets, test, test[0], None).values)
    assert right["loss"]["r"] == pytest.approx(1) and right["loss"]["loss"] == pytest.approx(0, abs=1e-9)
    assert right["nuclei"] == pytest.approx(dict.fromkeys(isl_training.MEASURED, 1) | {"images": 6})
    assert not _criteria(isl.Isl, right)["shuffled"], "stains that belong to other images must not be predicted"
    assert not any(blind[key] for key in ("loss", "nuclei", "er", "shuffled", "gfp", "corrupted")), (
        "chance is judged beside a network that learned"
    )


def test_seams_of_a_network_that_sees_one_pixel_are_none() -> None:
    class OnePixel(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x**2

    ratios, (whole, without, bordered) = isl._seams(OnePixel(), dic_scene((192, 192), 20, 1))  # type: ignore[arg-type]
    assert ratios == [0, 0] and np.array_equal(whole, without) and np.array_equal(whole, bordered)


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    made, part = isl_training.fields, isl_training.part
    small = lambda count, key, shape=(96, 96), scale=1.0: made(min(count, 3), key, (48, 48) if shape == (96, 96) else shape, scale)  # noqa: E731
    for module in (isl, scale):
        monkeypatch.setattr(module, "fields", small)
    monkeypatch.setattr(isl_training, "WIDTHS", (2, 3))
    monkeypatch.setattr(isl_training, "part", lambda loss, steps: part(loss, min(steps, 2)))


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("study", [isl.Isl, scale.Scale])
def test_the_studies_run(study: Any, tmp_path: Path) -> None:
    found = study().run(tmp_path, 0, True, lambda *_: None)
    assert set(found.shown) >= {criterion.key for criterion in study.criteria} and found.figures
    _criteria(study, dict(found.values))


@pytest.mark.usefixtures("tiny")
def test_a_field_left_out_and_a_blur(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nuclei that are the cell channel, upside down in brightness and blurred by 2 px after binning: the blur finds width and sign."""
    from scipy.ndimage import gaussian_filter

    random = np.random.default_rng(2)
    cells = gaussian_filter(random.standard_normal((4, 510, 510)), (0, 3, 3))
    cells = np.rint(128 + 40 * cells / cells.std()).clip(0, 255).astype(np.uint8)
    nuclei = 255 - np.stack([gaussian_filter(frame, 4) for frame in cells])
    for name, frames in (("cells.tif", cells), ("nuclei.tif", nuclei)):
        tifffile.imwrite(tmp_path / name, frames, photometric="minisblack")
    found = isl_real.compared(tmp_path, True, 0, lambda: None)
    assert found["width_px"] == [2.0] * 4 and min(found["blur"]) > 0.95
    assert found["difference"][1] <= found["difference"][0] <= found["difference"][2]
    tifffile.imwrite(tmp_path / "nuclei.tif", nuclei[:3], photometric="minisblack")
    with pytest.raises(ShapeMismatch, match="4 fields"):
        isl_real.compared(tmp_path, True, 0, lambda: None)


def test_magnified_images_and_targets_move_alike() -> None:
    image = np.zeros((1, 1, 33, 33), np.float32)
    image[..., 12:21, 12:21] = 1
    seen, wanted = scale._magnified(image, image, 0)
    assert len(seen) == 4 and np.array_equal(seen, wanted) and np.array_equal(seen[:1], image)
    areas = seen[1:].sum(axis=(1, 2, 3)) / 81
    assert len(set(np.round(areas, 3))) == 3 and areas.min() > 0.6 * 0.7**2 and areas.max() < 1.4 * 1.3**2


@pytest.mark.slow
def test_the_quick_size_trains_enough_for_gfp() -> None:
    """At .8 the mask of GFP holds cells, and their count and area follow the true ones."""
    train, test = isl_training.fields(32, (100, 0)), isl_training.fields(40, (100, 1))
    seen = isl_training.inputs([scene.dic for scene in train])
    shown = isl_training.inputs([scene.dic for scene in test])
    true = np.stack([isl._gfp_true(scene) for scene in train])[:, None].astype(np.float32)
    net = isl_training.network(seen, true, "mask", "bce", 350, 100, lambda: None)
    masks = [isl._gfp_mask(one[0]) for one in output(net, shown)]
    truth = [isl_training.measured(scene.stains["gfp"].astype(float), isl._gfp_true(scene)) for scene in test]
    r = isl_training.correlations(truth, [isl_training.measured(mask.astype(float), mask) for mask in masks])
    assert r["count"] > 0.5 and r["area"] > 0.5, r
