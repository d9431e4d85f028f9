"""What a record holds of a codec is enough to make the same bytes again."""

from __future__ import annotations

import json

import numpy as np
import pytest

from sigmaraw.codecs import codec
from sigmaraw.noise import NoiseModel

CAMERA = NoiseModel(gain_dn_per_e=0.46, offset_dn=100.3, read_noise_e=1.61, bits=12)
COPY = 'exec:encode="cp {in} {out}",decode="cp {in} {out}",suffix=png,lossless=true'
SPECS = [
    "lossless",
    "lossless:blosc2,dims=3",
    "to8bit:percentile,low=1,high=99+jpeg:quality=90",
    "jpeg:bits=12,ratio=4",
    "jpeg2000:ratio=9",
    "jpeg2000:ratio=9,frozen=true",
    "jpeg2000:bits=12,level=60.25",
    "jpegxl:rz=0.7,effort=3",
    "jpegls:maxerr=5",
    "noiseaware:q=1.3,backend=jpegls",
    "noiseaware:rz=0.4,backend=zstd",
    "noiseaware:q=1,dither=false,reconstruct=mean,backend=jpegls",
    "htj2k:psnr=70,bits=12",
    "hevc:qp=12,bits=12,preset=ultrafast",
    "jpegxr:quality=80.5",
    "to8bit:shift,bits=12+webp:quality=70",
    "avif:quality=60,bits=12,speed=10",
    "zfp:maxerr=4",
    "sz3:bpp=3,dims=3",
    "sperr:maxerr=3,frozen=false",
    "lerc:maxerr=2,compression=zstd",
    "sqrt:q=0.7+jpegls",
    "sqrt:rz=0.3,frozen=true+lossless",
    "av1:qp=6,bits=10,preset=10",
    "gaussian:sigma=1.3",
    "median:5+jpegls",
    "denoise:nlm+lossless",
    "bin:size=3,how=sum",
    "numcodecs:bitround,keepbits=7,cast=float32,then=zstd",
    "numcodecs:bitround,ratio=5,cast=float32,then=zstd,frozen=true",
    "numcodecs:quantize,maxerr=40,dtype=<f8,cast=float64,then=zstd",
    COPY,
    "numcodecs:blosc,cname=zstd,clevel=7,shuffle=2",
    "numcodecs:zstd,level=5,dims=3",
]


@pytest.mark.parametrize("spec", SPECS)
def test_the_resolved_specification_gives_the_same_bytes(spec, cells):
    raw = cells(96)
    raw[:6] = 4095  # saturated: the bit depth decides what becomes of noise above it
    volume = np.stack([cells(48, 0), cells(48, 1)])
    if spec.startswith("av1"):  # 10 bit is the most that it takes: larger pixels are refused
        raw, volume = raw // 4, volume // 4
    for image in (raw, volume):
        first = codec(spec, CAMERA, allow_exec=spec == COPY).freeze(image)
        resolved = json.loads(json.dumps(first.resolved()))
        camera = CAMERA if "rz=" in resolved["full_spec"] else None  # the camera's values stand in the text; rz needs its noise
        again = codec(resolved["full_spec"], camera, allow_exec=spec == COPY)
        for other in (image, image[..., ::-1].copy()):
            a, b = first.apply(other), again.apply(other)
            assert np.array_equal(a.decoded, b.decoded)
            assert a.nbytes == b.nbytes
        if "frozen=true" not in spec:
            assert again.resolved()["full_spec"] == resolved["full_spec"]
        else:
            assert "frozen=true" not in resolved["full_spec"]


def test_a_setting_that_a_search_found_gives_the_same_bytes_when_it_is_written(cells):
    raw = cells(96)
    for target, fixed in (("jpegxl:ratio=8,effort=3", "jpegxl:distance={distance!r},effort=3"), ("jpegls:ratio=5", "jpegls:near={near:g}")):
        found = codec(target).apply(raw)
        assert codec(fixed.format(**found.achieved)).roundtrip(raw)[1] == found.nbytes


def test_maps_stay_with_the_camera(cells):
    camera = NoiseModel(gain_dn_per_e=np.full((64, 64), 0.5), offset_dn=100.0, read_noise_e=1.6, bits=12)
    full = codec("noiseaware:q=1,backend=zstd", camera).resolved()["full_spec"]
    assert "gain=" not in full
    assert codec(full, camera).roundtrip(cells(64))[1] == codec("noiseaware:q=1,backend=zstd", camera).roundtrip(cells(64))[1]
