"""Blocks of a study's first image, drawn and coded while its codecs are still tried on the image itself."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sigmaraw.pipelines.threads import submit
from sigmaraw.study.overlap import discard
from sigmaraw.study.side_by_side import small_beside_replicas
from sigmaraw.study.work import Job, Started

if TYPE_CHECKING:
    from sigmaraw.contracts import Codec
    from sigmaraw.study.plan import WorkItem
    from sigmaraw.study.study_image import Hint
    from sigmaraw.study.trips import Trip


class HeadStart:
    """The first blocks of each codec's group, begun once it is known how the codec is used; no more than are under way later.

    Nothing of them is predicted before the codecs and the pipeline have been looked at: a study that is refused has predicted no replica.

    Parameters
    ----------
    job : Job
        The study's, with its first image, for which no codec is known yet.
    items : sequence of WorkItem
        The study's first items.
    codecs : int
        How many codecs there are.
    """

    def __init__(self, job: Job, items: Sequence[WorkItem], codecs: int) -> None:
        each = max(1, job.ahead() // max(1, codecs))
        job.images[0].unchanging  # noqa: B018 (made once, before threads ask for it)
        self._job = job
        self._items = {
            group: [item for item in items if (item.image, item.group) == (0, group) and self._is_small(item)][:each]
            for group in range(1, codecs + 1)
        }
        self._lock = threading.Lock()
        self._closed = False
        self.started: dict[WorkItem, Started] = {}

    def _is_small(self, item: WorkItem) -> bool:
        return self._job.holds_ahead(item) and small_beside_replicas(self._job.images[0].frame.nbytes, item.count)

    def begin(self, group: int, codec: Codec, hint: Hint, later_hint: Hint, *, distorts: bool, first: Trip | None = None) -> None:
        """Begin blocks of a codec's group, with the codec as `StudyImage.with_codec` takes it. May be called from any thread.

        first : the round trip of the group's first replica, where it is made already.
        """
        image = self._job.images[0]
        for _ in self._items:  # only this group's place among them is looked at
            image = image.with_codec(codec, hint, later_hint, distorts)
        job = dataclasses.replace(self._job, images=(image,), first_trips={} if first is None else {(0, group): first})
        with self._lock:
            if not self._closed:
                self.started.update({item: submit("draw", job.begun, item, threads=1) for item in self._items[group]})

    def close(self) -> None:
        """Leave out what has not begun and was not taken, and wait for what has."""
        with self._lock:
            self._closed = True
        for future in self.started.values():
            discard(future)


@contextmanager
def head_start(job: Job, items: Sequence[WorkItem], codecs: int) -> Iterator[HeadStart]:
    """Give a head start; what nobody has taken of it at the end is left out."""
    head = HeadStart(job, items, codecs)
    try:
        yield head
    finally:
        head.close()
