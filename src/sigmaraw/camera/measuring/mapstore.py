"""Per-pixel maps of many levels, kept until it is clear which of them count: in memory where they are few, else in a temporary file.

The fit's range follows from all levels, the gain of each pixel from the levels in it. With the maps kept, no frame is read a second time.
Means are kept as deviations from the level's mean, so that float32 holds them to 1e-7 of a deviation, variances to 1e-7 of themselves.
A pixel that gave one value throughout has −1 − variance.
"""

from __future__ import annotations

import tempfile
import threading
from contextlib import ExitStack
from functools import partial
from io import FileIO
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from sigmaraw.camera.measuring.onepass import Map, PixelSums
from sigmaraw.camera.measuring.workers import Workers, strips
from sigmaraw.errors import OutOfSpace

IN_MEMORY = 1 << 27  # bytes of maps: above, a file in the system's folder for temporary ones (TMPDIR) takes them


class MapStore:
    """Maps (y, x) of mean, variance and stillness by level. Use as a context manager: the file goes with it.

    Parameters
    ----------
    shape : tuple of (int, int)
        (y, x), px.
    levels : int
        Number of levels.
    """

    def __init__(self, shape: tuple[int, int], levels: int) -> None:
        self.shape = shape
        self._each = 8 * shape[0] * shape[1]
        self._means: dict[int, float] = {}
        self._maps: dict[int, NDArray[np.float32]] = {}
        self._closing = ExitStack()
        self._one_at_a_time = threading.Lock()
        self._file: FileIO | None = None
        if levels * self._each > IN_MEMORY:
            self._file = self._closing.enter_context(tempfile.TemporaryFile(prefix="sigmaraw-", buffering=0))  # noqa: SIM115  # the stack closes it

    def __enter__(self) -> MapStore:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._closing.close()

    def put(self, level: int, sums: PixelSums, centre: float, crew: Workers) -> None:
        """Keep the maps of a level.

        Parameters
        ----------
        level : int
            Place of the level.
        sums : PixelSums
            Sums over the frames of a level.
        centre : float
            About the mean of the level, DN.
        crew : Workers
            Threads that share the work.

        Raises
        ------
        OutOfSpace
            If the temporary file does not fit.
        """
        self._means[level] = centre
        if self._file is None:
            self._maps[level] = np.empty((2, *self.shape), np.float32)
        crew.run([partial(self._put_rows, level, sums, rows) for rows in strips(self.shape)])

    def _put_rows(self, level: int, sums: PixelSums, rows: slice) -> None:
        mean, variance = sums.single(rows, self._means[level])
        np.subtract(np.float32(-1.0), variance, out=variance, where=sums.still(rows))
        for which, values in enumerate((mean, variance)):
            if self._file is None:
                self._maps[level][which, rows] = values
            else:
                self._write(level, which, rows.start, values)

    def _write(self, level: int, which: int, start: int, values: NDArray[np.float32]) -> None:
        assert self._file is not None
        view = memoryview(values).cast("B")  # type: ignore[arg-type]  # arrays have the buffer protocol
        try:
            with self._one_at_a_time:
                self._file.seek(self._place(level, which, start))
                while len(view):
                    view = view[self._file.write(view) :]
        except OSError as error:
            raise OutOfSpace(
                f"{self._each} bytes of level {level} do not fit into {tempfile.gettempdir()} ({error.strerror})",
                "free space for 8 bytes a pixel and level",
                "free space there, or let TMPDIR name a folder with more",
            ) from error

    def _place(self, level: int, which: int, start: int) -> int:
        """Return where the rows from `start` of the mean (0) or variance (1) stand in the file."""
        return level * self._each + 4 * self.shape[1] * (which * self.shape[0] + start)

    def rows(self, level: int, rows: slice) -> tuple[Map, Map, NDArray[np.bool_]]:
        """Return mean (DN), variance (DN²) and stillness of some rows of a level; several threads may ask at once.

        Parameters
        ----------
        level : int
            Place of the level.
        rows : slice
            Rows of the sensor. Default: all.
        """
        start, stop, _ = rows.indices(self.shape[0])
        if self._file is None:
            mean, variance = self._maps[level][:, start:stop]
        else:
            mean, variance = (self._read(level, which, start, stop) for which in (0, 1))
        still = variance < 0
        return mean + np.float64(self._means[level]), np.where(still, -1.0 - variance.astype(np.float64), variance), still

    def _read(self, level: int, which: int, start: int, stop: int) -> NDArray[np.float32]:
        assert self._file is not None
        out = np.empty((stop - start, self.shape[1]), np.float32)
        view = memoryview(out).cast("B")  # type: ignore[arg-type]  # as above
        with self._one_at_a_time:
            self._file.seek(self._place(level, which, start))
            while len(view):
                done = self._file.readinto(view)
                if not done:
                    raise OSError(f"the temporary file ends before level {level}")
                view = view[done:]
        return out
