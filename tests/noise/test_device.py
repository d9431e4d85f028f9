"""Frames that stay on the device: the same bytes, no copy on the way to torch, and what another arithmetic changes."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from sigmaraw.errors import InvalidOption, ProfileMismatch
from sigmaraw.noise import NoiseModel, blocks, iter_replicas, sampler
from sigmaraw.noise.keys import counter_words, key_words
from sigmaraw.noise.rate_image import make_rate_image

MODEL = NoiseModel(0.46, 100.0, 1.6, 12)
SCENE = np.linspace(100, 900, 20 * 31).reshape(20, 31)
MODES = ("around-raw", "bootstrap", "mean-n", "repeats", "simex")


def source(mode: str) -> np.ndarray:
    frames = MODEL.sample(SCENE, 7, seed=1)
    return frames if mode in ("mean-n", "repeats") else frames[0]


def test_frames_of_a_scene_are_the_same():
    wanted = MODEL.sample(SCENE, 7, seed=3, group=1)
    found = list(MODEL.sample_blocks(SCENE, 7, seed=3, group=1, batch=3, device=True))
    assert [len(block) for block in found] == [3, 3, 1]
    assert all(isinstance(block, jax.Array) for block in found)
    np.testing.assert_array_equal(np.concatenate(found), wanted)


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_yields_the_same_bytes_on_the_device_at_any_batch_size(mode: str):
    raw = source(mode)
    options: dict[str, Any] = {"n": 7, "mode": mode, "seed": 3, "group": 1}
    wanted = np.concatenate([np.asarray(block) for block in iter_replicas(raw, MODEL, **options)])
    for batch in (None, 3):
        found = list(iter_replicas(raw, MODEL, **options, batch=batch, device=True))
        assert all(isinstance(block, jax.Array) and block.dtype == raw.dtype for block in found)
        np.testing.assert_array_equal(np.concatenate(found), wanted)


def test_a_large_image_is_drawn_in_parts_of_the_same_bytes(monkeypatch: pytest.MonkeyPatch):
    """What the kernel needs of a frame is many times the frame: on the device too only a slab's is held."""
    raw = source("around-raw")
    whole = np.concatenate(list(iter_replicas(raw, MODEL, 5, "around-raw", 3)))
    monkeypatch.setattr(blocks, "SLAB_PIXELS", 70)
    monkeypatch.setattr(blocks, "WHOLE_PIXELS", 70)
    sizes: list[int] = []
    real = blocks.make_rate_image
    monkeypatch.setattr(blocks, "make_rate_image", lambda level, *rest: (sizes.append(level.size), real(level, *rest))[1])
    parts = list(iter_replicas(raw, MODEL, 5, "around-raw", 3, batch=2, device=True))
    assert max(sizes) <= 70
    assert all(isinstance(part, jax.Array) for part in parts)
    np.testing.assert_array_equal(np.concatenate(parts), whole)


@pytest.mark.parametrize(("bits", "dtype"), [(12, torch.uint16), (8, torch.uint8)])
def test_torch_reads_the_memory_that_jax_wrote(bits: int, dtype: torch.dtype):
    model = NoiseModel(0.2, 10.0, 1.6, bits)
    scene = np.full((20, 31), 60.0)
    for block in model.sample_blocks(scene, 4, batch=2, device=True):
        tensor = torch.from_dlpack(block)
        assert tensor.data_ptr() == block.unsafe_buffer_pointer()
        assert tensor.dtype == dtype and tuple(tensor.shape) == block.shape
        np.testing.assert_array_equal(tensor.to(torch.float32).numpy(), np.asarray(block))


def test_device_memory_does_not_grow_with_n():
    """Arrays alive on the device while 60 batches of 1 MiB pass: those of the scene and at most two of the batches."""
    scene, size = np.full((256, 512), 300.0), 256 * 512 * 2
    gc.collect()
    before = {id(array) for array in jax.live_arrays()}
    peaks = []
    for n in (8, 240):
        peak = 0
        for _ in MODEL.sample_blocks(scene, n, batch=4, device=True):
            peak = max(peak, sum(array.nbytes for array in jax.live_arrays() if id(array) not in before))
        peaks.append(peak)
    assert peaks[0] == peaks[1]
    # Eight arrays of float32 and the pair's number, 2 + 4 · 8 bytes a pixel at most, beside two batches.
    assert peaks[1] < 34 * scene.size + 2 * 4 * size


def test_a_batch_fills_its_room_and_no_more(monkeypatch: pytest.MonkeyPatch):
    """4 bytes a pixel: 16 MiB where a processor's caches count, 128 MiB where a GPU has to be kept busy."""
    assert blocks.batch_size(None, 10**6, 1 << 20, device=True) == 4
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert blocks.batch_size(None, 10**6, 1 << 20) == 4
    assert blocks.batch_size(None, 10**6, 1 << 20, device=True) == 32
    assert blocks.batch_size(None, 10**6, 1 << 27, device=True) == 1


def test_the_drawing_device_is_where_blocks_lie():
    (block,) = MODEL.sample_blocks(SCENE, 1, device=True)
    assert blocks.drawing_device() == tuple(block.__dlpack_device__())


def test_bad_scenes_are_refused_at_the_call():
    with pytest.raises(InvalidOption, match="finite"):
        MODEL.sample_blocks(np.full((3, 3), np.nan), 2, device=True)
    with pytest.raises(ProfileMismatch):
        NoiseModel(np.full((5, 5), 0.5), 100.0, 1.0, 12).sample_blocks(SCENE, 2, device=True)


def test_device_memory_is_not_taken_beforehand():
    import os
    import subprocess
    import sys

    code = "import os, sigmaraw.noise.sampler; print(os.environ['XLA_PYTHON_CLIENT_PREALLOCATE'])"
    environment = {name: value for name, value in os.environ.items() if name != "XLA_PYTHON_CLIENT_PREALLOCATE"}
    found = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True, timeout=1800)
    assert found.stdout.strip() == "false"


@pytest.mark.parametrize("change", ["no fused multiply-add", "roots and exponentials one ulp off"])
def test_another_arithmetic_differs_next_to_boundaries_only(monkeypatch: pytest.MonkeyPatch, change: str):
    """The same kernel operation by operation, without fused multiply-add and with other library functions, as another device would round.

    Fewer than 1e-5 of the pixels differ (measured 0 at 4 to 30 e⁻, 5e-6 at 10⁵ e⁻; with one ulp up or down besides, 7e-6), by one
    count (K DN) or one DN.
    """
    rng = np.random.default_rng(5)
    rates = np.exp(rng.uniform(1.4 if change.startswith("no") else -1, 11, (300, 400)))
    scene, counters = make_rate_image(100 + 0.46 * rates, rates, 0.46, 1.6), counter_words(0, 0, 10)
    made = sampler.Sampler(scene, key_words(1, "arithmetic", rates), lo=0, hi=65535, dtype=np.dtype(np.uint16))
    if change.startswith("no"):
        reference = made.block(counters)
    with jax.disable_jit():
        if not change.startswith("no"):
            reference = made.block(counters)
            for name in ("sqrt", "exp"):
                monkeypatch.setattr(jnp, name, one_ulp_off(getattr(jnp, name), rng))
        plain = made.block(counters).astype(int)
    difference = plain - reference
    assert np.abs(difference).max() <= 1
    assert 0 < np.mean(difference != 0) < 1e-5  # none at all would mean that both ran the same instructions


def one_ulp_off(function: Callable[[Any], Any], rng: np.random.Generator) -> Callable[[Any], Any]:
    """The function with each result moved to the next number above or below."""

    def off(x: Any) -> Any:
        exact = np.asarray(function(x))
        ends = np.where(rng.random(exact.shape) < 0.5, np.float32(0), np.float32(np.inf))
        return jnp.asarray(np.nextafter(exact, ends))

    return off
