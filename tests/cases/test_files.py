"""Files as people have them: axes, planes, values, units and formats. The sources are public fault reports of neighbouring tools."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from astropy.io import fits

from sigmaraw.errors import ColourImage, InvalidSpec, LossyImage, NotIntegerData, ShapeMismatch, SigmarawError, UnreadableFile
from sigmaraw.frames import read_frames, read_series
from sigmaraw.frames.streaming import FrameStream
from tests.cases import laboratory as lab


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(5)


def streamed(path: Path, bits: int | None = None) -> np.ndarray:
    return np.concatenate([chunk.copy() for chunk in FrameStream([path], None, bits, None).chunks(1 << 12)])


def both(path: Path) -> np.ndarray:
    """The frames as read whole, which are the ones that are streamed."""
    data = read_frames(path).data
    np.testing.assert_array_equal(streamed(path), data)
    return data


# --- axes and planes --------------------------------------------------------------------------------------------------
def hyperstack(path: Path, axes: str, data: np.ndarray, kind: str) -> Path:
    options = {"ome": {"ome": True}, "imagej": {"imagej": True}}[kind]
    tifffile.imwrite(path, data, photometric="minisblack", metadata={"axes": axes}, **options)
    return path


@pytest.mark.parametrize("kind", ["ome", "imagej"])
def test_channels_are_asked_for_and_never_frames(tmp_path: Path, rng: np.random.Generator, kind: str) -> None:
    data = rng.integers(0, 4096, (3, 2, 8, 9), dtype=np.uint16)
    path = hyperstack(tmp_path / "a.tif", "TCYX", data, kind)
    for read in (read_frames, streamed):
        with pytest.raises(ColourImage, match="2 channels"):
            read(path)
    np.testing.assert_array_equal(both(Path(f"{path}#channel=1")), data[:, 1])
    np.testing.assert_array_equal(both(Path(f"{path}#t=2&c=0")), data[2:, 0])
    with pytest.raises(InvalidSpec, match="has 2 entries"):
        read_frames(f"{path}#channel=2")


@pytest.mark.parametrize("kind", ["ome", "imagej"])
def test_depth_is_no_time(tmp_path: Path, rng: np.random.Generator, kind: str) -> None:
    data = rng.integers(0, 4096, (3, 5, 8, 9), dtype=np.uint16)
    path = hyperstack(tmp_path / "a.tif", "TZYX", data, kind)
    with pytest.raises(ShapeMismatch, match="5 z planes"):
        read_frames(path)
    np.testing.assert_array_equal(read_frames(path, volume=True).data, data)
    np.testing.assert_array_equal(both(Path(f"{path}#z=4")), data[:, 4])
    np.testing.assert_array_equal(both(Path(f"{path}#t=0&z=frames")), data[0])
    np.testing.assert_array_equal(both(Path(f"{path}#z=1&pages=1-2")), data[1:3, 1])


def test_a_plain_imagej_stack_is_frames(tmp_path: Path, rng: np.random.Generator) -> None:
    """ImageJ calls the planes of any stack slices: only a hyperstack says more."""
    data = rng.integers(0, 4096, (4, 8, 9), dtype=np.uint16)
    text = "ImageJ=1.53t\nimages=4\nslices=4\nloop=false\n"
    tifffile.imwrite(tmp_path / "a.tif", data, photometric="minisblack", metadata=None, description=text)
    np.testing.assert_array_equal(both(tmp_path / "a.tif"), data)


def test_images_of_one_ome_file_are_fields_and_not_frames(tmp_path: Path, rng: np.random.Generator) -> None:
    data = rng.integers(0, 4096, (2, 3, 8, 9), dtype=np.uint16)
    with tifffile.TiffWriter(tmp_path / "a.ome.tif", ome=True) as writer:
        for field in data:
            writer.write(field, photometric="minisblack", metadata={"axes": "TYX"})
    with pytest.raises(UnreadableFile, match="2 images"):
        read_frames(tmp_path / "a.ome.tif")
    np.testing.assert_array_equal(both(tmp_path / "a.ome.tif#image=1"), data[1])


def fits_file(path: Path, *images: tuple[str, np.ndarray]) -> Path:
    versions: dict[str, int] = {}
    hdus: list[object] = [fits.PrimaryHDU()]
    for name, data in images:
        versions[name] = versions.get(name, 0) + 1
        hdus.append(fits.ImageHDU(data, name=name, ver=versions[name]))
    fits.HDUList(hdus).writeto(path)
    return path


def test_exposures_of_one_fits_file_are_frames(tmp_path: Path, rng: np.random.Generator) -> None:
    """As Hubble's raw files: SCI, ERR and DQ of two exposures, the last two without pixels."""
    data = rng.integers(0, 4096, (2, 8, 9), dtype=np.uint16)
    path = tmp_path / "two.fits"
    hdus = [fits.PrimaryHDU()]
    for version, image in enumerate(data, 1):
        hdus += [fits.ImageHDU(image, name="SCI", ver=version), fits.ImageHDU(name="ERR", ver=version)]
    fits.HDUList(hdus).writeto(path)
    np.testing.assert_array_equal(both(path), data)
    np.testing.assert_array_equal(both(Path(f"{path}#extension=SCI,2")), data[1:])


def test_fits_extensions_of_several_kinds_are_asked_for(tmp_path: Path, rng: np.random.Generator) -> None:
    image, error = rng.integers(0, 4096, (2, 8, 9), dtype=np.uint16)
    path = fits_file(tmp_path / "a.fits", ("SCI", image), ("ERR", error))
    with pytest.raises(UnreadableFile, match=r"1 SCI,1, 2 ERR,1.*#extension=SCI"):
        read_frames(path)
    np.testing.assert_array_equal(both(Path(f"{path}#extension=2"))[0], error)


def test_a_spectral_axis_is_no_time(tmp_path: Path, rng: np.random.Generator) -> None:
    header = fits.Header({"CTYPE3": "WAVELENGTH"})
    fits.PrimaryHDU(rng.integers(0, 9, (4, 8, 9), dtype=np.uint16), header).writeto(tmp_path / "a.fits")
    with pytest.raises(ShapeMismatch, match="4 wavelengths"):
        read_frames(tmp_path / "a.fits")


@pytest.mark.parametrize("text", ["channel", "pages=5-2", "colour=1", "c=0&c=1", "c=-1", "lossy=yes"])
def test_a_selection_that_is_not_understood(tmp_path: Path, rng: np.random.Generator, text: str) -> None:
    lab.write(tmp_path / "a.tif", rng.integers(0, 9, (4, 8, 9), dtype=np.uint16))
    with pytest.raises(InvalidSpec):
        read_frames(f"{tmp_path / 'a.tif'}#{text}")


def test_a_name_with_a_hash_is_a_name(tmp_path: Path, rng: np.random.Generator) -> None:
    data = rng.integers(0, 9, (4, 8, 9), dtype=np.uint16)
    np.testing.assert_array_equal(both(lab.write(tmp_path / "cell#pages=0.tif", data)), data)


# --- what a value means -----------------------------------------------------------------------------------------------
def test_white_is_zero_is_undone_where_the_depth_is_stated(tmp_path: Path, rng: np.random.Generator) -> None:
    frame = lab.spots(rng)
    path = lab.write(tmp_path / "white.tif", lab.FULL - frame, photometric="miniswhite")
    for read in (read_frames, streamed):
        with pytest.raises(NotIntegerData, match="WhiteIsZero"):
            read(path)
    np.testing.assert_array_equal(read_frames(path, bits=12).data[0], frame)
    np.testing.assert_array_equal(streamed(path, bits=12)[0], frame)
    small = (frame >> 4).astype(np.uint8)
    np.testing.assert_array_equal(both(lab.write(tmp_path / "white8.tif", 255 - small, photometric="miniswhite"))[0], small)
    with pytest.raises(NotIntegerData, match="values up to 1023"):
        read_frames(path, bits=10)


@pytest.mark.parametrize(("tag", "name"), [(50712, "LinearizationTable"), (291, "GrayResponseCurve"), (301, "TransferFunction")])
def test_a_tone_curve_is_refused_by_name(tmp_path: Path, rng: np.random.Generator, tag: int, name: str) -> None:
    path = lab.write(tmp_path / "a.tif", lab.spots(rng), extratags=[(tag, "H", 4, (0, 1, 2, 3), True)])
    for read in (read_frames, streamed):
        with pytest.raises(NotIntegerData, match=name):
            read(path)


def test_imagej_signed_numbers_are_undone_and_densities_refused(tmp_path: Path, rng: np.random.Generator) -> None:
    frame = lab.spots(rng)
    text = "ImageJ=1.53t\nimages=1\ncf={}\nc0={}\nc1={}\nvunit=Gray Value\n"
    path = lab.write(tmp_path / "signed.tif", frame + np.uint16(32768), description=text.format(0, -32768.0, 1.0))
    np.testing.assert_array_equal(both(path)[0], frame)
    path = lab.write(tmp_path / "density.tif", frame, description=text.format(0, 0.1, 0.5))
    with pytest.raises(NotIntegerData, match="calibration function"):
        read_frames(path)


@pytest.mark.parametrize(
    ("cards", "says"),
    [
        ({"BSCALE": 2.0}, "BSCALE"),
        ({"BUNIT": "electron"}, "electron"),
        ({"CALSTAT": "BDF"}, "CALSTAT"),
        ({"NCOMBINE": 4}, "NCOMBINE"),
    ],
)
def test_fits_keys_that_change_the_value_are_refused_by_name(tmp_path: Path, rng: np.random.Generator, cards: dict, says: str) -> None:
    hdu = fits.PrimaryHDU(lab.spots(rng))
    hdu.header.update(cards)
    hdu.writeto(tmp_path / "a.fits")
    # astropy itself writes a scale of 1, whatever it was told.
    text = (tmp_path / "a.fits").read_bytes()
    if "BSCALE" in cards:
        (tmp_path / "a.fits").write_bytes(text.replace(b"BSCALE  =                    1", b"BSCALE  =                  2.0"))
    for read in (read_frames, streamed):
        with pytest.raises(NotIntegerData, match=says):
            read(tmp_path / "a.fits")


def test_fits_pixels_without_a_value_are_refused(tmp_path: Path, rng: np.random.Generator) -> None:
    frame = lab.spots(rng).astype(np.uint8)
    frame[3, 4:6] = 7
    frame[frame == 7] = 8
    for count, cells in ((0, ()), (2, ((3, 4), (3, 5)))):
        pixels = frame.copy()
        for cell in cells:
            pixels[cell] = 7
        path = tmp_path / f"{count}.fits"
        hdu = fits.PrimaryHDU(pixels)
        hdu.header["BLANK"] = 7
        hdu.writeto(path)
        if count:
            with pytest.raises(NotIntegerData, match="2 undefined pixels"):
                read_frames(path)
        else:
            np.testing.assert_array_equal(read_frames(path).data[0], pixels)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(path: Path, pixels: np.ndarray, *extra: tuple[bytes, bytes], colour: int = 0) -> Path:
    depth = 8 * pixels.dtype.itemsize
    rows = b"".join(b"\0" + row.astype(row.dtype.newbyteorder(">")).tobytes() for row in pixels)
    head = struct.pack(">IIBBBBB", pixels.shape[1], pixels.shape[0], depth, colour, 0, 0, 0)
    body = [chunk(b"IHDR", head), *(chunk(*one) for one in extra), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(body))
    return path


def test_grey_png(tmp_path: Path, rng: np.random.Generator) -> None:
    frame = lab.spots(rng)
    np.testing.assert_array_equal(both(png(tmp_path / "a.png", frame))[0], frame)
    small = (frame >> 4).astype(np.uint8)
    np.testing.assert_array_equal(both(png(tmp_path / "b.png", small))[0], small)
    for scaled in (frame << 4, (frame << 4) | (frame >> 8)):
        raw = read_frames(png(tmp_path / "c.png", scaled, (b"sBIT", b"\x0c")))
        np.testing.assert_array_equal(raw.data[0], frame)
        assert (raw.bits, raw.bits_source) == (12, "metadata")


@pytest.mark.parametrize(
    ("extra", "error", "says"),
    [
        ((b"gAMA", struct.pack(">I", 45455)), NotIntegerData, "gamma of 0.45"),
        ((b"sRGB", b"\0"), NotIntegerData, "sRGB"),
        ((b"tRNS", b"\0\0"), NotIntegerData, "transparent"),
        ((b"sBIT", b"\x0a"), NotIntegerData, "10 significant bits"),
        ((b"sBIT", b"\x11"), UnreadableFile, "sBIT"),
    ],
)
def test_what_a_png_says_of_its_values(
    tmp_path: Path, rng: np.random.Generator, extra: tuple, error: type[SigmarawError], says: str
) -> None:
    with pytest.raises(error, match=says):
        read_frames(png(tmp_path / "a.png", lab.spots(rng), extra))


def test_damaged_png(tmp_path: Path, rng: np.random.Generator) -> None:
    whole = png(tmp_path / "a.png", lab.spots(rng)).read_bytes()
    for broken in (whole[: len(whole) // 2], whole[:60] + bytes([whole[60] ^ 1]) + whole[61:], b"\x89PNG", whole[:-12]):
        (tmp_path / "a.png").write_bytes(broken)
        with pytest.raises(UnreadableFile):
            read_frames(tmp_path / "a.png")


def test_binary_pgm(tmp_path: Path, rng: np.random.Generator) -> None:
    frame = lab.spots(rng)
    path = tmp_path / "a.pgm"
    path.write_bytes(b"P5\n# by a camera\n80 64\n4095\n" + frame.astype(">u2").tobytes())
    raw = read_frames(path)
    np.testing.assert_array_equal(raw.data[0], frame)
    assert raw.bits == 12
    path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(UnreadableFile, match="present"):
        read_frames(path)


# --- lossy compression inside the container ---------------------------------------------------------------------------
def test_jpeg_inside_tiff_is_no_raw_frame(tmp_path: Path, rng: np.random.Generator) -> None:
    small = (lab.spots(rng) >> 2).clip(0, 255).astype(np.uint8)
    path = lab.write(tmp_path / "a.tif", small, compression="jpeg", compressionargs={"level": 90})
    for read in (read_frames, streamed):
        with pytest.raises(LossyImage, match="JPEG"):
            read(path)
    accepted = read_frames(f"{path}#lossy=accept")
    assert accepted.metadata["compression"] == "JPEG"


LOSSY: dict[str, tuple[dict, str | None]] = {
    "jpeg 2000": ({"compression": "jpeg2000", "compressionargs": {"level": 40, "reversible": False}}, "JPEG 2000"),
    "jpeg 2000, reversible": ({"compression": "jpeg2000", "compressionargs": {"reversible": True}}, None),
    "jpeg xl": ({"compression": "jpegxl", "compressionargs": {"distance": 1.0}}, "may be lossy"),
    "lossless jpeg": ({"compression": "jpeg", "compressionargs": {"lossless": True, "bitspersample": 16}}, None),
    "zstd": ({"compression": "zstd"}, None),
    "lzma": ({"compression": "lzma"}, None),
    "packbits": ({"compression": "packbits"}, None),
}


@pytest.mark.parametrize("name", list(LOSSY))
def test_lossless_forms_are_read_and_lossy_ones_refused(tmp_path: Path, rng: np.random.Generator, name: str) -> None:
    options, says = LOSSY[name]
    frame = lab.spots(rng)
    path = lab.write(tmp_path / "a.tif", frame, **options)
    if says is None:
        np.testing.assert_array_equal(both(path)[0], frame)
    else:
        with pytest.raises(LossyImage, match=says):
            read_frames(path)


def test_hcompress_with_loss_is_refused_and_rice_is_read(tmp_path: Path, rng: np.random.Generator) -> None:
    frame = lab.spots(rng)
    for name in ("rice.fits", "rice.fits.fz"):
        fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(frame, compression_type="RICE_1")]).writeto(tmp_path / name)
        np.testing.assert_array_equal(both(tmp_path / name)[0], frame)
    fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(frame, compression_type="HCOMPRESS_1", hcomp_scale=4)]).writeto(tmp_path / "h.fits")
    with pytest.raises(LossyImage, match="HCOMPRESS"):
        read_frames(tmp_path / "h.fits")
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8")
    with pytest.raises(LossyImage, match="lossy format"):
        read_frames(tmp_path / "a.jpg")


# --- Zarr -------------------------------------------------------------------------------------------------------------
@pytest.fixture
def two_images(tmp_path: Path, rng: np.random.Generator) -> tuple[Path, np.ndarray]:
    zarr = pytest.importorskip("zarr")
    data = rng.integers(100, 900, (2, 64, 80), dtype=np.uint16)
    root = tmp_path / "two.zarr"
    zarr.open_group(str(root), mode="w", zarr_format=2).attrs["bioformats2raw.layout"] = 3
    for index, image in enumerate(data):
        group = zarr.open_group(str(root / str(index)), mode="w", zarr_format=2)
        array = group.create_array("0", shape=(1, 1, 1, 64, 80), dtype="uint16", chunks=(1, 1, 1, 32, 32))
        array[0, 0, 0] = image
        group.attrs["multiscales"] = [{"version": "0.4", "axes": [{"name": name} for name in "tczyx"], "datasets": [{"path": "0"}]}]
    return root, data


def test_one_of_several_images_is_read_by_folder_or_number(two_images: tuple[Path, np.ndarray]) -> None:
    root, data = two_images
    with pytest.raises(UnreadableFile, match="2 images"):
        read_frames(root)
    for index in (0, 1):
        np.testing.assert_array_equal(both(root / str(index))[0], data[index])
        np.testing.assert_array_equal(both(Path(f"{root}#image={index}"))[0], data[index])
        np.testing.assert_array_equal(read_frames(root / str(index) / "0").data[0], data[index])


def test_zarr_attributes_that_scale_are_refused(tmp_path: Path, rng: np.random.Generator) -> None:
    zarr = pytest.importorskip("zarr")
    array = zarr.create_array(store=str(tmp_path / "a.zarr"), shape=(2, 8, 9), dtype="uint16", chunks=(2, 8, 9))
    array[...] = rng.integers(0, 9, (2, 8, 9))
    array.attrs["add_offset"] = -100
    with pytest.raises(NotIntegerData, match="add_offset"):
        read_frames(tmp_path / "a.zarr")


# --- units ------------------------------------------------------------------------------------------------------------
def fits_series(root: Path, value: object, comment: str, key: str = "EXPOSURE") -> Path:
    for kind in ("dark", "flat"):
        (root / kind).mkdir(parents=True)
        hdu = fits.PrimaryHDU(np.random.default_rng(len(kind)).integers(0, 9, (2, 8, 9), dtype=np.uint16))
        hdu.header[key] = (value, comment)
        hdu.writeto(root / kind / "a.fits")
    return root


@pytest.mark.parametrize(
    ("value", "comment", "ms"),
    [
        (5000.0, "exposure time in microseconds", 5.0),
        (5000, "[us] exposure", 5.0),
        (5, "Exposure (ms)", 5.0),
        (5, "msec", 5.0),
        (0.005, "[s] exposure time", 5.0),
        (0.005, "", 5.0),
        ("5 ms", "", 5.0),
        ("0.005", "seconds", 5.0),
        (5, "Exposure (ticks)", None),
        (5, "in units of 100 us", None),
        (5, "[1/1000 s]", None),
        (5, "minimum exposure [lines]", None),
    ],
)
def test_units_of_fits_comments(tmp_path: Path, value: object, comment: str, ms: float | None) -> None:
    found = read_series(fits_series(tmp_path, value, comment))
    assert found.dark[0].exposure_ms == (None if ms is None else pytest.approx(ms, rel=1e-12))
    assert bool(found.notes) == (ms is None)
    if ms is None:
        assert comment in found.notes[0]


OME = (
    '<?xml version="1.0" encoding="UTF-8"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0">'
    '<Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint16" SizeX="9" SizeY="8" SizeC="1" SizeZ="1" SizeT="2">'
    '<Channel ID="Channel:0:0" SamplesPerPixel="1"/><TiffData IFD="0" PlaneCount="2"/>{}</Pixels></Image></OME>'
)


@pytest.mark.parametrize(
    ("unit", "value", "ms"),
    [
        ("&#181;s", "5000", 5.0),
        ("&#x3BC;s", "5000", 5.0),
        ("us", "5000", 5.0),
        ("ds", "0.05", 5.0),
        ("Ms", "1", 1e9),
        ("msec", "5", 5.0),
        ("lines", "5", None),
    ],
)
def test_units_of_ome_xml(tmp_path: Path, unit: str, value: str, ms: float | None) -> None:
    planes = "".join(f'<Plane TheC="0" TheT="{t}" TheZ="0" ExposureTime="{value}" ExposureTimeUnit="{unit}"/>' for t in (0, 1))
    for kind in ("dark", "flat"):
        (tmp_path / kind).mkdir()
        data = np.random.default_rng(len(kind)).integers(0, 9, (2, 8, 9), dtype=np.uint16)
        with tifffile.TiffWriter(tmp_path / kind / "a.ome.tif") as writer:
            for index, frame in enumerate(data):
                writer.write(frame, photometric="minisblack", metadata=None, description=OME.format(planes) if index == 0 else None)
    found = read_series(tmp_path)
    assert found.dark[0].exposure_ms == (None if ms is None else pytest.approx(ms, rel=1e-12))
    assert bool(found.notes) == (ms is None)


@pytest.mark.parametrize("break_it", [lambda xml: xml.replace("</OME>", ""), lambda xml: "<!DOCTYPE x [<!ENTITY a 'b'>]>" + xml])
def test_broken_or_hostile_ome_xml_states_nothing(break_it: Callable[[str], str]) -> None:
    from sigmaraw.frames.headers import elements

    found = [element.tag for element in elements(break_it("<OME><Plane/></OME>"))]
    assert found in (["Plane"], [])


def test_a_page_may_be_asked_for_by_its_number(tmp_path: Path, rng: np.random.Generator) -> None:
    """As --frame does: every plane is a page then."""
    data = rng.integers(0, 4096, (3, 2, 8, 9), dtype=np.uint16)
    path = hyperstack(tmp_path / "a.tif", "TCYX", data, "ome")
    np.testing.assert_array_equal(read_frames(path, pages=True).data, data.reshape(6, 8, 9))
