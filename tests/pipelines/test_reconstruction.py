"""Projections: reconstruction against a known object, replicas drawn on projections, and a real scan end to end."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sigmaraw as sr
from sigmaraw import errors
from sigmaraw.pipelines.reconstruction import fbp

HEIGHT, WIDTH, COUNT = 4, 48, 60
ANGLES = np.arange(COUNT) * (180 / COUNT)
MU = 0.02  # attenuation of the cylinder, per px
RADIUS, AT = 9.0, (6.0, -4.0)  # px; the middle's (v, u), from the rotation axis


def line_integrals() -> np.ndarray:
    """Of a cylinder along y: 2·µ·√(r² − s²), s the distance of the ray from its middle, as scikit-image turns its angles."""
    rays = np.arange(WIDTH) - WIDTH // 2
    rows = []
    for angle in np.deg2rad(ANGLES):
        middle = AT[1] * np.cos(angle) - AT[0] * np.sin(angle)
        rows.append(2 * MU * np.sqrt(np.maximum(RADIUS**2 - (rays - middle) ** 2, 0)))
    return np.repeat(np.array(rows)[:, None], HEIGHT, axis=1)


def scan(tmp_path: Path, seed: int = 0) -> tuple[np.ndarray, str]:
    """Projections (angle, y, x) of the cylinder with their flat and dark files: light of 4000 DN on a dark of 100 DN, K 0.5 DN/e⁻."""
    random = np.random.default_rng(seed)
    beam = 4000 * (1 + 0.1 * np.sin(np.arange(WIDTH) / 7.0))[None, :].repeat(HEIGHT, axis=0)
    light = beam * np.exp(-line_integrals())
    for name, frames in (("flat", np.broadcast_to(beam, (100, HEIGHT, WIDTH))), ("dark", np.zeros((100, HEIGHT, WIDTH)))):
        np.save(tmp_path / f"{name}.npy", np.rint(100 + 0.5 * random.poisson(frames / 0.5)).astype(np.uint16))
    files = f"flat={tmp_path / 'flat.npy'},dark={tmp_path / 'dark.npy'}"
    return np.rint(100 + 0.5 * random.poisson(light / 0.5)).astype(np.uint16), files


def test_back_projection_gives_the_cylinder_that_was_projected() -> None:
    volume = fbp(line_integrals(), ANGLES)
    assert volume.shape == (HEIGHT, WIDTH, WIDTH)
    v, u = np.mgrid[:WIDTH, :WIDTH] - WIDTH // 2
    away = np.hypot(v - AT[0], u - AT[1])
    # Ramp filter and linear interpolation blur the edge by about a pixel; inside and outside hold.
    assert volume[1][away < RADIUS - 3].mean() == pytest.approx(MU, rel=0.02)
    ring = (away > RADIUS + 3) & (np.hypot(v, u) < WIDTH // 2 - 2)
    assert abs(volume[1][ring].mean()) < 0.02 * MU
    assert volume[1].sum() == pytest.approx(MU * np.pi * RADIUS**2, rel=0.05)


def test_flats_and_darks_turn_counts_into_attenuation(tmp_path: Path) -> None:
    projections, files = scan(tmp_path)
    pipeline: Any = sr.pipeline(f'recon:fbp,{files},low=-0.01,high=0.05,then="otsu:min_size=30"')
    volume = pipeline.volume(projections)
    clean = fbp(line_integrals(), ANGLES)
    # −ln of 8000 e⁻ has a noise of 1/√8000 = 0.011 a ray; the ramp filter makes π/√(12·angles) of it in a voxel: 0.0013.
    sd = np.pi / np.sqrt(12 * COUNT) / np.sqrt(8000)
    inside = np.hypot(*(np.mgrid[:WIDTH, :WIDTH] - WIDTH // 2)) < WIDTH // 2 - 2
    off = (volume - clean)[:, inside]
    assert off.std() < 1.5 * sd
    assert abs(off.mean()) < 4 * sd / np.sqrt(inside.sum())
    found = pipeline(projections)
    assert found["count"] == 1
    assert found["area"] == pytest.approx(HEIGHT * np.pi * RADIUS**2, rel=0.1)
    levels = pipeline.scaled(projections)
    assert levels.dtype == np.uint16
    np.testing.assert_allclose(levels * (0.06 / 65535) - 0.01, np.clip(volume, -0.01, 0.05), atol=0.51 * 0.06 / 65535)
    assert pipeline.batch(projections[None])["area"] == [found["area"]]
    assert {row.name: row.unit for row in pipeline.measurements} == {
        "count": "1",
        "area": "px",
        "total_intensity": "1",
        "mean_intensity": "1",
    }
    config = pipeline.config()
    assert config["pipeline"]["name"] == "otsu"
    assert len(config["flat_sha256"]) == 64


def doubled(projections: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """A user's function: twice the back-projection."""
    return 2 * fbp(projections, angles)


def broken(projections: np.ndarray, angles: np.ndarray) -> np.ndarray:
    raise ValueError("no such axis")


def test_emission_and_a_function_of_ones_own(tmp_path: Path) -> None:
    projections = np.rint(100 + 1e5 * line_integrals() / 10).astype(np.uint16)
    keys = "kind=emission,offset=100,low=-50,high=600,then=otsu"
    plain: Any = sr.pipeline(f"recon:fbp,{keys}")
    mine: Any = sr.pipeline(f"recon:method=tests.pipelines.test_reconstruction:doubled,{keys}")
    np.testing.assert_allclose(mine.volume(projections), 2 * plain.volume(projections))
    assert plain(projections)["count"] == 1
    np.save(tmp_path / "angles.npy", ANGLES)
    stated: Any = sr.pipeline(f"recon:fbp,angles={tmp_path / 'angles.npy'},{keys}")
    np.testing.assert_array_equal(stated.volume(projections), plain.volume(projections))
    with pytest.raises(errors.PredictionFailed, match="ValueError: no such axis"):
        sr.pipeline(f"recon:method=tests.pipelines.test_reconstruction:broken,{keys}")(projections)
    with pytest.raises(errors.ShapeMismatch, match="60 angles for 59 projections"):
        stated(projections[1:])


def test_a_function_of_ones_own_stays_in_the_callers_thread_and_volumes_go_on_together() -> None:
    projections = np.rint(100 + 1e5 * line_integrals() / 10).astype(np.uint16)
    pipeline: Any = sr.pipeline(
        "recon:method=tests.pipelines.test_reconstruction:doubled,kind=emission,offset=100,low=-50,high=600,then=otsu"
    )
    threads, sizes, function, batch = [], [], pipeline._reconstruct, pipeline.then.batch

    def called(light: np.ndarray, angles: np.ndarray) -> np.ndarray:
        threads.append(threading.get_ident())
        return function(light, angles)

    def together(volumes: np.ndarray) -> Any:
        sizes.append(len(volumes))
        return batch(volumes)

    pipeline._reconstruct, pipeline.then.batch = called, together
    scans = np.stack([projections, projections // 2 + 50])
    values = pipeline.batch(scans)
    assert sizes == [2]
    assert [pipeline(one) for one in scans] == [{name: found[index] for name, found in values.items()} for index in range(2)]
    assert threads == [threading.get_ident()] * 4


def test_what_is_missing_is_asked_for(tmp_path: Path) -> None:
    projections, files = scan(tmp_path)
    with pytest.raises(errors.InvalidOption, match=r"For instance low=-0\.0\d+,high=0\.0\d+"):
        sr.pipeline(f"recon:fbp,{files},then=otsu")(projections)
    with pytest.raises(errors.InvalidSpec, match="without flat frames"):
        sr.pipeline("recon:fbp,then=otsu")
    with pytest.raises(errors.ShapeMismatch, match="a flat of"):
        sr.pipeline(f"recon:fbp,{files},then=otsu")(projections[:, :2])
    with pytest.raises(errors.ShapeMismatch, match="projections"):
        sr.pipeline(f"recon:fbp,{files},then=otsu")(projections[0])


def test_replicas_are_drawn_on_projections(tmp_path: Path) -> None:
    """The mean of the volume is nearly linear in the projections: its spread follows from that of each ray."""
    projections, files = scan(tmp_path)
    camera = sr.CameraProfile.from_values(gain=0.5, offset=100, read_noise=1.0, bits=16)
    replicas = sr.replicas(projections, camera, n=40, mode="around-raw", seed=3).values
    pipeline: Any = sr.pipeline(f"recon:fbp,{files},low=-0.01,high=0.05,then=intensity")
    found = pipeline.batch(replicas)["mean_intensity"] * (0.06 / 65535)
    # The derivative of the volume's mean with respect to each projected value, by one step of each ray of one row.
    light = projections.astype(float) - 100
    variance = (0.5 * light + 0.25 + 1 / 12) / light**2  # of −ln x, with the rounding to whole DN
    weights = np.zeros(light.shape)
    unit = np.zeros((COUNT, 1, WIDTH))
    for angle in range(0, COUNT, 12):  # neighbours weigh nearly the same
        for column in range(WIDTH):
            unit[angle, 0, column] = 1
            weights[angle : angle + 12, :, column] = fbp(unit, ANGLES).sum() / (HEIGHT * WIDTH**2)
            unit[angle, 0, column] = 0
    expected = float(np.sqrt((weights**2 * variance).sum()))
    assert found.std(ddof=1) == pytest.approx(expected, rel=4 / np.sqrt(2 * 39) + 0.05)  # 4 SE of a standard deviation; 5 % for the steps


@pytest.mark.slow
def test_a_real_scan_with_its_flats_and_darks_end_to_end(shared_data: Path, tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py", reason="h5py, which reads the scan, is not installed")
    folder = shared_data / "diamond-k11-flats-darks"
    with h5py.File(folder / "k11-18014-imaging.h5") as file, h5py.File(folder / "k11-18014.nxs") as keys:
        frames = file["entry/detector/detector"][:]
        kind = keys["entry/instrument/imaging/image_key"][:]
    for name, number in (("flat", 1), ("dark", 2)):
        (tmp_path / "series" / name).mkdir(parents=True)
        np.save(tmp_path / f"{name}.npy", frames[kind == number])
        parts = np.split(frames[kind == number], 2) if name == "flat" else [frames[kind == number]]
        for half, part in enumerate(parts):  # the flats before and after the scan are two levels
            np.save(tmp_path / "series" / name / f"{half}.npy", part)
    camera = sr.calibrate(tmp_path / "series")
    assert float(camera.dataset["offset"]) == pytest.approx(99.2, abs=0.1)
    read_noise = float(camera.dataset["read_noise"]) * float(camera.dataset["gain"])
    assert read_noise == pytest.approx(2.74, abs=0.1)
    np.save(tmp_path / "scan.npy", frames[kind == 0][::60])  # 51 of 3001 over half a turn
    projections = sr.read_frames(tmp_path / "scan.npy", volume=True)
    spec = f"recon:fbp,flat={tmp_path / 'flat.npy'},dark={tmp_path / 'dark.npy'},low=-0.1,high=0.15,then=otsu"
    record = sr.validate(projections, camera, codecs=["lossless", "zfp:maxerr=400"], pipeline=spec, n=8, mode="around-raw", seed=1)
    rows = record.to_dataframe()
    exact = rows[rows["codec"] == "lossless"]
    assert (exact["chi_codec"] == exact["chi_raw"]).all()
    assert (rows["sigma_raw"][rows["measurement"] != "count"] > 0).all()
    assert set(rows["measurement"]) == {"count", "area", "total_intensity", "mean_intensity"}
