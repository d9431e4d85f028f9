"""Matplotlib figures as inline SVG: text stays text, no addresses, no dates; the same figure is the same string."""

from __future__ import annotations

import contextlib
import functools
import io
import os
import re
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PASS, FAIL, OPEN = "#00695c", "#a63c00", "#4a4a68"  # Okabe and Ito's green and vermilion, darkened to read on white
COLOURS = {"PASS": PASS, "FAIL": FAIL, "INCONCLUSIVE": OPEN}
MARKERS = {"PASS": "o", "FAIL": "X", "INCONCLUSIVE": "D"}
RAW, BAND, INK, FAINT = "#33373d", "#d9dee6", "#1c1f24", "#6b7280"
GRID, RULE = "#e8eaee", "#e3e6ea"
SCREEN_COLOURS = {
    PASS: "--pass", FAIL: "--fail", OPEN: "--open", RAW: "--ink", BAND: "--band", INK: "--ink", FAINT: "--soft", GRID: "--grid",
    RULE: "--grid", "#8a8f98": "--axis", "#4b5058": "--soft", "#9aa0aa": "--axis", "#ffffff": "--paper", "#eef1f4": "--tint",
    "#0b5d91": "--line-1", "#8a3a6b": "--line-2", "#7a5a00": "--line-3", "#2f7fb5": "--line-4", "#b5651d": "--line-5",
}  # fmt: skip
"""The colours of drawings, and the variable of a page's style sheet that each becomes on a screen."""

_GEOMETRY = frozenset(("d", "x", "y", "points", "transform", "width", "height"))
_FINE = re.compile(r"(\.\d\d)\d+")  # a hundredth of a point is finer than any screen

_STYLE: dict[str, Any] = {  # matplotlib's settings, each of its type
    "font.family": ["DejaVu Sans"],
    "font.size": 9.5,
    "axes.edgecolor": "#8a8f98",
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.unicode_minus": True,
    "path.simplify": False,  # a rug of zero-length strokes is not noise to be thinned
    "svg.fonttype": "none",
    "svg.hashsalt": "sigmaraw",
    "text.color": INK,
    "xtick.color": "#4b5058",
    "ytick.color": "#4b5058",
}


@contextmanager
def drawing() -> Iterator[None]:
    """Draw with the house style and matplotlib's own defaults, whatever the user's matplotlibrc says."""
    settings, style = _matplotlib().rcParams, _checked_style()
    before = {name: dict.__getitem__(settings, name) for name in style}
    dict.update(settings, style)  # as matplotlib does when it restores: they are checked already
    try:
        with warnings.catch_warnings():
            # The reader's browser chooses the glyphs; matplotlib's font only measures them.
            warnings.filterwarnings("ignore", message="Glyph .* missing from font", category=UserWarning)
            yield
    finally:
        dict.update(settings, before)


@functools.cache
def _checked_style() -> dict[str, Any]:
    """Return matplotlib's defaults with the house style over them: checked once, which takes as long as a small figure."""
    matplotlib = _matplotlib()
    defaults = {name: value for name, value in matplotlib.rcParamsDefault.items() if not name.startswith(("backend", "webagg", "toolbar"))}
    with matplotlib.rc_context({**defaults, **_STYLE}):
        return {name: dict.__getitem__(matplotlib.rcParams, name) for name in (*defaults, *_STYLE)}


def _matplotlib() -> Any:
    """Import matplotlib, whatever other programs say of its backend: figures are drawn here without one.

    A notebook sets MPLBACKEND for the programs that it starts, and names a package that only the notebook has; matplotlib then cannot be
    imported. Where the backend is there, it is set afterwards, for whatever else draws in this process.
    """
    backend = None if "matplotlib" in sys.modules else os.environ.pop("MPLBACKEND", None)
    try:
        import matplotlib
    finally:
        if backend is not None:
            os.environ["MPLBACKEND"] = backend
    if backend:
        with contextlib.suppress(ValueError, ImportError):
            matplotlib.rcParams["backend"] = backend
    return matplotlib


def figure(height: float, width: float = 7.2) -> Figure:
    """Return an empty figure of `width` × `height` inches, free of pyplot's state."""
    _matplotlib()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    made = Figure(figsize=(width, height))
    FigureCanvasAgg(made)
    return made


def to_svg(drawn: Figure, name: str, description: str, hints: Mapping[str, str] | None = None) -> str:
    """Return the figure as an SVG element with a title for screen readers.

    name : a word that makes the ids of this figure its own on the page.
    description : what the figure shows; untrusted text is escaped.
    hints : what a reader learns who points at an artist, by the artist's gid.
    """
    stream = io.BytesIO()
    drawn.savefig(stream, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    root = ElementTree.fromstring(stream.getvalue())
    parents = {child: parent for parent in root.iter() for child in parent}
    for element in [element for element in root.iter() if element.tag.endswith("}style")]:  # it would rule the whole page
        parents[element].remove(element)
    for element in list(root.iter()):
        hint = (hints or {}).get(element.get("id", ""))
        if hint:
            said = ElementTree.Element("title")
            said.text = hint
            element.insert(0, said)
    _rename(root, name)
    for attribute in ("width", "height"):
        root.attrib.pop(attribute, None)  # the page sets the width; the viewBox keeps the proportions
    title = ElementTree.Element("title", {"id": f"{name}-title"})
    title.text = description
    root.insert(0, title)
    root.attrib = {
        "xmlns": "http://www.w3.org/2000/svg",
        **root.attrib,
        "role": "img",
        "aria-labelledby": f"{name}-title",
        "stroke-linejoin": "round",
    }
    return ElementTree.tostring(root, encoding="unicode")


def _rename(root: ElementTree.Element, name: str) -> None:
    """Drop namespaces, keep only the ids that something refers to, and give those the figure's own prefix."""
    used = set()
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        if element.text and not element.text.strip():
            element.text = None
        if element.tail and not element.tail.strip():
            element.tail = None
        for key in _GEOMETRY & element.attrib.keys():
            element.attrib[key] = _FINE.sub(r"\1", " ".join(element.attrib[key].split()))
        for key, value in list(element.attrib.items()):
            if key.startswith("{"):
                element.attrib[key.rpartition("}")[2]] = element.attrib.pop(key)
            if value.startswith("#"):
                used.add(value[1:])
            elif value.startswith("url(#"):
                used.add(value[5:-1])
    for element in root.iter():
        for key, value in list(element.attrib.items()):
            if key == "id" and value not in used:
                del element.attrib["id"]
            elif key == "id":
                element.attrib["id"] = f"{name}-{value}"
            elif key == "href" and value.startswith("#"):
                element.attrib[key] = f"#{name}-{value[1:]}"
            elif value.startswith("url(#"):
                element.attrib[key] = f"url(#{name}-{value[5:]}"
