"""Quick subsets of the scripts behind docs/explanation/error-rates.md: stopping rule, power, order of images, doubled images."""

from __future__ import annotations

import numpy as np
import pytest

from sigmaraw.statistics import RowLimits, judge_images, measure
from tests.statistics.power import Scene, evidence, harmless, limits_of, rates
from tests.statistics.proportions import at_most
from tests.statistics.stopping_rates import rate

RUNS = 120


@pytest.mark.parametrize("part", ["shift", "rms", "ratio"])
def test_looks_decide_a_row_at_its_limit_wrongly_in_five_percent(part: str) -> None:
    assert rate("normal", part, RUNS, 150)[0] <= at_most(0.05, RUNS)


def test_looks_decide_a_harmless_row_before_the_budget_is_spent() -> None:
    passed, n = rate("normal", "harmless", RUNS, 300)
    assert passed > 0.95 and n < 240


def made(shift: float, noise: float, seed: int = 2) -> Scene:
    """Return predictions of one normal measurement and one count whose codec moves one in twenty."""
    random = np.random.default_rng(seed)
    raw = np.stack([random.normal(size=2000), random.poisson(4.0, 2000).astype(float)])
    moved = np.stack(
        [raw[0] + shift + noise * random.normal(size=2000), raw[1] + random.choice([-1.0, 0.0, 1.0], 2000, p=[0.02, 0.96, 0.02])]
    )
    return Scene(("area", "count"), (False, True), raw, moved)


def test_a_harmless_codec_passes_for_one_image_and_for_many() -> None:
    """ε .1, D of sd .3: at least .95 of rows and of codecs pass at n = 300, whatever the number of images (SE of 40 studies .035)."""
    scenes = [made(0.1, 0.3), made(-0.1, 0.25, 3)]
    assert all(harmless(scene.truth(column)) for scene in scenes for column in (0, 1))
    for images in (1, 3, 10):
        rows, codecs, _ = rates(scenes, images, 300, 40, 1)
        assert rows.min() >= 0.95 - 0.1 and codecs.min() >= 0.95 - 0.1


def test_a_codec_beyond_its_limits_hardly_passes() -> None:
    scenes = [made(1.3, 0.3)]
    for images in (1, 3):
        assert rates(scenes, images, 100, 40, 1)[1][0] <= at_most(0.05, 40)


def test_images_in_any_order_and_an_image_twice_under_its_specimen_say_the_same() -> None:
    scenes, random = [made(0.3, 0.4), made(-0.5, 0.6, 5), made(0.7, 0.3, 7)], np.random.default_rng(4)
    which = np.arange(6) % 3
    found = evidence(scenes, which, 0, 60, random.integers(0, 2000, (6, 2, 60)))
    names = [f"s{image}" for image in range(6)]
    first = judge_images(found, limits_of(False), specimens=names)
    order = random.permutation(6)
    other = judge_images(found.take(order), limits_of(False), specimens=[names[image] for image in order])
    limits = pytest.approx([first.mean.low, first.mean.high])
    assert other.verdict == first.verdict and [other.mean.low, other.mean.high] == limits
    twice = np.array([0, 0, 1, 2, 3, 4, 5])
    doubled = judge_images(found.take(twice), limits_of(False), specimens=[names[image] for image in twice])
    assert [doubled.mean.low, doubled.mean.high] == limits


def test_replicas_in_any_order_give_the_same_limits() -> None:
    random = np.random.default_rng(6)
    raw = random.normal(size=(1, 3, 50))
    decoded = raw[:, 1] + 0.2 + 0.4 * random.exponential(size=(1, 50))
    order = random.permutation(50)
    first, other = measure(raw, decoded, 1), measure(raw[..., order], decoded[..., order], 1)
    for name in ("shift_limits", "ratio_limits", "rms_limits"):
        assert np.allclose(getattr(first, name)(), getattr(other, name)(), rtol=1e-12)
    assert np.array_equal(first.inside(RowLimits()), other.inside(RowLimits()))
