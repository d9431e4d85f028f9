"""Make the pages of docs/reproductions from runs of `sigmaraw reproduce`.

python -m tests.reproduce.pages RUNS docs/reproductions

RUNS holds one folder a run, each with its reproduction.json and figures, whatever the folders are called. A page shows the run with the
lowest seed: at full size where there is one, else the quick one. Pages of studies of which RUNS holds nothing are left as they are.
"""

from __future__ import annotations

import argparse
import inspect
import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sigmaraw import registry

Run = Mapping[str, Any]
LARGEST_FIGURE = 400_000  # bytes
_FIGURES = "figures"


def runs_in(folder: Path) -> dict[str, list[Run]]:
    """Return the runs of each study in the folder: quick ones first, then by seed."""
    found: dict[str, list[Run]] = {}
    for path in sorted(folder.glob("*/reproduction.json")):
        run = {**json.loads(path.read_text(encoding="utf-8")), "folder": path.parent}
        found.setdefault(run["name"], []).append(run)
    return {name: sorted(runs, key=lambda run: (not run["quick"], run["seed"])) for name, runs in found.items()}


def write_page(runs: Sequence[Run], folder: Path) -> None:
    """Write the page of a study, and the figures of the run that it shows."""
    shown = next((run for run in runs if not run["quick"]), runs[0])
    name = shown["name"]
    (folder / _FIGURES).mkdir(parents=True, exist_ok=True)
    for old in (folder / _FIGURES).glob(f"{name}--*.svg"):
        old.unlink()
    figures = []
    for path in sorted(shown["folder"].glob("*.svg")):
        if path.stat().st_size > LARGEST_FIGURE:
            raise SystemExit(f"{path} has {path.stat().st_size} bytes, more than {LARGEST_FIGURE}")
        shutil.copyfile(path, folder / _FIGURES / f"{name}--{path.name}")
        words = path.stem.replace("ms-ssim", "MS-SSIM")
        words = words if words == "MS-SSIM" else words.replace("-", " ")
        figures.append(f"*{words[:1].upper()}{words[1:]}*:\n\n![{words}]({_FIGURES}/{name}--{path.name})")
    (folder / f"{name}.md").write_text(page(runs, shown, figures), encoding="utf-8")


def page(runs: Sequence[Run], shown: Run, figures: Sequence[str]) -> str:
    """Return the page of a study as Markdown."""
    name = shown["name"]
    study = registry.load(registry.REPRODUCTIONS, name)
    about = inspect.getdoc(sys.modules[study.__module__]) or ""
    uses = f"\n\nPublic data: {study.data}." if study.data else ""
    agreeing = sum(row["agrees"] for row in shown["rows"])
    run = f"`sigmaraw reproduce {name}{' --quick' if shown['quick'] else ''} --seed {shown['seed']}`"
    parts = [
        f"# {name}: {shown['title']}",
        f"A study of paper {shown['paper']}; [Rerun the papers' studies](../how-to/reproduce.md) says how to run it. "
        "This page is made from runs.",
        about + uses,
        "## Runs",
        _counts(runs),
        *_failures(runs),
        "## One run",
        f"{run}: {agreeing} of {len(shown['rows'])} criteria agree. They stand in the code of the study, and stood there before this run.",
        _table(shown["rows"]),
        *(["### Figures", *figures] if figures else []),
        *(["### Notes", "\n".join(f"- {note}" for note in shown["notes"])] if shown["notes"] else []),
    ]
    return "\n\n".join(parts) + "\n"


def _counts(runs: Sequence[Run]) -> str:
    """Return how many seeds of each size agree in all criteria, and the processor time that they took."""
    lines = ["| size | seeds | runs that agree in all criteria | processor time of a run |", "|---|---|---|---|"]
    for quick in (True, False):
        of = [run for run in runs if run["quick"] is quick]
        if of:
            size, count = "`--quick`" if quick else "full", sum(run["agrees"] for run in of)
            lines.append(f"| {size} | {_seeds([run['seed'] for run in of])} | {count} of {len(of)} | {_time(of)} |")
    if all(run["quick"] for run in runs):
        lines += ["", "The full size has not been run."]
    return "\n".join(lines)


def _seeds(seeds: Sequence[int]) -> str:
    whole = len(seeds) > 2 and list(seeds) == list(range(seeds[0], seeds[-1] + 1))
    return f"{seeds[0]} to {seeds[-1]}" if whole else ", ".join(map(str, seeds))


def _time(runs: Sequence[Run]) -> str:
    """Return the shortest and the longest processor time of runs that state it, in seconds or minutes."""
    seconds = [run["processor_seconds"] for run in runs if "processor_seconds" in run]
    if not seconds:
        return "not measured"
    low, high = (f"{value:.0f} s" if max(seconds) < 120 else f"{value / 60:.1f} min" for value in (min(seconds), max(seconds)))
    return low if low == high else f"{low} to {high}"


def _failures(runs: Sequence[Run]) -> list[str]:
    """Return a list of what does not agree, by size and seed."""
    lines = [
        f"- {'Quick' if run['quick'] else 'Full size'}, seed {run['seed']}: {row['what']}. Here: {row['here']}. It would agree where "
        f"{row['criterion']}."
        for run in runs
        for row in run["rows"]
        if not row["agrees"]
    ]
    return ["What does not agree:", "\n".join(lines)] if lines else []


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the comparisons of a run."""
    cells = [[row["what"], row["paper"], row["here"], f"{'yes' if row['agrees'] else '**no**'}: {row['criterion']}"] for row in rows]
    lines = ["| what | paper | here | agrees in shape? |", "|---|---|---|---|"]
    return "\n".join([*lines, *("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in cells)])


def main() -> None:
    """Make the pages that the arguments name."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, help="folder that holds one folder a run")
    parser.add_argument("pages", type=Path, help="folder for the pages")
    given = parser.parse_args()
    for runs in runs_in(given.runs).values():
        write_page(runs, given.pages)


if __name__ == "__main__":
    main()
