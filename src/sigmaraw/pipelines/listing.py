"""What is installed, in one list, for the command line and the documentation."""

from __future__ import annotations

from typing import Any

from sigmaraw import registry
from sigmaraw.registry import Installed


def describe(name: str | None = None) -> list[dict[str, Any]]:
    """Return one row per registered pipeline, those that cannot be used with the reason (JSON values).

    Parameters
    ----------
    name : str, optional
        Only this pipeline.

    Returns
    -------
    list of dict
        Each with name, summary (its first documented line), parameters, package, available and reason.

    Raises
    ------
    UnknownName
        It is not registered; the message says what may have been meant.
    """
    return [_row(entry) for entry in registry.installed(registry.PIPELINES, name)]


def _row(entry: Installed) -> dict[str, Any]:
    found = entry.found
    return {
        "name": entry.name,
        "summary": (getattr(found, "__doc__", None) or "").strip().partition("\n")[0],
        "parameters": [] if found is None else [parameter.describe() for parameter in found.parameters],
        "package": entry.package,
        "available": found is not None,
        "reason": entry.fault,
    }
