"""The real pair of the study of in-silico labels: two channels of the same four fields (ebimage), one field left out at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.errors import ShapeMismatch
from sigmaraw.frames import read_frames
from sigmaraw.pipelines.preparation import prepare
from sigmaraw.reproduce.correlation import correlation
from sigmaraw.reproduce.isl_training import network
from sigmaraw.statistics.paired import contrasts
from sigmaraw.training.arrays import Floats, output

FIELDS = 4
BLURS_PX = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0)
_SIDE = 240  # px, after binning 2 × 2


def steps(quick: bool) -> int:
    """Return the training steps of one network."""
    return 80 if quick else 500


def compared(folder: Path, quick: bool, seed: int, step: Callable[[], None]) -> dict[str, Any]:
    """Return r of the network and of the best blur on each field, both found on the other three.

    The baseline is the cell channel under a Gaussian of the width, and with the sign, that give the largest r in the other fields.
    """
    seen, wanted = _fields(folder)
    found: dict[str, Any] = {"network": [], "blur": [], "width_px": []}
    for left_out in range(FIELDS):
        others = [k for k in range(FIELDS) if k != left_out]
        net = network(seen[others], wanted[others], "image", "pcc", steps(quick), seed, step)
        found["network"].append(correlation(output(net, seen[left_out : left_out + 1]), wanted[left_out]))
        r = {width: float(np.mean([correlation(_blurred(seen[k, 0], width), wanted[k]) for k in others])) for width in BLURS_PX}
        width = max(r, key=lambda one: abs(r[one]))
        found["width_px"].append(width)
        found["blur"].append(float(np.sign(r[width])) * correlation(_blurred(seen[left_out, 0], width), wanted[left_out]))
    by_arm = {name: np.array(found[name]) for name in ("network", "blur")}
    difference = contrasts(by_arm, "blur")[0].difference
    return {**found, "difference": [difference.value, difference.low, difference.high]}


def _fields(folder: Path) -> tuple[Floats, Floats]:
    """Return the cell channel and the nuclei of the four fields, (field, 1, y, x), binned 2 × 2 and prepared."""
    # Both files are JPEG-coded, as published: no noise is measured in them, and correlations bear it.
    pairs = [read_frames(f"{folder / name}#lossy=accept").data for name in ("cells.tif", "nuclei.tif")]
    if any(len(frames) != FIELDS or min(frames.shape[1:]) < 2 * _SIDE for frames in pairs):
        shapes = " and ".join(str(frames.shape) for frames in pairs)
        raise ShapeMismatch(f"cells.tif and nuclei.tif of {shapes}", f"{FIELDS} fields of {2 * _SIDE} px and more", "fetch ebimage anew")
    binned = [frames[:, : 2 * _SIDE, : 2 * _SIDE].reshape(FIELDS, _SIDE, 2, _SIDE, 2).sum(axis=(2, 4), dtype=np.uint16) for frames in pairs]
    seen, wanted = (
        np.stack([prepare(frame, how) for frame in frames])[:, None] for frames, how in zip(binned, ("zscore", "minmax"), strict=True)
    )
    return seen, wanted


def _blurred(image: NDArray[np.float32], width: float) -> NDArray[np.float32]:
    from scipy.ndimage import gaussian_filter

    return np.asarray(gaussian_filter(image, width) if width else image)


def shown(found: Mapping[str, Any]) -> str:
    """Return what was found in words."""
    value, low, high = found["difference"]
    return (
        f"network {np.mean(found['network']):.3f} ({', '.join(f'{r:.2f}' for r in found['network'])}), "
        f"blur {np.mean(found['blur']):.3f}; {value:+.3f} ({low:+.3f} to {high:+.3f})"
    )
