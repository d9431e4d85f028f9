"""Exposures from the files' own headers where no table gives them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr
from astropy.io import fits

import sigmaraw as sr
from sigmaraw.errors import InvalidSeries
from sigmaraw.frames import read_series


def ome(path: Path, data: np.ndarray, times: list[float] | None = None, unit: str | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    plane = (
        {} if times is None else {"Plane": {"ExposureTime": times, **({} if unit is None else {"ExposureTimeUnit": [unit] * len(times)})}}
    )
    tifffile.imwrite(path, data, ome=True, photometric="minisblack", metadata={"axes": "TYX", **plane})


def frames(value: int = 100) -> np.ndarray:
    return np.random.default_rng(value).integers(value, value + 9, (2, 6, 5)).astype(np.uint16)


def header(path: Path, **cards: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fits.PrimaryHDU(frames(), fits.Header([(key.replace("_", "-"), *value) for key, value in cards.items()])).writeto(path)  # type: ignore[misc]


@pytest.mark.parametrize(("unit", "ms"), [(None, 2500), ("s", 2500), ("ms", 2.5), ("µs", 0.0025), ("min", 150000), ("ns", 2.5e-6)])
def test_ome_units(tmp_path: Path, unit: str | None, ms: float) -> None:
    ome(tmp_path / "dark" / "d.ome.tif", frames(), [2.5, 2.5], unit)
    ome(tmp_path / "flat" / "f.ome.tif", frames(300))
    found = read_series(tmp_path)
    assert found.dark[0].exposure_ms == pytest.approx(ms, rel=1e-12)
    assert found.flat[0].exposure_ms is None


def test_a_converted_image_keeps_its_exposure_beside_the_pixels(tmp_path: Path) -> None:
    """bioformats2raw writes OME/METADATA.ome.xml; a link in its place is not followed."""
    for kind in ("dark", "flat"):
        path = tmp_path / kind / "a.ome.zarr"
        array = zarr.create_array(store=str(path / "0"), shape=(2, 6, 5), chunks=(1, 6, 5), dtype="uint16")
        array[...] = frames()
        (path / "OME").mkdir()
    text = '<OME:OME xmlns:OME="x"><OME:Plane TheT="0" ExposureTime="2.5" ExposureTimeUnit="ms"/></OME:OME>'
    (tmp_path / "dark" / "a.ome.zarr" / "OME" / "METADATA.ome.xml").write_text(text)
    (tmp_path / "elsewhere.xml").write_text(text)
    (tmp_path / "flat" / "a.ome.zarr" / "OME" / "METADATA.ome.xml").symlink_to(tmp_path / "elsewhere.xml")
    found = read_series(tmp_path)
    assert (found.dark[0].exposure_ms, found.flat[0].exposure_ms) == (2.5, None)


@pytest.mark.parametrize(
    ("cards", "ms"),
    [
        ({"EXPTIME": (2.5, "exposure time in seconds")}, 2500),
        ({"EXPOSURE": (2, "")}, 2000),
        ({"EXPOSURE": (1999, "Exposure (ms)")}, 1999),
        ({"EXPTIME": (2, ""), "EXPOSURE": (9, "")}, 2000),
        ({"EXPTIME": ("long", "")}, None),
        ({}, None),
    ],
)
def test_fits_headers(tmp_path: Path, cards: dict[str, object], ms: float | None) -> None:
    header(tmp_path / "dark" / "d.fits.gz", **cards)
    header(tmp_path / "flat" / "f.fits")
    assert read_series(tmp_path).dark[0].exposure_ms == ms


def test_a_table_goes_before_headers(tmp_path: Path) -> None:
    header(tmp_path / "dark" / "d.fits", EXPTIME=(2.0, ""))
    header(tmp_path / "flat" / "f.fits", EXPTIME=(2.0, ""))
    (tmp_path / "frames.csv").write_text("path,kind,exposure_ms\ndark/d.fits,dark,7\n")
    found = read_series(tmp_path)
    assert (found.dark[0].exposure_ms, found.flat[0].exposure_ms) == (7.0, None)


def test_darks_merge_and_flats_do_not(tmp_path: Path) -> None:
    """Equal exposures of flats may be unequal light: of that a header says nothing."""
    for name in ("a", "b"):
        header(tmp_path / "dark" / f"{name}.fits", EXPTIME=(1.0, ""))
        header(tmp_path / "flat" / f"{name}.fits", EXPTIME=(1.0, ""))
    found = read_series(tmp_path)
    assert (len(found.dark), len(found.dark[0].frames()), len(found.flat)) == (1, 4, 2)


def test_linearity_is_of_exposures_only_where_the_light_was_constant(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)

    def stack(e: float) -> np.ndarray:
        return np.rint(rng.normal(100 + 0.5 * e, np.sqrt(0.25 * (e + 9)), (2, 24, 24))).astype(np.uint16)

    for root, times in (("shutter", [1, 2, 3, 4, 5, 6]), ("lamp", [1, 1, 2, 3, 4, 5])):
        ome(tmp_path / root / "dark" / "d.ome.tif", stack(0), [1, 1], "ms")
        for index, time in enumerate(times):
            ome(tmp_path / root / "flat" / f"{index}.ome.tif", stack(900 * (index + 1)), [time, time], "ms")
    shutter, lamp = (sr.calibrate(tmp_path / root, bits=12) for root in ("shutter", "lamp"))
    np.testing.assert_array_equal(shutter.dataset["level_exposure"], [1, 2, 3, 4, 5, 6])
    assert float(shutter.dataset["linearity_error"]) < 0.5
    assert lamp.dataset["linearity_error"].attrs["not_determined"] == "needs-exposures"
    np.testing.assert_array_equal(lamp.dataset["level_exposure"], [1, 1, 2, 3, 4, 5])


@pytest.mark.parametrize(
    ("times", "unit", "says"), [([1.0, 1.0], "fortnight", "fortnight"), ([-1.0, -1.0], "s", "-1"), ([float("inf")] * 2, "s", "inf")]
)
def test_exposures_that_are_not_understood_are_not_known_and_said_to_be_so(
    tmp_path: Path, times: list[float], unit: str, says: str
) -> None:
    ome(tmp_path / "dark" / "d.ome.tif", frames(), times, unit)
    ome(tmp_path / "flat" / "f.ome.tif", frames(300))
    found = read_series(tmp_path)
    assert found.dark[0].exposure_ms is None
    (note,) = found.notes
    assert "not known" in note
    assert says in note


def test_exposures_of_one_level_that_differ_are_refused(tmp_path: Path) -> None:
    ome(tmp_path / "differ" / "dark" / "d.ome.tif", frames(), [1.0, 2.0], "ms")
    ome(tmp_path / "differ" / "flat" / "f.ome.tif", frames(300))
    with pytest.raises(InvalidSeries, match="from 1 to 2 ms"):
        read_series(tmp_path / "differ")
    for index, time in enumerate((1.0, 1.5)):
        header(tmp_path / "folder" / "dark" / "d" / f"{index}.fits", EXPTIME=(time, ""))
    header(tmp_path / "folder" / "flat" / "f.fits")
    with pytest.raises(InvalidSeries, match="1000 to 1500 ms"):
        read_series(tmp_path / "folder")


def test_damaged_headers_leave_the_refusal_to_the_reader(tmp_path: Path) -> None:
    for kind in ("dark", "flat"):
        (tmp_path / kind).mkdir()
        (tmp_path / kind / "a.tif").write_bytes(b"II*\0garbage")
        (tmp_path / kind / "b.fits").write_bytes(b"SIMPLE  = garbage")
    (tmp_path / "dark" / "b.fits").unlink()
    found = read_series(tmp_path)
    assert [level.exposure_ms for level in (*found.dark, *found.flat)] == [None] * 3
