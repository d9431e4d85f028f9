"""Lossy and lossless codecs: a specification in, a round trip with every byte counted out.

`codec` builds a chain from a specification, `describe` lists what is installed. One file holds one family; families are
found by their entry points and nowhere else.
"""

from __future__ import annotations

from sigmaraw.codecs.building import codec, named_codecs
from sigmaraw.codecs.chain import Chain
from sigmaraw.codecs.listing import describe
from sigmaraw.codecs.search import centred, learning
from sigmaraw.codecs.target_rule import outcomes, require_near, summary

__all__ = ["Chain", "centred", "codec", "describe", "learning", "named_codecs", "outcomes", "require_near", "summary"]
