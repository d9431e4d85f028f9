"""Several pipelines of one study: their numbers are those of each alone, and replicas are coded once."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sigmaraw as sr
from sigmaraw import errors
from sigmaraw.testing import check_pipeline


def test_names_carry_the_pipeline_only_where_they_clash(frame: np.ndarray) -> None:
    pipeline = sr.pipeline(["otsu:measure=count+length", "tests.pipelines.own_functions:moments"])
    assert pipeline(frame) == {
        **sr.pipeline("otsu:measure=count+length")(frame),
        **sr.pipeline("tests.pipelines.own_functions:moments")(frame),
    }
    pipeline = sr.pipeline("otsu & intensity & unet-demo:measure=count")
    assert [row.name for row in pipeline.measurements] == [
        "otsu/count",
        "area",
        "otsu/total_intensity",
        "otsu/mean_intensity",
        "intensity/total_intensity",
        "intensity/mean_intensity",
        "unet-demo/count",
    ]
    assert [row.kind for row in pipeline.measurements][-2:] == ["mean", "network-count"]
    check_pipeline(pipeline)
    assert pickle.loads(pickle.dumps(pipeline))(frame) == pipeline(frame)  # noqa: S301 - our own bytes


def test_two_of_one_name_are_told_apart_by_their_specification(frame: np.ndarray) -> None:
    pipeline = sr.pipeline(["otsu:measure=count", "otsu:measure=count,min_size=100"])
    assert list(pipeline(frame)) == ["otsu:measure=count/count", "otsu:measure=count,min_size=100/count"]
    with pytest.raises(errors.InvalidOption, match="given twice"):
        sr.pipeline(["otsu", "otsu"])


def test_a_program_among_several_needs_permission() -> None:
    with pytest.raises(errors.ProgramNotAllowed):
        sr.pipeline('otsu & run:"cp {in} {out}"')
    assert sr.pipeline('otsu & run:"cp {in} {out}"', allow_exec=True).config()["pipelines"][1]["name"] == "run"


def test_a_study_of_two_pipelines_codes_once_and_gives_what_each_gives_alone(frame: np.ndarray, tmp_path: Path) -> None:
    camera = sr.CameraProfile.from_values(gain=0.5, offset=100, read_noise=2.0, bits=12)
    options: dict[str, Any] = {"n": 4, "mode": "around-raw", "seed": 3, "workers": 0}
    calls: list[int] = []

    def keep(image: np.ndarray) -> np.ndarray:
        calls.append(1)
        return image & 0xFFF8

    def run(pipeline: Any) -> sr.Record:
        calls.clear()
        return sr.validate(frame, camera, codecs=keep, pipeline=pipeline, **options)  # type: ignore[arg-type]  # a function is a codec too

    one, other = run("otsu:measure=count+area"), run("intensity")
    alone = len(calls)
    both = run(["otsu:measure=count+area", "intensity"])
    assert len(calls) == alone
    for name in ("raw_prediction", "codec_prediction"):
        joined = np.concatenate([one.dataset[name].values, other.dataset[name].values], axis=-1)
        np.testing.assert_array_equal(both.dataset[name].values, joined)
    assert [row.name for row in both.content.measurements] == ["count", "area", "total_intensity", "mean_intensity"]
    assert both.content.plan.pipeline == "otsu:measure=count+area & intensity"
    both.write(tmp_path / "record")
    assert sr.Record.read(tmp_path / "record").content.pipeline["pipelines"][1]["name"] == "intensity"
