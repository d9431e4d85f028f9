"""Any codec of numcodecs: what it promises is found by trial, and nothing that holds objects is taken."""

from __future__ import annotations

import json

import numcodecs
import numpy as np
import pytest

from sigmaraw.codecs import codec, numcodecs_family
from sigmaraw.contracts import Encoded
from sigmaraw.errors import CodecFailed, InvalidSpec, UnknownName, UnsupportedArray
from sigmaraw.study.grid import expand

RNG = np.random.default_rng(5)
SCENE = RNG.poisson(300, (64, 48)).astype(np.uint16)


def step(spec: str):
    return codec(spec).steps[0]


@pytest.mark.parametrize(
    ("spec", "dtypes"),
    [
        ("numcodecs:zlib", ("uint8", "uint16")),
        ("numcodecs:id=zlib,bits=12", ("uint16",)),
        ("numcodecs:crc32", ("uint8", "uint16")),
        ("numcodecs:delta,dtype=<u2", ("uint16",)),  # of one byte a pixel it makes another shape
        ("numcodecs:delta,dtype=u1", ("uint8", "uint16")),  # of two it takes the bytes one by one
        ("numcodecs:shuffle,elementsize=2,then=zstd", ("uint16",)),  # an odd number of bytes is not shuffled
        ("numcodecs:astype,encode_dtype=<f4,decode_dtype=<u2", ("uint16",)),
        ("numcodecs:zstd,cast=float64", ("uint8", "uint16")),
    ],
)
def test_exact_codecs_are_found_to_be_so(spec, dtypes):
    chain = codec(spec)
    contract = chain.steps[0].contract
    assert contract.lossless
    assert contract.dtypes == dtypes
    for dtype in dtypes:
        frame = SCENE.astype(dtype)
        assert np.array_equal(chain.roundtrip(frame)[0], frame)


@pytest.mark.parametrize(
    ("spec", "bound"),
    [
        ("numcodecs:bitround,keepbits=6,cast=float32,then=zstd", lambda x: x * 2.0**-7),  # half of the last bit kept, relative
        ("numcodecs:quantize,digits=-1,dtype=<f8,cast=float64,then=zstd", lambda x: np.full(x.shape, 8.0)),  # steps of 2^4, from its source
        ("numcodecs:fixedscaleoffset,offset=0,scale=0.05,dtype=<u2,astype=u1,bits=12,then=zstd", lambda x: np.full(x.shape, 10.0)),
    ],
)
def test_lossy_codecs_are_found_to_be_so_and_keep_their_own_bounds(spec, bound):
    chain = codec(spec)
    assert not chain.steps[0].contract.lossless
    decoded, nbytes = chain.roundtrip(SCENE)
    error = np.abs(decoded.astype(float) - SCENE)
    assert error.max() > 0
    assert np.all(error <= bound(SCENE.astype(float)) + 0.5)  # and half a DN for coming back to integers
    assert nbytes < codec("numcodecs:zstd").roundtrip(SCENE)[1]


def test_exact_in_one_dtype_alone_promises_nothing():
    chain = codec("numcodecs:bitround,keepbits=7,cast=float32")  # with the leading one, 8 bits
    bytes_alone = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert np.array_equal(chain.roundtrip(bytes_alone)[0], bytes_alone)
    assert not np.array_equal(chain.roundtrip(SCENE)[0], SCENE)
    assert not chain.steps[0].contract.lossless


def test_bytes_are_the_librarys_and_the_layout():
    made = numcodecs.BitRound(keepbits=6).encode(SCENE.astype(np.float32))
    payload = numcodecs.Zstd().encode(numcodecs.compat.ensure_bytes(made))
    encoded = step("numcodecs:bitround,keepbits=6,cast=float32,then=zstd").encode(SCENE)
    assert encoded.payload == payload
    assert encoded.side == made.dtype.str.encode() + bytes([2]) + (64).to_bytes(4, "little") + (48).to_bytes(4, "little")


def test_a_compressor_may_take_a_volume_whole():
    volume = np.stack([SCENE, SCENE, SCENE + 1])
    payload = numcodecs.Blosc(cname="zstd", clevel=7, shuffle=2).encode(volume)
    chain = codec("numcodecs:blosc,cname=zstd,clevel=7,shuffle=2,dims=3")
    decoded, nbytes = chain.roundtrip(volume)
    assert np.array_equal(decoded, volume)
    assert nbytes == len(payload)
    # Equal slices are found again by a compressor that sees both.
    assert codec("numcodecs:lzma,dims=3").roundtrip(volume)[1] < 0.7 * codec("numcodecs:lzma").roundtrip(volume)[1]
    for spec in (
        "numcodecs:bitround,keepbits=6,cast=float32,dims=3",
        "numcodecs:zlib,cast=float32,dims=3",
        "numcodecs:delta,dtype=<u2,dims=3",
    ):
        with pytest.raises(InvalidSpec, match="dims=3; expected one of blosc, bz2"):
            codec(spec)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        # 4095/16 rounds to 256, which one byte does not hold: saturated pixels would come back black.
        ("numcodecs:fixedscaleoffset,offset=0,scale=0.0625,dtype=<u2,astype=u1,bits=12", "saturated .* is off by 4095"),
        ("numcodecs:astype,encode_dtype=u1,decode_dtype=<u2", "wrap around or are clipped"),
        ("numcodecs:bitround,keepbits=6", "Only float arrays"),
        ("numcodecs:packbits", "fails its trial"),
    ],
)
def test_what_fails_or_wraps_on_trial_is_refused_with_the_reason(spec, words):
    with pytest.raises(CodecFailed, match=words):
        codec(spec)


@pytest.mark.parametrize("name", ["pickle", "json2", "msgpack2", "vlen-utf8", "vlen-bytes", "vlen-array", "categorize"])
def test_codecs_of_objects_are_refused_by_name(name):
    with pytest.raises(InvalidSpec, match=f"'numcodecs' with {name}; expected a codec of numbers"):
        codec(f"numcodecs:{name}")


def test_no_codec_that_reads_pickles_is_left():
    left = set(numcodecs.registry.codec_registry) - set(numcodecs_family._REFUSED)
    kinds = {name: numcodecs.registry.codec_registry[name] for name in left}
    assert not [name for name, kind in kinds.items() if "pickle" in kind.__module__.lower() + kind.__name__.lower()]
    assert left >= {*numcodecs_family.EXACT, "delta", "bitround", "quantize", "fixedscaleoffset", "shuffle"}


def test_names_and_settings_that_it_has_not():
    with pytest.raises(UnknownName, match=r"one of adler32.*delta.*zstd"):
        codec("numcodecs:nosuch")
    with pytest.raises(InvalidSpec, match="id you mean 'keepbits'"):
        codec("numcodecs:bitround,keepbit=3,cast=float32")
    with pytest.raises(InvalidSpec, match="'numcodecs' without 'dtype'"):
        codec("numcodecs:delta")
    with pytest.raises(InvalidSpec, match="keepbits=many in 'numcodecs'; expected a whole number"):
        codec("numcodecs:bitround,keepbits=many,cast=float32")
    with pytest.raises(InvalidSpec, match="settings that the codec takes"):
        codec("numcodecs:delta,dtype=many")
    with pytest.raises(UnsupportedArray, match="4096"):
        codec("numcodecs:fixedscaleoffset,offset=0,scale=0.05,dtype=<u2,astype=u1,bits=12").roundtrip(np.full((3, 3), 4096, np.uint16))


class ExactOnTrial(numcodecs.abc.Codec):
    """Exact on every frame but one with a pixel of 12345, and on none where it was registered as `fails`."""

    codec_id = "exact-on-trial"

    def encode(self, buf):
        return np.where(buf == 12345, 0, buf).astype(buf.dtype)

    def decode(self, buf, out=None):
        return buf


def test_exact_on_trial_is_checked_on_every_frame():
    numcodecs.register_codec(ExactOnTrial)
    chain = codec("numcodecs:exact-on-trial")
    assert chain.steps[0].contract.lossless
    frame = np.full((5, 7), 12344, np.uint16)
    assert np.array_equal(chain.roundtrip(frame)[0], frame)
    with pytest.raises(CodecFailed, match="does not give back this frame, though it gave back those"):
        chain.roundtrip(frame + 1)


def test_the_record_has_the_codecs_own_configuration():
    resolved = codec("numcodecs:bitround,keepbits=6,cast=float32").resolved()["steps"][0]
    assert resolved["config"] == {"id": "bitround", "keepbits": 6}
    assert resolved["libraries"] == {"numcodecs": numcodecs.__version__}
    assert json.loads(json.dumps(resolved, allow_nan=False)) == resolved
    for spec in ("numcodecs:bitround,keepbits=6,cast=float32", "numcodecs:lzma,preset=3", "numcodecs:delta,dtype=<u2,then=zstd"):
        chain = codec(spec)
        again = codec(chain.resolved()["full_spec"])
        assert again.steps[0].coder.config == chain.steps[0].coder.config
        assert again.roundtrip(SCENE)[1] == chain.roundtrip(SCENE)[1]


@pytest.mark.parametrize(
    "side",
    [
        b"",
        b"<(,\x02\x40\0\0\0\x30\0\0\0",
        b"|O8\x01\x01\x00\x00\x00",
        b"<f4\x09",
        b"<f4\x02\xff\xff\xff\xff\xff\xff\xff\xff",
        b"<f4\x02" + bytes(7),
    ],
)
def test_side_data_of_another_kind_are_refused(side):
    coder = step("numcodecs:bitround,keepbits=6,cast=float32")
    with pytest.raises(CodecFailed):
        coder.decode(Encoded(coder.encode(SCENE).payload[:100], side), SCENE.shape, SCENE.dtype)


def passes(digits: int, bits: int) -> bool:
    """Whether the trial of frames of so many bits, on which nothing may be clipped or wrap around, lets a setting pass."""
    try:
        codec(f"numcodecs:quantize,digits={digits},dtype=<f8,cast=float64,bits={bits}")
    except CodecFailed:
        return False
    return True


@pytest.mark.parametrize("bits", range(1, 9))
def test_a_target_seeks_quantize_among_the_steps_that_few_bits_pass(bits):
    """The range is known before anything is tried; that it is the right one, the trial of every setting says."""
    coarsest = min(digits for digits in range(-2, 1) if passes(digits, bits))
    frame = RNG.poisson(0.4 * 2**bits, (64, 48)).clip(0, 2**bits - 1).astype(np.uint8)
    keys = f"dtype=<f8,cast=float64,then=zstd,bits={bits}"
    for target, digits in (("maxerr=0", 0), ("maxerr=40", coarsest), ("maxerr=4", max(coarsest, -1)), ("psnr=20", coarsest)):
        chain = codec(f"numcodecs:quantize,{target},{keys}")
        found = chain.apply(frame)
        assert found.achieved["digits"] == digits, target
        decoded, nbytes = codec(f"numcodecs:quantize,digits={digits},{keys}").roundtrip(frame)
        assert np.array_equal(found.decoded, decoded)
        assert found.nbytes == nbytes
        assert codec(chain.resolved()["full_spec"]).roundtrip(frame)[1] == nbytes
    ratio = codec(f"numcodecs:quantize,digits={coarsest},{keys}").apply(frame)
    near = codec(f"numcodecs:quantize,ratio={frame.nbytes / ratio.nbytes:.4f},{keys}").apply(frame)
    assert near.achieved["digits"] == coarsest
    assert near.achieved["target_met"]


def test_a_star_of_quantize_ends_where_the_bits_do():
    points = [point.value for point in expand(["numcodecs:quantize,digits=*,dtype=<f8,cast=float64,bits=5"])]
    assert points == [-1, 0]
    assert [point.value for point in expand(["numcodecs:quantize,digits=*,dtype=<f8,cast=float64"])] == [-2, -1, 0]
