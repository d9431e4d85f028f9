"""From a record to what the page's template prints: every number formatted, every row in its place, nothing computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sigmaraw.reports.kinds import u_mode_sources
from sigmaraw.reports.loading import RecordFolder, clean
from sigmaraw.reports.numbers import fixed, given, interval, measured, percent, plain, prediction, probability, unit_label, with_unit
from sigmaraw.reports.replica_number import adaptive_rows, delta_rows, delta_undefined, replicas_used
from sigmaraw.reports.selection import CodecSummary, Reasons, summarise
from sigmaraw.reports.taps import tap_table
from sigmaraw.reports.wording import REVALIDATION, answer, criterion, limitations, margins

_MOST_CONTRASTS = 15  # between codecs, as many as six codecs have; a longer list stays in the record
_DEEPEST = 6  # levels of nested settings that a table can show


def flatten(value: Any, prefix: str = "", depth: int = 0) -> list[tuple[str, str]]:
    """Return nested settings as (dotted name, text) rows."""
    if isinstance(value, Mapping) and value and depth < _DEEPEST:
        return [row for key, item in value.items() for row in flatten(item, f"{prefix}.{key}" if prefix else str(key), depth + 1)]
    if isinstance(value, list) and any(isinstance(item, Mapping) for item in value) and depth < _DEEPEST:
        return [row for index, item in enumerate(value) for row in flatten(item, f"{prefix}[{index}]", depth + 1)]
    return [(prefix, setting(value))]


def setting(value: Any) -> str:
    """Return one setting as text: lists joined, true/false in words, nothing as "none"."""
    if value is None or value in ([], {}, ""):
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(setting(item) for item in value)
    return given(value, 8) or "" if isinstance(value, float) else str(value)


def _shape(value: Any) -> str:
    return " × ".join(str(size) for size in value) if isinstance(value, list) and value else setting(value)


def _pair(row: Mapping[str, Any], name: str) -> tuple[float | None, float | None]:
    low, high = row.get(name) or (None, None)
    return low, high


# --- results ----------------------------------------------------------------------------------------------------------
def _result(row: dict[str, Any], measurement: dict[str, Any], reasons: Reasons) -> dict[str, Any]:
    """Return one result as printed. Values that share a unit are rounded by the σ_raw or u that limits them."""
    sigma, u = row["sigma_raw"], row.get("u_mc") or row.get("u")  # the printed interval is that of u_mc
    unit, discrete = measurement["unit"], measurement.get("discrete") is True

    def shown(field: str, text: str | None) -> str:
        return text if text is not None else reasons.of(field, row)

    low, high = _pair(row, "sigma_raw_ci")
    sigma_width = None if low is None or high is None else (high - low) / 4
    ratio_low, ratio_high = _pair(row, "spread_ratio_ci")
    ratio_width = None if ratio_low is None or ratio_high is None else (ratio_high - ratio_low) / 4
    ks, null = row.get("ks") or {}, row.get("ks_null") or {}
    return {
        "image": row["image"],
        "codec": row["codec"],
        "measurement": row["measurement"],
        "verdict": row["verdict"],
        "reason": row.get("reason") or "",
        "chi_raw": shown("chi_raw", prediction(row["chi_raw"], sigma, discrete)),
        "chi_codec": shown("chi_codec", prediction(row["chi_codec"], sigma, discrete)),
        "sigma": shown("sigma_raw", with_unit(measured(sigma, sigma_width), unit)),
        "sigma_ci": interval(low, high) or "",
        "epsilon": shown("epsilon", measured(row["epsilon"], u)),
        "epsilon_hat": shown("epsilon_hat", measured(row["epsilon_hat"], u)),
        "epsilon_hat_ci": interval(*_pair(row, "epsilon_hat_ci")) or "",
        "limit": shown("limit", given(row.get("limit"), 3)),
        "spread": shown("spread_ratio", measured(row.get("spread_ratio"), ratio_width)),
        "spread_ci": interval(ratio_low, ratio_high) or "",
        "rms": shown("rms_d", plain(row.get("rms_d"), 3)),
        "rms_upper": shown("rms_d_upper", plain(row.get("rms_d_upper"), 3)),
        "u": shown("u", plain(row.get("u"), 2)),
        "u_mc": shown("u_mc", plain(row.get("u_mc"), 2)),
        "u_mode": shown("u_mode", percent(row.get("u_mode"))),
        "u_cal": shown("u_cal", percent(row.get("u_cal"))),
        "dof": shown("dof", plain(row.get("dof"), 3)),
        "n": setting(row.get("n")),
        "null_rate": shown("null_flag_rate", percent(row.get("null_flag_rate"))),
        "centre": shown("centre_shift", fixed(row.get("centre_shift"), 2)),
        "ks": shown("ks", plain(ks.get("statistic"), 3)),
        "ks_p": shown("ks", probability(ks.get("p"))),
        "null": shown("ks_null", plain(null.get("statistic"), 3)),
        "null_p": shown("ks_null", probability(null.get("p"))),
        "warnings": [str(text) for text in row.get("warnings") or []],
    }


def _groups(record: dict[str, Any], reasons: Reasons) -> list[dict[str, Any]]:
    """Return the results by measurement and image, in the record's order of measurements."""
    groups = []
    images = sorted({row["image"] for row in record["results"]})
    for measurement in record["measurements"]:
        for image in images:
            rows = [row for row in record["results"] if row["measurement"] == measurement["name"] and row["image"] == image]
            if rows:
                groups.append(
                    {
                        "image": image,
                        "measurement": measurement,
                        "unit": unit_label(measurement["unit"]),
                        "source": rows,
                        "ks_methods": ", ".join(sorted({str(row["ks"]["method"]) for row in rows if (row["ks"] or {}).get("method")})),
                        "rows": [_result(row, measurement, reasons) for row in rows],
                        "tukey": _tukey(record, measurement, image, reasons),
                    }
                )
    return groups


def _tukey(record: dict[str, Any], measurement: dict[str, Any], image: int, reasons: Reasons) -> dict[str, Any]:
    """Return Tukey's contrasts of one measurement and image: those with raw first, those between codecs while they are few."""
    rows = [row for row in record["tukey"] if row["measurement"] == measurement["name"] and row["image"] == image]
    with_raw = [row for row in rows if "raw" in (row["group1"], row["group2"])]
    between = [row for row in rows if row not in with_raw]
    omitted = len(between) if len(between) > _MOST_CONTRASTS else 0
    contrasts = []
    for row in with_raw if omitted else [*with_raw, *between]:
        low, high = _pair(row, "ci")
        width = None if low is None or high is None else (high - low) / 4
        where = {"image": image, "codec": row["group2"], "measurement": row["measurement"]}
        contrasts.append(
            {
                "pair": f"{row['group2']} − {row['group1']}",
                "difference": measured(row.get("mean_difference"), width) or reasons.of("mean_difference", where),
                "ci": interval(low, high) or "",
                "p": probability(row.get("p_adjusted")) or reasons.of("p_adjusted", where),
                "reject": {True: "differs", False: "no difference shown"}.get(row.get("reject"), "undefined"),
                "reason": setting(row.get("reason")) if row.get("reason") else "",
            }
        )
    designs = sorted({str(row["design"]) for row in rows if row.get("design")})
    where = {"image": image, "codec": None, "measurement": measurement["name"]}
    return {"rows": contrasts, "omitted": omitted, "none": reasons.of("tukey", where), "design": ", ".join(designs)}


# --- codecs -----------------------------------------------------------------------------------------------------------
def _codec(summary: CodecSummary, reasons: Reasons) -> dict[str, Any]:
    row, largest, deciding = summary.row, summary.largest or {}, summary.deciding or {}

    def shown(field: str, text: str | None) -> str:
        return text if text is not None else reasons.of(field, {"codec": row["codec"]})

    exact = row.get("max_error_dn") == 0

    def psnr(field: str) -> str:
        value = row.get(field)
        return "∞ (no error)" if exact and value is None else shown(field, with_unit(fixed(value, 2), "dB"))

    container = with_unit(given(row.get("psnr_range_dn")), "DN")
    camera = with_unit(given(row.get("psnr_camera_range_dn")), "DN")
    return {
        "codec": row["codec"],
        "verdict": row["verdict"],
        "ratio": shown("compression_ratio", plain(row.get("compression_ratio"), 3)),
        "ratio_significant": shown("compression_ratio_significant", plain(row.get("compression_ratio_significant"), 3)),
        "nbytes": shown("nbytes", None if row.get("nbytes") is None else f"{row['nbytes']:,.0f}".replace(",", "\u202f")),
        "psnr": psnr("psnr_db"),
        "psnr_camera": psnr("psnr_camera_db") if "psnr_camera_db" in row else "",
        "range": f"range {container}" if container else "",
        "range_camera": f"range {camera}" if camera else "",
        "max_error": shown("max_error_dn", with_unit(given(row.get("max_error_dn"), 4), "DN")),
        "rz": shown("rz", plain(row.get("rz"), 3)),
        "bias": shown("bias_dn", with_unit(plain(row.get("bias_dn"), 2), "DN")),
        "noise_ratio": shown("noise_std_ratio", fixed(row.get("noise_std_ratio"), 3)),
        "correlation": shown("error_noise_correlation", fixed(row.get("error_noise_correlation"), 3)),
        "lag1": shown("error_lag1", fixed(row.get("error_lag1"), 3)),
        "removed": shown("noise_removed", measured(row.get("noise_removed"), row.get("noise_removed_se"))),
        "alarm": "⚠ alarm" if row.get("denoising_alarm") is True else "",
        "largest": measured(largest.get("epsilon_hat"), largest.get("u_mc") or largest.get("u")) or reasons.of("epsilon_hat", largest),
        "largest_ci": interval(*_pair(largest, "epsilon_hat_ci")) or "",
        "largest_on": largest.get("measurement", ""),
        "largest_image": f"image {largest['image']}" if largest else "",
        "reason": deciding.get("reason") or "",
        "reason_where": f"{deciding['measurement']}, image {deciding['image']}" if deciding else "",
        "tally": ", ".join(f"{summary.count(word)} {word}" for word in ("PASS", "FAIL", "INCONCLUSIVE") if summary.count(word)),
        "resolved": flatten(row.get("resolved") or {}),
        "achieved": flatten(row["achieved"]) if row.get("achieved") else [],
        "achieved_replicas": flatten(row["achieved_replicas"]) if row.get("achieved_replicas") else [],
    }


# --- camera and provenance --------------------------------------------------------------------------------------------
_GREEK = {"mu": "μ", "sigma": "σ", "sigma2": "σ²", "epsilon": "ε", "chi": "χ", "rho": "ρ"}


def symbol(text: str) -> tuple[str, str]:
    """Return a symbol as (letter, index): "sigma_r" is σ with the index r."""
    letter, _, index = text.partition("_")
    return _GREEK.get(letter, letter), index


def _stated(value: float | None, error: float | None) -> str | None:
    """Return a camera's value in the digits that its standard error supports, or as it was given where there is none."""
    return measured(value, error) if error else given(value)


def _upper(row: Mapping[str, Any], unit: str) -> str:
    """Return the upper limit of a quantity that is not above zero, or is hidden, in words; nothing for others."""
    limit = row.get("upper_limit")
    is_number = isinstance(limit, (int, float)) and not isinstance(limit, bool)
    return f" ({row.get('flag') or 'flagged'}: at most {with_unit(plain(limit, 2), unit)})" if is_number else ""


def camera_facts(summary: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a page prints of a camera: facts, quantities with standard errors, notes. summary: as a record holds it."""
    summary = clean(dict(summary))
    scalars = []
    for name, row in (summary.get("scalars") or {}).items():
        unit = unit_label(str(row.get("unit") or ""))
        scalars.append(
            {
                "name": name.replace("_", " "),
                "symbol": symbol(str(row.get("symbol") or "")),
                "value": with_unit(_stated(row.get("value"), row.get("se")), unit) or "undefined (not determined)",
                "se": with_unit(plain(row.get("se"), 2), unit) or "not stated",
                "definition": str(row.get("definition") or "") + _upper(row, unit),
            }
        )
    low, high = summary.get("valid_range_dn") or (None, None)
    levels = summary.get("levels") or {}
    means = levels.get("mean_dn") or []
    used = levels.get("used") or [True] * len(means)
    return {
        "calibrated": summary.get("calibrated") is True,
        "facts": [
            ("Origin", "calibrated from dark and flat frames" if summary.get("calibrated") is True else "stated values, not calibrated"),
            ("Profile", setting(summary.get("path"))),
            ("Calibration series (SHA-256)", setting(summary.get("series_sha256"))),
            ("Bit depth", with_unit(given(summary.get("bits")), "bit") or "not stated"),
            ("Valid range", with_unit(None if low is None or high is None else f"{given(low)} to {given(high)}", "DN") or "not stated"),
            ("Per-pixel maps", _shape(summary.get("map_shape"))),
            ("Levels", f"{len(means)}, of which {sum(bool(mark) for mark in used)} used in the fit" if means else "none"),
        ],
        "scalars": scalars,
        "pixel_classes": [
            {
                "name": row["name"],
                "count": "not determined" if row["count"] is None else given(row["count"]),
                "share": "—" if row["count"] is None else with_unit(plain(100 * row["fraction"], 3), "%"),
                "definition": row["definition"] + ("" if row["count"] is not None else f" ({row['not_determined']})"),
            }
            for row in summary.get("pixel_classes") or []
        ],
        "taps": tap_table(summary.get("taps")),
        "checks": [
            {
                "name": row["name"].replace("-", " "),
                "verdict": {"pass": "PASS", "fail": "FAIL", "unknown": "INCONCLUSIVE"}[row["outcome"]],
                "value": with_unit(given(row["value"], 3), unit_label(row["unit"])) if row.get("value") is not None else "",
                "limit": with_unit(given(row["limit"], 3), unit_label(row["unit"])),
                "evidence": row["evidence"],
            }
            for row in summary.get("checks") or []
        ],
        "notes": [str(note) for note in summary.get("notes") or []],
    }


def _warnings(record: dict[str, Any]) -> list[dict[str, Any]]:
    """Return each distinct warning once with the results that carry it."""
    places: dict[str, list[str]] = {}
    for row in record["results"]:
        for text in row.get("warnings") or []:
            places.setdefault(str(text), []).append(f"{row['codec']}, {row['measurement']}, image {row['image']}")
    return [{"text": text, "where": where} for text, where in places.items()]


def _identification(record: dict[str, Any]) -> list[tuple[str, str]]:
    plan, results = record["plan"], record["results"]
    modes = sorted({str(row.get("mode")) for row in results})
    return [
        ("Date", setting(record.get("created"))),
        ("Pipeline", setting(plan.get("pipeline"))),
        ("Camera", setting(record["camera"].get("path"))),
        ("Images × codecs × measurements", f"{_images(results)} × {len(record['codecs'])} × {len(record['measurements'])}"),
        ("Replicas per group, mode, seed", f"{replicas_used(record)}, {', '.join(modes)}, {setting(plan.get('seed'))}"),
        ("Record digest (SHA-256)", setting(record.get("digest"))),
    ]


def _provenance(row: Mapping[str, Any], names: Sequence[str]) -> dict[str, str]:
    return {**{name: setting(row.get(name)) for name in names}, "shape": _shape(row.get("shape"))}


def _floor(record: dict[str, Any]) -> str:
    """Return in words what the pipeline answered the second time on the same image, "" when the record does not say."""
    rows = record.get("floor")
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        return ""
    changed = [
        f"{row.get('measurement')}, image {row.get('image')}: {setting(row.get('difference'))}"
        for row in rows
        if row.get("difference") != 0
    ]
    return f"changed its answer: {'; '.join(changed)}" if changed else "gave exactly the same answers"


def _mode_checks(record: dict[str, Any]) -> list[dict[str, str]]:
    """Return what the replica mode checked on each image, as text; none where the record does not say."""
    rows = record.get("mode_diagnostics")
    if not isinstance(rows, list):
        return []
    names = ("image", "name", "value", "low", "high", "passed", "definition")
    shown = [{name: row.get(name) for name in names} for row in rows if isinstance(row, dict)]
    return [{name: given(value, 3) or "" if isinstance(value, float) else setting(value) for name, value in row.items()} for row in shown]


def _images(results: Sequence[Mapping[str, Any]]) -> int:
    return len({row["image"] for row in results})


def context(folder: RecordFolder) -> dict[str, Any]:
    """Return everything that the template prints but the pictures."""
    record = folder.record
    reasons, summaries = Reasons(record), summarise(record)
    plan = {name: value for name, value in record["plan"].items() if name != "sha256"}
    return {
        "identification": _identification(record),
        "answer": answer(record, summaries),
        "codecs": [_codec(summary, reasons) for summary in summaries],
        "groups": _groups(record, reasons),
        "measurements": record["measurements"],
        "several_images": _images(record["results"]) > 1,
        "camera": camera_facts(record["camera"]),
        "plan": flatten(plan),
        "plan_sha256": setting(record["plan"].get("sha256")),
        "limits": {name: criterion(record, name, default) for name, default in (("k", "1"), ("spread", "1.25"), ("rms", "1"))},
        "margins": margins(record),
        "inputs": [_provenance(row, ("role", "path", "sha256", "dtype", "bits", "reader")) for row in record["inputs"]],
        "floor": _floor(record),
        "design": flatten(record["design"]) if isinstance(record.get("design"), dict) else [],
        "sources": u_mode_sources(record),
        "mode_checks": _mode_checks(record),
        "adaptive": adaptive_rows(record),
        "replicas_used": replicas_used(record),
        "deltas": delta_rows(record),
        "deltas_undefined": delta_undefined(delta_rows(record)),
        "predictions_sha256": setting(record.get("predictions_sha256")),
        "images": [_provenance(row, ("image", "input", "frame", "sha256")) for row in record["images"]],
        "environment": flatten(record["environment"]),
        "pipeline": flatten(record["pipeline"]) if record.get("pipeline") else [],
        "undefined": [_provenance(row, ("image", "codec", "measurement", "field", "reason", "count")) for row in record["undefined"]],
        "deviations": [setting(item) for item in record.get("deviations") or []],
        "warnings": _warnings(record),
        "limitations": limitations(record),
        "revalidation": REVALIDATION,
        "schema": record["schema"],
        "created": setting(record.get("created")),
        "digest": setting(record.get("digest")),
    }
