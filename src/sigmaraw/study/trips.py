"""Round trips of replicas: which are coded in full, and which are only distorted as their codec distorts (`contracts.Distorting`)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import Codec, Distorting
from sigmaraw.errors import CodecFailed, InvalidPlan
from sigmaraw.record.codecs import Achieved

CODED_SHARE = 0.05
"""Share of the replicas that are coded in full where a codec can distort without coding, beside the first of every block."""


@dataclass(frozen=True)
class Trip:
    """A decoded replica, DN; bytes, what was achieved and where a search starts on a similar one only where it was coded in full."""

    decoded: NDArray[np.integer]
    nbytes: int | None = None
    achieved: Achieved | None = None
    hint: tuple[float | None, ...] | None = None


def check_share(share: float) -> None:
    """Refuse a share that is no check, or more than all. Raises InvalidPlan."""
    if not CODED_SHARE <= share <= 1.0:
        raise InvalidPlan(f"coded_share = {share:g}", f"a share from {CODED_SHARE:g} to 1", "correct coded_share")


def drawn_for_coding(share: float, seed: int, image: int, group: int, replica: int) -> bool:
    """Return whether a replica is among those that are coded in full at random: the same ones wherever and in whatever order they come."""
    if share >= 1.0:
        return True
    digest = hashlib.blake2b(f"coded in full|{seed}|{image}|{group}|{replica}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") < share * 2**64


def distort(codec: Codec, frame: NDArray[np.integer]) -> NDArray[np.integer] | None:
    """Return what a codec says without coding that a frame decodes to; None where it cannot say."""
    return codec.distort(frame) if isinstance(codec, Distorting) else None


def trip(codec: Codec, hint: Any, replica: NDArray[np.integer], *, full: bool, shorter: bool, where: str) -> Trip:
    """Return a replica's round trip.

    Parameters
    ----------
    codec : Codec
        As used on the replica's image.
    hint : tuple or None
        Where its search for a setting starts.
    replica : ndarray
        (y, x) or (z, y, x), DN.
    full : bool
        It is coded in full, whether or not the codec can do without.
    shorter : bool
        The codec can distort without coding; where `full`, the two are compared.
    where : str
        What the replica is called in a message.

    Returns
    -------
    Trip
        Decoded in the replica's shape and dtype.

    Raises
    ------
    CodecFailed
        Another shape or dtype; or what the codec says it decodes to is not what it decodes to.
    """
    distorted = distort(codec, replica) if shorter else None
    if distorted is not None and not full:
        return Trip(_shaped(codec, distorted, replica))
    made = codec.apply(replica, hint)
    decoded = _shaped(codec, made.decoded, replica)
    if distorted is not None:
        compare(codec, distorted, decoded, where)
    return Trip(decoded, made.nbytes, dict(made.achieved), made.hint)


def _shaped(codec: Codec, decoded: NDArray[np.integer], replica: NDArray[np.integer]) -> NDArray[np.integer]:
    if decoded.shape != replica.shape or decoded.dtype != replica.dtype:
        raise CodecFailed(
            f"codec '{codec.spec}' returned {decoded.dtype} {decoded.shape}",
            f"{replica.dtype} {replica.shape}",
            "report this to the codec's author",
        )
    return decoded


def compare(codec: Codec, distorted: NDArray[np.integer], decoded: NDArray[np.integer], where: str) -> None:
    """Compare what a codec says that it decodes to with its true round trip. Raises CodecFailed where they differ."""
    if distorted.shape == decoded.shape and np.array_equal(distorted, decoded):
        return
    apart = f"in {np.count_nonzero(distorted != decoded)} pixels" if distorted.shape == decoded.shape else f"in shape {distorted.shape}"
    raise CodecFailed(
        f"what codec '{codec.spec}' says it decodes to without coding differs from its round trip {apart}, on {where}",
        "the same pixels",
        "report this to the codec's author; --every-byte codes every replica",
    )
