"""Large files are mapped: the same pixels, without being read into memory, and nothing reaches the file."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from sigmaraw.frames import decoding, read_frames

FRAMES = np.random.default_rng(1).integers(0, 4096, (5, 20, 30), dtype=np.uint16)


def is_mapped(array: np.ndarray) -> bool:
    base: Any = array
    while base is not None:
        if isinstance(base, np.memmap):
            return True
        base = getattr(base, "base", None)
    return False


def write(path: Path, kind: str) -> Path:
    if kind == "npy":
        np.save(path, FRAMES)
    elif kind == "fortran":
        np.save(path, np.asfortranarray(FRAMES))
    elif kind == "big-endian":
        np.save(path, FRAMES.astype(">u2"))
    elif kind == "big-endian tif":
        tifffile.imwrite(path, FRAMES, photometric="minisblack", byteorder=">")
    else:
        tifffile.imwrite(path, FRAMES, photometric="minisblack", compression="zlib" if kind == "compressed tif" else None)
    return path


@pytest.mark.parametrize(
    ("kind", "mapped"),
    [("npy", True), ("tif", True), ("fortran", False), ("big-endian", False), ("big-endian tif", False), ("compressed tif", False)],
)
@pytest.mark.parametrize("volume", [False, True], ids=["frames", "volume"])
def test_what_lies_in_the_file_as_in_memory_is_mapped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, mapped: bool, volume: bool
) -> None:
    path = write(tmp_path / ("f.tif" if "tif" in kind else "f.npy"), kind)
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    assert not is_mapped(read_frames(path, volume=volume).data)
    monkeypatch.setattr(decoding, "MAPPED_FROM", FRAMES.nbytes)
    frames = read_frames(path, volume=volume)
    assert is_mapped(frames.data) == mapped
    np.testing.assert_array_equal(frames.data.reshape(FRAMES.shape), FRAMES)
    frames.data[...] = 7  # as a careless pipeline might
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before
    monkeypatch.setattr(decoding, "MAPPED_FROM", FRAMES.nbytes + 1)
    assert not is_mapped(read_frames(path).data)
