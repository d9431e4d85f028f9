"""What a report says of u_mode: where each measurement has it from, and whether its kind was measured, stated or not said."""

from __future__ import annotations

from sigmaraw.record import Content
from sigmaraw.reports.numbers import percent


def u_mode_sources(record: Content) -> list[tuple[str, str]]:
    """Return (measurements, source) for each source of u_mode, in the record's order."""
    found: dict[str, dict[str, None]] = {}
    for row in record.results:
        if row.u_mode_source:
            found.setdefault(row.u_mode_source, {})[row.measurement] = None
    return [(", ".join(names), source) for source, names in found.items()]


def kind_notes(record: Content) -> list[str]:
    """Return a sentence on measurements whose kind was stated, and one on those whose kind is not said; none where u_mode is 0."""
    u_mode = {row.measurement: row.u_mode for row in record.results}
    widened = [row for row in record.measurements if u_mode.get(row.name)]
    stated = [f"{row.name} ({row.kind})" for row in widened if row.kind and row.studied is False]
    unsaid = [row.name for row in widened if row.kind == ""]
    notes = []
    if stated:
        notes.append(
            f"u_mode was looked up by a kind that the user or the pipeline states: {', '.join(stated)}. The coverage study has not "
            "measured this pipeline; that its σ_raw is found as well as those of the study is part of the statement."
        )
    if unsaid:
        notes.append(
            f"The coverage study has measured nothing like {', '.join(unsaid)}, or the pipeline does not say so: u_mode is the largest "
            f"that it found ({percent(u_mode[unsaid[0]])} of σ_raw), and more replicas do not narrow that part of an interval."
        )
    return notes
