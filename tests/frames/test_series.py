"""A SERIES folder, frames.csv, stand-in maps and the EMVA 1288 descriptor into levels; hostile tables are refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from sigmaraw.errors import BitDepthMismatch, InputNotFound, InvalidOption, InvalidSeries, NotIntegerData, ShapeMismatch, UnreadableFile
from sigmaraw.frames import Series, read_series


def frames(value: int, count: int = 2) -> np.ndarray:
    return np.full((count, 6, 5), value, dtype=np.uint16)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "series"
    (root / "dark").mkdir(parents=True)
    (root / "flat" / "bright").mkdir(parents=True)
    np.save(root / "dark" / "d1.npy", frames(100))
    tifffile.imwrite(root / "flat" / "dim.tif", frames(200))
    for index in range(3):
        tifffile.imwrite(root / "flat" / "bright" / f"{index}.tif", frames(300 + index, 1)[0])
    return root


def names(series: Series) -> list[str]:
    return [level.name for level in (*series.dark, *series.flat)]


def test_plain_layout(folder: Path) -> None:
    series = read_series(folder)
    assert names(series) == ["dark/d1.npy", "flat/bright", "flat/dim.tif"]
    assert [level.exposure_ms for level in series.flat] == [None, None]
    np.testing.assert_array_equal(series.flat[0].frames().data[:, 0, 0], [300, 301, 302])
    assert series.dark_for(series.flat[1]) is series.dark[0]


def test_table_gives_exposures_and_merges_equal_ones(folder: Path) -> None:
    np.save(folder / "flat" / "more.npy", frames(301, 4))
    np.save(folder / "dark" / "d2.npy", frames(101))
    (folder / "frames.csv").write_text(
        "path,kind,exposure_ms,irradiance,temperature_c\n"
        "flat/bright,flat,20,,-10\nflat\\more.npy,flat,20.0,,\nflat/dim.tif,flat,10,,\ndark/d1.npy,dark,10,,\ndark/d2.npy,dark,30,,\n"
    )
    series = read_series(folder)
    assert [(level.kind, level.exposure_ms) for level in series.flat] == [("flat", 10.0), ("flat", 20.0)]
    merged = series.flat[1].frames()
    np.testing.assert_array_equal(merged.data[:, 0, 0], [300, 301, 302, 301, 301, 301, 301])
    assert len(merged.files) == 4
    assert series.flat[1].temperature_c == -10
    assert [series.dark_for(level).exposure_ms for level in series.flat] == [10.0, 10.0]  # 20 ms is as near to 10 as to 30


def test_equal_exposure_of_unequal_irradiance_does_not_merge(folder: Path) -> None:
    (folder / "frames.csv").write_text("path,kind,exposure_ms,irradiance\nflat/bright,flat,20,2\nflat/dim.tif,flat,20,1\n")
    assert len(read_series(folder).flat) == 2


def test_rows_of_single_frames_and_unlisted_levels(folder: Path) -> None:
    (folder / "frames.csv").write_text("path,kind,exposure_ms\n" + "".join(f"flat/bright/{i}.tif,flat,5\n" for i in range(3)))
    series = read_series(folder)
    assert [(level.exposure_ms, len(level.paths)) for level in series.flat] == [(5.0, 3), (None, 1)]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        ("path,kind\n", "exposure_ms"),
        ("path,kind,exposure_ms,gain\n", "unknown column 'gain'"),
        ("path,kind,exposure_ms,kind\n", "twice"),
        ("path,kind,exposure_ms\nflat/dim.tif,light,10\n", "kind is 'light'"),
        ("path,kind,exposure_ms\nflat/dim.tif,flat,ten\n", "'ten'"),
        ("path,kind,exposure_ms\nflat/dim.tif,flat,-1\n", "'-1'"),
        ("path,kind,exposure_ms\nflat/dim.tif,flat,nan\n", "'nan'"),
        ("path,kind,exposure_ms\nflat/dim.tif,flat,1e999\n", "'1e999'"),
        ("path,kind,exposure_ms,temperature_c\nflat/dim.tif,flat,1,-300\n", "'-300'"),
        ("path,kind,exposure_ms\nflat/dim.tif,flat\n", "2 cells"),
        ("path,kind,exposure_ms\nflat/dim.tif,flat,1\nflat/./dim.tif,flat,2\n", "second time"),
        ("path,kind,exposure_ms\nflat/bright,flat,1\nflat/bright/1.tif,flat,2\n", "twice"),
        ("path,kind,exposure_ms\nflat/bright/1.tif,flat,2\n", "some frames"),
        ("path,kind,exposure_ms\n../outside.npy,flat,1\n", "not inside"),
        ("path,kind,exposure_ms\n..\\outside.npy,flat,1\n", "not inside"),
        ("path,kind,exposure_ms\n/etc/passwd,flat,1\n", "not inside"),
        ("path,kind,exposure_ms\nC:\\a.npy,flat,1\n", "not inside"),
        ('path,kind,exposure_ms\n"flat/dim.tif,flat,1\n', "line"),
    ],
)
def test_bad_tables_are_refused_with_one_line(folder: Path, text: str, says: str) -> None:
    np.save(folder.parent / "outside.npy", frames(1))
    (folder / "frames.csv").write_text(text)
    with pytest.raises(InvalidSeries) as refusal:
        read_series(folder)
    assert says in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_table_that_is_no_text_or_names_nothing(folder: Path) -> None:
    (folder / "frames.csv").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(InvalidSeries, match="UTF-8"):
        read_series(folder)
    (folder / "frames.csv").write_text("path,kind,exposure_ms\nflat/none.tif,flat,1\n")
    with pytest.raises(InputNotFound, match=r"none\.tif"):
        read_series(folder)


def test_missing_parts(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(InputNotFound):
        read_series(tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidSeries, match="neither"):
        read_series(tmp_path / "empty")
    with pytest.raises(InvalidOption):
        read_series(folder, bits=17)
    (folder / "dark" / "d1.npy").unlink()
    with pytest.raises(InvalidSeries, match="no dark level"):
        read_series(folder)
    (folder / "dark" / "d1.bmp").write_bytes(b"x")
    with pytest.raises(InvalidSeries, match=r"d1\.bmp"):
        read_series(folder)


def test_several_darks_need_exposures(folder: Path) -> None:
    np.save(folder / "dark" / "d2.npy", frames(101))
    with pytest.raises(InvalidSeries, match="2 dark levels"):
        read_series(folder)
    (folder / "frames.csv").write_text("path,kind,exposure_ms\ndark/d1.npy,dark,1\ndark/d2.npy,dark,2\n")
    series = read_series(folder)
    with pytest.raises(InvalidSeries, match="no exposure"):
        series.dark_for(series.flat[0])


def test_bits_reach_every_level(folder: Path) -> None:
    series = read_series(folder, bits=9)
    assert series.flat[0].frames().bits == 9
    with pytest.raises(BitDepthMismatch):
        read_series(folder, bits=7).flat[0].frames()


@pytest.mark.parametrize("suffix", ["npy", "tif"])
def test_maps_stand_in_for_darks(folder: Path, suffix: str) -> None:
    def write(name: str, values: np.ndarray) -> None:
        path = folder / "dark" / f"{name}.{suffix}"
        np.save(path, values) if suffix == "npy" else tifffile.imwrite(path, values)

    (folder / "dark" / "d1.npy").unlink()
    write("offset_map", np.full((6, 5), 99.5, dtype=np.float32))
    with pytest.raises(InvalidSeries, match="no read_noise_map"):
        read_series(folder)
    write("read_noise_map", np.full((6, 5), 2.5, dtype=np.float32))
    series = read_series(folder)
    assert series.dark == ()
    assert series.maps is not None
    assert (series.maps.offset_dn[0, 0], series.maps.read_noise_dn[0, 0]) == (99.5, 2.5)
    assert len(series.maps.files) == 2
    write("read_noise_map", np.full((6, 4), 2.5, dtype=np.float32))
    with pytest.raises(ShapeMismatch):
        read_series(folder)
    write("read_noise_map", np.full((6, 5), np.nan, dtype=np.float32))
    with pytest.raises(InvalidSeries, match="non-finite"):
        read_series(folder)
    write("read_noise_map", np.full((6, 5), 2.5, dtype=np.float32))
    np.save(folder / "dark" / "d1.npy", frames(100))
    with pytest.raises(InvalidSeries, match="dark maps"):
        read_series(folder)


def test_floats_are_frames_nowhere_else(folder: Path) -> None:
    np.save(folder / "flat" / "float.npy", np.ones((2, 6, 5)))
    series = read_series(folder)
    with pytest.raises(NotIntegerData):
        series.flat[-1].frames()


DESCRIPTOR = """# a comment
v 3.0
n 12 5 6
b 10000000.0 120.0
i images\\b0.tif
i images\\b1.tif
b 20000000.0 240.0
i images/b2.tif
b 10000000.0 120.0
i images/b3.tif
l InterfaceType Gigabit Ethernet
d 10000000.0
i images/d0.tif
"""


@pytest.fixture
def described(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    for index, name in enumerate(("b0", "b1", "b2", "b3", "d0")):
        tifffile.imwrite(tmp_path / "images" / f"{name}.tif", frames(100 + index, 1)[0])
    (tmp_path / "EMVA1288_Data.txt").write_text(DESCRIPTOR.replace("\n", "\r\n"))
    return tmp_path


def test_descriptor_file_given_or_alone_in_its_folder(described: Path) -> None:
    for given in (described / "EMVA1288_Data.txt", described):
        series = read_series(given)
        assert [(level.exposure_ms, level.photons, len(level.paths)) for level in series.flat] == [(10.0, 120.0, 3), (20.0, 240.0, 1)]
        np.testing.assert_array_equal(series.flat[0].frames().data[:, 0, 0], [100, 101, 103])
        assert [(level.exposure_ms, level.photons) for level in series.dark] == [(10.0, None)]
        assert (series.bits, series.size) == (12, (6, 5))
        assert series.flat[0].frames().bits == 12
    assert read_series(described, bits=10).bits == 10


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("n 12 5 6", "n 12 5", "line 3"),
        ("n 12 5 6", "n 17 5 6", "line 3"),
        ("n 12 5 6", "n 12 5 six", "six"),
        ("n 12 5 6", "# none", "lacks"),
        ("b 20000000.0 240.0", "b 20000000.0", "line 7"),
        ("b 20000000.0 240.0", "x 1", "line 7"),
        ("i images/b2.tif", "i ../../secret.tif", "not inside"),
        ("i images/b2.tif", "", "no images"),
        ("i images/b2.tif", "i images/b3.tif", "second time"),
        ("n 12 5 6", "n 12 5 6\ni images/b2.tif", "before"),
    ],
)
def test_bad_descriptors(described: Path, old: str, new: str, says: str) -> None:
    (described / "EMVA1288_Data.txt").write_text(DESCRIPTOR.replace(old, new, 1))
    with pytest.raises(InvalidSeries) as refusal:
        read_series(described)
    assert says in str(refusal.value)


def test_descriptor_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("hello\n")
    with pytest.raises(InvalidSeries):
        read_series(tmp_path / "a.txt")
    (tmp_path / "one.npy").write_bytes(b"")
    with pytest.raises((InvalidSeries, UnreadableFile)):
        read_series(tmp_path / "one.npy")


def test_digest_depends_on_content_and_role_only(folder: Path) -> None:
    series = read_series(folder)
    pairs = [("dark", series.dark[0].files()[0]), ("flat", series.flat[0].files()[0])]
    assert series.digest(pairs) == series.digest(pairs[::-1])
    assert series.digest(pairs) != series.digest([("flat", pairs[0][1]), ("dark", pairs[1][1])])
