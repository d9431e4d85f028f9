"""A study: a frozen plan, one loop over its work items, and the record."""

from sigmaraw.study.plan import DEFAULT_N, Plan, merge_plan, read_plan
from sigmaraw.study.record import SCHEMA, VERDICTS, Record, verify
from sigmaraw.study.run import plan_row, run, validate

__all__ = ["DEFAULT_N", "SCHEMA", "VERDICTS", "Plan", "Record", "merge_plan", "plan_row", "read_plan", "run", "validate", "verify"]
