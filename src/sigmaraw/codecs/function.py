"""A function or an object of the user's as a codec: what cannot be written as a specification."""

from __future__ import annotations

import html
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.codecs.calls import checked
from sigmaraw.contracts import CodecContract, Coder, Encoded, RoundTrip
from sigmaraw.errors import CodecFailed, InvalidOption, UnsupportedArray
from sigmaraw.files import sha256_of_file

_ANY = CodecContract(("uint8", "uint16"), lossless=False, guarantee="none: a user's own")


class FunctionCodec:
    """A codec that calls ``function(frame)`` with a copy of each frame; implements `contracts.Codec`.

    Parameters
    ----------
    function : callable
        Takes one frame (y, x), uint8 or uint16, DN. Returns the decoded frame in the same shape and dtype, or that and the number of
        bytes that were stored. Without a number the step counts as processing: the container's own bytes.
    spec : str, optional
        What records call it; unless given ``module:name``.

    Examples
    --------
    >>> import numpy as np
    >>> def halved(frame):
    ...     return frame // 2 * 2, frame.size
    >>> decoded, nbytes = FunctionCodec(halved).roundtrip(np.full((4, 4), 7, np.uint16))
    >>> int(decoded[0, 0]), nbytes
    (6, 16)
    """

    def __init__(self, function: Callable[[Any], Any], spec: str | None = None) -> None:
        self.function = function
        self._spec = spec or name_of(function)

    @property
    def spec(self) -> str:
        """What records call it."""
        return self._spec

    def resolved(self) -> dict[str, Any]:
        """Return the name, and the SHA-256 of the source file, where there is one (JSON values)."""
        return {"spec": self.spec, "full_spec": self.spec, "steps": [{"name": "function", **source_of(self.function)}]}

    def roundtrip(self, raw: NDArray[np.integer]) -> tuple[NDArray[np.integer], int]:
        """Return the decoded array and the byte count. raw: (y, x) or (frame, y, x), uint8 or uint16, DN."""
        result = self.apply(raw)
        return result.decoded, result.nbytes

    def apply(self, raw: NDArray[np.integer], hint: tuple[float | None, ...] | None = None) -> RoundTrip:
        """Return the round trip; the frames of a stack are given one by one, and their bytes summed.

        Parameters
        ----------
        raw : ndarray
            (y, x) or (frame, y, x), uint8 or uint16, DN.
        hint : ignored
            A function has no setting to search for.

        Returns
        -------
        RoundTrip
            In the shape and dtype of `raw`.

        Raises
        ------
        UnsupportedArray
            Not such an array.
        CodecFailed
            The function raises, or returns something else than such a frame, or that and a number of bytes.
        """
        if not isinstance(raw, np.ndarray) or raw.dtype not in (np.uint8, np.uint16) or raw.ndim not in (2, 3) or raw.size == 0:
            found = f"{raw.dtype} of shape {raw.shape}" if isinstance(raw, np.ndarray) else type(raw).__name__
            raise UnsupportedArray(f"{found} given to codec '{self.spec}'", "uint8 or uint16, (y, x) or (frame, y, x)", "pass raw frames")
        results = [self._one(np.array(frame)) for frame in raw.reshape(-1, *raw.shape[-2:])]
        sizes = tuple(nbytes for _, nbytes in results)
        decoded = np.stack([frame for frame, _ in results]).reshape(raw.shape)
        return RoundTrip(decoded, sum(sizes), {"ratio": raw.nbytes / sum(sizes)}, None, sizes if raw.ndim == 3 else ())

    def freeze(self, raw: NDArray[np.integer]) -> FunctionCodec:
        """Return the codec itself: it has no setting to freeze."""
        return self

    def _one(self, frame: NDArray[np.integer]) -> tuple[NDArray[np.integer], int]:
        shape, dtype, size = frame.shape, frame.dtype, frame.nbytes
        try:
            result = self.function(frame)
        except Exception as error:
            words = " ".join(f"{type(error).__name__}: {error}".split())[:160]
            raise CodecFailed(f"codec '{self.spec}' raised {words}", "a decoded frame", "correct the function") from error
        decoded, nbytes = result if isinstance(result, tuple) and len(result) == 2 else (result, size)
        if isinstance(nbytes, bool) or not isinstance(nbytes, int | np.integer) or nbytes <= 0:
            raise CodecFailed(f"codec '{self.spec}' returned {nbytes!r} bytes", "a whole number above 0", "count what is stored")
        return checked(f"codec '{self.spec}'", decoded, shape, dtype), int(nbytes)

    def __repr__(self) -> str:
        return f"<sigmaraw codec {self.spec!r}>"

    def _repr_html_(self) -> str:
        return f"<p>sigmaraw codec <code>{html.escape(self.spec)}</code></p>"


class ObjectCoder(Coder):
    """A coder around an object with ``encode(frame) -> bytes`` and ``decode(bytes)``, such as a codec of numcodecs.

    Parameters
    ----------
    coder : object
        `encode` takes one frame (y, x), DN, and returns bytes or an array of them. `decode` takes these bytes and returns the frame, or
        its bytes in native order.
    """

    name = "object"
    contract = _ANY

    def __init__(self, coder: Any) -> None:
        super().__init__()
        self.coder = coder

    def encode(self, frame: NDArray[np.integer]) -> Encoded:
        """Return the object's code stream. Raises CodecFailed when it raises."""
        return Encoded(self._call("encode", lambda: bytes(memoryview(self.coder.encode(frame.copy())))))

    def decode(self, encoded: Encoded, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[np.integer]:
        """Return the frame. Raises CodecFailed when the object raises, or returns another shape."""

        def decoded() -> NDArray[np.integer]:
            frame = self.coder.decode(encoded.payload)
            if isinstance(frame, np.ndarray) and frame.dtype == dtype:
                return frame.reshape(shape).copy()
            return np.frombuffer(frame, dtype).reshape(shape).copy()

        return checked(self.name, self._call("decode", decoded), shape, dtype)

    def details(self) -> dict[str, Any]:
        """Return what the object says of itself, and the SHA-256 of its source file, where there is one (JSON values)."""
        return {"object": repr(self.coder)[:200], **source_of(type(self.coder))}

    def _call(self, action: str, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except Exception as error:
            words = " ".join(f"{type(error).__name__}: {error}".split())[:160]
            raise CodecFailed(f"{action} of {name_of(self.coder)} raised {words}", "a frame and its bytes", "correct it") from error


def name_of(thing: Any) -> str:
    """Return ``module:name`` of a function, or of an object's class."""
    if not hasattr(thing, "__qualname__"):
        thing = type(thing)
    return f"{thing.__module__}:{thing.__qualname__}"


def source_of(thing: Any) -> dict[str, Any]:
    """Return the SHA-256 of the source file of a function or class, None where there is none, and its module's version."""
    target = inspect.unwrap(thing) if inspect.isroutine(thing) or inspect.isclass(thing) else type(thing)
    module = sys.modules.get(getattr(target, "__module__", ""))
    path = getattr(module, "__file__", None)
    version = getattr(module, "__version__", None)
    return {
        "source_sha256": sha256_of_file(path) if path and Path(path).is_file() else None,
        "module_version": None if version is None else str(version),
    }


def refuse(thing: Any) -> InvalidOption:
    """Return the refusal of something that is no codec."""
    return InvalidOption(
        f"a {type(thing).__name__} as codec",
        "a specification, a function of one frame, or an object with encode and decode",
        "give one of these",
    )
