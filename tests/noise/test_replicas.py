"""What users call: arrays and RawFrames in, one DataArray or a stream out."""

import numpy as np
import pytest

from sigmaraw.errors import (
    BitDepthMismatch,
    InsufficientRepeats,
    InvalidOption,
    NotIntegerData,
    ProfileMismatch,
    ShapeMismatch,
    UnknownName,
)
from sigmaraw.frames.types import RawFrames
from sigmaraw.noise import DEFAULT_MODE, NoiseModel, iter_replicas, replicas

MODEL = NoiseModel(0.46, 100.0, 1.6, 12)
# Without the package's own draws, which would be compiled in every process that collects the tests.
_ELECTRONS = np.random.default_rng(1).poisson(np.linspace(0, 1740, 20 * 30).reshape(20, 30))
FRAME = np.rint(100 + 0.46 * _ELECTRONS).astype(np.uint16)


def test_replicas_are_one_labelled_array():
    found = replicas(FRAME, MODEL, n=5, seed=2**64 - 1)
    assert found.dims == ("replica", "y", "x")
    assert found.shape == (5, 20, 30)
    assert found.dtype == FRAME.dtype
    assert found.attrs["units"] == "DN"
    assert found.attrs["seed"] == str(2**64 - 1)
    assert replicas(FRAME[None], MODEL, n=2).dims == ("replica", "z", "y", "x")


def test_replicas_can_be_stored(tmp_path):
    import xarray

    found = replicas(FRAME, MODEL, n=3, seed=2**64 - 1)
    found.to_netcdf(tmp_path / "replicas.nc")
    with xarray.open_dataarray(tmp_path / "replicas.nc") as stored:
        np.testing.assert_array_equal(stored, found)
        assert stored.attrs["mode"] == DEFAULT_MODE == "bootstrap"


def test_replica_i_does_not_depend_on_n_batch_or_start():
    whole = replicas(FRAME, MODEL, n=9, seed=7).values
    np.testing.assert_array_equal(replicas(FRAME, MODEL, n=4, seed=7).values, whole[:4])
    np.testing.assert_array_equal(replicas(FRAME, MODEL, n=9, seed=7, batch=2).values, whole)
    parts = list(iter_replicas(FRAME, MODEL, 5, seed=7, start=4, batch=2))
    assert [len(part) for part in parts] == [2, 2, 1]
    np.testing.assert_array_equal(np.concatenate(parts), whole[4:])


def test_blocks_may_be_written_to():
    block = next(iter_replicas(FRAME, MODEL, 2))
    block[0, 0, 0] = 7
    assert next(iter_replicas(FRAME, MODEL, 2))[0, 0, 0] != 7


def test_raw_frames_are_taken():
    frames = RawFrames(FRAME[None], 12, "metadata")
    np.testing.assert_array_equal(replicas(frames, MODEL, n=2), replicas(FRAME, MODEL, n=2))
    container = RawFrames(FRAME[None], 16, "container")
    np.testing.assert_array_equal(replicas(container, MODEL, n=2), replicas(FRAME, MODEL, n=2))


def test_repeats_are_the_frames():
    stack = MODEL.sample(np.full((20, 30), 300.0), 6, seed=2)
    for raw in (stack, RawFrames(stack, 12, "stated")):
        np.testing.assert_array_equal(replicas(raw, MODEL, n=6, mode="repeats"), stack)
    with pytest.raises(InsufficientRepeats):
        replicas(stack, MODEL, n=7, mode="repeats")


@pytest.mark.parametrize(
    ("raw", "options", "error"),
    [
        (FRAME, {"mode": "nonsense"}, UnknownName),
        (FRAME, {"n": 0}, InvalidOption),
        (FRAME, {"n": 2**20 + 1}, InvalidOption),
        (FRAME, {"seed": -1}, InvalidOption),
        (FRAME, {"seed": 2**64}, InvalidOption),
        (FRAME, {"batch": 0}, InvalidOption),
        (FRAME, {"group": 4096}, InvalidOption),
        (FRAME, {"mode": "repeats"}, ShapeMismatch),
        (FRAME.astype(np.float64), {}, NotIntegerData),
        (FRAME[0], {}, ShapeMismatch),
        (FRAME + np.uint16(4000), {}, BitDepthMismatch),
        (FRAME.astype(np.uint8), {}, BitDepthMismatch),
        (RawFrames(FRAME[None], 14, "stated"), {}, BitDepthMismatch),
        (RawFrames(np.stack([FRAME, FRAME]), 12, "stated"), {}, InvalidOption),
    ],
)
def test_bad_input_is_refused_at_the_call(raw, options, error):
    with pytest.raises(error):
        iter_replicas(raw, MODEL, **({"n": 3} | options))


def test_a_camera_of_another_shape_is_refused():
    with pytest.raises(ProfileMismatch, match="--scalars"):
        replicas(FRAME, NoiseModel(np.full((5, 5), 0.5), 100.0, 1.0, 12), n=2)


def test_importing_noise_does_not_load_jax():
    import subprocess
    import sys

    code = "import sys, sigmaraw.noise; assert 'jax' not in sys.modules and 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=1800)


def test_memory_does_not_grow_with_n():
    """Peak resident memory after 240 frames of 1 Mpixel is what it was after 40 (420 MB less), within four blocks of 16 MiB.

    How many of them XLA's threads hold at once differs: 12 to 45 MiB were measured on a busy machine.
    """
    import subprocess
    import sys

    code = """
import resource, numpy as np
from sigmaraw.noise import NoiseModel
model = NoiseModel(0.46, 100.0, 1.6, 12)
scene = np.full((1024, 1024), 300.0)
def peak(n):
    for block in model.sample_blocks(scene, n, seed=1):
        assert block.nbytes <= 8 << 20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(peak(40), peak(240))
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=1800)
    first, last = map(int, found.stdout.split())  # KiB
    assert first > 100_000
    assert last - first < 64 * 1024


def test_blocks_are_let_go_one_by_one():
    """A consumer that keeps nothing leaves nothing: when a block comes, the one before is gone."""
    import weakref

    earlier: list[weakref.ref] = []
    for block in iter_replicas(FRAME, MODEL, 12, seed=1, batch=3):
        base = block if block.base is None else block.base
        assert all(reference() is None for reference in earlier)
        earlier.append(weakref.ref(base))
        del block, base
    assert len(earlier) == 4
