"""Replicas that go from the sampler to the model where they were drawn: same numbers, and only where both are on one GPU."""

from __future__ import annotations

import gc
from typing import Any

import jax
import numpy as np
import pytest
import torch

import sigmaraw as sr
from sigmaraw.codecs import codec
from sigmaraw.contracts import Measurement
from sigmaraw.noise import NoiseModel, blocks, replica_mode, scenes
from sigmaraw.record.design import HardwareRow
from sigmaraw.study.environment import environment
from sigmaraw.study.plan import WorkItem
from sigmaraw.study.study_image import StudyImage
from sigmaraw.study.work import Job, one_gpu
from sigmaraw.virtual import VirtualCamera, nuclei_scene

VIRTUAL = VirtualCamera(shape=(96, 80))
FRAMES = VIRTUAL.acquire(nuclei_scene(VIRTUAL.shape, 5, seed=2).mean_e, 4, 1)
MODEL = NoiseModel(0.5, 100.0, 1.6, 16)
MODES = ("around-raw", "bootstrap", "mean-n", "simex")
GPU = (2, 0)  # as DLPack names the first CUDA GPU


class Elsewhere:
    """The mean pixel, by a model that says it is on a GPU; it keeps what it is given."""

    spec = "elsewhere"
    measurements = (Measurement("mean", "DN", "x", "mean pixel"),)
    dlpack_device = GPU

    def __init__(self) -> None:
        self.given: list[type] = []

    def batch(self, images: Any) -> dict[str, Any]:
        self.given.append(type(images))
        return {"mean": np.asarray(images).reshape(len(images), -1).mean(axis=1)}


def job(pipeline: Any, mode: str = "around-raw", **options: Any) -> Job:
    source = FRAMES if replica_mode(mode).needs_repeats else FRAMES[0]
    scene = StudyImage(FRAMES[0], source, MODEL, (codec("to8bit:minmax+jpeg:quality=60"),), (None,))
    return Job((scene,), pipeline, replica_mode(mode), seed=3, **options)


@pytest.mark.parametrize("mode", MODES)
def test_a_block_has_the_same_bits_by_either_route(mode: str) -> None:
    pipeline = sr.pipeline("unet-demo")
    for item in (WorkItem(0, 0, 0, 7), WorkItem(0, 1, 10, 7)):
        host, device = (job(pipeline, mode, device=device, batch=3)(item) for device in (False, True))
        assert host.raw.tobytes() == device.raw.tobytes()
        assert host.nbytes == device.nbytes
        assert host.quality == device.quality
        if item.group:
            assert host.decoded is not None and device.decoded is not None
            assert host.decoded.tobytes() == device.decoded.tobytes()
            assert not np.array_equal(host.raw, host.decoded)


def test_replicas_stay_on_the_gpu_where_model_and_sampler_share_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for drawn_on, expected in ((GPU, jax.Array), ((1, 0), np.ndarray), ((2, 1), np.ndarray)):
        monkeypatch.setattr(blocks, "drawing_device", lambda drawn_on=drawn_on: drawn_on)
        pipeline = Elsewhere()
        job(pipeline)(WorkItem(0, 0, 0, 4))
        job(pipeline)(WorkItem(0, 1, 0, 4))
        raw, codec_raw, codec_decoded = pipeline.given
        assert issubclass(raw, expected) and issubclass(codec_raw, expected)
        assert codec_decoded is np.ndarray  # codecs give NumPy's arrays


def test_a_model_on_the_cpu_takes_them_from_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    def asked() -> tuple[int, int]:
        raise AssertionError("JAX is not asked for a pipeline on the CPU")

    monkeypatch.setattr(blocks, "drawing_device", asked)
    for spec in ("unet-demo", "otsu"):
        assert not one_gpu(sr.pipeline(spec))


def test_real_repeats_are_not_sent_to_the_device_and_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "drawing_device", lambda: GPU)
    pipeline = Elsewhere()
    job(pipeline, "repeats", repeats=(range(4),))(WorkItem(0, 0, 0, 4))
    assert pipeline.given == [np.ndarray]


def test_what_is_alive_on_the_device_does_not_grow_with_the_block() -> None:
    """Replicas leave the device as the model has seen them: 4 and 40 of them, two at a time."""
    gc.collect()
    peaks = []

    class Counting(Elsewhere):
        def batch(self, images: Any) -> dict[str, Any]:
            self.given.append(sum(array.nbytes for array in jax.live_arrays()))  # type: ignore[arg-type]  # bytes here
            return super().batch(images)

    for count in (4, 40):
        gc.collect()
        scenes._scenes.clear()  # what a process keeps of the images before
        pipeline = Counting()
        job(pipeline, device=True, batch=2)(WorkItem(0, 0, 0, count))
        peaks.append(max(value for value in pipeline.given if isinstance(value, int)))
    assert peaks[1] <= peaks[0]


def test_the_record_names_the_gpus_of_torch_too(monkeypatch: pytest.MonkeyPatch) -> None:
    for seen, names in ((False, []), (True, ["GPU 0", "GPU 1"])):
        monkeypatch.setattr(torch.cuda, "is_available", lambda seen=seen: seen)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: f"GPU {index}")
        assert (environment().hardware or HardwareRow()).torch_devices == tuple(names)
