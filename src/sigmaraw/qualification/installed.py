"""What is installed: packages with versions and licences, as CycloneDX names them, and whether this program's files are as released."""

from __future__ import annotations

import base64
import hashlib
import json
import platform
import re
import uuid
from importlib import metadata
from typing import Any

from sigmaraw.integrity.canonical import digest

SBOM_VERSION = "1.6"


def distributions() -> list[metadata.Distribution]:
    """Return this program and all that it needs or can use and that is installed, by name."""
    found: dict[str, metadata.Distribution] = {}
    queue = ["sigmaraw"]
    while queue:
        name = _plain(queue.pop())
        if name in found:
            continue
        try:
            found[name] = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        for line in found[name].requires or ():
            optional = "extra ==" in line
            if not optional or name == "sigmaraw":  # its extras too, where they are installed
                queue.append(re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0])
    return [found[name] for name in sorted(found)]


def sbom() -> dict[str, Any]:  # CycloneDX's own shape
    """Return the bill of materials of this installation, CycloneDX 1.6 JSON; the same installation gives the same one.

    References
    ----------
    CycloneDX specification 1.6 (ECMA-424).
    """
    packages = distributions()
    held = {_plain(entry.metadata["Name"]) for entry in packages}
    components = [_component(entry) for entry in packages]
    root = next(entry for entry in components if entry["name"] == "sigmaraw")
    edges = []
    for entry in packages:
        needs = {_plain(re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0]) for line in entry.requires or () if "extra ==" not in line}
        edges.append({"ref": _ref(entry), "dependsOn": sorted(_ref(metadata.distribution(name)) for name in needs & held)})
    document: dict[str, Any] = {
        "$schema": f"http://cyclonedx.org/schema/bom-{SBOM_VERSION}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": SBOM_VERSION,
        "version": 1,
        "metadata": {
            "component": {**root, "type": "application"},
            "tools": {"components": [{"type": "application", "name": "sigmaraw", "version": root["version"]}]},
            "properties": [
                {"name": "python", "value": platform.python_version()},
                {"name": "system", "value": platform.platform()},
            ],
        },
        "components": [entry for entry in components if entry is not root],
        "dependencies": edges,
    }
    document["serialNumber"] = f"urn:uuid:{uuid.UUID(digest(document)[:32], version=4)}"
    return document


def _component(entry: metadata.Distribution) -> dict[str, Any]:
    made: dict[str, Any] = {
        "type": "library",
        "bom-ref": _ref(entry),
        "name": entry.metadata["Name"],
        "version": entry.version,
        "purl": _ref(entry),
    }
    stated = _licence(entry)
    if stated:
        made["licenses"] = [{"license": {"name": stated}}]
    return made


def _licence(entry: metadata.Distribution) -> str:
    """Return the licence that a package states: the expression, else the classifiers, else the field's first line."""
    values: Any = entry.metadata  # an email.message.Message, which the stubs do not say
    if values.get("License-Expression"):
        return str(values["License-Expression"])
    classes = [line.rpartition(" :: ")[2] for line in values.get_all("Classifier") or () if line.startswith("License ::")]
    if classes:
        return "; ".join(classes)
    lines = str(values.get("License") or "").strip().splitlines()
    return lines[0][:80] if lines else ""


def _ref(entry: metadata.Distribution) -> str:
    return f"pkg:pypi/{_plain(entry.metadata['Name'])}@{entry.version}"


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def altered_files() -> tuple[int, list[str]]:
    """Return how many of this program's files have a hash in the list that came with them, and those that differ from it or are gone.

    None has one where the program is run from its sources.
    """
    compared, differ = 0, []
    for file in metadata.distribution("sigmaraw").files or ():
        if file.hash is None or file.hash.mode != "sha256":
            continue
        compared += 1
        path = file.locate()
        try:
            content = open(path, "rb").read()  # noqa: SIM115, PTH123 (a SimplePath has no read_bytes)
        except OSError:
            differ.append(str(file))
            continue
        found = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        if found != file.hash.value:
            differ.append(str(file))
    return compared, differ


def sbom_text() -> str:
    """Return the bill of materials as it is written."""
    return json.dumps(sbom(), indent=1, ensure_ascii=False) + "\n"
