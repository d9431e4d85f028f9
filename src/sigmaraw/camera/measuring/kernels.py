"""The compiled kernel of the moments, where it was built; NumPy does the same work where it was not.

The kernel is `_moments.c`, built when the package is installed with a C compiler at hand. Both give the same to the last bit; they
differ in speed alone (docs/decisions/0018-moments-kernel.md).
"""

from __future__ import annotations

import logging
from functools import cache
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

_VERSION = 3  # of _moments.c


def _built() -> ModuleType | None:
    """Return the kernel; None where none was built, or where one is left over from another version (an editable installation)."""
    try:
        from sigmaraw.camera.measuring import _moments
    except ImportError:
        return None
    return _moments if getattr(_moments, "VERSION", 1) == _VERSION else None


compiled = _built()


def kernel_for(frames: NDArray[np.unsignedinteger]) -> ModuleType | None:
    """Return the compiled kernel where it can take these frames.

    Parameters
    ----------
    frames : ndarray
        (frame, y, x), DN.

    Returns
    -------
    module or None
        None where the kernel is missing, or the frames are neither uint8 nor uint16 in C order.
    """
    return compiled if frames.flags.c_contiguous and frames.dtype in (np.uint8, np.uint16) else None


@cache
def say_which() -> None:
    """Log, once a process, that no compiled kernel can be used."""
    if compiled is None:
        logging.getLogger(__name__).warning(
            "the compiled kernel of the moments is missing, or was built from another version: NumPy does its work, more slowly, with "
            "the same results; install sigmaraw where a C compiler is at hand"
        )
