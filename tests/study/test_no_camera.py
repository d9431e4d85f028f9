"""Studies without a camera: margins, real repeats, and no σ_raw that nobody measured."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import tifffile
from scipy import stats

import sigmaraw as sr
from sigmaraw.errors import InvalidOption, NotIntegerData, SigmarawError
from sigmaraw.study.inputs import bits_question
from tests.frames import written


def scene(seed: int, side: int = 40) -> np.ndarray:
    """A bright square on a dark ground, with noise; uint16."""
    rng = np.random.default_rng(seed)
    image = rng.poisson(200.0, (side, side))
    image[10:25, 8:30] += rng.poisson(800.0, (15, 22))
    return image.astype(np.uint16)


def level(image: np.ndarray) -> dict[str, float]:
    return {"mean": float(image.mean()), "lowest": float(image.min())}


def test_margins_decide_and_nothing_else_does() -> None:
    record = sr.validate(scene(1), None, codecs=["lossless", "jpegls:near=3"], pipeline="otsu", margin={"area": 1000.0, "count": 0.5})
    rows = {(row.codec, row.measurement): row for row in record.content.results}
    assert all(row.sigma_raw is None and row.epsilon is None and row.epsilon_hat is None and row.n == 0 for row in rows.values())
    assert all(rows["lossless", name].verdict == "PASS" for name in ("count", "area", "total_intensity", "mean_intensity"))
    assert rows["jpegls:near=3", "area"].verdict == "PASS"
    assert rows["jpegls:near=3", "area"].reason == "within the margin"
    assert rows["jpegls:near=3", "total_intensity"].verdict == "INCONCLUSIVE"
    assert rows["jpegls:near=3", "total_intensity"].reason == "no camera"
    assert record.content.camera.source == "no camera"
    assert record.content.decision is not None
    assert record.content.decision.basis == "margins"
    assert "No camera stands behind these images" in str(record.table())
    missing = {row.field for row in record.content.undefined}
    assert {"sigma_raw", "epsilon_hat", "rz"} <= missing


def test_a_change_beyond_the_margin_fails(tmp_path: Path) -> None:
    record = sr.validate(scene(2), "none", codecs="gaussian:sigma=3", pipeline="otsu", margin={"area": 1.0})
    (row,) = [row for row in record.content.results if row.measurement == "area"]
    assert (row.verdict, record.verdict) == ("FAIL", "FAIL")
    assert row.shift == row.chi_codec - row.chi_raw  # type: ignore[operator]
    page = record.write(tmp_path / "r").read_text()
    assert "Verdicts rest on the margins" in page
    assert "calibrated" not in page.split("How sure")[0]


def test_the_mean_over_images_by_students_t() -> None:
    """Limits of |mean D| are |D̄| ± t·s/√J or wider (guarded for skewed units); PASS where they lie inside the margin."""
    images = [scene(seed) for seed in range(6)]
    record = sr.validate(images, None, codecs="jpegls:near=3", pipeline="intensity", margin={"mean_intensity": 5.0})
    rows = [row for row in record.content.results if row.measurement == "mean_intensity"]
    shifts = np.array([row.shift for row in rows], dtype=float)
    (mean,) = [row for row in record.content.statements if row.measurement == "mean_intensity" and row.statement == "mean-effect"]
    assert mean.value == pytest.approx(abs(shifts.mean()))
    reach = stats.t.ppf(0.95, 5) * shifts.std(ddof=1) / math.sqrt(6)
    assert mean.ci is not None
    assert mean.ci[1] >= abs(shifts.mean()) + reach - 1e-12  # type: ignore[operator]
    assert mean.verdict == "PASS"
    assert mean.unit == "DN"


def test_real_repeats_give_the_spread_that_a_camera_would_not_change() -> None:
    """σ_raw of repeats is their own: the same number with a camera and without."""
    base = scene(3).astype(float)
    rng = np.random.default_rng(4)
    repeats = np.stack([rng.poisson(base) for _ in range(24)]).astype(np.uint16)
    camera = sr.CameraProfile.from_values(gain=1.0, offset=0.0, read_noise=1.0, bits=16)
    options = {"codecs": "jpegls:near=3", "pipeline": "intensity", "mode": "repeats"}
    alone, beside = sr.validate(repeats, None, **options), sr.validate(repeats, camera, **options)
    for first, second in zip(alone.content.results, beside.content.results, strict=True):
        assert first.sigma_raw == second.sigma_raw
        assert first.epsilon_hat == second.epsilon_hat
    assert alone.content.decision is not None
    assert alone.content.decision.basis == "repeats"
    names = {row.name for row in alone.content.mode_diagnostics}
    assert "repeat_drift" in names
    assert "repeat_noise" not in names, "it would need a camera's noise model"


def test_modes_that_draw_noise_are_refused_and_so_is_a_number_of_replicas() -> None:
    for options in ({"mode": "bootstrap"}, {"mode": "around-raw"}, {"n": 50}):
        with pytest.raises(InvalidOption, match="without a camera"):
            sr.validate(scene(1), None, codecs="lossless", pipeline="otsu", **options)
    camera = sr.CameraProfile.from_values(gain=1.0, offset=0.0, read_noise=1.0, bits=16)
    with pytest.raises(InvalidOption, match="mode none with a camera"):
        sr.validate(scene(1), camera, codecs="lossless", pipeline="otsu", mode="none")


def test_a_codec_that_needs_the_camera_says_so() -> None:
    with pytest.raises(SigmarawError, match="camera"):
        sr.validate(scene(1), None, codecs="noiseaware:q=1", pipeline="otsu")


def test_the_pipeline_sees_the_files_values() -> None:
    """Signed values are coded as unsigned ones, and come back to the pipeline as they were."""
    image = scene(5).astype(np.int16) - 1100
    record = sr.validate(image, None, codecs=["lossless", "jpegls:near=2"], pipeline=level)
    rows = {(row.codec, row.measurement): row for row in record.content.results}
    assert rows["lossless", "lowest"].chi_raw == image.min() < 0
    assert rows["lossless", "mean"].chi_codec == pytest.approx(image.mean())
    assert abs(rows["jpegls:near=2", "mean"].shift or 0.0) <= 2
    (source,) = record.content.inputs
    assert source.shift == 1024
    camera = sr.CameraProfile.from_values(gain=1.0, offset=0.0, read_noise=1.0, bits=16)
    with pytest.raises(NotIntegerData):
        sr.validate(image, camera, codecs="lossless", pipeline=level)


def test_twelve_bits_in_sixteen_are_asked_about(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", scene(6))
    record = sr.validate(tmp_path / "a.npy", None, codecs="lossless", pipeline="intensity")
    assert record.content.inputs[0].note == "all values ≤ 4095: --bits 12?"
    assert "--bits 12?" in str(record.table())
    stated = sr.validate(tmp_path / "a.npy", None, codecs="lossless", pipeline="intensity", bits=12)
    assert stated.content.inputs[0].note == ""
    assert stated.content.camera.bits == 12
    assert stated.content.codecs[0].psnr_camera_range_dn == 4095
    assert bits_question(sr.RawFrames(np.full((1, 4, 4), 60000, np.uint16), 16, "container")) == ""


def test_a_sweep_without_a_camera() -> None:
    record = sr.sweep(scene(1), None, codecs="jpegls:near=1|4", pipeline="intensity", margin={"mean_intensity": 5.0})
    assert [row.codec for row in record.content.codecs] == ["jpegls:near=1", "jpegls:near=4"]
    assert record.content.sweep is not None


DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


@pytest.mark.skipif(not (DATA / "totalseg-ct").is_dir(), reason="../shared/data/totalseg-ct is not there")
def test_ct_by_otsu_without_a_camera() -> None:
    """Hounsfield units −1100 … 1207 in int16: shifted by 2048, seen by Otsu as they are."""
    pytest.importorskip("nibabel")
    path = DATA / "totalseg-ct" / "ts_example_ct_sm.nii.gz"
    record = sr.validate(path, None, codecs=["lossless", "jpeg2000:ratio=12"], pipeline="otsu", volume=True, margin={"area": 2000.0})
    rows = {(row.codec, row.measurement): row for row in record.content.results}
    import nibabel
    from skimage.filters import threshold_otsu

    voxels = np.asarray(nibabel.load(path).dataobj)
    assert rows["lossless", "area"].chi_raw == np.count_nonzero(voxels > threshold_otsu(voxels))
    assert rows["lossless", "total_intensity"].chi_raw == voxels[voxels > threshold_otsu(voxels)].sum(dtype=np.int64)
    assert record.content.inputs[0].shift == 2048
    assert rows["jpeg2000:ratio=12", "area"].verdict == "PASS"


def test_dicom_series_from_folder_to_record(tmp_path: Path) -> None:
    pytest.importorskip("pydicom")
    volume = np.stack([scene(seed) for seed in range(4)])
    folder = written.dicom_series(tmp_path / "ct", volume, Modality="CT", RescaleSlope="1", RescaleIntercept="-1024")
    record = sr.validate(folder, None, codecs=["lossless", "jpegls:near=2"], pipeline="otsu", volume=True, margin={"area": 30.0})
    (source,) = record.content.inputs
    assert (source.reader, source.shape, source.shift) == ("pydicom", (1, 4, 40, 40), 1024)
    (row,) = [row for row in record.content.results if row.codec == "lossless" and row.measurement == "mean_intensity"]
    from skimage.filters import threshold_otsu

    units = volume.astype(int) - 1024
    assert row.chi_raw == pytest.approx(units[units > threshold_otsu(units)].mean()), "Hounsfield units"


@pytest.mark.parametrize("kind", ["b", "s"])
def test_light_sheet_planes_as_a_volume(tmp_path: Path, kind: str) -> None:
    """Two neighbouring planes of a light-sheet stack, background and signal channel: one volume, one threshold, 3-D objects."""
    folder = DATA / "cellfinder-lightsheet"
    if not folder.is_dir():
        pytest.skip("../shared/data/cellfinder-lightsheet is not there")
    (tmp_path / "stack").mkdir()
    planes = []
    for number in (11, 12):
        plane = tifffile.imread(folder / f"{kind}{number}.tif")[:200, :200]
        planes.append(plane)
        tifffile.imwrite(tmp_path / "stack" / f"{kind}{number}.tif", plane)
    record = sr.validate(
        tmp_path / "stack", None, codecs=["lossless", "jpegls:near=2"], pipeline="otsu:min_size=5", volume=True, margin={"area": 500.0}
    )
    from scipy import ndimage
    from skimage.filters import threshold_otsu

    volume = np.stack(planes)
    labels, count = ndimage.label(volume > threshold_otsu(volume), np.ones((3, 3, 3)))
    sizes = np.bincount(labels.ravel())[1:]
    (row,) = [row for row in record.content.results if row.codec == "lossless" and row.measurement == "count"]
    assert row.chi_raw == np.count_nonzero(sizes >= 5) <= count
    assert record.content.images[0].shape == (2, 200, 200)


def test_yeast_in_three_dimensions() -> None:
    path = DATA / "nellie-yeast3d" / "yeast_t0-5.npz"
    if not path.is_file():
        pytest.skip("../shared/data/nellie-yeast3d is not there")
    with np.load(path) as archive:
        volume = archive["img"][0, :, :96, :96]
    record = sr.validate(
        volume, None, codecs=["lossless", "jpegls:near=2"], pipeline="otsu:min_size=10", volume=True, margin={"area": 2000.0}
    )
    rows = {(row.codec, row.measurement): row for row in record.content.results}
    changed = rows["jpegls:near=2", "area"]
    assert rows["lossless", "area"].verdict == "PASS"
    assert changed.verdict == ("PASS" if abs(changed.shift or 0.0) <= 2000.0 else "FAIL")
    assert record.content.images[0].shape == (17, 96, 96)
