"""How listings print parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import typer


def print_parameters(parameters: Sequence[Mapping[str, Any]]) -> None:
    """Print one line per parameter: name, default, domain, help."""
    for row in parameters:
        default = "required" if row["required"] else "-" if row["default"] is None else str(row["default"])
        default = default.lower() if isinstance(row["default"], bool) else default
        domain = "" if row["domain"] == row["help"] else row["domain"]
        typer.echo(f"{'':<14}{row['name']:<14} {default:<12} {domain:<34} {row['help']}")
