"""Several pipelines as one: each image is drawn and coded once, and every pipeline measures it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import Differentiable, Measurement, Pipeline, TakesPixelSize
from sigmaraw.errors import InvalidOption
from sigmaraw.pipelines.base import in_float32

JOINT = " & "
"""What stands between the specifications of several pipelines."""


class SeveralPipelines(Pipeline):
    """Pipelines that measure the same images. Measurements are ``pipeline/measurement`` where two pipelines have one of the same name.

    Parameters
    ----------
    pipelines : sequence of Pipeline
        In order; each specification once.

    Raises
    ------
    InvalidOption
        One of them twice.
    """

    name = "several"

    def __init__(self, pipelines: Sequence[Pipeline]) -> None:
        specs = [pipeline.spec for pipeline in pipelines]
        repeated = next((spec for spec in specs if specs.count(spec) > 1), None)
        if repeated is not None:
            raise InvalidOption(f"pipeline '{repeated}' given twice", "each pipeline once", "remove one of the two")
        super().__init__(JOINT.join(specs))
        self.pipelines = tuple(pipelines)
        short = [_short(pipeline) for pipeline in pipelines]
        self.labels = [name if short.count(name) == 1 else spec for name, spec in zip(short, specs, strict=True)]

    @property
    def measurements(self) -> tuple[Measurement, ...]:  # type: ignore[override]  # those of a function come with its first call
        """What the pipelines predict, one after the other."""
        rows = []
        for pipeline, names in zip(self.pipelines, self._names(), strict=True):
            rows += [
                row
                if names[row.name] == row.name
                else replace(row, name=names[row.name], definition=f"{row.definition} (pipeline {names[row.name].rpartition('/')[0]})")
                for row in pipeline.measurements
            ]
        return tuple(rows)

    def _names(self) -> list[dict[str, str]]:
        """Return, for each pipeline, what each of its measurements is called here."""
        plain = [row.name for pipeline in self.pipelines for row in pipeline.measurements]
        return [
            {row.name: f"{label}/{row.name}" if plain.count(row.name) > 1 else row.name for row in pipeline.measurements}
            for pipeline, label in zip(self.pipelines, self.labels, strict=True)
        ]

    def config(self) -> dict[str, Any]:
        """Return the settings of each pipeline (JSON values)."""
        return {"name": self.name, "spec": self.spec, "pipelines": [pipeline.config() for pipeline in self.pipelines]}

    @property
    def awaits_pixel_size(self) -> bool:
        """Whether one of them awaits the pixel size of the images."""
        return any(isinstance(pipeline, TakesPixelSize) and pipeline.awaits_pixel_size for pipeline in self.pipelines)

    def with_pixel_size(self, sizes: tuple[float, ...]) -> SeveralPipelines:
        """Return the same pipelines for images of that pixel size, µm along each axis."""
        return SeveralPipelines(
            [
                pipeline.with_pixel_size(sizes) if isinstance(pipeline, TakesPixelSize) and pipeline.awaits_pixel_size else pipeline
                for pipeline in self.pipelines
            ]
        )

    def in_float32(self) -> Pipeline | None:
        """Return the same pipelines, those of a lower precision in float32; None where all compute so themselves."""
        twins = [in_float32(pipeline) for pipeline in self.pipelines]
        if all(twin is None for twin in twins):
            return None
        return SeveralPipelines([pipeline if twin is None else twin for pipeline, twin in zip(self.pipelines, twins, strict=True)])

    def __call__(self, raw: Any) -> dict[str, float]:
        """Return the measurements of all pipelines of one image. Raises as they do."""
        return self._joined([pipeline(raw) for pipeline in self.pipelines])

    def batch(self, images: NDArray[np.integer]) -> dict[str, NDArray[np.float64]]:
        """Return per measurement a float64 array (image). Raises as the pipelines do."""
        return self._joined([pipeline.batch(images) for pipeline in self.pipelines])

    def _joined(self, values: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        return {names[key]: value for names, found in zip(self._names(), values, strict=True) for key, value in found.items()}

    def gradient(self, image: NDArray[np.integer]) -> Mapping[str, NDArray[np.floating]]:
        """Return the derivatives of those pipelines that have them."""
        return self._joined([pipeline.gradient(image) if isinstance(pipeline, Differentiable) else {} for pipeline in self.pipelines])


def _short(pipeline: Pipeline) -> str:
    """Return what a pipeline is called before its measurements: its name, its function's, or that of its file."""
    spec = pipeline.spec
    if spec.endswith(".toml"):
        return Path(spec).stem
    if pipeline.name not in ("function", "labels"):
        return pipeline.name
    function = spec.removeprefix("labels:").partition(",")[0]
    return function.rpartition(":")[2] or pipeline.name


def parts_of(text: str) -> list[str]:
    """Return the specifications of several pipelines, joined by `JOINT` outside of quotation marks.

    Examples
    --------
    >>> parts_of('otsu & run:"sh -c a & b"')
    ['otsu', 'run:"sh -c a & b"']
    """
    if JOINT not in text:
        return [text]
    parts, start, inside = [], 0, False
    for place, character in enumerate(text):
        inside ^= character == '"'
        if not inside and place >= start and text.startswith(JOINT, place):
            parts.append(text[start:place].strip())
            start = place + len(JOINT)
    return [*parts, text[start:].strip()]
