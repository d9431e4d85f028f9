"""Look-up tables as maps: each DN becomes a code, each code comes back as one DN."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.errors import CodecFailed, InvalidSpec, UnsupportedArray

_FINGERPRINT = 8  # bytes


class Table:
    """A non-decreasing table DN → code, and its inverse: of each code, the middle of the DN that share it.

    The table is known to both sides, as a camera's settings are; 8 bytes of its SHA-256 are stored with each frame and counted.

    codes : 1-D, integers from 0 to 65535, entry i is the code of DN i.
    """

    def __init__(self, name: str, codes: NDArray[np.integer]) -> None:
        if codes.ndim != 1 or codes.size == 0 or codes.size > 65536 or codes.dtype.kind not in "iu":
            found = f"a table of {codes.dtype} and shape {codes.shape} for '{name}'"
            raise InvalidSpec(found, "1-D integers, at most 65536 of them", "give one code for each DN")
        if codes.min() < 0 or codes.max() > 65535 or np.any(np.diff(codes.astype(np.int64)) < 0):
            found = f"a table for '{name}' that falls, or leaves 0 to 65535"
            raise InvalidSpec(found, "non-decreasing codes from 0 to 65535", "sort it or change its range")
        self.name = name
        self.codes = codes.astype(np.uint8 if codes.max() < 256 else np.uint16)
        first = np.searchsorted(self.codes, np.arange(int(self.codes.max()) + 1), side="left")
        last = np.searchsorted(self.codes, np.arange(int(self.codes.max()) + 1), side="right") - 1
        # Codes that no DN has lie between two that have one (a coder may return them): half way, by the same formula.
        self.levels = np.clip((first + last) // 2, 0, codes.size - 1).astype(np.uint16)
        self.sha256 = hashlib.sha256(self.codes.astype("<u2").tobytes()).hexdigest()

    @property
    def exact(self) -> bool:
        """Whether every DN has a code of its own."""
        return bool(np.all(np.diff(self.codes.astype(np.int64)) > 0))

    def forward(self, frame: NDArray[np.integer]) -> tuple[NDArray[np.integer], bytes]:
        """Return the codes and the table's fingerprint. Raises UnsupportedArray for a DN that the table does not hold."""
        top = int(frame.max())
        if top >= self.codes.size:
            found, expected = f"a pixel of {top} DN given to '{self.name}'", f"values up to {self.codes.size - 1}"
            raise UnsupportedArray(found, expected, "use a table for this bit depth")
        return self.codes[frame], bytes.fromhex(self.sha256)[:_FINGERPRINT]

    def inverse(self, mapped: NDArray[np.integer], side: bytes, dtype: np.dtype[Any]) -> NDArray[np.integer]:
        """Return DN; codes beyond the largest, from a lossy coder's overshoot, count as the largest."""
        if side != bytes.fromhex(self.sha256)[:_FINGERPRINT]:
            raise CodecFailed(f"a frame mapped by another table than this '{self.name}'", "its own table", "decode with its codec")
        levels = self.levels[np.minimum(mapped, self.levels.size - 1)]
        return np.minimum(levels, np.iinfo(dtype).max).astype(dtype)  # a bin's middle may lie above the last DN of uint8
