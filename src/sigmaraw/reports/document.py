"""A record folder as a document: which sections, in which order, in which edition."""

from __future__ import annotations

import json
from typing import Literal

from sigmaraw.record import Content
from sigmaraw.record.arrays import RecordFolder
from sigmaraw.record.fields import plain as bare
from sigmaraw.reports.blocks import Attachment, Document, Section
from sigmaraw.reports.camera_sections import camera_section
from sigmaraw.reports.closing_sections import approvals_section, integrity_section, scope_section, traceability_section, undefined_section
from sigmaraw.reports.codec_sections import quality_section, search_section, slices_section, sweep_section
from sigmaraw.reports.csv_table import csv_text
from sigmaraw.reports.front import front_blocks, report_number
from sigmaraw.reports.lab import Lab
from sigmaraw.reports.method_sections import methods_section, rule_section, uncertainty_section
from sigmaraw.reports.object_sections import objects_section
from sigmaraw.reports.results_sections import (
    MOST_ROWS,
    distributions_section,
    forest_section,
    results_section,
    statements_section,
    tests_section,
    verdict_section,
    worst_section,
)
from sigmaraw.reports.study_sections import data_section, environment_section, frame_section, plan_section

Edition = Literal["short", "full"]
FOOT = (
    "Rendered from record.json and result.nc by sigmaraw; the rendering computes no result; of objects it prints means, shares and "
    "percentiles of what the record holds. It supports regulated use; whether a requirement is met is for the responsible person to "
    "decide."
)


def document_of_folder(folder: RecordFolder, edition: Edition = "full", lab: Lab | None = None, most_rows: int = MOST_ROWS) -> Document:
    """Return the report of a record folder.

    Parameters
    ----------
    folder : RecordFolder
        The record with its arrays.
    edition : {'full', 'short'}
        `short` has the first page, verdicts, statements, scope, approvals and integrity.
    lab : Lab, optional
        The laboratory's template.
    most_rows : int
        Rows of a table of results at most; the attached CSV has all.
    """
    record, lab = folder.record, lab or Lab()
    chosen = _short(record) if edition == "short" else _full(folder, most_rows)
    return Document(
        title="Codec validation report",
        subtitle="Does a codec change a model’s answers more than the camera’s noise does?",
        number=report_number(record, lab),
        created=record.created or "",
        digest=record.digest,
        letterhead=lab.letterhead,
        front=front_blocks(folder, lab),
        sections=[section for section in chosen if section is not None],
        foot=FOOT,
        attachments=attachments(record),
    )


def _short(record: Content) -> list[Section | None]:
    return [
        search_section(record),
        verdict_section(record),
        statements_section(record),
        scope_section(record),
        approvals_section(),
        integrity_section(record),
    ]


def _full(folder: RecordFolder, most_rows: int) -> list[Section | None]:
    record = folder.record
    return [
        search_section(record),
        sweep_section(record),
        verdict_section(record),
        forest_section(record),
        frame_section(record),
        statements_section(record),
        results_section(record, most_rows),
        distributions_section(folder),
        objects_section(record),
        worst_section(folder),
        quality_section(record),
        slices_section(record),
        uncertainty_section(record, most_rows),
        rule_section(record),
        tests_section(record, most_rows),
        undefined_section(record),
        camera_section(record.camera),
        plan_section(record),
        data_section(record),
        methods_section(record),
        environment_section(record),
        scope_section(record),
        traceability_section(),
        approvals_section(),
        integrity_section(record),
    ]


def attachments(record: Content) -> list[Attachment]:
    """Return the files that travel inside a report: the record and its results as a table."""
    document = {key: value for key, value in bare(record).items() if value is not None or key not in ("objects", "sweep", "search")}
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n"
    return [
        Attachment("record.json", "application/json", text.encode(), "The record that this report is made of"),
        Attachment("results.csv", "text/csv", csv_text(record).encode(), "One line for each image, codec and measurement"),
    ]
