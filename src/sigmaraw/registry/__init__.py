"""Entry-point lookup, and the one grammar in which users name codecs, pipelines and modes.

Built-ins and extensions come in by the same entry points: nothing lists them by hand. What cannot be loaded never hides the
others: it is listed with the package that it belongs to and the reason.
"""

from sigmaraw.registry.entries import (
    CODECS,
    DENOISERS,
    ENGINES,
    GROUPS,
    LOSSES,
    MEASUREMENTS,
    METRICS,
    MODES,
    PIPELINES,
    READERS,
    REPORTS,
    REPRODUCTIONS,
    Installed,
    installed,
    load,
    names,
)
from sigmaraw.registry.grammar import Step, convert, parse_chain, parse_step, quoted, typed
from sigmaraw.registry.imports import import_named, imports_allowed, is_dotted, is_file
from sigmaraw.registry.suggestions import suggestion

__all__ = [
    "CODECS",
    "DENOISERS",
    "ENGINES",
    "GROUPS",
    "LOSSES",
    "MEASUREMENTS",
    "METRICS",
    "MODES",
    "PIPELINES",
    "READERS",
    "REPORTS",
    "REPRODUCTIONS",
    "Installed",
    "Step",
    "convert",
    "import_named",
    "imports_allowed",
    "installed",
    "is_dotted",
    "is_file",
    "load",
    "names",
    "parse_chain",
    "parse_step",
    "quoted",
    "suggestion",
    "typed",
]
