"""Volumes slab by slab: other memory, the same bytes."""

from __future__ import annotations

import numpy as np
import pytest

from sigmaraw.contracts import ReplicaRequest
from sigmaraw.errors import BitDepthMismatch, InvalidOption
from sigmaraw.noise import NoiseModel, blocks, draw, iter_replicas, replica_mode
from sigmaraw.noise.keys import Unchanging, key_words
from sigmaraw.noise.replicas import iter_slabs

SHAPE = (6, 9, 11)  # planes of an odd number of pixels


def camera(maps: bool) -> NoiseModel:
    random = np.random.default_rng(1)
    gain, offset, noise = (random.uniform(low, high, SHAPE[1:]) for low, high in ((0.4, 0.6), (98, 102), (1, 2)))
    return NoiseModel(gain, offset, noise, 12) if maps else NoiseModel(0.5, 100.0, 1.5, 12)


def volume() -> np.ndarray:
    """Dark and bright planes, so that slabs differ in which kernel draws them."""
    random = np.random.default_rng(2)
    level = np.array([1, 3, 8, 40, 300, 2000])[:, None, None] * np.linspace(0.5, 1.5, 11)
    return np.clip(np.rint(100 + 0.5 * random.poisson(np.broadcast_to(level, SHAPE))), 0, 4095).astype(np.uint16)


@pytest.mark.parametrize(
    ("mode", "maps"), [("around-raw", True), ("bootstrap", False), ("mean-n", True), ("repeats", False), ("simex", True)]
)
def test_slab_size_does_not_change_bytes(mode: str, maps: bool) -> None:
    model, raw = camera(maps), volume()
    if replica_mode(mode).needs_repeats:
        raw = np.stack([raw, *(np.concatenate(list(model.sample_blocks(raw, 3, seed=9))))])
    n = 4
    whole = np.concatenate([np.asarray(block) for block in iter_replicas(raw, model, n, mode, seed=3)])
    for pixels in (1, 4 * 99):
        found = np.zeros_like(whole)
        for slab in iter_slabs(raw, model, n, mode, seed=3, pixels=pixels):
            assert slab.block.dtype == raw.dtype
            assert slab.planes.start * 99 % 2 == 0
            found[slab.start : slab.start + len(slab.block), slab.planes] = slab.block
        np.testing.assert_array_equal(found, whole)


def test_a_large_image_is_drawn_in_parts_of_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also a frame (y, x), whose parts are rows."""
    model, raw = camera(maps=True), volume()
    for image in (raw, raw[3]):
        whole = np.concatenate([np.asarray(block) for block in iter_replicas(image, model, 3, "around-raw", seed=3)])
        with monkeypatch.context() as patch:
            patch.setattr(blocks, "SLAB_PIXELS", 50)
            patch.setattr(blocks, "WHOLE_PIXELS", 50)
            assert len(blocks.slabs(image.shape)) > 1
            parts = np.concatenate([np.asarray(block) for block in iter_replicas(image, model, 3, "around-raw", seed=3, batch=2)])
        np.testing.assert_array_equal(parts, whole)


def test_slabs_cover_a_volume_once_and_begin_at_even_pixels() -> None:
    for shape in ((6, 9, 11), (7, 8, 4), (1, 3, 3), (5, 3)):
        for pixels in (1, 40, 10**6):
            parts = blocks.slabs(shape, pixels)
            assert [plane for part in parts for plane in range(part.start, part.stop)] == list(range(shape[0]))
            plane = int(np.prod(shape[1:]))
            assert all(part.start * plane % 2 == 0 for part in parts)
            assert all((part.stop - part.start) * plane <= max(pixels, 2 * plane) for part in parts)


def test_a_volume_is_hashed_once() -> None:
    raw = volume()
    fixed = Unchanging.of(raw)
    first = key_words(3, "a", fixed)
    np.testing.assert_array_equal(first, key_words(3, "a", raw))
    assert fixed.hashed is not None
    assert list(fixed.hashed) == [(3, "a")]
    assert fixed[1:].hashed is None  # a part is another image
    raw[0, 0, 0] += 1
    assert not np.array_equal(key_words(3, "a", Unchanging.of(raw)), first)
    assert not np.array_equal(key_words(4, "a", fixed), first)


def test_what_cannot_be_cut_is_refused() -> None:
    model, raw = camera(False), volume()
    with pytest.raises(InvalidOption, match="volume"):
        iter_slabs(raw[0], model, 2)
    with pytest.raises(BitDepthMismatch):
        iter_slabs(raw + np.uint16(4000), model, 2)
    mode = replica_mode("around-raw")
    for image, slab in ((raw, slice(1, 2)), (raw, slice(4, 4)), (raw, slice(0, 4, 2)), (raw[0], slice(0, 2))):
        with pytest.raises(InvalidOption, match="slab"):
            draw(mode, image, model, ReplicaRequest(1, planes=slab))
