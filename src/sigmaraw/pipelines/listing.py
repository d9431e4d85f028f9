"""What is installed, in one list, for the command line and the documentation."""

from __future__ import annotations

from typing import Any

from sigmaraw import registry


def describe() -> list[dict[str, Any]]:
    """Return one row per registered pipeline: name, summary (its first documented line), parameters (JSON values)."""
    return [_row(name, registry.load(registry.PIPELINES, name)) for name in registry.names(registry.PIPELINES)]


def _row(name: str, kind: Any) -> dict[str, Any]:
    return {
        "name": name,
        "summary": (kind.__doc__ or "").strip().partition("\n")[0],
        "parameters": [parameter.describe() for parameter in kind.parameters],
    }
