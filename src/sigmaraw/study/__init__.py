"""A study: a frozen plan, one loop over its work items, and the record."""

from sigmaraw.record import SCHEMA, VERDICTS, Record, verify
from sigmaraw.study.locking import require_lock, write_locked
from sigmaraw.study.plan import DEFAULT_N, Plan, count_or_auto, merge_plan, read_plan
from sigmaraw.study.run import plan_row, run
from sigmaraw.study.searches import Rule, SearchResult, run_search, search
from sigmaraw.study.sweeps import run_sweep, sweep
from sigmaraw.study.validations import validate

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
