"""Chains: order, bytes, stacks, refusals, and what a record needs to know."""

from __future__ import annotations

import json
import pickle

import imagecodecs
import numpy as np
import pytest

from sigmaraw.codecs import codec, describe
from sigmaraw.codecs.calls import checked
from sigmaraw.contracts import Encoded
from sigmaraw.errors import CodecFailed, UnsupportedArray


def test_a_map_is_undone_after_the_coder_and_its_side_data_are_counted(cells):
    raw = cells()
    decoded, nbytes = codec("to8bit:minmax+jpeg:quality=90").roundtrip(raw)
    lo, hi = int(raw.min()), int(raw.max())
    mapped = np.rint((raw.astype(float) - lo) * (255 / (hi - lo))).astype(np.uint8)
    stream = imagecodecs.jpeg8_encode(mapped, level=90, bitspersample=8)
    expected = lo + np.rint(imagecodecs.jpeg8_decode(stream) * ((hi - lo) / 255))
    assert nbytes == len(stream) + 4
    assert decoded.dtype == np.uint16
    assert np.array_equal(decoded, expected)


def test_several_maps_are_undone_the_last_one_first(cells):
    raw = cells(64)
    chain = codec("sqrt:q=0.5,gain=0.5,offset=100,read_noise=1.6,bits=12+to8bit:minmax+lossless")
    root, reduction = chain.steps[0], chain.steps[1]
    codes, table = root.forward(raw)
    small, limits = reduction.forward(codes)
    expected = root.inverse(reduction.inverse(small, limits, codes.dtype), table, raw.dtype)
    decoded, nbytes = chain.roundtrip(raw)
    assert np.array_equal(decoded, expected)
    assert nbytes == codec("lossless").roundtrip(small)[1] + len(limits) + len(table)


def test_a_chain_without_a_coder_counts_the_mapped_array(cells):
    raw = cells()
    assert codec("to8bit:minmax").roundtrip(raw)[1] == raw.size + 4
    assert codec("to8bit:shift").roundtrip(raw)[1] == raw.size


def test_an_earlier_coder_is_decoded_first_and_only_the_last_is_counted(cells):
    raw = cells()
    lossy, _ = codec("jpegls:near=3").roundtrip(raw)
    decoded, nbytes = codec("jpegls:near=3+lossless").roundtrip(raw)
    assert np.array_equal(decoded, lossy)
    assert nbytes == codec("lossless").roundtrip(lossy)[1]


def test_ratio_counts_the_side_data_of_a_map_and_the_raw_container(cells):
    raw = cells()
    result = codec("to8bit:minmax+jpegxl:ratio=10,effort=3").apply(raw)
    assert raw.nbytes / result.nbytes == pytest.approx(10, rel=0.02)
    assert result.achieved["ratio"] == pytest.approx(raw.nbytes / result.nbytes, rel=1e-12)


@pytest.mark.parametrize("spec", ["lossless", "jpeg2000:level=80", "to8bit:minmax+jpeg:quality=80", "jpegxl:distance=0.5"])
def test_a_stack_is_its_frames_one_by_one(cells, spec):
    stack = np.stack([cells(96, seed) for seed in range(3)])
    decoded, nbytes = codec(spec).roundtrip(stack)
    single = [codec(spec).roundtrip(frame) for frame in stack]
    assert np.array_equal(decoded, np.stack([frame for frame, _ in single]))
    assert nbytes == sum(count for _, count in single)


def test_a_three_frame_stack_is_not_read_as_colour(cells):
    # Three components would be decorrelated as red, green and blue: the frames would leak into one another.
    quiet, busy = np.full((64, 64), 100, np.uint16), cells(64)
    decoded, _ = codec("jpeg2000:level=60").roundtrip(np.stack([quiet, busy, quiet]))
    assert np.ptp(decoded[0]) == np.ptp(decoded[2]) == 0


def test_big_endian_frames_come_back_as_such(cells):
    raw = cells(64)
    decoded, nbytes = codec("jpegls:near=2").roundtrip(raw.astype(">u2"))
    expected, count = codec("jpegls:near=2").roundtrip(raw)
    assert decoded.dtype == np.dtype(">u2")
    assert np.array_equal(decoded, expected)
    assert nbytes == count


def test_a_target_on_a_stack_is_one_setting_for_the_whole(cells):
    stack = np.stack([cells(96, 0), cells(96, 1) // 2 + 50])
    both = codec("jpegxl:ratio=8,effort=3,bits=12").apply(stack)
    at = codec(f"jpegxl:distance={both.achieved['distance']!r},effort=3,bits=12")
    assert both.nbytes == sum(at.roundtrip(frame)[1] for frame in stack) == sum(both.frame_nbytes)
    assert both.achieved["ratio"] == stack.nbytes / both.nbytes == pytest.approx(8, rel=0.02)
    assert both.hint == (both.achieved["distance"],)


def test_resolved_names_defaults_libraries_and_survives_json():
    resolved = codec("to8bit:minmax+jpegxl:ratio=10").resolved()
    assert json.loads(json.dumps(resolved)) == resolved
    names = [step["name"] for step in resolved["steps"]]
    assert names == ["to8bit", "jpegxl"]
    assert resolved["steps"][1]["effort"] == 7
    assert resolved["steps"][1]["libraries"]["libjxl"] == imagecodecs.version(dict)["libjxl"]
    assert resolved["steps"][1]["libraries"]["imagecodecs"] == imagecodecs.__version__


def test_a_chain_travels_to_another_process(cells):
    chain = codec("to8bit:minmax+jpeg:quality=90")
    copy = pickle.loads(pickle.dumps(chain))  # noqa: S301 - our own object
    assert copy.roundtrip(cells(64))[1] == chain.roundtrip(cells(64))[1]


def test_describe_lists_every_family_with_its_parameters():
    table = {entry["name"]: entry for entry in describe()}
    assert set(table) >= {"lossless", "to8bit", "jpeg", "jpeg2000", "jpegxl", "jpegls", "noiseaware"}
    assert all(entry["available"] and entry["summary"] for entry in table.values())
    assert [p["name"] for p in table["jpeg2000"]["parameters"]][:2] == ["ratio", "psnr"]
    assert table["jpeg2000"]["knob"] == "level"
    assert json.loads(json.dumps(describe())) == describe()


BAD_FRAMES = {
    "jpeg:quality=90": np.zeros((8, 8), np.uint16),
    "jpeg:quality=90,bits=12": np.full((8, 8), 4096, np.uint16),
    "jpeg:quality=80,bits=12": np.zeros((8, 8), np.uint8),
    "jpeg:quality=70": np.zeros((1, 65536), np.uint8),
    "jpeg2000:ratio=10,bits=12": np.full((8, 8), 4096, np.uint16),
    "jpegxl:distance=1,bits=10": np.full((8, 8), 1024, np.uint16),
    "jpegls:near=200": np.zeros((8, 8), np.uint8),
    "to8bit:minmax": np.zeros((8, 8), np.uint8),
    "to8bit:shift,bits=12": np.full((8, 8), 4096, np.uint16),
    "to8bit:minmax+to8bit:minmax": np.zeros((8, 8), np.uint16),
    "noiseaware:gain=1,offset=0,read_noise=1,bits=12": np.full((8, 8), 5000, np.uint16),
    "lossless": np.zeros((8, 8), np.float32),
    "lossless:png": np.zeros((8, 8), np.int16),
    "lossless:deflate": np.zeros((2, 2, 8, 8), np.uint8),
    "lossless:jpegls": np.zeros((0, 8), np.uint8),
}


@pytest.mark.parametrize("spec", BAD_FRAMES)
def test_a_frame_outside_the_contract_is_refused(spec):
    with pytest.raises(UnsupportedArray) as caught:
        codec(spec).roundtrip(BAD_FRAMES[spec])
    assert "\n" not in str(caught.value)


def test_no_array_at_all():
    with pytest.raises(UnsupportedArray, match="list"):
        codec("lossless").roundtrip([[1, 2], [3, 4]])


@pytest.mark.parametrize(
    "spec",
    [
        "lossless",
        "lossless:deflate",
        "lossless:png",
        "lossless:jpegxl",
        "lossless:jpegls",
        "jpeg:bits=12,quality=90",
        "jpeg2000:level=80",
        "jpegxl:distance=1",
        "jpegls:near=2",
        "noiseaware:gain=0.5,offset=100,read_noise=1.6",
    ],
)
@pytest.mark.parametrize("keep", [0.0, 0.3, 0.9])
def test_a_truncated_stream_is_a_named_failure(cells, spec, keep):
    raw = cells(64)
    step = codec(spec).steps[0]
    whole = step.encode(raw)
    cut = Encoded(whole.payload[: int(keep * len(whole.payload))], whole.side)
    with pytest.raises(CodecFailed):
        step.decode(cut, raw.shape, raw.dtype)


@pytest.mark.parametrize("spec", ["lossless", "lossless:jpegxl", "jpeg2000:level=80", "jpegls:near=2"])
def test_another_frames_stream_is_a_named_failure(cells, spec):
    step = codec(spec).steps[0]
    with pytest.raises(CodecFailed):
        step.decode(step.encode(cells(64)), (64, 65), np.dtype(np.uint16))


@pytest.mark.parametrize("cut", [1, 2, 3, 40])
def test_jpeg_misses_even_its_last_byte(cells, cut):
    # The library fills what is missing with grey, or guesses the end: refused here.
    raw = cells(64)
    step = codec("jpeg:bits=12,quality=90").steps[0]
    whole = step.encode(raw).payload
    assert imagecodecs.jpeg8_decode(whole[:-cut]).shape == raw.shape
    with pytest.raises(CodecFailed, match="end mark"):
        step.decode(Encoded(whole[:-cut]), raw.shape, raw.dtype)


@pytest.mark.parametrize("wrong", [np.zeros((4, 5), np.uint8), np.zeros((5, 4), np.uint16), np.zeros((4, 5, 1), np.uint16), None])
def test_a_result_of_another_shape_or_dtype_is_a_named_failure(wrong):
    with pytest.raises(CodecFailed, match="decoded to"):
        checked("it", wrong, (4, 5), np.dtype(np.uint16))
