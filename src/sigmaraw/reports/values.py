"""Values of a record as they are printed: settings in words, results rounded by what limits them. Nothing is computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sigmaraw.record.design import MeasurementRow
from sigmaraw.record.fields import Interval
from sigmaraw.record.results import ResultRow, TestRow
from sigmaraw.reports.numbers import fixed, given, interval, measured, percent, plain, prediction, probability, with_unit
from sigmaraw.reports.selection import Reasons
from sigmaraw.reports.table import change_without_noise, reason_of

_DEEPEST = 6  # levels of nested settings that a table can show


def flatten(value: Any, prefix: str = "", depth: int = 0) -> list[tuple[str, str]]:
    """Return nested settings as (dotted name, text) rows; a setting without a value says nothing and is left out."""
    if isinstance(value, Mapping) and value and depth < _DEEPEST:
        return [row for key, item in value.items() for row in flatten(item, f"{prefix}.{key}" if prefix else str(key), depth + 1)]
    if isinstance(value, list | tuple) and any(isinstance(item, Mapping) for item in value) and depth < _DEEPEST:
        return [row for index, item in enumerate(value, 1) for row in flatten(item, f"{prefix} {index}", depth + 1)]
    return [] if value is None or value in ([], {}, "", ()) else [(prefix, setting(value))]


def setting(value: Any) -> str:
    """Return one setting as text: lists joined, true/false in words, nothing as "none"."""
    if value is None or value in ([], {}, "", ()):
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(setting(item) for item in value)
    return given(value, 8) or "" if isinstance(value, float) else str(value)


def steps_of(resolved: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the settings that the steps of a chain have, by step and key; versions of libraries stand elsewhere."""
    steps = resolved.get("steps")
    if not isinstance(steps, list | tuple) or not all(isinstance(step, Mapping) for step in steps):
        return flatten(resolved)
    left_out = ("name", "class", "libraries")
    used = [{key: value for key, value in step.items() if value is not None and key not in left_out} for step in steps]
    names = [str(step.get("name", number)) for number, step in enumerate(steps, 1)]
    return [row for name, step in zip(names, used, strict=True) for row in (flatten(step, name) if step else [(name, "no settings")])]


def shape(value: Sequence[int] | None) -> str:
    """Return rows and columns, "—" for what is no image."""
    return " × ".join(str(size) for size in value) if value else "—"


def width(ends: Interval | None) -> float | None:
    """Return about one standard uncertainty of an interval, by which a value is rounded."""
    low, high = ends or (None, None)
    return None if low is None or high is None else (high - low) / 4


def ends_text(ends: Interval | None) -> str:
    """Return an interval as printed, nothing where there is none."""
    return interval(*(ends or (None, None))) or ""


def result_texts(row: ResultRow, measurement: MeasurementRow, reasons: Reasons) -> dict[str, str]:
    """Return one result as printed. Values that share a unit are rounded by the σ_raw or u that limits them."""
    sigma, u = row.sigma_raw, row.u_mc or row.u  # the printed interval is that of u_mc
    discrete = measurement.discrete

    def shown(field: str, text: str | None) -> str:
        return text if text is not None else reasons.of_result(field, row)

    blank = TestRow(statistic=None, p=None)
    ks, null = row.ks or blank, row.ks_null or blank
    return {
        "codec": row.codec,
        "reason": reason_of(row),
        "chi_raw": shown("chi_raw", prediction(row.chi_raw, sigma, discrete)),
        "chi_codec": shown("chi_codec", prediction(row.chi_codec, sigma, discrete)),
        "sigma": shown("sigma_raw", with_unit(measured(sigma, width(row.sigma_raw_ci)), measurement.unit)),
        "sigma_ci": ends_text(row.sigma_raw_ci),
        "epsilon": shown("epsilon", measured(row.epsilon, u)),
        "epsilon_hat": change_without_noise(row) or shown("epsilon_hat", measured(row.epsilon_hat, u)),
        "epsilon_hat_ci": ends_text(row.epsilon_hat_ci),
        "percent": _percent(row),
        "limit": shown("limit", given(row.limit, 3)),
        "spread": shown("spread_ratio", measured(row.spread_ratio, width(row.spread_ratio_ci))),
        "spread_ci": ends_text(row.spread_ratio_ci),
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
    """Return the mean shift in % of χ_raw with its standard error, nothing where it has none."""
    shown = measured(row.shift_percent, row.u_shift_percent)
    return "" if shown is None else f"{shown} ± {plain(row.u_shift_percent, 2) or '0'} %"


_GREEK = {"mu": "μ", "sigma": "σ", "sigma2": "σ²", "epsilon": "ε", "chi": "χ", "rho": "ρ"}


def symbol(text: str) -> tuple[str, str]:
    """Return a symbol as (letter, index): "sigma_r" is σ with the index r."""
    letter, _, index = text.partition("_")
    return _GREEK.get(letter, letter), index
