"""Sections on codecs: ε̂ against compression ratio, quality, slices of volumes, settings, sweeps and searches."""

from __future__ import annotations

from collections.abc import Mapping

from sigmaraw.record import Content
from sigmaraw.record.results import ResultRow
from sigmaraw.reports.blocks import Block, Cell, Column, Figure, Fold, Heading, Mark, Para, Row, Section, Table, rich
from sigmaraw.reports.names import image_names
from sigmaraw.reports.numbers import fixed, given, measured, plain, with_unit
from sigmaraw.reports.results_sections import HAT, psnr_text
from sigmaraw.reports.selection import Reasons, without_error
from sigmaraw.reports.slices import slice_sections
from sigmaraw.reports.sweep import marks_of, rulings_on, search_context, sweep_context
from sigmaraw.reports.sweep_plots import Curve, shift_plot
from sigmaraw.reports.values import flatten, setting, steps_of
from sigmaraw.reports.wording import several


def quality_section(record: Content) -> Section:
    """Return bytes, errors and noise of each codec, its settings and what they achieved."""
    reasons = Reasons(record)
    blocks: list[Block] = [
        *_curves(record),
        Heading("Size and error"),
        _size(record, reasons),
        Heading("Error and noise"),
        _noise(record, reasons),
    ]
    blocks += [Heading("Settings in full"), _settings(record)]
    return Section("quality", "Codec quality", blocks)


def _curves(record: Content) -> list[Block]:
    """Return shift against compression ratio, one mark for each codec; a sweep has curves instead."""
    if record.sweep is not None or len(record.codecs) < 2:
        return []
    ratios = {row.codec: row.compression_ratio for row in record.codecs}
    blocks: list[Block] = []
    for position, measurement in enumerate(row.name for row in record.measurements):
        of_codec: dict[str, list[ResultRow]] = {}
        for row in record.results:
            if row.measurement == measurement:
                of_codec.setdefault(row.codec, []).append(row)
        verdicts = rulings_on(record, measurement)
        found = {codec: marks_of("", rows, ratios[codec], verdicts.get(codec)) for codec, rows in of_codec.items()}
        curves = [Curve(codec, marks) for codec, marks in found.items() if marks]
        limits = [row.limit for rows in of_codec.values() for row in rows if row.limit is not None and 0 < row.limit < 1e100]
        alt = f"Shift of {measurement} against compression ratio, one mark for each codec"
        drawn = shift_plot(f"ratio-{position}", alt, curves, limits, None)
        if drawn:
            blocks.append(
                Figure(
                    drawn,
                    alt,
                    f"{measurement}: estimated shift {HAT} against compression ratio; dashes are images, 12 of each setting at most. "
                    f"Dashed lines: ± limit; the "
                    f"raw band is ±1 σ_raw wide.",
                )
            )
    return [Heading("Shift against compression ratio"), Fold("One figure for each measurement", blocks)] if blocks else []


def _size(record: Content, reasons: Reasons) -> Table:
    columns = [
        Column("Codec", kind="code", weight=2.2),
        Column("Bytes", kind="num", weight=1.1),
        Column("CR", "container", kind="num"),
        Column("CR", "significant", kind="num"),
        Column("PSNR", "container", kind="num", weight=1.2),
        Column("PSNR", "camera", kind="num", weight=1.2),
        Column("Max error", kind="num"),
        Column("Bias", kind="num"),
    ]
    rows: list[Row] = []
    for row in record.codecs:

        def of(field: str, text: str | None, codec: str = row.codec) -> str:
            return text if text is not None else reasons.of(field, codec=codec)

        camera = with_unit(given(row.psnr_camera_range_dn), "DN")
        container = with_unit(given(row.psnr_range_dn), "DN")
        rows.append(
            [
                row.codec,
                of("nbytes", None if row.nbytes is None else f"{row.nbytes:,.0f}".replace(",", "\u202f")),
                of("compression_ratio", plain(row.compression_ratio, 3)),
                of("compression_ratio_significant", plain(row.compression_ratio_significant, 3)),
                Cell(
                    psnr_text(row.psnr_db, without_error(row), reasons.of("psnr_db", codec=row.codec)),
                    f"range {container}" if container else "",
                ),
                Cell(
                    psnr_text(row.psnr_camera_db, without_error(row), reasons.of("psnr_camera_db", codec=row.codec)) if camera else "—",
                    f"range {camera}" if camera else "",
                ),
                of("max_error_dn", with_unit(given(row.max_error_dn, 4), "DN")),
                of("bias_dn", with_unit(plain(row.bias_dn, 2), "DN")),
            ]
        )
    caption = (
        "CR: compression ratio over all coded bytes, headers and side data included; “container” counts the raw pixels as stored (8 or "
        "16 bits), "
        "“significant” the camera’s bits only. PSNR is against the range of the container or of the camera."
    )
    return Table("Codec quality", columns, rows, caption, sortable=True)


def _noise(record: Content, reasons: Reasons) -> Table:
    columns = [
        Column("Codec", kind="code", weight=2.2),
        Column("rz", kind="num"),
        Column("Noise ratio", kind="num"),
        Column("Correlation", kind="num"),
        Column("Lag 1", kind="num"),
        Column("Noise removed", kind="num", weight=1.3),
    ]
    rows: list[Row] = []
    for row in record.codecs:

        def of(field: str, text: str | None, codec: str = row.codec) -> str:
            return text if text is not None else reasons.of(field, codec=codec)

        rows.append(
            [
                row.codec,
                of("rz", plain(row.rz, 3)),
                of("noise_std_ratio", fixed(row.noise_std_ratio, 3)),
                of("error_noise_correlation", fixed(row.error_noise_correlation, 3)),
                of("error_lag1", fixed(row.error_lag1, 3)),
                Cell(of("noise_removed", measured(row.noise_removed, row.noise_removed_se)), "⚠ alarm" if row.denoising_alarm else ""),
            ]
        )
    caption = (
        "rz: RMS error in units of the raw noise. Noise ratio: noise standard deviation after the codec over that before it; below 1 "
        "the codec denoises. "
        "Correlation: of the error with the noise; negative is denoising. Lag 1: correlation of the errors of neighbouring pixels; 0 "
        "for white noise. "
        "Noise removed: share of the raw noise that the codec removes; ⚠ marks significantly more than 5 %."
    )
    return Table("Codec error and noise", columns, rows, caption, sortable=True)


def _settings(record: Content) -> Table:
    columns = [
        Column("Codec as typed", kind="code", weight=1.4),
        Column("Settings in use", kind="code", weight=2.2),
        Column("Achieved on the first image", kind="code", weight=1.6),
        Column("Achieved on replicas", "lowest, highest over those coded in full", kind="code", weight=1.6),
    ]
    rows: list[Row] = []
    for row in record.codecs:
        coded = {} if row.replicas_coded is None else {"replicas coded in full": row.replicas_coded}
        ranges = {**coded, **{name: list(ends) for name, ends in row.achieved_replicas.items()}}
        texts = (steps_of(row.resolved), flatten(dict(row.achieved)), flatten(ranges))
        rows.append(
            [
                row.codec,
                *(
                    "; ".join(f"{name} = {value}" if name and value != "no settings" else f"{name}: {value}" for name, value in text) or "—"
                    for text in texts
                ),
            ]
        )
    return Table("Codec settings", columns, rows)


def slices_section(record: Content) -> Section | None:
    """Return what each codec did to the slices of volumes; None for single frames."""
    names, blocks = image_names(record), []
    for entry in slice_sections(record):
        said = (
            "The volume is one code stream: no bytes belong to a single slice."
            if entry.one_stream
            else "CR: container bytes of a slice over its coded bytes."
        )
        columns = [Column("Slice", kind="num"), Column("CR", kind="num"), Column("PSNR", kind="num"), Column("Max error", kind="num")]
        alt = f"PSNR and largest error of each slice after {entry.codec}"
        title = rich(
            "{codec:code}, {image}: {count} slices", codec=entry.codec, image=names.get(entry.image, ""), count=str(len(entry.rows))
        )
        blocks.append(
            Fold(title, [Figure(entry.figure, alt), Table(f"Slices after {entry.codec}", columns, [list(row) for row in entry.rows], said)])
        )
    if not blocks:
        return None
    return Section(
        "slices",
        "Slice by slice",
        [Para("A volume has one setting and one ratio; PSNR is against the camera’s range (without a camera the container’s)."), *blocks],
        short="Slices",
    )


def search_section(record: Content) -> Section | None:
    """Return what a search tried and claims; None where the record has none."""
    search = search_context(record)
    if search is None:
        return None
    blocks: list[Block] = [Para(sentence) for sentence in search.claim]
    if search.held_out_images:
        blocks.append(
            Para(
                f"Settings were chosen on {several(search.tuning_images, 'tuning image')}; this record is of "
                f"{several(search.held_out_images, 'held-out image')}: there they were tested from weak to strong, up to the first that "
                "does not pass.",
                "small",
            )
        )
    else:
        blocks.append(Para(f"This record is of {several(search.tuning_images, 'tuning image')}.", "small"))
    columns = [
        Column("Codec", kind="code", weight=2.0),
        Column("Round", kind="num", weight=0.7),
        Column("CR", "tuning", kind="num"),
        Column("PSNR / dB", "camera", kind="num"),
        Column(f"Largest {HAT}", "tuning", kind="num"),
        Column("Tuning images", weight=1.8),
        Column("Held-out images", weight=1.8),
    ]
    for family in search.families:
        chosen = "" if family.chosen == "none" else f": {family.chosen}, CR {family.ratio} on the held-out images"
        wider = " The strongest setting tried passes tuning: a wider grid may find a stronger one." if family.at_end else ""
        blocks += [Heading(family.curve), Para(f"{family.outcome.capitalize()}{chosen}.{wider}")]
        rows: list[Row] = [
            [Cell(row.codec, "chosen" if row.chosen else ""), row.round, row.ratio, row.psnr, row.shift, row.tuning, row.confirmation]
            for row in family.tried
        ]
        blocks.append(Table(f"Settings tried of {family.curve}", columns, rows))
    return Section("search", "Search for the strongest tolerable setting", blocks, folded=False, short="Search")


def sweep_section(record: Content) -> Section | None:
    """Return the curves of a sweep; None where the record has none."""
    sweep = sweep_context(record)
    if sweep is None:
        return None
    blocks: list[Block] = []
    for name, picture in sweep.figures:
        caption = (
            f"{name}: estimated shift {HAT} against compression ratio; the number at a mark is the setting. A mark is the image with "
            f"the largest shift, with "
            "its 95 % interval; dashes are images, 12 of each setting at most. Band with dashed lines: ± limit; the paler band holds 95 "
            "% of single raw "
            "predictions about their "
            "mean. ● PASS, ✕ FAIL, ◇ INCONCLUSIVE: the worst verdict over all images, on the shift or on another limit."
        )
        blocks.append(Figure(picture, f"Shift of {name} against compression ratio, one curve for each family", caption))
    if sweep.quality:
        said = "Quality against compression ratio. A noise ratio below 1 (dashed) is denoising. Settings without any error have no PSNR."
        blocks.append(Figure(sweep.quality, "Quality against compression ratio, one curve for each family", said))
    for curve in sweep.curves:
        columns = [
            Column(curve.parameter or "Codec", kind="code", weight=1.6),
            Column("Verdict", weight=1.4),
            Column("CR", kind="num"),
            Column("PSNR / dB", "camera", kind="num"),
            Column("rz", kind="num"),
            Column("Noise ratio", kind="num"),
            Column(f"Largest |{HAT}|", "95 % interval", kind="num", weight=1.8),
            Column("on", weight=1.6),
        ]
        rows: list[Row] = [
            [row.setting or row.codec, Cell(mark=Mark(row.verdict)), row.ratio, row.psnr, row.rz, row.noise, row.largest, row.where]
            for row in curve.points
        ]
        blocks += [Heading(curve.name), Table(f"Settings of {curve.name}", columns, rows)]
    return Section("sweep", "Sweep", blocks, folded=False)


def libraries_used(record: Content) -> list[tuple[str, str]]:
    """Return the libraries that took part, with versions: of the codecs' steps, of the pipeline, and of the program itself."""
    found: dict[str, str] = {}
    packages = record.environment.packages
    core = ("sigmaraw", "numpy", "scipy", "jax", "jaxlib", "statsmodels", "xarray", "netCDF4")
    readers = {row.reader for row in record.inputs}
    for name in (*core, *(name for name in packages if name in readers)):
        if packages.get(name):
            found[name] = str(packages[name])
    for codec in record.codecs:
        for step in codec.resolved.get("steps", ()) if isinstance(codec.resolved.get("steps"), list | tuple) else ():
            libraries = step.get("libraries") if isinstance(step, Mapping) else None
            if isinstance(libraries, Mapping):
                found |= {str(name): setting(version) for name, version in libraries.items()}
    versions = record.pipeline.get("versions")
    if isinstance(versions, Mapping):
        found |= {str(name): setting(version) for name, version in versions.items()}
    return list(found.items())
