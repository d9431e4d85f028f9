"""HTJ2K, JPEG XR, WebP, AVIF, the error-bounded families, look-up tables and numcodecs: promises and the libraries' traps."""

from __future__ import annotations

import zlib

import imagecodecs
import numpy as np
import pytest
from packaging.version import Version

from sigmaraw.codecs import codec
from sigmaraw.codecs.calls import seal, unseal
from sigmaraw.errors import CodecFailed, InputNotFound, InvalidSpec, UnreadableFile, UnsupportedArray

BOUNDED = ["zfp", "sz3", "sperr", "lerc"]
RNG = np.random.default_rng(11)
FRAMES = {
    "dark": np.zeros((33, 17), np.uint16),
    "saturated": np.full((33, 17), 65535, np.uint16),
    "one": np.array([[40000]], np.uint16),
    "row": np.arange(65536, dtype=np.uint16)[None, ::7],
    "column": np.arange(65536, dtype=np.uint16)[::9, None],
    "noise": RNG.integers(0, 65536, (257, 129)).astype(np.uint16),
    "checker": (np.indices((31, 32)).sum(0) % 2 * 65535).astype(np.uint16),
}
EXACT = [
    *[f"{name}:lossless=true" for name in (*BOUNDED, "htj2k", "jpegxr")],
    *[f"lossless:{method}" for method in ("blosc2", "rice", "pcodec", "tiff", "htj2k", "brotli", "lzma")],
    *[f"numcodecs:{name}" for name in ("blosc", "bz2", "gzip", "lz4", "lzma", "zlib", "zstd")],
]


def error(spec: str, frame: np.ndarray) -> np.ndarray:
    """Return decoded − raw, DN."""
    return codec(spec).roundtrip(frame)[0].astype(np.int64) - frame


@pytest.mark.parametrize("spec", EXACT)
@pytest.mark.parametrize("name", FRAMES)
def test_lossless_is_exact_in_both_depths(spec, name):
    assert not error(spec, FRAMES[name]).any()
    assert not error(spec, (FRAMES[name] >> 8).astype(np.uint8)).any()


@pytest.mark.parametrize("spec", ["webp:lossless=true", "avif:lossless=true"])
@pytest.mark.parametrize("name", FRAMES)
def test_lossless_is_exact_in_8_bit(spec, name):
    frame = (FRAMES[name][:2000, :2000] >> 8).astype(np.uint8)
    assert not error(spec, frame).any()


@pytest.mark.parametrize("bits", [10, 12])
def test_avif_is_exact_in_10_and_12_bit(bits):
    assert not error(f"avif:bits={bits},lossless=true", RNG.integers(0, 1 << bits, (65, 33)).astype(np.uint16)).any()


# --- error bounds -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", BOUNDED)
@pytest.mark.parametrize("bound", [1, 3, 100])
def test_every_pixel_is_within_the_bound_and_the_bound_is_used(name, bound, cells):
    frames = {**FRAMES, "cells": cells(128)}
    worst = {label: np.abs(error(f"{name}:maxerr={bound}", frame)).max() for label, frame in frames.items()}
    assert max(worst.values()) <= bound
    # ZFP rounds the tolerance down to a power of two, of which its error is a fraction; SPERR's wavelets alone may stay inside.
    assert worst["cells"] >= {"zfp": (bound > 1) * 0.2, "sperr": 0.4}.get(name, 0.9) * bound


@pytest.mark.parametrize("name", BOUNDED)
def test_bounds_in_8_bit_and_beyond_half_the_range(name):
    frame = (FRAMES["noise"] >> 8).astype(np.uint8)
    assert 0 < np.abs(error(f"{name}:maxerr=9", frame)).max() <= 9
    with pytest.raises(UnsupportedArray, match="maxerr up to 127"):
        codec(f"{name}:maxerr=128").roundtrip(frame)


@pytest.mark.parametrize("name", BOUNDED)
def test_a_larger_bound_takes_fewer_bytes(name, cells):
    sizes = [codec(f"{name}:maxerr={bound}").roundtrip(cells(128))[1] for bound in (0, 3, 20)]
    assert sizes == sorted(sizes, reverse=True)
    assert len(set(sizes)) == 3


def test_why_zfp_goes_through_reals(cells):
    # Of int32 the library ignores the accuracy: 1 and 16 give the same pixels, and an error beyond the first.
    raw = cells(64).astype(np.int32)
    streams = [imagecodecs.zfp_encode(raw, tolerance, mode="accuracy") for tolerance in (1, 16)]
    decoded = [imagecodecs.zfp_decode(stream) for stream in streams]
    assert np.array_equal(*decoded)
    assert np.abs(decoded[0] - raw).max() > 1


def test_a_sealed_stream_refuses_every_flipped_bit_and_every_cut():
    payload = seal(b"a code stream")
    assert unseal("x", payload) == b"a code stream"
    assert payload[-4:] == zlib.crc32(b"a code stream").to_bytes(4, "little")
    for bit in range(8 * len(payload)):
        broken = bytearray(payload)
        broken[bit // 8] ^= 1 << bit % 8
        with pytest.raises(CodecFailed, match="check sum"):
            unseal("x", bytes(broken))
    for length in range(len(payload)):
        with pytest.raises(CodecFailed, match="check sum"):
            unseal("x", payload[:length])


# --- traps ------------------------------------------------------------------------------------------------------------
def test_htj2k_does_not_wrap_where_the_library_does():
    frame = RNG.choice([0, 65535], (64, 64)).astype(np.uint16)
    bare = imagecodecs.htj2k_decode(imagecodecs.htj2k_encode(frame, 1e-4, reversible=False)).astype(int)
    assert (np.abs(bare - frame) > 60000).any()  # saturated pixels come back black
    with pytest.raises(InvalidSpec, match="wraps"):
        codec("htj2k:step=6.5,bits=16")
    with pytest.raises(UnsupportedArray):
        codec("htj2k:step=6.5").roundtrip(frame)
    assert np.abs(error("htj2k:step=6.5,bits=15", frame >> 1)).max() < 20
    assert np.abs(error("htj2k:step=6.5", (frame >> 8).astype(np.uint8))).max() < 30


def test_htj2k_step_is_in_dn(cells):
    # Coefficients are quantised by a dead zone of the step: with noise far above the step the error is near step/√12 in rms.
    raw = RNG.integers(8000, 24000, (256, 256)).astype(np.uint16)
    rms = {step: np.sqrt(np.mean(error(f"htj2k:step={step},bits=15", raw).astype(float) ** 2)) for step in (64, 256)}
    assert rms[256] == pytest.approx(4 * rms[64], rel=0.1)
    assert 0.5 < rms[64] / (64 / np.sqrt(12)) < 2


def test_avif_obeys_the_quality_that_the_library_ignores_of_grey(cells):
    raw = cells(64)
    for quality in (10, 90):  # ignored until imagecodecs 2026.3, obeyed in 2026.10
        exact = np.array_equal(imagecodecs.avif_decode(imagecodecs.avif_encode(raw, quality, bitspersample=12)), raw)
        assert exact is (Version(imagecodecs.__version__) < Version("2026.10"))
    coarse, fine = (codec(f"avif:quality={quality},bits=12").roundtrip(raw) for quality in (10, 90))
    assert coarse[1] < fine[1]
    assert np.mean((coarse[0].astype(float) - raw) ** 2) > 4 * np.mean((fine[0].astype(float) - raw) ** 2) > 0


def test_avif_refuses_depths_that_the_format_has_not():
    with pytest.raises(UnsupportedArray, match="uint8"):
        codec("avif:quality=80").roundtrip(np.zeros((8, 8), np.uint16))
    with pytest.raises(UnsupportedArray, match="4096"):
        codec("avif:quality=80,bits=12").roundtrip(np.full((8, 8), 4096, np.uint16))
    with pytest.raises(InvalidSpec, match="8, 10, 12"):
        codec("avif:quality=80,bits=16")


def test_lossy_webp_keeps_at_most_220_levels():
    ramp = np.repeat(np.arange(256, dtype=np.uint8), 16)[None].repeat(16, 0)
    decoded, _ = codec("webp:quality=100").roundtrip(ramp)
    assert 200 <= len(np.unique(decoded)) <= 220
    assert np.abs(decoded.astype(int) - ramp).max() <= 4


@pytest.mark.parametrize("shape", [(1, 1), (31, 7), (16, 16), (5, 33)])
def test_jpeg_xr_takes_narrow_frames_at_strong_settings(shape):
    frame = RNG.integers(100, 120, shape).astype(np.uint8)
    decoded, _ = codec("jpegxr:quality=5").roundtrip(frame)
    assert decoded.shape == shape
    assert np.abs(decoded.astype(int) - frame).max() <= 30


def test_why_a_dark_frame_gets_two_more_bytes_in_blosc2():
    stream = imagecodecs.blosc2_encode(bytes(100), 9, compressor="zstd", shuffle="bitshuffle", typesize=1)
    if Version(imagecodecs.__version__) < Version("2026.10"):
        with pytest.raises(RuntimeError):
            imagecodecs.blosc2_decode(stream)
    else:  # cured; the two bytes stay, so that streams of either version are the same
        assert imagecodecs.blosc2_decode(stream) == bytes(100)


# --- tables -----------------------------------------------------------------------------------------------------------
def test_square_root_table_has_steps_of_q_noise_standard_deviations():
    gain, offset, read_noise, q = 2.0, 100.0, 1.6, 0.5
    levels = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    chain = codec(f"sqrt:q={q},gain={gain},offset={offset},read_noise={read_noise}")
    decoded, nbytes = chain.roundtrip(levels)
    # Independent of the stabiliser: σ from the camera equation, larger at the far end of a bin than at the near one.
    sigma = np.sqrt(gain * np.maximum(levels.astype(float) - offset, 0) + (gain * read_noise) ** 2 + 0.375 * gain**2)
    assert np.all(np.abs(decoded.astype(float) - levels) <= 0.5 * q * 1.05 * sigma + 1)
    bright = levels > 5000
    rms = np.sqrt(np.mean(((decoded.astype(float) - levels)[bright] / sigma[bright]) ** 2))
    assert rms == pytest.approx(q / np.sqrt(12), rel=0.02)
    # Codes: 2(√(full well in e⁻ + c) − √c)/q above the offset, and one for each DN below it, where q·σ would be 1 e⁻·q.
    floor = 0.375 + read_noise**2
    bright_codes = 2 * (np.sqrt((65535 - offset) / gain + floor) - np.sqrt(floor)) / q
    assert chain.resolved()["steps"][0]["codes"] == pytest.approx(bright_codes + offset, abs=4)
    assert nbytes == 2 * levels.size + 8


def test_square_root_is_exact_where_the_step_is_below_one_dn():
    dark = np.arange(80, 120, dtype=np.uint16)[None]
    chain = codec("sqrt:q=0.5,gain=0.1,offset=100,read_noise=1.6")
    assert np.array_equal(chain.roundtrip(dark)[0], dark)
    codes, _ = chain.steps[0].forward(dark)
    assert np.all(np.diff(codes[0].astype(int)) == 1)  # and no finer: whole DN are all there is


def test_a_saturated_8_bit_pixel_does_not_wrap_around():
    saturated = np.full((3, 3), 255, np.uint8)
    assert np.abs(error("sqrt:q=1,gain=0.5,offset=100,read_noise=1.6", saturated)).max() <= 5


def test_square_root_refuses_what_it_does_not_know():
    with pytest.raises(InvalidSpec, match="offset"):
        codec("sqrt:gain=1,read_noise=1")
    with pytest.raises(UnsupportedArray, match="4096"):
        codec("sqrt:bits=12,gain=1,offset=0,read_noise=1").roundtrip(np.full((4, 4), 4096, np.uint16))


def test_a_lut_returns_the_middle_of_each_code(tmp_path):
    codes = tmp_path / "codes.txt"
    codes.write_text("0\n0\n0\n1\n1\n5\n")
    chain = codec(f"lut:{codes}")
    decoded, nbytes = chain.roundtrip(np.arange(6, dtype=np.uint16)[None])
    assert decoded.tolist() == [[1, 1, 1, 3, 3, 5]]
    assert nbytes == 6 + 8
    with pytest.raises(UnsupportedArray, match="pixel of 6"):
        chain.roundtrip(np.full((2, 2), 6, np.uint16))
    one_to_one = tmp_path / "identity.npy"
    np.save(one_to_one, np.arange(4096) * 3)
    frame = RNG.integers(0, 4096, (20, 20)).astype(np.uint16)
    assert not error(f"lut:{one_to_one}", frame).any()
    assert codec(f"lut:{one_to_one}").resolved()["steps"][0]["exact"] is True
    # A coder behind it may return codes that no DN has: they are nearest to what lies beside them.
    assert np.abs(error(f"lut:{one_to_one}+jpegls:near=2", frame)).max() <= 2


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"1\n2\nx\n", UnreadableFile), (b"", InvalidSpec), (b"3\n2\n1\n", InvalidSpec), (b"-1\n2\n", InvalidSpec), (b"70000", InvalidSpec)],
)
def test_bad_lut_files_are_refused(tmp_path, content, expected):
    path = tmp_path / "table.txt"
    path.write_bytes(content)
    with pytest.raises(expected):
        codec(f"lut:{path}")


def test_a_lut_file_is_never_unpickled(tmp_path):
    path = tmp_path / "table.npy"
    np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(UnreadableFile):
        codec(f"lut:{path}")
    with pytest.raises(InputNotFound):
        codec(f"lut:{tmp_path / 'none.npy'}")
    np.savez(tmp_path / "archive.npz", np.arange(5))
    (tmp_path / "archive.npz").rename(path)
    with pytest.raises(UnreadableFile, match="archive"):
        codec(f"lut:{path}")


# --- numcodecs --------------------------------------------------------------------------------------------------------
def test_numcodecs_gives_the_librarys_own_bytes(cells):
    raw = cells(64)
    decoded, nbytes = codec("numcodecs:zlib,level=9").roundtrip(raw)
    assert np.array_equal(decoded, raw)
    assert nbytes == len(zlib.compress(raw.tobytes(), 9))
    assert nbytes < codec("numcodecs:zlib,level=1").roundtrip(raw)[1]


def test_numcodecs_gzip_does_not_store_the_time(cells):
    step = codec("numcodecs:gzip").steps[0]
    assert step.encode(cells(64)).payload[4:8] == bytes(4)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("numcodecs:pickle", "a codec of numbers"),
        ("numcodecs:quantize", "without 'digits'"),
        ("numcodecs:zlib,lvl=3", "level"),
        ("numcodecs:zlib,level=x", "whole number"),
        ("numcodecs", "the codec's name"),
    ],
)
def test_numcodecs_refuses_by_name(spec, words):
    with pytest.raises(InvalidSpec, match=words):
        codec(spec)


def test_numcodecs_refuses_a_value_that_the_compressor_does_not_take(cells):
    with pytest.raises((InvalidSpec, CodecFailed)):
        codec("numcodecs:blosc,cname=nonesuch").roundtrip(cells(64))
