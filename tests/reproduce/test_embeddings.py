"""The study of embeddings: its clustering and its rules by definition, what it refuses, and a run of few small crops."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sigmaraw.errors import InvalidOption
from sigmaraw.reproduce import cells, embeddings
from sigmaraw.reproduce.autoencoder import trained_autoencoder
from sigmaraw.watch import Projection


def _blobs(seed: int = 1) -> np.ndarray:
    random = np.random.default_rng(seed)
    return np.concatenate([random.normal(0, 0.3, (40, 2)), random.normal((4, 1), 0.3, (25, 2)), [[9.0, 9.0], [-6.0, 5.0]]])


def test_dbscan_is_its_definition() -> None:
    points, reach = _blobs(), 0.35
    found = embeddings.dbscan(points, reach)
    near = np.hypot(*(points[:, None] - points).transpose(2, 0, 1)) <= reach
    core = near.sum(axis=1) >= embeddings.FEWEST
    assert np.array_equal(embeddings.core_points(points, reach), core)
    reachable = near & core & core[:, None]
    for _ in range(len(points)):  # core points are of one cluster where a chain of neighbours joins them
        reachable = (reachable.astype(int) @ reachable.astype(int)) > 0
    same = found[:, None] == found
    assert np.array_equal(same[np.ix_(core, core)], reachable[np.ix_(core, core)])
    assert np.array_equal(found == -1, ~(near & core).any(axis=1))
    assert found[-1] == found[-2] == -1 and len(set(found[:40]) - {-1}) >= 1 and not set(found[:40]) & set(found[40:65]) - {-1}
    assert (embeddings.dbscan(points, 1e-9) == -1).all()
    assert (embeddings.dbscan(np.zeros((6, 2)), 0.1) == 0).all(), "points in one place"


def test_dbscan_is_scikit_learns() -> None:
    cluster = pytest.importorskip("sklearn.cluster", reason="scikit-learn is not installed")
    points = _blobs(2)
    expected = cluster.DBSCAN(eps=0.35, min_samples=embeddings.FEWEST).fit(points)
    core = np.zeros(len(points), bool)
    core[expected.core_sample_indices_] = True
    found = embeddings.dbscan(points, 0.35)
    assert np.array_equal(found[core][:, None] == found[core], expected.labels_[core][:, None] == expected.labels_[core])


def test_one_sharp_crop_in_ten_lies_beyond_the_limit() -> None:
    random = np.random.default_rng(5)
    fit, sharp, blurred = (random.standard_normal((count, 3)) for count in (2000, 1500, 500))
    for rule in (embeddings.by_density, embeddings.by_clusters):
        false, hit, *_ = embeddings._called(embeddings.Seen(fit, sharp, blurred + 4.0), rule)
        se = np.sqrt(0.1 * 0.9 * (1 / 1000 + 1 / 1500))  # of the limit and of the share
        assert abs(false.mean() - embeddings.BEYOND) <= 3.3 * se and hit.mean() > 0.95
    assert embeddings.f1(np.array([True, False]), np.array([True, True, False])) == pytest.approx(2 * 2 / (2 * 2 + 1 + 1))


def test_new_crops_move_nothing_and_corrupted_ones_are_refused() -> None:
    random = np.random.default_rng(6)
    seen = embeddings.Seen(*(random.standard_normal((count, 8)) for count in (40, 12, 7)))
    ids = [f"crop {k}" for k in range(40)]
    plane, fewer = embeddings._projected(seen, ids), embeddings._projected(embeddings.Seen(seen.fit, seen.sharp[:3], seen.blurred[:0]), ids)
    assert np.array_equal(plane.fit, fewer.fit) and plane.sharp[:3] == pytest.approx(fewer.sharp, abs=1e-12)
    with pytest.raises(InvalidOption, match="crop 7"):
        Projection.fitted(seen.fit, ids, {"crop 7"})


def test_an_autoencoder_learns_and_is_the_same_each_time() -> None:
    random = np.random.default_rng(7)
    images = np.repeat(random.random((20, 2, 2)), 8, axis=1).repeat(8, axis=2).astype(np.float32)
    first, losses = trained_autoencoder(images, 60, 3)
    second, _ = trained_autoencoder(images, 60, 3)
    assert np.mean(losses[-5:]) < 0.5 * np.mean(losses[:5])
    assert all((a == b).all() for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True))


@pytest.mark.parametrize("blur", [cells.BLUR, "lossless"])
def test_a_run(blur: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(cells, "SIDE", 32)
    monkeypatch.setattr(cells, "BLUR", blur)
    monkeypatch.setattr(embeddings, "LEVEL", 5)
    monkeypatch.setattr(embeddings, "QUICK", embeddings.Size(60, 40, 25))
    monkeypatch.setattr(embeddings, "_installed", lambda: {"Plane": lambda fit, new, seed: (fit[:, :2], new[:, :2])})
    found = embeddings.Embeddings().run(tmp_path, 0, True, lambda *_: None)
    assert sum("Plane, " in note for note in found.notes) == 2 and len(found.figures["embeddings"].axes) == 4
    held = {criterion.key: bool(criterion.test(found.values[criterion.key])) for criterion in embeddings.Embeddings.criteria}
    assert set(found.shown) == set(held) and abs(found.values["brightness"][1]) > 0.9
    if blur == "lossless":
        assert not held["clusters"]
    else:
        assert found.values["auc"][0] > found.values["auc"][1]


@pytest.mark.slow
@pytest.mark.parametrize("package", ["umap", "pacmap"])
def test_umap_and_pacmap_keep_groups_apart_and_what_is_fitted_in_its_place(package: str) -> None:
    pytest.importorskip(package, reason=f"{package} is not installed (extra embeddings)")
    project = {"umap": embeddings._umap, "pacmap": embeddings._pacmap}[package]
    random = np.random.default_rng(8)
    centres = np.array([[0.0] * 6, [9.0] * 6])
    fit, new = (np.concatenate([centre + random.standard_normal((count, 6)) for centre in centres]) for count in (60, 20))
    plane, placed = project(fit, new, 0)
    assert plane.shape == (120, 2) and placed.shape == (40, 2) and np.isfinite(plane).all() and np.isfinite(placed).all()
    middles = np.stack([plane[:60].mean(axis=0), plane[60:].mean(axis=0)])
    nearest = np.hypot(*(placed[:, None] - middles).transpose(2, 0, 1)).argmin(axis=1)
    assert np.array_equal(nearest, np.repeat([0, 1], 20)), "a new point falls among its own kind"
    assert np.array_equal(project(fit, new[:5], 0)[0], plane), "new points move nothing that was fitted"
