"""Images meet their camera: cut-outs, scalars, stated bit depths, repeated pixels."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import tifffile

import sigmaraw as sr
from sigmaraw.errors import BitDepthMismatch, ColourImage, InvalidOption, ProfileMismatch, SigmarawError
from sigmaraw.reports.names import image_names
from sigmaraw.study.inputs import as_frames
from sigmaraw.virtual import VirtualCamera, write_series


@pytest.fixture(scope="module")
def camera(tmp_path_factory: pytest.TempPathFactory) -> sr.CameraProfile:
    """A calibrated profile with maps of 64 × 48 px whose offsets differ from pixel to pixel."""
    virtual = VirtualCamera(shape=(64, 48), gain=0.5, offset_dn=100.0, read_noise_e=2.0, dsnu_e=40.0, seed=2)
    return sr.calibrate(write_series(virtual, tmp_path_factory.mktemp("series"), 6, 2, 16, 1))


@pytest.fixture(scope="module")
def frame() -> np.ndarray:
    return np.rint(100 + 0.5 * np.random.default_rng(1).poisson(200, (32, 24))).astype(np.uint16)


def test_a_cut_out_takes_the_maps_of_where_it_lies(camera: sr.CameraProfile, frame: np.ndarray) -> None:
    """σ_raw of the frame mean from replicas equals that of replicas drawn by hand with the same corner."""
    pipeline = "otsu"
    record = sr.validate([frame], camera, codecs=["lossless"], pipeline=pipeline, n=4, seed=3, roi=(20, 10))
    expected = sr.pipeline(pipeline).batch(sr.replicas(frame, camera, 4, seed=3, roi=(20, 10)).values)
    other = sr.pipeline(pipeline).batch(sr.replicas(frame, camera, 4, seed=3, roi=(10, 20)).values)
    got = record.dataset["raw_prediction"].sel(measurement="total_intensity").values[0, :, 0]
    np.testing.assert_array_equal(got, expected["total_intensity"])
    assert not np.array_equal(got, other["total_intensity"])


def test_a_frame_of_another_shape_is_refused_unless_one_says_where_or_takes_scalars(camera: sr.CameraProfile, frame: np.ndarray) -> None:
    with pytest.raises(ProfileMismatch, match="--roi"):
        sr.validate([frame], camera, codecs=["lossless"], pipeline="otsu", n=2)
    with pytest.raises(ProfileMismatch):
        sr.validate([frame], camera, codecs=["lossless"], pipeline="otsu", n=2, roi=(40, 30))
    record = sr.validate([frame], camera, codecs=["lossless"], pipeline="otsu", n=2, scalars=True)
    assert record.document["plan"]["scalars"] is True


def test_a_bit_depth_that_a_file_states_must_be_the_cameras(camera: sr.CameraProfile, frame: np.ndarray) -> None:
    frames = sr.RawFrames(frame[np.newaxis], 14, "metadata")
    with pytest.raises(BitDepthMismatch, match="14 bits"):
        sr.validate([frames], camera, codecs=["lossless"], pipeline="otsu", n=2, scalars=True)
    same = dataclasses.replace(frames, bits=camera.bits)
    assert sr.validate([same], camera, codecs=["lossless"], pipeline="otsu", n=2, scalars=True).verdict == "PASS"


def test_the_same_pixels_twice_are_no_second_image(camera: sr.CameraProfile, frame: np.ndarray) -> None:
    with pytest.raises(InvalidOption, match="same pixels"):
        sr.validate([frame, frame.copy()], camera, codecs=["lossless"], pipeline="otsu", n=2, scalars=True)


def test_a_refusal_of_one_image_of_several_names_it(tmp_path: Path) -> None:
    camera = sr.CameraProfile.from_values(gain=0.5, offset=100, read_noise=2, bits=12)
    good = (100 + np.random.default_rng(4).poisson(100, (48, 48))).astype(np.uint16)
    wrong = {"too-bright.tif": good * 40, "saturated.tif": np.full_like(good, 4095), "tiny.tif": good[:5, :5]}
    for name, pixels in {"good.tif": good, **wrong}.items():
        tifffile.imwrite(tmp_path / name, pixels)
    for name in wrong:
        with pytest.raises(SigmarawError) as refused:
            sr.validate(
                [tmp_path / "good.tif", tmp_path / name], camera, codecs="jpeg2000:ratio=4", pipeline="intensity", n=2, mode="around-raw"
            )
        assert str(refused.value).startswith(f"{tmp_path / name} frame 0: "), refused.value
        assert "image 2" not in str(refused.value)


def test_an_array_of_colours_is_not_taken_for_frames() -> None:
    colours = np.full((12, 12, 3), 200, np.uint16)
    with pytest.raises(ColourImage, match="the array has 3 colour samples"):
        as_frames(colours, 12, False)
    assert as_frames(np.full((50, 3, 3), 200, np.uint16), 12, False).data.shape == (50, 3, 3)  # frames of 3 × 3 px, as some cameras crop
    assert as_frames(np.moveaxis(colours, -1, 0), 12, False).data.shape == (3, 12, 12)


def test_images_of_a_folder_are_called_by_their_own_files_and_so_are_those_after_it(tmp_path: Path) -> None:
    """Each image's mean tells its file; the folder is the first of two arguments."""
    (tmp_path / "day").mkdir()
    values = {"day/a.tif": 10, "day/b.tif": 20, "c.tif": 30}
    for name, value in values.items():
        tifffile.imwrite(tmp_path / name, np.full((16, 16), value, np.uint16))
    raw = [tmp_path / "day", tmp_path / "c.tif"]
    record = sr.validate(raw, None, codecs=["lossless"], pipeline="intensity", bits=12)
    totals = {row.image: row.chi_raw for row in record.content.results if row.measurement == "mean_intensity"}
    assert {name: totals[image] for image, name in image_names(record.content).items()} == {"a.tif": 10, "b.tif": 20, "c.tif": 30}
    tifffile.imwrite(tmp_path / "day/d.tif", np.full((16, 16), 20, np.uint16))
    with pytest.raises(InvalidOption, match=r"d\.tif frame 0 has the same pixels as .*b\.tif frame 0"):
        sr.validate(raw, None, codecs=["lossless"], pipeline="intensity", bits=12)


@pytest.mark.parametrize("order", ["<", ">"])
def test_the_byte_order_of_an_array_changes_nothing(camera: sr.CameraProfile, frame: np.ndarray, order: str) -> None:
    """Arrays out of FITS files are big-endian."""
    given = frame.astype(frame.dtype.newbyteorder(order))
    np.testing.assert_array_equal(as_frames(given, 12, False).data[0], frame)
    assert sr.validate([given], camera, codecs=["lossless"], pipeline="otsu", n=2, scalars=True).verdict == "PASS"
