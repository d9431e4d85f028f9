"""A sweep: a grid of codec settings as one ordinary plan, and the data of its curves."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np

from sigmaraw.contracts import Engine, Pipeline
from sigmaraw.progress import Report, reporting
from sigmaraw.record import Record
from sigmaraw.record.stages import RawSpreadRow, SweepPointRow, SweepRow
from sigmaraw.study.arguments import plan_of
from sigmaraw.study.grid import GridPoint, allowed_lines, expand
from sigmaraw.study.inputs import Camera
from sigmaraw.study.no_camera import default_mode
from sigmaraw.study.plan import Plan
from sigmaraw.study.run import run

RAW_SHARE = 0.95
"""Share of single raw predictions inside the raw-spread band."""


def sweep(
    raw: Any,
    camera: Camera,
    *,
    codecs: Sequence[str] | str,
    pipeline: Pipeline | Callable[..., Any] | str | os.PathLike[str],
    n: int | str | None = None,
    mode: str | None = None,
    seed: int = 0,
    k: float = 1.0,
    spread: float = 1.25,
    rms: float | None = None,
    rms_counts: float | None = None,
    margin: Mapping[str, float] | None = None,
    roi: tuple[int, int] | None = None,
    scalars: bool = False,
    volume: bool = False,
    frame: int | None = None,
    bits: int | None = None,
    engine: Engine | str = "local",
    batch: int | None = None,
    workers: int | None = None,
    allow_exec: bool = False,
    allow_nondeterminism: bool = False,
    reference: str | os.PathLike[str] | None = None,
    agreement: Sequence[str] = (),
    progress: Report | bool | None = None,
) -> Record:
    """Score every point of a grid of codec settings; the record is that of `validate` with a section `sweep`.

    Parameters
    ----------
    raw : path, RawFrames, array, or sequence of them
        The raw images, as the camera delivered them: files (TIFF, .npy, FITS, Zarr), `RawFrames`, or integer arrays (y, x) or
        (frame, y, x), uint8 or uint16, DN. Each frame is one image.
    camera : CameraProfile, path or None
        The camera that took them, or its netCDF file. None, or the word none, without one; ``"rician:sigma=12.5"`` for magnitude
        images of MRI: as in `validate`.
    codecs : str or sequence of str
        Grids: codec specifications in which a value is a list ``a|b|c`` or a range ``low..high:count`` (``low..high:countlog`` for equal
        steps of its logarithm), for instance ``"jpeg2000:ratio=5|10|20|40"`` or ``"noiseaware:q=0.5..4:8log"``.
    pipeline : str, path, function or Pipeline
        The model with its measurements: ``"otsu"``, ``"onnx:model.onnx"``, ``"package.module:function"``, a TOML file, a function
        image → {name: number}, or an object of `contracts.Pipeline`.
    n : int, str or None, default None
        Replicas per group, at least 2. None takes 100, or in mode ``repeats`` as many as there are. ``"auto:0.05,max=2000"`` adds
        replicas until the relative standard uncertainty of σ_raw is 0.05, 2000 at most.
    mode : str, optional
        How replicas are made; default "bootstrap", without a camera "none", which draws no replicas: ``bootstrap``,
        ``around-raw``, ``simex``, ``mean-n`` or ``repeats``, with settings as ``name:key=value``.
    seed : int, default 0
        Study seed, 0 to 2⁶⁴ − 1. The same seed gives the same replicas.
    k : float, default 1.0
        Limit on |ε̂|, in σ_raw. Above 0.
    spread : float, default 1.25
        Limit on the ratio of the spreads after and before the codec, and on its inverse; a bare number. Above 1.
    rms : float, optional
        Limit on the root mean square of f(C(R)) − f(R), in σ_raw. Above 0. None takes 1, and √2 for counts.
    rms_counts : float, optional
        The same for counts and other measurements that take isolated values. None takes `rms`, and √2 where that is not given either.
    margin : mapping of str to float, optional
        For the measurements that it names, a limit on the mean shift in the measurement's unit, in place of `k`·σ_raw.
    roi : tuple of int, optional
        (y, x) of the images' corner in the camera's frame, px, where they are cut-outs and the camera has maps.
    scalars : bool, default False
        Use the camera's mean values in place of its maps.
    volume : bool, default False
        A file's pages are z of one volume, not frames.
    frame : int, optional
        Only this frame of every input, from 0. None takes all.
    bits : int, optional
        Bit depth of images without a camera; None takes what the files state.
    engine : {"local", "dask"} or Engine, default "local"
        Where the work is done. It changes speed, not numbers.
    batch : int, optional
        Replicas held in memory at once, from 1. None takes what fits. It does not change a number.
    workers : int, optional
        Threads that code replicas while the model predicts. None takes one per core, 0 none. It does not change a number.
    allow_exec : bool, default False
        `codecs` may name programs of this machine (``exec``). Never pass on what a file or another person says.
    allow_nondeterminism : bool, default False
        Count differences between answers to the same image, of the pipeline or of a codec, as uncertainty, however large. By default
        differences above a tenth of σ_raw are refused.
    reference : path, optional
        Masks by observers: a folder with one mask for each image, under the image's name, or a folder for each observer. Agreement with
        them becomes a measurement; the pipeline must segment objects.
    agreement : sequence of str, default ()
        Metrics of masks, such as ``"dice"`` or ``"nsd:tolerance=2"``; all of them by default.
    progress : bool or callable, optional
        True shows progress with rate and time left, False does not, None does so in a notebook alone. A callable is called as
        ``progress(done, total, what)``.

    Returns
    -------
    Record
        One codec row for each setting of the grids, and the curves in the section `sweep`.

    Raises
    ------
    SigmarawError
        The subclass in `sigmaraw.errors` that names what is wrong with the input.

    See Also
    --------
    validate : for settings that are stated one by one.
    search : for the strongest setting that passes.

    References
    ----------
    docs/how-to/choose-a-setting.md

    Examples
    --------
    >>> import numpy as np
    >>> import sigmaraw as sr
    >>> camera = sr.CameraProfile.from_values(gain=0.5, offset=100, read_noise=2.0, bits=12)
    >>> image = np.random.default_rng(1).poisson(200, (32, 32)).astype(np.uint16) + 100
    >>> record = sr.sweep(image, camera, codecs="jpegls:near=1|4", pipeline="intensity", n=4, mode="around-raw")
    >>> [row.codec for row in record.content.codecs]
    ['jpegls:near=1', 'jpegls:near=4']
    """
    limits = {"k": k, "spread": spread, "rms": rms, "rms_counts": rms_counts, "margin": margin}
    place = {"roi": roi, "scalars": scalars, "volume": volume, "frame": frame, "bits": bits, "agreement": tuple(agreement)}
    plan, model = plan_of(codecs, pipeline, allow_exec, n=n, mode=default_mode(mode, camera), seed=seed, **limits, **place)
    allowed = plan.codecs if allow_exec else ()
    with reporting(progress) as report:
        return run_sweep(
            plan,
            raw,
            camera,
            allow_exec=allowed,
            pipeline=model,
            engine=engine,
            batch=batch,
            workers=workers,
            allow_nondeterminism=allow_nondeterminism,
            reference=reference,
            progress=report,
        )


def run_sweep(
    plan: Plan,
    raw: Sequence[Any],
    camera: Camera,
    *,
    allow_exec: Collection[str] = (),
    **options: Any,
) -> Record:
    """Run a plan whose codecs are grids.

    Parameters
    ----------
    allow_exec : collection of str, optional
        The grids that may run programs: those that the caller typed.
    **options : object
        The other parameters of `run`.
    """
    points = expand(plan.codecs)
    lines = allowed_lines(points, allow_exec)
    allowed = [point.codec for point in points if point.line in lines]
    gridless = dataclasses.replace(plan, codecs=tuple(point.codec for point in points))
    record = run(gridless, raw, camera, allow_exec=allowed, **options)
    return record.with_section(sweep=sweep_row(plan.codecs, points, record))


def sweep_row(grids: Sequence[str], points: Sequence[GridPoint], record: Record) -> SweepRow:
    """Return the record's `sweep`: the grids as typed, the curve and setting of each codec, and the spread of raw predictions."""
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
    None where an image's raw predictions do not vary, some are undefined, or there are none.
    """
    raw = record.arrays["raw_prediction"].values  # (group, replica, image, measurement)
    design = record.content.design
    if design is not None and not design.independent:
        raw = raw[:1]
    residuals = raw - raw.mean(axis=1, keepdims=True) if raw.size else raw
    scale: dict[tuple[int, str], float] = {}
    for row in record.content.results:
        scale[row.image, row.measurement] = (row.spread_factor or 1.0) / row.sigma_raw if row.sigma_raw else float("nan")
    rows = []
    for column, measurement in enumerate(entry.name for entry in record.content.measurements):
        factors = np.array([scale[image, measurement] for image in range(raw.shape[2])])
        values = residuals[:, :, :, column] * factors
        defined = values.size > 0 and bool(np.isfinite(values).all())
        low, high = np.quantile(values, [(1 - RAW_SHARE) / 2, (1 + RAW_SHARE) / 2]) if defined else (None, None)
        rows.append(RawSpreadRow(measurement=measurement, low=low, high=high, share=RAW_SHARE))
    return tuple(rows)
