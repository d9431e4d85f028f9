"""The verdict table as plain text, for a terminal."""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Sequence

from sigmaraw.record import Content, Reason
from sigmaraw.record.camera import RICIAN
from sigmaraw.record.results import ResultRow
from sigmaraw.record.statements import STATEMENTS
from sigmaraw.reports.basis import basis_line
from sigmaraw.reports.kinds import kind_notes
from sigmaraw.reports.names import few, file_name, image_names
from sigmaraw.reports.numbers import given, interval, measured, plain, prediction, with_unit
from sigmaraw.reports.replica_number import text_lines
from sigmaraw.reports.selection import by_codec, without_error
from sigmaraw.reports.statements import first_lines, said_of, value_of

_WIDTH = 120
_UNDEFINED = "undefined"
_GAP = "  "
_FEW_RESULTS = 8  # up to so many, each warning is printed with its figures
_NUMBER = re.compile(r"(?<![\w.])[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?")


def change_without_noise(result: ResultRow) -> str:
    """Return "34 → 40" where the answer changes though raw noise does not move it: there is no σ_raw to divide by; else nothing."""
    if result.sigma_raw != 0 or result.epsilon_hat is not None or result.chi_raw is None or result.chi_codec is None:
        return ""
    if result.chi_raw == result.chi_codec and not result.shift:
        return ""
    if result.chi_raw == result.chi_codec:
        return f"{given(result.chi_raw)}, on replicas {given(result.chi_raw + (result.shift or 0.0), 4)}"
    return f"{given(result.chi_raw)} → {given(result.chi_codec)}"


def reason_of(result: ResultRow) -> str:
    """Return why a result has its verdict, in words."""
    change = change_without_noise(result)
    if change and result.reason == Reason.NO_RAW_VARIATION:
        return f"{change}, and raw noise does not move it at all (σ_raw = 0): state a margin to allow such a change"
    if result.reason == Reason.UNCHANGED_UNSURE and result.sigma_raw == 0 and result.limit is not None:
        return "neither raw noise (σ_raw = 0) nor the codec changes it on any replica: more replicas decide only where a margin is stated"
    return result.reason


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
    rows, names = [], image_names(record)
    for entry in by_codec(record):
        row, largest = entry.row, entry.largest
        rows.append(
            (
                shorten(row.name or row.codec, 40),
                row.verdict,
                plain(row.compression_ratio, 3) or _UNDEFINED,
                plain(row.psnr_camera_db, 4) or ("∞" if without_error(row) else _UNDEFINED),
                score(largest) if largest else _UNDEFINED,
                f"{shorten(largest.measurement, 24)}, {shorten(names[largest.image], 30)}" if largest else "",
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
    rows, names = [], image_names(record)
    for result in record.results:
        sigma, measurement = result.sigma_raw, listed[result.measurement]
        discrete = measurement.discrete
        rows.append(
            (
                shorten(names[result.image], 20),
                shorten(result.codec, 26),
                shorten(result.measurement, 16),
                prediction(result.chi_raw, sigma, discrete) or _UNDEFINED,
                prediction(result.chi_codec, sigma, discrete) or _UNDEFINED,
                with_unit(plain(sigma, 2), measurement.unit) or _UNDEFINED,
                measured(result.epsilon, result.u_mc or result.u) or _UNDEFINED,
                change_without_noise(result) or score(result),
                plain(result.spread_ratio, 3) or _UNDEFINED,
                plain(ratios[result.codec], 3) or _UNDEFINED,
                f"{result.verdict} ⚠" if result.warnings else result.verdict,
            )
        )
    head = ("image", "codec", "measurement", "χ_raw", "χ_c", "σ_raw", "ε", "ε̂ [95 % CI]", "spread", "CR", "verdict")
    lines = align(head, rows, (False, False, False, True, True, True, True, True, True, True, False))
    return [*lines[:2], *(part for line, result in zip(lines[2:], record.results, strict=True) for part in _reasoned(line, result))]


def _reasoned(line: str, result: ResultRow) -> list[str]:
    """Return the row with its reason: on the same line when it fits, else, if it did not pass, wrapped below it."""
    reason = reason_of(result)
    return _with_reason(line, reason, result.verdict != "PASS")


def _with_reason(line: str, reason: str, wanted: bool) -> list[str]:
    """Return a line with its reason: on the same line when it fits, else, where it is wanted, wrapped below it."""
    if reason and display_width(f"{line}: {reason}") <= _WIDTH:
        return [f"{line}: {reason}"]
    if not reason or not wanted:
        return [line]
    return [line, *textwrap.wrap(reason, _WIDTH, initial_indent="     └ ", subsequent_indent="       ")]


def _statement_lines(record: Content) -> list[str]:
    """Return a line for each codec and measurement with the three statements over images, and below it what would decide an open one."""
    found = [entry for entry in said_of(record) if entry.rows]
    if not found:
        return []
    rows = []
    for entry in found:
        values = [value_of(entry.rows[name], record.units[entry.measurement]) for name in STATEMENTS]
        rows.append((shorten(entry.codec, 26), shorten(entry.measurement, 16), *values, entry.verdict))
    head = ("codec", "measurement", "these images", "mean |shift| [limits]", "share not within [limits]", "verdict")
    lines = align(head, rows, (False, False, False, True, True, False))
    shown = lines[:2]
    for line, entry in zip(lines[2:], found, strict=True):
        decides = f"; would decide: {entry.decides}" if entry.decides else ""
        shown += _with_reason(line, f"{entry.reason}{decides}", entry.verdict != "PASS")
    return ["", *shown]


def without_figures(text: str) -> str:
    """Return a warning with "…" in place of each number: what the warnings of several results have in common."""
    return _NUMBER.sub("…", text)


def _warning_lines(record: Content) -> list[str]:
    """Return every distinct warning once, with how many results carry it and the files that they are of."""
    names = image_names(record)
    places: dict[tuple[bool, str], list[str]] = {}
    for row in record.results:
        for warning in row.warnings:
            key = without_figures(warning.text) if len(record.results) > _FEW_RESULTS else warning.text
            places.setdefault((not warning.bears, key), []).append(names[row.image])
    lines = []
    for (quiet, text), files in sorted(places.items()):
        listed = list(dict.fromkeys(files))
        mark = "⚠" if quiet else "⚠ bears on the verdict:"
        line = f"{mark} {text} ({len(files)} {'result' if len(files) == 1 else 'results'}; {few(listed)})"
        lines += textwrap.wrap(line, _WIDTH, subsequent_indent="  ")
    return ["", *lines] if lines else []


def codec_table(record: Content) -> str:
    """Return one row per codec as aligned text."""
    return "\n".join(_codec_lines(record))


def text_table(record: Content) -> str:
    """Return the verdicts as aligned text: what may be used for what, one row per codec, the statements, one row per result, warnings."""
    above = [part for line in first_lines(record) for part in textwrap.wrap(line, _WIDTH, subsequent_indent="  ")]
    lines = [*above, "", *_codec_lines(record), *_alarm_lines(record), *_statement_lines(record), "", *_result_lines(record)]
    lines += _warning_lines(record)
    if record.camera.calibrated is False and record.camera.source != RICIAN:
        u_cal = max((row.u_cal for row in record.results if row.u_cal is not None), default=0.0)
        lines += ["", f"Camera from stated values, not calibrated: σ_raw is as good as those values (relative u_cal up to {u_cal:.2g})."]
    questions = [f"{file_name(row.path) or 'an array'}: {row.note}" for row in record.inputs if row.note]
    said = [line for line in (basis_line(record), *questions, *kind_notes(record), *text_lines(record)) if line]
    extra = [part for line in said for part in textwrap.wrap(line, _WIDTH, subsequent_indent="  ")]
    lines += ["", *extra] if extra else []
    return "\n".join(lines) + "\n"
