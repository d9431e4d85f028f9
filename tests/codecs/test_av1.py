"""AV1: its pictures and packets, its map of 16 bit, and the quantiser; what it shares with HEVC is in test_video.py."""

from __future__ import annotations

import av
import numpy as np
import pytest

import sigmaraw as sr
from sigmaraw.codecs import codec
from sigmaraw.codecs.av1 import Av1
from sigmaraw.errors import InvalidSpec, UnsupportedArray

RNG = np.random.default_rng(3)


def _noise(bits, shape):
    return RNG.integers(0, 1 << bits, shape).astype(np.uint8 if bits == 8 else np.uint16)


def test_a_key_picture_at_every_eighth_frame_and_alone_every_one():
    stack = _noise(10, (17, 64, 64))
    for gop, frames, expected in ((8, stack, [0, 8, 16]), (1, stack[0], [0])):
        payload = codec(f"av1:qp=30,bits=10,gop={gop}").steps[0].encode(frames).payload
        context = av.codec.CodecContext.create("libdav1d", "r")
        images = [image for packet in (*Av1.packets(context, payload), None) for image in context.decode(packet)]
        assert [index for index, image in enumerate(images) if image.key_frame] == expected
        assert len(images) == (17 if gop == 8 else 1)


def test_bytes_are_the_packets_and_their_lengths_and_the_same_twice():
    frame = _noise(8, (40, 24))
    step = codec("av1:qp=30").steps[0]
    payload = step.encode(frame).payload
    assert payload == step.encode(frame).payload
    context = av.codec.CodecContext.create("libdav1d", "r")
    packets = [bytes(packet) for packet in Av1.packets(context, payload)]
    assert len(packets) == 1
    assert len(payload) == len(packets[0]) + 4


def test_sixteen_bit_goes_through_its_recorded_map():
    camera = sr.CameraProfile.from_values(gain=0.5, offset=100, read_noise=1.6, bits=16)
    chain = codec("av1:qp=1", camera)
    flat = np.full((32, 32), 40000, np.uint16)
    assert np.array_equal(chain.roundtrip(flat)[0], np.full((32, 32), (40000 >> 6) * 64 + 32))
    step = chain.resolved()["steps"][0]
    assert (step["uint16_map"], step["uint16_map_step_dn"]) == ("x >> 6, back to 64 y + 32", 64)
    assert step["uint16_map_step_dark_sigma"] == pytest.approx(64 / (0.5 * 1.6))
    assert "uint16_map_step_dark_sigma" not in codec("av1:qp=1").resolved()["steps"][0]
    hevc = codec("hevc:qp=1", camera).resolved()["steps"][0]
    assert hevc["uint16_map_step_dark_sigma"] == pytest.approx(16 / (0.5 * 1.6))


def test_what_the_library_has_not_is_refused():
    with pytest.raises(UnsupportedArray):
        codec("av1:lossless=true").roundtrip(np.zeros((16, 16), np.uint16))
    with pytest.raises(UnsupportedArray, match="1024"):
        codec("av1:qp=20,bits=10").roundtrip(np.full((16, 16), 1024, np.uint16))
    with pytest.raises(InvalidSpec, match="8, 10"):
        codec("av1:qp=20,bits=12")


def test_the_step_is_that_of_the_quantiser_index():
    # The rms error of noise far above the step is a √12th of it. The library takes qp for index 4·qp; in the specification's
    # table of AC steps (8 bit, in eighths of a DN) entries 80 and 160 are 87 and 305. Rounding that reckons with rate moves it.
    raw = _noise(8, (128, 128))
    for qp, step in ((20, 87 / 8), (40, 305 / 8)):
        error = codec(f"av1:qp={qp}").roundtrip(raw)[0].astype(float) - raw
        assert np.sqrt(np.mean(error**2)) == pytest.approx(step / np.sqrt(12), rel=0.15)


def test_targets_are_met_within_a_step(cells):
    frame = (cells(128) >> 1).clip(0, 1023).astype(np.uint16)
    result = codec("av1:ratio=8,bits=10").apply(frame)
    assert result.achieved["ratio"] == pytest.approx(8, rel=0.12)
    assert float(result.achieved["qp"]).is_integer()
