"""What a record's digest is taken over, and whether a folder still agrees with it."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from sigmaraw.integrity.canonical import digest
from sigmaraw.record.content import Content
from sigmaraw.record.fields import plain

if TYPE_CHECKING:
    import xarray as xr

    from sigmaraw.netcdf import Arrays

_OUTSIDE_DIGEST = frozenset({"created", "digest", "path", "hardware"})
PREDICTIONS = ("raw_prediction", "codec_prediction")


def document_of(content: Content) -> dict[str, Any]:  # JSON's own shape
    """Return the JSON values of a record: what record.json holds. Parts that a study has not are left out."""
    document = plain(content)
    return {key: value for key, value in document.items() if value is not None or key not in ("objects", "sweep", "search")}


def digest_of(document: Mapping[str, Any]) -> str:
    """Return the SHA-256 over the canonical JSON (RFC 8785) of a record, times, paths and hardware left out.

    A pipeline's specification may name a model's file: where the model's own SHA-256 stands beside it, the specification is a
    path and is left out too.
    """
    kept = _pruned(document)
    pipeline, plan = kept.get("pipeline"), kept.get("plan")
    if isinstance(pipeline, dict) and isinstance(plan, dict) and _has_model(pipeline):
        kept["pipeline"] = _without_paths(pipeline)
        kept["plan"] = {key: value for key, value in plan.items() if key not in ("pipeline", "sha256")}
    return digest(kept)


_UNSTATED: dict[str, object] = {
    "bits": None,
    "agreement": [],
    "rule": "equivalence",
    "specimens": [],
    "coded_share": 0.05,
    "protocol": None,
    "objects": False,
}
"""Parts of a plan that are left out of its digest where it does not state them: plans keep the digest that they had before these parts."""

_LATER = ("model_influence", "decision_consequence")  # of a protocol, likewise


def plan_digest(plan: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a plan's JSON values, its times, lock and digest left out."""
    values = {
        name: value
        for name, value in plan.items()
        if name not in ("sha256", "created", "lock") and (name not in _UNSTATED or value != _UNSTATED[name])
    }
    limits = values.get("limits")
    if isinstance(limits, Mapping) and _default_limits(limits):
        values["limits"] = {name: value for name, value in limits.items() if name != "rms_counts"}
    protocol = values.get("protocol")
    if isinstance(protocol, Mapping):
        values["protocol"] = {name: value for name, value in protocol.items() if value or name not in _LATER}
    canonical = json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _default_limits(limits: Mapping[str, Any]) -> bool:
    """Return whether the limit on counts is the one that follows where none is stated."""
    counts = limits.get("rms_counts")
    return counts is None or (limits.get("rms") == 1.0 and counts == math.sqrt(2.0))


def _has_model(pipeline: Mapping[str, Any]) -> bool:
    """Return whether a pipeline, or one of several, read a model's file."""
    several = pipeline.get("pipelines")
    return bool(pipeline.get("model_sha256")) or (isinstance(several, list) and any(entry.get("model_sha256") for entry in several))


def _without_paths(pipeline: Mapping[str, Any]) -> dict[str, Any]:
    """Return a pipeline's settings without the paths of its model; of several, without those of each."""
    kept = {key: value for key, value in pipeline.items() if key not in ("model", "spec", "weights")}
    if isinstance(kept.get("pipelines"), list):
        kept["pipelines"] = [_without_paths(entry) if entry.get("model_sha256") else entry for entry in kept["pipelines"]]
    return kept


def _pruned(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _pruned(entry) for key, entry in value.items() if key not in _OUTSIDE_DIGEST}
    if isinstance(value, list):
        return [_pruned(entry) for entry in value]
    return value


def predictions_digest(dataset: xr.Dataset | Arrays) -> str:
    """Return the SHA-256 over the predictions in result.nc, independent of how the file is laid out."""
    digest = hashlib.sha256()
    for name in PREDICTIONS:
        values = np.ascontiguousarray(dataset[name].values, dtype="<f8")
        digest.update(f"{name}{values.shape}".encode())
        digest.update(values.tobytes())
    return digest.hexdigest()
