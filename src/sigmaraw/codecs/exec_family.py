"""Any command-line program as a codec, by a template; off unless the one who starts sigmaraw asks for it."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from sigmaraw.codecs.calls import checked, guarded, versions
from sigmaraw.codecs.programs import Template, produced, run
from sigmaraw.contracts import CodecContract, Coder, Encoded, Parameter
from sigmaraw.errors import CodecFailed, InvalidSpec

_PLACES = ("in", "out", "width", "height", "bits", "bytes")
_SUFFIXES = {"png": ".png", "tiff": ".tif", "raw": ".raw"}
_MEGA = 1_000_000


class Exec(Coder):
    """Encode and decode by two programs: ``exec:encode="cjxl {in} {out} -d 1",decode="djxl {in} {out}",format=png,suffix=jxl``.

    {in} and {out} are files in an empty folder of their own, in which the program runs (name other files by their whole path);
    {width}, {height}, {bits} (of the container) and {bytes} (a pixel) may be used. No shell reads the template: pipes, wildcards
    and variables are plain characters. The encoder reads the frame as `format` (png and tiff without loss; raw: the pixels alone,
    little-endian, row by row) and writes the code stream; the decoder sees nothing but that stream, and must write the frame in
    the same format, shape and dtype. All bytes of the stream count.

    lossless=true is checked on every frame. Nothing else is promised of the error.
    """

    name = "exec"
    parameters = (
        Parameter("encode", str, required=True, help="the encoder's command line with {in} and {out}, in quotation marks"),
        Parameter("decode", str, required=True, help="the decoder's command line with {in} and {out}, in quotation marks"),
        Parameter("format", str, "png", choices=tuple(_SUFFIXES), help="what the encoder reads and the decoder writes"),
        Parameter("suffix", str, "bin", help="of the code stream's name, by which some programs choose their format"),
        Parameter("seconds", float, 60.0, minimum=0.01, maximum=86400, unit="s", help="time limit of one run"),
        Parameter("megabytes", float, 1000.0, minimum=0.001, unit="MB", help="most that one run may write"),
        Parameter("lossless", bool, False, help="exact, which is then checked on every frame"),
    )
    contract = CodecContract(("uint8", "uint16"), lossless=False)
    runs_programs = True
    probes = ()

    def __init__(self, *, encode: str, decode: str, format: str, suffix: str, seconds: float, megabytes: float, lossless: bool) -> None:
        if not re.fullmatch(r"[A-Za-z0-9]{1,16}", suffix):
            raise InvalidSpec(f"suffix={suffix} in 'exec'", "letters and digits", "write it like suffix=jxl")
        self.templates = {key: Template.parse(key, text, _PLACES, ("in", "out")) for key, text in (("encode", encode), ("decode", decode))}
        self.programs = {key: template.fingerprint() for key, template in self.templates.items()}
        self.format, self.suffix, self.seconds = format, suffix, seconds
        self.limit = int(megabytes * _MEGA)
        if lossless:
            self.contract = CodecContract(("uint8", "uint16"), lossless=True, guarantee="exact, checked on every frame", max_error=0)

    def encode(self, frame: NDArray[np.integer]) -> Encoded:
        """Return the file that the encoder wrote. Raises CodecFailed when it fails, or is not exact though lossless=true."""
        payload = self._run("encode", _written(frame, self.format), _SUFFIXES[self.format], f".{self.suffix}", frame.shape, frame.dtype)
        if not payload:
            raise CodecFailed("exec's encode wrote an empty file", "a code stream", "try the command by hand")
        encoded = Encoded(payload)
        if self.contract.lossless and not np.array_equal(self.decode(encoded, frame.shape, frame.dtype), frame):
            raise CodecFailed("exec's decode does not give back the frame, though lossless=true", "the same pixels", "remove lossless=true")
        return encoded

    def decode(self, encoded: Encoded, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[np.integer]:
        """Return the frame that the decoder wrote. Raises CodecFailed when it fails, or writes another shape or dtype."""
        dtype = np.dtype(dtype)
        written = self._run("decode", encoded.payload, f".{self.suffix}", _SUFFIXES[self.format], shape, dtype)
        return checked(self.name, _read(written, self.format, tuple(shape), dtype), shape, dtype)

    def distort(self, frame: NDArray[np.integer]) -> NDArray[np.integer] | None:
        """Return None: whether a program is exact is checked on every frame."""
        return None

    def details(self) -> dict[str, Any]:
        """Return the SHA-256 of both executables and the version of the library that writes the frames."""
        return {"programs_sha256": self.programs, "libraries": versions(())}

    def _run(self, key: str, content: bytes, before: str, after: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> bytes:
        """Return what the program of `key` made of `content`. The folder is gone afterwards, whatever happens."""
        with tempfile.TemporaryDirectory(prefix="sigmaraw-") as name:
            folder = Path(name)
            # Bare names, from inside the folder: some formats store the name, and its own would be another each time.
            source, target = f"in{before}", f"out{after}"
            (folder / source).write_bytes(content)
            sizes = {"width": shape[1], "height": shape[0], "bits": 8 * dtype.itemsize, "bytes": dtype.itemsize}
            run(
                self.templates[key],
                {"in": source, "out": target, **sizes},
                folder,
                seconds=self.seconds,
                limit=self.limit + len(content),
            )
            return produced(self.templates[key], folder / target)


def _written(frame: NDArray[np.integer], form: str) -> bytes:
    """Return the frame as a file's content, without loss."""
    with guarded("exec", "encode"):
        if form == "png":
            return bytes(imagecodecs.png_encode(frame, level=1, out=2 * frame.nbytes + 16 * frame.shape[0] + 4096))
        if form == "tiff":
            return bytes(imagecodecs.tiff_encode(frame))
    return np.ascontiguousarray(frame, frame.dtype.newbyteorder("<")).tobytes()


def _read(content: bytes, form: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Any:
    """Return what the decoder wrote. Raises CodecFailed when it is not such a file."""
    with guarded("exec", "decode"):
        if form == "raw":
            return np.frombuffer(content, dtype.newbyteorder("<")).astype(dtype).reshape(shape)
        return imagecodecs.png_decode(content) if form == "png" else imagecodecs.tiff_decode(content)
