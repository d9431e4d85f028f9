"""A study: a frozen plan, one loop over its work items, and the record.

What one study needs is imported with the package; sweeps, searches and what reads a record again, at first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from sigmaraw.record import SCHEMA, VERDICTS, Record
from sigmaraw.study.locking import require_lock, write_locked
from sigmaraw.study.plan import DEFAULT_N, Plan, count_or_auto, merge_plan, read_plan
from sigmaraw.study.run import plan_row, run

if TYPE_CHECKING:
    from sigmaraw.record import verify
    from sigmaraw.study.searches import Rule, SearchResult, run_search, search
    from sigmaraw.study.sweeps import run_sweep, sweep
    from sigmaraw.study.validations import validate

_HOMES = {
    "verify": "sigmaraw.record",
    "Rule": "sigmaraw.study.searches",
    "SearchResult": "sigmaraw.study.searches",
    "run_search": "sigmaraw.study.searches",
    "search": "sigmaraw.study.searches",
    "run_sweep": "sigmaraw.study.sweeps",
    "sweep": "sigmaraw.study.sweeps",
    "validate": "sigmaraw.study.validations",
}

__all__ = [
    "DEFAULT_N",
    "SCHEMA",
    "VERDICTS",
    "Plan",
    "Record",
    "Rule",
    "SearchResult",
    "count_or_auto",
    "merge_plan",
    "plan_row",
    "read_plan",
    "require_lock",
    "run",
    "run_search",
    "run_sweep",
    "search",
    "sweep",
    "validate",
    "verify",
    "write_locked",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'sigmaraw.study' has no attribute '{name}'")
