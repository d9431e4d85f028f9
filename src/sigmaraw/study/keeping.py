"""What a study that is gone on with must have in common with the one that was stopped, and the engine that keeps its blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sigmaraw.contracts import Engine
from sigmaraw.record.fields import json_lists, plain
from sigmaraw.study.environment import environment
from sigmaraw.study.no_camera import NoCamera
from sigmaraw.study.plan import BLOCK
from sigmaraw.study.prepare import Prepared
from sigmaraw.study.setting import Setting
from sigmaraw.study.store import BlockStore


def identity_of(setting: Setting, prepared: Sequence[Prepared]) -> dict[str, Any]:
    """Return what decides a study's blocks (JSON values): where it is the same, so are they."""
    plan, ran = plain(setting.plan.row()), plain(environment())
    return {
        "plan": {key: value for key, value in plan.items() if key not in ("created", "lock")},
        "inputs": [row.sha256 for row in setting.files],
        "images": [row.sha256 for row in setting.inputs.rows],
        "camera": None if isinstance(setting.profile, NoCamera) else setting.profile.digest(),
        "pipeline": json_lists(setting.pipeline.config()),
        "codecs": [json_lists(settings) for entry in prepared[:1] for settings in entry.resolved],
        "versions": {key: ran[key] for key in ("python", "packages", "libraries", "jax_backend")},
        "block": BLOCK,
        "replicas": None if setting.design.repeats is None else [[frames.start, frames.stop] for frames in setting.design.repeats],
    }


class KeptEngine:
    """An engine whose finished blocks are kept, and which takes those that were finished before from where they are."""

    def __init__(self, engine: Engine, store: BlockStore) -> None:
        self.name, self._engine, self._store = engine.name, engine, store

    def map(self, job: Callable[[Any], Any], items: Sequence[Any]) -> Iterator[Any]:
        """Yield the results in the order of the items."""
        missing = [item for item in items if item not in self._store]
        made = iter(self._engine.map(job, missing) if missing else ())
        try:
            for item in items:
                if item in self._store:
                    yield self._store.take(item)
                else:
                    result = next(made)
                    self._store.put(result)
                    yield result
        except KeyboardInterrupt:
            self._store.flush()  # what is asked for with --resume
            raise
