"""Sections on a camera: where its values come from, photon transfer, quantities with standard errors, taps, pixels, checks."""

from __future__ import annotations

from sigmaraw.record import Verdict
from sigmaraw.record.camera import RICIAN, CameraRow, ScalarRow
from sigmaraw.reports.basis import rician_words
from sigmaraw.reports.blocks import (
    Block,
    Bullets,
    Cell,
    Column,
    Facts,
    Figure,
    Fold,
    Heading,
    Mark,
    Para,
    Rich,
    Row,
    Section,
    Span,
    Table,
    Words,
    rich,
)
from sigmaraw.reports.numbers import given, measured, plain, unit_label, with_unit
from sigmaraw.reports.taps import tap_table
from sigmaraw.reports.transfer_plot import camera_plot
from sigmaraw.reports.values import setting, shape, symbol

_OUTCOMES: dict[str, tuple[Verdict, str]] = {"pass": ("PASS", "pass"), "fail": ("FAIL", "fail"), "unknown": ("INCONCLUSIVE", "unknown")}
NOT_DETERMINED = "undefined (not determined)"


def camera_section(camera: CameraRow) -> Section:
    """Return what a validation report prints of its camera: the long tables folded."""
    return Section("camera", "Camera", [*origin_blocks(camera), *curve_blocks(camera), *table_blocks(camera, folded=True)])


def origin_blocks(camera: CameraRow) -> list[Block]:
    """Return where the values come from and for what they hold."""
    if camera.source == "no camera":
        return [Para("No camera stands behind these images: no noise model, and no σ_raw from one.", "notice")]
    if camera.source == RICIAN:
        return [Para(rician_words(camera), "notice")]
    low, high = camera.valid_range_dn or (None, None)
    means = camera.levels.mean_dn if camera.levels else ()
    used = (camera.levels.used if camera.levels else ()) or (True,) * len(means)
    names = {"camera": "Camera", "serial": "Serial number", "mode": "Setting"}
    facts: list[tuple[Words, Words]] = [
        (names[key], setting(camera.identity.get(key)) if camera.identity.get(key) else "not stated") for key in names
    ]
    facts += [
        ("Origin", "calibrated from dark and flat frames" if camera.calibrated else "stated values, not calibrated"),
        ("Profile", setting(camera.path)),
        ("Calibration series (SHA-256)", setting(camera.series_sha256)),
        ("Bit depth", with_unit(given(camera.bits), "bit") or "not stated"),
        ("Valid range", with_unit(None if low is None or high is None else f"{given(low)} to {given(high)}", "DN") or "not stated"),
        ("Per-pixel maps", shape(camera.map_shape) if camera.map_shape else "none"),
        ("Levels", f"{len(means)}, of which {sum(used)} used in the fit" if means else "none"),
    ]
    blocks: list[Block] = []
    if not camera.calibrated:
        said = (
            "Camera from stated values, not calibrated. No frame of this camera was measured; the user stated gain, offset and read noise."
        )
        blocks.append(Para(said, "notice"))
    return [*blocks, Facts("Camera", facts, columns=2)]


def curve_blocks(camera: CameraRow) -> list[Block]:
    """Return the photon-transfer curve."""
    drawn = camera_plot(camera)
    if not drawn:
        return [] if camera.source == RICIAN else [Para("Photon-transfer curve: none, the profile holds no levels.")]
    if not camera.calibrated:
        return [
            Figure(
                drawn, "Noise model from stated values, not measured", "Noise model drawn from the stated values; no level was measured."
            )
        ]
    caption = rich(
        "Photon-transfer curve: temporal variance of each level against its mean, with ±1 standard error; filled levels were used in "
        "the fit of the gain *K*, "
        "open ones were not."
    )
    return [Figure(drawn, "Photon-transfer curve: temporal variance against mean grey value", caption)]


def table_blocks(camera: CameraRow, folded: bool) -> list[Block]:
    """Return the tables of quantities, taps, pixels and checks, and the notes. folded : a page shows each when it is asked for."""
    parts: list[tuple[str, list[Block]]] = [("Quantities", [quantities(camera)] if camera.scalars and camera.source != RICIAN else [])]
    taps = tap_table(camera.taps)
    if taps:
        columns = [Column("Quantity", weight=1.6), Column("Unit"), *(Column(label, kind="num") for label in taps.labels)]
        parts.append(
            (
                f"By tap: {taps.layout}",
                [Table("Camera quantities by tap", columns, [[name, unit, *cells] for name, unit, cells in taps.rows])],
            )
        )
    parts += [("Classes of pixels", _pixels(camera)), ("Checks of the series", _checks(camera))]
    blocks: list[Block] = []
    for title, inner in parts:
        if inner:
            blocks += [Fold(title, inner)] if folded else [Heading(title), *inner]
    title = "What the stated noise leaves out" if camera.source == RICIAN else "Notes of the calibration"
    blocks += [Heading(title), Bullets(camera.notes) if camera.notes else Para("None.")]
    return blocks


def quantities(camera: CameraRow) -> Table:
    """Return every quantity with its standard error; those that the series does not determine say why."""
    columns = [
        Column("Quantity", weight=1.7),
        Column("Symbol", weight=0.8),
        Column("Value", kind="num", weight=1.3),
        Column("Standard error", kind="num", weight=1.2),
        Column("Definition", weight=3.2),
    ]
    rows: list[Row] = [_scalar(name, row) for name, row in camera.scalars.items()]
    return Table("Camera quantities", columns, rows, "Symbols follow EMVA 1288 release 4.0. A standard error is 1 u.")


def _scalar(name: str, row: ScalarRow) -> Row:
    unit = unit_label(row.unit)
    letter, index = symbol(row.symbol)
    limit = row.upper_limit
    upper = "" if limit is None else f" ({row.flag or 'flagged'}: at most {with_unit(plain(limit, 2), unit)})"
    why = f"not determined: {row.not_determined.replace('-', ' ')}" if row.value is None and row.not_determined else ""
    shown = measured(row.value, row.se) if row.se else given(row.value)
    return [
        name.replace("_", " "),
        Rich((Span(letter, "italic"), *((Span(index, "sub"),) if index else ()))),
        with_unit(shown, unit) or NOT_DETERMINED,
        with_unit(plain(row.se, 2), unit) or "—",
        Cell(row.definition + upper, why),
    ]


def _pixels(camera: CameraRow) -> list[Block]:
    columns = [Column("Class", weight=1.2), Column("Pixels", kind="num"), Column("Share", kind="num"), Column("Definition", weight=3.5)]
    rows: list[Row] = [
        [
            row.name,
            "not determined" if row.count is None else given(row.count) or "",
            "—" if row.fraction is None else with_unit(plain(100 * row.fraction, 3), "%") or "",
            row.definition + ("" if row.count is not None else f" ({row.not_determined})"),
        ]
        for row in camera.pixel_classes
    ]
    return [Table("Classes of pixels", columns, rows)] if rows else []


def _checks(camera: CameraRow) -> list[Block]:
    columns = [
        Column("Check", weight=1.5),
        Column("Outcome", weight=1.0),
        Column("Found", kind="num"),
        Column("Limit", kind="num"),
        Column("Evidence", weight=3.2),
    ]
    rows: list[Row] = []
    for row in camera.checks:
        verdict, word = _OUTCOMES[row.outcome]
        unit = unit_label(row.unit)
        found, limit = with_unit(given(row.value, 3), unit), with_unit(given(row.limit, 3), unit)
        rows.append([row.name.replace("-", " "), Cell(mark=Mark(verdict, word=word)), found or "—", limit or "—", row.evidence])
    caption = (
        "A check that compares with noise fails only where what is found is beyond the limit and chance would give it in fewer than one "
        "series in a thousand."
    )
    return [Table("Checks of the series", columns, rows, caption)] if rows else []
