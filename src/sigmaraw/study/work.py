"""The one pure function that engines map: a block of replicas in, predictions and quality sums out."""

from __future__ import annotations

import functools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import Codec, Pipeline, ReplicaMode, RoundTrip
from sigmaraw.errors import CodecFailed, InvalidPrediction
from sigmaraw.metrics import QualityMoments, block_quality
from sigmaraw.pipelines.threads import available_cores
from sigmaraw.study.plan import WorkItem

if TYPE_CHECKING:
    from sigmaraw.noise import NoiseModel


@dataclass(frozen=True)
class Scene:
    """One image of the study, ready to be drawn from.

    frame : x, the raw frame, (y, x) or (z, y, x), DN. source : what the mode draws from, x itself or (repeat, …).
    codecs, hints : per codec, the codec as used on this image (frozen settings resolved) and its search's warm start.
    """

    frame: NDArray[np.integer]
    source: NDArray[np.integer]
    model: NoiseModel
    codecs: tuple[Codec, ...] = ()
    hints: tuple[Any, ...] = ()


@dataclass(frozen=True)
class BlockResult:
    """Predictions (measurement, replica) of one work item; codec figures are None for group 0."""

    item: WorkItem
    raw: NDArray[np.float64]
    decoded: NDArray[np.float64] | None = None
    nbytes: tuple[int, ...] = ()
    achieved: tuple[dict[str, Any], ...] = ()
    quality: QualityMoments | None = None


@dataclass(frozen=True)
class Job:
    """The function with everything that it needs; picklable when `pipeline` is a specification.

    repeats : where the mode draws from real repeats, the frames of each group; groups may share theirs.
    batch : replicas held at once, None for the mode's own choice; it changes memory, not numbers.
    workers : threads that code replicas while the model predicts, None for one per core, 0 for none; it changes speed, not numbers.
    """

    scenes: tuple[Scene, ...]
    pipeline: Pipeline | str
    mode: ReplicaMode
    seed: int
    repeats: tuple[range, ...] | None = None
    batch: int | None = None
    workers: int | None = None

    def __call__(self, item: WorkItem) -> BlockResult:
        """Return the predictions of one block of replicas and, for a codec's group, of their decoded versions."""
        scene = self.scenes[item.image]
        pipeline = resolve_pipeline(self.pipeline)
        replicas = self.draw(scene, item)
        if item.group == 0:
            return BlockResult(item, self._predict(pipeline, replicas))
        codec, hint = scene.codecs[item.group - 1], scene.hints[item.group - 1]
        raw, trips = self._predict_and_code(pipeline, codec, replicas, hint)
        decoded = np.stack([trip.decoded for trip in trips])
        if decoded.shape != replicas.shape or decoded.dtype != replicas.dtype:
            raise CodecFailed(
                f"codec '{codec.spec}' returned {decoded.dtype} {decoded.shape[1:]}",
                f"{replicas.dtype} {replicas.shape[1:]}",
                "report this to the codec's author",
            )
        return BlockResult(
            item,
            raw,
            self._predict(pipeline, decoded),
            tuple(trip.nbytes for trip in trips),
            tuple(dict(trip.achieved) for trip in trips),
            block_quality(replicas, decoded, scene.model.variance(scene.frame)),
        )

    def draw(self, scene: Scene, item: WorkItem) -> NDArray[np.integer]:
        """Return the block's replicas (replica, …) in the frame's dtype."""
        source, group = scene.source, item.group
        if self.repeats is not None:
            frames = self.repeats[item.group]
            source, group = source[frames.start : frames.stop], 0
        blocks = self.mode.blocks(source, scene.model, n=item.count, start=item.start, group=group, seed=self.seed, batch=self.batch)
        return np.concatenate([np.asarray(block) for block in blocks])

    def _predict_and_code(
        self, pipeline: Pipeline, codec: Codec, replicas: NDArray[np.integer], hint: Any
    ) -> tuple[NDArray[np.float64], list[RoundTrip]]:
        """Return the predictions of the replicas themselves and their round trips, which are made in threads meanwhile.

        Every replica is coded by itself from the same hint, so that the order of work changes no number.
        """
        workers = available_cores() if self.workers is None else self.workers
        if workers == 0:
            return self._predict(pipeline, replicas), [codec.apply(replica, hint) for replica in replicas]
        pool = ThreadPoolExecutor(workers, "codec")
        try:
            coming = [pool.submit(codec.apply, replica, hint) for replica in replicas]
            raw = self._predict(pipeline, replicas)
            return raw, [trip.result() for trip in coming]
        finally:
            pool.shutdown(cancel_futures=True)

    def _predict(self, pipeline: Pipeline, images: NDArray[np.integer]) -> NDArray[np.float64]:
        step = self.batch or len(images)
        parts = [predict(pipeline, images[start : start + step]) for start in range(0, len(images), step)]
        return np.concatenate(parts, axis=1)


def predict(pipeline: Pipeline, images: NDArray[np.integer]) -> NDArray[np.float64]:
    """Return predictions (measurement, image) as float64, in the order of `pipeline.measurements`.

    Raises InvalidPrediction when the pipeline returns other names or another number of values than it declares.
    """
    values = pipeline.batch(images)
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


@functools.lru_cache(maxsize=4)
def _pipeline(spec: str) -> Pipeline:
    from sigmaraw.pipelines import pipeline

    return pipeline(spec)


def resolve_pipeline(pipeline: Pipeline | str) -> Pipeline:
    """Return the pipeline of a specification, loaded once per process."""
    return _pipeline(pipeline) if isinstance(pipeline, str) else pipeline
