"""A sweep's and a search's rows of a record → what their figures and tables print; choices among rows, nothing computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sigmaraw.record import Content, Verdict, worst
from sigmaraw.record.results import ResultRow
from sigmaraw.record.stages import FamilyRow, SearchRow, SideRow, SweepPointRow, SweepRow, TriedRow
from sigmaraw.reports.names import image_names
from sigmaraw.reports.numbers import fixed, given, percent, plain, unit_label, with_unit
from sigmaraw.reports.selection import CodecResults, by_codec, without_error
from sigmaraw.reports.sweep_plots import Curve, Mark, quality_plot, shift_plot, thinned
from sigmaraw.reports.table import score

_LIMITS = 1e100
_FEWEST_FOR_MEAN = 3  # images; of fewer a verdict is on each of them


def setting_text(point: SweepPointRow) -> str:
    """Return a point's setting as printed, without its name."""
    value = point.shown
    return value or "" if isinstance(value, str) or value is None else given(value, 6) or ""


def curves_of(sweep: SweepRow) -> dict[str, list[SweepPointRow]]:
    """Return the points of each curve, in the order as typed."""
    curves: dict[str, list[SweepPointRow]] = {}
    for point in sweep.points:
        curves.setdefault(point.curve, []).append(point)
    return curves


def marks_of(label: str, rows: Sequence[ResultRow], ratio: float | None, verdict: Verdict | None) -> tuple[Mark, ...]:
    """Return the mark of one codec on one measurement: the image with the largest shift, and the verdict over images.

    Parameters
    ----------
    label : str
        What is written beside the mark; "" for nothing.
    rows : sequence of ResultRow
        The codec's results on the measurement, one for each image.
    ratio : float, optional
        Its compression ratio.
    verdict : Verdict, optional
        What the decision rule says over images; the worst verdict of the rows where it says nothing.

    Returns
    -------
    tuple of Mark
        One mark; none where there is no ratio or no shift to draw.
    """
    shifts = [(row.epsilon_hat, row) for row in rows if row.epsilon_hat is not None]
    if ratio is None or not ratio > 0 or not shifts:
        return ()
    shift, largest = max(shifts, key=lambda entry: abs(entry[0]))
    low, high = largest.epsilon_hat_ci or (None, None)
    ends = None if low is None or high is None else (low, high)
    severe = verdict or worst(row.verdict for row in rows)
    return (Mark(ratio, shift, severe, label, ends, thinned([entry[0] for entry in shifts])),)


def rulings_on(record: Content, measurement: str) -> dict[str, Verdict]:
    """Return what the decision rule says over images on a measurement, by codec."""
    rulings = record.decision.rulings if record.decision is not None else ()
    return {row.codec: row.verdict for row in rulings if row.measurement == measurement}


def shift_figures(record: Content, sweep: SweepRow) -> list[tuple[str, str]]:
    """Return (measurement, figure) of ε̂ against compression ratio."""
    ratios = {row.codec: row.compression_ratio for row in record.codecs}
    spreads = {row.measurement: (row.low, row.high) for row in sweep.raw_spread if row.low is not None and row.high is not None}
    figures = []
    for position, measurement in enumerate(row.name for row in record.measurements):
        rows = [row for row in record.results if row.measurement == measurement]
        results: dict[str, list[ResultRow]] = {}
        for row in rows:
            results.setdefault(row.codec, []).append(row)
        verdicts = rulings_on(record, measurement)
        curves = []
        for name, points in curves_of(sweep).items():
            marks = [marks_of(setting_text(at), results.get(at.codec, []), ratios[at.codec], verdicts.get(at.codec)) for at in points]
            curves.append(Curve(name, tuple(mark for found in marks for mark in found)))
        limits = [row.limit for row in rows if row.limit is not None and 0 < row.limit < _LIMITS]
        title = f"Shift of {measurement} against compression ratio, one curve for each family"
        figures.append((measurement, shift_plot(f"sweep-{position}", title, curves, limits, spreads.get(measurement))))
    return figures


def quality_figure(record: Content, sweep: SweepRow) -> str:
    """Return PSNR and noise ratio against compression ratio."""
    codecs = {row.codec: row for row in record.codecs}
    psnr: list[Curve] = []
    noise: list[Curve] = []
    for name, points in curves_of(sweep).items():
        rows = [(point, codecs[point.codec]) for point in points]
        drawn = [(row.compression_ratio, row, setting_text(point)) for point, row in rows if row.compression_ratio]
        if drawn:
            psnr.append(Curve(name, tuple(Mark(ratio, row.psnr_camera_db, row.verdict, label) for ratio, row, label in drawn)))
            noise.append(Curve(name, tuple(Mark(ratio, row.noise_std_ratio, row.verdict, label) for ratio, row, label in drawn)))
    panels = [("PSNR (camera's range) / dB", psnr, None), ("noise std, after / before", noise, 1.0)]
    return quality_plot("sweep-quality", "Quality against compression ratio, one curve for each family", panels)


@dataclass(frozen=True)
class PointView:
    """One setting of a curve as printed."""

    codec: str
    setting: str
    verdict: Verdict
    ratio: str
    psnr: str
    rz: str
    noise: str
    largest: str
    where: str


def _point_row(point: SweepPointRow, entry: CodecResults, names: Mapping[int, str]) -> PointView:
    row, largest = entry.row, entry.largest
    return PointView(
        codec=point.codec,
        setting=with_unit(setting_text(point), unit_label(point.unit)) or "",
        verdict=row.verdict,
        ratio=plain(row.compression_ratio, 3) or "undefined",
        psnr=fixed(row.psnr_camera_db, 2) or ("∞" if without_error(row) else "undefined"),
        rz=plain(row.rz, 3) or "undefined",
        noise=fixed(row.noise_std_ratio, 3) or "undefined",
        largest=score(largest) if largest else "undefined",
        where=f"{largest.measurement}, {names[largest.image]}" if largest else "",
    )


@dataclass(frozen=True)
class CurveView:
    """One curve's table as printed."""

    name: str
    parameter: str
    points: list[PointView]


@dataclass(frozen=True)
class SweepView:
    """What the page prints of a sweep. figures : (measurement, figure)."""

    figures: list[tuple[str, str]]
    quality: str
    curves: list[CurveView]


def sweep_context(record: Content) -> SweepView | None:
    """Return what the page prints of a sweep, None where the record has none."""
    if record.sweep is None:
        return None
    codecs, names = {entry.row.codec: entry for entry in by_codec(record)}, image_names(record)
    return SweepView(
        [(name, text) for name, text in shift_figures(record, record.sweep) if text],
        quality_figure(record, record.sweep),
        [
            CurveView(name, points[0].parameter or "", [_point_row(point, codecs[point.codec], names) for point in points])
            for name, points in curves_of(record.sweep).items()
        ],
    )


# --- search -----------------------------------------------------------------------------------------------------------
def side_text(side: SideRow | None) -> str:
    """Return how a setting did on tuning or held-out images: how many passed, and the reason where not all did."""
    if side is None:
        return "not asked"
    passed = f"{given(side.images - side.failing)} of {given(side.images)}"
    if side.verdict == "PASS":
        return f"{passed} PASS" if not side.failing else f"PASS; {passed} by themselves"
    return f"{passed} PASS; {side.verdict}: {side.reason}"


def claim(part: SearchRow) -> list[str]:
    """Return what a search claims and at what error rate, in sentences."""
    held_out, rates, chosen = len(part.images.confirmation), part.error_rate, part.recommended.codec
    if not held_out:
        return ["No setting passed on the tuning images, so none was tested on the held-out ones and none is recommended."]
    share = part.rule.exceedance
    if share is not None:
        wrong = f"more than {percent(1 - share)} of images like these"
    elif held_out >= _FEWEST_FOR_MEAN:
        wrong = f"the average of images like the {held_out} held-out ones"
    else:
        wrong = "the held-out image" if held_out == 1 else f"every one of the {held_out} held-out images"
    sentences = [
        f"Recommended: {chosen}, of the family that compressed most on the tuning images."
        if chosen
        else "Nothing is recommended: the family that compressed most on the tuning images has no confirmed setting.",
        f"The chance that the whole search recommends a setting which is not tolerable on {wrong} is at most {percent(rates.recommended)}.",
    ]
    if len(part.families) > 1:
        sentences.append(
            f"The same holds for each family by itself; the chance that one of {len(part.families)} families is wrong is at most "
            f"{percent(rates.all_families)}."
        )
    limits = {row.exceedance_upper for row in part.families if row.exceedance_upper is not None}
    if limits:
        sentences.append(
            "Of other images, if these are a random sample of them, a confirmed setting is not tolerable on at most "
            f"{percent(max(limits))} (upper 95 % limit); only more held-out images lower it."
        )
    return sentences


@dataclass(frozen=True)
class TriedView:
    """One setting that a search tried, as printed."""

    codec: str
    round: str
    ratio: str
    psnr: str
    shift: str
    tuning: str
    confirmation: str
    chosen: bool


@dataclass(frozen=True)
class FamilyView:
    """What a search found of one curve, as printed."""

    curve: str
    outcome: str
    chosen: str
    ratio: str
    at_end: bool
    tried: list[TriedView]


@dataclass(frozen=True)
class SearchView:
    """What the page prints of a search."""

    claim: list[str]
    tuning_images: int
    held_out_images: int
    families: list[FamilyView]


def search_context(record: Content) -> SearchView | None:
    """Return what the page prints of a search, None where the record has none."""
    part = record.search
    if part is None:
        return None
    return SearchView(claim(part), len(part.images.tuning), len(part.images.confirmation), [_family(row) for row in part.families])


def _family(row: FamilyRow) -> FamilyView:
    tried = [_tried(entry, row.chosen) for entry in row.tried]
    return FamilyView(row.curve, row.outcome, row.chosen or "none", plain(row.compression_ratio, 3) or "", row.at_end, tried)


def _tried(row: TriedRow, chosen: str | None) -> TriedView:
    return TriedView(
        row.codec,
        given(row.round) or "",
        plain(row.compression_ratio, 3) or "undefined",
        fixed(row.psnr_camera_db, 2) or "∞",
        plain(row.tuning.epsilon_hat, 3) or "undefined",
        side_text(row.tuning),
        side_text(row.confirmation),
        row.codec == chosen,
    )


def search_lines(record: Content) -> list[str]:
    """Return a search as lines of text: the tried settings of each family, weak to strong, and the claim."""
    from sigmaraw.reports.table import align

    search = search_context(record)
    if search is None:
        return []
    lines: list[str] = []
    for family in search.families:
        head = ("codec", "CR", "PSNR/dB", "ε̂", "tuning", "held out", "")
        rows = [(t.codec, t.ratio, t.psnr, t.shift, t.tuning, t.confirmation, "← chosen" if t.chosen else "") for t in family.tried]
        lines += [f"{family.curve}: {family.outcome}" + (f", {family.chosen}" if family.chosen != "none" else "")]
        lines += [*align(head, rows, (False, True, True, True, False, False, False)), ""]
        if family.at_end:
            lines[-1:] = ["The strongest setting tried passes tuning: a wider grid may find a stronger one.", ""]
    return [*lines, *search.claim]
