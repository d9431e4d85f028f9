"""The table of a camera's readout taps or colour planes, as printed."""

from __future__ import annotations

from dataclasses import dataclass

from sigmaraw.record.camera import TapsRow
from sigmaraw.reports.numbers import measured, unit_label


@dataclass(frozen=True)
class TapTable:
    """What a page prints of taps: rows of (name, unit, one cell a tap)."""

    layout: str
    labels: list[str]
    rows: list[tuple[str, str, list[str]]]


def tap_table(taps: TapsRow | None) -> TapTable | None:
    """Return the table of taps, None for a camera without; quantities that no tap determines are left out."""
    if taps is None:
        return None
    rows = []
    for name, row in taps.scalars.items():
        if all(value is None for value in row.value):
            continue
        cells = [
            "–" if value is None else f"{measured(value, se)}" + ("" if se is None else f" ± {se:.2g}")
            for value, se in zip(row.value, row.se, strict=True)
        ]
        rows.append((name.replace("_", " "), unit_label(row.unit), cells))
    return TapTable(taps.layout, list(taps.labels), rows)
