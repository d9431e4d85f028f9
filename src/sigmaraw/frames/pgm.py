"""Binary PGM (P5)."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from sigmaraw.contracts.readers import Decoded, Reader, Selection
from sigmaraw.frames.decoding import decoding, unreadable

_PGM_HEADER = re.compile(rb"P5(?:\s+|\s*#[^\n]*\n\s*)+(\d{1,6})(?:\s+|\s*#[^\n]*\n\s*)+(\d{1,6})(?:\s+|\s*#[^\n]*\n\s*)+(\d{1,5})\s")


class PgmReader(Reader):
    """Binary grey maps."""

    name = "pgm"
    formats = "binary PGM"
    suffixes = (".pgm",)
    package = "numpy"

    def read(self, path: Path, selection: Selection) -> Decoded:
        """Return the one plane, as `read_pgm`."""
        return read_pgm(path, selection)


def read_pgm(path: Path, selection: Selection) -> Decoded:
    """Return the one plane of a binary PGM (P5); its largest value states the bit depth where it is 2^bits − 1.

    Raises
    ------
    UnreadableFile
        Not a binary PGM, cut off, or of several images.
    """
    del selection
    with decoding(path, "PGM"):
        content = path.read_bytes()
        found = _PGM_HEADER.match(content)
        if found is None:
            raise unreadable(path, "PGM", "no header of a binary grey map (P5)")
        width, height, top = (int(value) for value in found.groups())
        dtype = np.dtype("u1" if top < 256 else ">u2")
        size = width * height * dtype.itemsize
        if not 0 < top < 1 << 16 or size == 0 or len(content) - found.end() != size:
            raise unreadable(path, "PGM", f"{size} bytes announced, {len(content) - found.end()} present")
        pixels = np.frombuffer(content, dtype, offset=found.end()).reshape(1, height, width)
        if int(pixels.max()) > top:
            raise unreadable(path, "PGM", f"a value above the largest that it states, {top}")
    exact = (top + 1) & top == 0
    bits = top.bit_length() if exact and top not in (255, 65535) else None
    return Decoded(pixels.astype(dtype.newbyteorder("=")), "pgm", bits)
