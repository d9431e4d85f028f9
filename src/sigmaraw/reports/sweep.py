"""A sweep's and a search's rows of a record → what their figures and tables print; choices among rows, nothing computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sigmaraw.reports.numbers import fixed, given, percent, plain, unit_label, with_unit
from sigmaraw.reports.sections import CurvePoint, Sweep, search_of, sweep_of
from sigmaraw.reports.selection import CodecSummary, summarise
from sigmaraw.reports.sweep_plots import Curve, Mark, quality_plot, shift_plot
from sigmaraw.reports.table import score

_PANELS = (
    ("psnr_camera_db", "PSNR (camera's range) / dB", None),
    ("noise_std_ratio", "noise std, after / before", 1.0),
)
_LIMITS = 1e100


def setting_text(point: CurvePoint) -> str:
    """Return a point's setting as printed, without its name."""
    if isinstance(point.value, str) or point.value is None:
        return point.value or ""
    return given(point.value, 6) or ""


def _marks(
    points: Sequence[CurvePoint], results: Mapping[str, list[dict[str, Any]]], ratios: Mapping[str, float | None]
) -> tuple[Mark, ...]:
    """Return the marks of one curve on one measurement: of each setting the image with the largest shift."""
    marks = []
    for point in points:
        rows, ratio = results.get(point.codec, []), ratios[point.codec]
        defined = [row for row in rows if row["epsilon_hat"] is not None]
        if ratio is None or not ratio > 0 or not defined:
            continue
        largest = max(defined, key=lambda row: abs(row["epsilon_hat"]))
        low, high = largest.get("epsilon_hat_ci") or (None, None)
        severe = max((row["verdict"] for row in rows), key=("PASS", "INCONCLUSIVE", "FAIL").index)
        ends = None if low is None or high is None else (low, high)
        others = tuple(row["epsilon_hat"] for row in defined)
        marks.append(Mark(ratio, largest["epsilon_hat"], severe, setting_text(point), ends, others))
    return tuple(marks)


def shift_figures(record: dict[str, Any], sweep: Sweep) -> list[tuple[str, str]]:
    """Return (measurement, figure) of ε̂ against compression ratio."""
    ratios = {row["codec"]: row.get("compression_ratio") for row in record["codecs"]}
    figures = []
    for position, measurement in enumerate(row["name"] for row in record["measurements"]):
        rows = [row for row in record["results"] if row["measurement"] == measurement]
        results: dict[str, list[dict[str, Any]]] = {}
        for row in rows:
            results.setdefault(row["codec"], []).append(row)
        curves = [Curve(name, _marks(points, results, ratios)) for name, points in sweep.curves.items()]
        limits = [row["limit"] for row in rows if row.get("limit") is not None and 0 < row["limit"] < _LIMITS]
        title = f"Shift of {measurement} against compression ratio, one curve for each family"
        figures.append((measurement, shift_plot(f"sweep-{position}", title, curves, limits, sweep.raw_spread.get(measurement))))
    return figures


def quality_figure(record: dict[str, Any], sweep: Sweep) -> str:
    """Return PSNR and noise ratio against compression ratio."""
    codecs = {row["codec"]: row for row in record["codecs"]}
    panels = []
    for field, label, reference in _PANELS:
        curves = []
        for name, points in sweep.curves.items():
            rows = [(point, codecs[point.codec]) for point in points]
            marks = tuple(
                Mark(row["compression_ratio"], row.get(field), row["verdict"], setting_text(point))
                for point, row in rows
                if (row.get("compression_ratio") or 0) > 0
            )
            if marks:
                curves.append(Curve(name, marks))
        panels.append((label, curves, reference))
    return quality_plot("sweep-quality", "Quality against compression ratio, one curve for each family", panels)


def _point_row(point: CurvePoint, summary: CodecSummary) -> dict[str, Any]:
    row, largest = summary.row, summary.largest
    return {
        "codec": point.codec,
        "setting": with_unit(setting_text(point), unit_label(point.unit)) or "",
        "verdict": row["verdict"],
        "ratio": plain(row.get("compression_ratio"), 3) or "undefined",
        "psnr": fixed(row.get("psnr_camera_db"), 2) or ("∞" if row.get("max_error_dn") == 0 else "undefined"),
        "rz": plain(row.get("rz"), 3) or "undefined",
        "noise": fixed(row.get("noise_std_ratio"), 3) or "undefined",
        "largest": score(largest) if largest else "undefined",
        "where": f"{largest['measurement']}, image {largest['image']}" if largest else "",
    }


def sweep_context(record: dict[str, Any]) -> dict[str, Any] | None:
    """Return what the page prints of a sweep, None where the record has none. Raises InvalidRecord as `sweep_of` does."""
    sweep = sweep_of(record)
    if sweep is None:
        return None
    summaries = {summary.row["codec"]: summary for summary in summarise(record)}
    return {
        "figures": [(name, text) for name, text in shift_figures(record, sweep) if text],
        "quality": quality_figure(record, sweep),
        "curves": [
            {
                "name": name,
                "parameter": points[0].parameter or "",
                "points": [_point_row(point, summaries[point.codec]) for point in points],
            }
            for name, points in sweep.curves.items()
        ],
    }


# --- search -----------------------------------------------------------------------------------------------------------
def side_text(side: Mapping[str, Any] | None) -> str:
    """Return how a setting did on tuning or held-out images: how many passed, and the reason where not all did."""
    if side is None:
        return "not asked"
    passed = f"{given(side['images'] - side['failing'])} of {given(side['images'])}"
    return f"{passed} PASS" if side["verdict"] == "PASS" else f"{passed} PASS; {side['verdict']}: {side['reason']}"


def claim(part: Mapping[str, Any]) -> list[str]:
    """Return what a search claims and at what error rate, in sentences."""
    held_out, rates, chosen = len(part["images"]["confirmation"]), part["error_rate"], part["recommended"].get("codec")
    if not held_out:
        return ["No setting passed on the tuning images, so none was tested on the held-out ones and none is recommended."]
    share = part["rule"].get("exceedance")
    wrong = f"every one of the {held_out} held-out images" if share is None else f"more than {percent(1 - share)} of images like these"
    sentences = [
        f"Recommended: {chosen}, of the family that compressed most on the tuning images."
        if chosen
        else "Nothing is recommended: the family that compressed most on the tuning images has no confirmed setting.",
        f"The chance that the whole search recommends a setting which is not tolerable on {wrong} is at most "
        f"{percent(rates['recommended'])}.",
    ]
    if len(part["families"]) > 1:
        sentences.append(
            f"The same holds for each family by itself; the chance that one of {len(part['families'])} families is wrong is at most "
            f"{percent(rates['all_families'])}."
        )
    limits = {row["exceedance_upper"] for row in part["families"] if row.get("exceedance_upper") is not None}
    if limits:
        sentences.append(
            "Of other images, if these are a random sample of them, a confirmed setting is not tolerable on at most "
            f"{percent(max(limits))} (upper 95 % limit); only more held-out images lower it."
        )
    return sentences


def search_context(record: dict[str, Any]) -> dict[str, Any] | None:
    """Return what the page prints of a search, None where the record has none. Raises InvalidRecord as `search_of` does."""
    part = search_of(record)
    if part is None:
        return None
    return {
        "claim": claim(part),
        "tuning_images": len(part["images"]["tuning"]),
        "held_out_images": len(part["images"]["confirmation"]),
        "families": [
            {
                "curve": row["curve"],
                "outcome": row["outcome"],
                "chosen": row["chosen"] or "none",
                "ratio": plain(row.get("compression_ratio"), 3) or "",
                "at_end": row.get("at_end") is True,
                "tried": [
                    {
                        "codec": tried["codec"],
                        "round": given(tried["round"]),
                        "ratio": plain(tried["compression_ratio"], 3) or "undefined",
                        "psnr": fixed(tried.get("psnr_camera_db"), 2) or "∞",
                        "shift": plain(tried["tuning"].get("epsilon_hat"), 3) or "undefined",
                        "tuning": side_text(tried["tuning"]),
                        "confirmation": side_text(tried.get("confirmation")),
                        "chosen": tried["codec"] == row["chosen"],
                    }
                    for tried in row["tried"]
                ],
            }
            for row in part["families"]
        ],
    }


def search_lines(record: dict[str, Any]) -> list[str]:
    """Return a search as lines of text: the tried settings of each family, weak to strong, and the claim."""
    from sigmaraw.reports.table import align

    context = search_context(record)
    if context is None:
        return []
    lines: list[str] = []
    for family in context["families"]:
        head = ("codec", "CR", "PSNR/dB", "ε̂", "tuning", "held out", "")
        rows = [
            (t["codec"], t["ratio"], t["psnr"], t["shift"], t["tuning"], t["confirmation"], "← chosen" if t["chosen"] else "")
            for t in family["tried"]
        ]
        lines += [f"{family['curve']}: {family['outcome']}" + (f", {family['chosen']}" if family["chosen"] != "none" else "")]
        lines += [*align(head, rows, (False, True, True, True, False, False, False)), ""]
        if family["at_end"]:
            lines[-1:] = ["The strongest setting tried passes tuning: a wider grid may find a stronger one.", ""]
    return [*lines, *context["claim"]]
