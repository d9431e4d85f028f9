"""Frames that stay on the device: the same bytes, no copy on the way to torch, and what another arithmetic changes."""

import jax
import numpy as np
import pytest
import torch

from sigmaraw.errors import InvalidOption, ProfileMismatch
from sigmaraw.noise import NoiseModel, sampler
from sigmaraw.noise.device import device_blocks, torch_blocks
from sigmaraw.noise.keys import counter_words, key_words
from sigmaraw.noise.scene import make_scene

MODEL = NoiseModel(0.46, 100.0, 1.6, 12)
SCENE = np.linspace(100, 900, 20 * 31).reshape(20, 31)


def test_device_blocks_are_the_same_frames():
    wanted = MODEL.sample(SCENE, 7, seed=3, group=1)
    blocks = list(device_blocks(MODEL, SCENE, 7, seed=3, group=1, batch=3))
    assert [len(block) for block in blocks] == [3, 3, 1]
    assert all(isinstance(block, jax.Array) for block in blocks)
    np.testing.assert_array_equal(np.concatenate(blocks), wanted)


@pytest.mark.parametrize(("bits", "dtype"), [(12, torch.uint16), (8, torch.uint8)])
def test_torch_reads_the_memory_that_jax_wrote(bits, dtype):
    model = NoiseModel(0.2, 10.0, 1.6, bits)
    scene = np.full((20, 31), 60.0)
    for block in device_blocks(model, scene, 4, batch=2):
        (tensor,) = torch_blocks([block])
        assert tensor.data_ptr() == block.unsafe_buffer_pointer()
        assert tensor.dtype == dtype and tuple(tensor.shape) == block.shape
        np.testing.assert_array_equal(tensor.to(torch.float32).numpy(), np.asarray(block))


def test_bad_scenes_are_refused_at_the_call():
    with pytest.raises(InvalidOption, match="finite"):
        device_blocks(MODEL, np.full((3, 3), np.nan), 2)
    with pytest.raises(ProfileMismatch):
        device_blocks(NoiseModel(np.full((5, 5), 0.5), 100.0, 1.0, 12), SCENE, 2)


def test_device_memory_is_not_taken_beforehand():
    import os
    import subprocess
    import sys

    code = "import os, sigmaraw.noise.sampler; print(os.environ['XLA_PYTHON_CLIENT_PREALLOCATE'])"
    environment = {name: value for name, value in os.environ.items() if name != "XLA_PYTHON_CLIENT_PREALLOCATE"}
    found = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True, timeout=120)
    assert found.stdout.strip() == "false"


def test_another_arithmetic_differs_next_to_boundaries_only():
    """The same kernel operation by operation, without fused multiply-add and with other library functions, as another device would round.

    Fewer than 1e-5 of the pixels differ (measured 0 at 4 to 30 e⁻, 5e-6 at 10⁵ e⁻), by one count (K DN) or one DN.
    """
    rng = np.random.default_rng(5)
    rates = np.exp(rng.uniform(1.4, 11, (300, 400)))
    scene, counters = make_scene(100 + 0.46 * rates, rates, 0.46, 1.6), counter_words(0, 0, 10)
    made = sampler.Sampler(scene, key_words(1, "arithmetic", rates), lo=0, hi=65535, dtype=np.dtype(np.uint16))
    compiled = made.block(counters).astype(int)
    with jax.disable_jit():
        plain = made.block(counters).astype(int)
    difference = plain - compiled
    assert np.abs(difference).max() <= 1
    assert 0 < np.mean(difference != 0) < 1e-5  # none at all would mean that both ran the same instructions
