"""Lossy and lossless codecs: a specification in, a round trip with every byte counted out.

`codec` builds a chain from a specification, `describe` lists what is installed. One file holds one family; families are
found by their entry points and nowhere else.
"""

from __future__ import annotations

from sigmaraw.codecs.chain import Chain, codec
from sigmaraw.codecs.listing import describe

__all__ = ["Chain", "codec", "describe"]
