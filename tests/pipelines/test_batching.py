"""Several tiles in one call of a network: only such numbers of them as change no bit, whatever a clock says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import sigmaraw as sr
from sigmaraw.errors import AnswersDiffer, InvalidModel, InvalidOption
from sigmaraw.pipelines import batching
from sigmaraw.pipelines.batching import batches, fastest_size, mixes, probe_tiles

TILES = probe_tiles((1, 4, 4), 10)


def network(spoilt: tuple[int, ...] = (), refused: tuple[int, ...] = ()) -> Any:
    """Return a network; some sizes give other last bits, some are refused."""

    def call(tiles: np.ndarray) -> np.ndarray:
        if len(tiles) in refused:
            raise InvalidModel("a batch", "single images", "none")
        return np.nextafter(tiles, 9.0) if len(tiles) in spoilt else tiles.copy()

    return call


def alike(call: Any, tiles: np.ndarray) -> float:
    """Calls cost the same whatever they hold, s."""
    call(tiles)
    return 0.002


@pytest.mark.parametrize(
    ("spoilt", "refused", "most", "size"),
    [((), (), 10, 10), ((10,), (), 10, 5), ((10, 5), (), 10, 2), ((10,), (5, 2), 10, 1), ((), (), 5, 5), ((), (), 1, 1), ((), (1,), 10, 1)],
)
def test_the_largest_size_that_keeps_the_bits_is_chosen_where_calls_cost_the_same(spoilt: Any, refused: Any, most: int, size: int):
    assert fastest_size(network(spoilt, refused), TILES, most, patient=True, seconds=alike) == size


def test_long_calls_are_not_tried_in_company_on_a_cpu(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(batching, "_LONG_S", 0.001)
    assert fastest_size(network(), TILES, 10, patient=False, seconds=alike) == 1
    assert fastest_size(network(), TILES, 10, patient=True, seconds=alike) == 10


def test_company_that_gains_nothing_is_not_kept():
    assert fastest_size(network(), TILES, 10, patient=True, seconds=lambda call, tiles: 0.001 * len(tiles)) == 1
    # 10 tiles take 1.3 times as long as they must, 5 take 0.8 of single ones: the clock decides between sizes that change no bit
    costs = {1: 1.0, 2: 1.9, 5: 4.0, 10: 13.0}
    assert fastest_size(network(), TILES, 10, patient=True, seconds=lambda call, tiles: costs[len(tiles)]) == 5


def test_the_last_call_is_filled_up():
    parts = batches(TILES[:7], 5)
    assert [(len(batch), count) for batch, count in parts] == [(5, 5), (5, 2)]
    assert np.array_equal(parts[1][0][2:], np.repeat(TILES[6:7], 3, axis=0))


def test_a_network_that_looks_at_its_whole_batch_is_found():
    assert mixes(lambda tiles: 2 * tiles, TILES, 4)
    assert not mixes(lambda tiles: tiles - tiles.mean(axis=0), TILES, 4)


def frames(count: int = 7) -> np.ndarray:
    return np.random.default_rng(5).integers(100, 4000, (count, 40, 56)).astype(np.uint16)


@pytest.mark.parametrize("tensors", [False, True])
@pytest.mark.parametrize("measured", ["mask", "soft"])
def test_images_that_share_calls_have_the_answers_that_they_have_alone(tensors: bool, measured: str, monkeypatch: pytest.MonkeyPatch):
    alone = sr.pipeline(f"unet-demo:measure={measured}")
    shared = sr.pipeline(f"unet-demo:measure={measured}")
    for pipeline in (alone, shared):
        pipeline._by_tensors = tensors  # type: ignore[attr-defined]  # as on a GPU
    monkeypatch.setattr(shared, "_size", lambda shape, count: 5)
    images = frames()
    one = [alone.batch(images[index : index + 1]) for index in range(7)]
    for order in (range(7), [6, 2, 2, 0], [3]):
        many = shared.batch(images[list(order)])
        for name, values in many.items():
            expected = np.concatenate([one[index][name] for index in order])
            # oneDNN promises no bits across batches; in float32 a map of 40 x 56 sums to 1e-5 of itself
            assert np.allclose(values, expected, rtol=0 if measured == "mask" else 1e-5, equal_nan=True)


def test_a_stated_batch_is_part_of_the_specification_and_pads_single_images_too(tmp_path: Path):
    seen = []

    class Twice(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return 2.0 * x

    path = tmp_path / "twice.pt"
    torch.jit.script(Twice()).save(str(path))
    pipeline = sr.pipeline(f"torch:{path},batch=3")
    call = pipeline._network_on  # type: ignore[attr-defined]
    pipeline._network_on = lambda tiles: seen.append(len(tiles)) or call(tiles)  # type: ignore[attr-defined]
    pipeline.batch(frames(7))
    pipeline(frames(1)[0])
    assert set(seen) == {3}
    assert pipeline.config()["batch"] == 3


def test_less_than_float32_is_refused_where_there_is_none_and_counted_where_there_is():
    with pytest.raises(InvalidOption, match="tf32 on the CPU"):
        sr.pipeline("unet-demo:precision=tf32")
    camera = sr.CameraProfile.from_values(gain=0.5, offset=100, read_noise=2, bits=12)
    y, x = np.mgrid[:48, :48]
    image = np.random.default_rng(1).poisson(150 + 600 * np.exp(-((y - 24) ** 2 + (x - 24) ** 2) / 90)).astype(np.uint16)
    study: dict[str, Any] = {"codecs": "lossless", "n": 4, "mode": "around-raw"}
    with pytest.raises(AnswersDiffer, match="otherwise than in float32"):
        sr.validate(image, camera, pipeline="unet-demo:measure=soft,precision=bf16", **study)
    study["allow_nondeterminism"] = True
    low, full = (sr.validate(image, camera, pipeline=f"unet-demo:measure=soft{more}", **study) for more in (",precision=bf16", ""))
    chi = [record.content.results[0].chi_raw for record in (low, full)]
    floors = [record.content.floor[0].largest for record in (low, full)]
    assert chi[0] != chi[1]
    assert floors[1] == 0.0
    assert floors[0] >= abs(chi[0] - chi[1]) > 0.0
