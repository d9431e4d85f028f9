"""The scenes that a process draws from, kept where JAX draws: an image's is made once, not for every block of replicas."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sigmaraw.noise.blocks import Drawn

_KEPT_BYTES = 1 << 28  # of the arrays from which scenes were made; the scenes themselves have four times as much
_lock = threading.Lock()
_scenes: OrderedDict[tuple[Any, ...], tuple[tuple[Any, ...], Drawn]] = OrderedDict()


def scene_of(identity: tuple[Any, ...], words: tuple[Any, ...], make: Callable[[], Drawn]) -> Drawn:
    """Return the sampler that was made from these very objects before, or make it.

    Parameters
    ----------
    identity : tuple
        What the scene is made of: noise model and arrays that nobody changes (`noise.keys.Unchanging` promises it). They are compared as
        objects, and held with the scene, so that no other object can take their place.
    words : tuple
        What else decides the replicas, compared by value.
    make : callable
        Makes the sampler.

    Returns
    -------
    Drawn
        Ready to draw.
    """
    key = (*map(id, identity), *words)
    with _lock:
        found = _scenes.get(key)
        if found is not None:
            _scenes.move_to_end(key)
            return found[1]
    made = make()
    with _lock:
        _scenes[key] = (identity, made)
        while len(_scenes) > 1 and sum(_bytes(held) for held, _ in _scenes.values()) > _KEPT_BYTES:
            _scenes.popitem(last=False)
    return made


def _bytes(identity: tuple[Any, ...]) -> int:
    return sum(getattr(value, "nbytes", 0) for value in identity)
