"""Any compressor of numcodecs (Zarr's codecs) by its name, for instance ``numcodecs:zlib,level=9``."""

from __future__ import annotations

import inspect
import lzma
import zlib
from typing import Any

import numcodecs
import numpy as np
from numcodecs import registry as numcodecs_registry
from numpy.typing import NDArray

from sigmaraw.codecs.calls import checked, guarded
from sigmaraw.contracts import CodecContract, Encoded, Parameter
from sigmaraw.errors import CodecFailed, InvalidSpec, UnknownName

_EXACT = ("blosc", "bz2", "gzip", "lz4", "lzma", "zlib", "zstd")  # compressors of bytes
# Codecs of objects, of text or of nothing: pickle runs code, the others do not take pixels; the rest are filters or check sums.
_CODEC = Parameter("codec", str, required=True, choices=_EXACT, help="the compressor's name in numcodecs; then its own keys")


class NumcodecsFamily:
    """Exact coding by a compressor of numcodecs, with that compressor's own keys: blosc, bz2, gzip, lz4, lzma, zlib or zstd.

    Filters and check sums of numcodecs (delta, quantize, crc32 …) are not compressors, and `pickle` runs code: refused by name.

    Reference: the numcodecs documentation.
    """

    name = "numcodecs"
    parameters = (_CODEC,)
    contract = CodecContract(("uint8", "uint16"), lossless=True, guarantee="exact", max_error=0)
    needs_camera = False
    probes = tuple((name,) for name in _EXACT)

    @staticmethod
    def parameters_for(codec: str | None) -> tuple[Parameter, ...]:
        """Return `codec`'s own settings, read from its signature: those with a default that is a number, a word or a truth."""
        if codec not in _EXACT:
            return (_CODEC,)
        if codec not in numcodecs_registry.codec_registry:
            raise UnknownName(f"numcodecs has no '{codec}' in this build", f"one of {', '.join(_EXACT)}", "choose another")
        signature = inspect.signature(numcodecs_registry.codec_registry[codec].__init__)
        own = [entry for entry in list(signature.parameters.values())[1:] if type(entry.default) in (bool, int, float, str)]
        return (_CODEC, *(Parameter(entry.name, type(entry.default), entry.default, help=f"numcodecs' {entry.name}") for entry in own))

    @staticmethod
    def build() -> dict[str, str]:
        """Return the versions that a self-test's result belongs to."""
        return {"numcodecs": numcodecs.__version__}

    def __init__(self, *, codec: str, **settings: Any) -> None:
        self.settings = {"id": codec, **settings}
        self._build()

    def _build(self) -> Any:
        """Return a fresh compressor: they are not all picklable, and making one costs nothing."""
        try:
            return numcodecs.get_codec(dict(self.settings))
        except (ValueError, TypeError) as error:
            raise InvalidSpec(f"'numcodecs' with {self.settings}", "settings that the compressor takes", "see its documentation") from error

    def encode(self, frame: NDArray[np.integer], hint: float | None = None) -> Encoded:
        """Return the exact code stream of the pixels, little-endian, row by row."""
        with guarded(self.name, "encode"):
            payload = bytes(self._build().encode(np.ascontiguousarray(frame, frame.dtype.newbyteorder("<"))))
        if self.settings["id"] == "gzip":  # its header holds the time of day (RFC 1952, bytes 4 to 7): same input, same bytes
            payload = payload[:4] + bytes(4) + payload[8:]
        return Encoded(payload)

    def decode(self, encoded: Encoded, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[np.integer]:
        """Return the frame as it was. Raises CodecFailed when the code stream is broken."""
        dtype = np.dtype(dtype)
        try:
            with guarded(self.name, "decode"):
                pixels = bytes(self._build().decode(encoded.payload))
                frame = np.frombuffer(pixels, dtype.newbyteorder("<")).astype(dtype).reshape(shape)
        except (OSError, EOFError, zlib.error, lzma.LZMAError, SystemError) as error:  # blosc of a negative size: SystemError
            raise CodecFailed("a broken numcodecs code stream", "a whole code stream", "encode the frame again") from error
        return checked(self.name, frame, shape, dtype)

    def details(self) -> dict[str, Any]:
        """Return numcodecs' version."""
        return {"libraries": self.build()}
