"""The pure function that engines map: it takes a work item and returns predictions and quality sums."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import Extrapolation, OnDevice, Pipeline, ReplicaMode, ReplicaRequest
from sigmaraw.metrics import BlockQuality, QualityMoments
from sigmaraw.noise import draw
from sigmaraw.noise.keys import Unchanging
from sigmaraw.pipelines.threads import available_cores, cancel, submit
from sigmaraw.record.codecs import Achieved
from sigmaraw.study.objects import Followed, ObjectBlock, joined
from sigmaraw.study.plan import BLOCK, WorkItem
from sigmaraw.study.predicting import predict_following, resolve_pipeline
from sigmaraw.study.seen import seen_by
from sigmaraw.study.side_by_side import Asked
from sigmaraw.study.study_image import StudyImage
from sigmaraw.study.trips import Trip, drawn_for_coding, trip

if TYPE_CHECKING:
    from sigmaraw.contracts import Block


_CPU = 1  # DLPack's number for it
_HELD_BYTES = 32 << 20  # of frames that pass through codec and pipeline at a time
_AHEAD_BYTES = 64 << 20  # of a block's replicas: with more it is not drawn and coded before its turn
_KEPT_STARTS = 8
_STARTS = threading.Lock()


@dataclass(frozen=True)
class BlockResult:
    """Predictions (measurement, replica) of one work item; codec figures are None for group 0.

    `nbytes` and `achieved` are those of the replicas that were coded in full. `objects` are there where they are followed one by one.
    """

    item: WorkItem
    raw: NDArray[np.float64]
    decoded: NDArray[np.float64] | None = None
    nbytes: tuple[int, ...] = ()
    achieved: tuple[Achieved, ...] = ()
    quality: tuple[QualityMoments, ...] = ()
    objects: ObjectBlock | None = None
    objects_decoded: ObjectBlock | None = None


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
    coded_share : float, optional
        Share of replicas that are coded in full, at random, where the codec can distort without coding; the first of a block always is.
    followed : tuple of Followed, optional
        For each image, the objects that are looked for in its replicas; empty where none are.
    first_trips : mapping, optional
        By image and group, round trips of first replicas that are made already. Other processes make them again.
    started : dict, optional
        Items that are drawn and coded already; they are taken out when their turn comes.
    """

    images: tuple[StudyImage, ...]
    pipeline: Pipeline | str
    mode: ReplicaMode
    seed: int
    repeats: tuple[range, ...] | None = None
    batch: int | None = None
    workers: int | None = None
    device: bool | None = None
    coded_share: float = 1.0
    followed: tuple[Followed, ...] = ()
    first_trips: Mapping[tuple[int, int], Trip] = field(default_factory=dict)
    started: dict[WorkItem, Started] = field(default_factory=dict)

    def __getstate__(self) -> dict[str, Any]:
        """Return the fields alone, without what is only kept to be made once."""
        return {entry.name: getattr(self, entry.name) for entry in fields(self)} | {"first_trips": {}, "started": {}}

    def __call__(self, item: WorkItem) -> BlockResult:
        """Return the predictions of one block of replicas and, for a codec's group, of their decoded versions.

        Replicas pass through codec and pipeline as they are drawn, as many at a time as the mode yields: one, where it is a volume.
        """
        gathered = Gathered(self, item)
        self.work_on(gathered)
        return gathered.result()

    def pipeline_of(self, item: WorkItem) -> Pipeline:
        """Return the pipeline as it sees the item's image."""
        return seen_by(resolve_pipeline(self.pipeline), self.images[item.image])

    def work_on(self, gathered: Gathered) -> None:
        """Draw, code, predict and measure an item, part by part."""
        item = gathered.item
        pipeline = self.pipeline_of(item)
        for drawn in self.draw(self.images[item.image], item, self.on_device(pipeline)):
            gathered.take(pipeline, self._begun(item, gathered.next, drawn))

    def stream(self, items: Iterable[WorkItem]) -> Iterator[BlockResult]:
        """Yield the results of items in order, the same as calls give: while one is predicted, the next are drawn and coded.

        A block that is too large to be held several times over is worked on by itself.
        """
        from sigmaraw.study.overlap import overlapped

        return overlapped(self, items)

    def holds_ahead(self, item: WorkItem) -> bool:
        """Return whether all replicas of an item may be held before they are predicted."""
        one = self.images[item.image].frame.nbytes
        together = self.batch is None or self.batch >= item.count
        return self.coders > 0 and together and item.count * one <= _AHEAD_BYTES

    def ahead(self) -> int:
        """Return how many items are under way at once: the queue's bound, which keeps memory flat.

        Half as many again as there are cores: where most replicas are distorted, few of a block are coded, and an item is done when its
        slowest is. More where the pipeline predicts several at once. No more than may be held.
        """
        largest = max(image.frame.nbytes for image in self.images) * BLOCK
        wanted = self.coders + self.coders // 2 + self.calls_side_by_side() - 1
        return max(2, min(wanted, 2 * _AHEAD_BYTES // largest))

    def calls_side_by_side(self) -> int:
        """Return how many blocks the pipeline may predict at once: one, unless it says otherwise and no objects are followed."""
        if self.followed:
            return 1
        pipeline = resolve_pipeline(self.pipeline)
        return min(getattr(seen_by(pipeline, image), "calls_side_by_side", 1) for image in self.images)

    @property
    def coders(self) -> int:
        """Threads that code replicas."""
        return available_cores() if self.workers is None else self.workers

    def on_device(self, pipeline: Pipeline) -> bool:
        """Return whether replicas stay on the device that draws them."""
        return self.mode.draws_noise and (one_gpu(pipeline) if self.device is None else self.device)

    def is_coded(self, item: WorkItem) -> bool:
        """Return whether the item's group is a codec's: the raw group, and those of the double bootstrap, are not."""
        return 0 < item.group <= len(self.images[item.image].codecs)

    def start(self, item: WorkItem) -> Started | None:
        """Return an item that is drawn, and its round trips begun, by threads from now on or earlier; None where it waits for its turn."""
        started = self.started.pop(item, None)
        if started is None and self.holds_ahead(item):
            started = submit("draw", self.begun, item, threads=1)
        return started

    def begun(self, item: WorkItem) -> list[Begun]:
        """Return all replicas of an item drawn, and their round trips begun."""
        found, first = [], item.start
        for drawn in self.draw(self.images[item.image], item, self.on_device(self.pipeline_of(item))):
            found.append(self._begun(item, first, drawn))
            first += len(drawn)
        return found

    def _begun(self, item: WorkItem, first: int, drawn: Block) -> Begun:
        """Return drawn replicas with their round trips, made in threads from now on; without threads only when they are asked for.

        Every replica is coded by itself from the same hint, so that the order of work changes no number.
        """
        if not self.is_coded(item):
            return Begun(first, drawn, None, [])
        replicas = np.asarray(drawn)
        calls = [functools.partial(self._trip, item, first + place, replica) for place, replica in enumerate(replicas)]
        if self.coders == 0:
            return Begun(first, drawn, replicas, [Asked(call) for call in calls])
        return Begun(first, drawn, replicas, [submit("codec", call, threads=self.coders) for call in calls])

    def draw(self, image: StudyImage, item: WorkItem, device: bool = False) -> Iterator[Block]:
        """Yield the block's replicas (replica, …) in the frame's dtype, as many at a time as `batch` or the mode says.

        With `device` they are JAX's arrays, else NumPy's. Groups of the double bootstrap each draw around a replica of group 0.
        """
        source, group = image.unchanging, item.group
        if group > len(image.codecs):
            source = self._start(item.image, group - len(image.codecs) - 1)
        if self.repeats is not None:
            frames = self.repeats[item.group]
            source, group = source[frames.start : frames.stop], 0
        batch = self.batch
        if batch is None and not self.mode.draws_noise:  # real repeats are there all at once; what is decoded from them is not
            batch = max(1, _HELD_BYTES // image.frame.nbytes)
        request = ReplicaRequest(item.count, self.seed, item.start, group, batch, device=device)
        blocks = draw(self.mode, source, image.noise_model, request)
        return blocks if device else map(np.asarray, blocks)

    def _start(self, image: int, start: int) -> NDArray[np.integer]:
        """Return the replica of group 0 around which a group of the double bootstrap draws; the last ones are kept."""
        kept: dict[tuple[int, int], NDArray[np.integer]] = self.__dict__.setdefault("_starts", {})
        found = kept.get((image, start))
        if found is None:
            study = self.images[image]
            drawn = draw(self.mode, study.unchanging, study.noise_model, ReplicaRequest(1, self.seed, start, batch=1))
            found = Unchanging.of(np.asarray(next(drawn))[0])
            with _STARTS:  # threads of one worker share a job
                kept[image, start] = found
                while len(kept) > _KEPT_STARTS:
                    del kept[next(iter(kept))]
        return found

    def _trip(self, item: WorkItem, number: int, replica: NDArray[np.integer]) -> Trip:
        """Return the round trip of replica `number`: in full for the first of a block and for a share of the others."""
        made = self.first_trips.get((item.image, item.group)) if number == 0 else None
        if made is not None:
            return made
        image, index = self.images[item.image], item.group - 1
        shorter = bool(image.distorts) and image.distorts[index]
        full = not shorter or number == item.start or drawn_for_coding(self.coded_share, self.seed, item.image, item.group, number)
        where = f"{_where(item)}, replica {number}"
        return trip(image.codecs[index], image.hint_for(index, number), replica, full=full, shorter=shorter, where=where)


@dataclass(frozen=True)
class Begun:
    """Replicas that are drawn, and whose round trips are begun.

    Parameters
    ----------
    first : int
        Number of the first of them.
    drawn : ndarray or jax.Array
        (replica, …), DN, where the pipeline takes them.
    replicas : ndarray or None
        The same on the host; None where no codec is.
    trips : list of Future or Asked
        Their round trips.
    """

    first: int
    drawn: Block
    replicas: NDArray[np.integer] | None
    trips: list[Future[Trip] | Asked[Trip]]

    def cancel(self) -> None:
        """Leave out round trips that have not begun, and wait for those that have."""
        cancel(trip for trip in self.trips if isinstance(trip, Future))


Started = Future[list[Begun]]
"""An item that is drawn, and whose round trips are begun."""


class Gathered:
    """What an item gives, part by part."""

    def __init__(self, job: Job, item: WorkItem) -> None:
        self.item, self.next = item, item.start
        self._image, self._coded = job.images[item.image], job.is_coded(item)
        self._raw: list[NDArray[np.float64]] = []
        self._decoded: list[NDArray[np.float64]] = []
        self._sizes: list[int] = []
        self._achieved: list[Achieved] = []
        groups = len(self._image.codecs) + 1
        self._followed = job.followed[item.image] if job.followed and item.group < groups else None
        self._objects: tuple[list[ObjectBlock], list[ObjectBlock]] = ([], [])
        self._quality = _Quality(self._image, item.start, job.mode.extrapolation) if self._coded else None

    def take(self, pipeline: Pipeline, part: Begun) -> None:
        """Predict some replicas, and what they decode to, and measure what the codec did to them."""
        measured = self.predict(pipeline, part)
        if measured is not None:
            self.measure(*measured)

    def predict(self, pipeline: Pipeline, part: Begun) -> tuple[NDArray[np.integer], NDArray[np.integer]] | None:
        """Predict some replicas and what they decode to; return both on the host, None where no codec is."""
        where = _where(self.item)
        try:
            self._raw.append(self._predicted(pipeline, part.drawn, where, part.first, 0))
            self.next = part.first + len(part.drawn)
            if part.replicas is None:
                return None
            restored = np.empty_like(part.replicas)
            for index, made in enumerate(part.trips):
                trip = made.result()
                restored[index] = trip.decoded
                if trip.nbytes is not None and trip.achieved is not None:
                    self._sizes.append(trip.nbytes)
                    self._achieved.append(trip.achieved)
        finally:
            part.cancel()
        spec = self._image.codecs[self.item.group - 1].spec
        self._decoded.append(self._predicted(pipeline, restored, f"{where}, after '{spec}'", part.first, 1))
        return part.replicas, restored

    def _predicted(self, pipeline: Pipeline, images: Block, where: str, first: int, side: int) -> NDArray[np.float64]:
        """Return predictions, and keep what the images show of the objects. side : 0 before the codec, 1 after it."""
        values, shown = predict_following(pipeline, images, self._followed, where, first)
        self._objects[side].extend([shown] if shown else [])
        return values

    def measure(self, replicas: NDArray[np.integer], restored: NDArray[np.integer]) -> None:
        """Take what the codec did to some replicas, in their order."""
        assert self._quality is not None
        for replica, decoded in zip(replicas, restored, strict=True):
            self._quality.add(replica, decoded)

    def measure_all(self, pairs: Iterable[tuple[NDArray[np.integer], NDArray[np.integer]]]) -> None:
        """Take what the codec did to all replicas of the item, part by part."""
        for replicas, restored in pairs:
            self.measure(replicas, restored)

    def result(self) -> BlockResult:
        """Return the block's result once all its parts are taken."""
        raw = np.concatenate(self._raw, axis=1)
        before, after = (joined(blocks) if blocks else None for blocks in self._objects)
        if self._quality is None:
            return BlockResult(self.item, raw, objects=before)
        decoded = np.concatenate(self._decoded, axis=1)
        moments = self._quality.moments()
        return BlockResult(self.item, raw, decoded, tuple(self._sizes), tuple(self._achieved), moments, before, after)


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


def one_gpu(pipeline: Pipeline) -> bool:
    """Return whether the pipeline computes on the GPU on which JAX draws: replicas then need not pass through the host."""
    if not isinstance(pipeline, OnDevice) or pipeline.dlpack_device[0] == _CPU:
        return False
    from sigmaraw.noise.blocks import drawing_device

    return drawing_device() == pipeline.dlpack_device


def _where(item: WorkItem) -> str:
    return f"image {item.image}, group {item.group}"
