"""The plan's decision rule at work: how often it errs in a design such as this one, and what it says of each codec."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import numpy as np

from sigmaraw.record.results import ResultRow
from sigmaraw.record.statements import DecisionRow, RulingRow
from sigmaraw.record.words import Verdict, worst
from sigmaraw.statistics import RowLimits
from sigmaraw.statistics.rules import Design, Equivalence, Operating, Pomarico, RuleInput
from sigmaraw.study.plan import Plan
from sigmaraw.study.setting import ReplicaDesign
from sigmaraw.study.statements import OverImages

HARMLESS, HARMFUL = 0.3, 2.0  # multiples of the limit k: effects that ought to pass, and that ought not
_RUNS = 400  # simulated studies; the standard error of a probability is 2.5 % at most
_MOST_REPLICAS, _MOST_GROUPS = 200, 4  # of the simulation: more change its probabilities by less than that error


def decision_row(plan: Plan, said: Sequence[OverImages], results: Sequence[ResultRow], design: ReplicaDesign) -> DecisionRow:
    """Return the rule's row: probabilities in this design, and its verdict on every codec and measurement."""
    units = len(set(plan.specimens)) or len({row.image for row in results})
    assumed = Design(images=units, replicas=min(results[0].n or design.n, _MOST_REPLICAS), groups=min(plan.groups, _MOST_GROUPS))
    works = _operating(plan.rule, plan.k, plan.spread, float(plan.rms or 1.0), assumed)  # rules on references make their own row
    rulings = _pomarico(plan, results) if plan.rule == "pomarico" else _equivalence(said)
    return DecisionRow(
        rule=plan.rule,
        null_flag_rate=works.null_flag_rate,
        effect_unit="sigma_raw",
        harmless=works.harmless,
        accepts_harmless=works.accepts_harmless,
        harmful=works.harmful,
        accepts_harmful=works.accepts_harmful,
        images=units,
        replicas=assumed.replicas,
        change=assumed.change,
        between=assumed.between,
        rulings=tuple(rulings),
    )


def ruled_verdicts(decision: DecisionRow) -> dict[str, Verdict]:
    """Return each codec's verdict by the rule: the worst over measurements."""
    codecs = dict.fromkeys(row.codec for row in decision.rulings)
    return {codec: worst(row.verdict for row in decision.rulings if row.codec == codec) for codec in codecs}


@functools.lru_cache(maxsize=256)
def _operating(rule: str, k: float, spread: float, rms: float, design: Design) -> Operating:
    harmless, harmful = HARMLESS * k, HARMFUL * k
    made = Pomarico(k) if rule == "pomarico" else Equivalence(RowLimits(k, spread, rms), runs=_RUNS)
    accepts = made.accepts(design, harmless), made.accepts(design, harmful)
    return Operating(rule, made.null_flag_rate(design), harmless, accepts[0], harmful, accepts[1])


def _equivalence(said: Sequence[OverImages]) -> list[RulingRow]:
    return [RulingRow(codec=entry.codec, measurement=entry.measurement, verdict=entry.verdict, because=entry.reason) for entry in said]


def _pomarico(plan: Plan, results: Sequence[ResultRow]) -> list[RulingRow]:
    """Return what |ε| ≤ k on the frames themselves says; ε = 0 where nothing changes and no noise moves the answer."""
    rows: dict[tuple[str, str], list[float]] = {}
    for row in results:
        value = row.epsilon
        if value is None:
            value = 0.0 if row.chi_raw is not None and row.chi_raw == row.chi_codec else math.nan
        rows.setdefault((row.codec, row.measurement), []).append(value)
    rule = Pomarico(plan.k)
    found = {key: rule.judge(RuleInput(epsilon=np.array(values))) for key, values in rows.items()}
    return [RulingRow(codec=codec, measurement=name, verdict=said.verdict, because=said.because) for (codec, name), said in found.items()]
