"""HEVC: its pictures, its map of 16 bit, and QP; what it shares with AV1 is in test_video.py."""

from __future__ import annotations

import av
import numpy as np
import pytest

from sigmaraw.codecs import codec
from sigmaraw.errors import InvalidSpec, UnsupportedArray

RNG = np.random.default_rng(3)


def _noise(bits, shape):
    return RNG.integers(0, 1 << bits, shape).astype(np.uint8 if bits == 8 else np.uint16)


def test_frames_are_coded_as_intra_pictures_and_the_video_has_b_pictures():
    for gop, expected in ((1, {"I"}), (8, {"I", "P", "B"})):
        step = codec(f"hevc:qp=20,bits=12,gop={gop}").steps[0]
        payload = step.encode(_noise(12, (9, 32, 32)) if gop == 8 else _noise(12, (32, 32))).payload
        context = av.codec.CodecContext.create("hevc", "r")
        images = [frame for packet in (*context.parse(payload), *context.parse(b""), None) for frame in context.decode(packet)]
        kinds = {
            image.pict_type.name if hasattr(image.pict_type, "name") else av.video.frame.PictureType(image.pict_type).name
            for image in images
        }
        assert kinds == expected
        # A key picture at every eighth frame: random access.
        assert [index for index, image in enumerate(images) if image.key_frame] == ([0, 8] if gop == 8 else [0])


def test_sixteen_bit_goes_through_its_recorded_map():
    frame = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    chain = codec("hevc:qp=0")
    error = chain.roundtrip(frame)[0].astype(int) - frame
    # A map of step 16 alone errs by 16/√12 = 4.6 DN in rms; the codec at QP 0 (a step of 10 codes, mostly on a smooth ramp) adds to it.
    assert 4.6 < np.sqrt(np.mean(error.astype(float) ** 2)) < 60
    step = chain.resolved()["steps"][0]
    assert (step["uint16_map"], step["uint16_map_step_dn"]) == ("x >> 4, back to 16 y + 8", 16)
    flat = np.full((32, 32), 40000, np.uint16)
    assert np.array_equal(chain.roundtrip(flat)[0], np.full((32, 32), (40000 >> 4) * 16 + 8))


def test_what_the_format_has_not_is_refused():
    with pytest.raises(UnsupportedArray):
        codec("hevc:lossless=true").roundtrip(np.zeros((16, 16), np.uint16))
    with pytest.raises(UnsupportedArray, match="4096"):
        codec("hevc:qp=20,bits=12").roundtrip(np.full((16, 16), 4096, np.uint16))
    with pytest.raises(InvalidSpec, match="8, 10, 12"):
        codec("hevc:qp=20,bits=16")
    with pytest.raises(UnsupportedArray, match="single frames"):
        codec("jpegls:near=1+hevc:qp=20,gop=8,bits=12").roundtrip(np.zeros((3, 16, 16), np.uint16))


def test_qp_doubles_the_step_every_six(cells):
    # Uniform noise far above the step: rms error ∝ step while the step is small against the noise.
    raw = _noise(12, (128, 128))
    rms = {qp: np.sqrt(np.mean((codec(f"hevc:qp={qp},bits=12").roundtrip(raw)[0].astype(float) - raw) ** 2)) for qp in (6, 12, 18)}
    # H.265: the step is 2^((QP − 4)/6) at 8 bit, 16 times that at 12; of a uniform quantiser the rms error is
    # a √12th; rounding that reckons with rate, and clipping at the range, change that by less than a tenth (one QP is 12 %).
    assert rms[12] == pytest.approx(16 * 2 ** ((12 - 4) / 6) / np.sqrt(12), rel=0.1)
    assert rms[12] / rms[6] == pytest.approx(2, rel=0.1)
    assert rms[18] / rms[12] == pytest.approx(2, rel=0.1)


def test_targets_are_met_within_a_step_of_qp(cells):
    bright = np.minimum(cells(bits=16), 4095)  # noise of 40 to 110 DN
    result = codec("hevc:ratio=8,bits=12").apply(bright)
    assert result.achieved["ratio"] == pytest.approx(8, rel=0.12)
    assert float(result.achieved["qp"]).is_integer()
    # A codec that starts at 10 DN is far too strong for noise of 2 DN, and says so.
    assert codec("hevc:ratio=8,bits=12").apply(cells()).achieved["target_met"] is False
    quality = codec("hevc:psnr=45,range=4095,bits=12,gop=8").apply(np.stack([bright[:96], bright[96:192], bright[:96]]))
    assert quality.achieved["psnr"] == pytest.approx(45, abs=0.6)  # one QP is a sixth of 6 dB
