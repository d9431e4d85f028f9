"""A pipeline asked for predictions: its answers checked, its failures named by image and replica."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import FindsObjects, Pipeline
from sigmaraw.errors import InvalidPrediction, PredictionFailed, SigmarawError
from sigmaraw.pipelines.failures import raised_by
from sigmaraw.study.objects import Followed, ObjectBlock, joined

if TYPE_CHECKING:
    from sigmaraw.contracts import Block


def predict_following(
    pipeline: Pipeline, images: Block, followed: Followed | None, where: str = "", first: int | None = None
) -> tuple[NDArray[np.float64], ObjectBlock | None]:
    """Return predictions as `predict` does, and what the images show of the objects that are followed; None where none are."""
    if followed is None or not isinstance(pipeline, FindsObjects):
        return predict(pipeline, images, where, first), None
    shown: list[ObjectBlock] = []

    def batch(images: Any) -> dict[str, NDArray[np.float64]]:
        values, found = pipeline.batch_with_objects(np.asarray(images))
        shown.extend(map(followed.match, found))
        return values

    return predict(pipeline, images, where, first, batch), joined(shown)


def predict(
    pipeline: Pipeline, images: Block, where: str = "", first: int | None = None, batch: Callable[[Any], Mapping[str, Any]] | None = None
) -> NDArray[np.float64]:
    """Return predictions (measurement, image) as float64, in the order of `pipeline.measurements`.

    Parameters
    ----------
    where : str
        What the images are, such as "image 0", for the message of a failure.
    first : int or None
        The number of the first of them, where they are replicas.
    batch : callable, optional
        What is called in place of `pipeline.batch`.

    Raises
    ------
    InvalidPrediction
        The pipeline returns other names or another number of values than it declares.
    PredictionFailed
        The pipeline raised an exception.
    """
    try:
        values = (batch or pipeline.batch)(images)
    except PredictionFailed as error:
        raise _placed(error, len(images), where, first) from error
    except SigmarawError:
        raise
    except (Exception, SystemExit) as error:
        raise _placed(raised_by(pipeline.spec, error), len(images), where, first) from error
    names = [measurement.name for measurement in pipeline.measurements]
    if set(values) != set(names):
        raise InvalidPrediction(
            f"pipeline '{pipeline.spec}' returned {', '.join(sorted(values))}", ", ".join(names), "return the declared measurements"
        )
    rows = [np.asarray(values[name], dtype=np.float64) for name in names]
    for name, row in zip(names, rows, strict=True):
        if row.shape != (len(images),):
            raise InvalidPrediction(
                f"pipeline '{pipeline.spec}' returned {row.shape} values of {name}",
                f"{len(images)}, one per image",
                "return one number each",
            )
    return np.stack(rows)


def _placed(error: PredictionFailed, count: int, where: str, first: int | None) -> PredictionFailed:
    """Return the failure with the image, and the replica where it is one, on which it came."""
    index = 0 if count == 1 else error.index
    if first is None:
        replica = ""
    elif index is None:
        replica = f", one of replicas {first} to {first + count - 1}"
    else:
        replica = f", replica {first + index}"
    return PredictionFailed(f"{error.found} on {where or 'an image'}{replica}", error.expected, error.remedy)


@functools.lru_cache(maxsize=4)
def _pipeline(spec: str) -> Pipeline:
    from sigmaraw.pipelines import pipeline

    return pipeline(spec)


def resolve_pipeline(pipeline: Pipeline | str) -> Pipeline:
    """Return the pipeline of a specification, loaded once per process."""
    return _pipeline(pipeline) if isinstance(pipeline, str) else pipeline
