"""Readers who rate, and readers who choose between two: papers 003 and 004 with simulated readers of known ability.

Ratings (003): four readers, each rating the masks of two methods on 20 images from 1 to 10. A reader has a severity of his own; a rating is
round(mean of the method + severity + image + N(0, 1.2²)), clipped to 1…10.

Choices (004): pairs of compression ratios from {1, 2, 5, 10, 20, 50}, 15 pairs, sides at random, "cannot tell" allowed. A reader sees
s(lower ratio) − s(higher ratio), s the visible quality 0, 0, 0, −1, −2.2, −3.6 at these ratios, with N(0, 1) of his own; where the size of
what he sees is below 0.4, it is a tie.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from sigmaraw.contracts import Criterion, Found, Reproduction
from sigmaraw.contracts.reproductions import Report
from sigmaraw.statistics.readers import Choice, ChoiceRow, RatingRow, bradley_terry, choices, ratings

RATIOS = (1, 2, 5, 10, 20, 50)
QUALITY = dict(zip(RATIOS, (0.0, 0.0, 0.0, -1.0, -2.2, -3.6), strict=True))
_TIE, _NOISE = 0.4, 1.0
_METHODS = {"CIP": 4.3, "CDL": 8.3}
_COLOURS = ("#0b5d91", "#a63c00", "#00695c", "#8a3a6b")
_CHANCE = 0.5
_SMALLEST_P = 2 / math.comb(40, 20)  # exact two-sided p of two separated samples of 20


def _at_chance(low: float, high: float) -> bool:
    """Return whether one half is within 3.3 standard errors of a share with this 95 % interval: one run in a thousand is not."""
    return abs((low + high) / 2 - _CHANCE) <= 3.3 * (high - low) / (2 * 1.96)


class Readers(Reproduction):
    """Ratings with Kolmogorov–Smirnov by permutation, and two-alternative choices with ties."""

    name = "readers"
    title = "What readers can tell apart: ratings and forced choices"
    paper = "003 (García Santa Cruz) and 004 (Kurmukov)"
    criteria: ClassVar[tuple[Criterion, ...]] = (
        Criterion(
            "means",
            "mean rating of CIP and CDL (1–10)",
            "4.3 and 8.3",
            "each lies within 0.6",
            lambda v: abs(v[0] - 4.3) <= 0.6 >= abs(v[1] - 8.3),
        ),
        Criterion(
            "rating_p",
            "largest p over four readers, Kolmogorov–Smirnov by permutation, 20 against 20 ratings",
            "1e-8 to 1e-11",
            "every reader tells the methods apart at 1e-3, and no p is below the smallest possible, 1.45e-11",
            lambda v: v["largest"] < 1e-3 and v["smallest"] >= 0.999 * _SMALLEST_P,
        ),
        Criterion(
            "low",
            "share of right choices among ratios up to 5 (ties count half)",
            "unable to tell apart",
            "each reader's share is within 3.3 standard errors of one half",
            lambda v: all(_at_chance(low, high) for low, high in v),
        ),
        Criterion(
            "fifty",
            "share of right choices of 1 against 50",
            "almost perfect",
            "it is at least .95 for each reader",
            lambda v: min(v) >= 0.95,
        ),
        Criterion(
            "order",
            "share of right choices of 1 against 5, 10, 20, 50",
            "improves steadily from 10 on",
            "it rises from 5 to 10 to 20, and does not fall to 50, for the readers together",
            lambda v: v[0] < v[1] < v[2] <= v[3] + 1e-9,
        ),
        Criterion(
            "worth",
            "Bradley–Terry worth of ratio 50 against 1, in log-odds",
            "not printed",
            "it is below that of 10 for each reader, by more than two standard errors",
            lambda v: all(entry["difference"] + 2 * entry["se"] < 0 for entry in v),
        ),
        Criterion(
            "left",
            "a reader who always says left: share of right choices, and of left",
            "not printed",
            "the first is within 3.3 standard errors of one half, and the second is 1 with p < 1e-6",
            lambda v: _at_chance(v["low"], v["high"]) and v["left"] == 1 and v["p_left"] < 1e-6,
        ),
    )

    def run(self, folder: Path, seed: int, quick: bool, progress: Report) -> Found:
        """Simulate the readers and score them as people are scored."""
        random = np.random.default_rng([seed, 0x2EAD])
        progress(0, 2, "readers")
        rows = ratings({f"expert {k + 1}": _ratings(random, severity) for k, severity in enumerate((-0.8, -0.2, 0.3, 0.7))}, paired=True)
        progress(1, 2, "readers")
        trials = [trial for name in ("reader A", "reader B") for trial in _choices(random, name, 40 if quick else 100)]
        lefty = [_always_left(trial) for trial in _choices(random, "left", 40 if quick else 100)]
        values = {**_of_ratings(rows), **_of_choices(trials), "left": _of_one_side(lefty)}
        progress(2, 2, "readers")
        notes = (
            "003 compares ratings by Kolmogorov–Smirnov, which ignores that the images are the same; Wilcoxon's test is beside it.",
            "004 prints Spearman's correlation of choices with “correct”, a constant: it is undefined; here the true side is coded.",
            "Not reproduced: the radiologists and biologists themselves; statistics.readers would score their answers alike.",
        )
        return Found(values, _shown(values), {"choices": _figure(choices(trials))}, notes)


def _ratings(random: np.random.Generator, severity: float) -> tuple[np.ndarray, np.ndarray]:
    """Return one reader's ratings of 20 images by both methods."""
    image = random.normal(0, 0.5, 20)
    first, second = (np.clip(np.rint(mean + severity + image + random.normal(0, 1.2, 20)), 1, 10) for mean in _METHODS.values())
    return first, second


def _choices(random: np.random.Generator, reader: str, repeats: int) -> list[Choice]:
    """Return a reader's answers on all 15 pairs."""
    trials = []
    for better, worse in combinations(RATIOS, 2):
        for _ in range(repeats):
            side = "left" if random.random() < 0.5 else "right"
            seen = QUALITY[better] - QUALITY[worse] + _NOISE * random.standard_normal()
            other = "right" if side == "left" else "left"
            answer = "tie" if abs(seen) < _TIE else side if seen > 0 else other
            left, right = (better, worse) if side == "left" else (worse, better)
            trials.append(Choice(reader, str(left), str(right), side, answer))  # type: ignore[arg-type]
    return trials


def _always_left(trial: Choice) -> Choice:
    return Choice(trial.reader, trial.left, trial.right, trial.true_side, "left")


def _of_ratings(rows: Sequence[RatingRow]) -> dict[str, Any]:
    p = [row.ks.p for row in rows]
    means = [float(np.mean([row.means[k] for row in rows])) for k in (0, 1)]
    signed = [row.signed_ranks.p for row in rows if row.signed_ranks is not None]
    return {"means": means, "rating_p": {"largest": max(p), "smallest": min(p), "wilcoxon": max(signed)}}


def _of_choices(trials: Sequence[Choice]) -> dict[str, Any]:
    readers = list(dict.fromkeys(trial.reader for trial in trials))
    low = {str(ratio) for ratio in RATIOS if ratio <= 5}
    merged = [
        choices(
            [
                Choice(trial.reader, "all", "all", trial.true_side, trial.answer)
                for trial in trials
                if trial.reader == reader and {trial.left, trial.right} <= low
            ]
        )[0]
        for reader in readers
    ]
    against = {int(row.pair[1]): [] for row in choices(trials) if row.pair[0] == "1"}  # type: dict[int, list[float]]
    for row in choices(trials):
        if row.pair[0] == "1":
            against[int(row.pair[1])].append(row.rate.value)
    fits = bradley_terry(trials, "1")
    worth = []
    for fit in fits:
        at = {name: k for k, name in enumerate(fit.settings)}
        difference = fit.worth[at["50"]] - fit.worth[at["10"]]
        worth.append(
            {
                "difference": difference,
                "se": math.hypot(fit.standard_error[at["50"]], fit.standard_error[at["10"]]),
                "worth": fit.worth[at["50"]],
            }
        )
    return {
        "low": [[row.rate.low, row.rate.high] for row in merged],
        "fifty": against[50],
        "order": [float(np.mean(against[ratio])) for ratio in (5, 10, 20, 50)],
        "worth": worth,
    }


def _of_one_side(trials: Sequence[Choice]) -> dict[str, float]:
    row = choices([Choice("left", "all", "all", trial.true_side, trial.answer) for trial in trials])[0]
    return {"rate": row.rate.value, "low": row.rate.low, "high": row.rate.high, "left": row.left, "p_left": row.p_left}


def _shown(values: Mapping[str, Any]) -> dict[str, str]:
    p, left = values["rating_p"], values["left"]
    return {
        "means": f"{values['means'][0]:.2f} and {values['means'][1]:.2f}",
        "rating_p": f"{p['smallest']:.2g} to {p['largest']:.2g} (Wilcoxon: up to {p['wilcoxon']:.2g})",
        "low": ", ".join(f"{low:.2f} to {high:.2f}" for low, high in values["low"]),
        "fifty": ", ".join(f"{value:.3f}" for value in values["fifty"]),
        "order": ", ".join(f"{value:.2f}" for value in values["order"]),
        "worth": ", ".join(
            f"{entry['worth']:.2f} (less than that of 10 by {-entry['difference']:.2f} ± {entry['se']:.2f})" for entry in values["worth"]
        ),
        "left": f"{left['rate']:.3f} ({left['low']:.3f} to {left['high']:.3f}); {left['left']:.0%}",
    }


def _figure(rows: Sequence[ChoiceRow]) -> Any:
    from sigmaraw.reports.svg import drawing, figure

    with drawing():
        made = figure(3.2, 5.2)
        made.set_layout_engine("constrained")
        axes = made.subplots()
        names = list(dict.fromkeys(row.reader for row in rows))
        for number, reader in enumerate(names):
            own = [row for row in rows if row.reader == reader and row.pair[0] == "1"]
            aside = 1 + 0.05 * (number - (len(names) - 1) / 2)  # so that the bars of readers do not cover each other
            at, value = [int(row.pair[1]) * aside for row in own], [row.rate.value for row in own]
            reach = [[row.rate.value - row.rate.low for row in own], [row.rate.high - row.rate.value for row in own]]
            axes.errorbar(at, value, reach, marker="o", ms=4, capsize=2, lw=1.2, color=_COLOURS[number % len(_COLOURS)], label=reader)
        axes.axhline(_CHANCE, color="#6b7280", lw=0.8, ls="--")
        axes.set_xscale("log", base=2)
        axes.set_xticks(RATIOS[1:], [str(ratio) for ratio in RATIOS[1:]])
        axes.set_xlabel("compression ratio, against 1")
        axes.set_ylabel("share of right choices")
        axes.legend(frameon=False, fontsize=8)
    return made
