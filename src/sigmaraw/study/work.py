"""The pure function that engines map: it takes a work item and returns predictions and quality sums."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import Codec, Extrapolation, Measurement, OnDevice, Pipeline, ReplicaMode, ReplicaRequest
from sigmaraw.errors import CodecFailed, InvalidPrediction, NotIntegerData, PredictionFailed, SigmarawError
from sigmaraw.metrics import BlockQuality, QualityMoments
from sigmaraw.noise import draw
from sigmaraw.pipelines.failures import raised_by
from sigmaraw.pipelines.threads import available_cores
from sigmaraw.record.codecs import Achieved
from sigmaraw.study.plan import WorkItem

if TYPE_CHECKING:
    from sigmaraw.contracts import Block
    from sigmaraw.noise import NoiseModel


Hint = tuple[float | None, ...] | None
"""Where a codec's search for a setting starts, step by step."""

_CPU = 1  # DLPack's number for it
_HELD_BYTES = 32 << 20  # of frames that pass through codec and pipeline at a time


@dataclass(frozen=True)
class StudyImage:
    """One image of the study, ready to be drawn from.

    Parameters
    ----------
    frame : ndarray of int
        The raw frame x, (y, x) or (z, y, x), DN.
    source : ndarray of int
        What the mode draws from: x itself, or real repeats (repeat, …), DN.
    codecs : tuple of Codec, optional
        The codecs as used on this image, frozen targets resolved.
    noise_model : NoiseModel or None
        The camera's, fitted to the image; None without a camera.
    hints : tuple of Hint, optional
        For each codec, where its search for a setting starts.
    shift : int, default 0
        What was added to the file's values, DN; the pipeline sees the file's values.
    """

    frame: NDArray[np.integer]
    source: NDArray[np.integer]
    noise_model: NoiseModel | None
    codecs: tuple[Codec, ...] = ()
    hints: tuple[Hint, ...] = ()
    shift: int = 0


@dataclass(frozen=True)
class BlockResult:
    """Predictions (measurement, replica) of one work item; codec figures are None for group 0."""

    item: WorkItem
    raw: NDArray[np.float64]
    decoded: NDArray[np.float64] | None = None
    nbytes: tuple[int, ...] = ()
    achieved: tuple[Achieved, ...] = ()
    quality: tuple[QualityMoments, ...] = ()


@dataclass(frozen=True)
class Job:
    """The function that engines map, with everything that it needs; picklable where `pipeline` is a specification.

    Parameters
    ----------
    repeats : tuple of range, optional
        Where the mode draws from real repeats, the frames of each group; groups may share frames.
    batch : int, optional
        Replicas held at once, None for the mode's choice; it changes memory, not numbers.
    workers : int, optional
        Threads that code replicas while the pipeline predicts, None for one per core, 0 for none; it changes speed, not numbers.
    device : bool, optional
        Whether the pipeline takes replicas on the device that draws them, None for yes where it computes on that GPU; codecs take them
        from the host in any case.
    """

    images: tuple[StudyImage, ...]
    pipeline: Pipeline | str
    mode: ReplicaMode
    seed: int
    repeats: tuple[range, ...] | None = None
    batch: int | None = None
    workers: int | None = None
    device: bool | None = None

    def __call__(self, item: WorkItem) -> BlockResult:
        """Return the predictions of one block of replicas and, for a codec's group, of their decoded versions.

        Replicas pass through codec and pipeline as they are drawn, as many at a time as the mode yields: one, where it is a volume.
        """
        image = self.images[item.image]
        pipeline = seen_by(resolve_pipeline(self.pipeline), image)
        raw: list[NDArray[np.float64]] = []
        device = self.mode.draws_noise and (one_gpu(pipeline) if self.device is None else self.device)
        if not 0 < item.group <= len(image.codecs):
            first = item.start
            for replicas in self.draw(image, item, device):
                raw.append(predict(pipeline, replicas, _where(item), first))
                first += len(replicas)
            return BlockResult(item, np.concatenate(raw, axis=1))
        decoded: list[NDArray[np.float64]] = []
        trips: list[tuple[int, Achieved]] = []
        quality = _Quality(image, item.start, self.mode.extrapolation)
        for drawn in self.draw(image, item, device):
            replicas = np.asarray(drawn)
            first = item.start + len(trips)
            predictions, coded = self._predict_and_code(pipeline, image, item, first, drawn, replicas)
            raw.append(predictions)
            restored = np.empty_like(replicas)
            for index, replica in enumerate(replicas):
                nbytes, achieved, restored[index] = coded[index]
                trips.append((nbytes, achieved))
                quality.add(replica, restored[index])
            decoded.append(predict(pipeline, restored, f"{_where(item)}, after '{image.codecs[item.group - 1].spec}'", first))
        sizes, achieved_ = zip(*trips, strict=True)
        return BlockResult(item, np.concatenate(raw, axis=1), np.concatenate(decoded, axis=1), sizes, achieved_, quality.moments())

    def draw(self, image: StudyImage, item: WorkItem, device: bool = False) -> Iterator[Block]:
        """Yield the block's replicas (replica, …) in the frame's dtype, as many at a time as `batch` or the mode says.

        With `device` they are JAX's arrays, else NumPy's. Groups of the double bootstrap each draw around a replica of group 0.
        """
        source, group = image.source, item.group
        if group > len(image.codecs):
            start = group - len(image.codecs) - 1
            drawn = draw(self.mode, source, image.noise_model, ReplicaRequest(1, self.seed, start, batch=1))
            source = np.asarray(next(drawn))[0]
        if self.repeats is not None:
            frames = self.repeats[item.group]
            source, group = source[frames.start : frames.stop], 0
        batch = self.batch
        if batch is None and not self.mode.draws_noise:  # real repeats are there all at once; what is decoded from them is not
            batch = max(1, _HELD_BYTES // image.frame.nbytes)
        request = ReplicaRequest(item.count, self.seed, item.start, group, batch, device=device)
        blocks = draw(self.mode, source, image.noise_model, request)
        return blocks if device else map(np.asarray, blocks)

    def _predict_and_code(
        self, pipeline: Pipeline, image: StudyImage, item: WorkItem, first: int, drawn: Block, replicas: NDArray[np.integer]
    ) -> tuple[NDArray[np.float64], list[_Trip]]:
        """Return the predictions of replicas as drawn, and their round trips on the host, made in threads meanwhile.

        Every replica is coded by itself from the same hint, so that the order of work changes no number.
        """
        workers = available_cores() if self.workers is None else self.workers
        index, where = item.group - 1, _where(item)
        if workers == 0:
            return predict(pipeline, drawn, where, first), [_trip(image, index, replica) for replica in replicas]
        pool = ThreadPoolExecutor(workers, "codec")
        try:
            coming = [pool.submit(_trip, image, index, replica) for replica in replicas]
            raw = predict(pipeline, drawn, where, first)
            return raw, [trip.result() for trip in coming]
        finally:
            pool.shutdown(cancel_futures=True)


class _Quality:
    """Quality of replicas that share one mean: a block, or its clusters where each is drawn around a different base."""

    def __init__(self, image: StudyImage, start: int, rule: Extrapolation | None) -> None:
        self._image, self._index, self._cluster = image, start, rule.cluster if rule else None
        self._parts: list[BlockQuality] = []

    def add(self, replica: NDArray[np.integer], decoded: NDArray[np.integer]) -> None:
        """Take the next replica and its decoded version."""
        if not self._parts or (self._cluster is not None and self._index % self._cluster == 0):
            self._parts.append(BlockQuality(self._image.frame.shape, _variance_of(self._image)))
        self._parts[-1].add(replica, decoded)
        self._index += 1

    def moments(self) -> tuple[QualityMoments, ...]:
        """Return the moments of each part."""
        return tuple(part.moments() for part in self._parts)


def _variance_of(image: StudyImage) -> NDArray[np.float64] | float | Callable[[int], NDArray[np.float64]]:
    """Return V of a frame, or for a volume a function that gives it plane by plane; 1 where no camera is known, and rz is left out."""
    model = image.noise_model
    if model is None:
        return 1.0
    if image.frame.ndim == 2:
        return model.variance(image.frame)
    return lambda plane: model.variance(image.frame[plane])


_Trip = tuple[int, Achieved, NDArray[np.integer]]


def _trip(image: StudyImage, index: int, replica: NDArray[np.integer]) -> _Trip:
    """Return bytes, settings as achieved, and the decoded replica. Raises CodecFailed for another shape or dtype."""
    codec = image.codecs[index]
    trip = codec.apply(replica, image.hints[index])
    if trip.decoded.shape != replica.shape or trip.decoded.dtype != replica.dtype:
        raise CodecFailed(
            f"codec '{codec.spec}' returned {trip.decoded.dtype} {trip.decoded.shape}",
            f"{replica.dtype} {replica.shape}",
            "report this to the codec's author",
        )
    return trip.nbytes, dict(trip.achieved), trip.decoded


def one_gpu(pipeline: Pipeline) -> bool:
    """Return whether the pipeline computes on the GPU on which JAX draws: replicas then need not pass through the host."""
    if not isinstance(pipeline, OnDevice) or pipeline.dlpack_device[0] == _CPU:
        return False
    from sigmaraw.noise.blocks import drawing_device

    return drawing_device() == pipeline.dlpack_device


class ShiftedPipeline(Pipeline):
    """A pipeline that is given the file's values, from which a whole number was taken off: Hounsfield units, not stored values.

    Parameters
    ----------
    inner : Pipeline
        The user's.
    shift : int
        What was added to the file's values, DN.
    """

    def __init__(self, inner: Pipeline, shift: int) -> None:
        self.inner, self.shift = inner, shift
        self.name, self.spec = inner.name, inner.spec

    @property
    def measurements(self) -> tuple[Measurement, ...]:  # type: ignore[override]  # a function's come with its first call
        """What the pipeline measures."""
        return self.inner.measurements

    def __call__(self, raw: Any) -> dict[str, float]:
        """Return the measurements of one image as it is coded."""
        return self.inner(file_values(np.asarray(raw), self.shift))

    def batch(self, images: Any) -> dict[str, NDArray[np.float64]]:
        """Return the measurements of many images as they are coded."""
        return self.inner.batch(file_values(np.asarray(images), self.shift))


def file_values(images: NDArray[np.integer], shift: int) -> NDArray[np.integer]:
    """Return images with the file's values, int16. Raises NotIntegerData where a value does not fit."""
    values = images.astype(np.int32) - shift
    narrow = np.iinfo(np.int16)
    if values.min() < narrow.min or values.max() > narrow.max:
        found = f"an image with values from {values.min()} to {values.max()}"
        raise NotIntegerData(found, f"values from {narrow.min} to {narrow.max}, as int16 holds them", "export another range")
    return values.astype(np.int16)


def seen_by(pipeline: Pipeline, image: StudyImage) -> Pipeline:
    """Return the pipeline as it sees an image of the study: with the file's values, where these were shifted."""
    return pipeline if image.shift == 0 else ShiftedPipeline(pipeline, image.shift)


def _where(item: WorkItem) -> str:
    return f"image {item.image}, group {item.group}"


def predict(pipeline: Pipeline, images: Block, where: str = "", first: int | None = None) -> NDArray[np.float64]:
    """Return predictions (measurement, image) as float64, in the order of `pipeline.measurements`.

    Parameters
    ----------
    where : str
        What the images are, such as "image 0", for the message of a failure.
    first : int or None
        The number of the first of them, where they are replicas.

    Raises
    ------
    InvalidPrediction
        The pipeline returns other names or another number of values than it declares.
    PredictionFailed
        The pipeline raised an exception.
    """
    try:
        values = pipeline.batch(images)
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
