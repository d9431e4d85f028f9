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
            f"The user or the pipeline states the kind of these measurements: {', '.join(stated)}. u_mode is the coverage study's value "
            "for that kind. The study has not measured this pipeline, so the statement also says that σ_raw is as accurate as there."
        )
    found = {row.measurement: row.u_mode_source for row in record.results}
    estimated = [name for name in unsaid if "double bootstrap" in found.get(name, "")]
    linear = [name for name in unsaid if "linear in the noise" in found.get(name, "")]
    unsaid = [name for name in unsaid if name not in estimated and name not in linear]
    if estimated:
        notes.append(
            f"The coverage study has not measured the kind of these measurements: {', '.join(estimated)}. Their u_mode is estimated from "
            "the double bootstrap of this pipeline on each image, with 0.066 for the error that all frames of a scene share."
        )
    if linear:
        notes.append(f"These measurements are linear in the noise, which was tested: {', '.join(linear)}. Their u_mode is that of a mean.")
    if unsaid:
        notes.append(
            f"The kind of these measurements is not stated, or the coverage study has not measured it: {', '.join(unsaid)}. u_mode is "
            f"therefore the largest value of that study ({percent(u_mode[unsaid[0]])} of σ_raw). More replicas do not reduce "
            "this part of the uncertainty."
        )
    return notes
