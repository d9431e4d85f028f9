"""What a U-Net's and an autoencoder's embeddings say of a crop: blur, or brightness; paper 002 on virtual cells.

Embeddings are the channel means of the demonstration U-Net's deepest maps, of crops that are each standardised, and the code of a small
autoencoder of crops as they are. Crops come from two sessions, one with a brighter background. Principal components, clusters (DBSCAN) and
densities (KDE) are fitted on sharp crops alone: one half of these fits, the other sets the limit beyond which one crop in ten lies. A new
crop beyond the limit is called blurred. UMAP and PaCMAP stand beside the components where they are installed (the extra "embeddings").
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import Criterion, Found, Reproduction
from sigmaraw.contracts.reproductions import Report
from sigmaraw.reproduce.cells import blurred, bottleneck, crops_of, demo_network, roc_auc
from sigmaraw.watch.projection import Projection

LEVEL = 4
"""Severity of the blur, as in 002."""
COMPONENTS = 5
FEWEST = 5
"""Neighbours of a core point, itself among them."""
BEYOND = 0.1
BACKGROUNDS_E = ((10.0, 60.0), (250.0, 300.0))
"""Of the two sessions, e-."""
NAMES = ("U-Net", "autoencoder")
_LARGEST_DN = 1023.0  # what the autoencoder takes as 1
_BOOTSTRAPS = 1000
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Size:
    """Sharp crops to fit with, new crops sharp and blurred, and training steps of the autoencoder."""

    fit: int
    new: int
    steps: int


QUICK, FULL = Size(600, 400, 300), Size(1600, 800, 2000)


@dataclass(frozen=True)
class Seen:
    """An encoder's embeddings: of the crops to fit with, of new sharp and of new blurred ones."""

    fit: Floats
    sharp: Floats
    blurred: Floats


class Embeddings(Reproduction):
    """Clusters and densities of two kinds of embeddings, and which of them tells blurred crops."""

    name = "embeddings"
    title = "What embeddings of a U-Net and of an autoencoder tell apart"
    paper = "002 (Pankova)"
    criteria: ClassVar[tuple[Criterion, ...]] = (
        Criterion(
            "density",
            f"F1 of blurred crops (severity {LEVEL}) by density (KDE), U-Net and autoencoder; the difference with its 95 % interval",
            "a figure: the blurred crops' cluster “also intersects with many non corrupted crops”",
            "the interval reaches above 0: a density of few crops in five dimensions shows too little to ask for more",
            lambda v: v["high"] > 0,
        ),
        Criterion(
            "clusters",
            "the same by distance from the clusters (DBSCAN)",
            ".76 and .64 (DBSCAN after PaCMAP)",
            "the interval of the difference lies above 0",
            lambda v: v["low"] > 0,
        ),
        Criterion(
            "auc",
            "ROC-AUC of blurred against sharp crops by density, U-Net and autoencoder",
            "not printed; “equally mixed” in the autoencoder's",
            "the U-Net's is above the autoencoder's, which is .5 ± .1",
            lambda v: v[0] > v[1] and abs(v[1] - 0.5) <= 0.1,
        ),
        Criterion(
            "brightness",
            "rank correlation of the first component with brightness, U-Net and autoencoder",
            "the autoencoder's clusters are of brightness (a figure)",
            "the autoencoder's is above .9 in size, and the U-Net's below .5",
            lambda v: abs(v[1]) > 0.9 and abs(v[0]) < 0.5,
        ),
        Criterion(
            "split",
            "clusters of the autoencoder's first two components, and ROC-AUC of brightness between the largest two",
            "2 (a figure)",
            "there are two or more, and the ROC-AUC is above .95",
            lambda v: v["clusters"] >= 2 and v["auc"] > 0.95,
        ),
    )

    def run(self, folder: Path, seed: int, quick: bool, progress: Report) -> Found:
        """Take crops, embed them both ways, fit on sharp ones, and look at new ones."""
        size = QUICK if quick else FULL
        progress(0, 3, "crops")
        fit, sharp, changed = (_crops(seed, start, count) for start, count in ((0, size.fit), (10**6, size.new), (2 * 10**6, size.new)))
        changed = blurred(changed, LEVEL)
        progress(1, 3, "networks")
        seen = dict(zip(NAMES, _embedded(fit, sharp, changed, size.steps, seed), strict=True))
        progress(2, 3, "embeddings")
        ids = [f"crop {index}" for index in range(size.fit)]
        planes = {name: _projected(part, ids) for name, part in seen.items()}
        light = sharp.mean(axis=(1, 2))
        values = {**_blur_found(planes, seed), **_brightness(planes, light)}
        more = {f"{how}, {name}": _more(project, planes[name], seed) for how, project in _installed().items() for name in NAMES}
        progress(3, 3, "embeddings")
        notes = (
            f"{size.fit} sharp crops fit; {size.new} other sharp and {size.new} blurred crops are new.",
            "F1 of “all are blurred” is .67; 002 does not say how a cluster becomes a call, so its .64 may be no better than that.",
            *(f"Beside it: {what} then density: F1 {f1:.2f}." for what, (f1, _) in more.items()),
            "Not reproduced: the phenotypes; their data are not public.",
        )
        drawn = {name: (plane.fit[:, :2], plane.sharp[:, :2], plane.blurred[:, :2]) for name, plane in planes.items()}
        return Found(values, _shown(values), {"embeddings": _figure({**drawn, **{what: part for what, (_, part) in more.items()}})}, notes)


def _crops(seed: int, start: int, count: int) -> NDArray[np.integer]:
    """Return crops of both sessions in turn, (crop, y, x), DN."""
    return np.concatenate([crops_of(seed, start + k, 1, BACKGROUNDS_E[k % 2]) for k in range(count)])


def _embedded(
    fit: NDArray[np.integer], sharp: NDArray[np.integer], changed: NDArray[np.integer], steps: int, seed: int
) -> tuple[Seen, Seen]:
    """Return embeddings by the U-Net and by an autoencoder of the crops to fit with."""
    import torch

    from sigmaraw.reproduce.autoencoder import trained_autoencoder

    network = demo_network()
    autoencoder, _ = trained_autoencoder((fit / _LARGEST_DN).astype(np.float32), steps, seed)

    def code(crops: NDArray[np.integer]) -> Floats:
        with torch.inference_mode():
            found = autoencoder.embedding(torch.from_numpy((crops / _LARGEST_DN).astype(np.float32))[:, None])
        return np.asarray(found.double().numpy())

    every = (fit, sharp, changed)
    return Seen(*(bottleneck(network, crops) for crops in every)), Seen(*map(code, every))


def _projected(seen: Seen, ids: list[str]) -> Seen:
    """Return principal components, which the crops to fit with decide alone."""
    axes = Projection.fitted(seen.fit, ids, (), COMPONENTS)
    return Seen(axes(seen.fit), axes(seen.sharp), axes(seen.blurred))


def by_density(points: Floats) -> Callable[[Floats], Floats]:
    """Return a function of new points (point, component) that is the greater, the thinner the points lie there: −ln of the KDE."""
    from scipy.stats import gaussian_kde

    density = gaussian_kde(points.T)
    return lambda new: np.asarray(-density.logpdf(new.T))


def by_clusters(points: Floats) -> Callable[[Floats], Floats]:
    """Return a function of new points (point, component): the distance to the nearest core point of a cluster."""
    from scipy.spatial import cKDTree

    tree = cKDTree(points[core_points(points, reach_of(points))])
    return lambda new: np.asarray(tree.query(new)[0])


def reach_of(points: Floats) -> float:
    """Return DBSCAN's ε: what 80 % of the points have FEWEST neighbours within, themselves among them."""
    from scipy.spatial import cKDTree

    return float(np.quantile(cKDTree(points).query(points, FEWEST)[0][:, -1], 0.8))


def core_points(points: Floats, reach: float) -> Bools:
    """Return which points have at least FEWEST points within reach, themselves among them."""
    from scipy.spatial import cKDTree

    return np.asarray(cKDTree(points).query_ball_point(points, reach, return_length=True) >= FEWEST)


def dbscan(points: Floats, reach: float) -> NDArray[np.intp]:
    """Return the cluster of each point, from 0, or −1 for noise; a border point belongs to its nearest core point's cluster.

    Reference: M. Ester et al., KDD 1996.
    """
    from scipy.sparse import identity
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import cKDTree

    core = core_points(points, reach)
    found = np.full(len(points), -1, dtype=np.intp)
    if not core.any():
        return found
    tree = cKDTree(points[core])
    near = tree.sparse_distance_matrix(tree, reach, output_type="coo_matrix")
    _, labels = connected_components(near + identity(tree.n), directed=False)  # at distance 0 a sparse matrix holds nothing
    distance, nearest = tree.query(points)
    return np.where(distance <= reach, labels[nearest], -1)


def _called(plane: Seen, rule: Callable[[Floats], Callable[[Floats], Floats]]) -> tuple[Bools, Bools, Floats, Floats]:
    """Return which new crops are called blurred, sharp and blurred ones, and what the rule gives for each."""
    half = len(plane.fit) // 2
    strange = rule(plane.fit[:half])
    limit = np.quantile(strange(plane.fit[half:]), 1 - BEYOND)
    sharp, changed = strange(plane.sharp), strange(plane.blurred)
    return sharp > limit, changed > limit, sharp, changed


def f1(sharp: Bools, changed: Bools) -> float:
    """Return F1 of the blurred crops: 2·TP/(2·TP + FP + FN)."""
    hit, false = int(changed.sum()), int(sharp.sum())
    return 2 * hit / (hit + false + len(changed))


def _blur_found(planes: Mapping[str, Seen], seed: int) -> dict[str, Any]:
    """Return F1 by both rules with the interval of its difference (bootstrap of the crops, the same for both), and ROC-AUC by density."""
    random = np.random.default_rng([seed, 0xF1])
    values: dict[str, Any] = {}
    for key, rule in (("density", by_density), ("clusters", by_clusters)):
        called = {name: _called(planes[name], rule) for name in NAMES}
        count, other = len(called[NAMES[0]][0]), len(called[NAMES[0]][1])
        drawn = [(random.integers(count, size=count), random.integers(other, size=other)) for _ in range(_BOOTSTRAPS)]
        one, two = ([f1(called[name][0][a], called[name][1][b]) for a, b in drawn] for name in NAMES)
        low, high = np.quantile(np.subtract(one, two), (0.025, 0.975))
        values[key] = {"F1": [f1(*called[name][:2]) for name in NAMES], "low": float(low), "high": float(high)}
        if key == "density":
            values["auc"] = [roc_auc(*called[name][2:]) for name in NAMES]
    return values


def _brightness(planes: Mapping[str, Seen], light: Floats) -> dict[str, Any]:
    from scipy.stats import spearmanr

    first = planes[NAMES[1]].sharp[:, :2]
    labels = dbscan(first, 2 * reach_of(first))
    numbers, counts = np.unique(labels[labels >= 0], return_counts=True)
    largest = numbers[np.argsort(-counts)[:2]]
    apart = roc_auc(light[labels == largest[0]], light[labels == largest[1]]) if len(largest) == 2 else 0.5
    return {
        "brightness": [float(spearmanr(planes[name].sharp[:, 0], light).statistic) for name in NAMES],
        "split": {"clusters": len(numbers), "auc": max(apart, 1 - apart)},
    }


def _installed() -> dict[str, Callable[[Floats, Floats, int], tuple[Floats, Floats]]]:
    """Return the further projections whose packages are there: (points to fit with, new points, seed) → both in the plane."""
    found = {"UMAP": ("umap", _umap), "PaCMAP": ("pacmap", _pacmap)}
    return {name: project for name, (package, project) in found.items() if importlib.util.find_spec(package) is not None}


def _umap(fit: Floats, new: Floats, seed: int) -> tuple[Floats, Floats]:
    import umap

    made = umap.UMAP(n_components=2, random_state=seed).fit(fit)
    return np.asarray(made.embedding_, np.float64), np.asarray(made.transform(new), np.float64)


def _pacmap(fit: Floats, new: Floats, seed: int) -> tuple[Floats, Floats]:
    """Return both by PaCMAP; it places new points together, so that they may move each other, but never those to fit with."""
    import pacmap

    made = pacmap.PaCMAP(n_components=2, random_state=seed)
    plane = made.fit_transform(fit)
    return np.asarray(plane, np.float64), np.asarray(made.transform(new, basis=fit, save_pairs=False), np.float64)


def _more(project: Callable[[Floats, Floats, int], tuple[Floats, Floats]], plane: Seen, seed: int) -> tuple[float, tuple[Floats, ...]]:
    """Return F1 by density in a further projection, and its points."""
    fit, new = project(plane.fit, np.concatenate([plane.sharp, plane.blurred]), seed)
    parts = Seen(fit, new[: len(plane.sharp)], new[len(plane.sharp) :])
    return f1(*_called(parts, by_density)[:2]), (parts.fit, parts.sharp, parts.blurred)


def _shown(values: Mapping[str, Any]) -> dict[str, str]:
    def pair(numbers: Any) -> str:
        return " and ".join(f"{number:.2f}" for number in numbers)

    shown = {key: f"{pair(values[key]['F1'])}; {values[key]['low']:+.2f} to {values[key]['high']:+.2f}" for key in ("density", "clusters")}
    shown |= {key: pair(values[key]) for key in ("auc", "brightness")}
    return {**shown, "split": f"{values['split']['clusters']}; {values['split']['auc']:.3f}"}


def _figure(planes: Mapping[str, tuple[Floats, ...]]) -> Any:
    from sigmaraw.reports.svg import drawing, figure

    rows = -(-len(planes) // 2)
    with drawing():
        made = figure(3.1 * rows, 7.2)
        made.set_layout_engine("constrained")
        places = made.subplots(rows, 2, squeeze=False).ravel()
        for axes, (name, (fit, sharp, changed)) in zip(places, planes.items(), strict=False):
            _contours(axes, fit)
            axes.scatter(*sharp.T, s=9, lw=0, alpha=0.7, label="new, sharp")
            axes.scatter(*changed.T, s=9, lw=0, alpha=0.7, color="#a63c00", label=f"new, blurred (severity {LEVEL})")
            axes.set_title(f"{name}: density of sharp crops", fontsize=9)
            axes.set_xlabel("component 1")
            axes.set_ylabel("component 2")
        places[0].legend(frameon=False, fontsize=7, markerscale=1.5)
    return made


def _contours(axes: Any, fit: Floats) -> None:
    """Draw the density that the crops to fit with give in the plane."""
    from scipy.stats import gaussian_kde

    low, high = fit.min(axis=0), fit.max(axis=0)
    grid = np.meshgrid(*(np.linspace(a - 0.2 * (b - a), b + 0.2 * (b - a), 60) for a, b in zip(low, high, strict=True)))
    density = gaussian_kde(fit.T)(np.stack([part.ravel() for part in grid])).reshape(grid[0].shape)
    axes.contour(*grid, density, levels=5, colors="#8a8f98", linewidths=0.7)
