"""Properties that hold for every frame, searched for counterexamples by hypothesis."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sigmaraw.codecs import codec
from sigmaraw.codecs.lossless import METHODS
from sigmaraw.errors import UnreachableTarget

SHAPES = st.sampled_from([(1, 1), (1, 2), (2, 1), (1, 17), (3, 17), (17, 3), (8, 8), (17, 33), (3, 17, 33), (1, 1, 1), (2, 5, 4)])


@st.composite
def frames(draw, dtypes=("uint8", "uint16"), top=None):
    """Frames and stacks: anything at all, extremes only, or constant."""
    dtype = np.dtype(draw(st.sampled_from(dtypes)))
    shape = draw(SHAPES)
    largest = int(np.iinfo(dtype).max) if top is None else top
    kind = draw(st.sampled_from(["any", "extremes", "constant", "random"]))
    if kind == "any":
        return draw(hnp.arrays(dtype, shape, elements=st.integers(0, largest)))
    if kind == "constant":
        return np.full(shape, draw(st.integers(0, largest)), dtype)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    values = rng.choice([0, largest], shape) if kind == "extremes" else rng.integers(0, largest + 1, shape)
    return values.astype(dtype)


CHECK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize(
    "spec",
    [
        "lossless",
        "jpeg2000:lossless=true",
        "jpegxl:lossless=true,effort=3",
        "jpegls",
        *[f"lossless:{method}" for method in METHODS if method not in ("jpegxl", "brotli", "lzma")],
        *[f"{name}:lossless=true" for name in ("htj2k", "jpegxr", "zfp", "sz3", "sperr", "lerc")],
        "numcodecs:zlib",
        *[f"lossless:{method},dims=3" for method in ("zstd", "blosc2", "rice", "pcodec")],
        *[f"{name}:lossless=true,dims=3" for name in ("zfp", "sz3", "sperr")],
    ],
)
def test_lossless_gives_back_every_frame(spec):
    chain = codec(spec)

    @CHECK
    @given(frames())
    def check(raw):
        before = raw.copy()
        decoded, nbytes = chain.roundtrip(raw)
        assert decoded.dtype == raw.dtype
        assert np.array_equal(decoded, before)
        assert np.array_equal(raw, before)
        assert nbytes > 0

    check()


@CHECK
@given(frames(), st.integers(1, 127))
def test_jpegls_bounds_every_pixel(raw, near):
    decoded, _ = codec(f"jpegls:near={near}").roundtrip(raw)
    assert np.abs(decoded.astype(int) - raw).max() <= near


@pytest.mark.parametrize("dims", ["", ",dims=3"])
@pytest.mark.parametrize("name", ["zfp", "sz3", "sperr", "lerc"])
def test_bounded_families_bound_every_pixel(name, dims):
    if name == "lerc" and dims:
        pytest.skip("lerc codes single frames")

    @CHECK
    @given(frames(), st.integers(0, 127))
    def check(raw, bound):
        decoded, _ = codec(f"{name}:maxerr={bound}{dims}").roundtrip(raw)
        assert np.abs(decoded.astype(int) - raw).max() <= bound

    check()


@CHECK
@given(frames(dtypes=("uint16",)))
def test_minmax_keeps_the_range_and_half_a_step(raw):
    decoded, nbytes = codec("to8bit:minmax").roundtrip(raw)
    count = 1 if raw.ndim == 2 else len(raw)
    assert nbytes == raw.size + 4 * count
    for frame, back in zip(raw.reshape(count, *raw.shape[-2:]), decoded.reshape(count, *raw.shape[-2:]), strict=True):
        step = (int(frame.max()) - int(frame.min())) / 255
        assert np.abs(back.astype(int) - frame).max() <= step / 2 + 0.5
        assert frame.min() <= back.min() and back.max() <= frame.max()


@pytest.mark.parametrize(
    "spec",
    [
        "jpeg2000:level=60",
        "jpegxl:distance=2,effort=3",
        "jpeg2000:ratio=3",
        "jpeg2000:psnr=40",
        "jpegxl:ratio=2,effort=1",
        "jpegls:ratio=2",
        "jpegxr:quality=30",
        "jpegxr:ratio=3",
        "zfp:ratio=2",
        "jpegls:bpp=6",
        "sz3:psnr=40,dims=3",
    ],
)
def test_lossy_coders_keep_shape_dtype_and_determinism(spec):
    chain = codec(spec)

    @settings(CHECK, max_examples=25)
    @given(frames())
    def check(raw):
        try:
            first = chain.apply(raw)
        except UnreachableTarget:
            assert any(f"{target}=" in spec for target in ("ratio", "psnr", "bpp"))
            return
        again = chain.apply(raw)
        assert first.decoded.shape == raw.shape
        assert first.decoded.dtype == raw.dtype
        assert np.array_equal(first.decoded, again.decoded)
        assert first.nbytes == again.nbytes

    check()


@CHECK
@given(frames(dtypes=("uint8",)), st.integers(1, 100))
def test_8_bit_coders_take_any_8_bit_frame(raw, quality):
    for spec in (f"jpeg:quality={quality}", f"webp:quality={quality}", f"avif:quality={quality - 1},speed=10", f"htj2k:step={quality}"):
        decoded, _ = codec(spec).roundtrip(raw)
        assert decoded.shape == raw.shape
        assert decoded.dtype == np.uint8


@CHECK
@given(
    frames(),
    st.floats(0.05, 8),
    st.floats(0.01, 50),
    st.floats(0, 300),
    st.floats(0, 40),
)
def test_noiseaware_errs_by_at_most_its_step(raw, q, gain, offset, read_noise):
    # |ŷ − y| ≤ q/2, and dy/dz ≤ 1 falls with z: the error is at most K·(q/2·√s + q²/16 + 1) + 1 DN, the last for rounding,
    # and K·q²/48 for the dither's variance; clipping only brings the value nearer.
    decoded, _ = codec(f"noiseaware:q={q!r},gain={gain!r},offset={offset!r},read_noise={read_noise!r},backend=zstd").roundtrip(raw)
    level = np.maximum((raw.astype(float) - offset) / gain + 0.375 + read_noise**2, 1.0)
    bound = gain * (q / 2 * np.sqrt(level) + q * q / 16 + q * q / 48 + q / 2 + 1) + 1
    assert np.all(np.abs(decoded.astype(float) - raw) <= bound)


@pytest.mark.parametrize("family", ["jpeg2000", "jpegls", "jpegxr", "lossless-sqrt", "jpegxl", "htj2k"])
def test_a_largest_error_is_kept_or_refused(family):
    before, after = ("sqrt:gain=1,offset=3,read_noise=1,", "+lossless") if family == "lossless-sqrt" else (f"{family}:", "")
    beside = {"jpegxl": ",effort=1", "htj2k": ",bits=15"}.get(family, "")

    @settings(CHECK, max_examples=12)
    @given(frames(dtypes=("uint16",), top=32767), st.integers(0, 3000))
    def check(raw, bound):
        try:
            result = codec(f"{before}maxerr={bound}{beside}{after}").apply(raw)
        except UnreachableTarget:
            return
        reached = int(np.abs(result.decoded.astype(int) - raw).max())
        assert reached <= bound
        assert result.achieved["target_met"] is True
        assert result.achieved["maxerr"] == reached

    check()
