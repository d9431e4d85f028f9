"""Run a plan: one loop over work items, whatever the engine, mode, codec or pipeline."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw import registry
from sigmaraw.camera import CameraProfile
from sigmaraw.contracts import Engine, Pipeline, ReplicaMode, RoundTrip
from sigmaraw.errors import InvalidOption, InvalidPlan
from sigmaraw.noise import DEFAULT_MODE, replica_mode, split_repeats
from sigmaraw.study.environment import environment
from sigmaraw.study.inputs import Inputs, file_row, load_inputs
from sigmaraw.study.plan import DEFAULT_N, Plan
from sigmaraw.study.quality import codec_rows, worst_crops
from sigmaraw.study.record import SCHEMA, Record, digest_of, json_value, predictions_digest
from sigmaraw.study.scoring import Construction, Predictions, diagnostic_rows, score_all, tukey_all
from sigmaraw.study.work import BlockResult, Job, Scene, predict, resolve_pipeline

Progress = Callable[[int, int, str], None]
"""Called as progress(done, total, what) while a study runs."""


def validate(
    raw: Sequence[Any],
    camera: CameraProfile | str | os.PathLike[str],
    *,
    codecs: Sequence[str] | str,
    pipeline: Pipeline | Callable[..., Any] | str,
    n: int | None = None,
    mode: str = DEFAULT_MODE,
    seed: int = 0,
    k: float = 1.0,
    spread: float = 1.25,
    rms: float = 1.0,
    margin: dict[str, float] | None = None,
    roi: tuple[int, int] | None = None,
    scalars: bool = False,
    volume: bool = False,
    frame: int | None = None,
    engine: Engine | str = "local",
    batch: int | None = None,
    progress: Progress | None = None,
) -> Record:
    """Score what codecs do to a pipeline's answers against the spread that the camera's noise alone causes.

    ε = (f(C(x)) − f(x))/σ_raw and ε̂ = mean(f(C(R)) − f(R))/σ_raw over replicas R (SCIENCE 1).

    Parameters
    ----------
    raw : paths, RawFrames or integer arrays (y, x) or (frame, y, x), DN.
    camera : a profile, or the path of its netCDF.
    codecs, pipeline : specifications; a pipeline may also be an object of contracts.Pipeline, or a function
        image → {name: number}.
    n, mode, seed, k, spread, rms, margin, roi, scalars, volume, frame : as in `Plan`.
    engine : "local", "dask" or an object of contracts.Engine. batch : replicas held at once; it does not change a number.
    progress : called while the study runs.

    Raises
    ------
    SigmarawError : the subclass that names what is wrong with the input.
    """
    model = _as_pipeline(pipeline)
    name = model if isinstance(model, str) else model.spec
    specs = (codecs,) if isinstance(codecs, str) else tuple(codecs)
    plan = Plan(specs, name, mode, n, seed, k, spread, rms, dict(margin or {}), roi, scalars, volume, frame)
    return run(plan, raw, camera, pipeline=model, engine=engine, batch=batch, progress=progress)


def run(
    plan: Plan,
    raw: Sequence[Any],
    camera: CameraProfile | str | os.PathLike[str],
    *,
    pipeline: Pipeline | str | None = None,
    engine: Engine | str = "local",
    batch: int | None = None,
    progress: Progress | None = None,
    extra_inputs: Sequence[dict[str, Any]] = (),
) -> Record:
    """Run a frozen plan and return its record. Parameters and refusals as in `validate`."""
    report = progress or (lambda done, total, what: None)
    fixed = _now()  # before anything is read
    mode = replica_mode(plan.mode)
    worker: Engine = registry.load(registry.ENGINES, engine)() if isinstance(engine, str) else engine
    profile, camera_rows = _camera(camera)
    # Specifications are checked before anything is read: a typing error must not cost an hour.
    for spec in plan.codecs:
        _codec(spec, profile, plan)
    source = plan.pipeline if pipeline is None else pipeline
    model = resolve_pipeline(source)
    inputs = load_inputs(raw, profile, plan, mode)
    model.batch(inputs.scenes[0].frame[np.newaxis])  # a function's measurements are known once it has been called
    _check_margins(plan, model)
    design = _design(plan, mode, inputs)
    prepared = [_prepare(scene, plan, profile, model, report, len(inputs.scenes), index) for index, scene in enumerate(inputs.scenes)]
    job = Job(tuple(entry.scene for entry in prepared), source, mode, plan.seed, design.repeats, batch)
    gathered = _gather(job, design.n, plan, len(model.measurements), worker, report)
    predictions = Predictions(
        gathered.raw,
        gathered.decoded,
        np.stack([entry.chi_raw for entry in prepared]),
        np.stack([entry.chi_codec for entry in prepared], axis=1),
        design.independent,
    )
    files = [*inputs.inputs, *camera_rows, *_model_rows(model), *extra_inputs]
    return _assemble(plan, profile, model, mode, inputs, files, prepared, predictions, gathered, design, fixed)


def _camera(camera: CameraProfile | str | os.PathLike[str]) -> tuple[CameraProfile, list[dict[str, Any]]]:
    if isinstance(camera, (str, os.PathLike)):
        return CameraProfile.from_netcdf(camera), [file_row(os.fspath(camera), "camera", "netcdf")]
    if not isinstance(camera, CameraProfile):
        raise InvalidOption(f"a {type(camera).__name__} as camera", "a CameraProfile, or the path of one", "calibrate, or state values")
    return camera, []


def _as_pipeline(pipeline: Pipeline | Callable[..., Any] | str) -> Pipeline | str:
    """Return a pipeline object or its specification; a plain function becomes a pipeline."""
    if isinstance(pipeline, str) or hasattr(pipeline, "batch"):
        return pipeline  # type: ignore[return-value]  # has what the Protocol asks for; predictions are checked as they come
    from sigmaraw.pipelines import pipeline as make

    return make(pipeline)


def _codec(spec: str, profile: CameraProfile, plan: Plan, scene: Scene | None = None) -> Any:
    from sigmaraw.codecs import codec
    from sigmaraw.noise import NoiseModel

    # The scene's own model carries the maps of its cut-out; before there is a scene, scalars do for the check.
    model = NoiseModel.from_profile(profile, scalars=True) if scene is None else scene.model
    return codec(spec, model)


def _check_margins(plan: Plan, model: Pipeline) -> None:
    names = [measurement.name for measurement in model.measurements]
    for name in plan.margin:
        if name not in names:
            raise InvalidPlan(f"margin for '{name}'", f"one of {', '.join(names)}", "name a measurement of this pipeline")


def _design(plan: Plan, mode: ReplicaMode, inputs: Inputs) -> _Design:
    """Return how many replicas each group has; where they are the repeats themselves, as many as there are unless the plan says."""
    if mode.draws_noise:
        return _Design(plan.n or DEFAULT_N, True)
    available = min(len(scene.source) for scene in inputs.scenes)
    split = split_repeats(available, plan.groups, plan.n)
    return _Design(len(split.groups[0]), split.independent, split.groups, split.reason)


@dataclass(frozen=True)
class _Design:
    """Replicas per group; whether groups have streams of their own; with real repeats, the frames of each group."""

    n: int
    independent: bool
    repeats: tuple[range, ...] | None = None
    reason: str = ""


@dataclass(frozen=True)
class _Prepared:
    """A scene with its codecs resolved on x, and what was predicted on x itself."""

    scene: Scene
    chi_raw: NDArray[np.float64]
    floor: NDArray[np.float64]
    chi_codec: NDArray[np.float64]
    trips: list[RoundTrip] = field(default_factory=list)


def _prepare(scene: Scene, plan: Plan, profile: CameraProfile, model: Pipeline, report: Progress, images: int, index: int) -> _Prepared:
    codecs, trips, chi_codec = [], [], []
    for position, spec in enumerate(plan.codecs):
        report(index * len(plan.codecs) + position, images * len(plan.codecs), f"image {index + 1}: {spec}")
        codec = _codec(spec, profile, plan, scene).freeze(scene.frame)
        trip = codec.apply(scene.frame)
        codecs.append(codec)
        trips.append(trip)
        chi_codec.append(predict(model, trip.decoded[np.newaxis])[:, 0])
    chi_raw = predict(model, scene.frame[np.newaxis])[:, 0]
    again = predict(model, scene.frame[np.newaxis])[:, 0]
    ready = dataclasses.replace(scene, codecs=tuple(codecs), hints=tuple(trip.hint for trip in trips))
    return _Prepared(ready, chi_raw, again - chi_raw, np.stack(chi_codec), trips)


@dataclass
class _Gathered:
    """Predictions as they come in (float64, NaN until then) and each codec's blocks."""

    raw: NDArray[np.float64]
    decoded: NDArray[np.float64]
    blocks: dict[tuple[int, int], list[BlockResult]]


def _gather(job: Job, n: int, plan: Plan, measurements: int, engine: Engine, report: Progress) -> _Gathered:
    items = plan.items(len(job.scenes), n)
    shape = (n, len(job.scenes), measurements)
    gathered = _Gathered(np.full((plan.groups, *shape), np.nan), np.full((len(plan.codecs), *shape), np.nan), {})
    total = sum(item.count for item in items)
    done = 0
    report(0, total, "replicas")
    for result in engine.map(job, items):
        item = result.item
        rows = slice(item.start, item.start + item.count)
        gathered.raw[item.group, rows, item.image] = result.raw.T
        if result.decoded is not None:
            gathered.decoded[item.group - 1, rows, item.image] = result.decoded.T
            gathered.blocks.setdefault((item.image, item.group - 1), []).append(result)
        done += item.count
        report(done, total, "replicas")
    return gathered


def _model_rows(model: Pipeline) -> list[dict[str, Any]]:
    config = model.config()
    path = config.get("model") or config.get("weights")
    return [file_row(path, "model", str(config["name"]))] if path else []


def _assemble(
    plan: Plan,
    profile: CameraProfile,
    model: Pipeline,
    mode: ReplicaMode,
    inputs: Inputs,
    files: list[dict[str, Any]],
    prepared: list[_Prepared],
    predictions: Predictions,
    gathered: _Gathered,
    design: _Design,
    fixed: str,
) -> Record:
    scenes = [entry.scene for entry in prepared]
    constructions = [Construction.of(scene, mode) for scene in scenes]
    results, undefined = score_all(plan, predictions, model.measurements, mode, constructions)
    tukey, tukey_undefined = tukey_all(plan, predictions, model.measurements)
    trips = [[entry.trips[index] for entry in prepared] for index in range(len(plan.codecs))]
    codecs, codecs_undefined = codec_rows(plan, profile.bits, scenes, trips, gathered.blocks, results)
    dataset = _dataset(plan, predictions, [measurement.name for measurement in model.measurements])
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "created": _now(),
        "inputs": files,
        "images": inputs.images,
        "camera": {**profile.summary(), "path": next((row["path"] for row in files if row["role"] == "camera"), None)},
        "plan": {**plan.as_json(), "created": fixed},
        "design": {"replicas_per_group": design.n, "groups": plan.groups, "independent": design.independent, "reason": design.reason},
        "environment": environment(),
        "pipeline": model.config(),
        "measurements": [dataclasses.asdict(measurement) for measurement in model.measurements],
        "mode_diagnostics": diagnostic_rows(constructions),
        "floor": _floor_rows(prepared, model),
        "codecs": codecs,
        "results": results,
        "tukey": tukey,
        "undefined": undefined + tukey_undefined + codecs_undefined,
        "predictions_sha256": predictions_digest(dataset),
    }
    document = json_value(document)
    document["digest"] = digest_of(document)
    return Record(document, dataset.assign(worst_crops(plan, scenes, trips)))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _floor_rows(prepared: list[_Prepared], model: Pipeline) -> list[dict[str, Any]]:
    """What the same input gives a second time: other than 0 the pipeline is not deterministic (SCIENCE 2.9)."""
    return [
        {"image": image, "measurement": measurement.name, "difference": float(difference)}
        for image, entry in enumerate(prepared)
        for measurement, difference in zip(model.measurements, entry.floor, strict=True)
    ]


def _dataset(plan: Plan, predictions: Predictions, names: list[str]) -> Any:
    import xarray as xr

    return xr.Dataset(
        {
            "raw_prediction": (("group", "replica", "image", "measurement"), predictions.raw),
            "codec_prediction": (("codec", "replica", "image", "measurement"), predictions.decoded),
            "chi_raw": (("image", "measurement"), predictions.chi_raw),
            "chi_codec": (("codec", "image", "measurement"), predictions.chi_codec),
        },
        coords={"group": ["raw", *plan.codecs], "codec": list(plan.codecs), "measurement": names},
        attrs={"schema": SCHEMA, "mode": plan.mode, "seed": str(plan.seed)},
    )


def plan_row(path: str | Path) -> dict[str, Any]:
    """Return the `inputs` row of a plan file."""
    return file_row(path, "plan", "toml")
