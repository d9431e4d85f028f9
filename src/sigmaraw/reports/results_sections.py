"""Sections on results: verdict per codec, statements over images, the table of all results, forest plots, distributions, worst cases."""

from __future__ import annotations

from collections.abc import Sequence

from sigmaraw.record import VERDICTS, Content, Verdict
from sigmaraw.record.arrays import RecordFolder
from sigmaraw.record.design import MeasurementRow
from sigmaraw.record.results import ResultRow
from sigmaraw.record.statements import STATEMENTS
from sigmaraw.reports.blocks import Block, Cell, Column, Figure, Fold, Heading, Mark, Para, Pictures, Row, Section, Table, rich
from sigmaraw.reports.crops import crop_pictures
from sigmaraw.reports.names import image_names
from sigmaraw.reports.numbers import fixed, measured, plain, probability, unit_label, with_unit
from sigmaraw.reports.plots import Distribution, ScoreMark, distribution_plot, epsilon_plot
from sigmaraw.reports.selection import CodecResults, Reasons, by_codec, without_error, without_replicas
from sigmaraw.reports.statements import said_of, value_of
from sigmaraw.reports.table import reason_of
from sigmaraw.reports.values import ends_text, result_texts, width

MOST_ROWS = 3000  # results in the page; the CSV inside the report has all
MOST_SECOND = 150  # rows of a table that supports and does not decide
_MOST_MARKS = 60  # of a forest plot
_MOST_MARKS_IN_ALL = 100  # of all forest plots
_MOST_DISTRIBUTIONS = 8
_LARGE = 1000  # results, beyond which half as many distributions are drawn
_MOST_WORST = 10
_MOST_CONTRASTS = 15  # between codecs, as many as six codecs have; a longer list stays in the record
_TALLY: tuple[Verdict, ...] = ("PASS", "FAIL", "INCONCLUSIVE")
HAT = "ε̂"


def severity(row: ResultRow) -> tuple[int, float]:
    """Return what sorts results from harmless to worst: the verdict, then |ε̂|; an undefined ε̂ that did not pass is beyond every number."""
    size = abs(row.epsilon_hat) if row.epsilon_hat is not None else (-1.0 if row.verdict == "PASS" else float("inf"))
    return VERDICTS.index(row.verdict), size


def verdict_section(record: Content) -> Section:
    """Return one row per codec: verdict, size, quality, largest shift."""
    reasons, names = Reasons(record), image_names(record)
    columns = [
        Column("Codec", kind="code", weight=2.2),
        Column("Verdict", "results", weight=1.9),
        Column(rich("CR"), kind="num"),
        Column("PSNR", "camera", kind="num", weight=1.2),
        Column(f"Largest |{HAT}|", "95 % interval", kind="num", weight=1.5),
        Column("on", weight=1.6),
        Column("Reason of the verdict", weight=2.0),
    ]
    rule = record.decision.rule if record.decision else "equivalence"
    passes = (
        "With three images or more, a codec passes when, for every measurement, the mean effect passes and no image is beyond a limit; "
        "with one or two images, when each image does."
        if rule == "equivalence"
        else f"The rule {rule} gives the verdict; under it the verdicts of single results are counted."
    )
    caption = f"{passes} CR: compression ratio over all coded bytes. |{HAT}|: shift of an answer in units of σ_raw."
    return Section(
        "verdicts",
        "Verdict of each codec",
        [Table("Verdict of each codec", columns, [_codec(e, reasons, names) for e in by_codec(record)], caption)],
        folded=False,
        short="Verdicts",
    )


def psnr_text(value: float | None, exact: bool, undefined: str) -> str:
    """Return a PSNR as printed; without any error it has no number."""
    if value is None:
        return "∞ (no error)" if exact else undefined
    return with_unit(fixed(value, 2), "dB") or ""


def _codec(entry: CodecResults, reasons: Reasons, names: dict[int, str]) -> Row:
    row, largest, deciding, ruling = entry.row, entry.largest, entry.deciding, entry.ruling
    because: Cell | str = Cell(reason_of(deciding), f"{deciding.measurement}, {names[deciding.image]}") if deciding else "—"
    if ruling is not None:
        because = Cell(ruling.because, ruling.measurement)
    tally = ", ".join(f"{entry.count(word)} {word}" for word in _TALLY if entry.count(word))
    shift = measured(largest.epsilon_hat, largest.u_mc or largest.u) or reasons.of_result("epsilon_hat", largest) if largest else "—"
    return [
        row.codec,
        Cell(small=tally, mark=Mark(row.verdict)),
        plain(row.compression_ratio, 3) or reasons.of("compression_ratio", codec=row.codec),
        psnr_text(row.psnr_camera_db, without_error(row), reasons.of("psnr_camera_db", codec=row.codec)),
        Cell(shift, ends_text(largest.epsilon_hat_ci) if largest else ""),
        Cell(largest.measurement, names[largest.image]) if largest else "—",
        because,
    ]


def statements_section(record: Content) -> Section | None:
    """Return what is said over images; None for a record without statements."""
    rows: list[Row] = []
    for entry in said_of(record):
        if not entry.rows:
            continue
        cells: list[Cell] = []
        for name in STATEMENTS:
            said = entry.rows[name]
            cells.append(Cell(value_of(said, record.units[entry.measurement]), f"{said.verdict}: {said.reason}"))
        decides = f"would decide: {entry.decides}" if entry.decides else ""
        rows.append([entry.codec, entry.measurement, *cells, Cell(entry.reason, decides, Mark(entry.verdict))])
    if not rows:
        return None
    caption = rich(
        "Three statements per codec and measurement; the error rate of none depends on the number of images. These images: how many are "
        "shown within "
        "all limits, and beyond one, all at once (Holm). Mean |shift|: of images like these, in σ~raw~ or the measurement’s unit, with "
        "one-sided "
        "95 % limits; its verdict rests on spread ratio and RMS too. Share: of images like these not shown to be within, with limits."
    )
    columns = [
        Column("Codec", kind="code", weight=2.2),
        Column("Measurement", weight=1.4),
        Column("These images", weight=1.6),
        Column("Mean |shift|", weight=1.6),
        Column("Share not within", weight=1.6),
        Column("Verdict and what would decide", weight=2.4),
    ]
    return Section(
        "statements", "Statements over images", [Table("Statements over images", columns, rows, caption, sortable=True)], short="Statements"
    )


def results_section(record: Content, most_rows: int = MOST_ROWS) -> Section:
    """Return all results, those that did not pass first; beyond what a page holds the rest is in the CSV."""
    reasons, names = Reasons(record), image_names(record)
    listed = {row.name: row for row in record.measurements}
    shown = record.results
    blocks: list[Block] = []
    if len(shown) > most_rows:
        shown = tuple(sorted(shown, key=severity, reverse=True)[:most_rows])
        blocks.append(
            Para(
                f"{most_rows} of {len(record.results)} results are printed, the severest first. results.csv inside this report has all "
                f"of them.",
                "notice",
            )
        )
    rows = [_result_row(row, listed[row.measurement], reasons, names) for row in shown]
    columns = [
        Column("Image", kind="code", weight=1.5),
        Column("Codec", kind="code", weight=1.6),
        Column("Measurement", weight=1.3),
        Column(rich("χ~raw~ → χ~c~"), "mean shift", kind="num", weight=1.5),
        Column(rich("σ~raw~"), "95 %", kind="num", weight=1.2),
        Column("ε", kind="num", weight=0.8),
        Column(HAT, "95 % interval", kind="num", weight=1.4),
        Column("Limit", f"of |{HAT}|", kind="num", weight=0.8),
        Column("Spread", "90 % interval", kind="num", weight=1.2),
        Column("RMS", "upper 95 %", kind="num"),
        Column("Verdict and reason", weight=2.3),
    ]
    caption = rich(
        "χ: the answer, on the raw image and after the codec. σ~raw~: its standard deviation over raw-equivalent replicas. ε: shift of "
        "the answer on the "
        "image itself, {hat}: mean shift over replicas, both in σ~raw~. Mean shift: in % of χ~raw~. Spread: standard deviation of the "
        "answers after the codec "
        "over that before it. RMS: root mean square change of single answers, in σ~raw~. ⚠ counts warnings.",
        hat=HAT,
    )
    return Section("results", "All results", [*blocks, Table("All results", columns, rows, caption, sortable=True)], short="Results")


def _result_row(row: ResultRow, measurement: MeasurementRow, reasons: Reasons, names: dict[int, str]) -> Row:
    text = result_texts(row, measurement, reasons)
    unit = unit_label(measurement.unit)
    reason = text["reason"] + (f" ⚠ {len(row.warnings)}" if row.warnings else "")
    return [
        names[row.image],
        row.codec,
        f"{measurement.name} / {unit}" if unit else measurement.name,
        Cell(f"{text['chi_raw']} → {text['chi_codec']}", text["percent"] if row.shift else ""),
        Cell(text["sigma"].removesuffix(f" {unit}") if unit else text["sigma"], text["sigma_ci"]),
        text["epsilon"],
        Cell(text["epsilon_hat"], text["epsilon_hat_ci"]),
        text["limit"],
        Cell(text["spread"], text["spread_ci"]),
        Cell(text["rms"], "" if text["rms_upper"].startswith("undefined") else text["rms_upper"]),
        Cell(small=reason, mark=Mark(row.verdict)),
    ]


# --- figures ----------------------------------------------------------------------------------------------------------
def forest_section(record: Content) -> Section | None:
    """Return the forest plot of each measurement; None without replicas, where no shift has a unit of noise."""
    if without_replicas(record):
        return None
    blocks: list[Block] = []
    captions: set[str] = set()
    names, several = image_names(record), len({row.image for row in record.results}) > 1
    for position, measurement in enumerate(record.measurements):
        rows = [row for row in record.results if row.measurement == measurement.name]
        marks = min(_MOST_MARKS, max(_MOST_MARKS // 3, _MOST_MARKS_IN_ALL // max(1, len(record.measurements))))
        each = max(1, marks // max(1, len(record.codecs)))
        scores, left_out = [], False
        for codec in record.codecs:
            of_codec = [row for row in rows if row.codec == codec.codec]
            kept = sorted(sorted(of_codec, key=severity, reverse=True)[:each], key=lambda row: row.image)
            left_out |= len(kept) < len(of_codec)
            for row in kept:
                low, high = row.epsilon_hat_ci or (None, None)
                name = names[row.image] if several else ""
                scores.append(
                    ScoreMark(row.codec, row.image, row.verdict, row.epsilon_hat, low, high, row.epsilon, row.limit, name, row.guard)
                )
        if not scores:
            continue
        alt = f"Estimated shift of {measurement.name} per codec with 95 % intervals, ± U and limits"
        caption = (
            f"Large mark: estimated shift {HAT} with its 95 % interval; thin line: {HAT} ± U, the expanded uncertainty U = k·u. "
            "The verdict does not use this line: there σ_raw's own uncertainty is a factor exp(± z·u_rel), so that its bound lies "
            "further out above and nearer below. Small ring: shift ε on the image itself. Dashed: ± limit. Marks: ● PASS, ✕ FAIL, "
            "◇ INCONCLUSIVE. A FAIL inside the limits failed on the spread ratio or the RMS shift."
        )
        if left_out:
            caption += f" Of each codec the {each} images with the severest results are drawn."
        captions.add(caption)
        blocks.append(Figure(epsilon_plot(f"score-{position}", alt, scores), alt, title=_measured(measurement)))
    blocks += [Para(caption, "small") for caption in sorted(captions)]
    return Section("shifts", "Shifts with limits and expanded uncertainty", blocks, folded=False, short="Shifts")


def _measured(measurement: MeasurementRow) -> str:
    unit = unit_label(measurement.unit)
    said = f": {measurement.definition.strip().rstrip('.')}" if measurement.definition else ""
    return f"{measurement.name}{f' / {unit}' if unit else ''}{said}"


def distributions_section(folder: RecordFolder) -> Section:
    """Return the distributions of predictions, of the images with the severest results first."""
    record, names = folder.record, image_names(folder.record)
    groups: dict[tuple[int, str], list[ResultRow]] = {}
    for row in record.results:
        groups.setdefault((row.image, row.measurement), []).append(row)
    order = sorted(groups, key=lambda key: max(severity(row) for row in groups[key]), reverse=True)
    chosen = order[: _MOST_DISTRIBUTIONS if len(record.results) <= _LARGE else _MOST_DISTRIBUTIONS // 2]
    measured_names = [row.name for row in record.measurements]
    blocks: list[Block] = [
        Para(
            rich(
                "Top: predictions on the raw replicas. Below, for each codec: predictions on its decoded replicas (filled; each stroke "
                "is one replica) and on "
                "the same replicas before the codec (outline). Dashed line: χ~raw~; band: χ~raw~ ± σ~raw~; short black line: χ~c~. Each "
                "histogram has its "
                "own height."
            ),
            "small",
        )
    ]
    if len(order) > len(chosen):
        blocks.append(
            Para(f"{len(chosen)} of {len(order)} are drawn, those with the severest results; result.nc holds every prediction.", "small")
        )
    for image, name in sorted(chosen, key=lambda key: (measured_names.index(key[1]), key[0])):
        rows = groups[image, name]
        measurement = record.measurements[measured_names.index(name)]
        alt = f"Distributions of {name} on {names[image]}: raw and {len(rows)} codecs"
        blocks.append(Figure(_distribution(folder, measurement, image, rows, alt), alt, title=f"{name}, {names[image]}"))
    return Section("distributions", "Distributions", blocks)


def _distribution(folder: RecordFolder, measurement: MeasurementRow, image: int, results: Sequence[ResultRow], alt: str) -> str:
    record = folder.record
    position = [row.name for row in record.measurements].index(measurement.name)
    codecs = [row.codec for row in record.codecs]
    rows = []
    for result in results:
        codec = codecs.index(result.codec)
        decoded, raw = folder.decoded[codec, :, image, position], folder.raw[codec + 1, :, image, position]
        rows.append(Distribution(result.codec, result.verdict, decoded, raw, result.chi_codec))
    first = results[0]
    return distribution_plot(
        f"dist-{position}-{image}",
        alt,
        measurement.name,
        measurement.unit,
        folder.raw[0, :, image, position],
        rows,
        first.chi_raw,
        first.sigma_raw,
        discrete=measurement.discrete,
    )


# --- worst cases and tests --------------------------------------------------------------------------------------------
def worst_section(folder: RecordFolder) -> Section:
    """Return the severest results, and the crops where each codec does worst."""
    record, names = folder.record, image_names(folder.record)
    reasons, listed = Reasons(record), {row.name: row for row in record.measurements}
    rows = [row for row in sorted(record.results, key=severity, reverse=True) if row.verdict != "PASS"][:_MOST_WORST]
    blocks: list[Block] = [Heading("Severest results")]
    if rows:
        columns = [
            Column("Codec", kind="code", weight=1.8),
            Column("Image", kind="code", weight=1.6),
            Column("Measurement", weight=1.4),
            Column(rich("χ~raw~ → χ~c~"), kind="num", weight=1.5),
            Column(HAT, "95 % interval", kind="num", weight=1.4),
            Column("Verdict and reason", weight=2.2),
        ]
        cells: list[Row] = []
        for row in rows:
            text = result_texts(row, listed[row.measurement], reasons)
            unit = unit_label(listed[row.measurement].unit)
            cells.append(
                [
                    row.codec,
                    names[row.image],
                    Cell(row.measurement, unit),
                    f"{text['chi_raw']} → {text['chi_codec']}",
                    Cell(text["epsilon_hat"], text["epsilon_hat_ci"]),
                    Cell(text["reason"], mark=Mark(row.verdict)),
                ]
            )
        blocks.append(Table("Severest results", columns, cells))
    else:
        blocks.append(Para("None: every result is a PASS."))
    blocks.append(Heading("Where each codec errs most"))
    blocks.append(
        Para(
            "The square of the images in which the coding error, in units of the raw noise, is largest. Raw and decoded share one grey "
            "scale. "
            "In the residual, decoded minus raw, orange is below zero and purple above.",
            "small",
        )
    )
    for crop in folder.crops:
        where = f"{names.get(crop.image, f'image {crop.image + 1}')}, first pixel y {crop.position[0]}, x {crop.position[1]}"
        size = f"{crop.raw.shape[0]} × {crop.raw.shape[1]} px"
        caption = rich("{codec:code}: {where}, {size}.", codec=crop.codec, where=where, size=size)
        blocks.append(Pictures(crop_pictures(crop), caption, linked=True))
    if not folder.crops:
        blocks.append(Para("None: the record holds no crops."))
    return Section("crops", "Worst cases", blocks)


def shown_of(shown: int, of: int) -> str:
    """Return that a table holds the severest results only; nothing where it holds all."""
    return f" {shown} of {of} results are printed, the severest first; results.csv has all." if shown < of else ""


def tests_section(record: Content, most_rows: int = MOST_ROWS) -> Section:
    """Return tests of equality, which support and decide nothing."""
    reasons, names = Reasons(record), image_names(record)
    listed = {row.name: row for row in record.measurements}
    methods = sorted({row.ks.method for row in record.results if row.ks and row.ks.method})
    rows = []
    for row in sorted(record.results, key=severity, reverse=True)[: min(most_rows, MOST_SECOND)]:
        text = result_texts(row, listed[row.measurement], reasons)
        rows.append(
            [
                names[row.image],
                row.codec,
                row.measurement,
                text["ks"],
                text["ks_p"],
                text["null"],
                text["null_p"],
                text["centre"],
                text["null_rate"],
            ]
        )
    columns = [
        Column("Image", kind="code", weight=1.5),
        Column("Codec", kind="code", weight=1.8),
        Column("Measurement", weight=1.4),
        Column("KS D", kind="num"),
        Column("p", kind="num"),
        Column("null KS D", kind="num"),
        Column("null p", kind="num"),
        Column("Centre", kind="num"),
        Column("Null rate", kind="num"),
    ]
    caption = rich(
        "Kolmogorov–Smirnov tests{methods}: each codec’s decoded replicas against the raw group. Null: two raw groups; its p should not "
        "be small. Centre: "
        "mean prediction on the raw replicas minus χ~raw~, in σ~raw~. Null rate: share of pairs of raw replicas whose answers differ by "
        "more than σ~raw~.{shown}",
        methods=f" (method: {', '.join(methods)})" if methods else "",
        shown=shown_of(len(rows), len(record.results)),
    )
    blocks: list[Block] = [
        Para("Tests of equality support a verdict and decide nothing: “no difference shown” is no evidence of equality; a PASS is."),
        Fold("Kolmogorov–Smirnov tests", [Table("Kolmogorov–Smirnov tests", columns, rows, caption, sortable=True)]),
        _tukey(record, reasons, names, most_rows),
    ]
    return Section("tests", "Tests of equality", blocks)


def _tukey(record: Content, reasons: Reasons, names: dict[int, str], most_rows: int) -> Block:
    """Return Tukey's contrasts: those with raw, and those between codecs while they are few."""
    words = {True: "differs", False: "no difference shown", None: "undefined"}
    with_raw = [row for row in record.tukey if "raw" in (row.group1, row.group2)]
    groups = len({(row.image, row.measurement) for row in record.tukey}) or 1
    between = (len(record.tukey) - len(with_raw)) // groups
    kept = [row for row in record.tukey if between <= _MOST_CONTRASTS or "raw" in (row.group1, row.group2)][: min(most_rows, MOST_SECOND)]
    rows: list[Row] = [
        [
            names[row.image],
            row.measurement,
            f"{row.group2} − {row.group1}",
            Cell(
                measured(row.mean_difference, width(row.ci)) or reasons.of("mean_difference", row.image, row.group2, row.measurement),
                ends_text(row.ci),
            ),
            probability(row.p_adjusted) or reasons.of("p_adjusted", row.image, row.group2, row.measurement),
            Cell(words[row.reject], row.reason or ""),
        ]
        for row in kept
    ]
    if not rows:
        why = sorted({row.reason.replace("_", " ") for row in record.undefined if row.field == "tukey"})
        listed = f" ({', '.join(why)})" if why else ""
        return Para(f"Tukey’s test: undefined{listed}.")
    designs = ", ".join(sorted({row.design for row in kept if row.design}))
    columns = [
        Column("Image", kind="code", weight=1.4),
        Column("Measurement", weight=1.4),
        Column("Contrast", kind="code", weight=2.4),
        Column("Mean difference", "95 % interval", kind="num", weight=1.6),
        Column("adjusted p", kind="num"),
        Column("Result", weight=1.4),
    ]
    omitted = len(record.tukey) - len(kept)
    note = f" {omitted} more contrasts are in the record." if omitted else ""
    design = f"; design: {designs}" if designs else ""
    caption = f"Tukey’s honestly significant difference (Games–Howell where variances differ), 95 % intervals, simultaneous{design}.{note}"
    return Fold("Tukey’s test", [Table("Tukey’s test", columns, rows, caption, sortable=True)])
