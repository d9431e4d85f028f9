"""H.265/HEVC by libx265 through PyAV (extra `video`): single frames, or a stack as a video."""

from __future__ import annotations

from typing import ClassVar

from sigmaraw.codecs.search import Knob
from sigmaraw.codecs.targets import TARGET_PARAMETERS
from sigmaraw.codecs.video import GOP, VideoCoder, bits_parameter
from sigmaraw.contracts import CodecContract, Parameter

# Nothing that trades fidelity for looks, one weight for all kinds of picture, one thread: the same input, the same bytes.
_COMMON = "aq-mode=0:cutree=0:psy-rd=0:psy-rdoq=0:ipratio=1:pbratio=1:pools=none:frame-threads=1:info=0:log-level=none"
_INTRA = "keyint=1:bframes=0"
_RANDOM_ACCESS = "keyint=8:min-keyint=8:scenecut=0:bframes=7:b-adapt=0:b-pyramid=1:open-gop=0"


class Hevc(VideoCoder):
    """HEVC at a constant QP from 0 to 51, or exact with lossless=true; monochrome, 8, 10 or 12 bit.

    uint8 is coded in 8 bit, uint16 in the stated `bits` (10 or 12). uint16 without `bits` goes through a linear map to 12 bit:

        y = x ≫ 4;  x̂ = 16·y + 8 DN

    recorded with its step, 16 DN; where that step is not far below the camera's noise, put `sqrt:…` before hevc:bits=12.
    gop=1 codes every frame by itself; gop=8 codes a stack as one video, hierarchical B pictures between every eighth frame.
    At 12 bit, QP 0 still quantises in steps of about 10 DN, and the library takes no negative QP: on noise of a few DN even its
    finest lossy setting removes noise [m: at 2.6 DN, QP 0 reaches ratio 33].
    Other sizes than multiples of 8, or below 16, are padded by their last row and column, and cut back.

    Reference: ITU-T H.265; formula 5 (parameters).
    """

    name = "hevc"
    parameters = (
        Parameter("qp", int, minimum=0, maximum=51, unit="1", help="quantisation parameter; 6 more doubles the step"),
        *TARGET_PARAMETERS,
        bits_parameter((8, 10, 12)),
        GOP,
        Parameter("preset", str, "medium", choices=("ultrafast", "fast", "medium", "slow", "veryslow"), help="the library's effort"),
    )
    contract = CodecContract(("uint8", "uint16"), lossless=False, knob="qp", knob_direction=-1, max_side=8192)
    probes = (
        ("qp=40", "qp=10"),
        ("bits=10,qp=40", "bits=10,qp=10"),
        ("bits=12,qp=40", "bits=12,qp=10"),
        ("bits=12,lossless=true",),
        ("lossless=true",),
        ("gop=8,bits=12,qp=40", "gop=8,bits=12,qp=10"),
        ("gop=8,bits=12,lossless=true",),
    )
    axis = Knob("qp", 0, 51, scale="linear", integer=True, direction=-1, step=6, resolution=0.5)
    formats: ClassVar[dict[int, str]] = {8: "gray", 10: "gray10le", 12: "gray12le"}
    encoder, decoder = "libx265", "hevc"

    def options(self, rate: str) -> dict[str, str]:
        """Return the library's options for a rate in the library's words."""
        parts = (_COMMON, _RANDOM_ACCESS if self.settings["gop"] > 1 else _INTRA, rate)
        return {"preset": self.settings["preset"], "x265-params": ":".join(part for part in parts if part)}
