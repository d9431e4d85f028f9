"""sigmaraw metrics: what is installed."""

from __future__ import annotations

import typer

from sigmaraw.cli.shared import Json, print_json


def metrics(json: Json = False) -> None:
    """List the metrics that compare masks and images, with unit and definition."""
    from sigmaraw import registry

    rows = [
        {"name": name, "unit": metric.unit, "definition": metric.definition}
        for name in registry.names(registry.METRICS)
        for metric in [registry.load(registry.METRICS, name)()]
    ]
    if json:
        print_json(rows)
        return
    for row in rows:
        typer.echo(f"{row['name']:<12} [{row['unit']}]  {row['definition']}")
