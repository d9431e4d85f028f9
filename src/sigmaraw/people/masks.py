"""Masks drawn by several observers, once or twice each → how well they agree, and the limits of the rule `cunha`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.errors import InputNotFound, InvalidOption, ShapeMismatch, visible
from sigmaraw.statistics.observers import THRESHOLD, RetainedCurve, jaccard_by_slice, retained_curve
from sigmaraw.study.reference_rules import Scores, between_observers, joined, within_observer
from sigmaraw.study.references import Masks, mask_files, observer_folders, read_mask, stem_of


@dataclass(frozen=True)
class Agreed:
    """How two segmentations agree, over the slices that count.

    Parameters
    ----------
    first, second : str
        Who; the same name twice within an observer.
    jaccard, distance : float
        Mean Jaccard index, 1, and mean average Hausdorff distance, px.
    jaccard_sd, distance_sd : float
        Standard deviations over slices, NaN of fewer than two.
    valid : int
        Slices that count.
    both_empty : int
        Slices in which neither shows anything: left out.
    slices : int
        All.
    """

    first: str
    second: str
    jaccard: float
    jaccard_sd: float
    distance: float
    distance_sd: float
    valid: int
    both_empty: int
    slices: int


@dataclass(frozen=True)
class Observers:
    """How observers agree with themselves (intra, IaOV) and with each other (inter, IeOV).

    Parameters
    ----------
    intra, inter : tuple of Agreed
        One row an observer with two readings, one row a pair of observers.
    retained : mapping of str to RetainedCurve
        By observer, the share of slices that stay valid by the threshold on the Jaccard index.
    limits : dict of str to float
        Means over all valid slices of all observers: what ``validate --rule cunha`` holds codecs against; Jaccard index in 1, distance in
        px. Empty where the masks do not suffice for that rule.
    notes : tuple of str
        What was left out, and what is missing.
    """

    intra: tuple[Agreed, ...]
    inter: tuple[Agreed, ...]
    retained: Mapping[str, RetainedCurve]
    limits: Mapping[str, float]
    notes: tuple[str, ...]


def observers(paths: Sequence[str | Path], *, volume: bool = False) -> Observers:
    """Compare the masks of several observers.

    Parameters
    ----------
    paths : sequence of path
        One folder with a folder for each observer, as `validate --reference` takes it; or a folder or file for each observer. An
        observer's folder holds the masks, or a folder for each reading.
    volume : bool, default False
        Whether the planes of a file are z: each is a slice either way.

    Returns
    -------
    Observers
        Variability within and between observers.

    Raises
    ------
    InputNotFound
        A path that does not exist, or a mask that one reading lacks.
    InvalidOption
        Masks of one observer who drew once: nothing to compare.
    ShapeMismatch, NotIntegerData, UnreadableFile
        As the masks say.
    """
    readings = {name: [_reading(place, volume) for place in places] for name, places in _places([Path(path) for path in paths]).items()}
    names = _checked(readings)
    masks = {name: tuple(tuple(reading[stem] for stem in names) for reading in own) for name, own in readings.items()}
    twice = [name for name, own in masks.items() if len(own) > 1]
    if len(masks) < 2 and not twice:
        raise InvalidOption(
            f"one reading by one observer ({', '.join(masks)})", "two observers, or two readings", "give DIR/OBSERVER/READING/"
        )
    notes = [f"{name} has {len(own)} readings: the first two are taken" for name, own in masks.items() if len(own) > 2]
    count = len(names)
    within = {name: within_observer(masks[name], count) for name in twice}
    between = {pair: between_observers(masks[pair[0]], masks[pair[1]], count) for pair in combinations(masks, 2)}
    intra, retained = [], {}
    for name, scores in within.items():
        first, second = masks[name][:2]
        agreement = np.concatenate([jaccard_by_slice(a, b) for a, b in zip(first, second, strict=True)])
        retained[name] = retained_curve(agreement)
        intra.append(_agreed(name, name, scores, np.isnan(agreement)))
    marked = {name: np.concatenate([_any(own, index) for index in range(count)]) for name, own in masks.items()}
    inter = [_agreed(one, other, scores, ~(marked[one] | marked[other])) for (one, other), scores in between.items()]
    limits: dict[str, float] = {}
    if between and within:
        limits = _limits(joined(list(within.values())), joined(list(between.values())))
    else:
        notes.append("the rule cunha needs two observers, one of whom segmented everything twice")
    return Observers(tuple(intra), tuple(inter), retained, limits, tuple(notes))


def _places(paths: Sequence[Path]) -> dict[str, list[Path]]:
    """Return for each observer the folder or file of each reading."""
    for path in paths:
        if not path.exists():
            raise InputNotFound(f"masks {path} do not exist", "folders of masks, one for each observer", "check the path")
    if len(paths) == 1:
        return observer_folders(paths[0])
    found: dict[str, list[Path]] = {}
    for path in paths:
        if path.name in found:
            raise InvalidOption(f"two observers called {path.name}", "a name for each", "rename one of the folders")
        found[path.name] = [place for places in observer_folders(path).values() for place in places]
    return found


def _reading(place: Path, volume: bool) -> dict[str, Masks]:
    """Return the masks of one reading by what names their images."""
    files = mask_files(place)
    if not files:
        raise InputNotFound(f"{place} holds no masks", "a mask for each image", "check the folder")
    found: dict[str, Masks] = {}
    for file in files:
        stem = "the image" if file == place else stem_of(file)
        if stem in found:
            raise InvalidOption(f"{place} holds two masks of {stem}", "one mask of each image", "remove one")
        masks = read_mask(file, volume)
        found[stem] = masks.reshape(-1, *masks.shape[-2:])
    return found


def _checked(readings: Mapping[str, Sequence[Mapping[str, Masks]]]) -> list[str]:
    """Return what names the images, once every reading is known to have all of them in one shape."""
    every = [(name, number, reading) for name, own in readings.items() for number, reading in enumerate(own, 1)]
    name, _, first = every[0]
    for other, number, reading in every[1:]:
        missing = sorted(set(first) ^ set(reading))
        if missing:
            raise InputNotFound(
                f"{other}, reading {number}, and {name} differ in {', '.join(missing[:3])}",
                "masks of the same images",
                "add what is missing",
            )
        for stem, masks in reading.items():
            if masks.shape != first[stem].shape:
                raise ShapeMismatch(f"{stem}: masks of {masks.shape} and {first[stem].shape}", "one shape", "bring them to one grid")
    return list(first)


def _any(readings: Sequence[Sequence[Masks]], index: int) -> NDArray[np.bool_]:
    """Return per slice of one image whether an observer marked anything in the readings that count."""
    return np.any([(np.asarray(reading[index]) != 0).any(axis=(1, 2)) for reading in readings[:2]], axis=0)


def _agreed(first: str, second: str, scores: Scores, empty: NDArray[np.bool_]) -> Agreed:
    jaccard, distance = (values[np.isfinite(values)] for values in scores)
    means = [float(values.mean()) if values.size else math.nan for values in (jaccard, distance)]
    spreads = [float(values.std(ddof=1)) if values.size > 1 else math.nan for values in (jaccard, distance)]
    return Agreed(first, second, means[0], spreads[0], means[1], spreads[1], jaccard.size, int(empty.sum()), empty.size)


def _limits(intra: Scores, inter: Scores) -> dict[str, float]:
    parts = {"intra_jaccard": intra[0], "intra_distance": intra[1], "inter_jaccard": inter[0], "inter_distance": inter[1]}
    return {name: float(np.nanmean(values)) if np.isfinite(values).any() else math.nan for name, values in parts.items()}


def observers_text(found: Observers) -> str:
    """Return the comparison as tables of text."""
    head = f"{'':<36}{'Jaccard index':<20}{'distance, px':<20}slices"
    lines = [
        f"Slices count whose two readings agree with a Jaccard index of {THRESHOLD} or more; slices that are empty in both are left out.",
        "",
        head,
    ]
    lines += [_line(f"intra-observer  {row.first}", row) for row in found.intra]
    lines += [_line(f"inter-observer  {row.first} | {row.second}", row) for row in found.inter]
    for name, curve in found.retained.items():
        kept = ", ".join(f"{t:.1f}: {share:.0f}" for t, share in zip(curve.thresholds, curve.retained_percent, strict=True) if _tenth(t))
        lines += ["", f"{name}: slices retained (%) by threshold: {kept}"]
    if found.limits:
        jaccard, distance = found.limits["inter_jaccard"], found.limits["inter_distance"]
        lines += [
            "",
            f"validate --rule cunha: a codec must beat Jaccard index {jaccard:.4f} and distance {distance:.4g} px, and differ from them",
        ]
    lines += [f"note: {note}" for note in found.notes]
    return "\n".join(visible(line) for line in lines)  # names of folders may be a stranger's


def _tenth(threshold: Any) -> bool:
    return bool(abs(10 * threshold - round(10 * threshold)) < 1e-6 and threshold >= 0.5)


def _line(name: str, row: Agreed) -> str:
    jaccard, distance = f"{row.jaccard:.3f} ± {row.jaccard_sd:.3f}", f"{row.distance:.3g} ± {row.distance_sd:.2g}"
    return f"{name:<36}{jaccard:<20}{distance:<20}{row.valid} of {row.slices}, {row.both_empty} empty"
