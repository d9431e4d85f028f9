"""One file or folder into RawFrames: same integers from every format, hashes, bit depth, and a named refusal for all else."""

from __future__ import annotations

import gzip
import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from astropy.io import fits

from sigmaraw.errors import (
    BitDepthMismatch,
    ColourImage,
    InputNotFound,
    InvalidOption,
    NotIntegerData,
    ShapeMismatch,
    SigmarawError,
    UnreadableFile,
)
from sigmaraw.frames import read_frames


@pytest.fixture
def stack() -> np.ndarray:
    frames = np.random.default_rng(1).integers(0, 4096, (4, 9, 7), dtype=np.uint16)
    frames[0, 0, 0] = 4095
    return frames


GREY = {"photometric": "minisblack"}
WRITERS = {
    "a.tif": lambda path, data: tifffile.imwrite(path, data, **GREY),
    "big.tif": lambda path, data: tifffile.imwrite(path, data, byteorder=">", metadata=None, **GREY),
    "zlib.tiff": lambda path, data: tifffile.imwrite(path, data, compression="zlib", rowsperstrip=4, **GREY),
    "imagej.tif": lambda path, data: tifffile.imwrite(path, data, imagej=True, metadata={"axes": "TYX"}),
    "a.npy": lambda path, data: np.save(path, data),
    "big.npy": lambda path, data: np.save(path, data.astype(">u2")),
    "fortran.npy": lambda path, data: np.save(path, np.asfortranarray(data)),
    "a.fits": lambda path, data: fits.PrimaryHDU(data).writeto(path),
    "a.fits.gz": lambda path, data: fits.PrimaryHDU(data).writeto(path),
    "extension.fit": lambda path, data: fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(data)]).writeto(path),
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_returns_the_stored_integers(tmp_path: Path, stack: np.ndarray, name: str) -> None:
    WRITERS[name](tmp_path / name, stack)
    raw = read_frames(tmp_path / name)
    assert raw.data.dtype == np.dtype("=u2")
    assert raw.data.flags.c_contiguous
    np.testing.assert_array_equal(raw.data, stack)
    assert (raw.bits, raw.bits_source, raw.full_scale) == (16, "container", 65535)
    assert raw.files[0].sha256 == hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()


@pytest.mark.parametrize("name", ["a.tif", "a.npy", "a.fits"])
def test_uint8_and_single_frames(tmp_path: Path, name: str) -> None:
    frame = np.arange(63, dtype=np.uint8).reshape(9, 7)
    WRITERS[name](tmp_path / name, frame)
    raw = read_frames(tmp_path / name)
    assert raw.data.shape == (1, 9, 7)
    assert raw.data.dtype == np.uint8
    assert raw.bits == 8
    np.testing.assert_array_equal(raw.data[0], frame)


def test_folder_in_natural_order(tmp_path: Path, stack: np.ndarray) -> None:
    for index, number in enumerate((1, 2, 10, 11)):
        tifffile.imwrite(tmp_path / f"f_{number}.tif", stack[index])
    (tmp_path / "notes.txt").write_text("taken on a Monday")
    raw = read_frames(tmp_path)
    np.testing.assert_array_equal(raw.data, stack)
    assert [Path(source.path).name for source in raw.files] == ["f_1.tif", "f_2.tif", "f_10.tif", "f_11.tif"]
    assert read_frames(tmp_path, volume=True).data.shape == (1, 4, 9, 7)


def test_volume_is_one_frame(tmp_path: Path, stack: np.ndarray) -> None:
    np.save(tmp_path / "v.npy", stack)
    raw = read_frames(tmp_path / "v.npy", volume=True)
    np.testing.assert_array_equal(raw.data, stack[np.newaxis])
    np.save(tmp_path / "w.npy", stack.reshape(2, 2, 9, 7))
    assert read_frames(tmp_path / "w.npy", volume=True).data.shape == (2, 2, 9, 7)
    with pytest.raises(ShapeMismatch):
        read_frames(tmp_path / "w.npy")


def test_bit_depth_stated_over_metadata_over_container(tmp_path: Path, stack: np.ndarray) -> None:
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(path, stack, metadata={"axes": "TYX", "SignificantBits": 13})
    assert (read_frames(path).bits, read_frames(path).bits_source) == (13, "metadata")
    assert (read_frames(path, bits=12).bits, read_frames(path, bits=12).bits_source) == (12, "stated")
    header = fits.Header({"BITDEPTH": 12, "CAM_ID": "X1", "CAM_SN": 6})
    fits.PrimaryHDU(stack, header).writeto(tmp_path / "a.fits")
    raw = read_frames(tmp_path / "a.fits")
    assert (raw.bits, raw.bits_source) == (12, "metadata")
    assert raw.metadata == {"camera": "X1", "serial": "6"}


def test_bit_depth_that_the_pixels_contradict(tmp_path: Path, stack: np.ndarray) -> None:
    np.save(tmp_path / "a.npy", stack)
    with pytest.raises(BitDepthMismatch, match="4095"):
        read_frames(tmp_path / "a.npy", bits=11)
    tifffile.imwrite(tmp_path / "a.ome.tif", stack, metadata={"axes": "TYX", "SignificantBits": 10})
    with pytest.raises(BitDepthMismatch, match="metadata"):
        read_frames(tmp_path / "a.ome.tif")
    np.save(tmp_path / "b.npy", stack.astype(np.uint8))
    with pytest.raises(BitDepthMismatch, match="8-bit"):
        read_frames(tmp_path / "b.npy", bits=12)
    for bits in (0, 17, True, 12.0):
        with pytest.raises(InvalidOption):
            read_frames(tmp_path / "a.npy", bits=bits)


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        *((name, dtype) for name in ("a.tif", "a.npy", "a.fits") for dtype in (np.float32, np.float64, np.int16, np.int32, np.uint32)),
        ("a.tif", np.bool_),  # FITS has no boolean images
        ("a.npy", np.bool_),
    ],
)
def test_anything_but_unsigned_integers_is_refused(tmp_path: Path, name: str, dtype: type) -> None:
    WRITERS[name](tmp_path / name, np.ones((2, 6, 6), dtype=dtype))
    with pytest.raises(NotIntegerData):
        read_frames(tmp_path / name)


def test_scaled_fits_is_refused(tmp_path: Path) -> None:
    hdu = fits.PrimaryHDU(np.ones((6, 6), dtype=np.int16))
    hdu.header["BSCALE"] = 0.5
    hdu.writeto(tmp_path / "a.fits")
    with pytest.raises(NotIntegerData):
        read_frames(tmp_path / "a.fits")


def test_colour_is_refused(tmp_path: Path) -> None:
    colour = np.zeros((9, 8, 3), dtype=np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", colour, photometric="rgb")
    tifffile.imwrite(tmp_path / "planar.tif", np.moveaxis(colour, -1, 0), photometric="rgb", planarconfig="separate")
    tifffile.imwrite(tmp_path / "palette.tif", colour[..., 0], photometric="palette", colormap=np.zeros((3, 256), dtype=np.uint16))
    np.save(tmp_path / "a.npy", colour)
    for path in sorted(tmp_path.iterdir()):
        with pytest.raises(ColourImage):
            read_frames(path)


@pytest.mark.filterwarnings("ignore:.*are stored as RGB:DeprecationWarning")
def test_stacks_that_tifffile_labels_as_colour_planes(tmp_path: Path, stack: np.ndarray) -> None:
    """Three or four frames written with tifffile's default come out as RGB planes; they are frames all the same."""
    for frames in (stack, stack[:3], (stack >> 4).astype(np.uint8)):
        tifffile.imwrite(tmp_path / "a.tif", frames)
        np.testing.assert_array_equal(read_frames(tmp_path / "a.tif").data, frames)


def test_mixed_shapes_are_refused(tmp_path: Path, stack: np.ndarray) -> None:
    (tmp_path / "folder").mkdir()
    tifffile.imwrite(tmp_path / "folder" / "a.tif", stack[0])
    tifffile.imwrite(tmp_path / "folder" / "b.tif", stack[1, :-1])
    with pytest.raises(ShapeMismatch, match=r"b\.tif"):
        read_frames(tmp_path / "folder")
    with tifffile.TiffWriter(tmp_path / "pages.tif") as writer:
        writer.write(stack[0], metadata=None)
        writer.write(stack[1, :-1], metadata=None)
    with pytest.raises(ShapeMismatch):
        read_frames(tmp_path / "pages.tif")


def test_missing_and_foreign_files(tmp_path: Path, stack: np.ndarray) -> None:
    with pytest.raises(InputNotFound):
        read_frames(tmp_path / "nothing.tif")
    with pytest.raises(InputNotFound):
        read_frames(tmp_path)
    (tmp_path / "a.png").write_bytes(b"\x89PNG")
    with pytest.raises(UnreadableFile, match=r"\.png"):
        read_frames(tmp_path / "a.png")
    np.save(tmp_path / "a.npy", stack)
    with pytest.raises(UnreadableFile, match=r"a\.png"):
        read_frames(tmp_path)  # a frame that cannot be read is not left out in silence


@pytest.mark.parametrize("name", ["a.tif", "zlib.tiff", "a.npy", "a.fits", "a.fits.gz"])
def test_truncated_files_never_return_other_pixels(tmp_path: Path, stack: np.ndarray, name: str) -> None:
    """Cut anywhere, a file is refused by name, or (padding cut) returns exactly what was stored."""
    WRITERS[name](tmp_path / name, stack)
    whole = (tmp_path / name).read_bytes()
    refused = 0
    for cut in [*range(0, len(whole), max(1, len(whole) // 60)), len(whole) - 1]:
        (tmp_path / name).write_bytes(whole[:cut])
        try:
            raw = read_frames(tmp_path / name)
        except UnreadableFile as refusal:
            refused += 1
            assert "\n" not in str(refusal)
        else:
            assert cut > 0.9 * len(whole)
            np.testing.assert_array_equal(raw.data, stack)
    assert refused >= 55


@pytest.mark.parametrize("name", ["a.tif", "zlib.tiff", "a.npy", "a.fits", "a.fits.gz"])
def test_damaged_files_give_a_named_refusal(tmp_path: Path, stack: np.ndarray, name: str) -> None:
    WRITERS[name](tmp_path / name, stack)
    whole = (tmp_path / name).read_bytes()
    rng = np.random.default_rng(7)
    outcomes = set()
    for _ in range(120):
        damaged = bytearray(whole)
        for _ in range(3):
            damaged[rng.integers(min(400, len(whole)))] = rng.integers(256)
        (tmp_path / name).write_bytes(bytes(damaged))
        try:
            read_frames(tmp_path / name)
            outcomes.add("read")
        except SigmarawError as refusal:  # any other exception fails the test
            outcomes.add(type(refusal).__name__)
    assert "UnreadableFile" in outcomes


def test_pickles_are_not_loaded(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple:
            return (Path.touch, (tmp_path / "sprung",))

    np.save(tmp_path / "a.npy", np.array([[Trap()]], dtype=object), allow_pickle=True)
    with pytest.raises(UnreadableFile):
        read_frames(tmp_path / "a.npy")
    assert not (tmp_path / "sprung").exists()


def test_giant_announcements_are_refused_before_memory_is_taken(tmp_path: Path) -> None:
    header = b"{'descr': '<u2', 'fortran_order': False, 'shape': (1000000, 100000, 1000), }"
    header += b" " * (118 - len(header) - 1) + b"\n"
    (tmp_path / "a.npy").write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + b"\0" * 64)
    with pytest.raises(UnreadableFile):
        read_frames(tmp_path / "a.npy")
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((64, 64), dtype=np.uint16), compression="zlib", metadata=None)
    with tifffile.TiffFile(tmp_path / "a.tif", mode="r+b") as tif:
        for tag in ("ImageWidth", "ImageLength", "RowsPerStrip"):
            tif.pages[0].tags[tag].overwrite(60000)
    with pytest.raises(UnreadableFile):
        read_frames(tmp_path / "a.tif")


def test_strips_that_point_nowhere_are_not_read_as_zeros(tmp_path: Path, stack: np.ndarray) -> None:
    path = tmp_path / "a.tif"
    for tag, number in (("StripOffsets", 0), ("StripByteCounts", 0), ("StripOffsets", 10**6)):
        tifffile.imwrite(path, stack[0], compression="zlib", metadata=None)
        with tifffile.TiffFile(path, mode="r+b") as tif:
            tif.pages[0].tags[tag].overwrite(number)
        with pytest.raises(UnreadableFile):
            read_frames(path)


def test_gzip_trailer_is_checked(tmp_path: Path, stack: np.ndarray) -> None:
    fits.PrimaryHDU(stack).writeto(tmp_path / "b.fits")
    packed = bytearray(gzip.compress((tmp_path / "b.fits").read_bytes()))
    packed[-6] ^= 255
    (tmp_path / "a.fits.gz").write_bytes(bytes(packed))
    with pytest.raises(UnreadableFile):
        read_frames(tmp_path / "a.fits.gz")


def test_frames_import_neither_torch_nor_jax() -> None:
    heavy = "('torch', 'jax', 'matplotlib', 'statsmodels')"
    code = f"import sys, sigmaraw.frames, sigmaraw.camera; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


@pytest.mark.parametrize("order", ["<", ">"])
def test_frames_are_in_native_byte_order_whatever_the_file_has(tmp_path: Path, order: str) -> None:
    frames = np.arange(2 * 5 * 4, dtype=np.uint16).reshape(2, 5, 4) * 300
    path = tmp_path / "frames.tif"
    tifffile.imwrite(path, frames, byteorder=order, photometric="minisblack")
    read = read_frames(path).data
    assert repr(read.dtype) == "dtype('uint16')"
    np.testing.assert_array_equal(read, frames)
