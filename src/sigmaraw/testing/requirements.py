"""What the conformance suites have in common."""

from __future__ import annotations


def require(condition: bool, message: str) -> None:
    """Raise AssertionError with `message` unless `condition` holds: unlike a bare assert it also works under python -O."""
    if not condition:
        raise AssertionError(message)
