"""Engines map one pure function over work items: same numbers, different speed."""

from sigmaraw.engines.local import LocalEngine

__all__ = ["LocalEngine"]
