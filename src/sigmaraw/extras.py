"""How an optional package is installed, said for the way in which this package itself was."""

from __future__ import annotations

import functools
import json
import os
import re
import sys
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

from sigmaraw.errors import MissingExtra

PACKAGE = "sigmaraw"
_REQUIREMENT = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(\[[^]]*\])?(?P<version>[^;]*)")
_EXTRA = re.compile(r"extra\s*==\s*[\"']([^\"']+)[\"']")


@functools.cache
def version(package: str) -> str:
    """Return the version of an installed package: read once in a process, since its metadata are parsed for it.

    Raises
    ------
    importlib.metadata.PackageNotFoundError
        It is not installed.
    """
    return metadata.version(package)


def missing(what: str, extra: str, package: str) -> MissingExtra:
    """Return the refusal of a feature whose optional package is not installed.

    Parameters
    ----------
    what : str
        The feature, such as "pipeline 'onnx'".
    extra : str
        The extra that brings the package.
    package : str
        The package that is missing.
    """
    return MissingExtra(f"{what} needs {package}, which is not installed", f"the extra '{extra}'", f"run: {install_command(extra)}")


def extra_of(package: str) -> str | None:
    """Return the extra that brings a package, by this package's own metadata; None where none does. The first in the list counts."""
    wanted = _normal(package)
    for line in _requirements():
        found, extra = _REQUIREMENT.match(line), _EXTRA.search(line)
        if found and extra and _normal(found["name"]) == wanted and extra[1] not in ("test", "lint", "docs"):
            return extra[1]
    return None


def install_command(extra: str) -> str:
    """Return the command that adds an extra, in quotes for shells in which brackets mean something.

    An editable or local installation is named by its folder, one from a repository by its address, and a tool that keeps programs apart
    (pipx, uv tool) by its own command.
    """
    try:
        installed = metadata.distribution(PACKAGE)
    except metadata.PackageNotFoundError:  # run from a source tree that was never installed
        return f"{_pip()} {_quoted(*packages_of(extra))}"
    prefix = Path(sys.prefix).as_posix()
    if "/pipx/venvs/" in f"{prefix}/":
        return f"pipx inject {PACKAGE} {_quoted(*packages_of(extra))}"
    if "/uv/tools/" in f"{prefix}/":
        return f"uv tool install --with {_quoted(','.join(packages_of(extra)))} {PACKAGE}"
    origin = _origin(installed)
    command = "uv pip install" if (installed.read_text("INSTALLER") or "").strip() == "uv" else _pip()
    url = origin.get("url", "")
    if "vcs_info" in origin:
        system = origin["vcs_info"].get("vcs", "git")
        return f"{command} {_quoted(f'{PACKAGE}[{extra}] @ {system}+{url}')}"
    if url.startswith("file:"):
        from urllib.request import url2pathname  # imports HTTP and TLS, which nothing else here asks for

        folder = Path(url2pathname(unquote(urlparse(url).path)))
        if not folder.is_dir():  # a wheel, or a tree that is gone
            return f"{command} {_quoted(*packages_of(extra))}"
        editable = "-e " if origin.get("dir_info", {}).get("editable") else ""
        return f"{command} {editable}{_quoted(f'{folder}[{extra}]')}"
    return f"{command} {_quoted(f'{PACKAGE}[{extra}]')}"


def packages_of(extra: str) -> list[str]:
    """Return the packages of an extra with their versions, such as ``onnxruntime>=1.20``."""
    found = [line for line in _requirements() if (name := _EXTRA.search(line)) and name[1] == extra]
    return [line.partition(";")[0].strip() for line in found] or [extra]


def _requirements() -> list[str]:
    try:
        return metadata.requires(PACKAGE) or []
    except metadata.PackageNotFoundError:
        return []


def _origin(installed: metadata.Distribution) -> dict[str, Any]:
    """Return what pip wrote of where the package came from (PEP 610), empty for one from an index."""
    text = installed.read_text("direct_url.json")
    try:
        origin = json.loads(text) if text else {}
    except ValueError:
        return {}
    return origin if isinstance(origin, dict) else {}


def _pip() -> str:
    return "python -m pip install"


def _quoted(*words: str) -> str:
    mark = '"' if os.name == "nt" else "'"
    return " ".join(f"{mark}{word}{mark}" for word in words)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
