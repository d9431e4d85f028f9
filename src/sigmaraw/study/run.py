"""Run a plan: one loop over work items, whatever the engine, mode, codec or pipeline."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sigmaraw import registry
from sigmaraw.camera import CameraProfile
from sigmaraw.codecs import named_codecs
from sigmaraw.contracts import Codec, Engine, FindsObjects, Pipeline
from sigmaraw.errors import InvalidOption, InvalidPlan, PredictionFailed
from sigmaraw.integrity.log import now
from sigmaraw.noise import RicianNoise, is_rician, rician_of
from sigmaraw.pipelines.agreement import AgreementPipeline
from sigmaraw.processes import WorkingFolders
from sigmaraw.progress import Report, reporting
from sigmaraw.record import Record
from sigmaraw.record.design import InputRow, LockRow
from sigmaraw.record.objects import ObjectsRow
from sigmaraw.study.adaptive import Adaptive, Deciding
from sigmaraw.study.assemble import assemble
from sigmaraw.study.deciding import Looks
from sigmaraw.study.gathered import GatheredPredictions
from sigmaraw.study.inputs import Inputs, file_row, load_inputs
from sigmaraw.study.keeping import KeptEngine, identity_of
from sigmaraw.study.locking import refuse_late_lock
from sigmaraw.study.no_camera import NONE, NoCamera, default_mode, mode_of
from sigmaraw.study.objects import check_objects, objects_row
from sigmaraw.study.pixel_size import by_pixel_size
from sigmaraw.study.plan import BLOCK, Plan, double_bootstrap_replicas
from sigmaraw.study.prepare import (
    Prepared,
    Progress,
    Setting,
    answer_differences,
    check_margins,
    check_specimens,
    codec_of,
    design_of,
    prepare,
)
from sigmaraw.study.reads import log_path, note_reads
from sigmaraw.study.reference_rules import check_references
from sigmaraw.study.references import common_spacing, load_references, with_references
from sigmaraw.study.scoring import Predictions, Scoring
from sigmaraw.study.seen import seen_by
from sigmaraw.study.store import BlockStore
from sigmaraw.study.work import BlockResult, Job, predict, resolve_pipeline

if TYPE_CHECKING:
    import xarray

_log = logging.getLogger(__name__)

Camera: TypeAlias = "CameraProfile | RicianNoise | str | os.PathLike[str] | None"
"""The camera, or its netCDF file; Rician noise, or its specification; None or the word none for no camera."""


def validate(
    raw: Any,
    camera: Camera,
    *,
    codecs: Sequence[str] | str,
    pipeline: Pipeline | Callable[..., Any] | str | os.PathLike[str] | Sequence[Any],
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
    objects: bool = False,
    engine: Engine | str = "local",
    batch: int | None = None,
    workers: int | None = None,
    every_byte: bool = False,
    allow_exec: bool = False,
    allow_nondeterminism: bool = False,
    reference: str | os.PathLike[str] | None = None,
    agreement: Sequence[str] = (),
    rule: str = "equivalence",
    progress: Report | bool | None = None,
) -> Record:
    """Score what codecs do to a pipeline's answers against the spread that the camera's noise alone causes.

    For each image x, codec C and measurement f it gives ε = (f(C(x)) − f(x))/σ_raw and ε̂ = mean(f(C(R)) − f(R))/σ_raw over replicas R,
    and from them a verdict: PASS, FAIL or INCONCLUSIVE.

    Parameters
    ----------
    raw : path, RawFrames, array, or sequence of them
        The raw images, as the camera delivered them: files (TIFF, .npy, FITS, Zarr), `RawFrames`, or integer arrays (y, x) or
        (frame, y, x), uint8 or uint16, DN. Each frame is one image.
    camera : CameraProfile, path or None
        The camera that took them, or its netCDF file. None, or the word none, where no camera stands behind the images (CT, MRI, old
        images): verdicts then rest on margins, on real repeats, or on references, and signed integers are taken. For magnitude images
        of MRI ``"rician:sigma=12.5,se=0.2"``, the noise of either channel in DN; `noise.RicianNoise` is the same as an object.
    codecs : str or sequence of str
        Specifications such as ``"jpeg2000:ratio=10"`` or ``"to8bit:minmax+jpeg:quality=90"``; each once. ``sigmaraw codecs`` lists them.
    pipeline : str, path, function or Pipeline, or a sequence of them
        The model with its measurements: ``"otsu"``, ``"onnx:model.onnx"``, ``"package.module:function"``, a TOML file, a function
        image → {name: number}, or an object of `contracts.Pipeline`. Several measure the same replicas, which are drawn and coded once;
        where two have a measurement of the same name, both are called ``pipeline/measurement``.
    n : int, str or None, default None
        Replicas per group, at least 2. None takes 100, or in mode ``repeats`` as many as there are. ``"auto:0.05,max=2000"`` adds
        replicas until the relative standard uncertainty of σ_raw is 0.05, 2000 at most; ``"auto:decide,max=300"`` until every row has a
        verdict, 300 at most, at an error rate of all looks together that is that of one.
    mode : str, optional
        How replicas are made; default "bootstrap", without a camera "none", which draws none: ``bootstrap``,
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
        The same for counts and other isolated values. None takes `rms`, and √2 where that is not given either.
    margin : mapping of str to float, optional
        For the measurements that it names, a limit on the mean shift in the measurement's unit, in place of `k`·σ_raw.
    roi : tuple of int, optional
        (y, x) of the images' corner in the camera's frame, px, where they are cut-outs and the camera has maps.
    scalars : bool, default False
        Use the camera's scalars in place of its maps.
    volume : bool, default False
        A file's pages are z of one volume, not frames.
    frame : int, optional
        Only this frame of every input, from 0. None takes all.
    bits : int, optional
        Bit depth of images without a camera; None takes what the files state.
    objects : bool, default False
        Follow each object through replicas and codecs, with σ_raw and ε of its measurements in ``record.content.objects``.
    engine : {"local", "dask"} or Engine, default "local"
        Where the work is done. It changes speed, not numbers.
    batch : int, optional
        Replicas held in memory at once, from 1. None takes what fits. It does not change a number.
    workers : int, optional
        Threads that code replicas while the model predicts. None takes one per core, 0 none. It does not change a number.
    every_byte : bool, default False
        Code every replica in full. By default a codec whose decoded pixels are known without its lossless stage codes the first replica
        of each block and 1 in 20 of the others; predictions are the same, and byte figures of replicas rest on those.
    allow_exec : bool, default False
        `codecs` and `pipeline` may name programs of this machine (``exec``, ``run``). Never pass on what a file or another person says.
    allow_nondeterminism : bool, default False
        Take differences between the pipeline's answers on the same image, or a codec's, into u, however large. By default more than a
        tenth of σ_raw is refused.
    reference : path, optional
        Masks by observers: a folder with one mask for each image, under the image's name, or a folder for each observer. Agreement with
        them becomes part of what is measured; the pipeline must yield objects.
    agreement : sequence of str, default ()
        Metrics of masks, such as ``"dice"`` or ``"nsd:tolerance=2"``; all of them by default.
    rule : str, default "equivalence"
        Decision rule: "equivalence", "pomarico", and with references "noninferiority" or "cunha".
    progress : bool or callable, optional
        True shows progress with rate and time left, False does not, None does so in a notebook alone. A callable is called as
        ``progress(done, total, what)``.

    Returns
    -------
    Record
        All numbers and verdicts: `Record.table()` prints them, `Record.write(folder)` writes record, data and report.

    Raises
    ------
    SigmarawError
        The subclass in `sigmaraw.errors` that names what is wrong with the input. PredictionFailed, where the model raised an
        exception, has the predictions until then in its attribute `partial`.

    See Also
    --------
    sweep, search : the same over ranges of settings.

    References
    ----------
    docs/how-to/validate.md; docs/explanation/formulas.md, sections 1 and 2.

    Examples
    --------
    >>> import numpy as np
    >>> import sigmaraw as sr
    >>> camera = sr.CameraProfile.from_values(gain=0.5, offset=100, read_noise=2.0, bits=12)
    >>> image = np.random.default_rng(1).poisson(200, (32, 32)).astype(np.uint16) + 100
    >>> record = sr.validate(image, camera, codecs="lossless", pipeline="intensity", n=4, mode="around-raw")
    >>> record.verdict
    'PASS'
    """
    limits = {"k": k, "spread": spread, "rms": rms, "rms_counts": rms_counts, "margin": dict(margin or {})}
    place = {"roi": roi, "scalars": scalars, "volume": volume, "frame": frame, "objects": objects}
    stated = {"bits": bits, "agreement": tuple(agreement), "rule": rule}
    specs, made = named_codecs(codecs)
    share = {"coded_share": 1.0} if every_byte else {}
    mode = default_mode(mode, no_camera(camera))
    plan, model = plan_of(specs, pipeline, allow_exec, n=n, mode=mode, seed=seed, **limits, **place, **stated, **share)
    # keywords of `run`, each of its type
    options: dict[str, Any] = {"engine": engine, "batch": batch, "workers": workers, "allow_exec": plan.codecs if allow_exec else ()}
    options |= {"allow_nondeterminism": allow_nondeterminism, "reference": reference}
    with reporting(progress) as report:
        return run(plan, raw, camera, pipeline=model, codecs=made, progress=report, **options)


def plan_of(
    codecs: Sequence[str] | str,
    pipeline: Pipeline | Callable[..., Any] | str | os.PathLike[str] | Sequence[Any],
    allow_exec: bool = False,
    **settings: Any,
) -> tuple[Plan, Pipeline | str]:
    """Return the plan of a call from Python, and its pipeline: an object, or a specification.

    Parameters
    ----------
    allow_exec : bool, default False
        The pipeline may run programs.
    settings : array_like
        Fields of `Plan`.
    """
    model = as_pipeline(pipeline, allow_exec)
    specs = (codecs,) if isinstance(codecs, str) else tuple(codecs)
    return Plan(specs, model if isinstance(model, str) else model.spec, **settings), model


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
    lock : optional
        How the plan's file was fixed. A plan that was locked after this tool first read an image is refused.
    store : BlockStore, optional
        Where finished blocks are kept, and those of a study that was stopped are found. What differs from then is refused.
    reference : path, optional
        Masks by observers.
    """
    report = progress or (lambda done, total, what: None)
    planned = now()
    mode = mode_of(plan, no_camera(camera))
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
    sized = by_pixel_size(resolved, inputs.images)
    resolved, source = sized, source if sized is resolved else sized
    references = None if reference is None else load_references(os.fspath(reference), inputs, plan)
    check_references(plan, references)
    if references is not None:
        inputs = with_references(inputs, references)
        resolved = source = AgreementPipeline(resolved, plan.agreement, *common_spacing(inputs))
    for question in dict.fromkeys(f"{row.path or 'an array'}: {row.note}" for row in inputs.files if row.note):
        _log.warning(question)
    _data_first_read(inputs, lock, planned)
    check_specimens(plan, len(inputs.images))
    files = (*inputs.files, *(references.files if references else ()), *camera_rows, *_network_rows(resolved), *extra_inputs)
    _log.info("study of %d images, %d codecs, pipeline %s, mode %s", len(inputs.images), len(plan.codecs), plan.pipeline, plan.mode)
    with folders.of_model(), _named(inputs):
        first = inputs.images[0]
        predict(seen_by(resolved, first), first.frame[np.newaxis], "image 0")  # a function's measurements come with its first call
        check_margins(plan, resolved)
        check_objects(plan, seen_by(resolved, first), mode)
        design = design_of(plan, mode, inputs)
        exec_ = frozenset(allow_exec)
        setting = Setting(
            plan, profile, resolved, mode, inputs, design, files, planned, exec_, codecs or {}, allow_nondeterminism, references
        )
        prepared = prepare(setting, report)
        job = Job(
            tuple(entry.image for entry in prepared),
            source,
            mode,
            plan.seed,
            setting.design.repeats,
            batch,
            workers,
            coded_share=plan.coded_share,
            followed=tuple(entry.objects.followed for entry in prepared if entry.objects),
        )
        if store is not None:
            store.begin(identity_of(setting, prepared))
        with _session(worker) as engine_, contextlib.closing(store) if store else contextlib.nullcontext():
            gathered, looks = _gather_all(job, setting, prepared, KeptEngine(engine_, store) if store else engine_, report)
    _log.info("%d predictions gathered", np.isfinite(gathered.raw).sum() + np.isfinite(gathered.decoded).sum())
    setting = dataclasses.replace(setting, design=dataclasses.replace(setting.design, n=gathered.raw.shape[1]))
    objects = _objects(setting, prepared, gathered)
    return assemble(setting, prepared, _predictions(gathered, setting, prepared), gathered.blocks, looks, lock, objects)


def _objects(setting: Setting, prepared: Sequence[Prepared], gathered: GatheredPredictions) -> ObjectsRow | None:
    """Return the record's `objects`, where the plan follows them."""
    images = [entry.objects for entry in prepared if entry.objects]
    if not images or not isinstance(setting.pipeline, FindsObjects):
        return None
    factors = [entry.diagnostics.spread_factor for entry in prepared]
    held = gathered.objects, gathered.objects_decoded
    return objects_row(setting.plan, setting.pipeline, images, *held, factors, setting.design.independent)


def _data_first_read(inputs: Inputs, lock: LockRow | None, planned: str) -> None:
    """Refuse a lock that came after the data, and note when the data were read.

    A folder for the note that cannot be written is no fault of a study without a lock; with one it is, since nothing then says that
    the data are new.
    """
    digests = [row.sha256 for row in inputs.rows if row.sha256]
    refuse_late_lock(lock, digests)
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


def no_camera(camera: Any) -> bool:
    """Return whether a study is meant to have no camera: None, or the word none."""
    return camera is None or (isinstance(camera, (str, os.PathLike)) and os.fspath(camera) == NONE)


def _camera(camera: Camera) -> tuple[CameraProfile | NoCamera | RicianNoise, list[InputRow]]:
    if no_camera(camera):
        return NoCamera(), []
    if isinstance(camera, RicianNoise) or (isinstance(camera, str | os.PathLike) and is_rician(camera)):
        return rician_of(camera), []
    if isinstance(camera, (str, os.PathLike)):
        return CameraProfile.from_netcdf(camera), [file_row(os.fspath(camera), "camera", "netcdf")]
    if not isinstance(camera, CameraProfile):
        raise InvalidOption(f"a {type(camera).__name__} as camera", "a CameraProfile, or the path of one", "calibrate, or state values")
    return camera, []


def as_pipeline(
    pipeline: Pipeline | Callable[..., Any] | str | os.PathLike[str] | Sequence[Any], allow_exec: bool = False
) -> Pipeline | str:
    """Return a pipeline object or its specification; a plain function becomes a pipeline, and so does a program that may run.

    Parameters
    ----------
    pipeline : Pipeline, callable, str or path, or sequence of them
        As the caller gave it.
    allow_exec : bool, default False
        A specification may name a program: the caller typed it. Workers get the object, and never the permission.
    """
    from sigmaraw.pipelines import JOINT, runs_programs
    from sigmaraw.pipelines import pipeline as make

    if isinstance(pipeline, list | tuple) and all(isinstance(entry, str) for entry in pipeline):
        pipeline = JOINT.join(pipeline)
    if isinstance(pipeline, str):
        return make(pipeline, allow_exec=True) if allow_exec and runs_programs(pipeline) else pipeline
    if hasattr(pipeline, "batch"):
        return pipeline  # type: ignore[return-value]  # has what the Protocol asks for; predictions are checked as they come
    return make(pipeline)


@contextlib.contextmanager
def _named(inputs: Inputs) -> Iterator[None]:
    """Add to the failure of a user's model which file and frame the numbered image is."""
    try:
        yield
    except PredictionFailed as error:
        number = re.search(r"\bon image (\d+)\b", error.found)
        one_file_each = len({row.input for row in inputs.rows}) == len(inputs.files)
        if number is not None and one_file_each:
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
