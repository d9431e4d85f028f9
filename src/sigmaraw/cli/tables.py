"""How listings print parameters."""

from __future__ import annotations

from collections.abc import Sequence

import typer

from sigmaraw.contracts import Parameter


def print_parameters(parameters: Sequence[Parameter]) -> None:
    """Print one line per parameter: name, default, domain, help."""
    for parameter in parameters:
        default = "required" if parameter.required else "-" if parameter.default is None else str(parameter.default).lower()
        typer.echo(f"{'':<14}{parameter.name:<14} {default:<12} {parameter.domain():<40} {parameter.help}")
