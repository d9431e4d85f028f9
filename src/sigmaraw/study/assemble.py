"""After the last replica: predictions become a record."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sigmaraw.contracts import Pipeline
from sigmaraw.study.delta import as_json, propagations
from sigmaraw.study.environment import environment
from sigmaraw.study.plan import BLOCK, Plan, double_bootstrap_replicas
from sigmaraw.study.prepare import Prepared, Setting
from sigmaraw.study.quality import codec_rows, worst_crops
from sigmaraw.study.record import SCHEMA, Record, digest_of, json_value, predictions_digest
from sigmaraw.study.scoring import Construction, Predictions, diagnostic_rows, score_all, tukey_all
from sigmaraw.study.work import BlockResult

if TYPE_CHECKING:
    import xarray as xr


def assemble(
    setting: Setting, prepared: list[Prepared], predictions: Predictions, blocks: Mapping[tuple[int, int], list[BlockResult]]
) -> Record:
    """Return the record of a finished study. blocks : per (image, codec), in the order of their replicas."""
    plan, profile, model, mode = setting.plan, setting.profile, setting.model, setting.mode
    scenes = [entry.scene for entry in prepared]
    constructions = [entry.construction for entry in prepared]
    results, undefined = score_all(plan, predictions, model.measurements, mode, constructions)
    _add_deltas(results, setting, prepared, predictions, constructions)
    tukey, tukey_undefined = tukey_all(plan, predictions, model.measurements, mode)
    qualities = [[entry.quality[index] for entry in prepared] for index in range(len(plan.codecs))]
    codecs, codecs_undefined = codec_rows(plan, profile.bits, scenes, qualities, blocks, results)
    dataset = _dataset(plan, predictions, [measurement.name for measurement in model.measurements])
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "created": now(),
        "inputs": setting.files,
        "images": setting.inputs.images,
        "camera": {**profile.summary(), "path": next((row["path"] for row in setting.files if row["role"] == "camera"), None)},
        "plan": {**plan.as_json(), "created": setting.fixed},
        "design": _design_row(setting),
        "adaptive": None if plan.adaptive is None else plan.adaptive.as_json(predictions.raw, model.measurements, BLOCK),
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
    return Record(document, dataset.assign(worst_crops(plan, qualities)))


def _add_deltas(
    results: list[dict[str, Any]],
    setting: Setting,
    prepared: list[Prepared],
    predictions: Predictions,
    constructions: list[Construction],
) -> None:
    """Give each result σ_raw by the law of propagation, `delta`; it is the same for all codecs of an image."""
    model = setting.model
    extrapolated = setting.mode.extrapolation is not None
    found = [
        propagations(
            entry.linear,
            model,
            predictions.raw[:, :, image],
            constructions[image].spread_factor,
            independent=predictions.independent,
            extrapolated=extrapolated,
        )
        for image, entry in enumerate(prepared)
    ]
    for row in results:
        row["delta"] = as_json(found[row["image"]][row["measurement"]])


def now() -> str:
    """Return the time, UTC, ISO 8601 to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _design_row(setting: Setting) -> dict[str, Any]:
    design, mode = setting.design, setting.mode
    row: dict[str, Any] = {"replicas_per_group": design.n, "groups": setting.plan.groups}
    row |= {"independent": design.independent, "reason": design.reason}
    if mode.extrapolation is not None:
        row |= {"noise_levels": list(mode.extrapolation.levels), "weights": list(mode.extrapolation.weights)}
    if mode.double_bootstrap_groups:
        row |= {
            "groups_from_replicas": mode.double_bootstrap_groups,
            "replicas_per_group_from_replicas": double_bootstrap_replicas(design.n),
        }
    return row


def _floor_rows(prepared: list[Prepared], model: Pipeline) -> list[dict[str, Any]]:
    """What the same input gives a second time: other than 0 the pipeline is not deterministic (SCIENCE 2.9)."""
    return [
        {"image": image, "measurement": measurement.name, "difference": float(difference)}
        for image, entry in enumerate(prepared)
        for measurement, difference in zip(model.measurements, entry.floor, strict=True)
    ]


def _dataset(plan: Plan, predictions: Predictions, names: list[str]) -> xr.Dataset:
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
