"""What the video families share: exact where they say so, padding, stacks as videos, and broken streams."""

from __future__ import annotations

import numpy as np
import pytest

from sigmaraw.codecs import codec
from sigmaraw.contracts import Encoded
from sigmaraw.errors import CodecFailed

RNG = np.random.default_rng(3)
DEPTHS = [("av1", 8), ("av1", 10), ("hevc", 8), ("hevc", 10), ("hevc", 12)]
DEEPEST = [("av1", 10), ("hevc", 12)]
SHAPES = [(1, 1), (1, 17), (15, 16), (16, 16), (17, 33), (3, 200)]


def _noise(bits, shape):
    return RNG.integers(0, 1 << bits, shape).astype(np.uint8 if bits == 8 else np.uint16)


@pytest.mark.parametrize(("family", "bits"), DEPTHS)
@pytest.mark.parametrize("shape", SHAPES)
def test_lossless_is_exact_at_every_depth_and_size(family, bits, shape):
    spec = f"{family}:lossless=true" if bits == 8 else f"{family}:lossless=true,bits={bits}"
    noise = _noise(bits, shape)
    for frame in (noise, np.full_like(noise, (1 << bits) - 1), np.zeros_like(noise)):
        assert np.array_equal(codec(spec).roundtrip(frame)[0], frame)


@pytest.mark.parametrize(("family", "bits"), [depth for depth in DEPTHS if depth != ("hevc", 10)])
@pytest.mark.parametrize("count", [1, 2, 8, 11])
def test_a_stack_as_a_video_is_exact_and_in_order(family, bits, count):
    stack = _noise(bits, (count, 17, 33))
    assert np.array_equal(codec(f"{family}:lossless=true,gop=8,bits={bits}").roundtrip(stack)[0], stack)


@pytest.mark.parametrize(("family", "bits"), DEEPEST)
def test_a_video_of_a_still_scene_is_smaller_than_its_frames(family, bits):
    still = np.repeat(_noise(bits, (1, 64, 64)), 8, axis=0)
    video, frames = (codec(f"{family}:qp=20,bits={bits},gop={gop}").roundtrip(still) for gop in (8, 1))
    assert video[1] < 0.3 * frames[1]
    assert video[0].shape == still.shape


@pytest.mark.parametrize(("family", "bits"), DEEPEST)
def test_broken_streams_are_refused(family, bits):
    step = codec(f"{family}:qp=20,bits={bits}").steps[0]
    frame = _noise(bits, (40, 40))
    payload = step.encode(frame).payload
    # AV1's packets stand behind their lengths: a length alone, and one before nothing but zeros.
    behind = (payload[:3], payload[:4] + bytes(len(payload) - 4)) if family == "av1" else ()
    for broken in (b"", payload[:20], b"\0" * 500, *behind):
        with pytest.raises(CodecFailed):
            step.decode(Encoded(broken), frame.shape, frame.dtype)
    with pytest.raises(CodecFailed, match="another size"):
        step.decode(Encoded(payload), (80, 80), frame.dtype)
    with pytest.raises(CodecFailed, match="length"):
        step.decode(Encoded(payload + payload), frame.shape, frame.dtype)
