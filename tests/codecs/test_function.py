"""A function or an object of the user's as a codec: what it returns is what is scored, and nothing else passes."""

from __future__ import annotations

import json
import pickle
import zlib
from pathlib import Path

import numcodecs
import numpy as np
import pytest

import sigmaraw as sr
from sigmaraw.contracts import CodecContract, Coder, Encoded
from sigmaraw.errors import CodecFailed, InvalidOption, UnsupportedArray
from sigmaraw.files import sha256_of_file

FRAME = np.random.default_rng(3).integers(0, 4096, (9, 7)).astype(np.uint16)


def halved(frame):
    """Drop the lowest bit, and count 11 bits a pixel."""
    return frame // 2 * 2, frame.size * 11 // 8


def smoothed(frame):
    return np.full_like(frame, frame.mean())


class Deflate:
    """What another library's codec looks like."""

    def encode(self, frame):
        return bytearray(zlib.compress(frame.tobytes()))

    def decode(self, stream):
        return zlib.decompress(stream)


class Exact(Coder):
    name = "exact"
    contract = CodecContract(("uint16",), lossless=True)

    def encode(self, frame):
        return Encoded(frame.tobytes())

    def decode(self, encoded, shape, dtype):
        return np.frombuffer(encoded.payload, dtype).reshape(shape).copy()


def test_a_function_is_scored_by_what_it_returns():
    codec = sr.codec(halved)
    trip = codec.apply(FRAME)
    assert np.array_equal(trip.decoded, FRAME // 2 * 2)
    assert trip.nbytes == 9 * 7 * 11 // 8
    assert codec.spec == f"{__name__}:halved"
    assert codec.freeze(FRAME) is codec
    resolved = json.loads(json.dumps(codec.resolved()))
    assert resolved["steps"][0]["source_sha256"] == sha256_of_file(Path(__file__))
    assert pickle.loads(pickle.dumps(codec)).roundtrip(FRAME)[1] == trip.nbytes  # noqa: S301 - our own object
    stack = np.stack([FRAME, FRAME + 1])
    whole = codec.apply(stack)
    assert np.array_equal(whole.decoded, stack // 2 * 2)
    assert whole.frame_nbytes == (trip.nbytes, trip.nbytes)


def test_a_function_without_bytes_is_processing():
    assert sr.codec(smoothed).roundtrip(FRAME)[1] == FRAME.nbytes


@pytest.mark.parametrize(
    "thing", [Deflate(), numcodecs.Zstd(level=3), numcodecs.Delta("<u2"), Exact()], ids=lambda thing: type(thing).__name__
)
def test_an_object_codes_exactly_what_it_stores(thing):
    codec = sr.codec(thing)
    trip = codec.apply(FRAME)
    assert np.array_equal(trip.decoded, FRAME)
    stored = thing.encode(FRAME)
    assert trip.nbytes == (len(stored.payload) if isinstance(stored, Encoded) else memoryview(stored).nbytes)
    json.dumps(codec.resolved(), allow_nan=False)


def test_a_codec_passes_as_it_is():
    chain = sr.codec("jpegls:near=1")
    assert sr.codec(chain) is chain


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda frame: frame.astype(float), "decoded to float64"),
        (lambda frame: frame[1:], "decoded to uint16 of shape"),
        (lambda frame: (frame, 0), "returned 0 bytes"),
        (lambda frame: (frame, 3.5), "returned 3.5 bytes"),
        (lambda frame: None, "decoded to NoneType"),
        (lambda frame: 1 / 0, "ZeroDivisionError"),
    ],
)
def test_what_is_no_frame_is_refused(function, words):
    with pytest.raises(CodecFailed, match=words):
        sr.codec(function).roundtrip(FRAME)


def test_a_function_cannot_reach_the_frame():
    def meddle(frame):
        frame[:] = 0
        return frame, 1

    before = FRAME.copy()
    sr.codec(meddle).roundtrip(FRAME)
    assert np.array_equal(FRAME, before)


def test_an_object_that_fails_is_named():
    class Broken(Deflate):
        def decode(self, stream):
            raise ValueError("lost")

    with pytest.raises(CodecFailed, match=r"decode of .*Broken raised ValueError: lost"):
        sr.codec(Broken()).roundtrip(FRAME)


@pytest.mark.parametrize("thing", [7, None, Deflate, ["jpeg"]])
def test_what_is_no_codec_is_refused(thing):
    with pytest.raises(InvalidOption, match="as codec"):
        sr.codec(thing)


@pytest.mark.parametrize("array", [FRAME.astype(float), FRAME[0], FRAME[:0]])
def test_arrays_that_are_no_frames_are_refused(array):
    with pytest.raises(UnsupportedArray):
        sr.codec(halved).roundtrip(array)
