"""Before a study: whether the pipeline is a function of one image, and each codec of its input."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import Codec, Pipeline, ReplicaMode, ReplicaRequest
from sigmaraw.errors import AnswersDiffer
from sigmaraw.noise import draw
from sigmaraw.pipelines.base import in_float32
from sigmaraw.study.evidence import ALLOWED
from sigmaraw.study.first_replica import searches
from sigmaraw.study.plan import NO_REPLICAS
from sigmaraw.study.predicting import predict
from sigmaraw.study.side_by_side import Later
from sigmaraw.study.study_image import Hint, StudyImage
from sigmaraw.study.trips import distort

_TRIPLES, _LINEAR = 4, 0.05  # triples of replicas, and the share of σ_raw that a linear measurement may be off
LINEAR_REPLICAS = 3 * _TRIPLES
_FIRST = 20  # replicas of the small block that gives a first σ_raw, good to 16 %


def replicas_of(image: StudyImage, mode: ReplicaMode, seed: int, n: int) -> list[NDArray[np.integer]]:
    """Return the first replicas of group 0, or as many real repeats as there are."""
    if mode.name == NO_REPLICAS:
        return [image.frame]
    count = n if mode.draws_noise else min(n, len(image.source))
    drawn = draw(mode, image.unchanging, image.noise_model, ReplicaRequest(count, seed, batch=1))
    return [np.asarray(block)[0] for block in drawn]


def pipeline_difference(pipeline: Pipeline, images: Sequence[NDArray[np.integer]]) -> NDArray[np.float64]:
    """Return the largest difference between answers on the same image: (measurement,), the measurements' units.

    Images are predicted together, together once more, in reverse order, and one by one; volumes, which a study never holds several of, one
    by one in both orders. Answers that are NaN both times agree.

    Parameters
    ----------
    pipeline : Pipeline
        The study's pipeline.
    images : sequence of ndarray
        x, C(x) and two replicas, DN.

    Returns
    -------
    ndarray
        float64; infinite where one answer is a number and the other is not.
    """
    indices = list(range(len(images)))
    orders = [[[i] for i in indices], [[i] for i in reversed(indices)]]
    if images[0].ndim == 2:
        orders += [[indices], [indices], [indices[::-1]]]
    answers = [_answers(pipeline, images, order) for order in orders]
    return np.max([difference(answers[0], other) for other in answers[1:]], axis=0)


def _answers(pipeline: Pipeline, images: Sequence[NDArray[np.integer]], batches: list[list[int]]) -> NDArray[np.float64]:
    """Return (measurement, image) where the images were predicted in these batches."""
    found = np.empty((len(pipeline.measurements), len(images)))
    for batch in batches:
        found[:, batch] = predict(pipeline, np.stack([images[i] for i in batch]), "image 0, testing whether answers repeat")
    return found


def difference(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return max |first − second| over images: (measurement,). first, second : (measurement, image)."""
    with np.errstate(invalid="ignore"):
        apart = np.abs(first - second)
    same = (first == second) | (np.isnan(first) & np.isnan(second))
    return np.where(same, 0.0, np.where(np.isnan(apart), np.inf, apart)).max(axis=1)


def codec_difference(
    codec: Codec,
    hint: Hint,
    pipeline: Pipeline,
    frame: NDArray[np.integer],
    other: NDArray[np.integer],
    decoded: NDArray[np.integer] | None = None,
    *,
    between: bool = False,
    shorter: bool = False,
) -> NDArray[np.float64]:
    """Return how far predictions on C(x) differ when x is coded twice, another image between: (measurement,).

    Parameters
    ----------
    codec : Codec
        As used on the image.
    hint : tuple or None
        Where its search for a setting starts.
    pipeline : Pipeline
        The study's pipeline.
    frame : ndarray
        x, DN.
    other : ndarray
        The image between.
    decoded : ndarray, optional
        C(x) as it was coded first, without the hint.
    between : bool, default False
        Another image has been coded since `decoded` was.
    shorter : bool, default False
        The codec distorts without coding, and `decoded` is what it distorts x to: then that is done twice. Whether it is what the codec
        decodes to is asked of every replica that is coded in full.
    """

    def coded(image: NDArray[np.integer]) -> NDArray[np.integer]:
        distorted = distort(codec, image) if shorter else None
        return codec.apply(image, hint).decoded if distorted is None else distorted

    first = coded(frame) if decoded is None else decoded
    if decoded is None or not between:
        coded(other)
    second = coded(frame)
    if decoded is not None and searches(hint) and not np.array_equal(first, second):
        first = second  # the hint may lead to another setting: with it, the same ones are to be compared
        coded(other)
        second = coded(frame)
    if np.array_equal(first, second):
        return np.zeros(len(pipeline.measurements))
    where = f"image 0 after '{codec.spec}', coded twice"
    return difference(*(predict(pipeline, decoded[np.newaxis], where) for decoded in (first, second)))


def precision_difference(pipeline: Pipeline, twin: Pipeline, images: Sequence[NDArray[np.integer]]) -> NDArray[np.float64]:
    """Return how far answers in a lower precision lie from those in float32: (measurement,), the largest over images."""
    answers = [_answers(each, images, [[index] for index in range(len(images))]) for each in (pipeline, twin)]
    return difference(*answers)


def refuse_differences(what: str, found: NDArray[np.float64], pipeline: Pipeline, replicas: Sequence[NDArray[np.integer]]) -> None:
    """Refuse differences above a tenth of σ_raw, of which a first small block of replicas gives an estimate.

    Raises
    ------
    AnswersDiffer
        Names the measurement that differs most in units of σ_raw.
    """
    if not found.any():
        return
    if len(replicas) < 2:  # without a camera: what answers differ by is held against the margin of each row
        return
    answers = np.concatenate([predict(pipeline, one[np.newaxis], "image 0, first replicas") for one in replicas], axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = np.where(found > 0.0, found / np.nan_to_num(answers.std(axis=1, ddof=1)), 0.0)
    worst = int(np.argmax(shares))
    if shares[worst] <= ALLOWED:
        return
    name, unit = pipeline.measurements[worst].name, pipeline.measurements[worst].unit
    size = f"{found[worst]:.3g}" if unit == "1" else f"{found[worst]:.3g} {unit}"
    raise AnswersDiffer(
        f"{what}: {name} differs by {size}, which is {shares[worst]:.3g} σ_raw",
        f"the same answer to the same image, to {ALLOWED:g} σ_raw, whatever is predicted with it, before it or after it",
        "put the model in evaluation mode and fix its random numbers (a codec: its seed), or state --allow-nondeterminism",
    )


class Sameness:
    """Whether pipeline and codecs answer alike, on the study's first image.

    Parameters
    ----------
    image : StudyImage
        The image; its codecs are not looked at.
    pipeline : Pipeline
        The study's pipeline.
    mode : ReplicaMode
        The replica mode.
    seed : int
        Study seed.
    allowed : bool
        Differences of any size are taken into u, and none is refused.
    later : callable
        Begins a call and returns what it will give.
    """

    def __init__(
        self,
        image: StudyImage,
        pipeline: Pipeline,
        mode: ReplicaMode,
        seed: int,
        *,
        allowed: bool,
        later: Callable[[Callable[[], NDArray[np.float64]]], Later[NDArray[np.float64]]],
    ) -> None:
        self._image, self._pipeline, self._allowed, self._later = image, pipeline, allowed, later
        self._drawn = functools.partial(replicas_of, image, mode, seed)
        self._replicas = self._drawn(2)
        self._block: list[NDArray[np.integer]] = []
        self._found = np.zeros(len(pipeline.measurements))
        self._of_codecs: list[tuple[str, Later[NDArray[np.float64]]]] = []

    def ask_pipeline(self, decoded: NDArray[np.integer]) -> None:
        """Predict images in other company, and where a network computes in less than float32 also in that.

        Parameters
        ----------
        decoded : ndarray
            C(x) of the first codec, DN.

        Raises
        ------
        AnswersDiffer
            A difference is above a tenth of σ_raw and not allowed.
        """
        pipeline, images = self._pipeline, [self._image.frame, decoded, *self._replicas]
        self._take(f"pipeline '{pipeline.spec}' answers the same image differently", pipeline_difference(pipeline, images))
        twin = in_float32(pipeline)
        if twin is not None:
            found = precision_difference(pipeline, twin, images)
            self._take(f"pipeline '{pipeline.spec}' answers otherwise than in float32", found)

    def ask_codec(self, codec: Codec, hint: Hint, decoded: NDArray[np.integer] | None, *, between: bool, shorter: bool) -> None:
        """Have x coded once more by a codec, later. Parameters as in `codec_difference`."""
        arguments = codec, hint, self._pipeline, self._image.frame, self._replicas[-1], decoded
        call = functools.partial(codec_difference, *arguments, between=between, shorter=shorter)
        self._of_codecs.append((codec.spec, self._later(call)))

    def largest(self) -> NDArray[np.float64]:
        """Return per measurement the largest difference between answers on the same image, of the pipeline and of all codecs.

        Raises AnswersDiffer as `ask_pipeline` does.
        """
        for spec, differences in self._of_codecs:
            self._take(f"codec '{spec}' decodes the same image differently", differences.result())
        return self._found

    def _take(self, what: str, differences: NDArray[np.float64]) -> None:
        if not self._allowed and differences.any():
            self._block = self._block or self._drawn(_FIRST)
            refuse_differences(what, differences, self._pipeline, self._block)
        self._found = np.maximum(self._found, differences)


def linear_in_noise(pipeline: Pipeline, replicas: Sequence[NDArray[np.integer]]) -> NDArray[np.bool_]:
    """Return per measurement whether it is linear in the noise, on the replicas of one image.

        f(A + B − C) = f(A) + f(B) − f(C) for a linear f, whatever it is linear in

    A, B and C are replicas, so that no rounding enters. It must hold to a twentieth of σ_raw for every triple. A count is never called
    linear, since an equality of whole numbers says little, and nothing is where a pixel of A + B − C leaves the range of its dtype.

    Parameters
    ----------
    pipeline : Pipeline
        The study's pipeline.
    replicas : sequence of ndarray
        Three for each triple, DN.

    Returns
    -------
    ndarray of bool
        (measurement,).
    """
    none = np.zeros(len(pipeline.measurements), dtype=np.bool_)
    triples = [replicas[start : start + 3] for start in range(0, len(replicas) - 2, 3)]
    if len(triples) < _TRIPLES:
        return none
    combined = [a.astype(np.int64) + b.astype(np.int64) - c.astype(np.int64) for a, b, c in triples]
    limits = np.iinfo(replicas[0].dtype)
    if any(image.min() < limits.min or image.max() > limits.max for image in combined):
        return none
    images = [*(one for triple in triples for one in triple), *(image.astype(replicas[0].dtype) for image in combined)]
    answers = np.concatenate([predict(pipeline, one[np.newaxis], "image 0, testing whether answers are linear") for one in images], axis=1)
    single, joint = answers[:, : 3 * len(triples)], answers[:, 3 * len(triples) :]
    with np.errstate(invalid="ignore"):
        off = np.abs(joint - single[:, 0::3] - single[:, 1::3] + single[:, 2::3]).max(axis=1)
        sigma = single.std(axis=1, ddof=1)
        counts = np.array([measurement.discrete for measurement in pipeline.measurements])
        return np.asarray((off <= _LINEAR * sigma) & (sigma > 0.0) & ~counts)
