"""Which tests are marked as evidence for which requirement, read from the suite's own text.

``python -m tests.qualification.collect`` writes the table that the package ships.
"""

from __future__ import annotations

import ast
import json
from pathlib import Path

TESTS = Path(__file__).parents[1]
TABLE = TESTS.parent / "src" / "sigmaraw" / "qualification" / "traceability.json"


def marked() -> dict[str, list[str]]:
    """Return the tests of each requirement, sorted: file and function."""
    found: dict[str, list[str]] = {}
    for path in sorted(TESTS.rglob("test_*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if not isinstance(node, ast.FunctionDef):
                continue
            for mark in node.decorator_list:
                if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.requirement":
                    for name in mark.args:
                        found.setdefault(ast.literal_eval(name), []).append(f"tests/{path.relative_to(TESTS).as_posix()}::{node.name}")
    return {name: sorted(tests) for name, tests in sorted(found.items())}


def text() -> str:
    """Return the table as it stands in the file."""
    return json.dumps(marked(), indent=1) + "\n"


if __name__ == "__main__":
    TABLE.write_text(text(), encoding="utf-8")
