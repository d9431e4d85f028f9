"""The last sections: undefined values, warnings, limitations, traceability, approvals, integrity."""

from __future__ import annotations

from sigmaraw.record import Content
from sigmaraw.reports.blocks import Block, Bullets, Column, Facts, Fold, Heading, Para, Row, Section, Table, Words, rich
from sigmaraw.reports.names import few, image_names
from sigmaraw.reports.values import setting
from sigmaraw.reports.wording import REVALIDATION, limitations, several

_MOST_UNDEFINED = 400
_MOST_PLACES = 6


def undefined_section(record: Content) -> Section:
    """Return what has no value and why, and every warning with its results."""
    names = image_names(record)
    columns = [
        Column("Field", kind="code", weight=1.6),
        Column("Codec", kind="code", weight=1.6),
        Column("Measurement", weight=1.3),
        Column("Image", kind="code", weight=1.4),
        Column("Reason", weight=2.0),
        Column("Count", kind="num", weight=0.7),
    ]
    rows: list[Row] = [
        [
            row.field,
            row.codec or "all",
            row.measurement or "all",
            "all" if row.image is None else names.get(row.image, f"image {row.image + 1}"),
            row.reason.replace("_", " "),
            setting(row.count),
        ]
        for row in record.undefined[:_MOST_UNDEFINED]
    ]
    more = len(record.undefined) - len(rows)
    blocks: list[Block] = [Heading("Undefined values")]
    if rows:
        title = f"{len(record.undefined)} values without a number"
        note = f"{more} more are in the record." if more > 0 else ""
        blocks.append(Fold(title, [Table("Undefined values", columns, rows, note, sortable=True)]))
    else:
        blocks.append(Para("None."))
    blocks.append(Heading("Warnings"))
    found = _warnings(record)
    blocks.append(Bullets(found) if found else Para("None."))
    return Section("undefined", "Undefined values and warnings", blocks, short="Undefined, warnings")


def _warnings(record: Content) -> list[Words]:
    """Return each distinct warning once with the results that carry it."""
    names = image_names(record)
    places: dict[str, list[str]] = {}
    for row in record.results:
        for warning in row.warnings:
            text = f"Bears on the verdict: {warning.text}" if warning.bears else warning.text
            places.setdefault(text, []).append(f"{row.codec}, {row.measurement}, {names[row.image]}")
    found: list[Words] = []
    for text, where in places.items():
        listed = few(where, _MOST_PLACES, "; ")
        found.append(rich("{text} ({count}: {listed})", text=text, count=several(len(where), "result"), listed=listed))
    return found


def scope_section(record: Content) -> Section:
    """Return what the verdicts do not show, and when to validate again."""
    return Section(
        "scope",
        "Scope, limitations and revalidation",
        [
            Para(
                "The verdicts apply to the camera, codecs with their settings, pipeline, images and replica mode named in this report, "
                "and to nothing else."
            ),
            Bullets(limitations(record)),
            Heading("When to validate again"),
            Bullets(REVALIDATION),
        ],
        short="Scope",
    )


def traceability_section() -> Section:
    """Return each requirement with its statistic and where its evidence is."""
    columns = [
        Column("Requirement", weight=2.0),
        Column("Statistic", weight=2.0),
        Column("Section of this report", weight=1.6),
        Column("Field of record.json", kind="code", weight=2.0),
    ]
    rows: list[Row] = [
        [
            "The codec does not shift answers",
            "upper 95 % limit of |ε̂| against the limit",
            "All results, Uncertainty budget",
            "results[].evidence, limit",
        ],
        [
            "The codec neither adds nor removes spread",
            "spread ratio, 90 % interval",
            "All results",
            "results[].spread_ratio, spread_ratio_ci",
        ],
        ["Single answers stay close", rich("RMS(*D*)/σ~raw~, upper limit"), "All results", "results[].rms_d, rms_d_upper"],
        ["The noise of the camera is known", "photon transfer, standard errors", "Camera", "camera"],
        ["The data are those that were judged", "SHA-256 of files and pixels", "Data, Integrity", "inputs[], images[], digest"],
        ["The rule was fixed beforehand", "SHA-256 of the plan, its lock", "Plan, lock and deviations", "plan.sha256, plan.lock"],
    ]
    return Section("traceability", "Traceability", [Table("Traceability", columns, rows)])


def approvals_section() -> Section:
    """Return the lines to be signed."""
    columns = [
        Column("Meaning", weight=1.2),
        Column("Name", weight=2.0),
        Column("Date and time", weight=1.6),
        Column("Signature", weight=2.4),
    ]
    rows: list[Row] = [[meaning, "", "", ""] for meaning in ("Performed by", "Reviewed by", "Approved by")]
    return Section("approvals", "Approvals", [Table("Approvals", columns, rows, "To be filled in by hand.", signed=True)], folded=False)


def integrity_section(record: Content) -> Section:
    """Return the digests by which a change shows."""
    rows: list[tuple[Words, Words]] = [
        ("Record digest (SHA-256)", record.digest),
        ("SHA-256 of the predictions", setting(record.predictions_sha256)),
        ("Schema", record.schema),
        ("Created", setting(record.created)),
    ]
    said = rich(
        "The digest covers the record without times, paths and hardware. {verify:code} on this folder recomputes it and the SHA-256 of "
        "every input file.",
        verify="sigmaraw verify",
    )
    return Section("integrity", "Integrity", [Facts("Integrity", rows), Para(said)], folded=False)
