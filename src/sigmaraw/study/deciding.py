"""Replicas until each row is decided: looks at growing n, each at the level that its share of the budget allows."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from sigmaraw.record.design import AdaptiveRow
from sigmaraw.record.results import LookRow
from sigmaraw.record.words import Reason, Verdict
from sigmaraw.statistics import StoppingRule
from sigmaraw.statistics.sequential import DecisionState
from sigmaraw.study.scoring import Decided, Scoring

_NO_N_HELPS = frozenset({Reason.RAW_UNDEFINED, Reason.CODEC_UNDEFINED, Reason.UNDEFINED, Reason.SPREAD_UNDEFINED})

_BY_PARTS = frozenset({Reason.WITHIN_LIMITS, Reason.SHIFT_BEYOND, Reason.SPREAD_BEYOND, Reason.RMS_BEYOND})


@dataclass
class Looks:
    """The looks of one study as they are taken: what has been decided, and at which n."""

    rule: StoppingRule
    state: DecisionState | None = None
    reasons: tuple[Reason, ...] = ()
    taken: int = 0
    held: dict[int, LookRow | None] = field(default_factory=dict)

    def look(self, scoring: Scoring) -> tuple[int, str]:
        """Look at all rows and return the next n, the present one where the search is over, and progress in words.

        A study also ends where every open row has predictions that are not finite: no further replica decides those. Ending early for
        that reason, undecided, makes no wrong decision likelier.
        """
        level, n = self.rule.levels[self.taken], self.rule.looks[self.taken]
        found = [(entry.verdict, entry.reason) for entry in replace(scoring, alpha=level).assessments()]
        state = self.state or self.rule.start(len(found))
        was_open = state.decided_at == 0
        words = np.array([verdict for verdict, _ in found])
        self.state = self.rule.look(state, self.taken, words == "PASS", words == "FAIL")
        before = self.reasons or tuple(reason for _, reason in found)
        self.reasons = tuple(new if open_ else old for (_, new), old, open_ in zip(found, before, was_open, strict=True))
        self._hold(replace(scoring, alpha=level), n)
        self.taken += 1
        open_reasons = {reason for reason, at in zip(self.reasons, self.state.decided_at, strict=True) if at == 0}
        over = self.rule.finished(self.state, self.taken - 1) or open_reasons <= _NO_N_HELPS
        return n if over else self.rule.looks[self.taken], f"replicas, n = {n}, {len(found) - self.state.open} of {len(found)} rows decided"

    def _hold(self, scoring: Scoring, n: int) -> None:
        """Keep the evidence of rows that were decided at this look by their three parts: the record shows what they rested on."""
        assert self.state is not None
        places = list(scoring.places())
        for row in np.flatnonzero(self.state.decided_at == n):
            if self.reasons[row] in _BY_PARTS:
                self.held[int(row)] = scoring.look(*places[row])

    @property
    def level(self) -> float:
        """One-sided level of the last look that was taken, at which statements over images are made."""
        return self.rule.levels[self.taken - 1]

    def decided(self) -> Decided:
        """Return the verdicts that stand, row by row."""
        assert self.state is not None  # a study has at least one look
        verdicts: tuple[Verdict, ...] = self.state.verdict
        last = self.rule.looks[self.taken - 1]
        looks = tuple(self.held.get(row) if at < last else None for row, at in enumerate(self.state.decided_at))
        return Decided(verdicts, self.reasons, tuple(int(n) for n in self.state.decided_at), looks)

    def row(self, block: int) -> AdaptiveRow:
        """Return the record's `adaptive`."""
        assert self.state is not None
        return AdaptiveRow(
            target=None,
            maximum=self.rule.looks[-1],
            step=block,
            n=self.rule.looks[self.taken - 1],
            reached=self.state.open == 0,
            looks=self.rule.looks,
            levels=self.rule.levels,
            open=self.state.open,
            measurements=(),
        )
