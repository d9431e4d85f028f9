"""σ_raw by the law of propagation of uncertainty, beside that of the replicas (JCGM 101 clause 8)."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import Differentiable, Pipeline, ReplicaMode
from sigmaraw.errors import InvalidPrediction
from sigmaraw.record.results import DeltaRow
from sigmaraw.record.words import Reason
from sigmaraw.statistics import Propagation, compare
from sigmaraw.statistics.spread import widen
from sigmaraw.study.predicting import predict
from sigmaraw.study.study_image import StudyImage


@dataclasses.dataclass(frozen=True)
class Linear:
    """A measurement to first order about the centre of the replicas: its value there and the spread that noise gives it."""

    estimate: float
    sigma: float


def linearise(image: StudyImage, pipeline: Pipeline, mode: ReplicaMode) -> dict[str, Linear]:
    """Return the measurements that the pipeline differentiates, to first order about the replicas' centre c.

        y = f(x₀) + Σ(∂χ/∂x)(c − x₀),  σ = √(Σ(∂χ/∂x)² V(c)),  x₀ = c rounded to whole DN

    Pipelines take integers, so derivatives are those at x₀. Pixels vary independently.

    Raises
    ------
    InvalidPrediction
        A derivative of another shape than the image, or of something that the pipeline does not measure.

    References
    ----------
    JCGM 100 (2008) 5.1.2, with ∂χ/∂x as sensitivity coefficients.
    """
    if not isinstance(pipeline, Differentiable) or image.noise_model is None:
        return {}
    centre = mode.centre(image.source, image.noise_model)
    exact = centre.dtype == image.frame.dtype  # around the frame itself: no copy of a volume
    whole: NDArray[np.integer] = np.asarray(centre if exact else np.rint(centre), dtype=image.frame.dtype)
    gradients = pipeline.gradient(whole)
    values = (
        dict(zip((row.name for row in pipeline.measurements), predict(pipeline, whole[np.newaxis])[:, 0], strict=True)) if gradients else {}
    )
    found = {}
    for name, gradient in gradients.items():
        if name not in values or np.shape(gradient) != whole.shape:
            raise InvalidPrediction(
                f"pipeline '{pipeline.spec}' gave for '{name}' a derivative of shape {np.shape(gradient)}",
                f"{', '.join(values)}, each of shape {whole.shape}",
                "correct the pipeline's gradient",
            )
        found[name] = _linear(float(values[name]), np.asarray(gradient), centre, whole, image)
    return found


def _linear(value: float, gradient: NDArray[Any], centre: NDArray[Any], whole: NDArray[Any], image: StudyImage) -> Linear:
    """Return value and spread to first order, plane by plane: a volume in float64 would take several times the memory."""
    assert image.noise_model is not None  # there is no law of propagation without a variance
    moved = variance = 0.0
    for g, c, x in zip(*(array.reshape(-1, *array.shape[-2:]) for array in (gradient, centre, whole)), strict=True):
        slope = g.astype(np.float64)
        moved += float((slope * (c - x.astype(np.float64))).sum())
        variance += float((slope**2 * image.noise_model.variance(c)).sum())
    return Linear(value + moved, math.sqrt(variance) if math.isfinite(variance) else math.nan)


def propagations(
    linear: dict[str, Linear], pipeline: Pipeline, raw: NDArray[np.float64], spread_factor: float, *, independent: bool, extrapolated: bool
) -> dict[str, Propagation]:
    """Return by measurement how the first-order spread compares with that of replicas.

    Parameters
    ----------
    raw : ndarray of float
        Raw predictions of one image, (group, replica, measurement).
    spread_factor : float
        σ_raw over the spread of the replicas.
    independent : bool
        Whether each group has different replicas; else all groups share the same.
    extrapolated : bool
        Whether replicas lie on noise levels other than the result's: σ then has no spread of replicas to be compared with.
    """
    found = {}
    for column, measurement in enumerate(pipeline.measurements):
        at_centre = linear.get(measurement.name)
        if at_centre is None:
            found[measurement.name] = Propagation(Reason.NOT_DIFFERENTIABLE)
            continue
        if extrapolated and not measurement.discrete and at_centre.sigma > 0:
            found[measurement.name] = Propagation(Reason.EXTRAPOLATED, sigma=at_centre.sigma)
            continue
        values = raw[:, :, column] if independent else raw[:1, :, column]
        widened = widen(values, spread_factor) if np.isfinite(values).all() else values
        found[measurement.name] = compare(at_centre.estimate, at_centre.sigma, widened, discrete=measurement.discrete)
    return found


def delta_row(found: Propagation) -> DeltaRow:
    """Return the record's `delta` of a result."""
    return DeltaRow(
        reason=str(found.reason),
        accepted=found.accepted,
        sigma=found.sigma,
        ratio=found.ratio,
        u_ratio=found.u_ratio,
        interval=found.interval,
        replicas_interval=found.replicas_interval,
        d_low=found.d_low,
        d_high=found.d_high,
        u_low=found.u_low,
        u_high=found.u_high,
        tolerance=found.tolerance,
        n_dig=found.digits,
    )
