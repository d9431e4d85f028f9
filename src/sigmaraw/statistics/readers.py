"""Readers who rate images or choose between two: ratings with permutation Kolmogorov–Smirnov, two-alternative choices with ties.

Papers 003 (ratings) and 004 (pairs of compression ratios shown left and right). Every result is per reader: readers differ in how they
use a scale, and pooling them would count one image several times.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

from sigmaraw.errors import UndefinedStatistic
from sigmaraw.statistics.agreement import Interval, cliffs_delta
from sigmaraw.statistics.equality import TestResult, ks_test
from sigmaraw.statistics.multiplicity import holm
from sigmaraw.statistics.paired import wilcoxon
from sigmaraw.statistics.spread import Floats

Answer = Literal["left", "right", "tie"]


@dataclass(frozen=True)
class RatingRow:
    """One reader's ratings of two methods: means, Kolmogorov–Smirnov (independent), Wilcoxon (paired, where paired), Cliff's δ.

    Parameters
    ----------
    p_adjusted : float
        Holm over readers of the paired p where there is one, else of the Kolmogorov–Smirnov p.
    """

    reader: str
    means: tuple[float, float]
    ks: TestResult
    signed_ranks: TestResult | None
    delta: Interval
    p_adjusted: float
    n: int


@dataclass(frozen=True)
class Choice:
    """One two-alternative trial: what stood left and right, what is truly the less compressed one, and the answer."""

    reader: str
    left: str
    right: str
    true_side: Literal["left", "right"]
    answer: Answer


@dataclass(frozen=True)
class ChoiceRow:
    """One reader's answers on one pair of settings.

    Parameters
    ----------
    correct, wrong, ties : int
        Counts.
    rate : Interval
        Share of correct answers, ties counting half, 1, with a 95 % interval.
    p : float
        Two-sided sign test of correct against wrong (ties left out and counted).
    left : float
        Share of decided answers "left", with p of its test against ½: a reader who favours a side would else look as if he saw something.
    """

    reader: str
    pair: tuple[str, str]
    correct: int
    wrong: int
    ties: int
    rate: Interval
    p: float
    left: float
    p_left: float


@dataclass(frozen=True)
class BradleyTerry:
    """One reader's scale of settings: worth (log-odds against the reference) with standard errors; `side` the log-odds of "left".

    A tie is half a win for each.
    """

    reader: str
    reference: str
    settings: tuple[str, ...]
    worth: tuple[float, ...]
    standard_error: tuple[float, ...]
    side: float
    side_error: float
    trials: int
    ties: int


def ratings(values: Mapping[str, tuple[Floats, Floats]], paired: bool) -> list[RatingRow]:
    """Return per reader whether the ratings of two methods differ.

    Parameters
    ----------
    values : mapping of str to pair of ndarray, float64, (image,)
        Each reader's ratings of the first and of the second method.
    paired : bool
        The two rate the same images in the same order: then Wilcoxon's test is the right one and Kolmogorov–Smirnov's, which ignores
        the pairs, stands beside it.

    Returns
    -------
    list of RatingRow
        One row per reader.

    Raises
    ------
    UndefinedStatistic
        Ratings that are missing, or pairs of different lengths.

    References
    ----------
    formula 2.8; paper 003.
    """
    rows, p = [], []
    for reader, (first, second) in values.items():
        a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
        if paired and a.shape != b.shape:
            raise UndefinedStatistic(
                f"{a.size} and {b.size} ratings by {reader}", "one of each per image", "pair them, or say paired=False"
            )
        ks = ks_test(a, b, discrete=True)
        signed = wilcoxon(b - a) if paired else None
        rows.append((reader, (float(a.mean()), float(b.mean())), ks, signed, cliffs_delta(a, b), a.size))
        p.append(ks.p if signed is None else signed.p)
    return [
        RatingRow(reader, means, ks, signed, delta, float(q), n)
        for (reader, means, ks, signed, delta, n), q in zip(rows, holm(np.array(p)), strict=True)
    ]


def choices(trials: Sequence[Choice]) -> list[ChoiceRow]:
    """Return per reader and pair of settings how often the truly better side was chosen.

    The side is coded by truth ("true_side"), never by "first is better": a correlation with a constant is undefined.

    Parameters
    ----------
    trials : sequence of Choice
        The trials of all readers.

    Returns
    -------
    list of ChoiceRow
        In the order in which readers and pairs first appear.

    References
    ----------
    Paper 004.
    """
    groups: dict[tuple[str, tuple[str, str]], list[Choice]] = {}
    for trial in trials:
        better, worse = (trial.left, trial.right) if trial.true_side == "left" else (trial.right, trial.left)
        groups.setdefault((trial.reader, (better, worse)), []).append(trial)
    return [_choice_row(reader, pair, members) for (reader, pair), members in groups.items()]


def _choice_row(reader: str, pair: tuple[str, str], trials: Sequence[Choice]) -> ChoiceRow:
    ties = sum(trial.answer == "tie" for trial in trials)
    correct = sum(trial.answer == trial.true_side for trial in trials)
    wrong, n = len(trials) - ties - correct, len(trials)
    value = (correct + 0.5 * ties) / n
    # Wilson's interval on the share with ties as halves: their variance is no larger than a yes or no's.
    z = float(stats.norm.ppf(0.975))
    centre = (value + z**2 / (2 * n)) / (1 + z**2 / n)
    reach = z * math.sqrt(value * (1 - value) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    decided = correct + wrong
    left = sum(trial.answer == "left" for trial in trials)
    return ChoiceRow(
        reader,
        pair,
        correct,
        wrong,
        ties,
        Interval(value, centre - reach, centre + reach),
        float(stats.binomtest(correct, decided).pvalue) if decided else 1.0,
        left / decided if decided else math.nan,
        float(stats.binomtest(left, decided).pvalue) if decided else 1.0,
    )


def bradley_terry(trials: Sequence[Choice], reference: str) -> list[BradleyTerry]:
    """Return per reader the worth of each setting by the Bradley–Terry model with a side effect (statsmodels' binomial GLM).

    logit P(left is chosen) = worth(left) − worth(right) + side; a tie is half a win for each.

    Parameters
    ----------
    trials : sequence of Choice
        The trials of all readers.
    reference : str
        The setting whose worth is 0.

    Returns
    -------
    list of BradleyTerry
        One fit per reader.

    Raises
    ------
    UndefinedStatistic
        A reference that no trial shows; settings that are not all linked by trials that went both ways, or answers that one rule
        foretells, such as always "left": then a worth is infinite.

    References
    ----------
    R. A. Bradley, M. E. Terry, Biometrika 39, 324 (1952); R. R. Davidson, R. J. Beaver, Biometrics 33, 693 (1977).
    """
    from statsmodels.genmod.families import Binomial  # 1–6 s to import
    from statsmodels.genmod.generalized_linear_model import GLM
    from statsmodels.tools.sm_exceptions import PerfectSeparationWarning

    results = []
    for reader in dict.fromkeys(trial.reader for trial in trials):
        own = [trial for trial in trials if trial.reader == reader]
        names = sorted({name for trial in own for name in (trial.left, trial.right)})
        if reference not in names:
            raise UndefinedStatistic(f"no trial by {reader} shows {reference}", "trials with the reference", "name another reference")
        others = [name for name in names if name != reference]
        _check_linked(own, names, reader)
        design = np.zeros((len(own), len(others) + 1))
        design[:, -1] = 1.0
        for row, trial in enumerate(own):
            for name, sign in ((trial.left, 1.0), (trial.right, -1.0)):
                if name != reference:
                    design[row, others.index(name)] += sign
        score = {"left": 1.0, "tie": 0.5, "right": 0.0}
        with warnings.catch_warnings():
            warnings.simplefilter("error", PerfectSeparationWarning)
            try:
                fit = GLM(np.array([score[trial.answer] for trial in own]), design, family=Binomial()).fit()
            except PerfectSeparationWarning as error:
                raise UndefinedStatistic(
                    f"answers by {reader} that the shown pairs and sides foretell without error",
                    "answers that do not all follow one rule",
                    "report the counts per pair instead: the worth is unbounded",
                ) from error
        worth, errors = [float(x) for x in fit.params], [float(x) for x in fit.bse]
        ties = sum(trial.answer == "tie" for trial in own)
        results.append(
            BradleyTerry(reader, reference, tuple(others), tuple(worth[:-1]), tuple(errors[:-1]), worth[-1], errors[-1], len(own), ties)
        )
    return results


def _check_linked(trials: Sequence[Choice], names: Sequence[str], reader: str) -> None:
    """Refuse trials in which some settings were never chosen against the others: every set must win and lose against the rest."""
    beats: dict[str, set[str]] = {name: set() for name in names}
    for trial in trials:
        if trial.answer in ("left", "tie"):
            beats[trial.left].add(trial.right)
        if trial.answer in ("right", "tie"):
            beats[trial.right].add(trial.left)
    for graph in (beats, {name: {other for other in names if name in beats[other]} for name in names}):
        seen, waiting = {names[0]}, [names[0]]
        while waiting:
            new = graph[waiting.pop()] - seen
            seen |= new
            waiting += sorted(new)
        if len(seen) < len(names):
            apart = ", ".join(sorted(set(names) - seen))
            raise UndefinedStatistic(
                f"answers by {reader} put {apart} always on one side of the others",
                "settings linked by answers that went both ways",
                "report the counts per pair instead: the worth is unbounded",
            )
