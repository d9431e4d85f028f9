"""Whether images, camera and answers are still those that a study was about.

`fit` describes a reference, `Watch.check` looks at one frame more and adds it to the state, `summary` and `figure` say what has been seen.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sigmaraw.watch.checking import Watch
    from sigmaraw.watch.fitting import Setup, fit
    from sigmaraw.watch.mmd import mmd_test
    from sigmaraw.watch.online import OnlineMmd
    from sigmaraw.watch.projection import Projection
    from sigmaraw.watch.recalibration import intervals
    from sigmaraw.watch.report import figure, summary
    from sigmaraw.watch.sequential import ConformalMartingale, log_exceedance_evidence
    from sigmaraw.watch.state import State

_HOMES = {
    "ConformalMartingale": "sequential",
    "OnlineMmd": "online",
    "Projection": "projection",
    "Setup": "fitting",
    "State": "state",
    "Watch": "checking",
    "figure": "report",
    "fit": "fitting",
    "intervals": "recalibration",
    "log_exceedance_evidence": "sequential",
    "mmd_test": "mmd",
    "summary": "report",
}

__all__ = [
    "ConformalMartingale",
    "OnlineMmd",
    "Projection",
    "Setup",
    "State",
    "Watch",
    "figure",
    "fit",
    "intervals",
    "log_exceedance_evidence",
    "mmd_test",
    "summary",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"sigmaraw.watch.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'sigmaraw.watch' has no attribute '{name}'")
