"""An explicit look-up table from a file, as cameras and acquisition programs apply them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.codecs.tables import Table
from sigmaraw.contracts import CodecContract, Map, Parameter
from sigmaraw.errors import InputNotFound, UnreadableFile


class Lut(Map):
    """DN → code by a table: entry i (or line i) is the code of DN i; each code comes back as the middle of its DN.

    The file is .npy of 1-D integers, or text with one whole number a line. Values that the table does not hold are refused.
    """

    name = "lut"
    parameters = (Parameter("table", str, required=True, help="path of an .npy file, or a text file with one code a line"),)
    contract = CodecContract(("uint8", "uint16"), lossless=False, guarantee="none")

    def __init__(self, *, table: str) -> None:
        self.table = Table(self.name, _read(Path(table)))

    def forward(self, frame: NDArray[np.integer]) -> tuple[NDArray[np.integer], bytes]:
        """Return the codes and 8 bytes of the table's SHA-256. frame: (y, x), DN."""
        return self.table.forward(frame)

    def inverse(self, mapped: NDArray[np.integer], side: bytes, dtype: np.dtype[Any]) -> NDArray[np.integer]:
        """Return DN in the frame's first dtype."""
        return self.table.inverse(mapped, side, dtype)

    def details(self) -> dict[str, Any]:
        """Return the table's SHA-256, its length, its largest code and whether it loses nothing."""
        table = self.table
        return {"sha256": table.sha256, "entries": table.codes.size, "largest_code": int(table.codes.max()), "exact": table.exact}


def _read(path: Path) -> NDArray[np.integer]:
    """Return the file's array. Raises InputNotFound or UnreadableFile."""
    if not path.is_file():
        raise InputNotFound(f"no look-up table {path}", "an .npy or text file", "check the path")
    try:
        if path.suffix == ".npy":
            loaded = np.load(path, allow_pickle=False)
            if not isinstance(loaded, np.ndarray):
                raise ValueError("an archive of arrays")
            return loaded
        return np.array([int(line) for line in path.read_text(encoding="ascii").split()], dtype=np.int64)
    except (ValueError, EOFError, OSError, OverflowError) as error:
        reason = " ".join(str(error).split())[:120]
        raise UnreadableFile(f"look-up table {path} ({reason})", "one whole number for each DN", "write the file again") from error
