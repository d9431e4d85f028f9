"""What the video families share: depths, the map of 16 bit, padding, and the way through PyAV (extra `video`)."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar

import av
import numpy as np
from av import library_versions
from numpy.typing import NDArray

from sigmaraw.codecs.bits import require_bits
from sigmaraw.codecs.calls import checked
from sigmaraw.codecs.rounding import to_pixels
from sigmaraw.codecs.targets import TargetCoder, promised
from sigmaraw.contracts import Encoded, Parameter
from sigmaraw.errors import CodecFailed

if TYPE_CHECKING:
    from sigmaraw.noise import NoiseModel

_BLOCK, _SMALLEST = 8, 16  # pixels: frames are padded to multiples of 8, and to the libraries' smallest size


def bits_parameter(depths: tuple[int, ...]) -> Parameter:
    """Return the key `bits` of a family that codes these depths."""
    return Parameter("bits", int, choices=depths, unit="bit", help=f"bit depth; uint16 without it is mapped to {max(depths)} bit")


GOP = Parameter("gop", int, 1, choices=(1, 8), help="1: intra; 8: a stack is one video with random access every 8 frames")


class VideoCoder(TargetCoder):
    """A video library on single frames (gop=1), or on a stack as one video (gop=8).

    A family gives `name`, `formats` (PyAV's pixel format of each depth), `encoder`, `decoder`, `options` for a rate, and how packets
    become one code stream (`joined`, `packets`). uint8 is coded in 8 bit, uint16 in the stated `bits`, or without them, with B the
    largest depth and k = 16 − B, through

        y = x ≫ k;  x̂ = 2ᵏ·y + 2ᵏ⁻¹ DN

    recorded with its step, 2ᵏ DN, and in units of the dark noise where there is a camera. Frames are padded by their last row and
    column, and cut back; colour planes, where a format has them, are flat.
    """

    formats: ClassVar[Mapping[int, str]]
    encoder: ClassVar[str]
    decoder: ClassVar[str]
    takes_camera = True

    def __init__(self, *, noise_model: NoiseModel | None = None, **settings: Any) -> None:
        super().__init__(**settings)
        bits = settings["bits"]
        if bits == 8 or (bits is None and self.lossless):
            dtypes: tuple[str, ...] = ("uint8",)
        else:
            dtypes = ("uint8", "uint16") if bits is None else ("uint16",)
        contract = promised(type(self).contract, lossless=self.lossless, dtypes=dtypes)
        self.contract = dataclasses.replace(contract, axes="stack" if settings["gop"] > 1 else "frame")
        self.dark_dn = None if noise_model is None else noise_model.dark_noise_dn

    # --- what a family gives ---
    def options(self, rate: str) -> dict[str, str]:
        """Return the library's options for a rate in the library's words."""
        raise NotImplementedError

    @staticmethod
    def joined(packets: list[bytes]) -> bytes:
        """Return one code stream."""
        return b"".join(packets)

    @staticmethod
    def packets(context: Any, stream: bytes) -> Iterator[Any]:
        """Yield the packets of a code stream."""
        return itertools.chain(context.parse(stream), context.parse(b""))

    @staticmethod
    def build() -> dict[str, str]:
        """Return the versions that a result belongs to."""
        codec = ".".join(map(str, library_versions["libavcodec"]))
        return {"av": av.__version__, "libavcodec": codec}

    # --- the coder ---
    @property
    def example(self) -> str:
        """A setting that works, for messages."""
        return f"qp=20,bits={max(self.formats)}"

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
        planes = self._decoded(encoded.payload, depth, (count, *_padded(height, width)))[:, :height, :width].reshape(shape)
        if self._mapped(np.dtype(dtype)):
            planes = (planes.astype(np.uint32) << self._shift) + (1 << self._shift >> 1)
        return checked(self.name, to_pixels(self.name, planes, np.dtype(dtype)), shape, dtype)

    def details(self) -> dict[str, Any]:
        """Return library versions, the map of uint16 with its step, and the fixed library options."""
        map_details: dict[str, Any] = {}
        if self.settings["bits"] is None and not self.lossless:
            step = 1 << self._shift
            map_details = {"uint16_map": f"x >> {self._shift}, back to {step} y + {step >> 1}", "uint16_map_step_dn": step}
            map_details |= {} if self.dark_dn is None else {"uint16_map_step_dark_sigma": step / self.dark_dn}
        return {**super().details(), **map_details, "libraries": self.build(), "library_options": self.options("")}

    @property
    def _shift(self) -> int:
        return 16 - max(self.formats)

    def _mapped(self, dtype: np.dtype[Any]) -> bool:
        return dtype == np.uint16 and self.settings["bits"] is None

    def _depth(self, dtype: np.dtype[Any]) -> int:
        return 8 if dtype == np.uint8 else self.settings["bits"] or max(self.formats)

    def _encode(self, frame: NDArray[np.integer], rate: str) -> bytes:
        require_bits(self.name, frame, self.settings["bits"])
        depth = self._depth(frame.dtype)
        pixels = (frame >> self._shift if self._mapped(frame.dtype) else frame).reshape(-1, *frame.shape[-2:])
        height, width = _padded(*pixels.shape[-2:])
        rows, columns = height - pixels.shape[1], width - pixels.shape[2]
        padded = np.pad(pixels, ((0, 0), (0, rows), (0, columns)), mode="edge")
        try:
            return self.joined(_packets(self.encoder, padded, self.formats[depth], depth, self.options(rate)))
        except (av.FFmpegError, ValueError) as error:
            raise CodecFailed(
                f"{self.name} could not encode ({_line(error)})", "a frame of up to 8192 pixels a side", "use another codec"
            ) from error

    def _decoded(self, payload: bytes, depth: int, shape: tuple[int, int, int]) -> NDArray[np.integer]:
        """Return the stack (frame, y, x). Raises CodecFailed unless it has the count, size and depth that were coded."""
        context: Any = av.codec.CodecContext.create(self.decoder, "r")
        context.thread_count = 1
        images: list[NDArray[np.integer]] = []
        kind = np.dtype(np.uint8 if depth == 8 else "<u2")
        try:
            packets = itertools.chain(self.packets(context, payload), [None])
            for video in itertools.chain.from_iterable(context.decode(packet) for packet in packets):
                if (video.height, video.width) != shape[1:] or video.format.name != self.formats[depth] or len(images) == shape[0]:
                    found = f"an {self.name} code stream of another size, depth or length"
                    raise CodecFailed(found, f"{shape} in {depth} bit", "encode the frame again")
                plane = np.frombuffer(bytes(video.planes[0]), kind).reshape(shape[1], -1)
                images.append(plane[:, : shape[2]].astype(kind.newbyteorder("=")))
        except (av.FFmpegError, ValueError) as error:
            found = f"{self.name} could not decode the frame ({_line(error)})"
            raise CodecFailed(found, "a whole code stream", "encode the frame again") from error
        if len(images) != shape[0]:
            raise CodecFailed(f"an {self.name} code stream of {len(images)} frames", f"{shape[0]}", "encode the frame again")
        return np.stack(images)


def _padded(height: int, width: int) -> tuple[int, int]:
    """Return the size that the library codes."""
    return max(-(-height // _BLOCK) * _BLOCK, _SMALLEST), max(-(-width // _BLOCK) * _BLOCK, _SMALLEST)


def _packets(encoder: str, stack: NDArray[np.integer], pixel_format: str, depth: int, options: dict[str, str]) -> list[bytes]:
    """Return a library's packets of a stack (frame, y, x) of multiples of 8; the colour planes of a format that has them are grey."""
    context: Any = av.codec.CodecContext.create(encoder, "w")
    context.height, context.width = stack.shape[1:]
    context.pix_fmt, context.options = pixel_format, options
    context.time_base, context.framerate = Fraction(1, 25), Fraction(25)
    kind = stack.dtype.newbyteorder("<")
    packets: list[bytes] = []
    for time, image in enumerate(stack):
        video = av.VideoFrame(stack.shape[2], stack.shape[1], pixel_format)
        for index, plane in enumerate(video.planes):
            rows = np.full((plane.height, plane.line_size // stack.itemsize), 1 << (depth - 1) if index else 0, kind)
            if index == 0:
                rows[:, : stack.shape[2]] = image
            plane.update(rows.tobytes())
        video.pts = time
        packets += [bytes(packet) for packet in context.encode(video)]
    return [*packets, *(bytes(packet) for packet in context.encode(None))]


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:120]
