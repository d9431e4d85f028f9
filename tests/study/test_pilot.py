"""What a pilot says of the number of images: the largest that shift, ratio or RMS needs, by the formula of two one-sided t tests."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from sigmaraw.errors import InvalidRecord
from sigmaraw.record import Content, content_of
from sigmaraw.statistics.power import equivalence_power, equivalence_size
from sigmaraw.study.pilot import images_needed
from tests.reports.conftest import make_record

SHIFTS = (0.2, -0.3, 0.4, 0.1)


def pilot(shifts: tuple[float, ...] = SHIFTS, ratio: float = 1.02, rms: float = 0.4, **limits: Any) -> Content:
    """Return a pilot of one codec and one measurement whose images have these shifts, σ_raw 2."""
    document = make_record(images=len(shifts), codecs=1, measurements=1)
    document["plan"]["limits"] = {"k": 1.0, "spread": 1.25, "rms": 1.0, "margin": {}} | limits
    for row, shift in zip(document["results"], shifts, strict=True):
        row |= {"epsilon_hat": shift, "shift": 2.0 * shift, "sigma_raw": 2.0, "spread_ratio": ratio, "rms_d": rms}
    return content_of(document)


def test_the_number_is_that_of_the_part_that_needs_most() -> None:
    (found,) = images_needed(pilot(), 0.8)
    mean, sd = float(np.mean(SHIFTS)), float(np.std(SHIFTS, ddof=1))
    assert found.images == max(3, equivalence_size(mean, sd, 1.0, 0.8) or 0)
    wide = tuple(3.0 * shift for shift in SHIFTS)
    (more,) = images_needed(pilot(wide), 0.8)
    assert more.images is not None and more.images > found.images
    # Independent truth: with so many images the power is reached, with one less it is not.
    assert equivalence_power(3 * mean, 3 * sd, 1.0, more.images) >= 0.8 > equivalence_power(3 * mean, 3 * sd, 1.0, more.images - 1)


def test_a_margin_is_compared_in_the_measurements_unit() -> None:
    name = pilot().measurements[0].name
    (tight,) = images_needed(pilot(margin={name: 1.0}), 0.8)  # 1 unit is .5 σ_raw
    mean, sd = 2.0 * float(np.mean(SHIFTS)), 2.0 * float(np.std(SHIFTS, ddof=1))
    assert tight.images == max(3, equivalence_size(mean, sd, 1.0, 0.8) or 0)


def test_counts_have_their_limit_of_the_rms() -> None:
    assert images_needed(pilot(rms=1.2), 0.8)[0].images is None  # beyond 1
    assert images_needed(pilot(rms=1.2, rms_counts=math.sqrt(2.0)), 0.8)[0].images == images_needed(pilot(), 0.8)[0].images


def test_what_no_number_of_images_shows_says_why() -> None:
    (beyond,) = images_needed(pilot((1.2, 1.3, 1.1, 1.4)), 0.8)
    assert beyond.images is None and "at or beyond a limit" in str(beyond)
    document_rows = pilot()
    lacking = content_of(_without(document_rows))
    (undefined,) = images_needed(lacking, 0.8)
    assert undefined.images is None and "undefined" in str(undefined)
    with pytest.raises(InvalidRecord, match="fewer than three images"):
        images_needed(pilot((0.1, 0.2)), 0.8)


def _without(content: Content) -> dict[str, Any]:
    """Return the pilot with one shift that is not a number."""
    from sigmaraw.record.fields import plain

    document: dict[str, Any] = plain(content)
    document["results"][1]["epsilon_hat"] = None
    return document
