"""Every registered metric passes the conformance suite that an extension's author calls, and the suite finds what breaks it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sigmaraw import registry
from sigmaraw.contracts import Metric
from sigmaraw.errors import ShapeMismatch
from sigmaraw.testing import check_metric


@pytest.mark.parametrize("name", registry.names(registry.METRICS))
def test_registered_metrics_conform(name: str) -> None:
    metric = registry.load(registry.METRICS, name)()
    assert metric.name == name
    check_metric(metric)


class Bias(Metric):
    name, unit, definition = "bias", "DN", "mean of test - reference"

    def __call__(self, reference: Any, test: Any) -> float:
        if reference.shape != test.shape:
            raise ShapeMismatch("two shapes", "one", "compare one frame")
        return float(np.mean(test.astype(np.float64) - reference))


class Silent(Bias):
    unit = ""


class Elsewhere(Bias):
    compares = "colours"  # type: ignore[assignment]


class Integer(Bias):
    def __call__(self, reference: Any, test: Any) -> Any:
        return int(1000 * super().__call__(reference, test))


class Meddler(Bias):
    def __call__(self, reference: Any, test: Any) -> float:
        value = super().__call__(reference, test)
        reference[..., 0] = 0
        return value


class Random(Bias):
    def __call__(self, reference: Any, test: Any) -> float:
        return super().__call__(reference, test) + float(np.random.default_rng().random())


class Layout(Bias):
    def __call__(self, reference: Any, test: Any) -> float:
        return super().__call__(reference, test) + (0.0 if test.flags.c_contiguous else 1e-12)


class Constant(Bias):
    def __call__(self, reference: Any, test: Any) -> float:
        return 0.0 * super().__call__(reference, test)


class Undefined(Bias):
    def __call__(self, reference: Any, test: Any) -> float:
        return float("nan") if np.array_equal(reference, test) else super().__call__(reference, test)


class Broadcasts(Bias):
    def __call__(self, reference: Any, test: Any) -> float:
        size = min(reference.shape[-1], test.shape[-1])
        return float(np.mean(test[..., :size].astype(np.float64) - reference[..., :size]))


def test_the_suite_passes_what_keeps_the_contract() -> None:
    check_metric(Bias())


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (Silent, "states no unit"),
        (Elsewhere, "neither images nor masks"),
        (Integer, "not a float"),
        (Meddler, "changes an array"),
        (Random, "another value twice"),
        (Layout, "from a view"),
        (Constant, "does not tell equal arrays"),
        (Undefined, "not defined for equal arrays"),
        (Broadcasts, "without a word"),
    ],
)
def test_the_suite_finds_what_breaks_it(wrong: type[Metric], words: str) -> None:
    with pytest.raises(AssertionError, match=words):
        check_metric(wrong())
