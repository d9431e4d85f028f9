"""What is installed: the entry points of this package and of others, loaded and held against their contract."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from importlib.metadata import Distribution, EntryPoint, entry_points
from typing import Any

from sigmaraw import extras
from sigmaraw.contracts import (
    Coder,
    Denoiser,
    Engine,
    Loss,
    Map,
    Measure,
    Metric,
    Parameter,
    Pipeline,
    Reader,
    ReplicaMode,
    ReportFormat,
    Reproduction,
)
from sigmaraw.errors import BrokenExtension, DuplicateName, MissingExtra, SigmarawError, UnknownName
from sigmaraw.registry.suggestions import suggestion

CODECS = "sigmaraw.codecs"
PIPELINES = "sigmaraw.pipelines"
MEASUREMENTS = "sigmaraw.measurements"
METRICS = "sigmaraw.metrics"
ENGINES = "sigmaraw.engines"
MODES = "sigmaraw.modes"
DENOISERS = "sigmaraw.denoisers"
REPORTS = "sigmaraw.reports"
READERS = "sigmaraw.readers"
LOSSES = "sigmaraw.losses"
REPRODUCTIONS = "sigmaraw.reproductions"
GROUPS = (CODECS, PIPELINES, MEASUREMENTS, METRICS, ENGINES, MODES, DENOISERS, REPORTS, READERS, LOSSES, REPRODUCTIONS)

# What an entry point of each group is a subclass of; of a Protocol, having its members is enough.
_CONTRACTS: dict[str, tuple[type, ...]] = {
    CODECS: (Coder, Map),
    PIPELINES: (Pipeline,),
    MEASUREMENTS: (Measure,),
    METRICS: (Metric,),
    ENGINES: (Engine,),
    MODES: (ReplicaMode,),
    DENOISERS: (Denoiser,),
    REPORTS: (ReportFormat,),
    READERS: (Reader,),
    LOSSES: (Loss,),
    REPRODUCTIONS: (Reproduction,),
}
_FEW_WORDS = 160  # characters of another package's exception in a message


@dataclass(frozen=True)
class Installed:
    """One registered name, whether it can be used or not.

    Parameters
    ----------
    name : str
        As registered.
    package, version : str
        The distribution that registers it; of a name that two register, both.
    found : object, optional
        What the name stands for; None where it cannot be used.
    fault : str
        Why it cannot be used, in one line; empty where it can.
    """

    name: str
    package: str
    version: str
    found: Any = None
    fault: str = ""


@functools.cache
def _all_points() -> Any:
    """Return the entry points of all groups: each search reads a file of every installed package."""
    return entry_points()


@functools.cache
def _table(group: str) -> dict[str, tuple[EntryPoint, ...]]:
    """Return the entry points of each name: more than one where packages disagree on what it stands for."""
    table: dict[str, tuple[EntryPoint, ...]] = {}
    for point in _all_points().select(group=group):
        before = table.get(point.name, ())
        if all(other.value != point.value for other in before):
            table[point.name] = (*before, point)
    return table


def names(group: str) -> list[str]:
    """Return the registered names of a group, sorted; some may not load.

    Parameters
    ----------
    group : str
        For instance ``registry.CODECS``.

    Returns
    -------
    list of str
        The names.
    """
    return sorted(_table(group))


def load(group: str, name: str) -> Any:
    """Return the class that `name` stands for in `group`.

    Parameters
    ----------
    group : str
        For instance ``registry.CODECS``.
    name : str
        As registered.

    Returns
    -------
    type
        A class that keeps the group's contract.

    Raises
    ------
    UnknownName
        Nothing of that name; the message says what may have been meant.
    DuplicateName
        Two packages register it.
    MissingExtra
        An import that it needs is not installed.
    BrokenExtension
        Its package fails to import, or its class lacks a part of the contract.
    """
    points = _table(group).get(name)
    if points is None:
        kind, choices = group.rsplit(".", 1)[-1].rstrip("s"), names(group)
        expected = f"one of {', '.join(choices) or '(none installed)'}"
        raise UnknownName(f"unknown {kind} '{name}'", expected, suggestion(group, name, choices))
    if len(points) > 1:
        raise DuplicateName(
            f"{group} has two entries named '{name}': {' and '.join(f'{point.value} of {_package(point)}' for point in points)}",
            "one package per name",
            "uninstall one of the two packages, or rename its entry point",
        )
    return _checked(group, name, points[0], _loaded(name, points[0]))


def installed(group: str, only: str | None = None) -> list[Installed]:
    """Return every registered name of a group, those that cannot be used with the reason: one broken package hides nothing.

    Parameters
    ----------
    group : str
        For instance ``registry.METRICS``.
    only : str, optional
        This name alone.

    Returns
    -------
    list of Installed
        Sorted by name.

    Raises
    ------
    UnknownName
        `only` is not registered; the message says what may have been meant.
    """
    rows, known = [], names(group)
    if only is not None and only not in known:
        load(group, only)  # refuses it
    for name in known if only is None else [only]:
        points = _table(group)[name]
        package, version = (", ".join(dict.fromkeys(words)) for words in zip(*map(_distribution, points), strict=True))
        try:
            rows.append(Installed(name, package, version, load(group, name)))
        except SigmarawError as error:
            rows.append(Installed(name, package, version, None, str(error)))
    return rows


def _loaded(name: str, point: EntryPoint) -> Any:
    """Return what an entry point names. Other packages' code runs here, and may raise anything."""
    try:
        return point.load()
    except ModuleNotFoundError as error:
        package = str(error.name).partition(".")[0]
        if error.name and package != point.module.partition(".")[0]:
            extra = extras.extra_of(package)
            if extra is not None:
                raise extras.missing(f"'{name}'", extra, package) from error
            raise MissingExtra(
                f"'{name}' needs the package '{package}', which is not installed",
                "its optional dependencies",
                f"install them, for instance: python -m pip install '{package}'",
            ) from error
        raise _broken(name, point, error) from error
    except (Exception, SystemExit) as error:
        raise _broken(name, point, error) from error


def _checked(group: str, name: str, point: EntryPoint, found: Any) -> Any:
    """Return `found` when it is a class that keeps the group's contract. Raises BrokenExtension."""
    bases = _CONTRACTS.get(group, ())
    wanted = " or ".join(f"sigmaraw.contracts.{base.__name__}" for base in bases)
    problem = ""
    if not isinstance(found, type):
        problem = f"{point.value} is a {type(found).__name__}, not a class"
    elif bases and not any(base in found.__mro__ for base in bases):
        lacking = [member for base in bases for member in _members(base) if not hasattr(found, member)]
        problem = f"{point.value} lacks {', '.join(lacking)}" if lacking and _is_protocol(bases[0]) else ""
        problem = problem or ("" if _is_protocol(bases[0]) else f"{point.value} does not inherit from {wanted}")
    if not problem and bases:
        problem = _malformed(point.value, found)
    if problem:
        raise BrokenExtension(
            f"'{name}' of package {_package(point)}: {problem}",
            f"a class that inherits from {wanted}, with its name and parameters",
            "tell the package's author, or uninstall it",
        )
    return found


def _malformed(value: str, found: Any) -> str:
    """Return what is wrong with the attributes that every listing reads; empty where nothing is."""
    if not isinstance(getattr(found, "name", None), str):
        return f"{value} has no name"
    if getattr(found, "__abstractmethods__", None):
        return f"{value} lacks {', '.join(sorted(found.__abstractmethods__))}"
    parameters = getattr(found, "parameters", ())
    if not isinstance(parameters, tuple) or not all(isinstance(entry, Parameter) for entry in parameters):
        return f"the parameters of {value} are not a tuple of Parameter"
    return ""


def _is_protocol(base: type) -> bool:
    return bool(getattr(base, "_is_protocol", False))


def _members(base: type) -> list[str]:
    """Return the public attributes and methods that a Protocol declares."""
    declared = dict.fromkeys([*getattr(base, "__annotations__", {}), *vars(base)])
    return [name for name in declared if not name.startswith("_") or (name == "__call__" and name in vars(base))]


def _broken(name: str, point: EntryPoint, error: BaseException) -> BrokenExtension:
    words = " ".join(f"{type(error).__name__}: {error}".split())[:_FEW_WORDS]
    return BrokenExtension(
        f"'{name}' of package {_package(point)} cannot be loaded ({words})",
        f"{point.value}, as the package registers it",
        "repair, upgrade or uninstall that package",
    )


def _package(point: EntryPoint) -> str:
    package, version = _distribution(point)
    return f"{package} {version}".strip()


def _distribution(point: EntryPoint) -> tuple[str, str]:
    """Return name and version of the distribution that registers an entry point; its module where that is not stated."""
    distribution = getattr(point, "dist", None)
    if distribution is None:
        return str(point.value).partition(":")[0].partition(".")[0], ""
    return _stated(distribution)


@functools.lru_cache(maxsize=256)
def _stated(distribution: Distribution) -> tuple[str, str]:
    """Return name and version as the distribution's metadata state them: a file, which is read once."""
    return str(distribution.name), str(distribution.version)
