"""The table of docs/explanation/checks.md: python -m tests.camera.measure_checks SEEDS KIND… (its own kinds are in check_cases)."""

from __future__ import annotations

import sys
from collections import Counter

from sigmaraw.camera.checks.result import CheckName
from tests.camera.check_cases import outcomes

for kind in sys.argv[2:] or CheckName:
    found = [outcomes(str(kind), seed) for seed in range(int(sys.argv[1]))]
    counts = {
        outcome: dict(Counter(name for row in found for name, value in row.items() if value == outcome)) for outcome in ("fail", "unknown")
    }
    print(f"{kind:22s} {counts}", flush=True)
