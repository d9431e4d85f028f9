"""Benchmarks: ratios side by side in one run, never asserted. Run with `make bench`."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path


def main() -> None:
    """Run every bench_*.py of this folder in the order of their names."""
    for module in sorted(pkgutil.iter_modules([str(Path(__file__).parent)]), key=lambda entry: entry.name):
        if module.name.startswith("bench_"):
            print(f"\n{module.name}")
            importlib.import_module(f"tests.benchmarks.{module.name}").main()


main()
