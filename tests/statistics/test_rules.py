"""Decision rules: one contract, published null rates, and operating figures against simulation of the rules themselves."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from sigmaraw.errors import InvalidOption, UndefinedStatistic
from sigmaraw.statistics import measure
from sigmaraw.statistics.rules import RULES, Cunha, DecisionRule, Design, Equivalence, NonInferiority, Pomarico, RuleInput, operating


@pytest.mark.requirement("R-RULES")
@pytest.mark.parametrize("name", sorted(RULES))
def test_every_rule_keeps_the_contract(name: str) -> None:
    rule = RULES[name]()
    assert isinstance(rule, DecisionRule)
    assert rule.name == name
    found = operating(rule, Design(images=10), 0.0, -0.1 if name == "noninferiority" else 2.0)
    assert 0.0 <= found.accepts_harmful < found.accepts_harmless <= 1.0
    assert 0.0 <= found.null_flag_rate <= 1.0
    with pytest.raises(UndefinedStatistic):
        rule.judge(RuleInput())


@pytest.mark.requirement("R-RULES")
def test_pomarico_flags_48_percent_of_second_acquisitions() -> None:
    rng, runs = np.random.default_rng(1), 100_000
    flagged = (np.abs(rng.normal(size=runs) - rng.normal(size=runs)) > 1).mean()
    assert Pomarico().null_flag_rate(Design()) == pytest.approx(flagged, abs=3.5 * math.sqrt(0.25 / runs))
    assert Pomarico().null_flag_rate(Design()) == pytest.approx(0.4795, abs=1e-4)
    assert Pomarico(reference="mean").null_flag_rate(Design(replicas=10_000)) == pytest.approx(0.3173, abs=1e-3)
    assert Pomarico().judge(RuleInput(epsilon=np.array([0.3, -1.2]))).verdict == "FAIL"
    assert Pomarico().judge(RuleInput(epsilon=np.array([0.3, -0.9]))).verdict == "PASS"
    assert Pomarico().judge(RuleInput(epsilon=np.array([0.3, np.nan]))).verdict == "INCONCLUSIVE"


@pytest.mark.requirement("R-VERDICT")
def test_equivalence_accepts_at_its_limit_in_five_percent() -> None:
    for images in (1, 10):
        at_limit = Equivalence().accepts(Design(images=images, change=0.05), 1.0)
        assert at_limit <= 0.05 + 3.5 * math.sqrt(0.05 * 0.95 / 2000)
        assert Equivalence().accepts(Design(images=images, replicas=300), 0.2) > 0.95
    rng = np.random.default_rng(2)
    raw = rng.normal(size=(5, 2, 200))
    rows = measure(raw, raw[:, 1] + 0.1 + 0.1 * rng.normal(size=(5, 200)), 1)
    assert Equivalence().judge(RuleInput(evidence=rows)).verdict == "PASS"


def cunha_input(codec: float, seed: int) -> RuleInput:
    rng = np.random.default_rng(seed)
    groups = {"codec": codec, "intra": 0.88, "inter": 0.75}
    return RuleInput(agreement={name: (mean + 0.1 * rng.normal(size=30), np.full(30, 2.0 - 2 * mean)) for name, mean in groups.items()})


@pytest.mark.requirement("R-RULES")
def test_cunha_rejects_a_group_that_does_not_differ_from_the_inter_observer_one() -> None:
    """The rule's own acceptance over 80 studies against its operating figure, three groups in Tukey's test."""
    runs = 80
    accepted = np.mean([Cunha().judge(cunha_input(0.80, seed)).verdict == "PASS" for seed in range(runs)])
    expected = Cunha().accepts(Design(slices=30, settings=1), 0.08)
    assert abs(accepted - expected) <= 3.5 * math.sqrt(expected * (1 - expected) / runs) + 0.02
    equal = np.mean([Cunha().judge(cunha_input(0.75, seed)).verdict == "PASS" for seed in range(runs)])
    assert equal <= 0.05
    assert "does not differ" in Cunha().judge(cunha_input(0.76, 3)).because or Cunha().judge(cunha_input(0.76, 3)).verdict == "FAIL"


@pytest.mark.requirement("R-RULES")
def test_noninferiority_equals_simulation_and_the_t_test() -> None:
    rng, runs, rule = np.random.default_rng(3), 4000, NonInferiority(margin=0.02)
    design = Design(images=12, between=0.02)
    drawn = rng.normal(-0.005, 0.02, (runs, 12))
    passed = np.mean([rule.judge(RuleInput(differences=row)).verdict == "PASS" for row in drawn])
    expected = rule.accepts(design, -0.005)
    assert abs(passed - expected) <= 3.5 * math.sqrt(expected * (1 - expected) / runs)
    assert rule.accepts(design, -0.02) == pytest.approx(0.05, abs=1e-9)
    p = stats.ttest_1samp(drawn[0], -0.02, alternative="greater").pvalue
    assert (rule.judge(RuleInput(differences=drawn[0])).verdict == "PASS") == (p < 0.05)
    assert rule.judge(RuleInput(differences=np.full(6, -0.1) + 1e-3 * np.arange(6))).verdict == "FAIL"
    assert rule.judge(RuleInput(differences=np.array([0.0, 0.1]))).verdict == "INCONCLUSIVE"
    with pytest.raises(InvalidOption):
        NonInferiority(margin=0.0)
