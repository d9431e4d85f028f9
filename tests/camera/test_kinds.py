"""Six kinds of camera: z scores of gain, noise, DSNU, PRNU and their parts against what each simulated camera really has."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from scipy.stats import norm

import sigmaraw as sr
from sigmaraw.camera.maps.nonuniformity import pattern
from sigmaraw.camera.measuring.level import measure_level
from tests.camera.simulated_cameras import series

SHAPE, LEVELS, REPEATS, DARKS = (64, 72), 20, 4, 16


@dataclass(frozen=True)
class Kind:
    """bits; K, DN/e⁻; σ_r, e⁻; tail: sd of ln σ; columns: temporal, e⁻; fixed: columns of the dark, e⁻; bend: x in e⁻ → variance in e⁻²."""

    bits: int
    gain: float
    noise: float
    tail: float = 0.0
    columns: float = 0.0
    fixed: float = 0.0
    bend: Callable[[np.ndarray], np.ndarray] = lambda electrons: electrons


A00 = -2e-6
KINDS = {
    "ideal": Kind(12, 0.5, 4.0),
    "scmos": Kind(16, 2.0, 1.6, tail=0.5),
    "low noise": Kind(12, 0.2, 2.0),  # σ_y.dark .4 DN
    "brighter-fatter": Kind(16, 0.8, 5.0, bend=lambda n: np.expm1(2 * A00 * n) / (2 * A00)),
    "dual gain": Kind(12, 0.5, 4.0, bend=lambda n: np.where(n < 2400, n, 2400 + 1.6 * (n - 2400))),
    "column noise": Kind(12, 0.5, 4.0, columns=2.0, fixed=1.5),
}


def scores(kind: Kind, seed: int) -> tuple[dict[str, float], float]:
    """z of every quantity, and of the straight line's gain. A part that is not there scores 0 where its upper limit says so."""
    rng = np.random.default_rng([81, seed, list(KINDS.values()).index(kind)])
    normal = rng.standard_normal
    sigma = kind.noise * np.exp(kind.tail * normal(SHAPE) - kind.tail**2)
    response = 1 + 0.008 * normal(SHAPE)
    response /= response.mean()
    pixels, columns = 1.2 * normal(SHAPE), kind.fixed * normal((1, SHAPE[1]))
    top, offset = (1 << kind.bits) - 1, 100.0

    def frames(electrons: float, count: int) -> np.ndarray:
        light = electrons * response
        sd = np.sqrt(kind.bend(light) + sigma**2)
        charge = light + pixels + columns + sd * normal((count, *SHAPE)) + kind.columns * normal((count, 1, SHAPE[1]))
        return np.clip(np.rint(offset + kind.gain * charge), 0, top).astype(np.uint16)

    full = (top - offset) / kind.gain
    flats = [frames(e, REPEATS) for e in np.linspace(0.03, 0.69, LEVELS) * full]
    data = sr.calibrate(series([frames(0.0, DARKS)], flats, bits=kind.bits)).dataset
    noise = math.sqrt(float((sigma**2).mean()) + kind.columns**2)
    z = {name: (float(data[name]) - truth) / float(data[f"{name}_se"]) for name, truth in
         (("gain", kind.gain), ("dark_noise", noise), ("read_noise", noise))}  # fmt: skip
    pattern = pixels + columns
    truths = {"dsnu": pattern.std(), "dsnu_column": columns.std(), "dsnu_row": 0.0, "dsnu_pixel": pixels.std(),
              "prnu": 100 * response.std(), "prnu_row": 0.0, "prnu_column": 0.0, "prnu_pixel": 100 * response.std()}  # fmt: skip
    for name, truth in truths.items():
        value, se = float(data[name]), float(data[f"{name}_se"])
        if truth == 0.0:
            # √s² with its error √u where s² is not above zero; else the square's own z.
            z[name] = 0.0 if "upper_limit" in data[name].attrs else value / (2 * se)
        else:
            z[name] = (value**2 - truth**2) / (2 * value * se)
    straight = (float(data["gain_unweighted"]) - kind.gain) / float(data["gain_unweighted_se"])
    return z, straight


@pytest.mark.slow
@pytest.mark.parametrize("name", list(KINDS))
def test_all_quantities_of_a_kind_within_their_errors(name: str) -> None:
    """5 cameras × 11 quantities × 6 kinds = 330 bounds, family-wise α = .005: |z| ≤ 4.2."""
    found = [scores(KINDS[name], seed) for seed in range(5)]
    bound = float(norm.isf(0.005 / (2 * 330)))
    for z, _ in found:
        assert all(abs(value) <= bound for value in z.values()), z
    if name in ("brighter-fatter", "dual gain"):
        assert all(abs(straight) > bound for _, straight in found)


def test_lines_that_share_noise_widen_the_error_of_a_variance() -> None:
    """Columns of 3 DN on pixels of 2 DN, 300 levels of two pairs of 30 × 24 px; SE of the ratio of standard deviations: 1/√600 = 4 %."""
    rng = np.random.default_rng(82)
    values, plain, whole = [], [], []
    for _ in range(300):
        exact = 200 + 2 * rng.standard_normal((4, 30, 24)) + 3 * rng.standard_normal((4, 1, 24))
        frames = np.rint(exact).astype(np.uint16)
        measured = measure_level([frames], "")
        level = measured.moments
        values.append(level.variance)
        plain.append(level.variance_var)
        whole.append(level.variance_var + measured.evidence.shared_variance_var / level.n_pairs)
    true = np.std(values, ddof=1)
    assert true > 2 * math.sqrt(np.mean(plain))
    assert math.sqrt(np.mean(whole)) / true == pytest.approx(1.0, abs=4 * 0.041)


def test_rounding_leaves_its_uncertainty_in_a_small_pattern() -> None:
    """σ = .3 DN, s = .2 DN on a whole DN: the mean of rounded values shows another pattern, and the error says so."""
    rng = np.random.default_rng(83)
    mean = 100 + 0.2 * rng.standard_normal((120, 120))
    frames = np.rint(mean + 0.3 * rng.standard_normal((64, 120, 120))).astype(np.uint16)
    level = measure_level([frames], "")
    found = pattern(level.pixels.mean(), level.pixels.variance(), len(frames), level.evidence.lines).variance["total"]
    assert abs(found.value - mean.var()) > 0.15 * mean.var()
    assert abs(found.value - mean.var()) < 2.5 * found.se
