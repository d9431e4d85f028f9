"""A part of the hunt in every run: broken code streams neither crash the process nor return a wrong shape in silence."""

from __future__ import annotations

import numpy as np
import pytest

from sigmaraw import registry
from sigmaraw.codecs import codec
from sigmaraw.contracts import Encoded
from sigmaraw.errors import CodecFailed
from tests.fuzz.fuzzing import KINDS, SPECS, hunt, mutated, mutation

# Processing steps and quantisers, whose code is an image.
PROCESSING = {"gaussian", "median", "denoise", "bin", "resample", "flatfield", "contrast", "defocus", "brightness", "destripe"}
WITHOUT_STREAM = {"to8bit", "sqrt", "lut"} | PROCESSING

COUNT = 210  # a multiple of the kinds of damage times the frames


@pytest.mark.parametrize("spec", SPECS)
def test_broken_streams_do_no_harm(spec):
    assert hunt(spec, COUNT) == []


def test_every_family_with_a_code_stream_is_hunted():
    hunted = {registry.parse_step(spec).name for spec in SPECS}
    assert hunted | WITHOUT_STREAM >= {
        name for name in registry.names(registry.CODECS) if registry.load(registry.CODECS, name).__module__.startswith("sigmaraw.")
    }


@pytest.mark.parametrize(
    ("harm", "words"), [("crash", "died of SIGSEGV"), ("shape", "came back as uint8"), ("exception", "KeyError"), ("none", "")]
)
def test_a_planted_fault_is_found(harm, words):
    faults = hunt(harm, 140, "tests.fuzz.planted:make")
    assert bool(faults) == bool(words)
    assert all(words in fault.what or fault.what.startswith("and so on") for fault in faults)


def test_mutations_are_the_same_everywhere_and_of_all_kinds():
    encoded = Encoded(bytes(range(200)), b"side data")
    seen = [mutation(encoded, index) for index in range(140)]
    assert seen == [mutation(encoded, index) for index in range(140)]
    assert {kind for kind, _ in seen} == set(KINDS)
    assert any(broken.side != encoded.side for _, broken in seen)
    rng = np.random.default_rng(0)
    assert all(len(mutated(encoded.payload, rng, "cut")) <= 200 for _ in range(20))
    assert len(mutated(encoded.payload, rng, "longer")) > 200


def test_a_jpeg2000_stream_that_claims_another_size_is_refused_before_it_is_decoded():
    step = codec("jpeg2000:lossless=true").steps[0]
    frame = np.zeros((40, 33), np.uint16)
    payload = step.encode(frame).payload
    assert payload[8:16] == (33).to_bytes(4, "big") + (40).to_bytes(4, "big")
    huge = payload[:8] + b"\x00\x01\x00\x00" * 2 + payload[16:]
    with pytest.raises(CodecFailed, match="another size"):
        step.decode(Encoded(huge), frame.shape, frame.dtype)
