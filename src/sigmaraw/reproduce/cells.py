"""Images of virtual cells in crops, the blur of 002's table 9, and what the deepest maps of a network say of a crop."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.codecs import codec
from sigmaraw.virtual import VirtualCamera, nuclei_scene

if TYPE_CHECKING:
    import torch

SIDE = 64
"""Of a crop, px."""
RADII = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0)
"""Of the disc that blurs at severities 0 to 5 (002, table 9), px."""
BLUR = "defocus:radius={radius}"
_AT_ONCE = 64  # crops that a network takes
Floats = NDArray[np.float64]


def crops_of(seed: int, index: int, crops: int = 1, background_e: tuple[float, float] = (10.0, 60.0)) -> NDArray[np.integer]:
    """Return one image as its crops, (crop, y, x), DN: cells of one size, brightness and texture on one background.

    Parameters
    ----------
    seed, index : int
        Which image.
    crops : int, default 1
        How many, side by side.
    background_e : tuple of float, optional
        Range of the background, e-.
    """
    random = np.random.default_rng([seed, 0xCE11, index])
    shape = (SIDE, SIDE * crops)
    scene = nuclei_scene(
        shape,
        crops * int(random.integers(2, 6)),
        math.exp(random.uniform(math.log(100), math.log(800))),
        float(random.uniform(*background_e)),
        int(random.integers(2**40)),
        radius_px=float(random.uniform(5, 9)),
        psf_px=float(random.uniform(0.8, 1.6)),
        texture=float(random.uniform(0.05, 0.25)),
    )
    frame = VirtualCamera(shape=shape, seed=1).acquire(scene.mean_e, 1, [seed, index])[0]
    return np.ascontiguousarray(frame.reshape(SIDE, crops, SIDE).swapaxes(0, 1))


def blurred(crops: NDArray[np.integer], severity: int) -> NDArray[np.integer]:
    """Return crops (crop, y, x) out of focus; severity 0 changes nothing."""
    if severity == 0:
        return crops
    coder = codec(BLUR.format(radius=RADII[severity]))
    return np.stack([coder.roundtrip(crop)[0] for crop in crops])


def demo_network() -> Any:
    """Return the demonstration U-Net with its shipped weights."""
    import safetensors.torch

    from sigmaraw.pipelines.demo_weights import SHIPPED, verified
    from sigmaraw.pipelines.unet import DemoUNet

    verified(SHIPPED)
    network = DemoUNet()
    network.load_state_dict(safetensors.torch.load_file(SHIPPED))
    return network.eval()


def bottleneck(network: Any, crops: NDArray[np.integer]) -> Floats:
    """Return the mean of each channel of a network's deepest maps, (crop, channel), of crops (crop, y, x), each prepared alone (zscore)."""

    def deepest(x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = network.encoded(x)[-1].double().flatten(2).mean(dim=2)
        return found

    return in_batches(deepest, crops, "zscore")


def in_batches(function: Any, crops: NDArray[np.integer], pre: str) -> Floats:
    """Return what a function of prepared crops (crop, 1, y, x) gives for each, (crop, …), float64."""
    import torch

    from sigmaraw.pipelines.preparation import prepare

    found = []
    with torch.inference_mode():
        for start in range(0, len(crops), _AT_ONCE):
            prepared = np.stack([prepare(crop, pre) for crop in crops[start : start + _AT_ONCE]])
            found.append(function(torch.from_numpy(prepared)[:, None]).double().numpy())
    return np.concatenate(found)


def roc_auc(quiet: NDArray[Any], changed: NDArray[Any]) -> float:
    """Return the area under the ROC curve: the chance that a changed value is above a quiet one, ties counted half."""
    from scipy import stats

    ranks = stats.rankdata(np.concatenate([quiet, changed]))
    n, m = len(quiet), len(changed)
    return float((ranks[n:].sum() - m * (m + 1) / 2) / (n * m))
