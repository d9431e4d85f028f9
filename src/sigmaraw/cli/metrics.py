"""sigmaraw metrics: what is installed."""

from __future__ import annotations

import typer


def metrics() -> None:
    """List the metrics that compare masks and images, with unit and definition."""
    from sigmaraw import registry

    for name in registry.names(registry.METRICS):
        metric = registry.load(registry.METRICS, name)()
        typer.echo(f"{name:<12} [{metric.unit}]  {metric.definition}")
