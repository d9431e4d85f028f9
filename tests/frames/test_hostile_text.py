"""Random bytes in every text of a frame file or table: understood, or refused in one line, never a traceback."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from astropy.io import fits
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sigmaraw.errors import SigmarawError
from sigmaraw.frames import read_frames, read_series
from sigmaraw.frames.descriptor import read_descriptor
from sigmaraw.frames.headers import elements, stated
from sigmaraw.frames.names import exposure_of_name, kind_of_name, repeat_key
from sigmaraw.frames.selection import parse
from sigmaraw.frames.units import milliseconds_of, parse_time, unit_of_comment

QUICK = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
FORMS = ("<OME>{}</OME>", '<OME><Plane ExposureTime="{}"/></OME>', "ImageJ=1.53t\ncf={}\nc0={}\n")
KEYS = (b"EXPTIME ", b"EXPOSURE", b"GAIN    ", b"BUNIT   ", b"BAYERPAT", b"CALSTAT ", b"BLANK   ")
LINES = (b"", b"v 3.1\nn 12 9 8\n", b"v 3.1\nn 12 9 8\nd 1000\ni ", b"v 3.1\nn 12 9 8\nb 1000 5.0\ni flat/a.npy\n")
TAGS = (271, 272, 305, 306, 315, 33432, 33628, 34118, 42112, 51123)
FRAME = np.arange(72, dtype=np.uint16).reshape(8, 9)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("series")
    for kind in ("dark", "flat"):
        (root / kind).mkdir()
        np.save(root / kind / "a.npy", np.stack([FRAME, FRAME[::-1]]))
    return root


@QUICK
@given(st.text(max_size=60))
def test_small_texts(text: str) -> None:
    for read in (milliseconds_of, kind_of_name, exposure_of_name):
        read(text)
    for time in (parse_time(text, 1.0), unit_of_comment(text, 1.0)):
        assert time is None or time >= 0
    repeat_key(Path("a") / (text.replace("/", "").replace("\0", "") or "x"))
    list(elements(text))
    with contextlib.suppress(SigmarawError):
        parse(text, "a.tif")


@QUICK
@given(st.binary(max_size=200), st.sampled_from([b"", b"path,kind,exposure_ms\n", b"path;kind;exposure_ms\nflat/a.npy;flat;", b"\xff\xfe"]))
def test_frames_csv(folder: Path, content: bytes, start: bytes) -> None:
    (folder / "frames.csv").write_bytes(start + content)
    try:
        read_series(folder)
    except SigmarawError as error:
        assert "\n" not in str(error)
    finally:
        (folder / "frames.csv").unlink()


@QUICK
@given(
    st.binary(min_size=0, max_size=160),
    st.sampled_from(FORMS),
)
def test_tiff_description(tmp_path: Path, content: bytes, form: str) -> None:
    text = form.encode().replace(b"{}", content.replace(b"\0", b" "))
    tifffile.imwrite(tmp_path / "a.tif", FRAME, photometric="minisblack", metadata=None, description=text)
    with contextlib.suppress(SigmarawError):
        stated(tmp_path / "a.tif")
        read_frames(tmp_path / "a.tif")


@QUICK
@given(st.binary(min_size=1, max_size=80), st.sampled_from(TAGS))
def test_tiff_tags(tmp_path: Path, content: bytes, tag: int) -> None:
    """Any text of a tag: maker, model, program, time, and what Micro-Manager, MetaMorph and GDAL keep in their own."""
    tifffile.imwrite(tmp_path / "a.tif", FRAME, photometric="minisblack", metadata=None, extratags=[(tag, 2, None, content, True)])
    with contextlib.suppress(SigmarawError):
        stated(tmp_path / "a.tif")
        read_frames(tmp_path / "a.tif")


@QUICK
@given(
    st.binary(max_size=200),
    st.sampled_from([b"", b"v 3.1\nn 12 9 8\n", b"v 3.1\nn 12 9 8\nd 1000\ni ", b"v 3.1\nn 12 9 8\nb 1000 5.0\ni flat/a.npy\n"]),
)
def test_descriptor(folder: Path, content: bytes, start: bytes) -> None:
    (folder / "set.txt").write_bytes(start + content)
    try:
        read_descriptor(folder / "set.txt")
    except SigmarawError as error:
        assert "\n" not in str(error)
    finally:
        (folder / "set.txt").unlink()


@QUICK
@given(
    st.binary(min_size=70, max_size=70),
    st.sampled_from(KEYS),
)
def test_fits_cards(tmp_path: Path, content: bytes, key: bytes) -> None:
    hdu = fits.PrimaryHDU(FRAME)
    hdu.header["MARKER"] = 1
    hdu.writeto(tmp_path / "a.fits", overwrite=True)
    whole = (tmp_path / "a.fits").read_bytes()
    at = whole.index(b"MARKER  =")
    (tmp_path / "a.fits").write_bytes(whole[:at] + (key + b"= " + content)[:80] + whole[at + 80 :])
    with contextlib.suppress(SigmarawError):
        stated(tmp_path / "a.fits")
        read_frames(tmp_path / "a.fits")


@QUICK
@given(st.integers(8, 120), st.binary(min_size=1, max_size=8), st.sampled_from(["png", "pgm"]))
def test_damaged_images(tmp_path: Path, at: int, content: bytes, suffix: str) -> None:
    import imagecodecs

    whole = imagecodecs.png_encode(FRAME) if suffix == "png" else b"P5\n9 8\n4095\n" + FRAME.astype(">u2").tobytes()
    (tmp_path / f"a.{suffix}").write_bytes(whole[:at] + content + whole[at + len(content) :])
    with contextlib.suppress(SigmarawError):
        read_frames(tmp_path / f"a.{suffix}")
