"""Each family against the bare call of the library behind it, on the same frame."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import imagecodecs as bare
import numpy as np

import sigmaraw as sr
from tests.benchmarks.timing import side_by_side

SIDE = 1024
EFFORT = 7  # JPEG XL's
ONE = {"numthreads": 1}
SLOW = ("lossless:png", "lossless:brotli", "lossless:lzma", "lossless:tiff")  # below 5 MB/s: the rest is lost in them


def frame_of_cells(side: int = SIDE) -> np.ndarray:
    """Return a noisy frame of cells, 12 bit."""
    random = np.random.default_rng(1)
    y, x = np.mgrid[:side, :side]
    mean = 40 + 300 * np.exp(-((y % 128 - 64) ** 2 + (x % 128 - 64) ** 2) / 600)
    return np.clip(np.rint(100 + 0.46 * (random.poisson(mean) + random.normal(0, 1.6, mean.shape))), 0, 4095).astype(np.uint16)


def bare_calls(frame: np.ndarray) -> dict[str, Callable[[], object]]:
    """Return, per specification, the library's encoder and decoder on `frame` with the same settings, and the cast that it needs."""
    pixels, size = frame.tobytes(), frame.nbytes
    grey8 = (frame >> 4).astype(np.uint8)
    shuffled = {"compressor": "zstd", "shuffle": "bitshuffle", "typesize": 2, **ONE}
    return {
        "lossless:zstd": lambda: bare.bitshuffle_decode(
            bare.zstd_decode(bare.zstd_encode(bare.bitshuffle_encode(pixels, itemsize=2), level=9)), itemsize=2
        ),
        "lossless:deflate": lambda: bare.deflate_decode(bare.deflate_encode(pixels, level=9), out=size),
        "lossless:png": lambda: bare.png_decode(bare.png_encode(frame, level=9)),
        "lossless:jpegxl": lambda: bare.jpegxl_decode(bare.jpegxl_encode(frame, lossless=True, effort=EFFORT, usecontainer=False, **ONE)),
        "lossless:jpegls": lambda: bare.jpegls_decode(bare.jpegls_encode(frame)),
        "lossless:blosc2": lambda: bare.blosc2_decode(bare.blosc2_encode(pixels, 9, **shuffled), **ONE),
        "lossless:rice": lambda: bare.rcomp_decode(bare.rcomp_encode(frame), frame.shape, frame.dtype),
        "lossless:pcodec": lambda: bare.pcodec_decode(bare.pcodec_encode(frame, 8), frame.shape, frame.dtype),
        "lossless:tiff": lambda: bare.tiff_decode(bare.tiff_encode(frame, compression="deflate", level=9, predictor=True)),
        "lossless:htj2k": lambda: bare.htj2k_decode(bare.htj2k_encode(frame, reversible=True)),
        "lossless:brotli": lambda: bare.brotli_decode(bare.brotli_encode(pixels, 11), out=size),
        "lossless:lzma": lambda: bare.lzma_decode(bare.lzma_encode(pixels, 6), out=size),
        "numcodecs:zlib,level=6": lambda: zlib.decompress(zlib.compress(pixels, 6)),
        "jpeg:bits=12,quality=90": lambda: bare.jpeg8_decode(bare.jpeg8_encode(frame, level=90, bitspersample=12)),
        "jpeg2000:level=90": lambda: bare.jpeg2k_decode(bare.jpeg2k_encode(frame, level=90, **ONE), **ONE),
        "jpegxl:distance=1": lambda: bare.jpegxl_decode(bare.jpegxl_encode(frame, distance=1, effort=EFFORT, usecontainer=False, **ONE)),
        "jpegls:near=2": lambda: bare.jpegls_decode(bare.jpegls_encode(frame, level=2)),
        "htj2k:step=8,bits=15": lambda: bare.htj2k_decode(bare.htj2k_encode(frame, 8 / 65536, reversible=False)),
        "jpegxr:quality=80": lambda: bare.jpegxr_decode(bare.jpegxr_encode(frame, level=80)),
        "webp:quality=80": lambda: bare.webp_decode(
            bare.webp_encode(_colours(grey8), level=80, method=4, lossless=False, **ONE), hasalpha=False
        ),
        "avif:bits=12,quality=60": lambda: bare.avif_decode(
            bare.avif_encode(_colours(frame), level=60, bitspersample=12, speed=6, pixelformat="yuv400", **ONE), **ONE
        ),
        "zfp:maxerr=3": lambda: bare.zfp_decode(bare.zfp_encode(frame.astype(np.float32), 3.49, mode="accuracy", **ONE), **ONE),
        "sz3:maxerr=3": lambda: bare.sz3_decode(bare.sz3_encode(frame.astype(np.float64), mode="abs", abs=3.49), frame.shape, np.float64),
        "sperr:maxerr=3": lambda: bare.sperr_decode(bare.sperr_encode(frame.astype(np.float64), 3.49, "pwe", **ONE), **ONE),
        "lerc:maxerr=3": lambda: bare.lerc_decode(bare.lerc_encode(frame, level=3)),
    }


def _colours(grey: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(np.broadcast_to(grey[..., None], (*grey.shape, 3)))


def main() -> None:
    """Print encode + decode rates and compression ratios on one noisy 1024 × 1024 frame, 12 bit (webp: its 8 upper bits)."""
    frame = frame_of_cells()
    print(f" {'':<26}{'CR':>7}{'bare MB/s':>12}{'sigmaraw MB/s':>15}{'share':>8}")
    for spec, library in bare_calls(frame).items():
        codec = sr.codec(spec)
        array = (frame >> 4).astype(np.uint8) if spec.startswith("webp") else frame
        ratio = array.nbytes / codec.roundtrip(array)[1]
        contenders = {"bare": library, "ours": lambda codec=codec, array=array: codec.roundtrip(array)}
        seconds = side_by_side(contenders, rounds=1 if spec in SLOW else 9)
        rates = {name: array.nbytes / 1e6 / value for name, value in seconds.items()}
        print(f" {spec:<26}{ratio:7.2f}{rates['bare']:12.1f}{rates['ours']:15.1f}{rates['ours'] / rates['bare']:8.2f}", flush=True)


if __name__ == "__main__":
    main()
