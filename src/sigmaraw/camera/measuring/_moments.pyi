"""The compiled kernel: see _moments.c. Arrays are C-contiguous; frames are (frame, y, x) of `count` x `height` x `width` values."""

from typing import Any

VERSION: int

def frame_sums(
    frames: Any, count: int, height: int, width: int, itemsize: int, first: int, last: int, rows: Any, columns: Any, low: Any, high: Any, /
) -> None: ...
def pair_sums(
    frames: Any,
    count: int,
    height: int,
    width: int,
    itemsize: int,
    first: int,
    last: int,
    reference: Any,
    changes: Any,
    sums: Any,
    square_sums: Any,
    squares: Any,
    fourths: Any,
    /,
) -> None: ...
def count_codes(frames: Any, count: int, height: int, width: int, itemsize: int, step: int, counts: Any, /) -> None: ...
def variance_sums(
    sums: Any,
    square_sums: Any,
    pixels: int,
    begin: int,
    end: int,
    frames: float,
    scale: float,
    median: float,
    limit: float,
    /,
) -> tuple[float, float]: ...
def pair_difference(
    frames: Any,
    count: int,
    height: int,
    width: int,
    itemsize: int,
    first: int,
    y: int,
    x: int,
    rows: int,
    columns: int,
    out: Any,
    sums: Any,
    /,
) -> None: ...
