"""The documentation as a site: ``make docs``. Pages are Markdown (MyST); the Python reference comes from docstrings.

The build is strict (``-W -n``): a dead link, an unknown formula and an unknown name of this package each stop it. It needs no network.
"""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes

import sigmaraw

project = "sigmaraw"
author = "the sigmaraw authors"
version = release = sigmaraw.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "numpydoc"]
root_doc = "index"
exclude_patterns = ["_build"]
language = "en"

myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]

html_theme = "furo"
html_title = f"sigmaraw {release}"
html_show_copyright = False
html_copy_source = False
pygments_style = "default"

numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
autodoc_typehints = "none"  # the docstring's Parameters section states each type
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True}

# Names of other libraries are not linked: their inventories would have to be fetched.
nitpick_ignore_regex = [("py:.*", r"(?!sigmaraw).*")]

FORMULA = re.compile(r"\b(?:formula|SCIENCE) (\d+(?:\.\d+)?)\b")
MAGNITUDE = re.compile(r"(?<!`)\|(?=\S)([^|`]*\S)\|")
FORMULAS = "explanation/formulas"
OUTSIDE = re.compile(r"\[([^\]]+)\]\((?:\.\./)+((?:calibration|examples|src|tests)/[^)#]+)\)")  # a link to a file of the repository


def link_formulas(app: Any, what: str, name: str, obj: object, options: Any, lines: list[str]) -> None:
    """Make "formula 2.3" in a docstring a link to that section of the page of formulas, and let |x| be a magnitude."""
    for number, line in enumerate(lines):
        linked = FORMULA.sub(lambda found: f":ref:`formula {found[1]} <formula-{found[1]}>`", line)
        lines[number] = MAGNITUDE.sub(r"\\|\1\\|", linked)


def label_formulas(app: Any, doctree: nodes.document) -> None:
    """Give each numbered heading of the page of formulas the label that docstrings link to, such as formula-2.3."""
    if app.env.docname != FORMULAS:
        return
    standard = app.env.get_domain("std")
    for section in doctree.findall(nodes.section):
        title = section[0].astext()
        number = re.match(r"(\d+(?:\.\d+)?) ", title)
        if number:
            standard.labels[f"formula-{number[1]}"] = (FORMULAS, section["ids"][0], title)
            standard.anonlabels[f"formula-{number[1]}"] = (FORMULAS, section["ids"][0])


def name_repository_files(app: Any, docname: str, source: list[str]) -> None:
    """Name a file of the repository that is no page of the site, where the Markdown links to it."""
    source[0] = OUTSIDE.sub(r"\1 (in the repository: `\2`)", source[0])


def setup(app: Any) -> None:
    """Connect the links to formulas and to files of the repository."""
    app.connect("source-read", name_repository_files)
    app.connect("autodoc-process-docstring", link_formulas)
    app.connect("doctree-read", label_formulas)
