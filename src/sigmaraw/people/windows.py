"""Display windows: which values of an image are black and which white."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sigmaraw.errors import InvalidOption

HOUNSFIELD = {  # level (centre) and width, HU, as radiologists set them
    "ct-soft": (40, 400),
    "ct-lung": (-600, 1500),
    "ct-bone": (400, 1800),
    "ct-brain": (40, 80),
    "ct-liver": (60, 160),
    "ct-vessels": (300, 600),
}
CUT_PERCENT = 0.5


@dataclass(frozen=True)
class Window:
    """A display window.

    Parameters
    ----------
    name : str
        As typed.
    low, high : float
        What is black and what is white, in values of the file.
    """

    name: str
    low: float
    high: float


def window(name: str, values: NDArray[np.number]) -> Window:
    """Return a window by its name, for one image.

    Parameters
    ----------
    name : str
        ``auto``: .5 % to 99.5 % of the pixels; ``mr``: black at .5 % of the pixels, white at 99.5 % of those above the mean, which are the
        body; ``full``: smallest to largest; a CT window of `HOUNSFIELD`; or ``low..high`` in values of the file.
    values : ndarray
        The original image (y, x), in values of the file: HU for CT windows.

    Returns
    -------
    Window
        The same for every codec's image.

    Raises
    ------
    InvalidOption
        An unknown name, or limits that are no numbers or not in order.

    Examples
    --------
    >>> window("ct-lung", np.zeros((4, 4)))
    Window(name='ct-lung', low=-1350.0, high=150.0)
    >>> window("100..900", np.zeros((4, 4))).high
    900.0
    """
    if name in HOUNSFIELD:
        level, width = HOUNSFIELD[name]
        return Window(name, level - width / 2, level + width / 2)
    if name in ("auto", "mr"):
        low, high = np.percentile(values, (CUT_PERCENT, 100 - CUT_PERCENT))
        body = values[values > values.mean()]
        if name == "mr" and body.size:
            high = np.percentile(body, 100 - CUT_PERCENT)
        return _ordered(name, float(low), float(high))
    if name == "full":
        return _ordered(name, float(values.min()), float(values.max()))
    low_text, dots, high_text = name.partition("..")
    try:
        if not dots:
            raise ValueError
        stated = Window(name, float(low_text), float(high_text))
    except ValueError as error:
        named = ", ".join(("auto", "mr", "full", *HOUNSFIELD))
        raise InvalidOption(f"--window {name}", f"one of {named}, or low..high in values of the file", "correct it") from error
    if not (np.isfinite([stated.low, stated.high]).all() and stated.low < stated.high):
        raise InvalidOption(f"--window {name}", "low..high with low below high", "correct it")
    return stated


def _ordered(name: str, low: float, high: float) -> Window:
    """Return a window that is at least 1 wide: a flat image is shown black."""
    return Window(name, low, max(high, low + 1.0))
