"""A volume's slices one by one: what each codec did to them, as a table and a figure. Laid out, not computed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sigmaraw.record import Content
from sigmaraw.reports.numbers import fixed, given, plain
from sigmaraw.reports.svg import FAINT, INK, drawing, figure, to_svg


@dataclass(frozen=True)
class SliceSection:
    """One volume after one codec, as printed: rows of (slice, CR, PSNR, largest error), and the figure."""

    codec: str
    image: int
    one_stream: bool
    rows: list[tuple[str, str, str, str]]
    figure: str


def slice_sections(record: Content) -> list[SliceSection]:
    """Return a section per codec and volume; none for single frames."""
    sections = []
    for position, codec in enumerate(record.codecs):
        for row in codec.images:
            if row.slices is None:
                continue
            ratios, psnr, errors = row.slices.compression_ratio, row.slices.psnr_db, row.slices.max_error_dn
            columns = zip([None] * len(psnr) if ratios is None else ratios, psnr, errors, strict=True)
            sections.append(
                SliceSection(
                    codec.codec,
                    row.image,
                    ratios is None,
                    [_row(z, *values) for z, values in enumerate(columns)],
                    _figure(f"slices-{position}-{row.image}", codec.codec, psnr, errors),
                )
            )
    return sections


def _row(z: int, ratio: float | None, psnr: float | None, error: float) -> tuple[str, str, str, str]:
    shown = "∞ (no error)" if psnr is None and error == 0 else f"{fixed(psnr, 2)} dB"
    return str(z), plain(ratio, 3) or "one code stream", shown, f"{given(error, 4)} DN"


def _figure(name: str, codec: str, psnr: Sequence[float | None], errors: Sequence[int]) -> str:
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
