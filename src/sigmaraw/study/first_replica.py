"""The first replica of a codec's group, coded before the others: these start their searches from what it shows.

An image and its replicas may lie far apart: around the raw frame, replicas carry its noise and their own. The first replica is like the
others, and always the same one, so that what starts from it depends neither on n nor on the order of work.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sigmaraw.codecs import centred, learning
from sigmaraw.contracts import Codec, ReplicaMode, ReplicaRequest
from sigmaraw.noise import draw
from sigmaraw.study.study_image import Hint, StudyImage
from sigmaraw.study.trips import Trip, trip


@dataclass(frozen=True)
class FirstReplica:
    """What the first replica of a group gave.

    Parameters
    ----------
    trip : Trip
        Its round trip, as the study needs it.
    later_hint : tuple or None
        Where the search for a setting starts on the other replicas; None where none is sought.
    """

    trip: Trip
    later_hint: Hint


def searches(hint: Hint) -> bool:
    """Return whether a codec seeks its setting on every image."""
    return any(setting is not None for setting in hint or ())


def first_replica(image: StudyImage, number: int, mode: ReplicaMode, seed: int, group: int, codec: Codec, hint: Hint) -> FirstReplica:
    """Return the first replica of a group, coded in full.

    Parameters
    ----------
    image : StudyImage
        The image; its codecs are not looked at.
    number : int
        The image's number in the study.
    mode : ReplicaMode
        A mode that draws.
    seed : int
        Study seed.
    group : int
        The codec's group.
    codec : Codec
        As used on the image.
    hint : tuple or None
        Where its search for a setting starts, from the image.
    """
    drawn = next(draw(mode, image.unchanging, image.noise_model, ReplicaRequest(1, seed, group=group, batch=1)))
    where = f"image {number}, group {group}, replica 0"
    made = trip(codec, learning(hint), np.asarray(drawn)[0], full=True, shorter=False, where=where)
    return FirstReplica(made, centred(made.hint) if searches(hint) else None)
