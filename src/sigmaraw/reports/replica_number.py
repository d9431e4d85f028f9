"""How many replicas there are and why, and the law of propagation beside them: laid out for page and terminal."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sigmaraw.record import Content
from sigmaraw.reports.names import few, image_names
from sigmaraw.reports.numbers import interval, measured, percent, plain, with_unit


def replicas_used(record: Content) -> str:
    """Return n as the plan states it, with what an adaptive rule made of it."""
    stated, adaptive = record.plan.n, record.adaptive
    if adaptive is None:
        return "none" if stated is None else str(stated)
    how = "reached" if adaptive.reached else "not reached"
    return f"{plain(adaptive.n)} ({stated}: {how})"


def adaptive_rows(record: Content) -> list[dict[str, str]]:
    """Return per image and measurement how well σ_raw is known, as text."""
    names = image_names(record)
    return [
        {
            "image": names.get(row.image, str(row.image)),
            "measurement": row.measurement,
            "u": percent(row.relative_u) or f"undefined ({row.reason or 'not said'})",
            "reached": "yes" if row.reached else "no",
        }
        for row in (record.adaptive.measurements if record.adaptive else ())
    ]


@dataclass(frozen=True)
class DeltaView:
    """The law of propagation on one measurement of one image, as printed."""

    image: str
    measurement: str
    defined: bool
    sigma: str
    ratio: str
    interval: str
    replicas: str
    low: str
    high: str
    tolerance: str
    accepted: str
    reason: str


def delta_rows(record: Content) -> list[DeltaView]:
    """Return the law of propagation per image and measurement, as text; the same for every codec, so once."""
    units, names = record.units, image_names(record)
    seen: dict[tuple[int, str], DeltaView] = {}
    for row in record.results:
        delta, key = row.delta, (row.image, row.measurement)
        if delta is None or key in seen:
            continue
        none = f"undefined ({delta.reason})"
        seen[key] = DeltaView(
            image=names.get(row.image, str(row.image)),
            measurement=row.measurement,
            defined=delta.sigma is not None,
            sigma=with_unit(plain(delta.sigma, 3), units.get(row.measurement, "")) or none,
            ratio=measured(delta.ratio, delta.u_ratio) or none,
            interval=interval(*(delta.interval or (None, None))) or none,
            replicas=interval(*(delta.replicas_interval or (None, None))) or none,
            low=plain(delta.d_low, 2) or none,
            high=plain(delta.d_high, 2) or none,
            tolerance=plain(delta.tolerance, 1) or none,
            accepted="not decided" if delta.accepted is None else "yes" if delta.accepted else "no",
            reason=delta.reason,
        )
    return list(seen.values())


def delta_undefined(rows: Iterable[DeltaView]) -> list[tuple[str, str]]:
    """Return (reason, measurements) of those rows of `delta_rows` that have no σ, each measurement with its images."""
    places: dict[str, dict[str, list[str]]] = {}
    for row in rows:
        if not row.defined:
            places.setdefault(row.reason, {}).setdefault(row.measurement, []).append(row.image)
    return [(reason, "; ".join(f"{name}, {few(images)}" for name, images in names.items())) for reason, names in places.items()]


def text_lines(record: Content) -> list[str]:
    """Return lines for a terminal: what an adaptive n reached, and σ_raw by the law of propagation where there is one."""
    lines = []
    if record.adaptive is not None:
        open_ = [f"{row['measurement']} of {row['image']}: {row['u']}" for row in adaptive_rows(record) if row["reached"] == "no"]
        lines.append(f"n = {replicas_used(record)}" + (f"; u(σ_raw)/σ_raw: {', '.join(open_)}" if open_ else ""))
    for row in delta_rows(record):
        if row.defined:
            verdict = {"yes": "may stand for replicas", "no": "does not stand for replicas", "not decided": row.reason}[row.accepted]
            beside = "" if row.ratio.startswith("undefined") else f", {row.ratio} of that of replicas"
            lines.append(f"law of propagation, {row.measurement}, {row.image}: σ = {row.sigma}{beside}; {verdict}")
    return lines
