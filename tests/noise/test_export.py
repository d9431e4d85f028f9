"""Replicas reach files block by block, in order, whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import netCDF4
import numpy as np
import pytest
import tifffile
import zarr

from sigmaraw.errors import InvalidOption
from sigmaraw.noise.export import write_replicas

FRAMES = np.random.default_rng(1).integers(0, 4096, (7, 12, 10), dtype=np.uint16)


def blocks(frames: np.ndarray = FRAMES) -> Iterator[np.ndarray]:
    """Three blocks of unequal size."""
    yield frames[:3]
    yield frames[3:4]
    yield frames[4:]


def read(path: Path) -> np.ndarray:
    if path.suffix == ".nc":
        with netCDF4.Dataset(path) as dataset:
            return np.asarray(dataset["replicas"])
    return np.asarray(zarr.open_array(str(path), mode="r")) if path.suffix == ".zarr" else tifffile.imread(path)


@pytest.mark.parametrize("suffix", [".tif", ".nc", ".zarr"])
@pytest.mark.parametrize("frames", [FRAMES, FRAMES.astype(np.uint8), FRAMES.reshape(7, 3, 4, 10)], ids=["uint16", "uint8", "volume"])
def test_blocks_arrive_in_order_and_keep_their_dtype(tmp_path: Path, suffix: str, frames: np.ndarray) -> None:
    path = write_replicas(tmp_path / f"r{suffix}", blocks(frames), 7, {"mode": "around-raw"})
    values = read(path)
    assert values.dtype == frames.dtype
    np.testing.assert_array_equal(values.reshape(frames.shape), frames)


@pytest.mark.parametrize("suffix", [".tif", ".nc", ".zarr"])
def test_a_failure_in_the_middle_leaves_nothing(tmp_path: Path, suffix: str) -> None:
    def broken() -> Iterator[np.ndarray]:
        yield FRAMES[:3]
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        write_replicas(tmp_path / f"r{suffix}", broken(), 7, {})
    assert list(tmp_path.iterdir()) == []


def test_other_formats_and_a_taken_store_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidOption, match=r"r\.png"):
        write_replicas(tmp_path / "r.png", blocks(), 7, {})
    (tmp_path / "r.zarr").mkdir()
    with pytest.raises(InvalidOption, match="exists"):
        write_replicas(tmp_path / "r.zarr", blocks(), 7, {})
