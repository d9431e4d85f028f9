"""From integers to a network's floats, and from a network's output to a foreground map."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.errors import InvalidModel

TINY = 1e-6


def _none(image: NDArray[np.float64]) -> NDArray[np.float64]:
    return image


def _minmax(image: NDArray[np.float64]) -> NDArray[np.float64]:
    low, high = image.min(), image.max()
    return (image - low) / (high - low) if high > low else np.zeros_like(image)


def _zscore(image: NDArray[np.float64]) -> NDArray[np.float64]:
    return (image - image.mean()) / (image.std() + TINY)


def _percentile(image: NDArray[np.float64]) -> NDArray[np.float64]:
    low, high = np.percentile(image, (1.0, 99.8))
    return (image - low) / (high - low) if high > low else np.zeros_like(image)


PRE: dict[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    "zscore": _zscore,
    "minmax": _minmax,
    "percentile": _percentile,
    "none": _none,
}
POST = ("sigmoid", "softmax", "argmax", "none")


def prepare(image: NDArray[np.integer], pre: str) -> NDArray[np.float32]:
    """Return one image (y, x) or (z, y, x), DN, as a network's float32 input, dimensionless unless pre is "none".

    zscore (a − mean)/(sd + 1e-6) · minmax (a − min)/(max − min) · percentile (a − P₁)/(P₉₉.₈ − P₁), not clipped ·
    none a itself. Statistics are those of the whole image in float64; a constant image becomes 0 (minmax, percentile, zscore).
    """
    return PRE[pre](image.astype(np.float64)).astype(np.float32)


def check_channel(channels: int, channel: int) -> None:
    """Refuse a channel that the network's output does not have. Raises InvalidModel."""
    if channel >= channels:
        raise InvalidModel(f"a model with {channels} output channels", f"channel {channel}, counted from 0", "set the key channel")


def class_of(output: Any, channel: int) -> Any:
    """Return where a pixel is of a class, bool (…), from the channels (channel, …) or from one map of class numbers (1, …)."""
    if len(output) == 1:
        return output[0] == channel
    check_channel(len(output), channel)
    return output.argmax(0) == channel


def foreground(output: NDArray[np.float32], post: str, channel: int) -> NDArray[np.float32]:
    """Return the foreground map (y, x) or (z, y, x) from a network's output (channel, …).

    sigmoid 1/(1 + e^−a) of one channel · softmax over channels, of which one is taken · argmax: 1 where the channel is the largest, or
    where a single map of class numbers equals `channel` · none: the channel itself.

    Raises
    ------
    InvalidModel
        The output has no such channel.
    """
    from scipy.special import expit, softmax

    if post == "argmax":
        return class_of(output, channel).astype(np.float32)
    check_channel(len(output), channel)
    if post == "softmax":
        chosen: NDArray[np.float32] = softmax(output, axis=0)[channel]
        return chosen
    return expit(output[channel]) if post == "sigmoid" else output[channel]
