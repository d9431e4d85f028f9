"""Pipelines around a pipeline of lower precision: each gives the same one in float32, so that the study compares them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

import sigmaraw as sr
from sigmaraw.contracts import LowerPrecision, Measurement, Pipeline
from sigmaraw.pipelines.agreement import AgreementPipeline
from sigmaraw.pipelines.several import SeveralPipelines
from sigmaraw.study.seen import ShiftedPipeline


class Coarse(Pipeline):
    """Gives 1.5 where float32 would give 1."""

    name = "coarse"
    measurements = (Measurement("value", "1", "v", "a constant"),)

    def __init__(self, value: float = 1.5) -> None:
        super().__init__("coarse")
        self.value = value

    def in_float32(self) -> Pipeline | None:
        return Coarse(1.0) if self.value != 1.0 else None

    def __call__(self, raw: Any) -> dict[str, float]:
        return {"value": self.value}

    def batch(self, images: Any) -> dict[str, Any]:
        return {"value": np.full(len(images), self.value)}

    def segmented(self, image: Any) -> Any:
        return np.zeros(np.shape(image), np.int32), self(image)


IMAGE = np.full((40, 40), 2000, np.uint16)


def _recon(inner: Pipeline) -> Pipeline:
    made: Any = sr.pipeline("recon:fbp,kind=emission,low=0,high=1,then=otsu")
    made.then = inner
    return made


def _agreement(inner: Pipeline) -> Pipeline:
    return AgreementPipeline(inner, ["dice"]).for_references((np.ones(IMAGE.shape, bool),))


AROUND = [
    lambda inner: SeveralPipelines([sr.pipeline("intensity"), inner]),
    _agreement,
    lambda inner: ShiftedPipeline(inner, 1024),
    _recon,
]


@pytest.mark.parametrize("around", AROUND)
def test_a_pipeline_around_another_gives_it_in_float32(around: Any) -> None:
    pipeline = around(Coarse())
    image = np.stack([IMAGE] * 4) if pipeline.name == "recon" else IMAGE
    assert isinstance(pipeline, LowerPrecision)
    twin = pipeline.in_float32()
    assert twin is not None and type(twin) is type(pipeline)
    assert (pipeline(image)["value"], twin(image)["value"]) == (1.5, 1.0)
    assert list(twin(image)) == list(pipeline(image))
    assert isinstance(twin, LowerPrecision) and twin.in_float32() is None


def test_settings_of_measures_go_along_to_float32(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "reference.tif", np.arange(1600, dtype=np.uint16).reshape(40, 40))
    pipeline: Any = sr.pipeline(f"unet-demo:precision=bf16,measure=count+pcc,pcc.reference={tmp_path / 'reference.tif'}")
    twin = pipeline.in_float32()
    assert twin.measure_settings == pipeline.measure_settings
    assert twin.settings == {**pipeline.settings, "precision": "float32"}


def test_a_study_of_several_pipelines_counts_what_a_lower_precision_changes() -> None:
    camera = sr.CameraProfile.from_values(gain=0.5, offset=100, read_noise=2, bits=12)
    y, x = np.mgrid[:48, :48]
    image = np.random.default_rng(1).poisson(150 + 600 * np.exp(-((y - 24) ** 2 + (x - 24) ** 2) / 90)).astype(np.uint16)
    study: dict[str, Any] = {"codecs": "lossless", "n": 4, "mode": "around-raw", "workers": 0, "allow_nondeterminism": True}
    record = sr.validate(image, camera, pipeline="intensity & unet-demo:measure=soft,precision=bf16", **study)
    floors = [row.largest for row in record.content.floor]
    assert floors[0] == 0.0 and max(floors[2:]) > 0.0


def test_objects_for_references_are_found_by_one_thread_for_each_image(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    pipeline: Any = sr.pipeline("unet-demo")
    forward, threads = pipeline._forward, []

    def counted(tiles: Any) -> Any:
        threads.append(torch.get_num_threads())
        return forward(tiles)

    monkeypatch.setattr(pipeline, "_forward", counted)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        AgreementPipeline(pipeline, ["dice"]).for_references((np.ones(IMAGE.shape, bool),))(IMAGE)
        pipeline.segmented(IMAGE)
    finally:
        torch.set_num_threads(before)
    assert threads and set(threads) == {1}
