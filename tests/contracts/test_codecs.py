"""Every registered codec family passes the conformance suite that an extension's author calls."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest

from sigmaraw import registry
from sigmaraw.codecs import Chain, describe
from sigmaraw.codecs.lossless import METHODS
from sigmaraw.contracts import CodecContract, Coder, Encoded, Map, Parameter
from sigmaraw.testing import check_codec
from sigmaraw.testing import codec_suite as suite

TABLE = "TABLE"  # stands for a file made when the test runs: names of tests must be the same in every process
COPY = 'exec:encode="cp {in} {out}",decode="cp {in} {out}"'
CAMERA = "gain=0.5,offset=100,read_noise=1.6"
SPECS = {
    "lossless": [*(f"lossless:{method}" for method in METHODS), "lossless:blosc2,dims=3", "lossless:rice,dims=3"],
    "to8bit": ["to8bit:minmax", "to8bit:shift", "to8bit:shift,bits=12", "to8bit:percentile,low=1,high=99", "to8bit:minmax+jpeg:quality=90"],
    "jpeg": [
        "jpeg:quality=90",
        "jpeg:bits=12,quality=90",
        "jpeg:ratio=4",
        "jpeg:lossless=true",
        "jpeg:bits=12,lossless=true",
        "jpeg:bits=16,lossless=true",
    ],
    "jpeg2000": [
        "jpeg2000:ratio=4",
        "jpeg2000:ratio=4,frozen=true",
        "jpeg2000:psnr=35",
        "jpeg2000:level=45",
        "jpeg2000:lossless=true",
        "jpeg2000:lossless=true,bits=12",
        "jpeg2000:ratio=4+lossless",
    ],
    "jpegxl": ["jpegxl:distance=1", "jpegxl:ratio=4,effort=3", "jpegxl:psnr=35,effort=3", "jpegxl:lossless=true"],
    "jpegls": ["jpegls", "jpegls:near=3", "jpegls:ratio=2", "jpegls:lossless=true"],
    "noiseaware": [
        f"noiseaware:{CAMERA}",
        f"noiseaware:q=0.5,dither=false,backend=zstd,bits=12,{CAMERA}",
        f"noiseaware:q=2,backend=jpegls,{CAMERA}",
    ],
    "htj2k": ["htj2k:step=4,bits=12", "htj2k:step=16", "htj2k:lossless=true", "htj2k:ratio=4,bits=15", "htj2k:psnr=35"],
    "hevc": [
        "hevc:qp=20",
        "hevc:qp=20,bits=12,gop=8",
        "hevc:lossless=true",
        "hevc:bits=12,lossless=true,gop=8",
        "hevc:bits=10,ratio=6",
        "to8bit:minmax+hevc:lossless=true,gop=8",
    ],
    "av1": [
        "av1:qp=20,preset=10",
        "av1:qp=20,bits=10,gop=8,preset=10",
        "av1:lossless=true,preset=10",
        "av1:bits=10,lossless=true,gop=8,preset=10",
        "av1:bits=10,ratio=6,preset=12",
    ],
    "jpegxr": ["jpegxr:quality=80", "jpegxr:quality=5", "jpegxr:lossless=true", "jpegxr:ratio=3"],
    "webp": ["webp:quality=80", "webp:lossless=true", "webp:psnr=35"],
    "avif": [
        "avif:quality=60,speed=9",
        "avif:quality=60,bits=12,speed=9",
        "avif:lossless=true,speed=9",
        "avif:bits=10,lossless=true,speed=9",
        "avif:bits=10,psnr=45,range=1023,speed=10",
    ],
    "zfp": ["zfp:maxerr=4", "zfp:maxerr=4,dims=3", "zfp:lossless=true", "zfp:ratio=2"],
    "sz3": ["sz3:maxerr=4", "sz3:psnr=40,dims=3", "sz3:maxerr=0", "sz3:ratio=3"],
    "sperr": ["sperr:maxerr=4", "sperr:maxerr=4,dims=3", "sperr:lossless=true", "sperr:psnr=50"],
    "lerc": ["lerc:maxerr=4", "lerc:lossless=true", "lerc:maxerr=1,compression=zstd", "lerc:ratio=2"],
    "sqrt": [f"sqrt:{CAMERA}", f"sqrt:q=1,bits=12,{CAMERA}", f"sqrt:q=0.3,{CAMERA}+lossless"],
    "lut": [f"lut:{TABLE}", f"lut:{TABLE}+jpegls:near=1"],
    "numcodecs": [
        "numcodecs:zlib,level=9",
        "numcodecs:blosc,cname=zstd,clevel=7,shuffle=2",
        "numcodecs:gzip",
        "numcodecs:bz2",
        "numcodecs:lz4",
        "numcodecs:lzma",
        "numcodecs:zstd",
        "numcodecs:id=delta,dtype=<u2,then=zstd",
        "numcodecs:bitround,keepbits=6,cast=float32,then=gzip",
    ],
    "gaussian": ["gaussian:sigma=1.5", "gaussian+jpegls"],
    "median": ["median:size=5", "median:3+hevc:qp=20,gop=8"],
    "denoise": [f"denoise:nlm,{CAMERA}", f"denoise:bits=12,{CAMERA}+lossless"],
    "bin": ["bin:2", "bin:size=3,how=mean+jpeg2000:lossless=true", "bin:2+hevc:qp=20,gop=8"],
    "defocus": ["defocus:radius=1.5"],
    "brightness": ["brightness:bias=20", "brightness:severity=2"],
    "contrast": ["contrast:gain=0.8", "contrast:severity=-2"],
    "resample": ["resample:2"],
    "flatfield": ["flatfield:sigma=5,offset=100"],
    "destripe": ["destripe"],
    "exec": [COPY, COPY + ",format=raw,lossless=true"],
}
PROCESSING = ("gaussian", "median", "denoise", "bin", "defocus", "brightness", "contrast", "resample", "flatfield", "destripe")
MAPS = ("to8bit", "sqrt", "lut", *PROCESSING)
# Nothing to turn: every other family takes every target.
WITHOUT_TARGETS = ("lossless", "numcodecs", "to8bit", "lut", *PROCESSING, "exec")


def test_no_family_is_missing_or_untested():
    assert set(registry.names(registry.CODECS)) >= set(SPECS)
    own = {name for name in registry.names(registry.CODECS) if registry.load(registry.CODECS, name).__module__.startswith("sigmaraw.")}
    assert own == set(SPECS)  # none runs unless it is named here
    assert {entry["name"] for entry in describe() if entry["available"]} >= set(SPECS)
    assert all(any(spec.startswith(name) for spec in specs) for name, specs in SPECS.items())


def test_every_family_passes_its_self_test_and_only_those_of_your_own_files_have_none():
    assert {entry["name"]: entry["fault"] for entry in describe() if entry["name"] in SPECS} == dict.fromkeys(SPECS, "")
    assert [entry["name"] for entry in describe() if entry["name"] in SPECS and not entry["tested"]] == ["exec", "lut"]


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "square_root.npy"
    np.save(path, np.rint(np.sqrt(np.arange(65536)) * (255 / np.sqrt(65535))).astype(np.uint8))
    return str(path)


@pytest.mark.parametrize("spec", [spec for specs in SPECS.values() for spec in specs])
def test_conformance(spec, table):
    check_codec(spec.replace(TABLE, table), allow_exec=True)


@pytest.mark.parametrize("name", sorted(SPECS))
def test_steps_are_what_the_protocols_say(name, table):
    from sigmaraw.codecs import codec

    spec = next(spec for spec in SPECS[name] if "ratio=" not in spec and "psnr=" not in spec)
    step = codec(spec.replace(TABLE, table), allow_exec=True).steps[0]
    assert isinstance(step, Map) if name in MAPS else isinstance(step, Coder)
    assert (step.contract.axis is not None) == (name not in WITHOUT_TARGETS)


class _Faulty:
    """An exact coder with one fault at a time, to see the suite find it."""

    name = "faulty"
    parameters: ClassVar[tuple[Parameter, ...]] = ()
    contract = CodecContract(("uint8", "uint16"), lossless=True)
    needs_camera = False
    fault = ""

    def encode(self, frame: Any, hint: float | None = None) -> Encoded:
        if self.fault == "writes":
            frame[0, 0] ^= 1
        noise = np.random.default_rng().bytes(1) * int(np.random.default_rng().integers(1, 200)) if self.fault == "random" else b""
        return Encoded(frame.tobytes() if self.fault != "empty" else b"", noise)

    def decode(self, encoded: Encoded, shape: tuple[int, ...], dtype: Any) -> Any:
        if self.fault == "empty":
            return np.zeros(shape, dtype)
        frame = np.frombuffer(encoded.payload, dtype).reshape(shape).copy()
        if self.fault == "lossy":
            frame[-1, -1] ^= 1
        return frame.T if self.fault == "transposed" else frame


@pytest.mark.parametrize("fault", ["writes", "random", "lossy", "transposed", "empty"])
def test_the_suite_finds_a_fault(fault, monkeypatch):
    step = _Faulty()
    step.fault = fault
    monkeypatch.setattr(suite, "codec", lambda spec, camera=None, allow_exec=False: Chain(spec, (step,), ({},)))
    monkeypatch.setattr(suite, "_check_metadata", lambda spec, chain: None)
    with pytest.raises((AssertionError, suite.SigmarawError)):
        check_codec("faulty")


def test_the_suite_passes_the_same_coder_without_a_fault(monkeypatch):
    monkeypatch.setattr(suite, "codec", lambda spec, camera=None, allow_exec=False: Chain(spec, (_Faulty(),), ({},)))
    monkeypatch.setattr(suite, "_check_metadata", lambda spec, chain: None)
    check_codec("faulty")
