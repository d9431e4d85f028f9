"""Writes the coverage study's tables into the page that users look a situation up in.

    python examples/08_coverage_page.py --tables out/coverage-tables --page docs/explanation/replica-modes.md

Reads what `06_coverage_tables.py` wrote. Each table replaces what stands in the page between `<!-- table: NAME -->` and
`<!-- end -->`; the words around them are written by hand.
"""

from __future__ import annotations

import argparse
import json
import math
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from sigmaraw.errors import UnreadableFile
from sigmaraw.files import atomic_path

Row = dict[str, Any]
MODES = ("around-raw", "bootstrap", "simex", "simex, linear", "mean-n, n = 4", "mean-n, n = 16", "repeats")
IN_EPSILON = ("around-raw", "bootstrap", "simex", "mean-n, n = 16")
FEATURES = {
    "mean": "mean",
    "otsu-area": "adaptive-area",
    "count": "count",
    "total-intensity": "intensity",
    "raw-threshold-area": "area",
    "texture": "texture",
    "network-count": "network-count",
    "network-area": "network-area",
    "network-dice": "network-dice",
}


def grid(names: Sequence[str], levels: Sequence[float], entries: dict[tuple[str, ...], dict[float, str]]) -> str:
    """Return a Markdown table: keys in the first columns, then one column a light level."""
    lines = ["| " + " | ".join((*names, *(f"{level:g} e⁻" for level in levels))) + " |", "|" + "---|" * (len(names) + len(levels))]
    lines += ["| " + " | ".join((*key, *(row[level] for level in levels))) + " |" for key, row in entries.items()]
    return "\n".join(lines)


def keyed(rows: Iterable[Row], *names: str) -> dict[tuple[Any, ...], list[Row]]:
    """Return the rows by what they hold under these names."""
    found: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        found.setdefault(tuple(row[name] for name in names), []).append(row)
    return found


def spreads(rows: Sequence[Row], levels: Sequence[float]) -> str:
    """Return per feature and mode: geometric mean of σ_est/σ_true over frames [least, largest], mean centre shift, how many warned."""
    cells = keyed(rows, "feature", "mode", "level_e")

    def entry(every: Sequence[Row]) -> str:
        chosen = [row for row in every if not row["switches"] and "far" not in row["warnings"]]
        if not chosen:
            return "hardly varies" if not every else "two answers ⚠" if all(row["switches"] for row in every) else "too far ⚠"
        ratios = [max(row["ratio"], 1e-3) for row in chosen]
        span = f" [{min(ratios):.2f}, {max(ratios):.2f}]" if len(chosen) > 1 else ""
        warned = sum(bool(row["warnings"]) for row in chosen)
        mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
        centre = sum(row["centre"] for row in chosen) / len(chosen)
        return f"{mean:.2f}{span}, {centre:+.1f}" + (f", ⚠ {warned}/{len(chosen)}" if warned else "")

    entries = {
        (feature, mode): {level: entry(cells.get((feature, mode, level), [])) for level in levels} for feature in FEATURES for mode in MODES
    }
    return grid(("feature", "mode"), levels, entries)


def scores(rows: Sequence[Row], levels: Sequence[float]) -> str:
    """Return per codec and feature, mean over cells: ε̂ as it is, then as modes find it."""
    steady = keyed((row for row in rows if not row["switches"] and "far" not in row["warnings"]), "feature", "mode", "level_e")
    entries: dict[tuple[str, ...], dict[float, str]] = {}
    for codec in sorted({codec for row in rows for codec in row["epsilon"]}):
        for feature in FEATURES:
            for label, mode, which in (("true", "repeats", "true"), *((mode, mode, "est") for mode in IN_EPSILON)):
                entries[codec, feature, label] = {
                    level: _mean(
                        [row["epsilon"][codec][which] for row in steady.get((feature, mode, level), []) if codec in row["epsilon"]]
                    )
                    for level in levels
                }
    return grid(("codec", "feature", "mode"), levels, entries)


def _mean(values: Sequence[float]) -> str:
    return f"{sum(values) / len(values):+.1f}" if values else "–"


def alarms(found: dict[str, dict[str, str]]) -> str:
    """Return per mode how many results warn: where something is wrong, and where all is right."""
    columns = {
        "sigma ratio outside [0.8, 1.25]": "σ ratio outside 0.8 to 1.25",
        "centre more than 5 sigma off": "centre more than 5 σ off",
        "an epsilon-hat of wrong sign or size": "an ε̂ wrong",
        "sigma ratio and epsilon-hat right": "σ ratio and ε̂ right",
        "right": "these right, and the centre within 5 σ",
    }
    lines = ["| mode | " + " | ".join(columns.values()) + " |", "|" + "---|" * (1 + len(columns))]
    lines += [f"| `{mode}` | " + " | ".join(found[mode][name].removesuffix(" warned") for name in columns) + " |" for mode in MODES]
    return "\n".join(lines)


def uncertainties(u_mode: dict[str, dict[str, float]]) -> str:
    """Return u_mode per mode and kind."""
    kinds = list(FEATURES.values())
    lines = ["| mode | " + " | ".join(kinds) + " |", "|" + "---|" * (1 + len(kinds))]
    for mode, row in u_mode.items():
        lines.append(f"| `{mode}` | " + " | ".join(f"{row[kind]:.3f}" if kind in row else "–" for kind in kinds) + " |")
    return "\n".join([*lines, "| `repeats` | " + " | ".join("0" for _ in kinds) + " |"])


def replaced(page: str, name: str, table: str) -> str:
    """Return the page with the table in its place.

    Raises
    ------
    UnreadableFile : the page has no such place, or more than one.
    """
    pattern = rf"(<!-- table: {name} -->\n).*?(\n<!-- end -->)"
    new, count = re.subn(pattern, lambda match: match[1] + table + match[2], page, flags=re.DOTALL)
    if count != 1:
        raise UnreadableFile(
            f"the page has {count} places for the table '{name}'", "one", f"put <!-- table: {name} --> and <!-- end --> there"
        )
    return new


def main() -> None:
    """Write the tables into the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", type=Path, default=Path("out/coverage-tables"))
    parser.add_argument("--page", type=Path, default=Path("docs/explanation/replica-modes.md"))
    options = parser.parse_args()
    rows = json.loads((options.tables / "rows.json").read_text(encoding="utf-8"))
    u_mode = json.loads((options.tables / "u_mode.json").read_text(encoding="utf-8"))["u_mode"]
    levels = sorted({row["level_e"] for row in rows})
    page = options.page.read_text(encoding="utf-8")
    page = replaced(page, "spreads", spreads(rows, levels))
    page = replaced(page, "scores", scores(rows, levels))
    page = replaced(page, "alarms", alarms(json.loads((options.tables / "alarms.json").read_text(encoding="utf-8"))))
    page = replaced(page, "u_mode", uncertainties(u_mode))
    with atomic_path(options.page) as temporary:
        temporary.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
