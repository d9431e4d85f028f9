"""One thread per image: neither the cores, nor the caller's settings, nor the company in a batch change a bit."""

from __future__ import annotations

import subprocess
import sys
import threading

import numpy as np
import pytest
import torch

import sigmaraw as sr
from sigmaraw.pipelines import threads

SPECS = ("otsu", "unet-demo")


def images(n: int = 8) -> np.ndarray:
    from sigmaraw.virtual import VirtualCamera, nuclei_scene

    camera = VirtualCamera(shape=(120, 152))
    return camera.acquire(nuclei_scene(camera.shape, 9, seed=3).mean_e, n, 5)


def rows(batch: dict[str, np.ndarray]) -> list[tuple[bytes, ...]]:
    return list(zip(*([value.tobytes() for value in values] for values in batch.values()), strict=True))


@pytest.mark.parametrize("spec", SPECS)
def test_batches_of_any_size_and_order_give_the_same_bits(spec: str) -> None:
    pipeline, frames = sr.pipeline(spec), images()
    alone = [rows(pipeline.batch(frames[i : i + 1]))[0] for i in range(8)]
    assert len(set(alone)) == 8
    for order in (range(3), range(8), [5, 2, 7, 1], range(7, -1, -1)):
        assert rows(pipeline.batch(frames[list(order)])) == [alone[i] for i in order]


def test_the_logits_themselves_have_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measurements round differences away; the foreground maps would show them."""
    pipeline, frames = sr.pipeline("unet-demo"), images(4)
    found = []
    for cores in (1, 2, 4):
        monkeypatch.setattr(threads, "available_cores", lambda cores=cores: cores)
        found.append([map_.tobytes() for map_ in threads.each(pipeline.probability, frames)])
    assert found[0] == found[1] == found[2]


def test_the_callers_threads_do_not_matter_and_stay_as_they_were() -> None:
    """Two threads do give other bits, so this is not idle."""
    code = """
import numpy as np, torch, sigmaraw as sr, sys
from sigmaraw.pipelines import threads
torch.set_num_threads(int(sys.argv[1])); torch.get_num_threads()
frame = np.random.default_rng(0).integers(90, 900, (256, 256)).astype(np.uint16)
pipeline = sr.pipeline("unet-demo")
(guarded,) = threads.each(pipeline.probability, [frame])
import hashlib; print(hashlib.sha256(guarded).hexdigest(), torch.get_num_threads())
"""
    one, two = (
        subprocess.run([sys.executable, "-c", code, n], capture_output=True, text=True, check=True).stdout.split() for n in ("1", "2")
    )
    assert one[0] == two[0]
    assert (one[1], two[1]) == ("1", "2")


def test_each_keeps_order_and_lets_errors_through() -> None:
    assert threads.each(lambda value: value * value, range(20)) == [value * value for value in range(20)]
    assert threads.each(str, []) == []
    with pytest.raises(ZeroDivisionError):
        threads.each(lambda value: 1 // value, [1, 0])


def test_torch_has_one_thread_where_images_are_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "available_cores", lambda: 3)
    barrier = threading.Barrier(3, timeout=20)  # passes only if three work at the same time

    def count(_: int) -> int:
        barrier.wait()
        return torch.get_num_threads()

    assert threads.each(count, range(3)) == [1, 1, 1]
