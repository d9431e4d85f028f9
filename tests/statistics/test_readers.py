"""Ratings and two-alternative choices: coding of sides, ties, Bradley–Terry against a closed form."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from sigmaraw.errors import UndefinedStatistic
from sigmaraw.statistics.readers import Choice, bradley_terry, choices, ratings


def trials(wins: int, losses: int, ties: int, left: bool = True, reader: str = "A", pair: tuple[str, str] = ("1", "20")) -> list[Choice]:
    """Trials in which the better setting stands on one side throughout."""
    better, worse = pair
    side, other = ("left", "right") if left else ("right", "left")
    a, b = (better, worse) if left else (worse, better)
    answers = [side] * wins + [other] * losses + ["tie"] * ties
    return [Choice(reader, a, b, side, answer) for answer in answers]  # type: ignore[arg-type]


def test_sides_are_coded_by_truth() -> None:
    found = choices(trials(8, 1, 1, left=True) + trials(7, 2, 1, left=False))
    assert len(found) == 1
    row = found[0]
    assert (row.pair, row.correct, row.wrong, row.ties) == (("1", "20"), 15, 3, 2)
    assert row.rate.value == pytest.approx(16 / 20)
    assert row.p == pytest.approx(stats.binomtest(15, 18).pvalue, abs=1e-12)
    assert row.left == pytest.approx((8 + 2) / 18)
    oracle = stats.binomtest(16, 20).proportion_ci(method="wilson")
    assert (row.rate.low, row.rate.high) == pytest.approx((oracle.low, oracle.high), abs=1e-10)


def test_a_reader_who_always_says_left_sees_nothing() -> None:
    always = trials(10, 0, 0, left=True) + trials(0, 10, 0, left=False)
    row = choices(always)[0]
    assert (row.rate.value, row.p) == (0.5, 1.0)
    assert row.p_left < 1e-5
    only_ties = choices(trials(0, 0, 6))[0]
    assert (only_ties.rate.value, only_ties.p) == (0.5, 1.0)
    assert math.isnan(only_ties.left)


def test_readers_are_kept_apart() -> None:
    found = choices(trials(5, 0, 0, reader="A") + trials(1, 4, 0, reader="B"))
    assert [(row.reader, row.correct) for row in found] == [("A", 5), ("B", 1)]


def test_bradley_terry_of_two_settings_is_the_log_odds() -> None:
    """Balanced sides: worth = ln(wins/losses) with ties as halves; error √(1/w + 1/l) with the side effect at zero."""
    both = trials(12, 3, 2, left=True) + trials(12, 3, 2, left=False)
    found = bradley_terry(both, "20")[0]
    wins, losses = 24 + 2, 6 + 2
    assert found.settings == ("1",)
    assert found.worth[0] == pytest.approx(math.log(wins / losses), rel=1e-8)
    assert found.standard_error[0] == pytest.approx(math.sqrt(1 / wins + 1 / losses), rel=1e-6)
    assert found.side == pytest.approx(0.0, abs=1e-8)
    assert (found.trials, found.ties) == (34, 4)


def test_bradley_terry_recovers_worth_and_side() -> None:
    rng, worth, side = np.random.default_rng(1), {"1": 1.5, "5": 1.0, "20": 0.0}, 0.4
    made = []
    for _ in range(3000):
        left, right = rng.permutation(list(worth))[:2]
        chosen = rng.random() < 1 / (1 + math.exp(-(worth[left] - worth[right] + side)))
        true_side = "left" if worth[left] > worth[right] else "right"
        made.append(Choice("A", str(left), str(right), true_side, "left" if chosen else "right"))  # type: ignore[arg-type]
    found = bradley_terry(made, "20")[0]
    for name, value, error in zip(found.settings, found.worth, found.standard_error, strict=True):
        assert abs(value - worth[name]) < 3.5 * error
    assert abs(found.side - side) < 3.5 * found.side_error


def test_unbounded_worths_are_refused() -> None:
    with pytest.raises(UndefinedStatistic, match="always on one side"):
        bradley_terry(trials(9, 0, 0), "20")
    with pytest.raises(UndefinedStatistic, match="reference"):
        bradley_terry(trials(5, 4, 0), "50")


def test_ratings_per_reader_with_paired_and_independent_tests() -> None:
    rng = np.random.default_rng(2)
    values = {"A": (rng.integers(3, 6, 20), rng.integers(7, 10, 20)), "B": (rng.integers(3, 8, 20), rng.integers(3, 8, 20))}
    found = ratings(values, paired=True)  # type: ignore[arg-type]
    assert found[0].ks.p == pytest.approx(1.45e-11, rel=1e-3)  # the smallest exact p at 20 against 20
    assert found[0].delta.value == 1.0
    assert found[0].signed_ranks is not None
    assert found[0].p_adjusted == pytest.approx(2 * found[0].signed_ranks.p)
    assert found[1].p_adjusted > 0.05
    assert ratings(values, paired=False)[0].signed_ranks is None  # type: ignore[arg-type]
    with pytest.raises(UndefinedStatistic):
        ratings({"A": (np.ones(3), np.ones(4))}, paired=True)
