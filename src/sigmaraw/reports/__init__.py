"""Renderings of a record folder: HTML page, flat JSON summary, plain-text table. They lay out and compute nothing.

Names are imported at first use, so that printing a table loads neither jinja2 nor matplotlib.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sigmaraw.reports.html import HtmlReport
    from sigmaraw.reports.json import JsonReport
    from sigmaraw.reports.table import text_table
    from sigmaraw.reports.transfer_plot import camera_plot

_HOMES = {"HtmlReport": "html", "JsonReport": "json", "camera_plot": "transfer_plot", "text_table": "table"}

__all__ = ["HtmlReport", "JsonReport", "camera_plot", "text_table"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"sigmaraw.reports.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'sigmaraw.reports' has no attribute '{name}'")
