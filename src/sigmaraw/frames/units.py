"""Units of time as files spell them: understood, or said to be unknown, never guessed."""

from __future__ import annotations

import math
import re
import unicodedata

_SYMBOLS = {
    "Ys": 1e27, "Zs": 1e24, "Es": 1e21, "Ps": 1e18, "Ts": 1e15, "Gs": 1e12, "Ms": 1e9, "ks": 1e6, "hs": 1e5, "das": 1e4, "s": 1e3,
    "ds": 1e2, "cs": 1e1, "ms": 1.0, "us": 1e-3, "ns": 1e-6, "ps": 1e-9, "fs": 1e-12, "as": 1e-15, "zs": 1e-18, "ys": 1e-21,
    "min": 6e4, "h": 3.6e6,
    "d": 8.64e7,
}  # fmt: skip
"""Milliseconds of each symbol of OME's list of times; capitals matter (Ms is a megasecond)."""

_WORDS = {
    "sec": 1e3, "secs": 1e3, "second": 1e3, "seconds": 1e3,
    "msec": 1.0, "msecs": 1.0, "millisec": 1.0, "millisecs": 1.0, "millisecond": 1.0, "milliseconds": 1.0,
    "milisecond": 1.0, "miliseconds": 1.0,
    "usec": 1e-3, "usecs": 1e-3, "microsec": 1e-3, "microsecs": 1e-3, "microsecond": 1e-3, "microseconds": 1e-3,
    "nsec": 1e-6, "nsecs": 1e-6, "nanosec": 1e-6, "nanosecs": 1e-6, "nanosecond": 1e-6, "nanoseconds": 1e-6,
    "picosecond": 1e-9, "picoseconds": 1e-9,
    "mins": 6e4, "minute": 6e4, "minutes": 6e4, "hr": 3.6e6, "hrs": 3.6e6, "hour": 3.6e6, "hours": 3.6e6, "day": 8.64e7, "days": 8.64e7,
}  # fmt: skip
"""Milliseconds of each word; capitals do not matter."""

_WORD = r"[A-Za-z\u00b5\u03bc]+"
_VALUE = re.compile(rf"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(?:\[\s*({_WORD})\s*\]|\(\s*({_WORD})\s*\)|({_WORD}))?\.?\s*")
_ROUND = re.compile(r"\(([^)]*)\)")
_AFTER_IN = re.compile(rf"\b(?:in\s+units\s+of|units?\s+of|units?\s*[:=]|in)\s+({_WORD})\b")
_MULTIPLE = re.compile(rf"(?:\d|[*/×^])\s*({_WORD})\b|\b({_WORD})\s*[/^*×]\s*\d")


def milliseconds_of(unit: str) -> float | None:
    """Return the milliseconds of one unit of time.

    Parameters
    ----------
    unit : str
        A symbol or word in any usual spelling: ``s``, ``µs`` with either sign for micro, ``usec``, ``Milliseconds``.

    Returns
    -------
    float or None
        Milliseconds, None where the spelling is not known.

    Examples
    --------
    >>> milliseconds_of("µs"), milliseconds_of("Seconds"), milliseconds_of("ticks")
    (0.001, 1000.0, None)
    """
    text = unicodedata.normalize("NFKC", unit).strip().strip(".").replace("\u00b5", "u").replace("\u03bc", "u")
    if text in _SYMBOLS:
        return _SYMBOLS[text]
    return _WORDS.get(text.lower(), {"sek": 1e3, "mS": 1.0, "S": 1e3}.get(text))


def parse_time(text: str, default_ms: float | None) -> float | None:
    """Return the milliseconds that a text such as ``2.5``, ``2.5 ms`` or ``0,5 s`` states.

    Parameters
    ----------
    text : str
        A number, with a unit or without.
    default_ms : float or None
        Milliseconds of one unit where the text names none; None says that a number alone is not understood.

    Returns
    -------
    float or None
        Milliseconds from 0, None where the text is no time that is understood.

    Examples
    --------
    >>> parse_time("2.5 ms", 1000.0), parse_time("2.5", 1000.0), parse_time("3 ticks", 1000.0)
    (2.5, 2500.0, None)
    """
    found = _VALUE.fullmatch(text)
    if found is None:
        return None
    unit = found[2] or found[3] or found[4]
    factor = default_ms if unit is None else milliseconds_of(unit)
    value = math.nan if factor is None else float(found[1]) * factor
    return value if math.isfinite(value) and value >= 0 else None


def unit_of_comment(comment: str, default_ms: float) -> float | None:
    """Return the milliseconds of the unit that the comment of a header key states.

    Parameters
    ----------
    comment : str
        As ``[s] exposure time`` or ``exposure time in microseconds``.
    default_ms : float
        Milliseconds of the key's conventional unit, for a comment that speaks of no unit.

    Returns
    -------
    float or None
        Milliseconds; None where the comment states a unit that is not understood, several, or a multiple of one.

    Examples
    --------
    >>> unit_of_comment("exposure time in microseconds", 1000.0), unit_of_comment("Exposure (ticks)", 1000.0)
    (0.001, None)
    """
    text = unicodedata.normalize("NFKC", comment)
    for found in _MULTIPLE.finditer(text):
        if milliseconds_of(found[1] or found[2]) is not None:
            return None
    square = [inside.strip() for inside in re.findall(r"\[([^\]]*)\]", text) if inside.strip()]
    brackets = square or [inside.strip() for inside in _ROUND.findall(text) if inside.strip()]
    units = {milliseconds_of(entry) for entry in (*brackets, *_AFTER_IN.findall(text))}
    # A word such as "seconds" or "ms" speaks for itself. A lone "s" or "d" may be anything, and "min" may be a minimum.
    units |= {milliseconds_of(word) for word in re.findall(_WORD, text) if _speaks(word)}
    if not brackets and "min" in text.split():
        return None
    if not units:
        return default_ms
    return units.pop() if len(units) == 1 else None


def _speaks(word: str) -> bool:
    plain = word.replace("\u03bc", "u").lower()
    return plain in _WORDS or plain in ("ms", "us", "ns")
