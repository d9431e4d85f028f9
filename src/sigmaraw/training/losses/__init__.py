"""Training losses, one file each: equation, implementation, and the reference that tests hold it against.

They are found by their entry points in "sigmaraw.losses", as every extension is.
"""

from sigmaraw.training.losses.spec import loss

__all__ = ["loss"]
