"""The decision rules that rest on observers' masks: cunha (paper 001) and noninferiority."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from sigmaraw.errors import InvalidPlan
from sigmaraw.metrics.masks import AverageHausdorff
from sigmaraw.pipelines.agreement import AgreementPipeline
from sigmaraw.pipelines.several import parts_of
from sigmaraw.record.results import ResultRow
from sigmaraw.record.statements import AgreementGroupRow, DecisionRow, RulingRow
from sigmaraw.record.words import Verdict
from sigmaraw.statistics.equality import TukeyContrast
from sigmaraw.statistics.image_means import by_unit
from sigmaraw.statistics.observers import (
    INTER,
    INTRA,
    Variability,
    acceptance,
    distance_variability,
    inter_observer,
    intra_observer,
    jaccard_by_slice,
    merge,
)
from sigmaraw.statistics.rules import Cunha, Design, NonInferiority, RuleInput
from sigmaraw.study.plan import Plan
from sigmaraw.study.references import Masks, References

ON_REFERENCES = ("cunha", "noninferiority")
"""Rules that need references."""
DEFAULT_METRIC, DEFAULT_MARGIN = "dice", NonInferiority().margin
_TINY = 1e-9

Scores = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Jaccard index (1) and average Hausdorff distance (px) of each slice, NaN where one has no value."""
Readings = Sequence[Sequence[Masks]]
"""An observer's readings, in each the mask of every image."""


@dataclass(frozen=True)
class Observed:
    """How an observer agrees with himself, and observers with each other, slice by slice over all images."""

    intra: Scores
    inter: Scores


def check_references(plan: Plan, references: References | None) -> None:
    """Refuse a rule that has not the masks that it needs. Raises InvalidPlan."""
    if plan.rule not in ON_REFERENCES:
        return
    if references is None:
        what = "two observers' masks" if plan.rule == "cunha" else "a reference mask of each image"
        raise InvalidPlan(f"rule '{plan.rule}', which needs {what}", "--reference DIR", "give them, or name another rule")
    if len(parts_of(plan.pipeline)) > 1:
        raise InvalidPlan(f"rule '{plan.rule}' with several pipelines", "one pipeline", "run each by itself, or leave --rule out")
    if plan.rule == "cunha":
        twice = [name for name, readings in references.observers.items() if len(readings) > 1]
        if len(references.observers) < 2 or not twice:
            found = ", ".join(f"{name} ({len(readings)} readings)" for name, readings in references.observers.items())
            raise InvalidPlan(
                f"rule 'cunha' with the observers {found}",
                "two observers, one of whom segmented everything twice",
                "put the masks into DIR/observer/reading/",
            )


def between(first: Masks, second: Masks) -> Scores:
    """Return the scores of two masks slice by slice; slices that are empty in both carry none.

    Parameters
    ----------
    first, second : ndarray
        (y, x) or (z, y, x), of which 0 is background.
    """
    x, y = (np.asarray(mask).reshape(-1, *mask.shape[-2:]) != 0 for mask in (first, second))
    jaccard = jaccard_by_slice(x, y)
    return jaccard, distance_variability(x, y, np.isfinite(jaccard), AverageHausdorff()).values


def joined(parts: Sequence[Scores]) -> Scores:
    """Return the scores of several images as one; none of none."""
    if not parts:
        return np.empty(0), np.empty(0)
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


def observed(references: References, images: int) -> Observed:
    """Return the intra- and inter-observer variability over all slices that their observers segmented coherently."""
    observers = list(references.observers.values())
    intra = [within_observer(readings, images) for readings in observers if len(readings) > 1]
    inter = [between_observers(first, second, images) for first, second in combinations(observers, 2)]
    return Observed(joined(intra), joined(inter))


def within_observer(readings: Readings, images: int) -> Scores:
    """Return how an observer's first two readings agree, over all slices that he segmented coherently."""
    first, second = _pair(readings, images)
    return _valid_scores(intra_observer(first, second), first, second)


def between_observers(first: Readings, second: Readings, images: int) -> Scores:
    """Return how two observers' merged readings agree, over all slices that both segmented coherently."""
    one, other = _pair(first, images), _pair(second, images)
    return _valid_scores(inter_observer(one, other), merge(*one), merge(*other))


def _valid_scores(found: Variability, first: Masks, second: Masks) -> Scores:
    return found.values, distance_variability(first, second, np.isfinite(found.values), AverageHausdorff()).values


def _pair(readings: Readings, images: int) -> tuple[Masks, Masks]:
    """Return an observer's two readings; of one reading that one twice."""
    first = _stack(readings[0], images)
    return first, _stack(readings[1], images) if len(readings) > 1 else first


def _stack(reading: Sequence[Masks], images: int) -> Masks:
    """Return (slice, y, x) of all images, padded with background to one size."""
    slices = [np.asarray(mask).reshape(-1, *mask.shape[-2:]) != 0 for mask in reading[:images]]
    height, width = max(one.shape[1] for one in slices), max(one.shape[2] for one in slices)
    return np.concatenate([np.pad(one, ((0, 0), (0, height - one.shape[1]), (0, width - one.shape[2]))) for one in slices])


def noninferiority(plan: Plan, pipeline: AgreementPipeline, results: Sequence[ResultRow]) -> DecisionRow:
    """Return what the rule says of each codec: by how much each metric falls on average over images, against its margin.

    Metrics are those of the references for which the plan states a margin; without any, the Dice coefficient with a margin of .02.

    Raises
    ------
    InvalidPlan
        No metric with a margin, and no Dice coefficient.
    """
    named = {measurement: pipeline.metrics[metric] for metric, measurement in pipeline.agreement_names.items()}
    margins = {name: plan.margin[name] for name in named if name in plan.margin}
    if not margins:
        margins = {name: DEFAULT_MARGIN for name, metric in named.items() if metric.name == DEFAULT_METRIC}
    if not margins:
        raise InvalidPlan("rule 'noninferiority' without a margin", f"a margin for one of {', '.join(named)}", "state --margin NAME=VALUE")
    rulings, spreads = [], []
    for codec in plan.codecs:
        for name, margin in margins.items():
            changes = _changes(plan, [row for row in results if row.codec == codec and row.measurement == name])
            less = bool(named[name].less_is_better)
            said = NonInferiority(margin).judge(RuleInput(differences=-changes if less else changes))
            rulings.append(
                RulingRow(codec=codec, measurement=name, verdict=said.verdict, because=said.because, margin=margin, less_is_better=less)
            )
            spreads.append(float(np.nanstd(changes, ddof=1)) / margin if np.isfinite(changes).sum() > 1 else 0.0)
    # Metrics have different units: rates are those of the most scattered one, in units of its margin.
    assumed = Design(images=len(_units(plan, results)), between=max(*spreads, _TINY))
    made = NonInferiority(1.0)
    harmless, harmful = 0.0, -2.0
    return DecisionRow(
        rule="noninferiority",
        null_flag_rate=made.null_flag_rate(assumed),
        effect_unit="margin",
        harmless=harmless,
        accepts_harmless=made.accepts(assumed, harmless),
        harmful=harmful,
        accepts_harmful=made.accepts(assumed, harmful),
        images=assumed.images,
        replicas=0,
        between=assumed.between,
        basis="references",
        rulings=tuple(rulings),
    )


def _units(plan: Plan, results: Sequence[ResultRow]) -> list[str]:
    images = sorted({row.image for row in results})
    return list(dict.fromkeys(plan.specimens)) if plan.specimens else [str(image) for image in images]


def _changes(plan: Plan, rows: Sequence[ResultRow]) -> NDArray[np.float64]:
    """Return the metric after minus before the codec of each image, or as means of specimens."""
    changes = np.array(
        [math.nan if None in (row.chi_raw, row.chi_codec) else (row.chi_codec or 0.0) - (row.chi_raw or 0.0) for row in rows]
    )
    names = [plan.specimens[row.image] for row in rows] if plan.specimens else None
    return by_unit(changes, None if names is None else np.unique(names, return_inverse=True)[1])


def cunha(plan: Plan, pipeline: AgreementPipeline, references: References, images: int, scores: Sequence[Scores]) -> DecisionRow:
    """Return what paper 001's rule says of each codec: better than two observers agree, and different from that by Tukey's test.

    Parameters
    ----------
    scores : sequence of (ndarray, ndarray)
        Of each codec, the objects after it against those before it, slice by slice over all images.
    """
    measurement = next((name for metric, name in pipeline.agreement_names.items() if metric == "jaccard"), "jaccard")
    return cunha_row(observed(references, images), dict(zip(plan.codecs, scores, strict=True)), images, measurement)


def cunha_row(band: Observed, codecs: Mapping[str, Scores], images: int, measurement: str) -> DecisionRow:
    """Return what paper 001's rule says where all agreements have been measured.

    Parameters
    ----------
    codecs : mapping of str to (ndarray, ndarray)
        Scores of each codec.
    """
    marks, contrasts, design = acceptance(codecs, band.intra, band.inter)
    intra, inter = (float(np.nanmean(part[0])) for part in (band.intra, band.inter))
    rulings = []
    for mark in marks:
        numbers = (
            f"Jaccard index {mark.jaccard:.3f}, distance {mark.distance:.3g} px; observers: {inter:.3f}, {np.nanmean(band.inter[1]):.3g} px"
        )
        if mark.accepted:
            because = f"better than two observers agree, and different from that ({design}): {numbers}"
        else:
            worse = "not better than two observers agree" if not mark.better_inter else "does not differ from how two observers agree"
            because = f"{worse} ({design}): {numbers}"
        verdict: Verdict = "PASS" if mark.accepted else "FAIL"
        rulings.append(RulingRow(codec=mark.codec, measurement=measurement, verdict=verdict, because=because))
    sd = max(float(np.nanstd(np.concatenate([part[0] for part in (band.intra, band.inter)]), ddof=1)), _TINY)
    slices = int(np.isfinite(band.inter[0]).sum())
    assumed = Design(images=images, slices=max(slices, 2), settings=len(codecs))
    made, harmless, harmful = Cunha(intra, inter, sd), 0.0, max(intra - inter, 0.05)
    return DecisionRow(
        rule="cunha",
        null_flag_rate=made.null_flag_rate(assumed),
        effect_unit="loss of Jaccard index",
        harmless=harmless,
        accepts_harmless=made.accepts(assumed, harmless),
        harmful=harmful,
        accepts_harmful=made.accepts(assumed, harmful),
        images=images,
        replicas=0,
        basis="references",
        groups=_groups({INTRA: band.intra, INTER: band.inter, **codecs}, contrasts),
        rulings=tuple(rulings),
    )


def _groups(scores: Mapping[str, Scores], contrasts: Sequence[TukeyContrast]) -> tuple[AgreementGroupRow, ...]:
    """Return what the rule compares: means over slices, with p of Tukey's test against the inter-observer group."""
    p = {({row.group1, row.group2} - {INTER}).pop(): row.p_adjusted for row in contrasts if INTER in (row.group1, row.group2)}
    rows = []
    for name, (jaccard, distance) in scores.items():
        values = jaccard[np.isfinite(jaccard)]
        rows.append(
            AgreementGroupRow(
                name=name,
                slices=values.size,
                jaccard=float(np.mean(values)),
                jaccard_sd=float(np.std(values, ddof=1)),
                distance=float(np.mean(distance[np.isfinite(distance)])),
                p=p.get(name),
            )
        )
    return tuple(rows)
