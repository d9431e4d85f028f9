"""The watch's tests, with few runs; tests/watch/acceptance.py has the full counts."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate, stats

from sigmaraw.errors import InvalidOption, UndefinedStatistic
from sigmaraw.watch import ConformalMartingale, OnlineMmd, Projection, log_exceedance_evidence, mmd_test
from sigmaraw.watch.mmd import kernel, median_distance
from sigmaraw.watch.online import mean_run_time, statistics, statistics_of_draws
from sigmaraw.watch.sequential import POWERS, Strangeness
from tests.watch.acceptance import offline_size


def test_mmd_is_its_definition() -> None:
    random = np.random.default_rng(0)
    x, y = random.standard_normal((7, 3)), random.standard_normal((5, 3)) + 0.5
    found = mmd_test(x, y, permutations=19)
    pooled = np.concatenate([x, y])
    scaled = (pooled - pooled.mean(axis=0)) / pooled.std(axis=0)
    a, b = scaled[:7], scaled[7:]
    sigma = median_distance(scaled)

    def k(u: np.ndarray, v: np.ndarray) -> float:
        return math.exp(-float(((u - v) ** 2).sum()) / (2 * sigma**2))

    inside_a = sum(k(u, v) for i, u in enumerate(a) for j, v in enumerate(a) if i != j) / (7 * 6)
    inside_b = sum(k(u, v) for i, u in enumerate(b) for j, v in enumerate(b) if i != j) / (5 * 4)
    across = sum(k(u, v) for u in a for v in b) / 35
    assert found.statistic == pytest.approx(inside_a + inside_b - 2 * across, rel=1e-9)
    assert found.bandwidth == pytest.approx(sigma, rel=1e-12)


def test_an_image_is_the_unit() -> None:
    random = np.random.default_rng(1)
    x, y = random.standard_normal((10, 2)), random.standard_normal((8, 2))
    names = [f"a{k}" for k in range(10)], [f"b{k}" for k in range(8)]
    alone = mmd_test(x, y, *names)
    copied = mmd_test(x, np.concatenate([y, np.repeat(y[:1], 40, axis=0)]), names[0], [*names[1], *["b0"] * 40])
    assert (copied.statistic, copied.p) == (pytest.approx(alone.statistic, rel=1e-9), alone.p)
    with pytest.raises(UndefinedStatistic, match="'a0' is in both"):
        mmd_test(x, y, names[0], ["a0", *names[1][1:]])
    with pytest.raises(UndefinedStatistic, match="images"):
        mmd_test(x, y[:3])


@pytest.mark.parametrize("duplicated", [False, True])
def test_offline_size(duplicated: bool) -> None:
    runs = 150
    found = offline_size(runs, duplicated)
    assert abs(found["share"] - 0.05) <= 3.5 * math.sqrt(0.05 * 0.95 / runs)


def _reference(count: int = 600, dims: int = 4) -> np.ndarray:
    return np.random.default_rng(2).standard_normal((count, dims))


def test_the_online_statistic_is_its_definition_by_both_ways() -> None:
    detector = OnlineMmd.calibrated(_reference(80), 5, 20, runs=50)
    stream = np.random.default_rng(3).standard_normal((12, 4))
    running = detector.started()
    one_by_one = [running.add(row) for row in stream]
    assert one_by_one[:4] == [None] * 4
    scaled = (stream - detector.centre) / detector.spread
    together = statistics(detector.reference, scaled[None], detector.bandwidth, 5)[0]
    slow = []
    for end in range(5, 13):
        w, x, s = scaled[end - 5 : end], detector.reference, detector.bandwidth
        slow.append(kernel(w, w, s).mean() - 2 * kernel(w, x, s).mean() + kernel(x, x, s).mean())
    assert one_by_one[4:] == pytest.approx(slow, abs=1e-12)
    assert together == pytest.approx(slow, abs=1e-12)
    drawn = np.random.default_rng(4).integers(12, size=(3, 9))
    by_number = statistics_of_draws(detector.reference, scaled, drawn, detector.bandwidth, 5)
    assert by_number == pytest.approx(statistics(detector.reference, scaled[drawn], detector.bandwidth, 5), abs=1e-12)


@pytest.mark.parametrize("wanted", [32.0, 64.0])
def test_null_run_time_is_the_set_one(wanted: float) -> None:
    runs = 100
    detector = OnlineMmd.calibrated(_reference(1500), 10, wanted, seed=4, runs=2000)
    streams = np.random.default_rng(5).standard_normal((runs, int(5 * wanted), 4))
    values = statistics(detector.reference, (streams - detector.centre) / detector.spread, detector.bandwidth, 10)
    measured = mean_run_time(values, detector.threshold, 10)
    # SE of the mean of an exponential time after the window: (R − W)/√runs, for these runs and for the calibration's; reference: 3 %.
    se = (wanted - 10) * math.sqrt(1 / runs + 1 / 2000) + 0.03 * wanted
    assert abs(measured - wanted) <= 3 * se


def test_a_change_is_found_online_and_a_greater_one_sooner() -> None:
    detector = OnlineMmd.calibrated(_reference(), 10, 128, seed=4, runs=500)
    delays = []
    for shift in (1.0, 3.0):
        running = detector.started()
        random = np.random.default_rng(6)
        for row in random.standard_normal((10, 4)):
            running.add(row)
        values = (running.add(row) for row in random.standard_normal((60, 4)) + shift)
        delays.append(next(k + 1 for k, value in enumerate(values) if value is not None and value > detector.threshold))
    assert delays[1] < delays[0] <= 20


def test_too_little_reference_is_refused() -> None:
    with pytest.raises(InvalidOption, match="4 windows"):
        OnlineMmd.calibrated(_reference(30), 10, 100)
    with pytest.raises(InvalidOption, match="run time"):
        OnlineMmd.calibrated(_reference(100), 10, 11)


def test_p_values_of_the_martingale_are_uniform_and_its_bets_fair() -> None:
    for power in POWERS:
        assert integrate.quad(lambda p, e=power: e * p ** (e - 1), 0, 1)[0] == pytest.approx(1, rel=1e-6)
    random = np.random.default_rng(7)
    scores = random.integers(0, 5, 400).astype(float)  # with many ties
    martingale = ConformalMartingale(scores[:100], seed=1)
    p = []
    for score in random.integers(0, 5, 3000).astype(float):
        martingale._seen += 1  # what `add` does: each p has a random part of its own
        p.append(martingale._p_value(score))
    assert min(p) > 0 and max(p) <= 1
    assert stats.kstest(p, "uniform").pvalue > 1e-3
    assert abs(np.corrcoef(p[1:], p[:-1])[0, 1]) <= 3.5 / math.sqrt(len(p))


def test_the_martingale_is_its_definition() -> None:
    random = np.random.default_rng(8)
    past, new = random.standard_normal(50), random.standard_normal(6) + 2
    martingale = ConformalMartingale(past, seed=3)
    found = [math.exp(martingale.add(score)) for score in new]
    seen, p = list(past), []
    for t, score in enumerate(new):
        seen.append(score)
        u = 1 - np.random.default_rng([3, t + 1]).random()
        p.append((sum(s > score for s in seen) + u * sum(s == score for s in seen)) / len(seen))
    for t in range(1, 7):
        mixed = sum(np.mean([np.prod([e * q ** (e - 1) for q in p[k - 1 : t]]) for e in POWERS]) / (k * (k + 1)) for k in range(1, t + 1))
        assert found[t - 1] == pytest.approx(mixed + 1 / (t + 1), rel=1e-9)


def test_the_martingale_never_alarms_more_often_than_alpha() -> None:
    runs, frames, alpha = 60, 300, 0.2
    random = np.random.default_rng(9)
    alarms = 0
    for run in range(runs):
        martingale = ConformalMartingale(random.standard_normal(40), run)
        alarms += any(martingale.add(score) >= -math.log(alpha) for score in random.standard_normal(frames))
    assert alarms / runs <= alpha + 3 * math.sqrt(alpha * (1 - alpha) / runs)


def test_a_change_after_a_long_quiet_time_is_found_within_few_frames() -> None:
    random = np.random.default_rng(10)
    martingale = ConformalMartingale(random.standard_normal(100), 0)
    assert all(martingale.add(score) < math.log(100) for score in random.standard_normal(2000))
    assert any(martingale.add(score) >= math.log(100) for score in random.standard_normal(20) + 6)


@pytest.mark.parametrize(("s", "n", "share"), [(0, 0, 0.1), (3, 20, 0.1), (9, 30, 0.05), (0, 50, 0.2)])
def test_exceedance_evidence_is_its_integral_and_an_e_value(s: int, n: int, share: float) -> None:
    def likelihood(t: float, exceeded: int) -> float:
        return float(t**exceeded * (1 - t) ** (n - exceeded))

    expected = integrate.quad(lambda t: likelihood(t, s), share, 1, epsabs=0)[0] / (1 - share) / likelihood(share, s)
    assert math.exp(log_exceedance_evidence(s, n, share)) == pytest.approx(expected, rel=1e-6)
    mean = sum(math.comb(n, k) * likelihood(share, k) * math.exp(log_exceedance_evidence(k, n, share)) for k in range(n + 1))
    assert mean == pytest.approx(1.0, rel=1e-9), "at the edge of the null its mean is 1"


def test_strangeness_is_mahalanobis_distance() -> None:
    random = np.random.default_rng(11)
    mixing = np.array([[1.0, 0.9], [0.0, 0.3]])
    points = random.standard_normal((20000, 2)) @ mixing
    strange = Strangeness(np.column_stack([points, np.full(len(points), 7.0)]))
    inverse = np.linalg.inv(mixing.T @ mixing)
    for point in ([1.0, 0.0], [0.5, -1.0]):
        expected = math.sqrt(np.array(point) @ inverse @ point)
        # In whitened axes the mean errs by 1/√n, and the spread along the point by d/√(2n).
        se = math.sqrt(1 / len(points) + expected**2 / (2 * len(points)))
        assert strange(np.array([*point, 7.0])) == pytest.approx(expected, abs=4 * se)


def test_projection_is_pca_and_new_images_move_nothing() -> None:
    random = np.random.default_rng(12)
    features = random.standard_normal((60, 5)) @ random.standard_normal((5, 5))
    names = [f"image {k}" for k in range(60)]
    fitted = Projection.fitted(features, names)
    before = fitted(features)
    covariance = np.corrcoef(features, rowvar=False)
    assert before.var(axis=0, ddof=1) == pytest.approx(np.sort(np.linalg.eigvalsh(covariance))[::-1][:2], rel=1e-9)
    outlier = 100 * np.ones((1, 5))
    assert np.array_equal(fitted(np.concatenate([features, outlier]))[:60], before)
    with pytest.raises(InvalidOption, match="'image 7' of the reference is named as corrupted"):
        Projection.fitted(features, names, corrupted=["image 7", "image 99"])
