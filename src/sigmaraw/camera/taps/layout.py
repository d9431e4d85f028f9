"""Sensors that are several in one: regions with a readout tap each, or planes of a colour filter array (CFA).

Each tap is calibrated from its pixels by the same code as a whole sensor; `tap_*` variables hold the results along `tap`. Per-pixel
maps are put together from those of the taps, since a pixel is drawn to the mean, and compared with neighbours, of the same tap.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sigmaraw.errors import InvalidOption, ShapeMismatch
from sigmaraw.frames import DarkMaps, Level, Series

_MOST_TAPS = 64
Window = tuple[slice, slice]


@dataclass(frozen=True)
class TapLayout:
    """Which pixel belongs to which tap: `rows` × `columns` regions, or a pattern of that size that repeats (`letters`, a CFA).

    Parameters
    ----------
    rows : int
        Regions along y, or rows of the pattern.
    columns : int
        Regions along x, or columns of the pattern.
    letters : str
        Colours of the pattern, row by row; "" for regions.
    """

    rows: int
    columns: int
    letters: str = ""

    def __str__(self) -> str:
        return f"cfa {self.letters}" if self.letters else f"taps {self.rows}x{self.columns}"

    @property
    def labels(self) -> tuple[str, ...]:
        """One name a tap: the CFA's letters, numbered where one occurs twice (R, G1, G2, B); else row,column of the region."""
        if not self.letters:
            return tuple(f"{row},{column}" for row, column in itertools.product(range(self.rows), range(self.columns)))
        total, seen = Counter(self.letters), Counter[str]()
        names = []
        for letter in self.letters:
            seen[letter] += 1
            names.append(letter if total[letter] == 1 else f"{letter}{seen[letter]}")
        return tuple(names)

    def windows(self, shape: tuple[int, ...]) -> tuple[Window, ...]:
        """Return the pixels of each tap on a sensor (y, x), in the order of `labels`.

        Parameters
        ----------
        shape : tuple of int
            (y, x) of the sensor, px.

        Raises
        ------
        ShapeMismatch
            If the sensor does not divide into such regions, or is smaller than the pattern.
        """
        places = itertools.product(range(self.rows), range(self.columns))
        height, width = shape
        if self.letters:
            if height < self.rows or width < self.columns:
                raise ShapeMismatch(f"frames of {height} × {width} pixels", f"at least the pattern {self.letters}", "give whole frames")
            return tuple((slice(row, None, self.rows), slice(column, None, self.columns)) for row, column in places)
        if height % self.rows or width % self.columns:
            raise ShapeMismatch(
                f"{self} of a sensor of {height} × {width} pixels", "equal regions", "cut overscan and borders off, or correct --taps"
            )
        y, x = height // self.rows, width // self.columns
        return tuple((slice(row * y, (row + 1) * y), slice(column * x, (column + 1) * x)) for row, column in places)

    def index(self, sensor: tuple[int, int], shape: tuple[int, int], corner: tuple[int, int]) -> NDArray[np.intp]:
        """Return the tap of every pixel (y, x) of a frame of `shape` whose first pixel is `corner` of a sensor of that size.

        Parameters
        ----------
        sensor : tuple of (int, int)
            (y, x) of the sensor, px.
        shape : tuple of (int, int)
            (y, x) of the frame, px.
        corner : tuple of (int, int)
            (y, x) of the first pixel of the frame on the sensor.

        Raises
        ------
        ShapeMismatch
            If there are regions and the frame leaves the sensor.
        """
        (y, x), (height, width) = corner, shape
        if not self.letters and (y + height > sensor[0] or x + width > sensor[1]):
            raise ShapeMismatch(f"frames of {height} × {width} pixels at {y},{x}", f"a part of {sensor[0]} × {sensor[1]}", "correct --roi")
        rows, columns = np.arange(y, y + height), np.arange(x, x + width)
        if self.letters:
            return (rows % self.rows)[:, None] * self.columns + (columns % self.columns)[None, :]
        return (rows * self.rows // sensor[0])[:, None] * self.columns + (columns * self.columns // sensor[1])[None, :]


def parse_layout(taps: str | None, cfa: str | None) -> TapLayout | None:
    """Return the layout of ``taps`` (rows x columns of regions, "2x2") or ``cfa`` (four letters, "RGGB"); None where neither is given.

    Parameters
    ----------
    taps : str or None
        Rows x columns of regions, "2x2"; None for none.
    cfa : str or None
        Four letters, "RGGB"; None for none.

    Raises
    ------
    InvalidOption
        If both are given, or one is malformed.
    """
    if taps is not None and cfa is not None:
        raise InvalidOption("both taps and cfa", "one of them", "calibrate by region, or by colour plane")
    if cfa is not None:
        if len(cfa) != 4 or not (cfa.isascii() and cfa.isalpha()):
            raise InvalidOption(f"cfa '{cfa[:20]}'", "four letters, the first row from left to right, then the second", "give e.g. RGGB")
        return TapLayout(2, 2, cfa.upper())
    if taps is None:
        return None
    parts = taps.lower().split("x")
    sizes = [int(part) for part in parts if part.isdecimal() and len(part) < 4]
    if len(parts) != 2 or len(sizes) != 2 or 0 in sizes or not 1 < math.prod(sizes) <= _MOST_TAPS:
        raise InvalidOption(f"taps '{taps[:20]}'", f"rows x columns of 2 to {_MOST_TAPS} regions", "give e.g. 2x2 or 1x4")
    return TapLayout(sizes[0], sizes[1])


def part_of_series(series: Series, window: Window, label: str) -> Series:
    """Return the series of one tap's pixels; frames are cut when they are read.

    Parameters
    ----------
    series : Series
        The dark and flat levels.
    window : Window
        Pixels of the tap.
    label : str
        Name of the tap.
    """

    def cut(level: Level) -> Level:
        return replace(level, part=window, name=f"{level.name} (tap {label})")

    maps = series.maps
    if maps is not None:
        maps = DarkMaps(maps.offset_dn[window], maps.read_noise_dn[window], maps.files)
    dark, flat = (tuple(map(cut, levels)) for levels in (series.dark, series.flat))
    return replace(series, dark=dark, flat=flat, maps=maps, name=f"{series.name} (tap {label})", size=None)
