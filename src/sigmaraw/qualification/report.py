"""The report of an installation's qualification: what is installed, what was checked, and which tests stand behind it."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from html import escape
from importlib import metadata
from pathlib import Path
from typing import Any

from sigmaraw.files import folder_of_parts, write_text
from sigmaraw.integrity.canonical import digest
from sigmaraw.integrity.log import now, operator
from sigmaraw.qualification.checks import CHECKS, Check, Outcome
from sigmaraw.qualification.installed import altered_files, distributions, sbom_text
from sigmaraw.qualification.traceability import requirements

FILES = ("qualification.json", "qualification.html", "sbom.cdx.json")
_NOTE = (
    "This report supports an installation and an operational qualification (IQ, OQ). It does not replace the laboratory's own: whether the "
    "program fits the laboratory's images, cameras and models is its performance qualification, and it claims compliance with no rule."
)
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a;background:#fff}"
    "table{border-collapse:collapse;width:100%;margin:.5rem 0 1.5rem}td,th{text-align:left;vertical-align:top;padding:.25rem .6rem;"
    "border-bottom:1px solid #ccc;overflow-wrap:anywhere}h1{font-size:1.6rem}h2{font-size:1.2rem;margin-top:2rem}"
    "@media(prefers-color-scheme:dark){body{color:#eee;background:#161616}td,th{border-color:#444}}"
)


@dataclass(frozen=True)
class Done:
    """A check that was run. outcomes : its comparisons. fault : the exception that ended it, else empty. seconds : how long it took."""

    check: Check
    outcomes: tuple[Outcome, ...]
    fault: str
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether every comparison agrees."""
        return not self.fault and bool(self.outcomes) and all(entry.passed for entry in self.outcomes)


def run_checks(checks: Sequence[Check] = CHECKS, say: Callable[[Done], None] = lambda done: None) -> list[Done]:
    """Run checks one after another; one that raises has failed, and the others run all the same."""
    found = []
    for check in checks:
        outcomes: list[Outcome] = []
        fault, began = "", time.perf_counter()
        try:
            outcomes.extend(check.run())
        except Exception as error:  # noqa: BLE001 (whatever is broken here is the finding)
            fault = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        found.append(Done(check, tuple(outcomes), fault, time.perf_counter() - began))
        say(found[-1])
    return found


def document(done: Sequence[Done]) -> dict[str, Any]:  # JSON's own shape
    """Return the report as JSON values, its digest over all but times."""
    compared, differ = altered_files()
    operational = [
        {
            "check": entry.check.name,
            "requirement": entry.check.requirement,
            "truth": entry.check.truth,
            "passed": entry.passed,
            "fault": entry.fault,
            "comparisons": [asdict(outcome) for outcome in entry.outcomes],
        }
        for entry in done
    ]
    installation = {
        "sigmaraw": metadata.version("sigmaraw"),
        "python": platform.python_version(),
        "system": platform.platform(),
        "machine": platform.machine(),
        "packages": {entry.metadata["Name"]: entry.version for entry in distributions()},
        "files_compared": compared,
        "files_altered": differ,
    }
    traced = [asdict(entry) for entry in requirements()]
    made = {
        "schema": "sigmaraw/qualification/1",
        "passed": not differ and all(entry.passed for entry in done),
        "installation": installation,
        "operational": operational,
        "traceability": traced,
        "note": _NOTE,
    }
    return {**made, "created": now(), "by": operator(), "digest": digest(made)}


def write_report(folder: Path, done: Sequence[Done]) -> dict[str, Any]:  # JSON's own shape
    """Write qualification.json, qualification.html and sbom.cdx.json into a folder, all or none; return what the first holds."""
    made = document(done)
    with folder_of_parts(folder) as temporary:
        write_text(temporary / FILES[0], json.dumps(made, indent=1, ensure_ascii=False) + "\n")
        write_text(temporary / FILES[1], page(made))
        write_text(temporary / FILES[2], sbom_text())
    return made


# --- the page -----------------------------------------------------------------------------------------------------------
def page(made: dict[str, Any]) -> str:
    """Return the report as one HTML page."""
    installed, word = made["installation"], "PASS" if made["passed"] else "FAIL"
    compared, altered = installed["files_compared"], installed["files_altered"]
    files = f"{compared} compared with the hashes that came with them, {len(altered)} differ" if compared else "from sources: no hashes"
    head = [
        ("Result", word),
        ("Program", f"sigmaraw {installed['sigmaraw']}"),
        ("Run by", made["by"]),
        ("Time", made["created"]),
        ("Machine", f"{installed['system']}, {installed['machine']}, Python {installed['python']}"),
        ("Digest (SHA-256)", made["digest"]),
    ]
    checks, faults = [], []
    for entry in made["operational"]:
        ends = (entry["truth"], entry["requirement"])
        checks += [
            (entry["check"], _said(row["passed"]), row["what"], row["found"], row["expected"], *ends) for row in entry["comparisons"]
        ]
        faults += [(entry["check"], "FAIL", entry["fault"], "", "", *ends)] if entry["fault"] else []
    traced = [(entry["name"], entry["text"], entry["source"], "\n".join(entry["tests"])) for entry in made["traceability"]]
    packages = sorted(installed["packages"].items())
    held = f"{len(packages)} packages (sbom.cdx.json has their licences)"
    blocks = [
        _table((), head),
        "<h2>1 Installation</h2>",
        _table((), [("Files of the program", files), *[("Altered", name) for name in altered]]),
        f"<details><summary>{held}</summary>{_table(('package', 'version'), packages)}</details>",
        "<h2>2 Operation</h2>",
        _table(("check", "result", "what", "found", "expected", "truth from", "requirement"), [*faults, *checks]),
        "<h2>3 Requirements and the tests behind them</h2>",
        "<p>Tests of the release's suite, in its sources under tests/.</p>",
        _table(("requirement", "what the program must do", "source", "tests"), traced),
        f"<p>{escape(made['note'])}</p>",
        "<h2>4 Approval</h2>",
        _table(("name", "meaning", "date", "signature"), [("", "", "", ""), ("", "", "", "")]),
    ]
    title = f"Qualification of an installation: {word}"
    body = "\n".join([f"<h1>{escape(title)}</h1>", *blocks])
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n<body>\n{body}\n</body></html>\n"
    )


def _said(passed: bool) -> str:
    return "PASS" if passed else "FAIL"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    top = f"<thead><tr>{''.join(f'<th>{escape(cell)}</th>' for cell in head)}</tr></thead>" if head else ""
    lines = ["".join(f"<td>{escape(str(cell)).replace(chr(10), '<br>')}</td>" for cell in row) for row in rows]
    return f"<table>{top}<tbody>{''.join(f'<tr>{line}</tr>' for line in lines)}</tbody></table>"
