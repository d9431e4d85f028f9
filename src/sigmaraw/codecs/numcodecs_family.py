"""Any codec of numcodecs (Zarr's codecs) by its name and settings, for instance ``numcodecs:zlib,level=9``."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import json
import lzma
import math
import re
import struct
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, ClassVar

import numcodecs
import numpy as np
from numcodecs import registry as numcodecs_registry
from numcodecs.compat import ensure_bytes
from numpy.typing import NDArray

from sigmaraw.codecs.bits import containers, require_bits
from sigmaraw.codecs.calls import checked, guarded
from sigmaraw.codecs.knobs import DIMS
from sigmaraw.codecs.rounding import to_pixels, to_reals
from sigmaraw.codecs.selftest import trial
from sigmaraw.contracts import CodecContract, Coder, Encoded, Knob, Parameter
from sigmaraw.errors import CodecFailed, InvalidSpec, UnknownName

EXACT = ("blosc", "bz2", "gzip", "lz4", "lzma", "zlib", "zstd")  # compressors of bytes: exact by their formats
# Of Python objects and of text, which are no pixels; pickle runs code from data.
_REFUSED = ("categorize", "json", "json2", "msgpack", "msgpack2", "n5_wrapper", "pickle", "vlen-array", "vlen-bytes", "vlen-utf8")
_FAMILY_KEYS = (
    Parameter("id", str, required=True, help="the codec's name in numcodecs; then its own keys"),
    Parameter("cast", str, "none", choices=("none", "float32", "float64"), help="the type that a codec of reals is given"),
    Parameter("then", str, "none", choices=("none", *EXACT), help="a compressor for what the codec makes, as behind a filter"),
    Parameter("bits", int, minimum=1, maximum=16, unit="bit", help="the data's bit depth; the container's unless given"),
    DIMS,
)
# Settings that trade bytes for quality over a range that no other setting narrows, from 8 bit data on. A pixel has 16 bits, the first of
# which is not stored: from 15 kept bits on all come back, as they do from 0 decimal digits on; digits=-2 are steps of 64 DN, the coarsest
# that 8 bit data pass; fewer stated bits narrow that. `fixedscaleoffset` is not here: how far its scale may go depends on its offset and
# types.
_KNOBS = {
    "bitround": Knob("keepbits", 0, 15, scale="linear", integer=True, direction=1, step=2, resolution=0.5),
    "quantize": Knob("digits", -2, 0, scale="linear", integer=True, direction=1, step=1, resolution=0.5),
}
_KNOB_PARAMETERS = {
    "bitround": Parameter("keepbits", int, required=True, minimum=0, maximum=52, unit="bit", help="stored bits of the mantissa to keep"),
    "quantize": Parameter("digits", int, required=True, minimum=-9, maximum=9, unit="1", help="decimal digits to keep behind the point"),
}
_LAYOUT = struct.Struct("<3sB")  # dtype of the array that a codec makes, number of its axes; then their lengths
_LENGTH = struct.Struct("<I")
_MOST_AXES = 4
# What codecs raise beside `calls.guarded`'s exceptions; blosc of a negative size gives SystemError.
_OTHER_ERRORS = (OSError, EOFError, zlib.error, lzma.LZMAError, SystemError, AttributeError, AssertionError, ArithmeticError, KeyError)


class NumcodecsFamily(Coder):
    """Coding by any codec of numcodecs, with that codec's own settings.

    What is promised is found, not believed. The seven compressors are exact by their formats. Every other codec is tried with its
    settings on the self-test's frames before its first use: it takes the dtypes on which nothing failed or wrapped around, is
    refused where there is none, and counts as exact where all frames came back, which is then checked on every frame.
    Pixels above a stated `bits` are refused, so that a codec for 12-bit values need not pass on others.

    A codec of reals (bitround, quantize …) needs cast=float32 or float64: pixels go out exactly, and come back rounded and clipped.
    `then` names a compressor for the result, without which a filter makes nothing smaller. Where the result is an array, its dtype
    and lengths are side data (4 bytes, and 4 an axis). `bitround` and `quantize` take the targets in the place of keepbits and digits;
    with dims=3 one of the seven compressors takes a stack or volume whole. Codecs of objects and of text are refused by name: pickle
    runs code from data.

    Reference: the numcodecs documentation.
    """

    name = "numcodecs"
    parameters: tuple[Parameter, ...] = _FAMILY_KEYS
    contract = CodecContract(("uint8", "uint16"), lossless=False, guarantee="exact with a compressor; else found by trial")
    may_be_exact = True
    knobs: ClassVar[dict[str, Knob]] = _KNOBS
    probes: ClassVar[dict[str, tuple[tuple[str, ...], ...]]] = {name: ((name,), (f"{name},dims=3",)) for name in EXACT}

    @staticmethod
    def parameters_for(codec: str | None) -> tuple[Parameter, ...]:
        """Return this family's parameters and `codec`'s settings, read from its signature.

        Raises UnknownName for a codec that numcodecs does not have, InvalidSpec for one of objects or text.
        """
        if codec is None:
            return _FAMILY_KEYS
        knob = _KNOB_PARAMETERS.get(codec)
        return (*_FAMILY_KEYS, *(knob if knob and entry.name == knob.name else _parameter(entry) for entry in _settings_of(codec)))

    @classmethod
    def contract_for(cls, codec: str | None, keys: Mapping[str, Any] = MappingProxyType({})) -> CodecContract:
        """Return the contract before anything is tried, with the knob of those codecs that have one.

        keys : the other settings, as typed or as read, of which `bits` narrows the range of `quantize`.
        """
        knob = cls.knobs.get(codec or "")
        if knob is None:
            return cls.contract
        if codec == "quantize":
            knob = _passed_by(knob, str(keys.get("bits")))
        return dataclasses.replace(cls.contract, guarantee="none", knob=knob.name, knob_direction=knob.direction, axis=knob)

    @staticmethod
    def build() -> dict[str, str]:
        """Return the versions that a self-test's result belongs to."""
        return {"numcodecs": numcodecs.__version__}

    def __init__(self, *, id: str, cast: str = "none", then: str = "none", bits: int | None = None, dims: int = 2, **settings: Any) -> None:
        config = _configuration(id, settings)
        self.coder = _Coder(json.dumps(config, sort_keys=True), cast, then, bits)
        self.parameters = self.parameters_for(id)
        compressor = id in EXACT and cast == "none"
        if dims == 3 and not compressor:
            raise InvalidSpec(f"'numcodecs' with {id} and dims=3", f"one of {', '.join(EXACT)} without a cast", "leave dims=3 out")
        if compressor:
            dtypes, exact, words = containers(bits), True, "exact"
        else:
            dtypes, exact = _found(self.coder.config, cast, then, bits)
            words = "exact on trial, and checked on every frame" if exact else "none"
        promise: dict[str, Any] = {"dtypes": dtypes, "lossless": exact, "guarantee": words, "max_error": 0 if exact else None}
        promise["axes"] = "stack" if dims == 3 else "frame"
        self.contract = dataclasses.replace(self.contract_for(id, {"bits": bits}), **promise)
        self.checks = self.contract.lossless and not compressor

    def encode(self, frame: NDArray[np.integer]) -> Encoded:
        """Return the code stream. Raises CodecFailed when a codec that was exact on trial is not so here."""
        encoded = self.coder.encode(frame)
        if self.checks and not np.array_equal(self.coder.decode(encoded, frame.shape, frame.dtype), frame):
            raise CodecFailed(
                f"numcodecs' {self.coder.config} does not give back this frame, though it gave back those of its self-test",
                "the same pixels",
                "use another",
            )
        return encoded

    def decode(self, encoded: Encoded, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[np.integer]:
        """Return the frame. Raises CodecFailed when the code stream is broken."""
        return checked(self.name, self.coder.decode(encoded, tuple(shape), np.dtype(dtype)), shape, dtype)

    @property
    def stated_bits(self) -> int | None:
        """Bit depth that the specification states."""
        return self.coder.bits

    def distort(self, frame: NDArray[np.integer]) -> NDArray[np.integer] | None:
        """Return the frame where the codec is a compressor of bytes; None where it is exact on trial only, or not at all."""
        return None if self.checks else super().distort(frame)

    def details(self) -> dict[str, Any]:
        """Return numcodecs' version, the codec's whole configuration as the library states it, and what it was found to take."""
        return {
            "libraries": self.build(),
            "config": json.loads(self.coder.config),
            "dtypes": list(self.contract.dtypes),
            "exact": self.contract.lossless,
        }


def _passed_by(knob: Knob, bits: str) -> Knob:
    """Return the range of `digits` whose steps are at most half of what so many bits hold: larger ones leave one value, 0.

    bits : as typed; where it is no whole number the range stays, and the specification is refused elsewhere.
    """
    half = 1 << (int(bits) - 1 if bits.isdecimal() and 1 <= int(bits) <= 16 else 15)
    passed = [digits for digits in range(int(knob.low), int(knob.high) + 1) if _quantize_step_dn(digits) <= half]
    return dataclasses.replace(knob, low=min(passed))


def _quantize_step_dn(digits: int) -> float:
    """Return the step of numcodecs' `quantize`, DN: the power of two that is at most 10^−digits."""
    return 2.0 ** -math.ceil(digits * math.log2(10.0))


class _Coder(Coder):
    """A codec of numcodecs between frames and bytes, which promises nothing."""

    name = "numcodecs"
    parameters: tuple[Parameter, ...] = _FAMILY_KEYS

    def __init__(self, config: str, cast: str, then: str, bits: int | None) -> None:
        self.config, self.bits = config, bits
        self.cast = None if cast == "none" else np.dtype(cast)
        self.then = None if then == "none" else then
        self.contract = CodecContract(containers(bits), lossless=False)
        try:
            _codec(self.config)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise InvalidSpec(f"'numcodecs' with {config}", "settings that the codec takes", "see its documentation") from error

    def encode(self, frame: NDArray[np.integer]) -> Encoded:
        require_bits(self.name, frame, self.bits)
        pixels = np.ascontiguousarray(frame, frame.dtype.newbyteorder("<"))
        with _wall(self.name, "encode"):
            made = _codec(self.config).encode(pixels if self.cast is None else to_reals(pixels, self.cast.type))
            side = b""
            if isinstance(made, np.ndarray) and (made.dtype != np.uint8 or made.ndim != 1):
                kind = made.dtype.newbyteorder("<").str.encode()
                side = _LAYOUT.pack(kind, made.ndim) + b"".join(_LENGTH.pack(length) for length in made.shape)
                made = np.ascontiguousarray(made, made.dtype.newbyteorder("<"))
            payload = _timeless(json.loads(self.config)["id"], bytes(ensure_bytes(made)))
            if self.then is not None:
                payload = _timeless(self.then, bytes(numcodecs.get_codec({"id": self.then}).encode(payload)))
        return Encoded(payload, side)

    def decode(self, encoded: Encoded, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[np.integer]:
        with _wall(self.name, "decode"):
            stream: Any = encoded.payload
            if self.then is not None:
                stream = bytes(numcodecs.get_codec({"id": self.then}).decode(stream))
            if encoded.side:
                stream = _array(stream, encoded.side)
            pixels = bytes(ensure_bytes(_codec(self.config).decode(stream)))
            if self.cast is None:
                return np.frombuffer(pixels, dtype.newbyteorder("<")).astype(dtype).reshape(shape)
            values = np.frombuffer(pixels, self.cast.newbyteorder("<")).reshape(shape)
        return to_pixels(self.name, values, dtype, None if self.bits is None else (1 << self.bits) - 1)


def _array(stream: bytes, side: bytes) -> NDArray[Any]:
    """Return the array that a codec had made. Raises ValueError or struct.error when the side data say something else."""
    kind, axes = _LAYOUT.unpack_from(side)
    if axes > _MOST_AXES or len(side) != _LAYOUT.size + axes * _LENGTH.size or not re.fullmatch(rb"[<|][biuf][1248]", kind):
        raise ValueError("side data of another codec")
    lengths = [_LENGTH.unpack_from(side, _LAYOUT.size + axis * _LENGTH.size)[0] for axis in range(axes)]
    return np.frombuffer(stream, np.dtype(kind.decode("ascii"))).reshape(lengths)


@functools.lru_cache(maxsize=256)
def _found(config: str, cast: str, then: str, bits: int | None) -> tuple[tuple[str, ...], bool]:
    """Return the dtypes that a codec takes with these settings, and whether it is exact on all frames of the trial."""
    taken = trial(_Coder(config, cast, then, bits), bits)
    return tuple(taken), all(taken.values())


@contextmanager
def _wall(name: str, action: str) -> Iterator[None]:
    """Turn whatever a codec raises into CodecFailed."""
    try:
        with guarded(name, action):
            yield
    except (*_OTHER_ERRORS, struct.error) as error:
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        raise CodecFailed(f"{name} could not {action} the frame ({reason})", "a whole code stream", "choose another setting") from error


def _timeless(codec: str, stream: bytes) -> bytes:
    """Return a stream without the time of day, which gzip's header holds (RFC 1952, bytes 4 to 7): same input, same bytes."""
    return stream[:4] + bytes(4) + stream[8:] if codec == "gzip" else stream


def _codec(config: str) -> Any:
    """Return a fresh codec: they are not all picklable, and making one costs nothing."""
    return numcodecs.get_codec(json.loads(config))


def _settings_of(codec: str) -> list[inspect.Parameter]:
    """Return the settings of a codec of numcodecs, or of another package that registers with it."""
    if codec in _REFUSED:
        raise InvalidSpec(f"'numcodecs' with {codec}", "a codec of numbers: pickle and its like run code or hold objects", "choose another")
    if codec not in numcodecs_registry.codec_registry and codec in numcodecs_registry.entries:
        numcodecs_registry.register_codec(numcodecs_registry.entries[codec].load(), codec_id=codec)
    if codec not in numcodecs_registry.codec_registry:
        choices = sorted({*numcodecs_registry.codec_registry, *numcodecs_registry.entries} - set(_REFUSED))
        raise UnknownName(f"numcodecs has no '{codec}' in this build", f"one of {', '.join(choices)}", "choose another")
    taken = {parameter.name for parameter in _FAMILY_KEYS}
    signature = inspect.signature(numcodecs_registry.codec_registry[codec].__init__)
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [entry for entry in list(signature.parameters.values())[1:] if entry.kind not in kinds and entry.name not in taken]


def _parameter(entry: inspect.Parameter) -> Parameter:
    """Return a setting as this package declares it; one whose default does not say its type is a word, read by `_configuration`."""
    words = f"numcodecs' {entry.name}"
    if type(entry.default) in (bool, int, float, str):
        return Parameter(entry.name, type(entry.default), entry.default, help=words)
    return Parameter(entry.name, str, None, required=entry.default is inspect.Parameter.empty, help=words)


def _configuration(codec: str, settings: dict[str, Any]) -> dict[str, Any]:
    """Return a codec's configuration (JSON values); a word for a setting of unknown type is a number or truth where it reads as one."""
    config: dict[str, Any] = {"id": codec}
    for entry in _settings_of(codec):
        value = settings.get(entry.name)
        if isinstance(value, str) and not isinstance(entry.default, str):
            try:
                read = json.loads(value)
                value = read if isinstance(read, (bool, int, float)) else value
            except ValueError:
                pass
        if value is not None:
            config[entry.name] = value
    return config
