"""The verdict table as plain text, for a terminal."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Sequence

from sigmaraw.record import Content
from sigmaraw.record.results import ResultRow
from sigmaraw.reports.kinds import kind_notes
from sigmaraw.reports.numbers import interval, measured, plain, prediction, with_unit
from sigmaraw.reports.replica_number import text_lines
from sigmaraw.reports.selection import by_codec

_WIDTH = 120
_UNDEFINED = "undefined"
_GAP = "  "


def display_width(text: str) -> int:
    """Return how many terminal columns a text takes: combining marks none, wide characters two."""
    return sum(0 if unicodedata.combining(mark) else 2 if unicodedata.east_asian_width(mark) in "WF" else 1 for mark in text)


def shorten(text: str, width: int) -> str:
    """Return the text, its middle replaced by "…" when it is wider than `width` columns."""
    if display_width(text) <= width:
        return text
    head, tail = "", ""
    for front, back in zip(text, reversed(text), strict=True):
        if display_width(head + front + tail) >= width:
            break
        head += front
        if display_width(head + back + tail) >= width:
            break
        tail = back + tail
    return f"{head}…{tail}"


def _pad(text: str, width: int, right: bool) -> str:
    space = " " * max(0, width - display_width(text))
    return space + text if right else text + space


def align(head: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[bool]) -> list[str]:
    """Return lines of columns: a head, a rule and the rows; `right` says which columns are flush right."""
    widths = [max(display_width(row[column]) for row in [head, *rows]) for column in range(len(head))]
    lines = [_GAP.join(_pad(text, width, flush) for text, width, flush in zip(row, widths, right, strict=True)) for row in [head, *rows]]
    return [lines[0].rstrip(), _GAP.join("─" * width for width in widths), *(line.rstrip() for line in lines[1:])]


def score(result: ResultRow) -> str:
    """Return ε̂ with its 95 % interval, in the digits that the interval supports."""
    low, high = result.epsilon_hat_ci or (None, None)
    value = measured(result.epsilon_hat, result.u_mc or result.u)
    ends = interval(low, high)
    if value is None:
        return _UNDEFINED
    return f"{value} {ends}" if ends else value


def _codec_lines(record: Content) -> list[str]:
    rows = []
    for entry in by_codec(record):
        row, largest = entry.row, entry.largest
        rows.append(
            (
                shorten(row.name or row.codec, 40),
                row.verdict,
                plain(row.compression_ratio, 3) or _UNDEFINED,
                plain(row.psnr_db, 4) or ("∞" if row.max_error_dn == 0 else _UNDEFINED),
                score(largest) if largest else _UNDEFINED,
                f"{shorten(largest.measurement, 24)}, image {largest.image}" if largest else "",
            )
        )
    head = ("codec", "verdict", "CR", "PSNR/dB", "largest |ε̂| [95 % CI]", "where")
    return align(head, rows, (False, False, True, True, True, False))


def _alarm_lines(record: Content) -> list[str]:
    """Return a line for each codec that removes noise, or misses its target: what no reader should overlook."""
    lines = []
    for row in record.codecs:
        if row.denoising_alarm and row.noise_removed is not None:
            lines.append(f"Denoising: {shorten(row.codec, 60)} removes {100 * row.noise_removed:.0f} % of the raw noise.")
        missed = sum(image.achieved.get("target_met") is False for image in row.images)
        if missed or row.replicas_missed:
            of_replicas = f" and {row.replicas_missed} of {row.replicas_targeted} replicas" if row.replicas_targeted else ""
            lines.append(f"Target not met: {shorten(row.name or row.codec, 60)}, on {missed} of {len(row.images)} images{of_replicas}.")
    return lines


def _result_lines(record: Content) -> list[str]:
    listed = {row.name: row for row in record.measurements}
    ratios = {row.codec: row.compression_ratio for row in record.codecs}
    rows = []
    for result in record.results:
        sigma, measurement = result.sigma_raw, listed[result.measurement]
        discrete = measurement.discrete
        rows.append(
            (
                str(result.image),
                shorten(result.codec, 26),
                shorten(result.measurement, 16),
                prediction(result.chi_raw, sigma, discrete) or _UNDEFINED,
                prediction(result.chi_codec, sigma, discrete) or _UNDEFINED,
                with_unit(plain(sigma, 2), measurement.unit) or _UNDEFINED,
                measured(result.epsilon, result.u_mc or result.u) or _UNDEFINED,
                score(result),
                plain(result.spread_ratio, 3) or _UNDEFINED,
                plain(ratios[result.codec], 3) or _UNDEFINED,
                result.verdict,
            )
        )
    head = ("img", "codec", "measurement", "χ_raw", "χ_c", "σ_raw", "ε", "ε̂ [95 % CI]", "spread", "CR", "verdict")
    lines = align(head, rows, (True, False, False, True, True, True, True, True, True, True, False))
    return [*lines[:2], *(part for line, result in zip(lines[2:], record.results, strict=True) for part in _reasoned(line, result))]


def _reasoned(line: str, result: ResultRow) -> list[str]:
    """Return the row with its reason: on the same line when it fits, else, if it did not pass, wrapped below it."""
    reason = result.reason
    if reason and display_width(f"{line}: {reason}") <= _WIDTH:
        return [f"{line}: {reason}"]
    if not reason or result.verdict == "PASS":
        return [line]
    return [line, *textwrap.wrap(reason, _WIDTH, initial_indent="     └ ", subsequent_indent="       ")]


def codec_table(record: Content) -> str:
    """Return one row per codec as aligned text."""
    return "\n".join(_codec_lines(record))


def text_table(record: Content) -> str:
    """Return the verdicts as aligned text: one row per codec, then one per result with its reason."""
    lines = [*_codec_lines(record), *_alarm_lines(record), "", *_result_lines(record)]
    if record.camera.calibrated is False:
        u_cal = max((row.u_cal for row in record.results if row.u_cal is not None), default=0.0)
        lines += ["", f"Camera from stated values, not calibrated: σ_raw is as good as those values (relative u_cal up to {u_cal:.2g})."]
    extra = [part for line in (*kind_notes(record), *text_lines(record)) for part in textwrap.wrap(line, _WIDTH, subsequent_indent="  ")]
    lines += ["", *extra] if extra else []
    return "\n".join(lines) + "\n"
