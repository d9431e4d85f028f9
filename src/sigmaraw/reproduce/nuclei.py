"""Images of nuclei with truth, and the networks that find them: what the studies of paper 002 look at."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import Codec, Reproduction
from sigmaraw.errors import MissingExtra, UnreadableFile
from sigmaraw.pipelines import pipeline
from sigmaraw.reproduce.correlation import pcc_loss
from sigmaraw.virtual.samples import Sample, random_sample

NETWORK, IMAGES, MORE = "unet2d-nuclei-broad", "dsb2018-subset", "stardist-dsb2d"
"""Data sets: a trained network, 19 images with masks, and one more."""
DATA = f"for real images the data sets {NETWORK}, {IMAGES} and {MORE} and the extra onnx; without them they are left out"
DEMO = "unet-demo"
_SIDE = 256  # px, of the real images' cut-outs: the network pads them to 512

T = TypeVar("T")


@dataclass(frozen=True)
class Truthful:
    """An image (y, x) in DN with the nuclei that people, or the scene, say are there: labels (y, x)."""

    image: NDArray[np.integer]
    labels: NDArray[np.integer]


def real_images(images: Path, more: Path | None) -> list[Truthful]:
    """Return 19 images with their masks, and the middle of one more where it is there.

    Raises
    ------
    UnreadableFile
        A file of another kind.
    """
    try:
        with np.load(images / "dsb2018_subset.npz", allow_pickle=False) as store:
            names = sorted(name.removesuffix("_img") for name in store if name.endswith("_img"))
            found = [Truthful(_middle(store[f"{name}_img"]), _middle(store[f"{name}_lab"])) for name in names]
        if more is not None:
            import tifffile

            found.append(Truthful(_middle(tifffile.imread(more / "img2d.tif")), _middle(tifffile.imread(more / "mask2d.tif"))))
    except (OSError, ValueError, KeyError) as error:
        raise UnreadableFile(
            f"{images} or {more} cannot be read ({error})", "the public data sets, unaltered", "fetch them anew"
        ) from error
    return found


def _middle(plane: NDArray[Any]) -> NDArray[Any]:
    """Return the middle of a plane, at most 256 px a side."""
    starts = [max(size - _SIDE, 0) // 2 for size in plane.shape]
    return np.ascontiguousarray(plane[starts[0] : starts[0] + _SIDE, starts[1] : starts[1] + _SIDE])


def network_of(folder: Path) -> Any:
    """Return the real network as a pipeline. Raises MissingExtra without onnxruntime."""
    return pipeline(spec_of(folder))


def spec_of(folder: Path) -> str:
    """Return the specification of the real network; parts below 20 px are dust."""
    return f"onnx:{folder / 'weights.onnx'},min_size=20"


def virtual_samples(count: int, seed: int, side: int = 128) -> list[Sample]:
    """Return frames of random cameras that the demonstration network was not trained on, each with at least two cells."""
    found: list[Sample] = []
    index = 1000 * seed
    while len(found) < count:
        sample = random_sample(index, seed, "held-out", (side, side))
        index += 1
        if sample.scene.count >= 2:
            found.append(sample)
    return found


def true_measurements(one: Truthful, least: int = 20) -> dict[str, float]:
    """Return count, area, total and mean intensity of the true nuclei, parts below `least` px left out."""
    sizes = np.bincount(one.labels.ravel())
    kept = np.flatnonzero(sizes >= least)
    kept = kept[kept > 0]
    inside = np.isin(one.labels, kept)
    values = one.image[inside].astype(np.float64)
    mean = float(values.mean()) if values.size else math.nan
    return {"count": float(kept.size), "area": float(inside.sum()), "total_intensity": float(values.sum()), "mean_intensity": mean}


def image_losses(network: Any, images: Sequence[Truthful], coder: Codec | None = None) -> list[float]:
    """Return the loss of each image, as it is or after a processing step."""
    seen = (one.image if coder is None else coder.roundtrip(one.image)[0] for one in images)
    return [pcc_loss(network.probability(image), one.labels > 0) for image, one in zip(seen, images, strict=True)]


def of_real(study: Reproduction, answer: Callable[[Path, list[Truthful]], T]) -> tuple[T | None, tuple[str, ...]]:
    """Return what a function of the real network's folder and of the real images gives, or None and why they were left out.

    Raises
    ------
    UnreadableFile
        As `real_images`.
    """
    place, images = study.data_set(NETWORK), study.data_set(IMAGES)
    if place is None or images is None:
        return None, ("The real network was not run: name the folder of its data with --data DIR.",)
    try:
        return answer(place, real_images(images, study.data_set(MORE))), ()
    except MissingExtra as error:
        return None, (f"The real network was not run: {error}",)
