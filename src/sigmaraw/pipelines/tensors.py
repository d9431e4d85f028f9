"""The steps of `network`, `preparation` and `tiling` written in torch: they run on any device, and derivatives pass through them.

Preparation in float64, tiles, the network in float32, foreground map, join.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import torch

from sigmaraw.pipelines.preparation import TINY, check_channel, class_of
from sigmaraw.pipelines.tiling import TiledAxis, Tiling

Network = Callable[[torch.Tensor], torch.Tensor]


def _zscore(a: torch.Tensor) -> torch.Tensor:
    return (a - a.mean()) / (a.std(correction=0) + TINY)


def _scaled(a: torch.Tensor, low: torch.Tensor, high: torch.Tensor) -> torch.Tensor:
    return (a - low) / (high - low) if high > low else a * 0.0


def _percentile(a: torch.Tensor) -> torch.Tensor:
    ordered = a.reshape(-1).sort().values  # torch.quantile stops at 2²⁴ values

    def at(percent: float) -> torch.Tensor:
        place = percent / 100 * (ordered.numel() - 1)
        below = int(place)
        return torch.lerp(ordered[below], ordered[min(below + 1, ordered.numel() - 1)], place - below)

    return _scaled(a, at(1.0), at(99.8))


PRE: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "zscore": _zscore,
    "minmax": lambda a: _scaled(a, a.min(), a.max()),
    "percentile": _percentile,
    "none": lambda a: a,
}


def _prepared(images: Sequence[torch.Tensor], pre: str) -> Sequence[torch.Tensor]:
    """Return the network's floats of images (channel, …), as each alone has them.

    Sums are taken image by image; what is done to each pixel by itself is done to all images in one call, since each call costs a GPU's
    thread more time than the GPU.
    """
    if pre != "zscore" or len(images) < 2 or any(image.requires_grad for image in images):
        return [torch.stack([PRE[pre](plane).to(torch.float32) for plane in image]) for image in images]
    planes = [plane for image in images for plane in image]
    across = (len(images), -1, *([1] * planes[0].ndim))
    mean = torch.stack([plane.mean() for plane in planes]).reshape(across)
    deviation = torch.stack([plane.std(correction=0) for plane in planes]).reshape(across)
    return ((torch.stack(list(images)) - mean) / (deviation + TINY)).to(torch.float32).unbind()


def _foreground(outputs: torch.Tensor, post: str, channel: int) -> torch.Tensor:
    """Return the maps of tiles (tile, …) from the network's outputs (tile, channel, …)."""
    if post == "argmax":
        return torch.stack([class_of(output, channel) for output in outputs]).to(torch.float32)
    check_channel(outputs.shape[1], channel)
    if post == "softmax":
        return torch.softmax(outputs, dim=1)[:, channel]
    return torch.sigmoid(outputs[:, channel]) if post == "sigmoid" else outputs[:, channel]


@functools.lru_cache(maxsize=64)
def _padded(axis: TiledAxis, device: torch.device) -> torch.Tensor:
    """Return which pixel stands at each place of a padded axis, kept on the device: a copy from the host waits for all that runs there."""
    with torch.inference_mode(False):  # derivatives may pass through it too
        return torch.from_numpy(axis.padded()).to(device)


def _split(image: torch.Tensor, tiling: Tiling) -> torch.Tensor:
    """Return the tiles (tile, channel, window) of an image (channel, …)."""
    for number, axis in enumerate(tiling.axes):
        if axis.before or axis.after:
            image = image.index_select(number + 1, _padded(axis, image.device))
    windows = tiling.windows()
    return image[(None, ..., *windows[0])] if len(windows) == 1 else torch.stack([image[(..., *window)] for window in windows])


def _join(tiles: torch.Tensor, tiling: Tiling) -> torch.Tensor:
    """Return a map of the image's size from maps of the tiles (tile, window)."""
    if len(tiling) == 1:
        return tiles[(0, *tiling.kept())]
    counts, keeps = [len(axis.starts) for axis in tiling.axes], [axis.keep for axis in tiling.axes]
    table = tiles[(..., *tiling.kept())].reshape(*counts, *keeps)
    between = [axis for number in range(len(counts)) for axis in (number, number + len(counts))]  # a tile's number, then its pixels
    whole = table.permute(between).reshape([count * keep for count, keep in zip(counts, keeps, strict=True)])
    return whole[tuple(slice(0, axis.length) for axis in tiling.axes)]


def foreground_maps(
    network: Network, images: Sequence[torch.Tensor], tiling: Tiling, pre: str, post: str, channel: int, repeat: int = 1
) -> list[torch.Tensor]:
    """Return the foreground maps (y, x) or (z, y, x), float32, in the unit that `post` gives, on the images' device.

    Parameters
    ----------
    network : callable
        Tiles (tile, channel, …) float32 → (tile, channel, …).
    images : sequence of Tensor
        (channel, y, x) or (channel, z, y, x) float64, DN, of one shape.
    tiling : Tiling
        How each is cut.
    pre, post : str
        As in `NetworkPipeline`.
    channel : int
        As in `NetworkPipeline`.
    repeat : int
        How often the one channel is given to the network.

    Returns
    -------
    list of Tensor
        The foreground maps.

    Raises
    ------
    InvalidModel
        The output has no such channel.
    """

    def tiles(prepared: torch.Tensor) -> torch.Tensor:
        return _split(prepared.expand(repeat, *prepared.shape[1:]) if repeat > 1 else prepared, tiling)

    maps = _foreground(network(torch.cat([tiles(prepared) for prepared in _prepared(images, pre)])), post, channel)
    return [_join(part, tiling) for part in maps.split(len(tiling))]
