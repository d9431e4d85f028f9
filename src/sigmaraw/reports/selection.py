"""Which results stand for a codec: choices among the record's rows, for the table, the page and the summary alike."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from sigmaraw.record import VERDICTS, Content, Verdict
from sigmaraw.record.codecs import CodecRow
from sigmaraw.record.results import ResultRow


@dataclass(frozen=True)
class CodecResults:
    """One codec's row and the results that speak for it.

    largest : the result of largest |ε̂|; an undefined ε̂ that did not pass counts as beyond every number.
    deciding : the result that gave the codec its verdict: the severest, and among equals the one of largest |ε̂|.
    """

    row: CodecRow
    results: tuple[ResultRow, ...]
    largest: ResultRow | None
    deciding: ResultRow | None

    def count(self, verdict: Verdict) -> int:
        """Return how many of the codec's results have this verdict."""
        return sum(result.verdict == verdict for result in self.results)


def _size(result: ResultRow) -> float:
    if result.epsilon_hat is None:
        return math.inf if result.verdict != "PASS" else -1.0
    return abs(result.epsilon_hat)


def by_codec(record: Content) -> list[CodecResults]:
    """Return the results of each codec, in the record's order."""
    found = []
    for row in record.codecs:
        results = tuple(result for result in record.results if result.codec == row.codec)
        largest = max(results, key=_size, default=None)
        deciding = max(results, key=lambda result: (VERDICTS.index(result.verdict), _size(result)), default=None)
        found.append(CodecResults(row, results, largest, deciding))
    return found


def with_verdict(codecs: Iterable[CodecResults], verdict: Verdict) -> list[str]:
    """Return the codecs of one verdict."""
    return [entry.row.codec for entry in codecs if entry.row.verdict == verdict]


class Reasons:
    """Why a value is undefined, as `undefined[]` of the record lists it."""

    def __init__(self, record: Content) -> None:
        self._reasons = {(row.image, row.codec, row.measurement, row.field): row.reason.replace("_", " ") for row in record.undefined}

    def of(self, field: str, image: int | None = None, codec: str | None = None, measurement: str | None = None) -> str:
        """Return "undefined" with the listed reason, looked up for the place and then for wider ones."""
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

    def of_result(self, field: str, row: ResultRow) -> str:
        """Return the same for a field of a result."""
        return self.of(field, row.image, row.codec, row.measurement)
