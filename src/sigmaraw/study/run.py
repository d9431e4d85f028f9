"""Run a plan: one loop over work items, whatever the engine, mode, codec or pipeline."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw import registry
from sigmaraw.camera import CameraProfile
from sigmaraw.contracts import Engine, Pipeline
from sigmaraw.errors import InvalidOption
from sigmaraw.noise import DEFAULT_MODE, replica_mode
from sigmaraw.record import Record
from sigmaraw.record.design import InputRow
from sigmaraw.study.assemble import assemble, now
from sigmaraw.study.inputs import file_row, load_inputs
from sigmaraw.study.plan import BLOCK, Plan, double_bootstrap_replicas
from sigmaraw.study.prepare import Progress, Setting, check_margins, codec_of, design_of, prepare
from sigmaraw.study.scoring import Predictions
from sigmaraw.study.work import BlockResult, Job, resolve_pipeline


def validate(
    raw: Sequence[Any],
    camera: CameraProfile | str | os.PathLike[str],
    *,
    codecs: Sequence[str] | str,
    pipeline: Pipeline | Callable[..., Any] | str,
    n: int | str | None = None,
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
    workers: int | None = None,
    allow_exec: bool = False,
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
    workers : threads that code replicas while the model predicts, one per core unless given; they do not change a number.
    allow_exec : `codecs` may name programs of this machine (`exec`). Never pass what a file or another person says.
    progress : called while the study runs.

    Raises
    ------
    SigmarawError : the subclass that names what is wrong with the input.
    """
    limits = {"k": k, "spread": spread, "rms": rms, "margin": dict(margin or {})}
    place = {"roi": roi, "scalars": scalars, "volume": volume, "frame": frame}
    plan, model = plan_of(codecs, pipeline, n=n, mode=mode, seed=seed, **limits, **place)
    allowed = plan.codecs if allow_exec else ()
    return run(plan, raw, camera, pipeline=model, engine=engine, batch=batch, workers=workers, allow_exec=allowed, progress=progress)


def plan_of(codecs: Sequence[str] | str, pipeline: Pipeline | Callable[..., Any] | str, **settings: Any) -> tuple[Plan, Pipeline | str]:
    """Return the plan of a call from Python, and what runs in it: an object, or its specification. settings : fields of `Plan`."""
    model = as_pipeline(pipeline)
    specs = (codecs,) if isinstance(codecs, str) else tuple(codecs)
    return Plan(specs, model if isinstance(model, str) else model.spec, **settings), model


def run(
    plan: Plan,
    raw: Sequence[Any],
    camera: CameraProfile | str | os.PathLike[str],
    *,
    pipeline: Pipeline | str | None = None,
    engine: Engine | str = "local",
    batch: int | None = None,
    workers: int | None = None,
    allow_exec: Collection[str] = (),
    progress: Progress | None = None,
    extra_inputs: Sequence[InputRow] = (),
) -> Record:
    """Run a frozen plan and return its record. Parameters and refusals as in `validate`.

    allow_exec : the plan's specifications that the caller wrote himself and that may run programs; a plan says nothing of it.
    """
    report = progress or (lambda done, total, what: None)
    planned = now()
    mode = replica_mode(plan.mode)
    worker: Engine = registry.load(registry.ENGINES, engine)() if isinstance(engine, str) else engine
    profile, camera_rows = _camera(camera)
    # Specifications are checked before anything is read: a typing error must not cost an hour.
    for spec in plan.codecs:
        codec_of(spec, profile, allow_exec=spec in allow_exec)
    source = plan.pipeline if pipeline is None else pipeline
    resolved = resolve_pipeline(source)
    inputs = load_inputs(raw, profile, plan, mode)
    resolved.batch(inputs.images[0].frame[np.newaxis])  # a function's measurements are known once it has been called
    check_margins(plan, resolved)
    files = (*inputs.files, *camera_rows, *_network_rows(resolved), *extra_inputs)
    setting = Setting(plan, profile, resolved, mode, inputs, design_of(plan, mode, inputs), files, planned, frozenset(allow_exec))
    prepared = prepare(setting, report)
    job = Job(tuple(entry.image for entry in prepared), source, mode, plan.seed, setting.design.repeats, batch, workers)
    with _session(worker) as engine_:
        gathered = _gather(job, setting, engine_, report)
    setting = dataclasses.replace(setting, design=dataclasses.replace(setting.design, n=gathered.raw.shape[1]))
    predictions = Predictions(
        gathered.raw,
        gathered.decoded,
        np.stack([entry.chi_raw for entry in prepared]),
        np.stack([entry.chi_codec for entry in prepared], axis=1),
        setting.design.independent,
        gathered.double_bootstrap,
    )
    return assemble(setting, prepared, predictions, gathered.blocks)


def _camera(camera: CameraProfile | str | os.PathLike[str]) -> tuple[CameraProfile, list[InputRow]]:
    if isinstance(camera, (str, os.PathLike)):
        return CameraProfile.from_netcdf(camera), [file_row(os.fspath(camera), "camera", "netcdf")]
    if not isinstance(camera, CameraProfile):
        raise InvalidOption(f"a {type(camera).__name__} as camera", "a CameraProfile, or the path of one", "calibrate, or state values")
    return camera, []


def as_pipeline(pipeline: Pipeline | Callable[..., Any] | str) -> Pipeline | str:
    """Return a pipeline object or its specification; a plain function becomes a pipeline."""
    if isinstance(pipeline, str) or hasattr(pipeline, "batch"):
        return pipeline  # type: ignore[return-value]  # has what the Protocol asks for; predictions are checked as they come
    from sigmaraw.pipelines import pipeline as make

    return make(pipeline)


def _session(engine: Engine) -> contextlib.AbstractContextManager[Engine]:
    """Return the engine to be entered: workers that take time to start then live as long as the study."""
    return engine if isinstance(engine, contextlib.AbstractContextManager) else contextlib.nullcontext(engine)


@dataclass
class _Gathered:
    """Predictions as they come in, float64 (group or codec, replica, image, measurement), NaN until then; each codec's blocks.

    double_bootstrap : of groups that start from a replica of group 0.
    """

    raw: NDArray[np.float64]
    decoded: NDArray[np.float64]
    double_bootstrap: NDArray[np.float64]
    blocks: dict[tuple[int, int], list[BlockResult]]

    def complete(self, n: int) -> bool:
        """Return whether each group has its n replicas, and each group of the double bootstrap those that belong to n."""
        return self.raw.shape[1] == n and self._nested_complete(n)

    def _nested_complete(self, n: int) -> bool:
        return len(self.double_bootstrap) == 0 or self.double_bootstrap.shape[1] == double_bootstrap_replicas(n)

    def extend(self, n: int) -> None:
        """Make the arrays long enough for n replicas per group, or, where they are, for those of the double bootstrap."""
        if self.raw.shape[1] == n:
            self.double_bootstrap = _longer(self.double_bootstrap, double_bootstrap_replicas(n))
        else:
            self.raw, self.decoded = _longer(self.raw, n), _longer(self.decoded, n)

    def take(self, result: BlockResult) -> None:
        """Put the predictions of one block in their place."""
        item = result.item
        rows = slice(item.start, item.start + item.count)
        groups = len(self.raw)
        target, group = (self.raw, item.group) if item.group < groups else (self.double_bootstrap, item.group - groups)
        target[group, rows, item.image] = result.raw.T
        if result.decoded is not None:
            self.decoded[item.group - 1, rows, item.image] = result.decoded.T
            self.blocks.setdefault((item.image, item.group - 1), []).append(result)


def _longer(values: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """Return (group, n, …), what is not there yet as NaN."""
    return np.concatenate([values, np.full((values.shape[0], n - values.shape[1], *values.shape[2:]), np.nan)], axis=1)


def _gather(job: Job, setting: Setting, engine: Engine, report: Progress) -> _Gathered:
    """Return all predictions; where n is adaptive the plan's items are extended, by a block each time, until its rule is met.

    Last come the groups that start from replicas of group 0, for as many replicas as there were then.
    """
    plan, measurements, nested = setting.plan, setting.pipeline.measurements, job.mode.again
    images, shape = len(job.images), (0, len(job.images), len(measurements))
    gathered = _Gathered(np.empty((plan.groups, *shape)), np.empty((len(plan.codecs), *shape)), np.empty((nested, *shape)), {})
    n = aim = setting.design.n
    done, what = 0, "replicas"
    while not gathered.complete(n):
        first = gathered.raw.shape[1]
        items = plan.items(images, n, start=first) if first < n else plan.double_bootstrap_items(images, n, nested)
        gathered.extend(n)
        total = images * (aim * plan.groups + nested * double_bootstrap_replicas(aim))
        report(done, total, what)
        for result in engine.map(job, items):
            gathered.take(result)
            done += result.item.count
            report(done, total, what)
        if plan.adaptive is not None:
            n, aim, what = plan.adaptive.next(gathered.raw, measurements, BLOCK)
    return gathered


def _network_rows(pipeline: Pipeline) -> list[InputRow]:
    config = pipeline.config()
    path = config.get("model") or config.get("weights")
    return [file_row(path, "model", str(config["name"]))] if path else []


def plan_row(path: str | Path) -> InputRow:
    """Return the `inputs` row of a plan file."""
    return file_row(path, "plan", "toml")
