"""The settings that a search has tried: their order from weak to strong, the pair to halve between, the settings to confirm."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sigmaraw.errors import InvalidRecord
from sigmaraw.record import Content, Verdict, worst
from sigmaraw.record.stages import SideRow, TriedRow
from sigmaraw.statistics.images import FEWEST_FOR_MEAN
from sigmaraw.study.grid import GridPoint


@dataclass(frozen=True)
class CodecSummary:
    """A record's figures of one codec: verdict over images, images not passing by themselves, bytes, quality, shift."""

    verdict: Verdict
    reason: str
    images: int
    failing: int
    compression_ratio: float
    psnr_db: float | None
    epsilon_hat: float | None


@dataclass(frozen=True)
class Candidate:
    """A setting with what its record says of it on the tuning images.

    Parameters
    ----------
    point : GridPoint
        The setting.
    round : int
        1 is the grid; rounds from 2 on halve between its settings.
    summary : CodecSummary
        The record's figures of this setting.
    passed : bool
        Whether it passed on the tuning images: by its verdict over them or, where a share is stated, by how many of them.
    """

    point: GridPoint
    round: int
    summary: CodecSummary
    passed: bool


def summary_of(content: Content, codec: str) -> CodecSummary:
    """Return a record's figures of one codec: the verdict over images, and how many images have an answer that did not PASS by itself."""
    row = next(entry for entry in content.codecs if entry.codec == codec)
    results = [entry for entry in content.results if entry.codec == codec]
    verdicts: dict[int, list[Verdict]] = {}
    for entry in results:
        verdicts.setdefault(entry.image, []).append(entry.verdict)
    shifts = [entry.epsilon_hat for entry in results if entry.epsilon_hat is not None]
    largest = max(shifts, key=abs) if len(shifts) == len(results) else None
    if row.compression_ratio is None:
        raise InvalidRecord(f"codec '{codec[:60]}' without a compression ratio", "the record of a study", "run sigmaraw validate anew")
    failing = sum(worst(found) != "PASS" for found in verdicts.values())
    reason = "" if row.verdict == "PASS" else _reason(content, codec, row.verdict)
    return CodecSummary(row.verdict, reason, len(verdicts), failing, row.compression_ratio, row.psnr_camera_db, largest)


def _reason(content: Content, codec: str, verdict: Verdict) -> str:
    """Return why a codec has its verdict: of one or two images the deciding answer's reason, of more that over images."""
    results = [entry for entry in content.results if entry.codec == codec]
    of_answers = [entry.reason for entry in results if entry.verdict == verdict]
    if len({entry.image for entry in results}) < FEWEST_FOR_MEAN and of_answers:
        return of_answers[0]
    rulings = content.decision.rulings if content.decision is not None else ()
    of_images = [entry.because for entry in rulings if entry.codec == codec and entry.verdict == verdict]
    return (of_images or of_answers or [""])[0]


def weak_to_strong(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Return the settings of one curve by compression ratio on the tuning images, ties by the knob where its direction is declared."""

    def strength(candidate: Candidate) -> tuple[float, float]:
        number = candidate.point.number
        return candidate.summary.compression_ratio, 0.0 if number is None else candidate.point.stronger * number

    return sorted(candidates, key=strength)


def tuned(ordered: Sequence[Candidate]) -> int | None:
    """Return the position of the strongest setting that passed on the tuning images."""
    return max((position for position, candidate in enumerate(ordered) if candidate.passed), default=None)


def halfway(ordered: Sequence[Candidate]) -> GridPoint | None:
    """Return the point half way between the strongest setting that passed and the next stronger one; None where there is none.

    It is the mean of the logarithms, for decibels and qualities that of the values. None also where the setting is no number, or where
    no other value lies between.
    """
    position = tuned(ordered)
    if position is None or position + 1 == len(ordered):
        return None
    here, there = ordered[position].point, ordered[position + 1].point
    low, high = here.number, there.number
    if low is None or high is None:
        return None
    middle = math.sqrt(low * high) if here.scale == "log" and low > 0 and high > 0 else (low + high) / 2
    point = here.at(middle)
    return None if point.codec in {candidate.point.codec for candidate in ordered} else point


def ladder(ordered: Sequence[Candidate], back: int) -> list[Candidate]:
    """Return the settings to confirm, weak to strong: the strongest one that passed, after at most `back` weaker ones that passed."""
    good = [candidate for candidate in ordered if candidate.passed]
    return good[-(back + 1) :]


def tried_row(candidate: Candidate, confirmation: CodecSummary | None) -> TriedRow:
    """Return one line of the record's table of tried settings."""
    summary = candidate.summary
    return TriedRow(
        codec=candidate.point.codec,
        value=candidate.point.value,
        round=candidate.round,
        compression_ratio=summary.compression_ratio,
        psnr_camera_db=summary.psnr_db,
        tuning=_side(summary),
        confirmation=None if confirmation is None else _side(confirmation),
    )


def _side(summary: CodecSummary) -> SideRow:
    return SideRow(
        verdict=summary.verdict,
        reason=summary.reason,
        images=summary.images,
        failing=summary.failing,
        epsilon_hat=summary.epsilon_hat,
    )
