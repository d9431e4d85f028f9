"""Calibration folders as laboratories have them, and headers that contradict each other."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile
from astropy.io import fits

import sigmaraw as sr
from sigmaraw.errors import ImplausibleSeries, InputNotFound, InvalidOption, InvalidSeries, InvalidSpec, ProfileMismatch, TooFewFrames
from sigmaraw.frames import Series, read_patterns, read_series, refuse_other_settings
from tests.cases import laboratory as lab

MS = [level / 100 for level in lab.LEVELS]


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    return lab.plain(tmp_path / "series")


def levels(series: Series) -> list[tuple[float | None, int]]:
    return [(level.exposure_ms, len(level.frames())) for level in series.flat]


def dark(series: Series) -> tuple[float | None, int]:
    (level,) = series.dark
    return level.exposure_ms, len(level.frames())


def right(series: Series, *, exposures: bool = True) -> None:
    """The levels are those of the plain layout."""
    assert dark(series) == (10.0 if exposures else None, 16)
    assert levels(series) == ([(ms, 2) for ms in MS] if exposures else [(None, 2)] * len(MS))


def test_links_are_read_with_a_table_and_without(plain: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    store.mkdir()
    for path in sorted(plain.rglob("*.tif")):
        shutil.move(path, store / path.name)
        path.symlink_to((store / path.name).resolve())
    right(read_series(plain))
    (plain / "frames.csv").unlink()
    right(read_series(plain), exposures=False)
    (plain / "frames.csv").write_text(lab.table(plain))
    (store / "l03.tif").unlink()
    with pytest.raises(InputNotFound, match="link that leads nowhere"):
        read_series(plain)


def test_companions_and_litter_are_passed_over(plain: Path) -> None:
    level = plain / "flat" / "level"
    level.mkdir()
    lab.write(level / "level_NDTiffStack.tif", lab.frames(np.random.default_rng(3), 2250, 2))
    (level / "NDTiff.index").write_bytes(bytes(64))
    (plain / "dark" / "desktop.ini").write_text("[.ShellClassInfo]\n")
    (plain / "dark" / "README").write_text("taken on Monday")
    (plain / "@eaDir").mkdir()
    (plain / "flat" / "@eaDir").mkdir()
    (plain / "flat" / "@eaDir" / "l00.tif@SynoEAStream").write_bytes(b"x")
    (plain / "flat" / "~$notes.xlsx").write_bytes(b"x")
    (plain / "flat" / "protocol.pdf").write_bytes(b"x")
    found = read_series(plain)
    assert dark(found) == (10.0, 16)
    assert levels(found) == [*((ms, 2) for ms in MS), (None, 2)]
    (plain / "flat" / "l00.raw").write_bytes(b"x")
    with pytest.raises(InvalidSeries, match=r"l00\.raw"):
        read_series(plain)


def excel(text: str) -> str:
    return text.replace(",", ";").replace(".tif", "@").replace(".", ",").replace("@", ".tif")


TABLES = {
    "semicolons and decimal commas": lambda text: excel(text).encode(),
    "Excel's word on the separator": lambda text: ("sep=;\r\n" + excel(text).replace("\n", "\r\n")).encode("utf-8-sig"),
    "tabs of Excel's Unicode text": lambda text: text.replace(",", "\t").encode("utf-16"),
    "capitals": lambda text: text.replace("path,kind,exposure_ms", "Path,Kind,Exposure (ms)").replace(",flat,", ",Flats,").encode(),
    "units in cells": lambda text: "\n".join(line if "path" in line or not line else line + " ms" for line in text.split("\n")).encode(),
}


@pytest.mark.parametrize("name", list(TABLES))
def test_tables_of_other_countries_and_programs(plain: Path, name: str) -> None:
    text = (plain / "frames.csv").read_text()
    (plain / "frames.csv").write_bytes(TABLES[name](text))
    right(read_series(plain))


def test_exposures_in_another_unit(plain: Path) -> None:
    text = (plain / "frames.csv").read_text().replace("exposure_ms", "exposure_s")
    rows = [line.rsplit(",", 1) for line in text.split("\n")[1:] if line]
    (plain / "frames.csv").write_text("path,kind,exposure_s\n" + "".join(f"{rest},{float(ms) / 1e3!r}\n" for rest, ms in rows))
    assert dark(read_series(plain)) == (pytest.approx(10.0), 16)
    (plain / "frames.csv").write_text(text.replace("exposure_s", "exposure_lines"))
    with pytest.raises(InvalidSeries, match="exposure_lines"):
        read_series(plain)


def one_folder(plain: Path, root: Path) -> Path:
    """One folder of Dark_10ms.tif and Flat_2ms.tif …"""
    root.mkdir()
    shutil.copy(plain / "dark" / "dark.tif", root / "Dark_10ms.tif")
    for index, ms in enumerate(MS):
        shutil.copy(plain / "flat" / f"l{index:02}.tif", root / f"Flat_{ms:g}ms.tif")
    return root


def single_files(plain: Path, root: Path) -> Path:
    """Darks/ and Flats/ of single frames whose names say exposure and repeat."""
    for name, source, ms in [
        ("Darks", "dark/dark.tif", 10.0),
        *(("Flats", f"flat/l{index:02}.tif", ms) for index, ms in enumerate(MS)),
    ]:
        for repeat, frame in enumerate(tifffile.imread(plain / source)):
            lab.write(root / name / f"{name[:-1]}_{f'{ms:g}'.replace('.', 'p')}ms_{repeat + 1:03}.tif", frame)
    return root


def folders_of_exposures(plain: Path, root: Path) -> Path:
    for name, source, ms in [("DARK", "dark/dark.tif", 10.0), *(("FLAT", f"flat/l{i:02}.tif", ms) for i, ms in enumerate(MS))]:
        for repeat, frame in enumerate(tifffile.imread(plain / source)):
            lab.write(root / name / f"{ms * 1e3:g}us" / f"{repeat}.tif", frame)
    return root


LAYOUTS = {"one folder": one_folder, "single files": single_files, "folders of exposures": folders_of_exposures}


@pytest.mark.parametrize("name", list(LAYOUTS))
def test_layouts_whose_names_say_it_all(plain: Path, tmp_path: Path, name: str) -> None:
    found = read_series(LAYOUTS[name](plain, tmp_path / "other"))
    assert dark(found) == (10.0, 16)
    assert [(pytest.approx(ms), 2) for ms in MS] == levels(found)


def test_single_frames_without_a_word_on_levels_are_no_level(plain: Path, tmp_path: Path) -> None:
    """Sixteen flats of one name may be one level or sixteen: that is refused, and darks of one name are one level."""
    for index in range(4):
        lab.write(tmp_path / "s" / "dark" / f"d{index}.tif", tifffile.imread(plain / "dark" / "dark.tif")[index])
        lab.write(tmp_path / "s" / "flat" / f"l{index}.tif", tifffile.imread(plain / "flat" / f"l0{index}.tif")[0])
    found = read_series(tmp_path / "s")
    assert dark(found) == (None, 4)
    assert levels(found) == [(None, 1)] * 4
    with pytest.raises(TooFewFrames):
        sr.calibrate(found, bits=12)


def test_a_frame_whose_name_says_nothing_is_refused(plain: Path, tmp_path: Path) -> None:
    root = one_folder(plain, tmp_path / "other")
    shutil.copy(plain / "dark" / "dark.tif", root / "test.tif")
    with pytest.raises(InvalidSeries, match=r"test\.tif says neither dark nor flat"):
        read_series(root)


def all_flats(plain: Path, root: Path, options: dict) -> Path:
    """All flats in one stack, as ImageJ saves them."""
    stacks = [tifffile.imread(plain / "flat" / f"l{index:02}.tif") for index in range(len(MS))]
    lab.write(root / "dark" / "dark.tif", tifffile.imread(plain / "dark" / "dark.tif"))
    lab.write(root / "flat" / "flats.tif", np.concatenate(stacks), **options)
    return root


def test_a_stack_of_all_flats_is_refused_for_what_it_is(plain: Path, tmp_path: Path) -> None:
    root = all_flats(plain, tmp_path / "s", {})
    with pytest.raises((ImplausibleSeries, TooFewFrames)) as refusal:
        sr.calibrate(root, bits=12)
    assert "saturated" not in str(refusal.value)
    assert "pages" in str(refusal.value)


def test_pages_of_one_stack(plain: Path, tmp_path: Path) -> None:
    root = all_flats(plain, tmp_path / "s", {})
    rows = [f"flat/flats.tif,flat,{ms},{2 * index}-{2 * index + 1}" for index, ms in enumerate(MS)]
    (root / "frames.csv").write_text("\n".join(["path,kind,exposure_ms,pages", "dark/dark.tif,dark,10,", *rows, ""]))
    right(read_series(root))
    assert len({file.path for level in read_series(root).flat for file in level.files()}) == 1
    profile = sr.calibrate(root, bits=12)
    reference = sr.calibrate(plain, bits=12)
    assert float(profile.dataset["gain"]) == float(reference.dataset["gain"])
    rows[1] = rows[1].replace("2-3", "1-3")
    (root / "frames.csv").write_text("\n".join(["path,kind,exposure_ms,pages", "dark/dark.tif,dark,10,", *rows, ""]))
    with pytest.raises(InvalidSeries, match="twice"):
        read_series(root)


@pytest.mark.parametrize("kind", ["ome", "imagej"])
def test_axes_of_a_hyperstack_are_levels_where_the_table_says_so(plain: Path, tmp_path: Path, kind: str) -> None:
    root = all_flats(plain, tmp_path / "s", {})
    stack = tifffile.imread(root / "flat" / "flats.tif").reshape(len(MS), 2, *lab.SHAPE)
    tifffile.imwrite(root / "flat" / "flats.tif", stack, photometric="minisblack", metadata={"axes": "TZYX"}, **{kind: True})
    rows = [f"flat/flats.tif#t={index}&z=frames,flat,{ms}" for index, ms in enumerate(MS)]
    (root / "frames.csv").write_text("\n".join(["path,kind,exposure_ms", "dark/dark.tif,dark,10", *rows, ""]))
    right(read_series(root))


def test_patterns(plain: Path, tmp_path: Path) -> None:
    single = single_files(plain, tmp_path / "single")
    decimal = [str(single / "Flats" / "Flat_*_*.tif")]
    right(read_patterns([str(single / "Darks")], decimal))
    renamed = tmp_path / "renamed"
    renamed.mkdir()
    for index in range(len(MS)):
        for repeat, frame in enumerate(tifffile.imread(plain / "flat" / f"l{index:02}.tif")):
            lab.write(renamed / f"run{repeat}_{MS[index]:g}ms_light.tif", frame)
    found = read_patterns([str(plain / "dark" / "d*.tif")], [str(renamed / "run{repeat}_{exposure}ms_light.tif")])
    assert dark(found) == (None, 16)
    assert levels(found) == [(pytest.approx(ms), 2) for ms in MS]
    by_number = read_patterns([str(plain / "dark" / "dark.tif")], [str(plain / "flat" / "l{level}.tif")], bits=12)
    assert levels(by_number) == [(None, 2)] * len(MS)
    assert by_number.flat[0].frames().bits == 12
    with pytest.raises(InputNotFound, match="no flat frames fit"):
        read_patterns([str(plain / "dark")], [str(plain / "none*.tif")])
    with pytest.raises(InvalidSpec, match="without a unit"):
        read_patterns([str(plain / "dark")], [str(plain / "flat" / "l{exposure}.tif")])


def test_name_and_header_that_contradict_are_refused(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    for kind, name in (("dark", "d_10ms.fits"), ("flat", "f_10ms.fits")):
        (tmp_path / kind).mkdir()
        hdu = fits.PrimaryHDU(lab.frames(rng, 100, 2))
        hdu.header["EXPTIME"] = 0.01 if kind == "dark" else 0.02
        hdu.writeto(tmp_path / kind / name)
    with pytest.raises(InvalidSeries, match=r"says 10 ms, its header 20 ms"):
        read_series(tmp_path)


def headed(root: Path, darks: dict[str, object], flats: dict[str, object]) -> Path:
    rng = np.random.default_rng(2)
    for kind, cards, level, count in (("dark", darks, 0, 4), ("flat", flats, 500, 2), ("flat", flats, 900, 2)):
        (root / kind).mkdir(parents=True, exist_ok=True)
        hdu = fits.PrimaryHDU(lab.frames(rng, level, count))
        for key, value in cards.items():
            hdu.header[key] = value
        hdu.writeto(root / kind / f"{level}.fits")
    return root


@pytest.mark.parametrize(
    ("darks", "flats", "key"),
    [
        ({"GAIN": 120}, {"GAIN": 0}, "GAIN is 120 in dark/0.fits and 0 in flat/500.fits"),
        ({"XBINNING": 1}, {"XBINNING": 2}, "XBINNING is 1"),
        ({"READMODE": "Low noise"}, {"READMODE": "High speed"}, "READMODE is Low noise"),
        ({"CAM_SN": 6}, {"CAM_SN": 7}, "CAM_SN"),
        ({"OFFSET": 10}, {"OFFSET": 30}, "OFFSET"),
        ({"ROI_X": 0}, {"ROI_X": 8}, "ROI_X"),
    ],
)
def test_headers_of_darks_and_flats_that_contradict_are_refused(tmp_path: Path, darks: dict, flats: dict, key: str) -> None:
    with pytest.raises(InvalidSeries, match=key):
        read_series(headed(tmp_path, darks, flats))


def test_headers_that_agree_or_are_silent_are_no_contradiction(tmp_path: Path) -> None:
    assert read_series(headed(tmp_path / "a", {"GAIN": 120, "READMODE": "Fast"}, {"GAIN": 120.0, "READMODE": "FAST "})).notes == ()
    assert read_series(headed(tmp_path / "b", {"GAIN": 120}, {})).notes == ()
    warm = read_series(headed(tmp_path / "c", {"CCD-TEMP": -10.0}, {"CCD-TEMP": 25.0}))
    assert "CCD-TEMP is -10 in dark/0.fits and 25 in flat" in warm.notes[0]
    assert read_series(headed(tmp_path / "d", {"CCD-TEMP": -10.0}, {"CCD-TEMP": -9.1})).notes == ()


def test_a_mosaic_is_heard(tmp_path: Path) -> None:
    assert read_series(headed(tmp_path / "a", {"BAYERPAT": "RGGB"}, {"BAYERPAT": "RGGB"})).cfa == "RGGB"
    assert read_series(headed(tmp_path / "b", {"COLORTYP": "MONO"}, {"COLORTYP": "MONO"})).cfa is None


def test_a_pattern_by_hand_that_contradicts_the_header_is_refused(tmp_path: Path) -> None:
    root = headed(tmp_path, {"BAYERPAT": "RGGB"}, {"BAYERPAT": "RGGB"})
    with pytest.raises(InvalidOption, match="the headers state RGGB"):
        sr.calibrate(root, bits=12, cfa="BGGR")


def test_an_image_of_another_setting_is_refused(tmp_path: Path) -> None:
    """The profile keeps what the headers of its frames state."""
    rng = np.random.default_rng(2)
    for kind, levels in (("dark", (0,)), ("flat", lab.LEVELS)):
        (tmp_path / "s" / kind).mkdir(parents=True)
        for level in levels:
            hdu = fits.PrimaryHDU(lab.frames(rng, level, 4))
            hdu.header["GAIN"] = 120
            hdu.writeto(tmp_path / "s" / kind / f"{level}.fits")
    sr.calibrate(tmp_path / "s", bits=12).to_netcdf(tmp_path / "camera.nc")
    camera = sr.CameraProfile.from_netcdf(tmp_path / "camera.nc")
    assert camera.header_settings == {"GAIN": "120"}
    for gain, name in ((120, "same"), (0, "other")):
        hdu = fits.PrimaryHDU(lab.spots(rng))
        hdu.header["GAIN"] = gain
        hdu.writeto(tmp_path / f"{name}.fits")
    refuse_other_settings([str(tmp_path / "same.fits")], camera.header_settings, "camera.nc")
    with pytest.raises(ProfileMismatch, match="GAIN is 0 in"):
        sr.validate([tmp_path / "other.fits"], camera, codecs=["lossless"], pipeline="otsu", n=20)


def test_bits_by_hand_that_contradict_a_header_are_noted(tmp_path: Path) -> None:
    root = headed(tmp_path, {"BITDEPTH": 14}, {"BITDEPTH": 14})
    assert "BITDEPTH is 14" in read_series(root, bits=12).notes[0]
    assert read_series(root, bits=14).notes == ()


def test_working_folder_and_relative_paths(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(plain.parent)
    right(read_series("series"))
    assert Path.cwd() == plain.parent.resolve()


def test_the_command_line_takes_patterns_and_says_the_answer_first(plain: Path, tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from sigmaraw.cli.main import application

    source = ["--dark", str(plain / "dark" / "*.tif"), "--flat", str(plain / "flat" / "l{level}.tif")]
    found = CliRunner().invoke(application(), ["calibrate", *source, "--bits", "12", "-o", str(tmp_path / "camera.nc"), "--quiet"])
    assert found.exit_code == 0, found.output
    first = found.output.splitlines()[0]
    gain = float(sr.CameraProfile.from_netcdf(tmp_path / "camera.nc").dataset["gain"])
    assert first.startswith(f"K = {gain:.4f}"[:9])
    assert first.endswith("e⁻: accepted")
    assert "e⁻/DN), read noise 4.0" in first or "e⁻/DN), read noise 3.9" in first
