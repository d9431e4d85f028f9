"""From a specification to a codec: what is refused, and how."""

from __future__ import annotations

import pytest

from sigmaraw.codecs import codec
from sigmaraw.errors import InvalidSpec, UnknownName

BAD_SPECS = {
    "": InvalidSpec,
    "nonsense": UnknownName,
    "jpg:quality=90": UnknownName,
    "jpeg": InvalidSpec,
    "jpeg:quality=0": InvalidSpec,
    "jpeg:quality=high": InvalidSpec,
    "jpeg:qualty=90": InvalidSpec,
    "jpeg:quality=90,quality=80": InvalidSpec,
    "jpeg:quality=90,ratio=10": InvalidSpec,
    "jpeg:quality=90,bits=10": InvalidSpec,
    "jpeg:quality=90,bits=16": InvalidSpec,
    "jpeg2000": InvalidSpec,
    "jpeg2000:ratio=0.5": InvalidSpec,
    "jpeg2000:ratio=nan": InvalidSpec,
    "jpeg2000:ratio=10,psnr=60": InvalidSpec,
    "jpeg2000:level=60,frozen=true": InvalidSpec,
    "jpeg2000:ratio=10,range=4095": InvalidSpec,
    "jpeg2000:lossless=yes": InvalidSpec,
    "jpegxl:distance=0": InvalidSpec,
    "jpegls:near=-1": InvalidSpec,
    "jpegls:near=1.5": InvalidSpec,
    "to8bit": InvalidSpec,
    "to8bit:gamma": InvalidSpec,
    "to8bit:minmax,bits=12": InvalidSpec,
    "to8bit:shift,low=1": InvalidSpec,
    "to8bit:percentile,low=60,high=40": InvalidSpec,
    "lossless:method=rar": InvalidSpec,
    "lossless+": InvalidSpec,
    "noiseaware": InvalidSpec,
    "noiseaware:gain=0.5,offset=100": InvalidSpec,
    "noiseaware:gain=0,offset=100,read_noise=1": InvalidSpec,
    "noiseaware:gain=1,offset=0,read_noise=1,dither=false,q=3": InvalidSpec,
    "noiseaware:gain=1,offset=0,read_noise=1,reconstruct=mean": InvalidSpec,
}


@pytest.mark.parametrize("spec", BAD_SPECS)
def test_a_bad_specification_is_refused_in_one_line(spec):
    with pytest.raises(BAD_SPECS[spec]) as caught:
        codec(spec)
    assert "\n" not in str(caught.value)


def test_a_missing_camera_names_both_ways_out():
    with pytest.raises(InvalidSpec, match=r"camera.*gain, offset and read_noise"):
        codec("noiseaware:q=1")
