"""The steps of `network`, `preparation` and `tiling` written in torch: they run on any device, and derivatives pass through them.

Preparation in float64, tiles, the network in float32, foreground map, join.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from sigmaraw.pipelines.preparation import TINY, check_channel
from sigmaraw.pipelines.tiling import Tiling

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


def _foreground(outputs: torch.Tensor, post: str, channel: int) -> torch.Tensor:
    check_channel(outputs.shape[1], channel)
    if post == "softmax":
        return torch.softmax(outputs, dim=1)[:, channel]
    return torch.sigmoid(outputs[:, channel]) if post == "sigmoid" else outputs[:, channel]


def _split(plane: torch.Tensor, tiling: Tiling) -> list[torch.Tensor]:
    """Return the tiles (window y, window x) of a plane (y, x)."""
    rows, columns = tiling.rows, tiling.columns
    y, x = (torch.from_numpy(axis.padded()).to(plane.device) for axis in (rows, columns))
    padded = plane[y][:, x]
    return [padded[i : i + rows.window, j : j + columns.window] for i in rows.starts for j in columns.starts]


def _join(tiles: torch.Tensor, tiling: Tiling) -> torch.Tensor:
    """Return (y, x) from maps of the tiles (tile, window y, window x)."""
    rows, columns = tiling.rows, tiling.columns
    kept = tiles[:, rows.keep_from : rows.keep_from + rows.keep, columns.keep_from : columns.keep_from + columns.keep]
    table = kept.reshape(len(rows.starts), len(columns.starts), rows.keep, columns.keep).transpose(1, 2)
    return table.reshape(len(rows.starts) * rows.keep, -1)[: rows.length, : columns.length]


def foreground_map(network: Network, plane: torch.Tensor, tiling: Tiling, pre: str, post: str, channel: int) -> torch.Tensor:
    """Return the foreground map (y, x), float32, in the unit that `post` gives, on the plane's device.

    Parameters
    ----------
    network : callable
        One tile (y, x) float32 → (channel, y, x).
    plane : Tensor
        (y, x) float64, DN.
    tiling : Tiling
        How the plane is cut.
    pre, post : str
        As in `NetworkPipeline`.
    channel : int
        As in `NetworkPipeline`.

    Returns
    -------
    Tensor
        The foreground map.

    Raises
    ------
    InvalidModel
        The output has no such channel.
    """
    prepared = PRE[pre](plane).to(torch.float32)
    outputs = torch.stack([network(tile) for tile in _split(prepared, tiling)])
    return _join(_foreground(outputs, post, channel), tiling)
