"""The section on objects one by one: what was found again, the shifts of all objects in a figure, the largest ones in a table."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from sigmaraw.record import Content
from sigmaraw.record.objects import ObjectCountRow, ObjectScoreRow, ObjectsRow
from sigmaraw.reports.blocks import Block, Column, Figure, Para, Row, Section, Table, rich
from sigmaraw.reports.names import image_names
from sigmaraw.reports.numbers import fixed, measured, percent, plain, unit_label, with_unit
from sigmaraw.reports.svg import BAND, INK, RAW, drawing, figure, to_svg
from sigmaraw.reports.table import shorten

MOST_ROWS = 200  # of the table of objects; the record has all
_MOST_POINTS = 400  # of a codec in a figure; more are drawn as their distribution
_WINDOW = 8.0  # σ_raw; what lies beyond stands at the edge
_LABEL = 46


def objects_section(record: Content) -> Section | None:
    """Return the section on objects; None for a record that does not follow them."""
    objects = record.objects
    if objects is None:
        return None
    blocks: list[Block] = [_tallies(record, objects)]
    for position, measurement in enumerate(objects.measurements):
        rows = [row for row in objects.scores if row.measurement == measurement.name]
        if rows:
            alt = f"Shift of {measurement.name} of each object, by codec"
            blocks.append(Figure(_figure(f"objects-{position}", alt, record, rows), alt, title=measurement.name))
    text = (
        "One point for each object: its mean paired shift over the replicas that show it, in its own σ~raw~. The band is ±1. Of more than "
        "{points} objects the distribution is drawn: all, 5 to 95 %, and the middle half."
    )
    blocks.append(Para(rich(text, points=str(_MOST_POINTS)), "small"))
    return Section("objects", "Objects one by one", [*blocks, _largest(record, objects)], short="Objects")


def _tallies(record: Content, objects: ObjectsRow) -> Table:
    """Return how many objects replicas show, on average."""
    names = image_names(record)
    columns = [
        Column("Image", weight=1.6),
        Column("Replicas", kind="code", weight=2.2),
        Column("Objects", "in the image", kind="num"),
        Column("Objects", "in a replica", kind="num"),
        *(Column(head, kind="num") for head in ("matched", "unmatched", "missed", "split", "merged")),
        Column("Largest share of |ε̂| > 1", kind="num", weight=1.6),
    ]
    sizes: dict[int, int] = defaultdict(int)
    for entry in objects.objects:
        sizes[entry.image] += 1
    beyond = _beyond(objects.scores)
    rows: list[Row] = [
        [
            names[row.image],
            row.codec or "raw",
            str(sizes[row.image]),
            *(_mean(row, key) for key in ("count", "matched", "unmatched", "missed", "split", "merged")),
            percent(beyond.get((row.image, row.codec))) or "—",
        ]
        for row in objects.counts
    ]
    caption = (
        "Means over replicas. An object is matched with the one of the image itself that it overlaps, one to one, so that the sum of "
        f"intersections over unions is largest; below {objects.reach:g} two objects are not the same. Unmatched: in the replica alone. "
        "Missed: in the image alone. Split: an object of which several are parts. Merged: one of which several of the image’s are parts. "
        "The last column is the share of objects whose mean shift is larger than σ_raw, of the measurement where it is largest."
    )
    return Table("Objects found in replicas", columns, rows, caption)


def _mean(row: ObjectCountRow, key: str) -> str:
    values: tuple[int, ...] = getattr(row, key)
    return fixed(statistics.fmean(values), 2) or "0" if values else "—"


def _beyond(scores: Sequence[ObjectScoreRow]) -> dict[tuple[int, str | None], float]:
    """Return, by image and codec, the largest share over measurements of objects with |ε̂| above 1."""
    flags: dict[tuple[int, str, str], list[bool]] = defaultdict(list)
    for row in scores:
        if row.epsilon_hat is not None:
            flags[row.image, row.codec, row.measurement].append(abs(row.epsilon_hat) > 1)
    found: dict[tuple[int, str | None], float] = {}
    for (image, codec, _), values in flags.items():
        found[image, codec] = max(found.get((image, codec), 0.0), statistics.fmean(values))
    return found


def _largest(record: Content, objects: ObjectsRow) -> Table:
    """Return the objects with the largest shifts, or all where they are few."""
    names, units = image_names(record), {row.name: row.unit for row in objects.measurements}
    places = {(row.image, row.object): row for row in objects.objects}
    order = sorted(objects.scores, key=_severity)
    columns = [
        Column("Object", weight=1.6),
        Column("Centre", "px", kind="num", weight=1.2),
        Column("Codec", kind="code", weight=1.8),
        Column("Measurement", weight=1.4),
        Column("χ_raw", kind="num"),
        Column("χ_c", kind="num"),
        Column("σ_raw", kind="num", weight=1.2),
        Column("ε", kind="num"),
        Column("ε̂", kind="num"),
        Column("found", "in replicas", kind="num"),
    ]
    rows: list[Row] = []
    for row in order[:MOST_ROWS]:
        place = places[row.image, row.object]
        sigma = row.sigma_raw
        rows.append(
            [
                f"{names[row.image]}, {row.object}",
                ", ".join(fixed(side, 1) or "" for side in place.centre),
                row.codec,
                row.measurement,
                measured(row.chi_raw, sigma) or "—",
                measured(row.chi_codec, sigma) or "not found",
                with_unit(plain(sigma, 2), unit_label(units[row.measurement])) or "undefined",
                measured(row.epsilon, row.u) or "—",
                measured(row.epsilon_hat, row.u) or "—",
                percent(place.found) or "—",
            ]
        )
    left_out = len(order) - len(rows)
    caption = f"The {len(rows)} largest shifts; {left_out} more are in the record (objects.scores)." if left_out else "All objects."
    return Table("Objects with the largest shifts", columns, rows, f"{caption} No verdict is given on single objects.", sortable=True)


def _severity(row: ObjectScoreRow) -> float:
    """Return what sorts objects: those that no decoded replica shows, then by |ε̂|, then those without a score."""
    if row.n == 0:
        return -float("inf")
    return float("inf") if row.epsilon_hat is None else -abs(row.epsilon_hat)


def _figure(name: str, alt: str, record: Content, rows: Sequence[ObjectScoreRow]) -> str:
    """Draw ε̂ of all objects, one line for each codec."""
    codecs = [row.codec for row in record.codecs]
    height = 0.46 * len(codecs)
    with drawing():
        drawn = figure(0.75 + height)
        axes = drawn.add_axes((0.30, 0.5 / (0.75 + height), 0.68, height / (0.75 + height)))
        axes.axvspan(-1, 1, color=BAND, linewidth=0, zorder=0)
        axes.axvline(0, color=RAW, linewidth=0.8, zorder=1)
        for position, codec in enumerate(codecs):
            values = np.array([row.epsilon_hat for row in rows if row.codec == codec and row.epsilon_hat is not None], dtype=np.float64)
            values = np.clip(values, -_WINDOW, _WINDOW)
            if not values.size:
                continue
            if values.size <= _MOST_POINTS:
                spread = (np.arange(values.size) * 0.618 % 1 - 0.5) * 0.5  # beside each other, the same in every drawing
                axes.scatter(values, position + spread, s=7, color=INK, alpha=0.5, linewidths=0, zorder=2)
            else:
                low, early, middle, late, high = np.percentile(values, (5, 25, 50, 75, 95))
                axes.plot([values.min(), values.max()], [position, position], color=INK, linewidth=0.7, zorder=2)
                axes.plot([low, high], [position, position], color=INK, linewidth=3, zorder=2)
                axes.plot([early, late], [position, position], color=INK, linewidth=8, solid_capstyle="butt", zorder=2)
                axes.plot([middle], [position], marker="|", color="white", markersize=8, zorder=3)
        axes.set_ylim(len(codecs) - 0.5, -0.5)
        axes.set_yticks(range(len(codecs)))
        axes.set_yticklabels([shorten(codec, _LABEL) for codec in codecs], parse_math=False)
        farthest = max([1.5, *(min(abs(row.epsilon_hat), _WINDOW) for row in rows if row.epsilon_hat is not None)])
        axes.set_xlim(-1.08 * farthest, 1.08 * farthest)
        axes.set_xlabel("ε̂ of each object, in its σ_raw" + (f"; beyond ±{_WINDOW:g} at the edge" if farthest >= _WINDOW else ""))
        return to_svg(drawn, name, alt)
