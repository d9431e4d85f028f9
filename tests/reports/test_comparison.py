"""What changed between two records: each part names what differs and nothing else."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from sigmaraw.record import content_of
from sigmaraw.reports.comparison import compare_records, comparison_text


def test_the_same_records_differ_in_nothing(record: Callable[..., dict[str, Any]]) -> None:
    made = record(1, 2, 1, 5)
    found = compare_records(content_of(made), content_of(copy.deepcopy(made)))
    assert found.same and found.verdicts == 0
    assert comparison_text(found, ("a", "b")).startswith("Nothing differs")


def test_each_part_names_its_change(record: Callable[..., dict[str, Any]]) -> None:
    made = record(1, 2, 1, 5)
    other = copy.deepcopy(made)
    other["plan"]["seed"] = 8
    other["inputs"][0]["sha256"] = "f" * 64
    other["camera"]["scalars"]["gain"]["value"] = 0.5
    other["environment"]["packages"]["numpy"] = "3.0"
    other["results"][1] |= {"verdict": "FAIL", "reason": "shift beyond limit", "epsilon_hat": 4.0}
    found = compare_records(content_of(made), content_of(other))
    names = {part: [change.name for change in changes] for part, changes in found.parts.items()}
    assert names["Plan"] == ["seed"]
    assert names["Data"] == ["cells/raw.tif"]
    assert names["Camera"] == ["gain"]
    assert names["Pipeline"] == []
    assert names["Libraries"] == ["numpy"]
    assert names["Verdicts"] == names["Scores"] == ["raw.tif, noiseaware:q=1, count"]
    assert found.verdicts == 1
    text = comparison_text(found, ("old", "new"))
    assert "Plan: 1 difference" in text and "old" in text and "FAIL: shift beyond limit" in text and "Pipeline: the same." in text
