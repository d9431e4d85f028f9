"""The stages of a study side by side: draw and code the next blocks, predict this one, measure the last one."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sigmaraw.pipelines.threads import cancel, submit
from sigmaraw.study.work import BlockResult, Gathered, Started

if TYPE_CHECKING:
    from sigmaraw.study.plan import WorkItem
    from sigmaraw.study.work import Job

Measuring = tuple[Gathered, list[Future[None]]]
"""What an item's replicas gave, and the measuring of what its codec did to them, which may not be done yet."""


@dataclass
class _Under:
    """An item that is drawn and coded before its turn (`drawn` is None where it is too large), and predicted where that has begun."""

    item: WorkItem
    drawn: Started | None
    predicted: Future[Measuring] | None = None

    def begin_to_predict(self, job: Job, threads: int) -> None:
        """Predict from now on in one of that many threads; an item that is too large to be held waits for its turn."""
        if self.predicted is None and self.drawn is not None:
            self.predicted = submit("predict", _predicted, job, self.item, self.drawn, threads=threads)

    def done(self, job: Job) -> Measuring:
        """Return the item predicted."""
        return _predicted(job, self.item, self.drawn) if self.predicted is None else self.predicted.result()

    def cancel(self) -> None:
        """Leave out what has not begun, and wait for what has."""
        if self.predicted is not None:
            cancel([self.predicted])
            if not self.predicted.cancelled() and self.predicted.exception() is None:
                cancel(self.predicted.result()[1])
        if self.drawn is not None:
            discard(self.drawn)


def discard(started: Started) -> None:
    """Leave out what has not begun of a block, and wait for what has."""
    cancel([started])
    if not started.cancelled() and started.exception() is None:
        for part in started.result():
            part.cancel()


def overlapped(job: Job, items: Iterable[WorkItem]) -> Iterator[BlockResult]:
    """Yield the results of items in their order.

    One thread draws, `job.coders` code and measure, the caller's own predicts, or several where the pipeline says that its calls may be
    side by side. The order of work changes no number: every replica is drawn from its number, and coded and predicted by itself.
    """
    todo, ahead, side = iter(items), job.ahead(), job.calls_side_by_side()
    under: deque[_Under] = deque()
    measured: deque[Measuring] = deque()
    try:
        while True:
            for item in itertools.islice(todo, ahead - len(under)):
                under.append(_Under(item, job.start(item)))
            if not under:
                break
            if side > 1:
                for place in itertools.islice(under, side):
                    place.begin_to_predict(job, side)
            try:
                done = under[0].done(job)
            except (Exception, KeyboardInterrupt):  # what was done before goes out first: a study that ends early keeps it
                yield from _finished(measured, 0)
                raise
            under.popleft()
            measured.append(done)
            yield from _finished(measured, ahead - 1)  # measured behind the round trips that are begun: to wait for it would idle cores
        yield from _finished(measured, 0)
    finally:
        for place in under:
            place.cancel()
        cancel(future for _, futures in measured for future in futures)


def _predicted(job: Job, item: WorkItem, drawn: Started | None) -> Measuring:
    """Return what the item's replicas give, and the measuring of what its codec did to them, which is not done yet."""
    pipeline, gathered = job.pipeline_of(item), Gathered(job, item)
    if drawn is None:
        job.work_on(gathered)
        return gathered, []
    parts, pairs = drawn.result(), []
    try:
        for part in parts:
            pair = gathered.predict(pipeline, part)
            if pair is not None:
                pairs.append(pair)
    except BaseException:
        for part in parts:
            part.cancel()
        raise
    return gathered, [submit("codec", gathered.measure_all, pairs, threads=job.coders)] if pairs else []


def _finished(measured: deque[Measuring], left: int) -> Iterator[BlockResult]:
    """Yield results, the earliest first, until `left` are left."""
    while len(measured) > left:
        gathered, futures = measured.popleft()
        for future in futures:
            future.result()
        yield gathered.result()
