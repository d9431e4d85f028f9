"""Keys from identity: the same replica is the same bytes at any batch size, in any order, on any worker.

Key words are a hash of study seed and image. Group and replica index go into the counter and are never hashed, because short hashed
words collide.
"""

from __future__ import annotations

import hashlib
import operator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.errors import InvalidOption

if TYPE_CHECKING:
    from sigmaraw.contracts import ReplicaRequest

REPLICA_BITS = 20  # 1,048,576 replicas a group: the 10⁶ trials of JCGM 101 fit
MAX_REPLICAS = 1 << REPLICA_BITS
MAX_GROUPS = 1 << (32 - REPLICA_BITS)

# The second counter word is a pair of pixels; its two top bits say what the words are for.
PHOTON_WORDS, LOW_WORDS, READ_WORDS = (part << 30 for part in range(3))
MAX_PIXELS = 1 << 31

_PARITY = 0x1BD11BDA
_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))


def whole_number(value: Any, name: str, low: int, high: int) -> int:
    """Return `value` as an int in [low, high).

    Raises
    ------
    InvalidOption
        The value is not a whole number, or outside the interval.
    """
    try:
        if isinstance(value, (bool, np.bool_)):
            raise TypeError
        number = operator.index(value)
    except TypeError as error:
        raise InvalidOption(f"{name} = {value!r}", f"a whole number from {low} to {high - 1}", f"give {name} such a number") from error
    if not low <= number < high:
        raise InvalidOption(f"{name} = {number}", f"a whole number from {low} to {high - 1}", f"give {name} such a number")
    return number


class Unchanging(np.ndarray[Any, Any]):
    """A view of an image that will not change while it lives: `key_words` reads its pixels once, not for each slab of it."""

    hashed: dict[tuple[int, str], NDArray[np.uint32]] | None = None

    @classmethod
    def of(cls, pixels: NDArray[Any]) -> Unchanging:
        """Return a view of an image, marked as unchanging."""
        view = pixels.view(cls)
        view.hashed = {}
        return view


def key_words(seed: int, domain: str, pixels: NDArray[Any]) -> NDArray[np.uint32]:
    """Return the two key words of an image in a study: the first 64 bits of SHA-256(domain, seed, shape, dtype, pixels).

    Parameters
    ----------
    seed : int
        Study seed, 0 … 2⁶⁴ − 1.
    domain : str
        Purpose of the stream; different uses of one image and seed must not share numbers.
    pixels : ndarray
        Image of any shape and number type; hashed as little-endian, so that the key does not depend on the machine.

    Raises
    ------
    InvalidOption
        The seed is out of its domain.

    References
    ----------
    formula 4.
    """
    seed = whole_number(seed, "seed", 0, 1 << 64)
    hashed = getattr(pixels, "hashed", None)
    if hashed is not None and (seed, domain) in hashed:
        words: NDArray[np.uint32] = hashed[seed, domain]
        return words
    little = np.ascontiguousarray(pixels, dtype=pixels.dtype.newbyteorder("<"))
    head = f"{domain}|{seed}|{'x'.join(map(str, little.shape))}|{little.dtype.str}|"
    digest = hashlib.sha256(head.encode())
    digest.update(little.data if little.size else b"")
    words = np.frombuffer(digest.digest()[:8], dtype="<u4").astype(np.uint32)
    if hashed is not None:
        hashed[seed, domain] = words
    return words


def counter_words(group: int, start: int, count: int) -> NDArray[np.uint32]:
    """Return the first counter word of replicas `start` … `start + count − 1`: group·2²⁰ + replica, uint32 (replica,).

    Raises
    ------
    InvalidOption
        Group or replica index is beyond the counter's range.
    """
    group = whole_number(group, "group", 0, MAX_GROUPS)
    start = whole_number(start, "start", 0, MAX_REPLICAS)
    count = whole_number(count, "n", 1, MAX_REPLICAS + 1)
    whole_number(start + count, "start + n", 1, MAX_REPLICAS + 1)
    return np.arange(start, start + count, dtype=np.uint32) + np.uint32(group << REPLICA_BITS)


def check_request(request: ReplicaRequest) -> None:
    """Refuse a request that keys and counters cannot hold, before anything is computed for it.

    Raises
    ------
    InvalidOption
        Seed, group, start, n or batch is out of its domain.
    """
    whole_number(request.seed, "seed", 0, 1 << 64)
    whole_number(request.group, "group", 0, MAX_GROUPS)
    whole_number(request.start, "start", 0, MAX_REPLICAS)
    whole_number(request.n, "n", 1, MAX_REPLICAS + 1)
    whole_number(request.start + request.n, "start + n", 1, MAX_REPLICAS + 1)
    if request.batch is not None:
        whole_number(request.batch, "batch", 1, 1 << 31)


def threefry(key: Any, word0: Any, word1: Any) -> tuple[Any, Any]:
    """Return two random uint32 words for each pair of counter words: Threefry-2x32 with 20 rounds.

    Operators only, so that NumPy and JAX arrays both pass and give the same words. In XLA it is twice as fast as JAX's primitive,
    whose rounds do not fuse with the operations that follow.

    Parameters
    ----------
    key : array_like
        The two key words, uint32 (2,).
    word0, word1 : array_like
        Counter words, uint32 arrays that broadcast together.

    References
    ----------
    J. K. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC11 (2011).
    """
    first, second = key[:1], key[1:2]  # arrays of one: NumPy warns when a scalar wraps
    schedule = (first, second, first ^ second ^ np.uint32(_PARITY))
    x0 = word0 + schedule[0]
    x1 = word1 + schedule[1]
    for step in range(5):
        for turn in _ROTATIONS[step % 2]:
            x0 = x0 + x1
            x1 = ((x1 << np.uint32(turn)) | (x1 >> np.uint32(32 - turn))) ^ x0
        x0 = x0 + schedule[(step + 1) % 3]
        x1 = x1 + (schedule[(step + 2) % 3] + np.uint32(step + 1))
    return x0, x1
