"""Processing steps: closed forms and slow twins, shapes and bytes, and what a study says of them."""

from __future__ import annotations

import math
import struct

import numpy as np
import pytest

import sigmaraw as sr
from sigmaraw.codecs import codec, describe
from sigmaraw.codecs.binning import Binning
from sigmaraw.errors import CodecFailed, InvalidSpec, UnknownName, UnsupportedArray
from sigmaraw.noise import NoiseModel
from sigmaraw.noise.denoise import NonLocalMeans, estimate
from sigmaraw.noise.sliding_dct import SlidingDct

CAMERA = sr.CameraProfile.from_values(gain=0.5, offset=100, read_noise=1.6, bits=12)
KEYS = "gain=0.5,offset=100,read_noise=1.6"
ALONE = ["gaussian:sigma=2", "median:3", f"denoise:nlm,{KEYS}"]


def weights(sigma: float) -> np.ndarray:
    """The kernel from its definition, out to 4σ."""
    reach = int(4 * sigma + 0.5)
    line = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * sigma**2))
    return np.outer(line, line) / line.sum() ** 2


def test_a_gaussian_of_one_bright_pixel_is_its_kernel():
    frame = np.zeros((41, 45), np.uint16)
    frame[20, 22] = 60000
    decoded, nbytes = codec("gaussian:sigma=1.5").roundtrip(frame)
    expected = np.zeros(frame.shape)
    expected[14:27, 16:29] = 60000 * weights(1.5)
    assert np.abs(decoded - expected).max() <= 0.5 + 1e-6  # rounding to whole DN
    assert nbytes == frame.nbytes


@pytest.mark.parametrize("size", [3, 5])
def test_a_median_is_that_of_its_window(size, cells):
    frame = cells(64)[:33, :20]
    half = size // 2
    padded = np.pad(frame, half, mode="symmetric")
    slow = np.array([[np.median(padded[y : y + size, x : x + size]) for x in range(20)] for y in range(33)])
    assert np.array_equal(codec(f"median:size={size}").roundtrip(frame)[0], slow)


@pytest.mark.parametrize("how", ["mean", "sum"])
@pytest.mark.parametrize("shape", [(1, 1), (4, 6), (5, 7), (2, 1), (33, 17)])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_binning_is_the_mean_of_each_block_at_the_frames_own_size(how, shape, kind):
    frame = np.random.default_rng(1).integers(0, 256 if kind == np.uint8 else 16000, shape).astype(kind)
    decoded, nbytes = codec(f"bin:2,how={how}").roundtrip(frame)
    slow = np.empty(shape)
    for y in range(0, shape[0], 2):
        for x in range(0, shape[1], 2):
            slow[y : y + 2, x : x + 2] = np.rint(frame[y : y + 2, x : x + 2].mean())
    assert decoded.dtype == kind
    assert np.array_equal(decoded, slow)
    blocks = math.ceil(shape[0] / 2) * math.ceil(shape[1] / 2)
    assert nbytes == blocks * (2 if how == "sum" else frame.itemsize) + 2


def test_a_sum_that_does_not_fit_is_refused():
    with pytest.raises(UnsupportedArray, match="a sum of 65536 DN"):
        codec("bin:2,how=sum").roundtrip(np.full((4, 4), 16384, np.uint16))
    full = np.full((4, 4), 255, np.uint8)
    assert np.array_equal(codec("bin:16,how=sum").roundtrip(full)[0], full)


@pytest.mark.parametrize("side", [b"", b"\0", b"\2\0", b"\0\2", b"\0\0\0"])
def test_side_data_of_another_binning_are_refused(side):
    with pytest.raises(CodecFailed, match="side data"):
        Binning(size=2).inverse(np.zeros((3, 3), np.uint16), side, np.dtype(np.uint16))
    assert Binning(size=3).inverse(np.zeros((3, 3), np.uint16), struct.pack("<BB", 2, 0), np.dtype(np.uint16)).shape == (8, 9)


@pytest.mark.parametrize(("method", "denoiser"), [("dct", SlidingDct()), ("nlm", NonLocalMeans())])
def test_the_denoiser_is_the_bootstraps(method, denoiser, cells):
    frame = cells(48)
    expected = np.rint(estimate(frame, NoiseModel(0.5, 100.0, 1.6, 12), denoiser)).astype(np.uint16)
    for chain in (codec(f"denoise:{method}", CAMERA), codec(f"denoise:{method},bits=12,{KEYS}")):
        decoded, nbytes = chain.roundtrip(frame)
        assert np.array_equal(decoded, expected)
        assert nbytes == frame.nbytes
    assert not np.array_equal(expected, frame)


def test_what_a_denoiser_needs_is_asked_for():
    with pytest.raises(InvalidSpec, match="without a camera"):
        codec("denoise:nlm")
    with pytest.raises(UnknownName, match="unknown denoiser 'bm3d'"):
        codec(f"denoise:bm3d,{KEYS}")
    with pytest.raises(UnsupportedArray, match="4096"):
        codec("denoise", CAMERA).roundtrip(np.full((8, 8), 4096, np.uint16))


@pytest.mark.parametrize("spec", ALONE)
def test_alone_it_stores_the_containers_bytes_and_before_a_coder_the_coders(spec, cells):
    frame = cells(64)
    alone, coded = codec(spec), codec(f"{spec}+jpegls")
    assert alone.roundtrip(frame)[1] == frame.nbytes
    assert np.array_equal(alone.roundtrip(frame)[0], coded.roundtrip(frame)[0])
    assert coded.roundtrip(frame)[1] == codec("jpegls").roundtrip(alone.roundtrip(frame)[0])[1]
    assert alone.resolved()["steps"][0]["kind"] == "processing step"


@pytest.mark.parametrize("spec", [*ALONE, "bin:2"])
def test_frames_of_a_stack_do_not_see_each_other(spec, cells):
    stack = np.stack([cells(64, seed=seed) for seed in range(3)])
    step = codec(spec).steps[0]
    whole, side = step.forward(stack)
    for page, frame in zip(step.inverse(whole, side, stack.dtype), stack, strict=True):
        assert np.array_equal(page, codec(spec).roundtrip(frame)[0])


def test_a_study_sees_how_much_noise_is_gone():
    # White noise keeps √(Σw²) of its standard deviation, more at mirrored edges where a value counts twice, and rounding to whole DN
    # adds a twelfth of a DN² on both sides.
    frame = np.full((64, 64), 1100, np.uint16)
    n, variance = 40, 0.5 * 1000 + (0.5 * 1.6) ** 2 + 1 / 12
    record = sr.validate([frame], CAMERA, codecs=["gaussian:sigma=1"], pipeline="otsu", n=n, seed=1)
    (entry,) = record.document["codecs"]
    line = weights(1).sum(axis=0)  # of the separable filter, along one axis
    mirrored = np.pad(np.eye(64), ((line.size // 2,) * 2, (0, 0)), mode="symmetric")
    kept = np.square(np.apply_along_axis(np.convolve, 0, mirrored, line, "valid")).sum(axis=1).mean() ** 2
    expected = math.sqrt((kept * variance + 1 / 12) / variance)
    # Relative SE of a standard deviation from n·64² pixels, of which smoothing leaves one in 4πσ² independent, and of the raw one.
    error = expected * math.sqrt((4 * math.pi + 1) / (2 * (n - 4) * 64**2))
    assert entry["noise_std_ratio"] == pytest.approx(expected, abs=4 * error)
    assert entry["compression_ratio"] == 1


def test_listed_as_processing_steps():
    listed = {entry["name"] for entry in describe() if entry["available"] and entry["processing"]}
    assert listed >= {"gaussian", "median", "denoise", "bin"}
    assert not listed & {"lut", "sqrt", "to8bit", "lossless"}
