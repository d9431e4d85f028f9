"""The report as one self-contained HTML page: no scripts, no addresses, the same record is the same page."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from sigmaraw.files import write_text
from sigmaraw.record.arrays import RecordFolder, read_folder
from sigmaraw.reports.crops import crop_view, diverging_stops
from sigmaraw.reports.layout import Group, context
from sigmaraw.reports.plots import Distribution, ScoreMark, camera_plot, distribution_plot, epsilon_plot
from sigmaraw.reports.slices import slice_sections
from sigmaraw.reports.sweep import search_context, sweep_context

if TYPE_CHECKING:
    from jinja2 import Template
    from markupsafe import Markup


def _ids(kind: str, *parts: int) -> str:
    """Return an id made of positions: names from a record never become part of the page's structure."""
    return "-".join([kind, *(str(part) for part in parts)])


def _distributions(folder: RecordFolder, group: Group) -> str:
    """Return the figure of one measurement on one image. χ_raw and σ_raw are the group's, the same for all its codecs."""
    record, measurement = folder.record, group.measurement
    position = [row.name for row in record.measurements].index(measurement.name)
    codecs = [row.codec for row in record.codecs]
    image = group.image
    rows = []
    for result in group.source:
        codec = codecs.index(result.codec)
        decoded = folder.decoded[codec, :, image, position]
        raw = folder.raw[codec + 1, :, image, position]
        rows.append(Distribution(result.codec, result.verdict, decoded, raw, result.chi_codec))
    first = group.source[0]
    return distribution_plot(
        _ids("dist", position, image),
        f"Distributions of {measurement.name} on {group.name}: raw and {len(rows)} codecs",
        measurement.name,
        measurement.unit,
        folder.raw[0, :, image, position],
        rows,
        first.chi_raw,
        first.sigma_raw,
        discrete=measurement.discrete,
    )


def _scores(folder: RecordFolder, position: int, name: str) -> str:
    scores = []
    for codec in folder.record.codecs:
        for row in folder.record.results:
            if row.codec == codec.codec and row.measurement == name:
                low, high = row.epsilon_hat_ci or (None, None)
                scores.append(ScoreMark(row.codec, row.image, row.verdict, row.epsilon_hat, low, high, row.epsilon, row.limit))
    return (
        epsilon_plot(_ids("score", position), f"Estimated shift of {name} per codec with 95 % intervals and limits", scores)
        if scores
        else ""
    )


def _breakable(text: str) -> Markup:
    """Return escaped text that may break after the joints of a codec specification."""
    from markupsafe import Markup, escape

    parts = [escape(part) for part in re.split(r"(?<=[:+,/])", text)]
    return Markup("<wbr>").join(parts)


def template(name: str) -> Template:
    """Return a page's template: everything put into it is escaped, and a missing value is an error."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("sigmaraw.reports", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["breakable"] = _breakable
    return environment.get_template(name)


def page(folder: RecordFolder) -> str:
    """Return the report of a record folder as HTML text."""
    shown = context(folder)
    for group in shown["groups"]:
        group.figure = _distributions(folder, group)
    figures = [_scores(folder, position, row.name) for position, row in enumerate(shown["measurements"])]
    return template("report.html.j2").render(
        shown,
        sweep=sweep_context(folder.record),
        search=search_context(folder.record),
        score_figures=figures,
        camera_figure=camera_plot(folder.record.camera),
        crops=[crop_view(crop) for crop in folder.crops],
        diverging=diverging_stops(),
        slices=slice_sections(folder.record),
    )


class HtmlReport:
    """Writes report.html, one page that reads and prints without a network, a script or a font from elsewhere."""

    name = "html"

    def render(self, folder: Path) -> Path:
        """Write `folder`/report.html from record.json and result.nc, whole or not at all, and return its path.

        Raises
        ------
        InvalidRecord : record.json or result.nc is missing, malformed, or of another study.
        """
        target = Path(folder) / "report.html"
        write_text(target, page(read_folder(Path(folder))))
        return target
