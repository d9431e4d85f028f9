"""A volume's slices one by one: what each codec did to them, as a table and a figure. Laid out, not computed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from sigmaraw.errors import InvalidRecord
from sigmaraw.reports.numbers import fixed, given, plain
from sigmaraw.reports.svg import FAINT, INK, drawing, figure, to_svg

_MOST = 100_000  # slices of one volume that a page prints
_DRAWN = 1e100  # beyond it an axis overflows


def slice_sections(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return per codec and volume its rows as printed (slice, CR, PSNR, largest error) and a figure; none for single frames.

    record : a clean record. Raises InvalidRecord where `slices` of a codec's image is not what a study writes.
    """
    sections = []
    for position, codec in enumerate(record["codecs"]):
        images = codec.get("images")
        for row in images if isinstance(images, list) else []:
            if not isinstance(row, dict) or row.get("slices") is None:
                continue
            ratios, psnr, errors = _columns(row["slices"])
            if not isinstance(row.get("image"), int):
                raise _wrong()
            columns = zip([None] * len(psnr) if ratios is None else ratios, psnr, errors, strict=True)
            sections.append(
                {
                    "codec": codec["codec"],
                    "image": row["image"],
                    "one_stream": ratios is None,
                    "rows": [_row(z, *values) for z, values in enumerate(columns)],
                    "figure": _figure(f"slices-{position}-{row['image']}", codec["codec"], psnr, errors),
                }
            )
    return sections


def _row(z: int, ratio: float | None, psnr: float | None, error: float) -> tuple[str, str, str, str]:
    shown = "∞ (no error)" if psnr is None and error == 0 else f"{fixed(psnr, 2)} dB"
    return str(z), plain(ratio, 3) or "one code stream", shown, f"{given(error, 4)} DN"


def _columns(slices: Any) -> tuple[list[float | None] | None, list[float | None], list[float]]:
    """Return the three columns, all of one length. A slice without error has no PSNR."""
    if not isinstance(slices, dict):
        raise _wrong()
    errors: list[Any] = _numbers(slices.get("max_error_dn"))
    psnr = _numbers(slices.get("psnr_db"), gaps=True)
    ratios = None if slices.get("compression_ratio") is None else _numbers(slices["compression_ratio"])
    sizes = {len(column) for column in (errors, psnr, ratios) if column is not None}
    if len(sizes) != 1 or any(value is None and error != 0 for value, error in zip(psnr, errors, strict=False)):
        raise _wrong()
    return ratios, psnr, errors


def _numbers(values: Any, gaps: bool = False) -> list[Any]:
    """Return a list of numbers, None among them where `gaps`. Raises InvalidRecord."""
    if not isinstance(values, list) or not 0 < len(values) <= _MOST:
        raise _wrong()
    for value in values:
        number = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _DRAWN
        if not (number or (gaps and value is None)):
            raise _wrong()
    return values


def _wrong() -> InvalidRecord:
    return InvalidRecord("'slices' of a codec in record.json", "equally long lists of numbers", "run sigmaraw validate again")


def _figure(name: str, codec: str, psnr: list[float | None], errors: list[float]) -> str:
    """Return PSNR (line, left) and largest error (dots, right) per slice."""
    with drawing():
        drawn = figure(2.5)
        left = drawn.add_subplot()
        right = left.twinx()
        left.plot(range(len(psnr)), [math.nan if value is None else value for value in psnr], color=INK, linewidth=1.2)
        right.plot(range(len(errors)), errors, ".", color=FAINT, markersize=4)
        left.set_xlabel("slice")
        left.set_ylabel("PSNR / dB (line)")
        right.set_ylabel("largest error / DN (dots)")
        drawn.tight_layout()
        return to_svg(drawn, name, f"PSNR and largest error of each slice after {codec}")
