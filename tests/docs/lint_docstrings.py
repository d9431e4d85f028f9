"""numpydoc's lint of the files that are named, without a check that this project does not make and that takes half of its time.

    python -m tests.docs.lint_docstrings FILE...

numpydoc looks in the source of every function for a return value, for its check RT01, whether or not the settings in pyproject.toml ask
for it. The other checks are as `python -m numpydoc lint` makes them; processes share the files.
"""

from __future__ import annotations

import sys
import tomllib
from multiprocessing import Pool
from pathlib import Path

from numpydoc.hooks import validate_docstrings

ROOT = Path(__file__).resolve().parents[2]
CHECKS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["numpydoc_validation"]["checks"]


def findings(files: list[str]) -> int:
    """Return 1 where numpydoc finds something in these files, else 0."""
    if "RT01" not in CHECKS:
        validate_docstrings.AstValidator.method_returns_something = False
    return int(validate_docstrings.run_hook(files, config=ROOT))


def main(files: list[str], processes: int = 2) -> int:
    """Return 1 where numpydoc finds something, else 0."""
    with Pool(processes) as pool:
        return max(
            pool.imap_unordered(findings, [files[start :: 4 * processes] for start in range(min(4 * processes, len(files)))]), default=0
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
