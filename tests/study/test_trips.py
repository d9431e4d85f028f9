"""Replicas that are distorted without coding: the same study, fewer code streams, and a codec that errs is named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import sigmaraw as sr
from sigmaraw.codecs import codec
from sigmaraw.contracts import CodecContract, Coder, Encoded, RoundTrip
from sigmaraw.errors import CodecFailed, InvalidPlan
from sigmaraw.study.trips import drawn_for_coding

CAMERA = sr.CameraProfile.from_values(gain=0.5, offset=100, read_noise=2.0, bits=12)
FRAME = np.random.default_rng(1).integers(200, 900, (24, 20)).astype(np.uint16)
CHAINS = {
    "lossless": True,
    "noiseaware:q=1": True,
    "noiseaware:q=1,dither=false,reconstruct=mean": True,
    "noiseaware:psnr=50,frozen=true": True,
    "sqrt+jpegxl:lossless=true,effort=1": True,
    "to8bit:minmax+lossless:png": True,
    "bin:size=3+gaussian:sigma=1+median:size=3+jpegls": True,
    "jpegls:near=2+lossless": True,  # the last coder alone can be left out
    "jpegls:near=2": False,
    "gaussian:sigma=1": False,  # nothing is coded
    "noiseaware:ratio=4": False,  # its bytes decide the setting
    "numcodecs:zlib": True,
}


@pytest.mark.parametrize(("spec", "shorter"), CHAINS.items())
def test_what_is_not_coded_is_what_the_round_trip_decodes_to(spec: str, shorter: bool):
    chain = codec(spec, CAMERA).freeze(FRAME)
    frames = np.random.default_rng(2).integers(0, 4096, (3, 24, 20)).astype(np.uint16)
    for array in (*frames, frames):
        distorted = chain.distort(array)
        assert (distorted is not None) == shorter
        if distorted is not None:
            assert np.array_equal(distorted, chain.apply(array).decoded)
            assert not np.shares_memory(distorted, array)


@pytest.mark.parametrize("spec", ["jpegxl:lossless=true,bits=9,effort=1", "numcodecs:zlib,bits=9"])
def test_a_value_beyond_the_stated_bit_depth_is_refused_without_coding_too(spec: str):
    chain = codec(spec)
    with pytest.raises(sr.errors.UnsupportedArray, match="bits=9"):
        chain.distort(FRAME)


def test_a_study_codes_the_first_of_each_block_and_some_more_with_the_same_numbers():
    study: dict[str, Any] = {"codecs": ["lossless", "noiseaware:q=1"], "pipeline": "intensity", "n": 25, "mode": "around-raw", "seed": 4}
    some, every = (sr.validate(FRAME, CAMERA, every_byte=all_, **study).document for all_ in (False, True))
    assert some["results"] == every["results"]
    assert some["predictions_sha256"] == every["predictions_sha256"]
    for group, (row, full) in enumerate(zip(some["codecs"], every["codecs"], strict=True), 1):
        chosen = [i for i in range(25) if i % 10 == 0 or drawn_for_coding(0.05, 4, 0, group, i)]
        assert (row["replicas_coded"], full["replicas_coded"]) == (len(chosen), 25)
        assert {key for key in row if row[key] != full[key]} <= {"replicas_coded", "replicas_nbytes_mean", "achieved_replicas"}
    assert (some["plan"]["coded_share"], every["plan"]["coded_share"]) == (0.05, 1.0)


def test_the_share_is_kept_within_four_standard_errors():
    drawn = [drawn_for_coding(0.05, 1, 0, 1, i) for i in range(20000)]
    assert abs(np.mean(drawn) - 0.05) < 4 * np.sqrt(0.05 * 0.95 / 20000)
    with pytest.raises(InvalidPlan, match=r"from 0\.05 to 1"):
        sr.Plan(("lossless",), "otsu", coded_share=0.01)


class Liar(Coder):
    """Says that nothing changes, and clears the last bit of frames for which `when` is true."""

    name = "liar"
    contract = CodecContract(("uint16",), lossless=False)

    def __init__(self, when: Any) -> None:
        super().__init__()
        self.when = when

    def encode(self, frame: Any) -> Encoded:
        return Encoded((frame & 0xFFFE if self.when(frame) else frame).tobytes())

    def decode(self, encoded: Encoded, shape: Any, dtype: Any) -> Any:
        return np.frombuffer(encoded.payload, dtype).reshape(shape).copy()

    def distort(self, frame: Any) -> Any:
        return frame


@pytest.mark.parametrize(("when", "where"), [(lambda f: True, "image 0"), (lambda f: not np.array_equal(f, FRAME), "replica 0")])
def test_a_codec_that_says_something_else_than_it_does_ends_the_study(when: Any, where: str):
    with pytest.raises(CodecFailed, match=rf"Liar.*differs from its round trip.*{where}"):
        sr.validate(FRAME, CAMERA, codecs=[Liar(when)], pipeline="intensity", n=4, mode="around-raw")


def test_a_codec_from_outside_without_the_method_is_coded_in_full():
    class Plain:
        spec = "plain"

        def apply(self, raw: Any, hint: Any = None) -> RoundTrip:
            return RoundTrip(raw.copy(), raw.nbytes, {"ratio": 1.0})

        def roundtrip(self, raw: Any) -> Any:
            return raw.copy(), raw.nbytes

        def resolved(self) -> Any:
            return {"spec": self.spec, "full_spec": self.spec, "steps": []}

        def freeze(self, raw: Any) -> Any:
            return self

    record = sr.validate(FRAME, CAMERA, codecs=[Plain()], pipeline="intensity", n=12, mode="around-raw")
    assert record.content.codecs[0].replicas_coded == 12
