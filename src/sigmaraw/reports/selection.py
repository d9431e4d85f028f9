"""Which results stand for a codec: choices among the record's rows, for the table, the page and the summary alike."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from sigmaraw.record import VERDICTS, Content, Verdict
from sigmaraw.record.codecs import CodecRow
from sigmaraw.record.results import ResultRow
from sigmaraw.record.statements import RulingRow


@dataclass(frozen=True)
class CodecResults:
    """One codec's row and the results that speak for it.

    largest : the result of largest |ε̂|; an undefined ε̂ that did not pass counts as beyond every number.
    deciding : the severest result, and among equals the one of largest |ε̂|.
    ruling : what gave the codec its verdict where several images have a say; None of one image, whose result says more.
    """

    row: CodecRow
    results: tuple[ResultRow, ...]
    largest: ResultRow | None
    deciding: ResultRow | None
    ruling: RulingRow | None = None

    @property
    def reason(self) -> str | None:
        """Why the codec has its verdict; None without results."""
        if self.ruling is not None:
            return self.ruling.because
        return self.deciding.reason if self.deciding else None

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
        several = len({result.image for result in results}) > 1
        found.append(CodecResults(row, results, largest, deciding, _ruling(record, row, deciding) if several else None))
    return found


def _ruling(record: Content, row: CodecRow, deciding: ResultRow | None) -> RulingRow | None:
    """Return a ruling of the codec's own verdict, that on the severest result's measurement if there is one."""
    rulings = record.decision.rulings if record.decision else ()
    found = [ruling for ruling in rulings if (ruling.codec, ruling.verdict) == (row.codec, row.verdict)]
    return min(found, key=lambda ruling: deciding is None or ruling.measurement != deciding.measurement, default=None)


def without_replicas(record: Content) -> bool:
    """Return whether a study drew no replicas, so that no result can have an ε̂."""
    return record.design is not None and record.design.replicas_per_group == 0


def without_error(row: CodecRow) -> bool:
    """Return whether no pixel changed: of no image and replica, or where a study has no replicas, of no image."""
    return row.max_error_dn == 0 or (row.max_error_dn is None and row.identical is True)


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
