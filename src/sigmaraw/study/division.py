"""Which images a search tunes on, and which it holds out."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from sigmaraw.errors import InvalidOption
from sigmaraw.frames import RawFrames
from sigmaraw.noise import replica_mode
from sigmaraw.study.inputs import as_frames, pixel_hash
from sigmaraw.study.plan import NO_REPLICAS, Plan

_SPLIT = 0x5B117  # names the random stream of the split


def split(raw: Sequence[Any], confirm: Sequence[Any] | None, fraction: float, seed: int) -> tuple[list[Any], list[Any]]:
    """Return the tuning and the held-out inputs, as given or as a random share, each in the order in which they were given.

    Raises
    ------
    InvalidOption
        Too few inputs to divide.
    """
    tuning = _listed(raw)
    if confirm is not None:
        held_out = _listed(confirm)
        if not tuning or not held_out:
            raise InvalidOption("no image to tune on, or none to confirm", "at least one each", "name more images")
        return tuning, held_out
    if len(tuning) < 2:
        raise InvalidOption(
            f"{len(tuning)} input to divide into tuning and held-out images",
            "at least two files or arrays; a folder is one",
            "give more, or --confirm",
        )
    count = min(max(1, round(fraction * len(tuning))), len(tuning) - 1)
    chosen = set(np.random.default_rng([seed, _SPLIT]).permutation(len(tuning))[:count].tolist())
    return [e for i, e in enumerate(tuning) if i not in chosen], [e for i, e in enumerate(tuning) if i in chosen]


def _listed(raw: Sequence[Any]) -> list[Any]:
    return [raw] if isinstance(raw, (str, os.PathLike, np.ndarray, RawFrames)) else list(raw)


def count_disjoint(tuning: Sequence[Any], held_out: Sequence[Any], plan: Plan) -> int:
    """Return the number of held-out images. Raises InvalidOption when an image is on both sides."""
    seen: dict[str, int] = {}
    images, one_each = 0, plan.mode != NO_REPLICAS and replica_mode(plan.mode).needs_repeats
    for side, entries in enumerate((tuning, held_out)):
        for entry in entries:
            frames = as_frames(entry, plan.bits, plan.volume, pages=plan.frame is not None, signed=True).data
            for digest in map(pixel_hash, frames):
                if seen.setdefault(digest, side) != side:
                    raise InvalidOption("an image is among the tuning and the held-out ones", "each on one side", "remove it from one")
            images += side * (1 if one_each or plan.frame is not None else len(frames))
    return images
