"""Formats of microscopes and scanners: the stored integers, their axes, and each refusal by name with its remedy."""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sigmaraw.errors import (
    ColourImage,
    InputNotFound,
    LossyImage,
    MissingExtra,
    NotIntegerData,
    ShapeMismatch,
    SigmarawError,
    UnreadableFile,
)
from sigmaraw.frames import read_frames
from sigmaraw.frames.installed import readers, suffix_of
from sigmaraw.frames.selection import selected
from tests.frames import written
from tests.frames.written import stack

CT = np.random.default_rng(3).integers(-1000, 2000, (5, 13, 11)).astype(np.int16)
LIBRARIES = {"nifti": "nibabel", "dicom": "pydicom", "hdf5": "h5py", "lif": "liffile", "czi": "czifile", "nd2": "nd2"}


@pytest.fixture(autouse=True)
def _libraries(request: pytest.FixtureRequest) -> None:
    for word, library in LIBRARIES.items():
        if word in request.node.name:
            pytest.importorskip(library)


# --- NIfTI ---


def test_nifti_axes_and_spacing(tmp_path: Path) -> None:
    """(t, z, y, x) of the array is (x, y, z, t) of the file, and nothing is turned."""
    four = stack(10).reshape(2, 5, 13, 11)
    frames = read_frames(written.nifti(tmp_path / "a.nii.gz", four), volume=True)
    np.testing.assert_array_equal(frames.data, four)
    assert frames.metadata == {"spacing": (2.5, 2.5, 2.5), "spacing_unit": "mm"}
    one = read_frames(selected(tmp_path / "a.nii.gz", time=1), volume=True)
    np.testing.assert_array_equal(one.data, four[1:])
    np.testing.assert_array_equal(read_frames(f"{tmp_path}/a.nii.gz#t=0&z=3").data, four[0, 3:4])


def test_nifti_of_signed_values_is_shifted_exactly_and_says_by_how_much(tmp_path: Path) -> None:
    path = written.nifti(tmp_path / "ct.nii", CT)
    with pytest.raises(NotIntegerData, match="--camera none"):
        read_frames(path, volume=True)
    frames = read_frames(path, volume=True, signed=True)
    assert frames.shift == 1024
    np.testing.assert_array_equal(frames.data[0].astype(int) - frames.shift, CT)
    low = written.nifti(tmp_path / "low.nii", np.where(CT.min() == CT, -3024, CT).astype(np.int16))
    assert read_frames(low, volume=True, signed=True).shift == 4096
    none = written.nifti(tmp_path / "mr.nii", np.abs(CT))
    assert read_frames(none, volume=True, signed=True).shift == 0


def test_nifti_scaled_coloured_and_real_voxels_are_refused(tmp_path: Path) -> None:
    import nibabel

    with pytest.raises(NotIntegerData, match="scl_slope"):
        read_frames(written.nifti(tmp_path / "a.nii", stack(), 0.5, 0.0), volume=True, signed=True)
    offset = read_frames(written.nifti(tmp_path / "b.nii", stack(), 1.0, -1024.0), volume=True, signed=True)
    assert offset.shift == 1024
    np.testing.assert_array_equal(offset.data[0], stack())
    with pytest.raises(NotIntegerData, match="-1024"):
        read_frames(tmp_path / "b.nii", volume=True)
    with pytest.raises(NotIntegerData, match="float32"):
        read_frames(written.nifti(tmp_path / "c.nii", stack().astype(np.float32)), volume=True, signed=True)
    rgb = np.zeros((3, 4, 5), [("R", "u1"), ("G", "u1"), ("B", "u1")])
    nibabel.save(nibabel.Nifti1Image(rgb, np.eye(4)), tmp_path / "d.nii")
    with pytest.raises(ColourImage):
        read_frames(tmp_path / "d.nii", volume=True, signed=True)


def test_nifti_that_unfolds_beyond_reason_is_refused(tmp_path: Path) -> None:
    path = written.nifti(tmp_path / "a.nii", stack())
    header = bytearray(path.read_bytes()[:352])
    header[42:48] = np.array([30000, 30000, 30000], "<i2").tobytes()
    (tmp_path / "b.nii.gz").write_bytes(gzip.compress(bytes(header)))
    with pytest.raises(UnreadableFile, match="announced"):
        read_frames(tmp_path / "b.nii.gz", volume=True)


# --- DICOM ---


def test_dicom_series_in_the_order_of_its_positions(tmp_path: Path) -> None:
    volume = stack(5)
    folder = written.dicom_series(tmp_path / "series", volume, order=[3, 0, 4, 1, 2])
    frames = read_frames(folder, volume=True)
    np.testing.assert_array_equal(frames.data[0], volume)
    assert (frames.bits, frames.bits_source) == (12, "metadata")
    assert frames.metadata["spacing"] == (2.0, 0.5, 0.25)
    assert "Nobody" not in str(frames.metadata), "nothing that names a patient is kept"
    with pytest.raises(ShapeMismatch, match="--volume"):
        read_frames(folder)
    (folder / "IM0003.dcm").unlink()  # the second slice
    with pytest.raises(UnreadableFile, match="a slice is missing"):
        read_frames(folder, volume=True)


def test_dicom_folders_of_several_series_times_and_directions(tmp_path: Path) -> None:
    folder = written.dicom_series(tmp_path / "two", stack(3))
    written.dicom(folder / "other.dcm", stack(1)[0], position=0.0, SeriesInstanceUID="1.2.840.2", SeriesNumber="7")
    with pytest.raises(UnreadableFile, match="2 series"):
        read_frames(folder, volume=True)
    np.testing.assert_array_equal(read_frames(selected(folder, series=0), volume=True).data[0], stack(3))
    np.testing.assert_array_equal(read_frames(selected(folder, series=1)).data, stack(1))
    times = written.dicom_series(tmp_path / "times", stack(3))
    for index in range(3):
        written.dicom(times / f"later{index}.dcm", stack(3, seed=9)[index], position=2.0 * index, number=10 + index)
    both = read_frames(times, volume=True).data
    np.testing.assert_array_equal(both, [stack(3), stack(3, seed=9)])
    written.dicom(times / "once.dcm", stack(1)[0], position=2.0, number=99)
    with pytest.raises(ShapeMismatch, match="at one position"):
        read_frames(times, volume=True)
    turned = written.dicom_series(tmp_path / "turned", stack(3))
    written.dicom(turned / "z.dcm", stack(1)[0], position=6.0, ImageOrientationPatient=[0, 1, 0, 0, 0, 1])
    with pytest.raises(ShapeMismatch, match="directions"):
        read_frames(turned, volume=True)


def test_dicom_without_a_suffix_is_known_by_its_first_bytes(tmp_path: Path) -> None:
    written.dicom(tmp_path / "1.2.840.113", stack(1)[0])
    np.testing.assert_array_equal(read_frames(tmp_path / "1.2.840.113").data, stack(1))


def test_dicom_units_of_ct_come_back(tmp_path: Path) -> None:
    """Hounsfield units: stored value − 1024; the stored values are coded, and the shift leads back."""
    folder = written.dicom_series(tmp_path / "ct", stack(3), Modality="CT", RescaleSlope="1", RescaleIntercept="-1024")
    with pytest.raises(NotIntegerData, match="modality CT"):
        read_frames(folder, volume=True)
    frames = read_frames(folder, volume=True, signed=True)
    assert frames.shift == 1024
    np.testing.assert_array_equal(frames.data[0], stack(3))
    signed = written.dicom(tmp_path / "s.dcm", CT[0], bits=16)
    found = read_frames(signed, signed=True)
    np.testing.assert_array_equal(found.data[0].astype(int) - found.shift, CT[0])
    assert found.shift == 1 << 15


@pytest.mark.parametrize(
    ("elements", "error", "words"),
    [
        ({"LossyImageCompression": "01"}, LossyImage, r"\(0028,2110\)"),
        ({"RescaleSlope": "0.37", "RescaleIntercept": "0"}, NotIntegerData, "0.37"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, ColourImage, "PALETTE"),
        ({"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB"}, ColourImage, "RGB"),
        ({"ImageType": ["DERIVED", "SECONDARY"]}, NotIntegerData, "DERIVED"),
        ({"Modality": "MR"}, NotIntegerData, "modality MR"),
        ({"PresentationIntentType": "FOR PRESENTATION"}, NotIntegerData, "presentation"),
        ({"Rows": 14}, UnreadableFile, "announced"),
        ({"BitsAllocated": 32}, NotIntegerData, "32 bits"),
    ],
)
def test_dicom_that_is_no_raw_frame_is_refused(tmp_path: Path, elements: dict, error: type[SigmarawError], words: str) -> None:
    with pytest.raises(error, match=words):
        read_frames(written.dicom(tmp_path / "a.dcm", stack(1)[0], **elements))


def test_dicom_frames_inverted_values_and_lossy_ones_that_are_meant(tmp_path: Path) -> None:
    path = written.dicom(tmp_path / "a.dcm", stack(4), FrameTime="40")
    np.testing.assert_array_equal(read_frames(path).data, stack(4))
    path = written.dicom(tmp_path / "b.dcm", stack(1)[0], PhotometricInterpretation="MONOCHROME1")
    np.testing.assert_array_equal(read_frames(path).data, 4095 - stack(1))
    path = written.dicom(tmp_path / "c.dcm", stack(1)[0], LossyImageCompression="01")
    np.testing.assert_array_equal(read_frames(f"{path}#lossy=accept").data, stack(1))


def test_dicom_of_pydicoms_samples(tmp_path: Path) -> None:
    """Code streams without loss give what pydicom's uncompressed copies hold; lossy ones are refused."""
    from pydicom.data import get_testdata_file

    plain = read_frames(get_testdata_file("MR_small.dcm"), signed=True)
    for name in ("MR_small_RLE.dcm", "MR_small_jpeg_ls_lossless.dcm", "MR_small_jp2klossless.dcm"):
        path = get_testdata_file(name, download=False)
        if path is not None:
            found = read_frames(path, signed=True)
            np.testing.assert_array_equal(found.data.astype(int) - found.shift, plain.data.astype(int) - plain.shift)
    lossy = get_testdata_file("JPEG2000.dcm", download=False) or get_testdata_file("JPEG-lossy.dcm", download=False)
    if lossy is not None:
        with pytest.raises(LossyImage):
            read_frames(lossy, signed=True)


# --- HDF5, LIF, CZI, ND2 ---


def test_hdf5_data_sets_are_named_after_two_colons(tmp_path: Path) -> None:
    path = written.hdf5(tmp_path / "a.h5", stack(4), "entry/one")
    np.testing.assert_array_equal(read_frames(path).data, stack(4))
    written.hdf5(path, stack(2, seed=8), "entry/two")
    with pytest.raises(UnreadableFile, match=r"/entry/one, /entry/two.*a\.h5::/entry/one"):
        read_frames(path)
    np.testing.assert_array_equal(read_frames(f"{path}::/entry/two").data, stack(2, seed=8))
    np.testing.assert_array_equal(read_frames(f"{path}::entry/two#pages=1").data, stack(2, seed=8)[1:])
    with pytest.raises(UnreadableFile, match="/entry/three does not exist"):
        read_frames(f"{path}::/entry/three")
    with pytest.raises(UnreadableFile, match="no data set"):
        read_frames(f"{path}::/entry")
    with pytest.raises(InputNotFound):
        read_frames(f"{tmp_path}/missing.h5::/entry")


def test_hdf5_reaches_into_no_other_file(tmp_path: Path) -> None:
    import h5py

    written.hdf5(tmp_path / "secret.h5", stack(2), "x")
    path = written.hdf5(tmp_path / "a.h5", stack(2), "plain")
    with h5py.File(path, "a") as file:
        file["away"] = h5py.ExternalLink("secret.h5", "/x")
        layout = h5py.VirtualLayout((2, 13, 11), np.uint16)
        layout[:] = h5py.VirtualSource(str(tmp_path / "secret.h5"), "x", (2, 13, 11))
        file.create_virtual_dataset("virtual", layout)
    with pytest.raises(UnreadableFile, match="another file"):
        read_frames(f"{path}::/away")
    with pytest.raises(UnreadableFile, match="other files"):
        read_frames(f"{path}::/virtual")


def test_hdf5_scaled_and_coloured_sets_are_refused(tmp_path: Path) -> None:
    path = written.hdf5(tmp_path / "a.h5", stack(2), "scaled", scale_factor=0.1)
    written.hdf5(path, np.zeros((20, 20, 3), np.uint8), "rgb")
    written.hdf5(path, stack(2).astype(np.float32), "real")
    for name, error in (("scaled", NotIntegerData), ("rgb", ColourImage), ("real", NotIntegerData)):
        with pytest.raises(error):
            read_frames(f"{path}::/{name}")


def test_lif_images_are_chosen_and_merged_mosaics_refused(tmp_path: Path) -> None:
    path = written.lif(tmp_path / "a.lif", {"first": stack(3), "Position_Merged": stack(2, seed=6)})
    with pytest.raises(UnreadableFile, match=r"0 \(first\), 1 \(Position_Merged\).*--series 0"):
        read_frames(path, volume=True)
    frames = read_frames(selected(path, series=0), volume=True)
    np.testing.assert_array_equal(frames.data[0], stack(3))
    assert (frames.bits, frames.bits_source) == (12, "metadata")
    with pytest.raises(NotIntegerData, match="stitched"):
        read_frames(selected(path, series=1), volume=True)
    np.testing.assert_array_equal(read_frames(selected(path, series=1), volume=True, signed=True).data[0], stack(2, seed=6))


def test_czi_mosaics_missing_blocks_and_lossy_ones(tmp_path: Path) -> None:
    frames = read_frames(written.czi(tmp_path / "a.czi", stack(3)), volume=True)
    np.testing.assert_array_equal(frames.data[0], stack(3))
    assert (frames.bits, frames.bits_source) == (12, "metadata")
    mosaic = written.czi(tmp_path / "b.czi", stack(2), mosaic=True)
    with pytest.raises(NotIntegerData, match="mosaic"):
        read_frames(mosaic, volume=True)
    np.testing.assert_array_equal(read_frames(mosaic, volume=True, signed=True).data[0], stack(2))
    with pytest.raises(UnreadableFile, match="missing"):
        read_frames(written.czi(tmp_path / "c.czi", stack(2), mosaic=True, leave_out=2), volume=True)
    for number, error in ((1, LossyImage), (4, LossyImage), (6, UnreadableFile)):
        with pytest.raises(error):
            read_frames(written.czi(tmp_path / "d.czi", stack(2), compression=number), volume=True)


# --- all of them ---


@pytest.mark.parametrize("name", ["a.nii", "a.dcm", "a.nd2", "a.czi", "a.lif", "a.h5", "a.dv"])
def test_each_missing_library_is_refused_with_its_install_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"x" * 200)
    reader = next(one for one in readers() if suffix_of(tmp_path / name) in one.suffixes)
    monkeypatch.setitem(sys.modules, reader.package, None)
    with pytest.raises(MissingExtra, match=rf"{reader.package}.*install.*\[{reader.extra}\]"):
        read_frames(tmp_path / name)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".dcm", ".nd2", ".czi", ".lif", ".h5", ".png", ".tif", ".fits", ".npy"])
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=600), known=st.booleans())
def test_random_bytes_are_refused_by_name(tmp_path: Path, suffix: str, content: bytes, known: bool) -> None:
    starts = {
        ".dcm": b"\0" * 128 + b"DICM",
        ".czi": b"ZISRAWFILE",
        ".lif": b"\x70\0\0\0",
        ".h5": b"\x89HDF\r\n\x1a\n",
        ".nii": b"\x5c\x01\0\0",
    }
    starts[".nd2"] = b"\xda\xce\xbe\x0a\0\0\0\0"
    path = tmp_path / f"a{suffix}"
    path.write_bytes((starts.get(suffix, b"") if known else b"") + content)
    with pytest.raises(SigmarawError):
        read_frames(path, signed=True)
