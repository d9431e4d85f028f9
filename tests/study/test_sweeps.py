"""A sweep is the validation of its points, with a section that says which is which."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import sigmaraw as sr
from sigmaraw.errors import InvalidPlan
from sigmaraw.record import content_of
from sigmaraw.record.digest import digest_of
from sigmaraw.study import Plan, Record, read_plan, run_sweep, verify
from sigmaraw.study.sweeps import raw_spread
from tests.reports.conftest import make_record

GRID = ["jpegls:near=1|6|2", "lossless"]


@pytest.fixture(scope="module")
def frame() -> np.ndarray:
    random = np.random.default_rng(8)
    y, x = np.mgrid[:32, :32]
    light = random.poisson(20 + 200 * np.exp(-((y - 15) ** 2 + (x - 12) ** 2) / 30)) + random.normal(0, 2, (32, 32))
    return np.clip(np.rint(100 + 0.5 * light), 0, 4095).astype(np.uint16)


@pytest.fixture(scope="module")
def camera() -> sr.CameraProfile:
    return sr.CameraProfile.from_values(gain=0.5, offset=100, read_noise=2, bits=12)


@pytest.fixture(scope="module")
def swept(frame: np.ndarray, camera: sr.CameraProfile) -> Record:
    return sr.sweep([frame], camera, codecs=GRID, pipeline="otsu", n=12, seed=3)


def test_a_sweep_is_validate_on_its_points(swept: Record, frame: np.ndarray, camera: sr.CameraProfile) -> None:
    codecs = ["jpegls:near=1", "jpegls:near=6", "jpegls:near=2", "lossless"]
    plain = sr.validate([frame], camera, codecs=codecs, pipeline="otsu", n=12, seed=3)
    part = swept.document["sweep"]
    times = ("created", "digest", "sweep")
    for name in plain.document.keys() - {*times, "plan"}:
        assert swept.document[name] == plain.document[name], name
    assert swept.document["plan"]["sha256"] == plain.document["plan"]["sha256"]
    assert [point["codec"] for point in part["points"]] == codecs
    assert [point["value"] for point in part["points"]] == [1, 6, 2, None]
    assert part["codecs"] == GRID
    assert swept.document["digest"] == digest_of(swept.document) != plain.document["digest"]


def test_a_written_sweep_verifies_and_notices_a_changed_section(swept: Record, tmp_path: Path) -> None:
    swept.write(tmp_path, ("csv", "html"))
    assert verify(tmp_path) == []
    document = json.loads((tmp_path / "record.json").read_text())
    document["sweep"]["points"][0]["value"] = 2
    (tmp_path / "record.json").write_text(json.dumps(document))
    assert len(verify(tmp_path)) == 1


def _made_up(raw: np.ndarray, sigma: list[float | None], factor: float = 1.0) -> Record:
    document = make_record(images=len(sigma), codecs=1, measurements=1)
    for row, value in zip(document["results"], sigma, strict=True):
        row |= {"sigma_raw": value, "spread_factor": factor}
    return Record(
        content_of(document), xr.Dataset({"raw_prediction": (("group", "replica", "image", "measurement"), raw[..., np.newaxis])})
    )


def test_the_raw_band_of_normal_predictions_is_196_sigma() -> None:
    random = np.random.default_rng(1)
    sigma = np.array([2.0, 50.0])
    raw = 1000 + random.normal(0, 1, (3, 4000, 2)) * sigma
    [row] = raw_spread(_made_up(raw, sigma.tolist()))
    # SE of a quantile: √(p(1 − p)/n)/φ(1.96), p = .025, n = 24,000
    error = np.sqrt(0.025 * 0.975 / 24_000) / 0.0584
    assert abs(row.low + 1.96) < 4 * error and abs(row.high - 1.96) < 4 * error
    [wide] = raw_spread(_made_up(raw, (1.5 * sigma).tolist(), 1.5))
    assert wide.high == pytest.approx(row.high)


def test_the_raw_band_is_undefined_where_raw_predictions_do_not_vary() -> None:
    [row] = raw_spread(_made_up(np.ones((2, 5, 1)), [0.0]))
    assert row.low is None and row.high is None


def test_a_plan_file_may_hold_grids(frame: np.ndarray, camera: sr.CameraProfile, tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text('codecs = ["jpegls:near=1|3"]\npipeline = "otsu"\nn = 4\n')
    record = run_sweep(Plan(**read_plan(tmp_path / "plan.toml")), [frame], camera)
    assert record.document["plan"]["codecs"] == ["jpegls:near=1", "jpegls:near=3"]
    with pytest.raises(InvalidPlan):
        sr.sweep([frame], camera, codecs=GRID, pipeline="otsu", n=4, margin={"nonsense": 1.0})


def test_many_codecs_are_contrasted_with_raw_only(frame: np.ndarray, camera: sr.CameraProfile) -> None:
    few, many = (
        sr.sweep([frame], camera, codecs=f"jpegls:near=1..{count}:{count}", pipeline="otsu", n=3, seed=1).document["tukey"]
        for count in (12, 13)
    )
    measurements = 4
    assert len(few) == measurements * 13 * 12 / 2
    assert len(many) == measurements * 13 and {row["group1"] for row in many} == {"raw"}
