"""A pipeline's segmentation held against references: metrics of masks become measurements."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw import registry
from sigmaraw.contracts import FindsObjects, FoundObjects, Measurement, Metric, Pipeline, Segmenting, SegmentingBatches
from sigmaraw.errors import InvalidPlan, InvalidSpec, ShapeMismatch
from sigmaraw.metrics.masks import BoxesTouched, mean_agreement
from sigmaraw.pipelines.base import columns, with_part_in_float32
from sigmaraw.pipelines.several import SeveralPipelines


def agreement_metrics(names: Sequence[str], spacing: tuple[float, ...] | None = None) -> dict[str, Metric]:
    """Return the metrics of masks that are asked for, by the name of their measurement; all that are registered for none.

    Parameters
    ----------
    names : sequence of str
        ``hd95``, or with settings ``nsd:tolerance=2`` and ``recall:aggregate=mean``.
    spacing : tuple of float, optional
        Size of a pixel along each axis, for distances.

    Raises
    ------
    InvalidPlan
        A metric that does not exist or compares images; a setting that it does not take.
    """
    known = {entry.name: entry.found for entry in registry.installed(registry.METRICS) if entry.found and entry.found.compares == "masks"}
    known[BoxesTouched.name] = BoxesTouched
    made: dict[str, Metric] = {}
    for text in names or list(known):
        try:
            step = registry.parse_step(text)
        except InvalidSpec as error:
            raise InvalidPlan(f"metric '{text[:60]}'", "name or name:key=value", "correct it") from error
        if step.name not in known or step.bare is not None:
            raise InvalidPlan(f"metric '{text[:60]}'", f"one of {', '.join(known)}", "name a metric of masks")
        options: dict[str, Any] = {key: _number(value) for key, value in step.keys.items()}
        if known[step.name].takes_spacing and spacing is not None:
            options["spacing"] = spacing
        try:
            made[text] = known[step.name](**options)
        except TypeError as error:
            raise InvalidPlan(f"metric '{text[:60]}'", "settings that the metric takes", str(error)[:100]) from error
    return made


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


class AgreementPipeline(Pipeline):
    """A segmenting pipeline, with how well its objects agree with references beside its own measurements.

    Where an image has several references, an agreement is the mean over them; pairs of which both are empty are left out, unless all are.

    Parameters
    ----------
    inner : Pipeline
        Which segments.
    names : sequence of str
        Metrics, as `agreement_metrics` has them.
    spacing : tuple of float, optional
        Size of a pixel along each axis.
    unit : str, default "px"
        Of the spacing.

    Raises
    ------
    InvalidPlan
        The pipeline returns numbers and no objects.
    """

    def __init__(self, inner: Pipeline, names: Sequence[str] = (), spacing: tuple[float, ...] | None = None, unit: str = "px") -> None:
        if not isinstance(inner, Segmenting):
            raise InvalidPlan(
                f"a reference for the pipeline '{inner.spec}', which returns numbers and no objects",
                "a pipeline that segments",
                "leave --reference out, or let the model return its label image (labels:module:function)",
            )
        self.inner: Pipeline = inner
        self.names, self.spacing, self.unit = tuple(names), spacing, unit if spacing else "px"
        self.metrics = agreement_metrics(names, spacing)
        self.name, self.spec = inner.name, inner.spec
        self.references: tuple[NDArray[Any], ...] = ()

    def for_references(self, references: tuple[NDArray[Any], ...]) -> AgreementPipeline:
        """Return the same pipeline for an image with these references."""
        made = copy.copy(self)
        made.references = references
        return made

    def in_float32(self) -> Pipeline | None:
        """Return the same pipeline in float32; None where it computes so itself."""
        return with_part_in_float32(self, "inner")

    @property
    def agreement_names(self) -> dict[str, str]:
        """The measurement of each metric: its name, with "reference-" before it where the pipeline measures something of that name."""
        taken = {entry.name for entry in self.inner.measurements}
        return {name: f"reference-{name}" if name in taken else name for name in self.metrics}

    @property
    def measurements(self) -> tuple[Measurement, ...]:  # type: ignore[override]  # a function's come with its first call
        """What the pipeline measures, and the agreement."""
        named = self.agreement_names
        extra = [
            Measurement(
                named[name],
                self.unit if metric.unit == "px" else metric.unit,
                named[name],
                f"agreement of the objects with the reference: {metric.definition}",
                discrete=metric.discrete,
            )
            for name, metric in self.metrics.items()
        ]
        return (*self.inner.measurements, *extra)

    def config(self) -> dict[str, Any]:
        """Return the pipeline's settings, with the metrics and the spacing."""
        agreement = {"metrics": list(self.metrics), "spacing": list(self.spacing) if self.spacing else None, "unit": self.unit}
        return {**self.inner.config(), "reference": agreement}

    def __call__(self, raw: Any) -> dict[str, float]:
        """Return the measurements of one image."""
        return {name: float(values[0]) for name, values in self.batch(np.asarray(raw)[np.newaxis]).items()}

    def batch(self, images: NDArray[np.integer]) -> dict[str, NDArray[np.float64]]:
        """Return the measurements of many versions of the image whose references these are."""
        labels, values = self._segmented(np.asarray(images))
        return {**values, **self._agreements(labels)}

    @property
    def finds_objects(self) -> bool:
        """Whether objects can be followed one by one."""
        return isinstance(self.inner, FindsObjects) and self.inner.finds_objects

    def object_measurements(self, ndim: int) -> tuple[Measurement, ...]:
        """Return what is measured on each object."""
        assert isinstance(self.inner, FindsObjects)  # asked for only where `finds_objects`
        return self.inner.object_measurements(ndim)

    def batch_with_objects(self, images: NDArray[np.integer]) -> tuple[dict[str, NDArray[np.float64]], list[FoundObjects]]:
        """Return the measurements, agreement included, and the objects of each image."""
        assert isinstance(self.inner, FindsObjects)
        values, found = self.inner.batch_with_objects(images)
        return {**values, **self._agreements([one.labels for one in found])}, found

    def _segmented(self, images: NDArray[np.integer]) -> tuple[Sequence[NDArray[np.integer]], dict[str, NDArray[np.float64]]]:
        """Return the objects of each image, and the inner pipeline's own measurements."""
        if isinstance(self.inner, SegmentingBatches):
            return self.inner.segmented_batch(images)
        assert isinstance(self.inner, Segmenting)
        pairs = [self.inner.segmented(image) for image in images]  # in the caller's thread: a user's model may be no other thread's
        return [labels for labels, _ in pairs], columns(self.inner.measurements, [row for _, row in pairs])

    def _agreements(self, labels: Sequence[NDArray[np.integer]]) -> dict[str, NDArray[np.float64]]:
        named = self.agreement_names
        return {named[name]: np.array([self._agreement(metric, one) for one in labels]) for name, metric in self.metrics.items()}

    def _agreement(self, metric: Metric, labels: NDArray[np.integer]) -> float:
        for reference in self.references:
            if reference.shape != labels.shape:
                raise ShapeMismatch(f"a reference of {reference.shape}", f"the image's {labels.shape}", "give a mask of the same image")
        found = mean_agreement(metric, [(reference, labels) for reference in self.references])
        if found.counted == 0 and found.both_empty == len(self.references):
            return metric(self.references[0], labels)
        return found.value if found.undefined == 0 else math.nan


def with_agreement(pipeline: Pipeline, names: Sequence[str] = (), spacing: tuple[float, ...] | None = None, unit: str = "px") -> Pipeline:
    """Return a pipeline that measures agreement with references too; of several, each that segments.

    Parameters
    ----------
    pipeline : Pipeline
        One, or several as one.
    names : sequence of str
        As for `AgreementPipeline`.
    spacing : tuple of float, optional
        As for `AgreementPipeline`.
    unit : str, default "px"
        As for `AgreementPipeline`.

    Raises
    ------
    InvalidPlan
        No pipeline returns objects.
    """
    if isinstance(pipeline, SeveralPipelines) and any(isinstance(one, Segmenting) for one in pipeline.pipelines):
        parts = pipeline.pipelines
        return SeveralPipelines([AgreementPipeline(one, names, spacing, unit) if isinstance(one, Segmenting) else one for one in parts])
    return AgreementPipeline(pipeline, names, spacing, unit)


def for_references(pipeline: Pipeline, references: tuple[NDArray[Any], ...]) -> Pipeline:
    """Return a pipeline as it is for an image with these references.

    Parameters
    ----------
    pipeline : Pipeline
        As `with_agreement` gives it; any other is returned as it is.
    references : tuple of ndarray
        Masks of the image.
    """
    if isinstance(pipeline, SeveralPipelines):
        return SeveralPipelines([for_references(one, references) for one in pipeline.pipelines])
    return pipeline.for_references(references) if isinstance(pipeline, AgreementPipeline) else pipeline
