"""H.265/HEVC by libx265 through PyAV (extra `video`): single frames, or a stack as a video."""

from __future__ import annotations

import dataclasses
import itertools
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av import library_versions
from numpy.typing import NDArray

from sigmaraw.codecs.bits import require_bits
from sigmaraw.codecs.calls import checked
from sigmaraw.codecs.door import to_pixels
from sigmaraw.codecs.search import Knob
from sigmaraw.codecs.targets import TARGET_PARAMETERS, TargetCoder, promised
from sigmaraw.contracts import CodecContract, Encoded, Parameter
from sigmaraw.errors import CodecFailed

_FORMATS = {8: "gray", 10: "gray10le", 12: "gray12le"}
_BLOCK, _SMALLEST = 8, 16  # pixels: frames are padded to multiples of 8, and to the library's smallest size
_MAP_BITS = 12
# Nothing that trades fidelity for looks, one weight for all kinds of picture, one thread: the same input, the same bytes.
_COMMON = "aq-mode=0:cutree=0:psy-rd=0:psy-rdoq=0:ipratio=1:pbratio=1:pools=none:frame-threads=1:info=0:log-level=none"
_INTRA = "keyint=1:bframes=0"
_RANDOM_ACCESS = "keyint=8:min-keyint=8:scenecut=0:bframes=7:b-adapt=0:b-pyramid=1:open-gop=0"


class Hevc(TargetCoder):
    """HEVC at a constant QP from 0 to 51, or exact with lossless=true; monochrome, 8, 10 or 12 bit.

    uint8 is coded in 8 bit, uint16 in the stated `bits` (10 or 12). uint16 without `bits` goes through a linear map to 12 bit:

        y = x ≫ 4;  x̂ = 16·y + 8 DN

    recorded with its step, 16 DN; where that step is not far below the camera's noise, put `sqrt:…` before hevc:bits=12.
    gop=1 codes every frame by itself; gop=8 codes a stack as one video, hierarchical B pictures between every eighth frame.
    At 12 bit, QP 0 still quantises in steps of about 10 DN, and the library takes no negative QP: on noise of a few DN even its
    finest lossy setting removes noise [m: at 2.6 DN, QP 0 reaches ratio 33].
    Other sizes than multiples of 8, or below 16, are padded by their last row and column, and cut back.

    Reference: ITU-T H.265; SCIENCE 5 (parameters).
    """

    name = "hevc"
    parameters = (
        Parameter("qp", int, minimum=0, maximum=51, unit="1", help="quantisation parameter; 6 more doubles the step"),
        *TARGET_PARAMETERS,
        Parameter("bits", int, choices=(8, 10, 12), unit="bit", help="bit depth; uint16 without it is mapped to 12 bit"),
        Parameter("gop", int, 1, choices=(1, 8), help="1: intra; 8: a stack is one video with random access every 8 frames"),
        Parameter("preset", str, "medium", choices=("ultrafast", "fast", "medium", "slow", "veryslow"), help="the library's effort"),
    )
    contract = CodecContract(("uint8", "uint16"), lossless=False, knob="qp", knob_direction=-1, max_side=8192)
    probes = (
        ("qp=40", "qp=10"),
        ("bits=10,qp=40", "bits=10,qp=10"),
        ("bits=12,qp=40", "bits=12,qp=10"),
        ("bits=12,lossless=true",),
        ("lossless=true",),
    )
    axis = Knob("qp", 0, 51, scale="linear", integer=True, direction=-1, step=6, resolution=0.5)

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        bits = settings["bits"]
        if bits == 8 or (bits is None and self.lossless):
            dtypes: tuple[str, ...] = ("uint8",)
        else:
            dtypes = ("uint8", "uint16") if bits is None else ("uint16",)
        contract = promised(type(self).contract, lossless=self.lossless, dtypes=dtypes)
        self.contract = dataclasses.replace(contract, axes="stack" if settings["gop"] > 1 else "frame")

    @staticmethod
    def build() -> dict[str, str]:
        """Return the versions that a result belongs to."""
        codec = ".".join(map(str, library_versions["libavcodec"]))
        return {"av": av.__version__, "libavcodec": codec}

    @property
    def example(self) -> str:
        """A setting that works, for messages."""
        return "qp=20,bits=12"

    def encode_at(self, frame: NDArray[np.integer], value: float) -> bytes:
        """Return the code stream at QP = value. frame: (y, x), or (frame, y, x) with gop=8."""
        return self._encode(frame, f"qp={int(value)}")

    def encode_lossless(self, frame: NDArray[np.integer]) -> bytes:
        """Return the exact code stream."""
        return self._encode(frame, "lossless=1")

    def decode(self, encoded: Encoded, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[np.integer]:
        """Return the frame or stack. Raises CodecFailed when the code stream is broken or another frame's."""
        depth = self._depth(np.dtype(dtype))
        count, height, width = (1, *shape) if len(shape) == 2 else shape
        planes = _decoded(encoded.payload, depth, (count, *_padded(height, width)))[:, :height, :width].reshape(shape)
        if self._mapped(np.dtype(dtype)):
            planes = (planes.astype(np.uint32) << 4) + 8
        return checked(self.name, to_pixels(self.name, planes, np.dtype(dtype)), shape, dtype)

    def details(self) -> dict[str, Any]:
        """Return library versions, the map of uint16, and the fixed library parameters."""
        mapped = self.settings["bits"] is None and not self.lossless
        own = {"uint16_map": "x >> 4, back to 16 y + 8", "uint16_map_step_dn": 16} if mapped else {}
        return {**super().details(), **own, "libraries": self.build(), "x265_params": self._parameters("")}

    def _mapped(self, dtype: np.dtype[Any]) -> bool:
        return dtype == np.uint16 and self.settings["bits"] is None

    def _depth(self, dtype: np.dtype[Any]) -> int:
        return 8 if dtype == np.uint8 else self.settings["bits"] or _MAP_BITS

    def _parameters(self, rate: str) -> str:
        return ":".join(part for part in (_COMMON, _RANDOM_ACCESS if self.settings["gop"] > 1 else _INTRA, rate) if part)

    def _encode(self, frame: NDArray[np.integer], rate: str) -> bytes:
        require_bits(self.name, frame, self.settings["bits"])
        depth = self._depth(frame.dtype)
        pixels = (frame >> 4 if self._mapped(frame.dtype) else frame).reshape(-1, *frame.shape[-2:])
        height, width = _padded(*pixels.shape[-2:])
        rows, columns = height - pixels.shape[1], width - pixels.shape[2]
        padded = np.pad(pixels, ((0, 0), (0, rows), (0, columns)), mode="edge")
        options = {"preset": self.settings["preset"], "x265-params": self._parameters(rate)}
        try:
            return _encoded(padded, _FORMATS[depth], options)
        except (av.FFmpegError, ValueError) as error:
            raise CodecFailed(
                f"hevc could not encode ({_line(error)})", "a frame of up to 8192 pixels a side", "use another codec"
            ) from error


def _padded(height: int, width: int) -> tuple[int, int]:
    """Return the size that the library codes."""
    return max(-(-height // _BLOCK) * _BLOCK, _SMALLEST), max(-(-width // _BLOCK) * _BLOCK, _SMALLEST)


def _encoded(stack: NDArray[np.integer], pixel_format: str, options: dict[str, str]) -> bytes:
    """Return the raw HEVC byte stream of a stack (frame, y, x) of multiples of 8."""
    context: Any = av.codec.CodecContext.create("libx265", "w")
    context.height, context.width = stack.shape[1:]
    context.pix_fmt, context.options = pixel_format, options
    context.time_base, context.framerate = Fraction(1, 25), Fraction(25)
    packets: list[bytes] = []
    for time, image in enumerate(stack):
        video = av.VideoFrame(stack.shape[2], stack.shape[1], pixel_format)
        row = np.zeros((stack.shape[1], video.planes[0].line_size // stack.itemsize), stack.dtype.newbyteorder("<"))
        row[:, : stack.shape[2]] = image
        video.planes[0].update(row.tobytes())
        video.pts = time
        packets += [bytes(packet) for packet in context.encode(video)]
    return b"".join([*packets, *(bytes(packet) for packet in context.encode(None))])


def _decoded(payload: bytes, depth: int, shape: tuple[int, int, int]) -> NDArray[np.integer]:
    """Return the stack (frame, y, x). Raises CodecFailed unless it has the count, size and depth that were coded."""
    context: Any = av.codec.CodecContext.create("hevc", "r")
    context.thread_count = 1
    images: list[NDArray[np.integer]] = []
    try:
        packets = itertools.chain(context.parse(payload), context.parse(b""), [None])
        for video in itertools.chain.from_iterable(context.decode(packet) for packet in packets):
            if (video.height, video.width) != shape[1:] or video.format.name != _FORMATS[depth] or len(images) == shape[0]:
                raise CodecFailed(
                    "an hevc code stream of another size, depth or length", f"{shape} in {depth} bit", "encode the frame again"
                )
            kind = np.dtype(np.uint8 if depth == 8 else "<u2")
            plane = np.frombuffer(bytes(video.planes[0]), kind).reshape(shape[1], -1)
            images.append(plane[:, : shape[2]].astype(kind.newbyteorder("=")))
    except (av.FFmpegError, ValueError) as error:
        raise CodecFailed(f"hevc could not decode the frame ({_line(error)})", "a whole code stream", "encode the frame again") from error
    if len(images) != shape[0]:
        raise CodecFailed(f"an hevc code stream of {len(images)} frames", f"{shape[0]}", "encode the frame again")
    return np.stack(images)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:120]
