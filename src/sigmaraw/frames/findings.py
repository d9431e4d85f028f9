"""Whether an image can be one raw frame of a camera: what in its pixels the camera cannot deliver, counted and named.

The camera is described by its dark level and dark noise, the least noise that any pixel has. Each finding has a limit that clean frames
do not reach; where noise is below half a DN, findings of equal values stay out, since rounding makes pixels equal.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

BELOW_NOISES = 7.0
"""Dark noises below the dark level: chance puts one of 10¹² Gaussian pixels there."""
NOISE_NEEDED_DN = 0.5
"""Dark noise, DN, from which equal neighbours are no accident: 64 pixels round to one value once in 4·10¹⁰ blocks."""
SATURATED_SHARE = 0.2
"""Share of pixels at full scale from which a frame is mostly saturated."""
_BLOCK = 8  # px, of either side of a constant area; JPEG's blocks too
_LINE = 32  # px, a row or column of fewer is no border
_COMB_SHARE = 0.99  # of the values that a common divisor explains
_COMB_DIVISORS = (2, 3, 4, 5, 8, 16, 32, 64, 128, 256)
_DISTINCT = 8  # values: fewer say nothing of a divisor
_WINDOW, _COUNT, _MISSING = 16, 25, 0.05  # codes beside an empty one, values in one of them, share of codes that are empty


class FindingName(StrEnum):
    """What is found."""

    BELOW_DARK = "below-dark"
    ABOVE_RANGE = "above-range"
    CONSTANT_BORDER = "constant-border"
    CONSTANT_AREA = "constant-area"
    COMMON_DIVISOR = "common-divisor"
    MISSING_CODES = "missing-codes"
    MOSTLY_SATURATED = "mostly-saturated"


@dataclass(frozen=True)
class FrameFinding:
    """One finding.

    Parameters
    ----------
    name : FindingName
        What is found.
    count : int
        Pixels that it concerns; of missing codes, codes.
    share : float
        The same as a share of all pixels, or of all codes that were looked at.
    text : str
        One sentence.
    """

    name: FindingName
    count: int
    share: float
    text: str


def frame_findings(
    frame: NDArray[np.unsignedinteger],
    *,
    dark_level_dn: float | NDArray[np.float64],
    dark_noise_dn: float | NDArray[np.float64],
    full_scale_dn: int,
) -> tuple[FrameFinding, ...]:
    """Return what in an image no raw frame of the camera has.

    Parameters
    ----------
    frame : ndarray
        (y, x) or (z, y, x), uint8 or uint16, DN.
    dark_level_dn : float or ndarray
        Mean dark level, DN; of the sensor, or a map (y, x).
    dark_noise_dn : float or ndarray
        Dark noise, DN, rms; with a single dark level the spread of the pixels' own levels included.
    full_scale_dn : int
        Largest value of the camera, 2^bits − 1, DN.

    Returns
    -------
    tuple of FrameFinding
        Empty for a frame that the camera could have delivered.

    Examples
    --------
    >>> import numpy as np
    >>> noise = np.random.default_rng(1).normal(100, 3, (64, 64))
    >>> frame = np.rint(noise).astype(np.uint16)
    >>> frame[:, :16] = 0
    >>> [finding.name.value for finding in frame_findings(frame, dark_level_dn=100, dark_noise_dn=3, full_scale_dn=4095)]
    ['below-dark', 'constant-border', 'constant-area']
    """
    planes = frame.reshape(-1, *frame.shape[-2:])
    found = [_below(planes, dark_level_dn, dark_noise_dn), _above(planes, full_scale_dn)]
    if float(np.median(dark_noise_dn)) >= NOISE_NEEDED_DN:
        found += [_border(planes, full_scale_dn), _area(planes, full_scale_dn), _divisor(planes), _missing(planes, full_scale_dn)]
    found.append(_saturated(planes, full_scale_dn))
    return tuple(one for one in found if one is not None)


def _percent(count: int, size: int) -> str:
    share = 100 * count / size
    return f"{count} pixels ({share:.0f} %)" if share >= 10 else f"{count} pixels ({share:.2g} %)"


def _below(
    planes: NDArray[np.unsignedinteger], level: float | NDArray[np.float64], noise: float | NDArray[np.float64]
) -> FrameFinding | None:
    lowest = np.asarray(level - BELOW_NOISES * np.asarray(noise) - 0.5)
    count = int(np.count_nonzero(planes < lowest))
    if count == 0:
        return None
    text = f"{_percent(count, planes.size)} lie more than {BELOW_NOISES:g} dark noises below the dark level: the camera cannot deliver them"
    return FrameFinding(FindingName.BELOW_DARK, count, count / planes.size, text)


def _above(planes: NDArray[np.unsignedinteger], full: int) -> FrameFinding | None:
    count = int(np.count_nonzero(planes > full))
    text = f"{_percent(count, planes.size)} are above the camera's full scale ({full} DN)"
    return FrameFinding(FindingName.ABOVE_RANGE, count, count / planes.size, text) if count else None


def _border(planes: NDArray[np.unsignedinteger], full: int) -> FrameFinding | None:
    """Rows and columns at the edges that hold one value each: padding of stitched, turned or deskewed images."""
    count = 0
    for plane in planes:
        height, width = plane.shape
        lines = [0, 0, 0, 0]  # top, bottom, left, right
        for index, rows in enumerate((plane, plane[::-1], plane.T, plane.T[::-1])):
            if rows.shape[1] < _LINE:
                continue
            same = (rows == rows[:, :1]).all(axis=1) & (rows[:, 0] < full)
            lines[index] = len(same) if same.all() else int(np.argmin(same))
        inner = max(height - lines[0] - lines[1], 0) * max(width - lines[2] - lines[3], 0)
        count += height * width - inner
    text = f"{_percent(count, planes.size)} form a border of constant rows or columns: the image is padded"
    return FrameFinding(FindingName.CONSTANT_BORDER, count, count / planes.size, text) if count else None


def _area(planes: NDArray[np.unsignedinteger], full: int) -> FrameFinding | None:
    """Blocks of 8 × 8 px of one value below full scale: padding inside the frame, masks, or a lossy codec's flat blocks."""
    height, width = (side // _BLOCK * _BLOCK for side in planes.shape[1:])
    blocks = planes[:, :height, :width].reshape(len(planes), height // _BLOCK, _BLOCK, width // _BLOCK, _BLOCK)
    low, high = blocks.min(axis=(2, 4)), blocks.max(axis=(2, 4))
    # A saturated area stands at the camera's end, wherever that is: at the highest value of the frame.
    count = _BLOCK**2 * int(np.count_nonzero((low == high) & (low < min(full, int(planes.max())))))
    text = f"{_percent(count, planes.size)} lie in blocks of {_BLOCK} × {_BLOCK} pixels of one value: padded, masked or coded with loss"
    return FrameFinding(FindingName.CONSTANT_AREA, count, count / planes.size, text) if count else None


def _divisor(planes: NDArray[np.unsignedinteger]) -> FrameFinding | None:
    """A step between codes of more than 1 DN: shifted bits, or values that were multiplied."""
    values, counts = np.unique(planes, return_counts=True)
    if len(values) < _DISTINCT:
        return None
    values = values.astype(np.intp)  # a divisor of 256 is no uint8
    for divisor in reversed(_COMB_DIVISORS):
        shares = np.bincount(values % divisor, weights=counts, minlength=divisor) / planes.size
        used = np.unique(values // divisor)
        if shares.max() >= _COMB_SHARE and len(used) >= _DISTINCT:
            count = round(float(shares.max()) * planes.size)
            what = f"{int(shares.argmax())} plus a multiple of {divisor}"
            text = f"{_percent(count, planes.size)} are {what}: bits were shifted, or values multiplied"
            return FrameFinding(FindingName.COMMON_DIVISOR, count, count / planes.size, text)
    return None


def _missing(planes: NDArray[np.unsignedinteger], full: int) -> FrameFinding | None:
    """Codes that never occur although codes near by on both sides are frequent: a stretched or mapped histogram."""
    counts = np.bincount(planes.reshape(-1), minlength=2)[1:full]
    if len(counts) < 2 * _WINDOW:
        return None
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(counts, _WINDOW), _WINDOW)
    # Both codes beside must be frequent too: between two hills of a histogram codes are rare for a while, in a stretched one singly.
    frequent = np.minimum(windows.max(axis=1)[: len(counts)], windows.max(axis=1)[_WINDOW + 1 :]) >= _COUNT
    beside = np.minimum(np.roll(counts, 1), np.roll(counts, -1)) >= _COUNT
    tested, empty = int(np.count_nonzero(frequent)), int(np.count_nonzero(frequent & beside & (counts == 0)))
    if tested < 2 * _WINDOW or empty < _MISSING * tested:
        return None
    text = f"{empty} of {tested} codes never occur between frequent ones: the values were stretched or mapped"
    return FrameFinding(FindingName.MISSING_CODES, empty, empty / tested, text)


def _saturated(planes: NDArray[np.unsignedinteger], full: int) -> FrameFinding | None:
    count = int(np.count_nonzero(planes >= full))
    if count <= SATURATED_SHARE * planes.size:
        return None
    text = f"{_percent(count, planes.size)} are at full scale ({full} DN): most of the image holds no signal"
    return FrameFinding(FindingName.MOSTLY_SATURATED, count, count / planes.size, text)
