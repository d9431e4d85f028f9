"""Volumes and stacks: never colours, three-dimensional where asked, one setting for the whole."""

from __future__ import annotations

import numpy as np
import pytest

from sigmaraw.codecs import codec, describe
from sigmaraw.codecs.lossless import METHODS
from sigmaraw.errors import InvalidSpec, UnsupportedArray

WHOLE = ("zstd", "deflate", "blosc2", "rice", "pcodec", "brotli", "lzma")
FRAMES = {
    "avif": "bits=12,quality=60,speed=10",
    "hevc": "bits=12,qp=20,preset=ultrafast",
    "htj2k": "bits=12,step=20",
    "jpeg": "bits=12,quality=70",
    "jpeg2000": "bits=12,level=55",
    "jpegls": "near=4",
    "jpegxl": "bits=12,distance=1,effort=3",
    "jpegxr": "quality=70",
    "lerc": "maxerr=4",
    "sperr": "maxerr=4",
    "sz3": "maxerr=4",
    "zfp": "maxerr=4",
}


@pytest.mark.parametrize("depth", [3, 4])
@pytest.mark.parametrize("family", FRAMES)
def test_slices_are_never_read_as_colours(family, depth, cells):
    """Three or four slices are what a library takes for red, green, blue and alpha: each must come out as if it were alone."""
    quiet = np.full((40, 48), 130, np.uint16)
    stack = np.stack([cells(64)[:40, :48], quiet, cells(64, 1)[:40, :48], quiet][:depth])
    chain = codec(f"{family}:{FRAMES[family]}")
    trip = chain.apply(stack)
    alone = [chain.apply(plane) for plane in stack]
    assert np.array_equal(trip.decoded, np.stack([one.decoded for one in alone]))
    assert trip.frame_nbytes == tuple(one.nbytes for one in alone)
    if family != "avif":  # which gives even a constant frame a pattern of its own
        assert np.ptp(trip.decoded[1]) == 0


def test_the_families_that_take_volumes():
    by_parameter = {
        entry["name"] for entry in describe() if entry["available"] and {"dims", "gop"} & {row["name"] for row in entry["parameters"]}
    }
    assert by_parameter >= {"zfp", "sz3", "sperr", "lossless", "numcodecs", "hevc", "av1"}


@pytest.mark.parametrize("method", METHODS)
def test_exact_coding_takes_a_volume_whole_or_refuses(method, cells):
    if method not in WHOLE:
        with pytest.raises(InvalidSpec, match="rows or colours"):
            codec(f"lossless:{method},dims=3")
        return
    still = np.repeat(cells(48)[None], 4, axis=0)
    trip = codec(f"lossless:{method},dims=3").apply(still)
    assert np.array_equal(trip.decoded, still)
    assert trip.frame_nbytes == ()


@pytest.mark.parametrize(("spec", "less"), [("zfp:maxerr=6", 0.97), ("sz3:maxerr=6", 0.7), ("sperr:maxerr=6", 0.9), ("lossless:zstd", 0.5)])
def test_three_dimensions_use_what_slices_share(spec, less, cells):
    still = np.repeat(cells(64)[None], 16, axis=0)
    volume, slices = (codec(f"{spec},dims={dims}").apply(still) for dims in (3, 2))
    assert volume.nbytes < less * slices.nbytes
    if "maxerr" in spec:
        assert np.abs(volume.decoded.astype(int) - still).max() <= 6


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 9, 5), (2, 1, 17), (5, 3, 1), (3, 17, 33)])
@pytest.mark.parametrize("family", ["zfp", "sz3", "sperr"])
def test_thin_volumes(family, shape):
    volume = np.random.default_rng(0).integers(0, 65536, shape).astype(np.uint16)
    for bound in (0, 7):
        decoded, _ = codec(f"{family}:maxerr={bound},dims=3").roundtrip(volume)
        assert decoded.shape == shape
        assert np.abs(decoded.astype(int) - volume).max() <= bound


@pytest.mark.parametrize("spec", ["jpegxl:ratio=8,effort=3,bits=12", "sz3:ratio=9,dims=3", "hevc:psnr=66,range=4095,bits=12,gop=8"])
def test_frozen_and_retargeted_volumes_have_one_setting(spec, cells):
    first = np.stack([cells(64, seed) for seed in range(4)])
    second = np.stack([cells(64, 4 + seed) // 2 + 50 for seed in range(4)])
    knob = {"jpegxl": "distance", "sz3": "maxerr", "hevc": "qp"}[spec.partition(":")[0]]
    again, fixed = codec(spec), codec(f"{spec},frozen=true").freeze(first)
    own = again.apply(first).achieved[knob]
    assert fixed.apply(second).achieved[knob] == own == fixed.resolved()["steps"][0][knob]
    assert again.apply(second).achieved[knob] != own


def test_a_frame_coder_does_not_follow_a_map_into_a_volume_coder(cells):
    stack = np.stack([cells(64, seed) for seed in range(3)])
    with pytest.raises(UnsupportedArray, match="single frames"):
        codec("jpegls:near=1+zfp:maxerr=2,dims=3").roundtrip(stack)
    assert codec("to8bit:shift,bits=12+lossless:zstd,dims=3").apply(stack).frame_nbytes == ()
