"""Run a plan: one loop over work items, whatever the engine, mode, codec or pipeline."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw import registry
from sigmaraw.camera import CameraProfile
from sigmaraw.contracts import Codec, Engine, FindsObjects, Pipeline
from sigmaraw.engines import LocalEngine
from sigmaraw.errors import InvalidOption, InvalidPlan, PredictionFailed
from sigmaraw.integrity.log import now
from sigmaraw.noise import RicianNoise, is_rician, rician_of
from sigmaraw.pipelines.agreement import with_agreement
from sigmaraw.processes import WorkingFolders
from sigmaraw.record import Record
from sigmaraw.record.design import InputRow, LockRow
from sigmaraw.record.objects import ObjectsRow
from sigmaraw.study.adaptive import Adaptive, Deciding
from sigmaraw.study.assemble import assemble
from sigmaraw.study.deciding import Looks
from sigmaraw.study.gathered import GatheredPredictions
from sigmaraw.study.head_start import HeadStart, head_start
from sigmaraw.study.inputs import Camera, Inputs, file_row, load_inputs
from sigmaraw.study.keeping import KeptEngine, identity_of
from sigmaraw.study.locking import refuse_late_lock
from sigmaraw.study.no_camera import NoCamera, has_no_camera, mode_of
from sigmaraw.study.objects import check_objects, objects_row
from sigmaraw.study.pixel_size import by_pixel_size
from sigmaraw.study.plan import BLOCK, Plan, WorkItem, double_bootstrap_replicas
from sigmaraw.study.predicting import predict, resolve_pipeline
from sigmaraw.study.prepare import Prepared, Progress, answer_differences, prepare, wait_for
from sigmaraw.study.reads import log_path, note_reads
from sigmaraw.study.reference_rules import check_references
from sigmaraw.study.references import References, common_spacing, load_references, with_references
from sigmaraw.study.scoring import Predictions, Scoring
from sigmaraw.study.seen import seen_by
from sigmaraw.study.setting import Setting, check_margins, check_specimens, codec_of, design_of
from sigmaraw.study.side_by_side import held_together
from sigmaraw.study.store import BlockStore
from sigmaraw.study.work import BlockResult, Job, Started

if TYPE_CHECKING:
    import xarray

_log = logging.getLogger(__name__)


def run(
    plan: Plan,
    raw: Sequence[Any],
    camera: Camera,
    *,
    pipeline: Pipeline | str | None = None,
    engine: Engine | str = "local",
    batch: int | None = None,
    workers: int | None = None,
    allow_exec: Collection[str] = (),
    allow_nondeterminism: bool = False,
    progress: Progress | None = None,
    extra_inputs: Sequence[InputRow] = (),
    codecs: Mapping[str, Codec] | None = None,
    lock: LockRow | None = None,
    store: BlockStore | None = None,
    reference: str | os.PathLike[str] | None = None,
) -> Record:
    """Run a frozen plan and return its record. Parameters and refusals as in `validate`.

    Parameters
    ----------
    allow_exec : collection of str, optional
        The specifications of the plan that may run programs: those that the caller typed. A plan file cannot grant this.
    codecs : mapping of str to Codec, optional
        Those codecs of the plan that are functions or objects from Python, by their specification.
    lock : LockRow, optional
        How the plan's file was fixed. A plan that was locked after this tool first read an image is refused.
    store : BlockStore, optional
        Where finished blocks are kept, and those of a study that was stopped are found. What differs from then is refused.
    reference : path, optional
        Masks by observers.
    """
    report = progress or (lambda done, total, what: None)
    planned = now()
    mode = mode_of(plan, has_no_camera(camera))
    worker: Engine = registry.load(registry.ENGINES, engine)() if isinstance(engine, str) else engine
    profile, camera_rows = _camera(camera)
    # Specifications are checked before anything is read: a typing error must not cost an hour.
    for spec in plan.codecs:
        codec_of(spec, profile, allow_exec=spec in allow_exec, objects=codecs or {})
    source = plan.pipeline if pipeline is None else pipeline
    folders = WorkingFolders()
    with folders.of_model():
        resolved = resolve_pipeline(source)
    inputs = load_inputs(raw, None if isinstance(profile, NoCamera) else profile, plan, mode)
    if isinstance(profile, NoCamera):
        profile = NoCamera(inputs.bits)
    elif isinstance(profile, RicianNoise):
        profile = profile.of_image(inputs.bits)
    resolved, source, inputs, references = _fitted(resolved, source, inputs, plan, reference)
    digests = [row.sha256 for row in inputs.rows if row.sha256]
    refuse_late_lock(lock, digests)
    check_specimens(plan, len(inputs.images))
    files = (*inputs.files, *(references.files if references else ()), *camera_rows, *_network_rows(resolved), *extra_inputs)
    _log.info("study of %d images, %d codecs, pipeline %s, mode %s", len(inputs.images), len(plan.codecs), plan.pipeline, plan.mode)
    with folders.of_model(), _named(inputs):
        first = inputs.images[0]
        predict(seen_by(resolved, first), first.frame[np.newaxis], "image 0")  # a function's measurements come with its first call
        check_margins(plan, resolved)
        check_objects(plan, seen_by(resolved, first), mode)
        _note_first_read(digests, lock, planned)  # not before: a misspelt name in a locked plan must not use up the data
        design = design_of(plan, mode, inputs)
        exec_ = frozenset(allow_exec)
        setting = Setting(
            plan, profile, resolved, mode, inputs, design, files, planned, exec_, codecs or {}, allow_nondeterminism, references
        )
        with _head_start(setting, worker, source, batch, workers, store) as head, prepare(setting, report, head) as prepared:
            job = _job(setting, prepared, source, batch, workers, head.started if head else {})
            if store is not None:
                store.begin(identity_of(setting, prepared))
            with _session(worker) as engine_, contextlib.closing(store) if store else contextlib.nullcontext():
                gathered, looks = _gather_all(job, setting, prepared, KeptEngine(engine_, store) if store else engine_, report)
            wait_for(prepared)
    _log.info("%d predictions gathered", np.isfinite(gathered.raw).sum() + np.isfinite(gathered.decoded).sum())
    setting = dataclasses.replace(setting, design=dataclasses.replace(setting.design, n=gathered.raw.shape[1]))
    objects = _objects(setting, prepared, gathered)
    return assemble(setting, prepared, _predictions(gathered, setting, prepared), gathered.blocks, looks, lock, objects)


def _fitted(
    resolved: Pipeline, source: Pipeline | str, inputs: Inputs, plan: Plan, reference: str | os.PathLike[str] | None
) -> tuple[Pipeline, Pipeline | str, Inputs, References | None]:
    """Return the pipeline as the images' files need it, loaded and for workers, and the images with their references."""
    sized = by_pixel_size(resolved, inputs.images)
    resolved, source = sized, source if sized is resolved else sized
    references = None if reference is None else load_references(os.fspath(reference), inputs, plan)
    check_references(plan, references)
    if references is not None:
        inputs = with_references(inputs, references)
        resolved = source = with_agreement(resolved, plan.agreement, *common_spacing(inputs))
    for question in dict.fromkeys(f"{row.path or 'an array'}: {row.note}" for row in inputs.files if row.note):
        _log.warning(question)
    return resolved, source, inputs, references


def _head_start(
    setting: Setting, worker: Engine, source: Pipeline | str, batch: int | None, workers: int | None, store: BlockStore | None
) -> contextlib.AbstractContextManager[HeadStart | None]:
    """Return what begins the first blocks early: where this process draws them, and none may be there from a study that was stopped."""
    if not isinstance(worker, LocalEngine) or not setting.mode.draws_noise or (store is not None and store.resumes):
        return contextlib.nullcontext()
    job = Job((setting.inputs.images[0],), source, setting.mode, setting.plan.seed, None, batch, workers)
    job = dataclasses.replace(job, coded_share=setting.plan.coded_share)
    return head_start(job, setting.plan.items(1, setting.design.n), len(setting.plan.codecs))


def _job(
    setting: Setting,
    prepared: Sequence[Prepared],
    source: Pipeline | str,
    batch: int | None,
    workers: int | None,
    started: dict[WorkItem, Started],
) -> Job:
    """Return the function that engines map over the plan's work items."""
    return Job(
        tuple(entry.image for entry in prepared),
        source,
        setting.mode,
        setting.plan.seed,
        setting.design.repeats,
        batch,
        workers,
        coded_share=setting.plan.coded_share,
        started=started,
        followed=tuple(entry.objects.followed for entry in prepared if entry.objects),
        first_trips={
            (image, group): made
            for image, entry in enumerate(prepared)
            for group, made in enumerate(entry.firsts, 1)
            if made is not None and held_together((image + 1) * len(entry.firsts), entry.image.frame.nbytes)
        },
    )


def _objects(setting: Setting, prepared: Sequence[Prepared], gathered: GatheredPredictions) -> ObjectsRow | None:
    """Return the record's `objects`, where the plan follows them."""
    images = [entry.objects for entry in prepared if entry.objects]
    if not images or not isinstance(setting.pipeline, FindsObjects):
        return None
    factors = [entry.diagnostics.spread_factor for entry in prepared]
    held = gathered.objects, gathered.objects_decoded
    return objects_row(setting.plan, setting.pipeline, images, *held, factors, setting.design.independent)


def _note_first_read(digests: Sequence[str], lock: LockRow | None, planned: str) -> None:
    """Note when the data were read.

    A folder for the note that cannot be written is no fault of a study without a lock; with one it is, since nothing then says that
    the data are new.
    """
    try:
        note_reads(digests, planned)
    except OSError as error:
        if lock is not None and lock.state == "locked":
            raise InvalidPlan(
                f"{log_path()} cannot be written ({error.strerror})", "the log of first reads", "set SIGMARAW_STATE"
            ) from error
        _log.warning("%s cannot be written: when these images were first read is not noted", log_path())


def _predictions(gathered: GatheredPredictions, setting: Setting, prepared: Sequence[Prepared]) -> Predictions:
    """Return what has been predicted so far, in a study's arrays."""
    return Predictions(
        gathered.raw,
        gathered.decoded,
        np.stack([entry.chi_raw for entry in prepared]),
        np.stack([entry.chi_codec for entry in prepared], axis=1),
        setting.design.independent,
        gathered.double_bootstrap,
        _identical_pixels(prepared, gathered.blocks, len(setting.plan.codecs)),
    )


def _gather_all(
    job: Job, setting: Setting, prepared: Sequence[Prepared], engine: Engine, report: Progress
) -> tuple[GatheredPredictions, Looks | None]:
    """Return all predictions; where n follows from decisions, the looks that were taken at them."""
    rule = setting.plan.adaptive
    if not isinstance(rule, Deciding):
        return _gather(job, setting, engine, report), None
    looks = Looks(rule.rule(BLOCK))

    def look(gathered: GatheredPredictions) -> tuple[int, int, str]:
        predictions, diagnostics = _predictions(gathered, setting, prepared), [entry.diagnostics for entry in prepared]
        differences = answer_differences(prepared)
        linear = prepared[0].linear_in_noise
        measurements = setting.pipeline.measurements
        scoring = Scoring(setting.plan, predictions, measurements, setting.mode, diagnostics, (), differences, linear_in_noise=linear)
        n, what = looks.look(scoring)
        return n, n, what

    return _gather(job, setting, engine, report, look), looks


def _identical_pixels(
    prepared: Sequence[Prepared], blocks: Mapping[tuple[int, int], Sequence[BlockResult]], codecs: int
) -> NDArray[np.bool_]:
    """Return (codec, image) whether the codec gave back every pixel of the image and of all its replicas."""
    return np.array(
        [
            [
                entry.quality[codec].row.max_error_dn == 0
                and all(moments.max_error == 0.0 for block in blocks.get((image, codec), ()) for moments in block.quality)
                for image, entry in enumerate(prepared)
            ]
            for codec in range(codecs)
        ],
        dtype=np.bool_,
    ).reshape(codecs, len(prepared))


def _camera(camera: Camera) -> tuple[CameraProfile | NoCamera | RicianNoise, list[InputRow]]:
    if has_no_camera(camera):
        return NoCamera(), []
    if is_rician(camera):
        return rician_of(camera), []
    if isinstance(camera, (str, os.PathLike)):
        return CameraProfile.from_netcdf(camera), [file_row(os.fspath(camera), "camera", "netcdf")]
    if not isinstance(camera, CameraProfile):
        raise InvalidOption(f"a {type(camera).__name__} as camera", "a CameraProfile, or the path of one", "calibrate, or state values")
    return camera, []


@contextlib.contextmanager
def _named(inputs: Inputs) -> Iterator[None]:
    """Add to the failure of a user's model which file and frame the numbered image is."""
    try:
        yield
    except PredictionFailed as error:
        number = re.search(r"\bon image (\d+)\b", error.found)
        if number is not None:
            row = inputs.rows[int(number[1])]
            path = inputs.files[row.input or 0].path
            error.found += f"; image {number[1]} is frame {row.frame} of {path or f'input {row.input}'}"
        raise


def _session(engine: Engine) -> contextlib.AbstractContextManager[Engine]:
    """Return the engine to be entered: workers that take time to start then live as long as the study."""
    return engine if isinstance(engine, contextlib.AbstractContextManager) else contextlib.nullcontext(engine)


def _gather(
    job: Job, setting: Setting, engine: Engine, report: Progress, look: Callable[[GatheredPredictions], tuple[int, int, str]] | None = None
) -> GatheredPredictions:
    """Return all predictions; where n is adaptive the plan's items are extended, by a block each time, until its rule is met.

    Last come the groups that start from replicas of group 0, for as many replicas as there were then. Where n follows from decisions they
    come before the first look, as many as belong to it: u_mode may rest on them.
    """
    plan, measurements, nested = setting.plan, setting.pipeline.measurements, job.mode.double_bootstrap_groups
    images, shape = len(job.images), (0, len(job.images), len(measurements))
    gathered = GatheredPredictions(np.empty((plan.groups, *shape)), np.empty((len(plan.codecs), *shape)), np.empty((nested, *shape)), {})
    n = aim = setting.design.n
    done, what = 0, "replicas"
    while not gathered.complete(n, of_nested := n if look is None else setting.design.n):
        first = gathered.raw.shape[1]
        items = plan.items(images, n, start=first) if first < n else plan.double_bootstrap_items(images, of_nested, nested)
        gathered.extend(n, of_nested)
        total = images * (aim * plan.groups + nested * double_bootstrap_replicas(aim if look is None else of_nested))
        report(done, total, what)
        try:
            for result in engine.map(job, items):
                gathered.take(result)
                done += result.item.count
                report(done, total, what)
        except (PredictionFailed, KeyboardInterrupt) as error:  # what was computed goes with it, for whoever can keep it
            setattr(error, PARTIAL, _partial(gathered, setting))
            raise
        if look is not None:
            if gathered.nested_complete(of_nested):
                n, aim, what = look(gathered)
        elif isinstance(plan.adaptive, Adaptive):
            n, aim, what = plan.adaptive.next(gathered.raw, measurements, BLOCK)
    return gathered


PARTIAL = "partial"
"""Attribute of the exception that ends a study early: the predictions until then."""


def _partial(gathered: GatheredPredictions, setting: Setting) -> xarray.Dataset | None:
    """Return the predictions so far, named as in result.nc, NaN where there is none yet; None where there is none at all."""
    import xarray

    if not np.isfinite(gathered.raw).any():
        return None
    codecs = list(setting.plan.codecs)
    dims = ("replica", "image", "measurement")
    return xarray.Dataset(
        {"raw_prediction": (("group", *dims), gathered.raw), "codec_prediction": (("codec", *dims), gathered.decoded)},
        coords={"group": ["raw", *codecs], "codec": codecs, "measurement": [entry.name for entry in setting.pipeline.measurements]},
        attrs={"title": "predictions of a study that did not finish", "plan_sha256": setting.plan.row().sha256},
    )


def _network_rows(pipeline: Pipeline) -> list[InputRow]:
    config = pipeline.config()
    rows = []
    for entry in config.get("pipelines", [config]):
        path = entry.get("model") or entry.get("weights")
        rows += [file_row(path, "model", str(entry["name"]))] if path else []
    return rows


def plan_row(path: str | Path) -> InputRow:
    """Return the `inputs` row of a plan file."""
    return file_row(path, "plan", "toml")
