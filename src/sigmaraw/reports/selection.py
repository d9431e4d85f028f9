"""Which results stand for a codec: choices among the record's rows, for the table, the page and the summary alike."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

_SEVERITY = {"PASS": 0, "INCONCLUSIVE": 1, "FAIL": 2}


@dataclass(frozen=True)
class CodecSummary:
    """One codec's row and the results that speak for it.

    largest : the result of largest |ε̂|; an undefined ε̂ that did not pass counts as beyond every number.
    deciding : the result that gave the codec its verdict: the severest, and among equals the one of largest |ε̂|.
    """

    row: dict[str, Any]
    results: tuple[dict[str, Any], ...]
    largest: dict[str, Any] | None
    deciding: dict[str, Any] | None

    def count(self, verdict: str) -> int:
        """Return how many of the codec's results have this verdict."""
        return sum(result["verdict"] == verdict for result in self.results)


def _size(result: dict[str, Any]) -> float:
    if result["epsilon_hat"] is None:
        return math.inf if result["verdict"] != "PASS" else -1.0
    return abs(result["epsilon_hat"])


def summarise(record: dict[str, Any]) -> list[CodecSummary]:
    """Return one summary per codec, in the record's order."""
    summaries = []
    for row in record["codecs"]:
        results = tuple(result for result in record["results"] if result["codec"] == row["codec"])
        largest = max(results, key=_size, default=None)
        deciding = max(results, key=lambda result: (_SEVERITY[result["verdict"]], _size(result)), default=None)
        summaries.append(CodecSummary(row, results, largest, deciding))
    return summaries


def with_verdict(summaries: Iterable[CodecSummary], verdict: str) -> list[str]:
    """Return the codecs of one verdict."""
    return [summary.row["codec"] for summary in summaries if summary.row["verdict"] == verdict]


class Reasons:
    """Why a value is undefined, as `undefined[]` of the record lists it."""

    def __init__(self, record: dict[str, Any]) -> None:
        self._reasons = {
            (row.get("image"), row.get("codec"), row.get("measurement"), row["field"]): row["reason"].replace("_", " ")
            for row in record["undefined"]
        }

    def of(self, field: str, row: dict[str, Any]) -> str:
        """Return "undefined" with the listed reason, looked up for the row and then for wider scopes."""
        image, codec, measurement = row.get("image"), row.get("codec"), row.get("measurement")
        for key in (
            (image, codec, measurement, field),
            (image, None, measurement, field),
            (None, codec, measurement, field),
            (image, codec, None, field),
            (None, codec, None, field),
            (None, None, None, field),
        ):
            if key in self._reasons:
                return f"undefined ({self._reasons[key]})"
        return "undefined"
