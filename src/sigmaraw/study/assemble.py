"""After the last replica: predictions become a record."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import msgspec

from sigmaraw.camera import CameraProfile
from sigmaraw.contracts import Measurement, Pipeline
from sigmaraw.integrity.log import now
from sigmaraw.netcdf import Arrays
from sigmaraw.noise import RicianNoise
from sigmaraw.pipelines.agreement import AgreementPipeline
from sigmaraw.record import Content, Record
from sigmaraw.record.camera import CameraRow
from sigmaraw.record.content import SCHEMA
from sigmaraw.record.design import AdaptiveRow, DesignRow, LockRow, MeasurementRow
from sigmaraw.record.digest import predictions_digest
from sigmaraw.record.objects import ObjectsRow
from sigmaraw.record.reading import camera_of
from sigmaraw.record.results import DeltaRow, FloorRow, ResultRow, TukeyRow, UndefinedRow
from sigmaraw.record.statements import DecisionRow
from sigmaraw.statistics.evidence import ALPHA
from sigmaraw.study import no_camera
from sigmaraw.study.adaptive import Adaptive
from sigmaraw.study.deciding import Looks
from sigmaraw.study.delta import delta_row, propagations
from sigmaraw.study.environment import environment
from sigmaraw.study.plan import BLOCK, NO_REPLICAS, Plan
from sigmaraw.study.prepare import Prepared, answer_differences
from sigmaraw.study.quality import codec_rows, worst_crops
from sigmaraw.study.reference_rules import ON_REFERENCES, cunha, joined, noninferiority
from sigmaraw.study.replica_checks import ReplicaDiagnostics, diagnostic_rows
from sigmaraw.study.rules import decision_row, ruled_verdicts
from sigmaraw.study.scoring import Predictions, Scoring, tukey_all
from sigmaraw.study.setting import Setting
from sigmaraw.study.statements import OverImages, codec_verdicts, over_images, with_evidence
from sigmaraw.study.thumbnails import thumbnails
from sigmaraw.study.work import BlockResult


def assemble(
    setting: Setting,
    prepared: Sequence[Prepared],
    predictions: Predictions,
    blocks: Mapping[tuple[int, int], list[BlockResult]],
    looks: Looks | None = None,
    lock: LockRow | None = None,
    objects: ObjectsRow | None = None,
) -> Record:
    """Return the record of a finished study.

    Parameters
    ----------
    blocks : mapping of tuple of int to list of BlockResult
        The blocks of each (image, codec), in the order of their replicas.
    looks : Looks, optional
        What the looks at growing n have decided, where n followed from that.
    lock : LockRow, optional
        How the plan's file was fixed.
    objects : ObjectsRow, optional
        The objects that were followed one by one.
    """
    plan, pipeline, mode = setting.plan, setting.pipeline, setting.mode
    measurements = pipeline.measurements
    images = [entry.image for entry in prepared]
    diagnostics = [entry.diagnostics for entry in prepared]
    judged = _without_replicas if mode.name == NO_REPLICAS else _by_replicas
    results, undefined, tukey, said = judged(setting, prepared, predictions, diagnostics, looks)
    decision = _on_references(setting, prepared, results) or _decision(setting, said, results)
    qualities = [[entry.quality[index] for entry in prepared] for index in range(len(plan.codecs))]
    verdicts = codec_verdicts(said) if decision.rule == "equivalence" else ruled_verdicts(decision)
    codecs, codecs_undefined = codec_rows(plan, setting.profile.bits, images, prepared[0].resolved, qualities, blocks, verdicts)
    arrays = _arrays(plan, predictions, [measurement.name for measurement in measurements])
    content = Content(
        created=now(),
        inputs=setting.files,
        images=setting.inputs.rows,
        camera=_camera_row(setting),
        plan=msgspec.structs.replace(plan.row(setting.planned), lock=lock),
        design=_design_row(setting, predictions.double_bootstrap.shape[1]),
        adaptive=_adaptive_row(plan, predictions, measurements, looks),
        environment=environment(),
        pipeline=pipeline.config(),
        measurements=tuple(MeasurementRow(**dataclasses.asdict(measurement)) for measurement in measurements),
        mode_diagnostics=diagnostic_rows(diagnostics),
        floor=_floor_rows(prepared, pipeline),
        codecs=tuple(codecs),
        results=with_evidence(results, said),
        statements=tuple(row for entry in said for row in entry.rows),
        decision=decision,
        tukey=tuple(tukey),
        undefined=(*undefined, *codecs_undefined),
        predictions_sha256=predictions_digest(arrays),
        objects=objects,
        digest="",
    )
    pictures = thumbnails([image.frame for image in images])
    return Record.sealed(content, Arrays({**arrays.variables, **worst_crops(plan, qualities), **pictures}, arrays.attrs))


_Judged = tuple[list[ResultRow], list[UndefinedRow], list[TukeyRow], list[OverImages]]


def _by_replicas(
    setting: Setting,
    prepared: Sequence[Prepared],
    predictions: Predictions,
    diagnostics: Sequence[ReplicaDiagnostics],
    looks: Looks | None,
) -> _Judged:
    """Return rows, undefined values, Tukey's test and statements from predictions on replicas."""
    plan, measurements, mode = setting.plan, setting.pipeline.measurements, setting.mode
    deltas = _deltas(setting, prepared, predictions, diagnostics)
    decided = looks.decided() if looks else None
    linear = prepared[0].linear_in_noise
    differences = answer_differences(prepared)
    scoring = Scoring(plan, predictions, measurements, mode, diagnostics, deltas, differences, decided=decided, linear_in_noise=linear)
    results, undefined = scoring.all()
    tukey, tukey_undefined = tukey_all(plan, predictions, measurements, mode)
    alpha = looks.level if looks else ALPHA
    against = [entry.against for entry in diagnostics]
    said = over_images(plan, predictions, measurements, results, against=against, extrapolated=mode.extrapolation is not None, alpha=alpha)
    return results, [*undefined, *tukey_undefined], tukey, said


def _without_replicas(
    setting: Setting,
    prepared: Sequence[Prepared],
    predictions: Predictions,
    diagnostics: Sequence[ReplicaDiagnostics],
    looks: Looks | None,
) -> _Judged:
    """Return the same where each image was predicted once before and once after the codec."""
    plan, measurements = setting.plan, setting.pipeline.measurements
    results, undefined = no_camera.rows_of_images(
        plan, measurements, predictions.chi_raw, predictions.chi_codec, predictions.pixels_identical, answer_differences(prepared)
    )
    return results, undefined, [], no_camera.over_images(plan, measurements, results)


def _decision(setting: Setting, said: Sequence[OverImages], results: Sequence[ResultRow]) -> DecisionRow:
    """Return the row of a rule that rests on replicas, or on margins where there are none."""
    if setting.mode.name == NO_REPLICAS:
        row = no_camera.decision(setting.plan, said, len(setting.inputs.images))
    else:
        row = decision_row(setting.plan, said, results, setting.design)
    return msgspec.structs.replace(row, basis=_basis(setting))


def _on_references(setting: Setting, prepared: Sequence[Prepared], results: Sequence[ResultRow]) -> DecisionRow | None:
    """Return the row of a rule that rests on observers' masks; None of any other rule."""
    plan, pipeline = setting.plan, setting.pipeline
    if plan.rule not in ON_REFERENCES or setting.references is None or not isinstance(pipeline, AgreementPipeline):
        return None
    if plan.rule == "noninferiority":
        return noninferiority(plan, pipeline, results)
    scores = [joined([entry.slices[codec] for entry in prepared]) for codec in range(len(plan.codecs))]
    return cunha(plan, pipeline, setting.references, len(prepared), scores)


def _basis(setting: Setting) -> str:
    """Return what verdicts rest on."""
    if isinstance(setting.profile, CameraProfile):
        return "camera"
    if isinstance(setting.profile, RicianNoise) and setting.mode.draws_noise:
        return "stated-noise"
    return "repeats" if setting.mode.needs_repeats else "margins" if setting.plan.margin else "none"


def _deltas(
    setting: Setting, prepared: Sequence[Prepared], predictions: Predictions, diagnostics: Sequence[ReplicaDiagnostics]
) -> list[dict[str, DeltaRow]]:
    """Return per image σ_raw by the law of propagation, by measurement; it is the same for all codecs of an image."""
    extrapolated = setting.mode.extrapolation is not None
    found = [
        propagations(
            entry.linear,
            setting.pipeline,
            predictions.raw[:, :, image],
            diagnostics[image].spread_factor,
            independent=predictions.independent,
            extrapolated=extrapolated,
        )
        for image, entry in enumerate(prepared)
    ]
    return [{name: delta_row(value) for name, value in of_image.items()} for of_image in found]


def _adaptive_row(plan: Plan, predictions: Predictions, measurements: Sequence[Measurement], looks: Looks | None) -> AdaptiveRow | None:
    if looks is not None:
        return looks.row(BLOCK)
    return plan.adaptive.row(predictions.raw, measurements, BLOCK) if isinstance(plan.adaptive, Adaptive) else None


def _camera_row(setting: Setting) -> CameraRow:
    if not isinstance(setting.profile, CameraProfile):
        return setting.profile.row()
    path = next((row.path for row in setting.files if row.role == "camera"), None)
    return msgspec.structs.replace(camera_of(setting.profile.summary()), path=path)


def _design_row(setting: Setting, nested: int) -> DesignRow:
    """Return the record's `design`; nested : replicas of each group of the double bootstrap."""
    design, rule, groups = setting.design, setting.mode.extrapolation, setting.mode.double_bootstrap_groups
    return DesignRow(
        replicas_per_group=design.n,
        groups=setting.plan.groups,
        independent=design.independent,
        draws_noise=setting.mode.draws_noise,
        reason=design.reason,
        noise_levels=rule.levels if rule else None,
        weights=rule.weights if rule else None,
        double_bootstrap_groups=groups or None,
        double_bootstrap_replicas=nested if groups else None,
    )


def _floor_rows(prepared: Sequence[Prepared], pipeline: Pipeline) -> tuple[FloorRow, ...]:
    """Return by how much a second prediction on the same image differs: not 0 where the pipeline is not deterministic (formula 2.9)."""
    return tuple(
        FloorRow(image=image, measurement=measurement.name, difference=float(difference), largest=float(largest))
        for image, entry in enumerate(prepared)
        for measurement, difference, largest in zip(pipeline.measurements, entry.floor, entry.differences, strict=True)
    )


def _arrays(plan: Plan, predictions: Predictions, names: list[str]) -> Arrays:
    return Arrays(
        {
            "raw_prediction": (("group", "replica", "image", "measurement"), predictions.raw),
            "codec_prediction": (("codec", "replica", "image", "measurement"), predictions.decoded),
            "chi_raw": (("image", "measurement"), predictions.chi_raw),
            "chi_codec": (("codec", "image", "measurement"), predictions.chi_codec),
            "group": (("group",), ["raw", *plan.codecs]),
            "codec": (("codec",), list(plan.codecs)),
            "measurement": (("measurement",), names),
        },
        {"schema": SCHEMA, "mode": plan.mode, "seed": str(plan.seed)},
    )
