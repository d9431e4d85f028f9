"""What each family promises of its error, against NumPy and against direct calls of the library."""

from __future__ import annotations

import imagecodecs
import numpy as np
import pytest
from packaging.version import Version

from sigmaraw.codecs import codec

EXACT = [
    "lossless",
    "lossless:deflate",
    "lossless:png",
    "lossless:jpegxl",
    "lossless:jpegls",
    "jpeg2000:lossless=true",
    "jpegxl:lossless=true",
    "jpegls",
    "jpegls:lossless=true",
    "jpeg:bits=16,lossless=true",
]
FRAMES = {
    "dark": np.zeros((33, 17), np.uint16),
    "saturated": np.full((33, 17), 65535, np.uint16),
    "one": np.array([[40000]], np.uint16),
    "row": np.arange(65536, dtype=np.uint16)[None, ::7],
    "column": np.arange(65536, dtype=np.uint16)[::9, None],
    "noise": np.random.default_rng(5).integers(0, 65536, (257, 129)).astype(np.uint16),  # incompressible: larger than the buffer
    "checker": (np.indices((31, 32)).sum(0) % 2 * 65535).astype(np.uint16),
}


@pytest.mark.requirement("R-CODEC")
@pytest.mark.parametrize("spec", EXACT)
@pytest.mark.parametrize("name", FRAMES)
def test_lossless_is_exact(spec, name):
    decoded, _ = codec(spec).roundtrip(FRAMES[name])
    assert np.array_equal(decoded, FRAMES[name])


@pytest.mark.requirement("R-CODEC")
@pytest.mark.parametrize("spec", [*[spec for spec in EXACT if "bits" not in spec], "jpeg:lossless=true"])
@pytest.mark.parametrize("name", FRAMES)
def test_lossless_is_exact_in_8_bit(spec, name):
    frame = (FRAMES[name] >> 8).astype(np.uint8)
    assert np.array_equal(codec(spec).roundtrip(frame)[0], frame)


def test_jpeg_xl_distance_0_would_not_be_lossless(cells):
    # Why `distance` starts above 0 and exactness needs lossless=true: on 12-bit data distance 0 lost 1 DN and more before libjxl 0.12.
    raw = cells(64)
    exact = np.array_equal(imagecodecs.jpegxl_decode(imagecodecs.jpegxl_encode(raw, distance=0.0, lossless=False)), raw)
    assert exact is (Version(imagecodecs.version(dict)["libjxl"]) >= Version("0.12"))
    assert np.array_equal(codec("jpegxl:lossless=true").roundtrip(raw)[0], raw)


@pytest.mark.requirement("R-CODEC")
@pytest.mark.parametrize("near", [1, 2, 7, 100])
def test_jpeg_ls_bounds_every_pixel(cells, near):
    raw = cells(128)
    error = np.abs(codec(f"jpegls:near={near}").roundtrip(raw)[0].astype(int) - raw)
    assert 0.9 * near <= error.max() <= near


def test_jpeg_12_bit_keeps_4095_and_refuses_4096(cells):
    frame = np.full((16, 16), 4095, np.uint16)
    assert np.array_equal(codec("jpeg:quality=100,bits=12").roundtrip(frame)[0], frame)
    # The library itself would clip in silence:
    over = imagecodecs.jpeg8_decode(imagecodecs.jpeg8_encode(frame + 900, level=100, bitspersample=12))
    assert over.max() <= 4095


def test_jpeg_quality_orders_error_and_bytes(cells):
    raw = cells()
    errors, sizes = [], []
    for quality in (20, 60, 95):
        decoded, nbytes = codec(f"jpeg:quality={quality},bits=12").roundtrip(raw)
        errors.append(np.mean((decoded.astype(float) - raw) ** 2))
        sizes.append(nbytes)
    assert errors == sorted(errors, reverse=True)
    assert sizes == sorted(sizes)


@pytest.mark.parametrize(
    ("low", "high", "better"),
    [("jpegxl:distance=3", "jpegxl:distance=0.1", True), ("jpeg2000:level=70", "jpeg2000:level=95", True)],
)
def test_knobs_trade_bytes_for_quality(cells, low, high, better):
    raw = cells()
    worse, fewer = codec(low).roundtrip(raw)
    best, more = codec(high).roundtrip(raw)
    assert fewer < more
    assert (np.mean((best.astype(float) - raw) ** 2) < np.mean((worse.astype(float) - raw) ** 2)) is np.bool_(better)


def test_stating_12_bits_moves_the_level_by_24_db(cells):
    # level is a PSNR against 2^bits − 1: 20·log₁₀(65535/4095) = 24.08 dB.
    raw = cells()
    wide, _ = codec("jpeg2000:level=90").roundtrip(raw)
    narrow, _ = codec("jpeg2000:level=65.92,bits=12").roundtrip(raw)
    noise = [np.mean((decoded.astype(float) - raw) ** 2) for decoded in (wide, narrow)]
    assert noise[1] == pytest.approx(noise[0], rel=0.05)


# --- to8bit -----------------------------------------------------------------------------------------------------------
def test_minmax_error_is_half_a_step_and_the_ends_are_exact():
    frame = np.arange(1000, 52001, 7, dtype=np.uint16)[None]
    decoded, _ = codec("to8bit:minmax").roundtrip(frame)
    step = (int(frame.max()) - int(frame.min())) / 255
    assert np.abs(decoded.astype(int) - frame).max() <= step / 2 + 0.5
    assert decoded[0, 0] == frame.min()
    assert decoded[0, -1] == frame.max()


def test_minmax_of_up_to_256_levels_is_exact():
    frame = (40000 + np.arange(256, dtype=np.uint16)).reshape(16, 16)
    assert np.array_equal(codec("to8bit:minmax").roundtrip(frame)[0], frame)


@pytest.mark.parametrize("method", ["minmax", "percentile"])
@pytest.mark.parametrize("value", [0, 1, 65535])
def test_a_constant_frame_comes_back_exactly(method, value):
    frame = np.full((5, 5), value, np.uint16)
    assert np.array_equal(codec(f"to8bit:{method}").roundtrip(frame)[0], frame)


@pytest.mark.parametrize("bits", [9, 12, 16])
def test_shift_returns_the_middle_of_each_bin(bits):
    step = 1 << (bits - 8)
    frame = np.arange(1 << bits, dtype=np.uint32).astype(np.uint16).reshape(16, -1)
    decoded, _ = codec(f"to8bit:shift,bits={bits}").roundtrip(frame)
    error = decoded.astype(int) - frame
    assert error.min() == -step // 2 + 1
    assert error.max() == step // 2
    assert error.mean() == 0.5  # the middle of an even number of levels is a half, rounded up


def test_percentile_clips_what_lies_beyond(cells):
    raw = cells().copy()
    raw[0, 0] = 4095
    decoded, _ = codec("to8bit:percentile,low=1,high=99").roundtrip(raw)
    lo, hi = np.percentile(raw, (1, 99), method="nearest")
    assert decoded.min() == lo
    assert decoded.max() == hi


def test_the_three_methods_differ_by_a_factor_of_several(cells):
    raw = cells()
    rms = {
        spec: np.sqrt(np.mean((codec(spec).roundtrip(raw)[0].astype(float) - raw) ** 2))
        for spec in ("to8bit:minmax", "to8bit:shift,bits=12")
    }
    # A shift has steps of 16 DN, minmax of range/255: here the frame fills a sixteenth of the range.
    assert rms["to8bit:shift,bits=12"] > 6 * rms["to8bit:minmax"]
