"""A camera's datasheet in the manner of EMVA 1288: one page of HTML, or a PDF; lays out a summary and computes nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sigmaraw.files import atomic_path, write_text
from sigmaraw.record.camera import CameraRow, FiguresRow
from sigmaraw.record.fields import plain as bare
from sigmaraw.record.reading import camera_of, figures_of
from sigmaraw.reports.blocks import Attachment, Block, Column, Document, Facts, Figure, Para, Row, Section, Table, Words
from sigmaraw.reports.camera_sections import NOT_DETERMINED, curve_blocks, origin_blocks, table_blocks
from sigmaraw.reports.html import page_of
from sigmaraw.reports.lab import Lab
from sigmaraw.reports.numbers import given, measured, plain, unit_label, with_unit
from sigmaraw.reports.sheet_plots import pattern_plots, residual_plot

# The figures that EMVA 1288 puts on a datasheet's first page, by the profile's names.
_FIRST = (
    "gain",
    "saturation_capacity",
    "sensitivity_threshold",
    "dynamic_range",
    "snr_max",
    "read_noise",
    "dark_noise",
    "dsnu",
    "prnu",
    "linearity_error",
    "dark_current",
    "offset",
)
_FOOT = (
    "Rendered from the camera profile by sigmaraw; the rendering computes nothing. Symbols follow EMVA 1288 release 4.0, which is on "
    "its way to ISO 24942; "
    "the sheet claims no compliance with either."
)


def datasheet(summary: Mapping[str, Any], figures: Mapping[str, Any] | None = None, lab: Lab | None = None) -> Document:
    """Return a camera's datasheet as a document.

    Raises
    ------
    InvalidRecord : a summary or figures that cannot be drawn.
    """
    camera, drawn, lab = camera_of(summary), figures_of({} if figures is None else figures), lab or Lab()
    document = bare(camera)
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Document(
        title="Camera datasheet",
        subtitle="What dark and flat frames say about this camera, by photon transfer.",
        number=lab.number or f"CS-{digest[:12].upper()}",
        created="",
        digest=digest,
        letterhead=lab.letterhead,
        front=[*_laboratory(lab), *_accepted(camera), *origin_blocks(camera), *_first(camera), *curve_blocks(camera)],
        sections=_sections(camera, drawn),
        foot=_FOOT,
        attachments=[Attachment("camera.json", "application/json", text.encode() + b"\n", "The camera's quantities")],
    )


def _laboratory(lab: Lab) -> list[Block]:
    rows: list[tuple[Words, Words]] = [("Operator", lab.operator), ("Sample", lab.sample), *lab.fields.items()]
    stated = [(name, value) for name, value in rows if value]
    return [Facts("Laboratory", stated, columns=2)] if stated else []


def _accepted(camera: CameraRow) -> list[Block]:
    """Return which checks do not accept the series; nothing where all do or none was made."""
    failed = [row.name.replace("-", " ") for row in camera.checks if row.outcome == "fail"]
    if not failed:
        return []
    many = f"{len(failed)} checks of the series fail" if len(failed) > 1 else "1 check of the series fails"
    return [Para(f"Not accepted: {many} ({', '.join(failed)}). Their evidence below says which of these values to doubt.", "notice")]


def _first(camera: CameraRow) -> list[Block]:
    """Return the standard's figures of merit; the section on quantities has all, with definitions."""
    rows: list[Row] = []
    for name in _FIRST:
        row = camera.scalars.get(name)
        if row is None:
            continue
        unit = unit_label(row.unit)
        shown = with_unit(measured(row.value, row.se) if row.se else given(row.value), unit) or NOT_DETERMINED
        rows.append([name.replace("_", " "), shown, with_unit(plain(row.se, 2), unit) or "—", row.definition])
    columns = [
        Column("Quantity", weight=1.4),
        Column("Value", kind="num", weight=1.2),
        Column("Standard error", kind="num", weight=1.1),
        Column("Definition", weight=3.0),
    ]
    return [Table("Main quantities", columns, rows)] if rows else []


def _sections(camera: CameraRow, drawn: FiguresRow) -> list[Section]:
    sections = [
        Section("quantities", "Quantities, pixels and checks", table_blocks(camera, folded=False), folded=False, short="Quantities")
    ]
    residuals = residual_plot(camera)
    if residuals:
        said = "Measured variance minus that of the chosen transfer model, in standard errors; the band is ±2."
        shown: list[Block] = [Figure(residuals, "Residuals of the photon-transfer fit in standard errors", said)]
        sections.append(Section("residuals-heading", "Residuals of the photon-transfer fit", shown, folded=False, short="Residuals"))
    pattern: list[Block] = []
    for item in pattern_plots(drawn):
        title, svg, caption = item["title"], item["svg"], item["caption"]
        pattern.append(Figure(svg, title, caption, title) if svg else Para(f"{title}. {caption}", "small"))
    if pattern:
        sections.append(Section("pattern", "Fixed pattern", pattern, folded=False))
    return sections


def write_datasheet(
    summary: Mapping[str, Any],
    folder: str | Path,
    figures: Mapping[str, Any] | None = None,
    lab: Lab | None = None,
    *,
    pdf: bool = False,
) -> Path:
    """Write `folder`/datasheet.html from `CameraProfile.summary()` and `.figures()`, whole or not at all, and return its path.

    pdf : whether datasheet.pdf is written too, before the page.

    Raises
    ------
    InvalidRecord : a summary or figures that cannot be drawn. InvalidOption : a folder that cannot be written.
    """
    document = datasheet(summary, figures, lab)
    target = Path(folder) / "datasheet.html"
    page = page_of(document)
    if pdf:
        from sigmaraw.reports.pdf import pdf_of

        made = pdf_of(document)
        with atomic_path(target.with_suffix(".pdf")) as temporary:
            temporary.write_bytes(made)
    write_text(target, page)
    return target
