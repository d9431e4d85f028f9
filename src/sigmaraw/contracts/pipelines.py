"""Pipelines: image → named numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Measurement:
    """One named number that a pipeline predicts. `discrete` when it takes isolated values, as a count does.

    `kind` says how it depends on the pixels, as the coverage study of replica modes distinguishes it: "mean" (linear in all
    pixels), "adaptive-area" (a threshold found in the image itself), "area" (any other), "count", "intensity" (sum inside objects),
    "mean-intensity", "texture", and for a network "network-count", "network-area", "network-dice", "network-intensity",
    "network-mean-intensity" and the "network-soft-…" of them; "" is not said, and takes the largest uncertainty that was measured.
    `studied` : the study measured this very number of this very pipeline. Otherwise `kind` is a statement, and records call it one.
    """

    name: str
    unit: str
    symbol: str
    definition: str
    discrete: bool = False
    kind: str = ""
    studied: bool = False


class Pipeline(Protocol):
    """Image → named numbers. Deterministic, and each image's numbers do not depend on the rest of its batch."""

    spec: str
    measurements: tuple[Measurement, ...]

    def config(self) -> dict[str, Any]:
        """Return every setting with defaults written out and versions, enough to reproduce it (JSON values).

        `name` is always there; where a file was read, `model` (or `weights`) is its path and `model_sha256` its hash.
        """
        ...

    def __call__(self, raw: Any) -> dict[str, float]:
        """Return the measurements of one frame (y, x) or volume (z, y, x): integer array or RawFrames."""
        ...

    def batch(self, images: NDArray[np.integer]) -> dict[str, NDArray[np.float64]]:
        """Return per measurement a float64 array (image). images: (image, y, x) or (image, z, y, x)."""
        ...


@runtime_checkable
class OnDevice(Protocol):
    """A pipeline whose `batch` also takes images where its model computes, handed over by DLPack; the hook is optional."""

    @property
    def dlpack_device(self) -> tuple[int, int]:
        """Return where that is, as DLPack names it: (1, 0) is the CPU, (2, i) a CUDA GPU."""
        ...


@runtime_checkable
class Differentiable(Protocol):
    """A pipeline that knows how some of its measurements change with the pixels; the hook is optional."""

    def gradient(self, image: NDArray[np.integer]) -> Mapping[str, NDArray[np.floating]]:
        """Return ∂χ/∂x of the measurements that are differentiable at `image`, by name; the others are left out.

        image : (y, x) or (z, y, x), uint8 or uint16, DN. Each derivative has the image's shape, the measurement's unit per DN.
        """
        ...
