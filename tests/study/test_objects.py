"""Objects one by one through a study: what is found in each replica, and what a record and its report hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import sigmaraw as sr
from sigmaraw import errors
from sigmaraw.contracts import FoundObjects
from sigmaraw.study.objects import Followed

CAMERA = sr.CameraProfile.from_values(gain=0.5, offset=100, read_noise=2.0, bits=12)


def spots(gone: bool = False) -> np.ndarray:
    """Five spots, of which the faintest comes and goes with the noise; with `gone` the brightest lies elsewhere."""
    random = np.random.default_rng(5)
    y, x = np.mgrid[:72, :72]
    places = [(15, 15, 900.0), (15, 50, 600.0), (50, 20, 400.0), (55, 60, 800.0), (35, 40, 90.0)]
    light = sum(a * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / 18) for cy, cx, a in places)
    frames = random.poisson(40 + light) + random.normal(0, 2, light.shape)
    return np.clip(np.rint(100 + 0.5 * frames), 0, 4095).astype(np.uint16)


@pytest.fixture(scope="module")
def record() -> sr.Record:
    return sr.validate(
        spots(),
        CAMERA,
        codecs=["lossless", "to8bit:minmax"],
        pipeline="labels:tests.study.study_pipelines:bright_parts,measure=count+area+total_intensity",
        n=6,
        mode="around-raw",
        seed=3,
        objects=True,
    )


@pytest.mark.requirement("R-OBJECTS")
def test_matched_and_unmatched_are_the_count_of_every_replica(record: sr.Record) -> None:
    objects = record.content.objects
    assert objects is not None
    count = [row.name for row in record.content.measurements].index("count")
    raw, decoded = (record.dataset[name].values[..., 0, count] for name in ("raw_prediction", "codec_prediction"))
    for row, counted in zip(objects.counts, [raw[0], *decoded], strict=True):
        np.testing.assert_array_equal(row.count, counted)
        np.testing.assert_array_equal(np.add(row.matched, row.unmatched), row.count)
        np.testing.assert_array_equal(np.add(row.matched, row.missed), len(objects.objects))
    assert [row.codec for row in objects.counts] == [None, "lossless", "to8bit:minmax"]


@pytest.mark.requirement("R-OBJECTS")
def test_the_sum_over_objects_is_the_pipelines_number_and_lossless_shifts_nothing(record: sr.Record) -> None:
    objects = record.content.objects
    assert objects is not None
    for name in ("area", "total_intensity"):
        whole = next(row for row in record.content.results if row.measurement == name)
        rows = [row for row in objects.scores if row.measurement == name and row.codec == "lossless"]
        assert sum(row.chi_raw or 0 for row in rows) == whole.chi_raw
        assert {row.epsilon for row in rows} == {0.0}
        assert {row.epsilon_hat for row in rows} == {0.0}
    assert sum(row.size for row in objects.objects) == sum(row.chi_raw or 0 for row in objects.scores if row.measurement == "area") / 2
    assert {row.name: row.unit for row in objects.measurements} == {"area": "px", "total_intensity": "DN"}


def test_record_and_report_hold_the_objects(record: sr.Record, tmp_path: Path) -> None:
    record.write(tmp_path / "record")
    again = sr.Record.read(tmp_path / "record")
    assert again.content.objects == record.content.objects
    page = (tmp_path / "record" / "report.html").read_text(encoding="utf-8")
    assert "Objects one by one" in page
    assert "Shift of area of each object, by codec" in page
    plain = sr.validate(spots(), CAMERA, codecs="lossless", pipeline="otsu", n=2, mode="around-raw")
    assert "objects" not in plain.document
    with_objects = sr.Plan(("lossless",), "otsu", n=2, mode="around-raw", objects=True).row().sha256
    assert plain.document["plan"]["sha256"] == sr.Plan(("lossless",), "otsu", n=2, mode="around-raw").row().sha256 != with_objects


@pytest.mark.requirement("R-OBJECTS")
def test_moving_one_object_beyond_reach_changes_its_own_row_alone() -> None:
    labels = np.zeros((40, 40), np.int32)
    for number, (y, x) in enumerate(((2, 2), (2, 20), (20, 2), (20, 20)), 1):
        labels[y : y + 8, x : x + 8] = number
    values = {"area": np.full(4, 64.0)}
    followed = Followed(labels, 4, ("area",), np.full((1, 4), 64.0))
    moved = np.where(labels == 3, 0, labels)
    moved[30:38, 10:18] = 3
    one, other = followed.match(FoundObjects(labels, 4, values)), followed.match(FoundObjects(moved, 4, values))
    assert np.flatnonzero(one.values[0, 0] != other.values[0, 0]).tolist() == [2]
    assert other.tallies.tolist() == [[4, 3, 1, 1, 0, 0]]


@pytest.mark.parametrize("pipeline", ["intensity", "unet-demo:measure=soft", "otsu & intensity"])
def test_a_pipeline_without_objects_is_refused(pipeline: str) -> None:
    with pytest.raises(errors.InvalidOption, match="leave out --objects"):
        sr.validate(spots(), CAMERA, codecs="lossless", pipeline=pipeline, n=2, mode="around-raw", objects=True)
