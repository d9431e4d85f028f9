"""Frames of every format come a few at a time: the same values, in memory no more than asked for, damage refused as when read whole."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from astropy.io import fits

from sigmaraw.errors import NotIntegerData, ShapeMismatch, UnreadableFile
from sigmaraw.frames import Level, read_frames, streaming
from sigmaraw.frames.streaming import FrameBuffer, open_frames

RANDOM = np.random.default_rng(7)


def write_npy(path: Path, data: np.ndarray) -> Path:
    np.save(path / "f.npy", data)
    return path / "f.npy"


def write_tiff(path: Path, data: np.ndarray, **options: object) -> Path:
    tifffile.imwrite(path / "f.tif", data, photometric="minisblack", **options)
    return path / "f.tif"


def write_series(path: Path, data: np.ndarray, **options: object) -> Path:
    """One TIFF series a call: of unequal numbers of pages."""
    with tifffile.TiffWriter(path / "s.tif") as writer:
        for start, stop in ((0, 1), (1, 4), (4, len(data))):
            writer.write(data[start:stop], photometric="minisblack", **options)
    return path / "s.tif"


def write_fits(path: Path, data: np.ndarray, *, extension: bool = False) -> Path:
    image = fits.ImageHDU(data) if extension else fits.PrimaryHDU(data)
    fits.HDUList([fits.PrimaryHDU(), image] if extension else [image]).writeto(path / "f.fits")
    return path / "f.fits"


def write_zarr(path: Path, data: np.ndarray, depth: int = 1, **options: object) -> Path:
    zarr = pytest.importorskip("zarr")
    array = zarr.create_array(store=str(path / "f.zarr"), shape=data.shape, dtype=data.dtype, chunks=(depth, *data.shape[1:]), **options)
    array[...] = data
    return path / "f.zarr"


WRITERS: dict[str, Callable[[Path, np.ndarray], Path]] = {
    "npy": write_npy,
    "tiff": write_tiff,
    "big-endian tiff": lambda path, data: write_tiff(path, data, byteorder=">"),
    "compressed tiff": lambda path, data: write_tiff(path, data, compression="zlib"),
    "tiff of three series": write_series,
    "compressed tiff of three series": lambda path, data: write_series(path, data, compression="zlib"),
    "fits": write_fits,
    "fits extension": lambda path, data: write_fits(path, data, extension=True),
    "zarr": write_zarr,
    "zarr, four frames a chunk": lambda path, data: write_zarr(path, data, 4),
    "zarr shards": lambda path, data: write_zarr(path, data, 1, shards=(4, *data.shape[1:])),
}


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("kind", WRITERS)
def test_every_format_is_streamed_value_for_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, dtype: type) -> None:
    """The whole range of codes; portions of 2, 4 and all frames, which no chunk and no series fits; nothing is decoded whole."""
    data = RANDOM.integers(0, np.iinfo(dtype).max + 1, (11, 7, 12), dtype=dtype)
    data[3, 0, :2] = 0, np.iinfo(dtype).max
    path = WRITERS[kind](tmp_path, data)
    np.testing.assert_array_equal(read_frames(path).data, data)
    monkeypatch.setattr(streaming, "decode", lambda *_: pytest.fail("the file was read whole"))
    buffer = FrameBuffer()
    for frames in (2, 4, 12):
        stream = Level("dark", "d", paths=(path, path)).stream()
        portions = [portion.copy() for portion in stream.chunks(frames * 7 * 12, buffer)]
        assert {len(portion) for portion in portions[:-1]} <= {frames}
        assert portions[0].dtype == np.dtype(dtype)
        stream = Level("dark", "d", paths=(path, path)).stream()
        by_turns = stream.chunks(frames * 7 * 12, FrameBuffer(), FrameBuffer())
        previous, turns = None, []
        for portion in by_turns:
            if previous is not None:
                np.testing.assert_array_equal(previous, turns[-1])  # it holds while the next one is read
            previous = portion
            turns.append(portion.copy())
        np.testing.assert_array_equal(np.concatenate(turns), np.concatenate(portions))
        np.testing.assert_array_equal(np.concatenate(portions), np.concatenate([data, data]))


@pytest.mark.parametrize("kind", ["fits", "tiff of three series", "zarr"])
def test_memory_does_not_grow_with_the_file(tmp_path: Path, kind: str) -> None:
    """64 frames of 128 KiB, 4 at a time: 0.5 MiB of room, one block, and what libraries keep; the file has 8 MiB."""
    path = WRITERS[kind](tmp_path, np.full((64, 256, 256), 300, np.uint16))
    peaks = []
    for _ in range(4):  # the first run also pays for imports, of which a library's threads may do some later
        tracemalloc.start()
        for portion in Level("dark", "d", paths=(path,)).stream().chunks(4 * 256 * 256):
            assert portion[0, 0, 0] == 300
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert min(peaks[1:]) < 2 << 20


def test_of_a_four_dimensional_fits_one_axis_is_chosen(tmp_path: Path) -> None:
    data = RANDOM.integers(0, 65536, (2, 3, 5, 6), dtype=np.uint16)
    path = write_fits(tmp_path, data)
    with pytest.raises(ShapeMismatch, match="2 along axis0 and 3 along axis1"):
        open_frames(path)
    opened = open_frames(path.with_name(path.name + "#axis1=2"))
    assert opened.shape == (2, 5, 6)
    out = np.empty((1, 5, 6), np.uint16)
    opened.read(1, out)
    np.testing.assert_array_equal(out, data[1:, 2])


def test_what_cannot_be_streamed_is_refused_by_name(tmp_path: Path) -> None:
    data = RANDOM.integers(0, 65536, (4, 5, 6), dtype=np.uint16)
    path = write_fits(tmp_path, data)
    whole = path.read_bytes()
    path.write_bytes(whole[:2880] + whole[2880:3000])
    with pytest.raises(UnreadableFile, match="FITS"):
        open_frames(path)
    for name, array in (("signed", data.astype(np.int16)), ("floats", data.astype(np.float32))):
        (tmp_path / name).mkdir()
        with pytest.raises(NotIntegerData):
            open_frames(write_fits(tmp_path / name, array))
    card = "BSCALE  =                    1"
    assert card.encode() in whole
    (tmp_path / "scaled.fits").write_bytes(whole.replace(card.encode(), card.replace("1", "2").encode()))
    with pytest.raises(NotIntegerData):
        open_frames(tmp_path / "scaled.fits")
    with tifffile.TiffWriter(tmp_path / "two.tif") as writer:
        writer.write(data, photometric="minisblack")
        writer.write(data[:, :4], photometric="minisblack")
    with pytest.raises(ShapeMismatch, match="4x6 uint16, 5x6 uint16"):
        open_frames(tmp_path / "two.tif")
    tifffile.imwrite(tmp_path / "cut.tif", data, photometric="minisblack")
    opened = open_frames(tmp_path / "cut.tif")
    (tmp_path / "cut.tif").write_bytes((tmp_path / "cut.tif").read_bytes()[:300])
    with pytest.raises(UnreadableFile, match="cut off"):
        opened.read(0, np.empty((4, 5, 6), np.uint16))


def test_large_reads_in_several_pieces_are_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces of 100 bytes by three threads, the last one short."""
    from sigmaraw.frames import decoding

    monkeypatch.setattr(decoding, "_READERS", 3)
    monkeypatch.setattr(decoding, "_PIECE_BYTES", 100)
    data = np.arange(11 * 7 * 12, dtype=np.uint16).reshape(11, 7, 12)
    for kind in ("npy", "big-endian tiff"):
        out = np.empty((9, 7, 12), np.uint16)
        open_frames(WRITERS[kind](tmp_path, data)).read(2, out)
        np.testing.assert_array_equal(out, data[2:])
