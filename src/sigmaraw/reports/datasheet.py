"""A camera's datasheet: its profile as one self-contained HTML page; lays out a summary and computes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sigmaraw.files import write_text
from sigmaraw.record.reading import camera_of, figures_of
from sigmaraw.reports.html import template
from sigmaraw.reports.layout import camera_facts
from sigmaraw.reports.plots import camera_plot
from sigmaraw.reports.sheet_plots import pattern_plots, residual_plot


def write_datasheet(summary: Mapping[str, Any], folder: str | Path, figures: Mapping[str, Any] | None = None) -> Path:
    """Write `folder`/datasheet.html from `CameraProfile.summary()` and `.figures()`, whole or not at all, and return its path.

    Raises
    ------
    InvalidRecord : a summary or figures that cannot be drawn. InvalidOption : a folder that cannot be written.
    """
    camera = camera_of(summary)
    drawn = figures_of({} if figures is None else figures)
    target = Path(folder) / "datasheet.html"
    page = template("datasheet.html.j2").render(
        camera=camera_facts(camera),
        camera_figure=camera_plot(camera),
        residual_figure=residual_plot(camera),
        figures=pattern_plots(drawn),
    )
    write_text(target, page)
    return target
