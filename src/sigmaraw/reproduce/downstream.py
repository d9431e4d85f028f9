"""Measurements of predicted nuclei against those of true nuclei: paper 002 with a real network and the demonstration network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sigmaraw.codecs import codec
from sigmaraw.contracts import Criterion, Found, Reproduction
from sigmaraw.contracts.reproductions import Report
from sigmaraw.pipelines import pipeline
from sigmaraw.reproduce.axes import power_of_ten
from sigmaraw.reproduce.nuclei import DATA, DEMO, Truthful, of_real, spec_of, true_measurements, virtual_samples
from sigmaraw.statistics.agreement import agreement, bland_altman

MEASUREMENTS = ("count", "area", "total_intensity", "mean_intensity")
PAPER = {"count": (0.995, 0.994), "area": (0.992, 0.990), "total_intensity": (0.902, 0.911), "mean_intensity": (0.907, 0.904)}
"""Pearson and Spearman that 002 prints of nuclei."""
UNITS = {"count": "1", "area": "px", "total_intensity": "DN", "mean_intensity": "DN"}
STEP = "lossless"
_TRUE, _PREDICTED = "#33373d", "#0b5d91"
_POWERS = {3: "10³", 6: "10⁶", 9: "10⁹"}

Pairs = dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]


def _criterion(name: str, whose: str, least: float) -> Criterion:
    pearson, spearman = PAPER[name]
    missing = "" if whose == "demonstration" else "; not judged where the data are missing"
    return Criterion(
        f"{whose} {name}",
        f"{whose} network, {name.replace('_', ' ')} by image: Pearson, Spearman, Lin's concordance",
        f"{pearson}, {spearman}, not printed",
        f"Pearson's is above {least}{missing}",
        lambda v: v is None or v["pearson"] > least,
    )


class Downstream(Reproduction):
    """Count, area and intensity of predicted nuclei against true ones."""

    name = "downstream"
    title = "Measurements of predicted against those of true nuclei"
    paper = "002 (Pankova)"
    data = DATA
    criteria: ClassVar[tuple[Criterion, ...]] = (
        *(_criterion(name, "demonstration", 0.9) for name in MEASUREMENTS),
        *(_criterion(name, "real", 0.8) for name in MEASUREMENTS),
        Criterion(
            "concordance",
            "demonstration network: largest excess of Lin's concordance over Pearson's correlation",
            "not printed: correlation alone says nothing of bias",
            "none: concordance is never above it",
            lambda v: v <= 1e-12,
        ),
    )

    def run(self, folder: Path, seed: int, quick: bool, progress: Report) -> Found:
        """Measure what both networks find, and what is there."""
        samples = [Truthful(one.frame, one.scene.labels) for one in virtual_samples(24 if quick else 80, seed)]
        demo = measured(DEMO, samples, progress)
        real, notes = of_real(self, lambda place, images: measured(spec_of(place), images[::2] if quick else images, progress))
        scored = {"demonstration": scores(demo), "real": None if real is None else scores(real)}
        values: dict[str, Any] = {
            f"{who} {name}": None if found is None else found[name] for who, found in scored.items() for name in MEASUREMENTS
        }
        values["concordance"] = max(row["ccc"] - row["pearson"] for row in scores(demo).values())
        figures = {"demonstration": _figure(demo)} | ({} if real is None else {"real": _figure(real)})
        return Found(values, _shown(values), figures, (*notes, *_bias_notes(values), *_NOTES))


_NOTES = (
    "The real network was trained on images of the same collection as these: its figures are no claim of accuracy.",
    "002 predicts fluorescence from DIC images and thresholds it; here both networks predict masks.",
    "Not reproduced: endoplasmic reticulum and GFP of 002, whose images are not public: `sigmaraw train` on your pairs of images.",
)


def measured(spec: str, images: Sequence[Truthful], progress: Report) -> Pairs:
    """Return the predicted and the true measurement of each image; where either is undefined the image is left out."""
    network, coder = pipeline(spec), codec(STEP)
    rows = []
    for number, one in enumerate(images, 1):
        found, true = network(coder.roundtrip(one.image)[0]), true_measurements(one)
        rows.append([(found[name], true[name]) for name in MEASUREMENTS])
        progress(number, len(images), "images")
    columns = {name: np.array([row[column] for row in rows]) for column, name in enumerate(MEASUREMENTS)}
    kept = {name: pairs[np.isfinite(pairs).all(axis=1)] for name, pairs in columns.items()}
    return {name: (pairs[:, 0], pairs[:, 1]) for name, pairs in kept.items()}


def scores(pairs: Pairs) -> dict[str, dict[str, float]]:
    """Return correlation, concordance, and bias with limits of agreement, by measurement; zeros where predictions do not vary."""
    found = {}
    for name, (predicted, true) in pairs.items():
        if predicted.size < 3 or np.ptp(predicted) == 0:
            found[name] = dict.fromkeys(("pearson", "spearman", "ccc", "bias", "lower", "upper"), 0.0) | {"images": float(predicted.size)}
            continue
        both, limits = agreement(true, predicted), bland_altman(true, predicted)
        found[name] = {
            "pearson": both.pearson,
            "spearman": both.spearman,
            "ccc": both.ccc.value,
            "bias": limits.bias.value,
            "lower": limits.lower.value,
            "upper": limits.upper.value,
            "images": float(both.n),
        }
    return found


def _shown(values: Mapping[str, Any]) -> dict[str, str]:
    shown = {"concordance": f"{values['concordance']:.3g}"}
    for key, row in values.items():
        if key != "concordance":
            shown[key] = "data missing" if row is None else f"{row['pearson']:.3f}, {row['spearman']:.3f}, {row['ccc']:.3f}"
    return shown


def _bias_notes(values: Mapping[str, Any]) -> tuple[str, ...]:
    """Return Bland and Altman's bias and limits of agreement, one sentence a measurement."""
    lines = []
    for key, row in values.items():
        if key == "concordance" or row is None:
            continue
        whose, name = key.split(" ")
        unit = "" if UNITS[name] == "1" else f" {UNITS[name]}"
        lines.append(
            f"{whose.capitalize()} network, {name.replace('_', ' ')}: predicted minus true {row['bias']:+.3g}{unit}, "
            f"95 % limits of agreement {row['lower']:+.3g} to {row['upper']:+.3g} ({row['images']:.0f} images)."
        )
    return tuple(lines)


def _figure(pairs: Pairs) -> Any:
    """Return violins of true and predicted values above, a scatter plot with the line of identity below."""
    from sigmaraw.reports.svg import drawing, figure

    with drawing():
        made = figure(4.6, 9.0)
        made.set_layout_engine("constrained")
        axes = made.subplots(2, len(pairs))
        for column, (name, values) in enumerate(pairs.items()):
            above, below = axes[0, column], axes[1, column]
            power = power_of_ten(np.concatenate(values))
            predicted, true = (each / 10.0**power for each in values)
            if not true.size:
                continue
            _violins(above, true, predicted)
            parts = ([_POWERS[power]] if power else []) + ([] if UNITS[name] == "1" else [UNITS[name]])
            above.set_title(f"{name.replace('_', ' ')}{', ' if parts else ''}{' '.join(parts)}", fontsize=9)
            low, high = float(min(true.min(), predicted.min())), float(max(true.max(), predicted.max()))
            below.plot([low, high], [low, high], color="#8a8f98", lw=0.8)
            below.plot(true, predicted, "o", ms=3, color=_PREDICTED, alpha=0.8)
            below.set_xlabel("true")
            below.set_ylabel("predicted" if column == 0 else "")
            for place in (above, below):
                place.spines[["top", "right"]].set_visible(False)
    return made


def _violins(place: Any, true: NDArray[np.float64], predicted: NDArray[np.float64]) -> None:
    """Draw the distributions of both side by side, each with its median and its range."""
    drawn = place.violinplot([true, predicted], showmedians=True)
    for body, colour in zip(drawn["bodies"], (_TRUE, _PREDICTED), strict=True):
        body.set_facecolor(colour)
    for part in ("cbars", "cmins", "cmaxes", "cmedians"):
        drawn[part].set_color([_TRUE, _PREDICTED])
        drawn[part].set_linewidth(1.2)
    place.set_xticks([1, 2], ["true", "predicted"])
