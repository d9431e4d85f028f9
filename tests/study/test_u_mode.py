"""Which u_mode a measurement of the user's own function has: that of a mean where it is linear, else what its double bootstrap shows."""

from __future__ import annotations

import math

import numpy as np
import pytest

import sigmaraw as sr
from sigmaraw.contracts import Measurement
from sigmaraw.statistics import estimated_u_mode
from sigmaraw.statistics.double_bootstrap import SHARED
from sigmaraw.study.arguments import as_pipeline
from sigmaraw.study.sameness import linear_in_noise
from sigmaraw.study.scoring import FROM_DOUBLE_BOOTSTRAP
from tests.study.test_evidence import CAMERA, FRAME


def own(image: np.ndarray) -> dict[str, float]:
    """A weighted sum, which is linear; a variance, which is not; and a count."""
    values = image.astype(np.float64)
    return {
        "weighted": float((values * np.linspace(0, 1, values.shape[1])).sum()),
        "roughness": float(values.var()),
        "bright": bright(image),
    }


def bright(image: np.ndarray) -> int:
    """Return how many pixels lie above a level."""
    return int((image > 118).sum())


own.measurements = (  # type: ignore[attr-defined]
    Measurement("weighted", "DN", "w", "weighted sum"),
    Measurement("roughness", "DN", "r", "variance"),
    Measurement("bright", "1", "b", "pixels above a level", discrete=True),
)


@pytest.fixture(scope="module")
def record() -> sr.Record:
    """A study of that function."""
    return sr.validate([FRAME], CAMERA, codecs="jpegls:near=1", pipeline=own, n=40, seed=3)


def test_a_linear_function_has_the_u_mode_of_a_mean_and_others_that_of_their_double_bootstrap(record: sr.Record) -> None:
    rows = {row.measurement: row for row in record.content.results}
    assert rows["weighted"].u_mode == pytest.approx(0.025) and "linear in the noise" in rows["weighted"].u_mode_source
    for name, discrete in (("roughness", False), ("bright", True)):
        assert rows[name].u_mode_source.endswith(FROM_DOUBLE_BOOTSTRAP)
        found, deviation = rows[name].u_mode, rows[name].double_bootstrap
        assert found is not None and deviation is not None
        if discrete:  # the Monte Carlo part stays in
            assert found > math.hypot(0.066, deviation)
        else:
            assert found == pytest.approx(math.hypot(0.066, deviation), rel=1e-12)
    design = record.content.design
    assert design is not None and (design.double_bootstrap_groups, design.double_bootstrap_replicas) == (4, 20)


def test_without_a_double_bootstrap_the_largest_counts() -> None:
    found = sr.validate([FRAME], CAMERA, codecs="jpegls:near=1", pipeline=own, n=10, seed=3, mode="bootstrap:double_bootstrap_groups=0")
    rows = {row.measurement: row for row in found.content.results}
    assert rows["roughness"].u_mode == pytest.approx(0.213) and "largest of all" in rows["roughness"].u_mode_source


def test_looks_at_growing_n_know_the_same_u_mode() -> None:
    found = sr.validate([FRAME], CAMERA, codecs="jpegls:near=1", pipeline=own, n="auto:decide,max=40", seed=3)
    rows = {row.measurement: row for row in found.content.results}
    design = found.content.design
    assert design is not None and design.double_bootstrap_replicas == 20  # half of the first look's
    assert rows["roughness"].u_mode_source.endswith(FROM_DOUBLE_BOOTSTRAP) and rows["roughness"].u_mode is not None


def test_linear_is_what_is_linear_for_every_triple() -> None:
    random = np.random.default_rng(4)
    replicas = [random.poisson(200, (8, 8)).astype(np.uint16) for _ in range(12)]
    pipeline = as_pipeline(own)
    assert not isinstance(pipeline, str)
    pipeline.batch(replicas[0][np.newaxis])  # a function's measurements come with its first call
    assert linear_in_noise(pipeline, replicas).tolist() == [True, False, False]
    assert not linear_in_noise(pipeline, replicas[:9]).any()  # too few triples
    dark = [random.poisson(1.0, (8, 8)).astype(np.uint16) for _ in range(12)]
    assert not linear_in_noise(pipeline, dark).any()  # A + B − C falls below 0


def test_the_estimate_grows_with_what_the_second_spreads_differ() -> None:
    """The mean of four ln(σ*/σ), 198 and 49 degrees of freedom: SE √(1/(2·198) + 1/(4·2·49)) = 0.071, of which 2."""
    random = np.random.default_rng(5)
    raw, second = random.normal(size=(2, 100)), random.normal(size=(4, 50))
    values = [estimated_u_mode(raw, factor * second) for factor in (1.0, 1.5, 2.0)]
    se = math.sqrt(1 / (2 * 198) + 1 / (4 * 2 * 49))
    assert values == sorted(values) and values[-1] == pytest.approx(math.hypot(SHARED, math.log(2.0)), abs=2 * se)
