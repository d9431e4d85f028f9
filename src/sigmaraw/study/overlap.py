"""The stages of a study side by side: draw and code the next blocks, predict this one, measure the last one."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from typing import TYPE_CHECKING

from sigmaraw.pipelines.threads import cancel, submit
from sigmaraw.study.work import Begun, BlockResult, Gathered

if TYPE_CHECKING:
    from sigmaraw.study.plan import WorkItem
    from sigmaraw.study.work import Job

AHEAD = 2
"""Blocks that are drawn and coded before their turn: the queue's bound, which keeps memory flat."""


def overlapped(job: Job, items: Iterable[WorkItem]) -> Iterator[BlockResult]:
    """Yield the results of items in their order.

    One thread draws, `job.coders` code and measure, the caller's own predicts. The order of work changes no number: every replica is
    drawn from its number, and coded and predicted by itself.
    """
    todo = iter(items)
    begun: deque[tuple[WorkItem, Future[list[Begun]] | None]] = deque()
    measured: deque[tuple[Gathered, list[Future[None]]]] = deque()

    def begin(more: Iterable[WorkItem]) -> None:
        for item in more:
            ahead = submit("draw", job.begun, item, threads=1) if job.holds_ahead(item) else None
            begun.append((item, ahead))

    try:
        begin(itertools.islice(todo, AHEAD))
        while begun:
            item, drawn = begun.popleft()
            try:
                current = _predicted(job, item, drawn)
            except (Exception, KeyboardInterrupt):  # what was done before goes out first: a study that ends early keeps it
                yield from _finished(measured, 0)
                raise
            begin(itertools.islice(todo, 1))
            measured.append(current)
            yield from _finished(measured, 1)
        yield from _finished(measured, 0)
    finally:
        _stop(begun, measured)


def _predicted(job: Job, item: WorkItem, drawn: Future[list[Begun]] | None) -> tuple[Gathered, list[Future[None]]]:
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


def _finished(measured: deque[tuple[Gathered, list[Future[None]]]], left: int) -> Iterator[BlockResult]:
    """Yield results, the earliest first, until `left` are left."""
    while len(measured) > left:
        gathered, futures = measured.popleft()
        for future in futures:
            future.result()
        yield gathered.result()


def _stop(begun: Iterable[tuple[WorkItem, Future[list[Begun]] | None]], measured: Iterable[tuple[Gathered, list[Future[None]]]]) -> None:
    """Leave out what has not begun, and wait for what has: nothing of the study runs on after it."""
    draws = [drawn for _, drawn in begun if drawn is not None]
    cancel(draws)
    for drawn in draws:
        if not drawn.cancelled() and drawn.exception() is None:
            for part in drawn.result():
                part.cancel()
    cancel(future for _, futures in measured for future in futures)
