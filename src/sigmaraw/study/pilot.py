"""What a pilot study says of the number of images that a study of the wanted power needs."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sigmaraw.errors import InvalidRecord
from sigmaraw.record import Content
from sigmaraw.statistics.images import FEWEST_FOR_MEAN
from sigmaraw.statistics.power import equivalence_size


@dataclass(frozen=True)
class ImagesNeeded:
    """How many images one codec and measurement need; None where no number gives the power."""

    codec: str
    measurement: str
    images: int | None
    power: float
    why: str = ""

    def __str__(self) -> str:
        place = f"{self.codec}, {self.measurement}"
        return (
            f"{place}: {self.images} images for power {self.power:g}"
            if self.images is not None
            else f"{place}: no number of images, {self.why}"
        )


def images_needed(pilot: Content, power: float) -> list[ImagesNeeded]:
    """Return how many images each codec and measurement needs for its mean effect to PASS with the wanted probability.

    The largest of what shift, ln ratio and RMS² need as two one-sided t tests, mean and sd over images as in the pilot. Those are
    themselves uncertain: the number from three images can be off by a factor of several.

    Parameters
    ----------
    pilot : Content
        A record of three images or more.
    power : float
        Wanted probability, 1.

    Raises
    ------
    InvalidRecord
        Fewer than three images.

    References
    ----------
    formula 2.6; `statistics.power.equivalence_size`.
    """
    if len({row.image for row in pilot.results}) < FEWEST_FOR_MEAN:
        raise InvalidRecord("a pilot of fewer than three images", "three or more: their scatter decides", "take more images for the pilot")
    found = []
    discrete = {row.name for row in pilot.measurements if row.discrete}
    for codec in (row.codec for row in pilot.codecs):
        for measurement in (row.name for row in pilot.measurements):
            rows = [row for row in pilot.results if (row.codec, row.measurement) == (codec, measurement)]
            counts = measurement in discrete
            limits = pilot.plan.limits
            margin = limits.margin.get(measurement) if limits else None
            k, spread, rms = (
                (limits.k if limits else None) or 1.0,
                (limits.spread if limits else None) or 1.25,
                (limits.rms if limits else None) or 1.0,
            )
            if counts and margin is None and limits is not None:
                rms = limits.rms_counts or rms
            size = k if margin is None else margin
            scale = [1.0 if margin is None else row.sigma_raw or math.nan for row in rows]
            shift = [row.epsilon_hat if margin is None else row.shift for row in rows]
            square = [None if row.rms_d is None else (row.rms_d * of) ** 2 for row, of in zip(rows, scale, strict=True)]
            ratio = [math.log(row.spread_ratio) if row.spread_ratio else None for row in rows]
            parts = ((shift, size), (ratio, math.log(spread)), (square, (rms * (1.0 if margin is None else margin)) ** 2))
            found.append(_largest(codec, measurement, parts, power))
    return found


def _largest(codec: str, measurement: str, parts: tuple[tuple[list[float | None], float], ...], power: float) -> ImagesNeeded:
    sizes = []
    for values, limit in parts:
        numbers = np.array([math.nan if value is None else value for value in values])
        if not np.isfinite(numbers).all():
            return ImagesNeeded(codec, measurement, None, power, "the pilot's numbers are undefined on some image")
        size = equivalence_size(float(numbers.mean()), max(float(numbers.std(ddof=1)), 1e-9 * limit), limit, power)
        if size is None:
            return ImagesNeeded(codec, measurement, None, power, "the pilot's mean lies at or beyond a limit")
        sizes.append(max(size, FEWEST_FOR_MEAN))
    return ImagesNeeded(codec, measurement, max(sizes), power)
