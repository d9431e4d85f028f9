"""RO-Crate metadata: what lies in a record's folder, for archives and search engines of research data."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sigmaraw.integrity.manifest import InputPart, Part

CRATE_FILE = "ro-crate-metadata.json"
_CONTEXT = "https://w3id.org/ro/crate/1.1/context"
_CONFORMS = "https://w3id.org/ro/crate/1.1"
_FORMATS = {
    ".json": "application/json",
    ".nc": "application/netcdf",
    ".html": "text/html",
    ".pdf": "application/pdf",
    ".csv": "text/csv",
    ".txt": "text/plain",
    ".md": "text/markdown",
    ".toml": "application/toml",
    ".py": "text/x-python",
}
_NAMES = {
    "record": "record: every number, setting and version of the study",
    "predictions": "the pipeline's answers on every replica",
    "html": "report",
    "pdf": "report",
    "csv": "results as a table",
    "summary": "verdicts as a flat table",
    "text": "verdicts as text",
    "plan": "plan",
    "check": "script that recomputes every verdict from the record",
}


def crate_text(
    *,
    title: str,
    description: str,
    digest: str,
    version: str,
    by: str,
    times: tuple[str, str],
    parts: Sequence[Part],
    inputs: Sequence[InputPart],
) -> str:
    """Return ro-crate-metadata.json.

    Parameters
    ----------
    title, description : str
        Of the study.
    digest : str
        The record's digest.
    version : str
        Version of this program.
    by : str
        Who ran it.
    times : tuple of str
        Start and end, ISO 8601.
    parts : sequence of Part
        The files of the folder, this one apart.
    inputs : sequence of InputPart
        What went in.

    References
    ----------
    RO-Crate 1.1, Process Run profile: a `CreateAction` with its `instrument`, `object` and `result`.
    """
    files = [_file(part) for part in parts]
    given = [_input(number, entry) for number, entry in enumerate(inputs)]
    root: dict[str, Any] = {
        "@id": "./",
        "@type": "Dataset",
        "name": title,
        "description": description,
        "datePublished": times[1],
        "identifier": f"sha256:{digest}",
        "license": "not stated",
        "hasPart": [{"@id": entry["@id"]} for entry in files],
        "mentions": [{"@id": "#run"}],
    }
    run = {
        "@id": "#run",
        "@type": "CreateAction",
        "name": title,
        "startTime": times[0],
        "endTime": times[1],
        "instrument": {"@id": "#sigmaraw"},
        "agent": {"@id": "#operator"},
        "object": [{"@id": entry["@id"]} for entry in given],
        "result": [{"@id": entry["@id"]} for entry in files],
    }
    graph = [
        {
            "@id": CRATE_FILE,
            "@type": "CreativeWork",
            "conformsTo": {"@id": _CONFORMS},
            "about": {"@id": "./"},
        },
        root,
        run,
        {"@id": "#sigmaraw", "@type": "SoftwareApplication", "name": "sigmaraw", "softwareVersion": version},
        {"@id": "#operator", "@type": "Person", "name": by},
        *files,
        *given,
    ]
    return json.dumps({"@context": _CONTEXT, "@graph": graph}, indent=1, ensure_ascii=False) + "\n"


def _file(part: Part) -> dict[str, Any]:
    suffix = part.path[part.path.rfind(".") :] if "." in part.path else ""
    return {
        "@id": part.path,
        "@type": "File",
        "name": _NAMES.get(part.role, part.path),
        "encodingFormat": _FORMATS.get(suffix, "application/octet-stream"),
        "contentSize": str(part.bytes),
        "sha256": part.sha256,
    }


def _input(number: int, entry: InputPart) -> dict[str, Any]:
    """Return what went in: no part of the crate, since it lies elsewhere."""
    name = entry.path or f"array {number + 1}"
    return {"@id": f"#input-{number + 1}", "@type": "CreativeWork", "name": name, "additionalType": entry.role, "sha256": entry.sha256}
