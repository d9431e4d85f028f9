"""From a record to what the page's template prints: every number formatted, every row in its place, nothing computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sigmaraw.record import Content, Verdict
from sigmaraw.record.arrays import RecordFolder
from sigmaraw.record.camera import CameraRow, ScalarRow
from sigmaraw.record.design import ImageRow, InputRow, MeasurementRow
from sigmaraw.record.fields import Interval
from sigmaraw.record.fields import plain as bare
from sigmaraw.record.results import ResultRow, TestRow, UndefinedRow
from sigmaraw.record.statements import STATEMENTS
from sigmaraw.reports.kinds import u_mode_sources
from sigmaraw.reports.names import image_names
from sigmaraw.reports.numbers import fixed, given, interval, measured, percent, plain, prediction, probability, unit_label, with_unit
from sigmaraw.reports.replica_number import adaptive_rows, delta_rows, delta_undefined, replicas_used
from sigmaraw.reports.selection import CodecResults, Reasons, by_codec
from sigmaraw.reports.statements import said_of, value_of
from sigmaraw.reports.table import change_without_noise, reason_of
from sigmaraw.reports.taps import TapTable, tap_table
from sigmaraw.reports.wording import REVALIDATION, answer, limitations, limits_shown, margins

_MOST_CONTRASTS = 15  # between codecs, as many as six codecs have; a longer list stays in the record
_TALLY: tuple[Verdict, ...] = ("PASS", "FAIL", "INCONCLUSIVE")
_DEEPEST = 6  # levels of nested settings that a table can show


def flatten(value: Any, prefix: str = "", depth: int = 0) -> list[tuple[str, str]]:
    """Return nested settings as (dotted name, text) rows."""
    if isinstance(value, Mapping) and value and depth < _DEEPEST:
        return [row for key, item in value.items() for row in flatten(item, f"{prefix}.{key}" if prefix else str(key), depth + 1)]
    if isinstance(value, list | tuple) and any(isinstance(item, Mapping) for item in value) and depth < _DEEPEST:
        return [row for index, item in enumerate(value) for row in flatten(item, f"{prefix}[{index}]", depth + 1)]
    return [(prefix, setting(value))]


def _steps(resolved: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the settings that the steps of a chain have, by step and key; a key without a value says nothing to a reader."""
    steps = resolved.get("steps")
    if not isinstance(steps, list | tuple) or not all(isinstance(step, Mapping) for step in steps):
        return flatten(resolved)
    used = [{key: value for key, value in step.items() if value is not None and key not in ("name", "class")} for step in steps]
    names = [str(step.get("name", number)) for number, step in enumerate(steps, 1)]
    return [row for name, step in zip(names, used, strict=True) for row in (flatten(step, name) if step else [(name, "no settings")])]


def setting(value: Any) -> str:
    """Return one setting as text: lists joined, true/false in words, nothing as "none"."""
    if value is None or value in ([], {}, "", ()):
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(setting(item) for item in value)
    return given(value, 8) or "" if isinstance(value, float) else str(value)


def _shape(value: Sequence[int] | None) -> str:
    return " × ".join(str(size) for size in value) if value else "none"


def _width(ends: Interval | None) -> float | None:
    """Return about one standard uncertainty of an interval."""
    low, high = ends or (None, None)
    return None if low is None or high is None else (high - low) / 4


def _ends(ends: Interval | None) -> str:
    return interval(*(ends or (None, None))) or ""


# --- results ----------------------------------------------------------------------------------------------------------
def _result(row: ResultRow, measurement: MeasurementRow, reasons: Reasons) -> dict[str, str]:
    """Return one result as printed. Values that share a unit are rounded by the σ_raw or u that limits them."""
    sigma, u = row.sigma_raw, row.u_mc or row.u  # the printed interval is that of u_mc
    discrete = measurement.discrete

    def shown(field: str, text: str | None) -> str:
        return text if text is not None else reasons.of_result(field, row)

    blank = TestRow(statistic=None, p=None)
    ks, null = row.ks or blank, row.ks_null or blank
    return {
        "codec": row.codec,
        "verdict": row.verdict,
        "reason": reason_of(row),
        "warned": f"⚠ {len(row.warnings)}" if row.warnings else "",
        "chi_raw": shown("chi_raw", prediction(row.chi_raw, sigma, discrete)),
        "chi_codec": shown("chi_codec", prediction(row.chi_codec, sigma, discrete)),
        "sigma": shown("sigma_raw", with_unit(measured(sigma, _width(row.sigma_raw_ci)), measurement.unit)),
        "sigma_ci": _ends(row.sigma_raw_ci),
        "epsilon": shown("epsilon", measured(row.epsilon, u)),
        "epsilon_hat": change_without_noise(row) or shown("epsilon_hat", measured(row.epsilon_hat, u)),
        "percent": _percent(row),
        "epsilon_hat_ci": _ends(row.epsilon_hat_ci),
        "limit": shown("limit", given(row.limit, 3)),
        "spread": shown("spread_ratio", measured(row.spread_ratio, _width(row.spread_ratio_ci))),
        "spread_ci": _ends(row.spread_ratio_ci),
        "rms": shown("rms_d", plain(row.rms_d, 3)),
        "rms_upper": shown("rms_d_upper", plain(row.rms_d_upper, 3)),
        "u": shown("u", plain(row.u, 2)),
        "u_mc": shown("u_mc", plain(row.u_mc, 2)),
        "u_mode": shown("u_mode", percent(row.u_mode)),
        "u_cal": shown("u_cal", percent(row.u_cal)),
        "dof": shown("dof", plain(row.dof, 3)),
        "n": setting(row.n),
        "null_rate": shown("null_flag_rate", percent(row.null_flag_rate)),
        "centre": shown("centre_shift", fixed(row.centre_shift, 2)),
        "ks": shown("ks", plain(ks.statistic, 3)),
        "ks_p": shown("ks", probability(ks.p)),
        "null": shown("ks_null", plain(null.statistic, 3)),
        "null_p": shown("ks_null", probability(null.p)),
    }


def _percent(row: ResultRow) -> str:
    """Return the mean shift in % of χ_raw with its standard error."""
    value, u = row.shift_percent, row.u_shift_percent
    shown = measured(value, u)
    return "" if shown is None else f"{shown} ± {plain(u, 2) or '0'} %"


def _said(record: Content) -> list[dict[str, str]]:
    """Return what is said over images of each codec and measurement, as text."""
    rows = []
    for entry in said_of(record):
        if entry.rows:
            these, mean, share = (entry.rows[name] for name in STATEMENTS)
            shown = {"these": these, "mean": mean, "share": share}
            cells = {name: value_of(row, record.units[entry.measurement]) for name, row in shown.items()}
            words = {f"{name}_verdict": row.verdict for name, row in shown.items()} | {
                f"{name}_why": row.reason for name, row in shown.items()
            }
            head = {"codec": entry.codec, "measurement": entry.measurement, "verdict": entry.verdict, "reason": entry.reason}
            rows.append({**head, "decides": entry.decides, **cells, **words})
    return rows


@dataclass(frozen=True)
class TukeyView:
    """Tukey's contrasts of one measurement and image as printed. omitted : how many stay in the record. none : why there are none."""

    rows: list[dict[str, str]]
    omitted: int
    none: str
    design: str


@dataclass
class Group:
    """The results of one measurement on one image. source : the record's rows. figure : put in by the page that draws it."""

    image: int
    name: str
    measurement: MeasurementRow
    unit: str
    source: list[ResultRow]
    ks_methods: str
    rows: list[dict[str, str]]
    tukey: TukeyView
    figure: str = ""


def _groups(record: Content, reasons: Reasons) -> list[Group]:
    """Return the results by measurement and image, in the record's order of measurements."""
    groups, names = [], image_names(record)
    for measurement in record.measurements:
        for image in sorted({row.image for row in record.results}):
            rows = [row for row in record.results if row.measurement == measurement.name and row.image == image]
            if rows:
                methods = sorted({row.ks.method for row in rows if row.ks and row.ks.method})
                shown = [_result(row, measurement, reasons) for row in rows]
                tukey = _tukey(record, measurement.name, image, reasons)
                groups.append(Group(image, names[image], measurement, unit_label(measurement.unit), rows, ", ".join(methods), shown, tukey))
    return groups


def _tukey(record: Content, measurement: str, image: int, reasons: Reasons) -> TukeyView:
    """Return Tukey's contrasts of one measurement and image: those with raw first, those between codecs while they are few."""
    rows = [row for row in record.tukey if row.measurement == measurement and row.image == image]
    with_raw = [row for row in rows if "raw" in (row.group1, row.group2)]
    between = [row for row in rows if row not in with_raw]
    omitted = len(between) if len(between) > _MOST_CONTRASTS else 0
    words = {True: "differs", False: "no difference shown", None: "undefined"}
    contrasts = [
        {
            "pair": f"{row.group2} − {row.group1}",
            "difference": measured(row.mean_difference, _width(row.ci)) or reasons.of("mean_difference", image, row.group2, measurement),
            "ci": _ends(row.ci),
            "p": probability(row.p_adjusted) or reasons.of("p_adjusted", image, row.group2, measurement),
            "reject": words[row.reject],
            "reason": row.reason or "",
        }
        for row in (with_raw if omitted else [*with_raw, *between])
    ]
    designs = sorted({row.design for row in rows if row.design})
    return TukeyView(contrasts, omitted, reasons.of("tukey", image, None, measurement), ", ".join(designs))


# --- codecs -----------------------------------------------------------------------------------------------------------
def _codec(entry: CodecResults, reasons: Reasons, names: Mapping[int, str]) -> dict[str, str | list[tuple[str, str]]]:
    row, largest, deciding = entry.row, entry.largest, entry.deciding

    def shown(field: str, text: str | None) -> str:
        return text if text is not None else reasons.of(field, codec=row.codec)

    def psnr(field: str, value: float | None) -> str:
        exact = row.max_error_dn == 0 and value is None
        return "∞ (no error)" if exact else shown(field, with_unit(fixed(value, 2), "dB"))

    container = with_unit(given(row.psnr_range_dn), "DN")
    camera = with_unit(given(row.psnr_camera_range_dn), "DN")
    largest_shift = measured(largest.epsilon_hat, largest.u_mc or largest.u) or reasons.of_result("epsilon_hat", largest) if largest else ""
    return {
        "codec": row.codec,
        "verdict": row.verdict,
        "ratio": shown("compression_ratio", plain(row.compression_ratio, 3)),
        "ratio_significant": shown("compression_ratio_significant", plain(row.compression_ratio_significant, 3)),
        "nbytes": shown("nbytes", None if row.nbytes is None else f"{row.nbytes:,.0f}".replace(",", "\u202f")),
        "psnr": psnr("psnr_db", row.psnr_db),
        "psnr_camera": "" if camera is None else psnr("psnr_camera_db", row.psnr_camera_db),
        "range": f"range {container}" if container else "",
        "range_camera": f"range {camera}" if camera else "",
        "max_error": shown("max_error_dn", with_unit(given(row.max_error_dn, 4), "DN")),
        "rz": shown("rz", plain(row.rz, 3)),
        "bias": shown("bias_dn", with_unit(plain(row.bias_dn, 2), "DN")),
        "noise_ratio": shown("noise_std_ratio", fixed(row.noise_std_ratio, 3)),
        "correlation": shown("error_noise_correlation", fixed(row.error_noise_correlation, 3)),
        "lag1": shown("error_lag1", fixed(row.error_lag1, 3)),
        "removed": shown("noise_removed", measured(row.noise_removed, row.noise_removed_se)),
        "alarm": "⚠ alarm" if row.denoising_alarm else "",
        "largest": largest_shift,
        "largest_ci": _ends(largest.epsilon_hat_ci) if largest else "",
        "largest_on": largest.measurement if largest else "",
        "largest_image": names[largest.image] if largest else "",
        "reason": reason_of(deciding) if deciding else "",
        "reason_where": f"{deciding.measurement}, {names[deciding.image]}" if deciding else "",
        "tally": ", ".join(f"{entry.count(word)} {word}" for word in _TALLY if entry.count(word)),
        "resolved": _steps(row.resolved),
        "achieved": flatten(row.achieved) if row.achieved else [],
        "achieved_replicas": _of_coded(row, flatten(bare(row)["achieved_replicas"]) if row.achieved_replicas else []),
    }


def _of_coded(row: Any, ranges: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return what replicas achieved, and before it on how many replicas, coded in full, that rests."""
    return ranges if row.replicas_coded is None else [("replicas coded in full", str(row.replicas_coded)), *ranges]


# --- camera and provenance --------------------------------------------------------------------------------------------
_GREEK = {"mu": "μ", "sigma": "σ", "sigma2": "σ²", "epsilon": "ε", "chi": "χ", "rho": "ρ"}


def symbol(text: str) -> tuple[str, str]:
    """Return a symbol as (letter, index): "sigma_r" is σ with the index r."""
    letter, _, index = text.partition("_")
    return _GREEK.get(letter, letter), index


def _stated(value: float | None, error: float | None) -> str | None:
    """Return a camera's value in the digits that its standard error supports, or as it was given where there is none."""
    return measured(value, error) if error else given(value)


def _upper(row: ScalarRow, unit: str) -> str:
    """Return the upper limit of a quantity that is not above zero, or is hidden, in words; nothing for others."""
    limit = row.upper_limit
    return "" if limit is None else f" ({row.flag or 'flagged'}: at most {with_unit(plain(limit, 2), unit)})"


@dataclass(frozen=True)
class CameraFacts:
    """What a page prints of a camera."""

    calibrated: bool
    facts: list[tuple[str, str]]
    scalars: list[dict[str, str | tuple[str, str]]]
    pixel_classes: list[dict[str, str]]
    taps: TapTable | None
    checks: list[dict[str, str]]
    notes: list[str] = field(default_factory=list)


def camera_facts(camera: CameraRow) -> CameraFacts:
    """Return what a page prints of a camera: facts, quantities with standard errors, notes."""
    low, high = camera.valid_range_dn or (None, None)
    means = camera.levels.mean_dn if camera.levels else ()
    used = (camera.levels.used if camera.levels else ()) or (True,) * len(means)
    return CameraFacts(
        calibrated=camera.calibrated is True,
        facts=[
            ("Origin", "calibrated from dark and flat frames" if camera.calibrated else "stated values, not calibrated"),
            ("Profile", setting(camera.path)),
            ("Calibration series (SHA-256)", setting(camera.series_sha256)),
            ("Bit depth", with_unit(given(camera.bits), "bit") or "not stated"),
            ("Valid range", with_unit(None if low is None or high is None else f"{given(low)} to {given(high)}", "DN") or "not stated"),
            ("Per-pixel maps", _shape(camera.map_shape)),
            ("Levels", f"{len(means)}, of which {sum(used)} used in the fit" if means else "none"),
        ],
        scalars=[_scalar(name, row) for name, row in camera.scalars.items()],
        pixel_classes=[
            {
                "name": row.name,
                "count": "not determined" if row.count is None else given(row.count) or "",
                "share": "—" if row.fraction is None else with_unit(plain(100 * row.fraction, 3), "%") or "",
                "definition": row.definition + ("" if row.count is not None else f" ({row.not_determined})"),
            }
            for row in camera.pixel_classes
        ],
        taps=tap_table(camera.taps),
        checks=[
            {
                "name": row.name.replace("-", " "),
                "verdict": {"pass": "PASS", "fail": "FAIL", "unknown": "INCONCLUSIVE"}[row.outcome],
                "value": with_unit(given(row.value, 3), unit_label(row.unit)) or "",
                "limit": with_unit(given(row.limit, 3), unit_label(row.unit)) or "",
                "evidence": row.evidence,
            }
            for row in camera.checks
        ],
        notes=list(camera.notes),
    )


def _scalar(name: str, row: ScalarRow) -> dict[str, str | tuple[str, str]]:
    unit = unit_label(row.unit)
    return {
        "name": name.replace("_", " "),
        "symbol": symbol(row.symbol),
        "value": with_unit(_stated(row.value, row.se), unit) or "undefined (not determined)",
        "se": with_unit(plain(row.se, 2), unit) or "not stated",
        "definition": row.definition + _upper(row, unit),
    }


def _warnings(record: Content) -> list[tuple[str, list[str]]]:
    """Return each distinct warning once with the results that carry it."""
    places: dict[str, list[str]] = {}
    names = image_names(record)
    for row in record.results:
        for warning in row.warnings:
            text = f"Bears on the verdict: {warning.text}" if warning.bears else warning.text
            places.setdefault(text, []).append(f"{row.codec}, {row.measurement}, {names[row.image]}")
    return list(places.items())


def _identification(record: Content) -> list[tuple[str, str]]:
    plan = record.plan
    modes = sorted({row.mode for row in record.results})
    return [
        ("Date", setting(record.created)),
        ("Pipeline", setting(plan.pipeline)),
        ("Camera", setting(record.camera.path)),
        ("Images × codecs × measurements", f"{_images(record)} × {len(record.codecs)} × {len(record.measurements)}"),
        ("Replicas per group, mode, seed", f"{replicas_used(record)}, {', '.join(modes)}, {setting(plan.seed)}"),
        ("Record digest (SHA-256)", setting(record.digest)),
    ]


def _input(row: InputRow) -> dict[str, str]:
    words = {"role": row.role, "path": row.path, "sha256": row.sha256, "dtype": row.dtype, "reader": row.reader}
    return {**{name: setting(value) for name, value in words.items()}, "shape": _shape(row.shape)}


def _image(row: ImageRow) -> dict[str, str]:
    words = {"image": row.image, "input": row.input, "frame": row.frame, "sha256": row.sha256}
    return {**{name: setting(value) for name, value in words.items()}, "shape": _shape(row.shape)}


def _undefined(row: UndefinedRow) -> dict[str, str]:
    words = {"image": row.image, "codec": row.codec, "measurement": row.measurement, "field": row.field, "reason": row.reason}
    return {**{name: setting(value) for name, value in words.items()}, "amount": setting(row.count)}


def _floor(record: Content) -> str:
    """Return in words what the pipeline answered the second time on the same image, "" when the record does not say."""
    changed = [f"{row.measurement}, image {row.image}: {setting(row.difference)}" for row in record.floor if row.difference != 0]
    if not record.floor:
        return ""
    return f"changed its answer: {'; '.join(changed)}" if changed else "gave exactly the same answers"


def _mode_checks(record: Content) -> list[dict[str, str]]:
    """Return what the replica mode checked on each image, as text; none where the record does not say."""
    return [
        {
            "image": setting(row.image),
            "name": row.name,
            "value": given(row.value, 3) or "none",
            "low": given(row.low, 3) or "none",
            "high": given(row.high, 3) or "none",
            "passed": setting(row.passed),
            "definition": row.definition,
        }
        for row in record.mode_diagnostics
    ]


def _images(record: Content) -> int:
    return len({row.image for row in record.results})


def context(folder: RecordFolder) -> dict[str, Any]:  # what the template prints, by the template's names
    """Return everything that the template prints but the pictures."""
    record = folder.record
    reasons, codecs = Reasons(record), by_codec(record)
    document = bare(record)
    plan = {name: value for name, value in document["plan"].items() if name != "sha256"}
    deltas = delta_rows(record)
    return {
        "identification": _identification(record),
        "answer": answer(record, codecs),
        "said": _said(record),
        "codecs": [_codec(entry, reasons, image_names(record)) for entry in codecs],
        "groups": _groups(record, reasons),
        "measurements": record.measurements,
        "several_images": _images(record) > 1,
        "camera": camera_facts(record.camera),
        "plan": flatten(plan),
        "plan_sha256": setting(record.plan.sha256),
        "limits": limits_shown(record),
        "margins": margins(record),
        "inputs": [_input(row) for row in record.inputs],
        "floor": _floor(record),
        "design": flatten(document["design"]) if record.design else [],
        "sources": u_mode_sources(record),
        "mode_checks": _mode_checks(record),
        "adaptive": adaptive_rows(record),
        "replicas_used": replicas_used(record),
        "deltas": deltas,
        "deltas_undefined": delta_undefined(deltas),
        "predictions_sha256": setting(record.predictions_sha256),
        "images": [_image(row) for row in record.images],
        "environment": flatten(document["environment"]),
        "pipeline": flatten(record.pipeline) if record.pipeline else [],
        "undefined": [_undefined(row) for row in record.undefined],
        "warnings": _warnings(record),
        "limitations": limitations(record),
        "revalidation": REVALIDATION,
        "schema": record.schema,
        "created": setting(record.created),
        "digest": setting(record.digest),
    }
