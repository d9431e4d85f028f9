"""A sweep: a grid of codec settings as one ordinary plan, and what its curves need beside the record."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np

from sigmaraw.camera import CameraProfile
from sigmaraw.contracts import Engine, Pipeline
from sigmaraw.record import Record
from sigmaraw.record.stages import RawSpreadRow, SweepPointRow, SweepRow
from sigmaraw.study.grid import GridPoint, allowed_lines, expand
from sigmaraw.study.plan import Plan
from sigmaraw.study.prepare import Progress
from sigmaraw.study.run import plan_of, run

RAW_SHARE = 0.95
"""Share of single raw predictions inside the raw-spread band."""


def sweep(
    raw: Sequence[Any],
    camera: CameraProfile | str | os.PathLike[str],
    *,
    codecs: Sequence[str] | str,
    pipeline: Pipeline | Callable[..., Any] | str,
    engine: Engine | str = "local",
    batch: int | None = None,
    allow_exec: bool = False,
    progress: Progress | None = None,
    **settings: Any,
) -> Record:
    """Score every point of a grid of codec settings; the record is that of `validate` with a section `sweep`.

    Parameters
    ----------
    raw, camera, pipeline, engine, batch, progress : as in `validate`.
    codecs : grids, for instance ``"jpeg2000:ratio=5|10|20|40"`` or ``"noiseaware:q=0.5..4:8log"`` (`expand`).
    allow_exec : `codecs` may name programs of this machine (`exec`). Never pass what a file or another person says.
    settings : the other fields of `Plan`: n, mode, seed, k, spread, rms, margin, roi, scalars, volume, frame.

    Raises
    ------
    SigmarawError : the subclass that names what is wrong with the input.
    """
    plan, model = plan_of(codecs, pipeline, **settings)
    allowed = plan.codecs if allow_exec else ()
    return run_sweep(plan, raw, camera, allow_exec=allowed, pipeline=model, engine=engine, batch=batch, progress=progress)


def run_sweep(
    plan: Plan,
    raw: Sequence[Any],
    camera: CameraProfile | str | os.PathLike[str],
    *,
    allow_exec: Collection[str] = (),
    **options: Any,
) -> Record:
    """Run a plan whose codecs are grids. allow_exec : the grids that the caller wrote himself. options : the others, as in `run`."""
    points = expand(plan.codecs)
    lines = allowed_lines(points, allow_exec)
    allowed = [point.codec for point in points if point.line in lines]
    gridless = dataclasses.replace(plan, codecs=tuple(point.codec for point in points))
    record = run(gridless, raw, camera, allow_exec=allowed, **options)
    return record.with_section(sweep=sweep_row(plan.codecs, points, record))


def sweep_row(grids: Sequence[str], points: Sequence[GridPoint], record: Record) -> SweepRow:
    """Return the record's `sweep`: the grids as typed, what each codec is on which curve, and the spread of raw predictions."""
    rows = tuple(
        SweepPointRow(
            codec=point.codec, family=point.family, curve=point.curve, parameter=point.parameter, value=point.value, unit=point.unit
        )
        for point in points
    )
    return SweepRow(codecs=tuple(grids), points=rows, raw_spread=raw_spread(record))


def raw_spread(record: Record) -> tuple[RawSpreadRow, ...]:
    """Return per measurement where the central 95 % of single raw predictions lie about their mean, in σ_raw, over all images.

    low, high = the 2.5 % and 97.5 % quantiles of (χ_gi − χ̄_g)/σ_raw · spread factor; ∓1.96 for normal predictions.
    None where an image's raw predictions do not vary, or some are undefined.
    """
    raw = record.dataset["raw_prediction"].values  # (group, replica, image, measurement)
    design = record.content.design
    if design is not None and not design.independent:
        raw = raw[:1]
    residuals = raw - raw.mean(axis=1, keepdims=True)
    scale: dict[tuple[int, str], float] = {}
    for row in record.content.results:
        scale[row.image, row.measurement] = (row.spread_factor or 1.0) / row.sigma_raw if row.sigma_raw else float("nan")
    rows = []
    for column, measurement in enumerate(entry.name for entry in record.content.measurements):
        factors = np.array([scale[image, measurement] for image in range(raw.shape[2])])
        values = residuals[:, :, :, column] * factors
        defined = bool(np.isfinite(values).all())
        low, high = np.quantile(values, [(1 - RAW_SHARE) / 2, (1 + RAW_SHARE) / 2]) if defined else (None, None)
        rows.append(RawSpreadRow(measurement=measurement, low=low, high=high, share=RAW_SHARE))
    return tuple(rows)
