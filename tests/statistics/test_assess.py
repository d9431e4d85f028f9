"""The verdict: error rates at the margin, and each edge case of the sampling design."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sigmaraw.errors import InvalidOption, UndefinedStatistic
from sigmaraw.statistics import Assessment, Limits, Reason, RowLimits, assess, measure, null_flag_rate, pooled_spread, step_of
from tests.statistics.proportions import at_most


def judge(raw: np.ndarray, decoded: np.ndarray, group: int = 1, **settings: object) -> Assessment:
    chi = {"chi_raw": float(raw[group, 0]), "chi_codec": float(decoded[0]), "discrete": False, **settings}
    return assess(raw=raw, group=group, decoded=decoded, **chi)  # type: ignore[arg-type]  # keyword values differ in type


# --- error rates ------------------------------------------------------------------------------------------------------
def rates(epsilon: float, noise: float, n: int, runs: int, counts: float = 0.0, **settings: object) -> dict[str, float]:
    """Share of verdicts for D ~ N(ε, noise²) σ_raw; with `counts` the raw predictions are Poisson of that mean.

    All runs at once by `measure`; test_one_row_is_judged_as_many_are binds it to `assess`.
    """
    rng = np.random.default_rng([int(100 * epsilon), int(100 * noise), n, int(10 * counts)])
    limits = settings.pop("limits", Limits())
    assert isinstance(limits, Limits)
    sigma = math.sqrt(counts) if counts else 1.0
    raw = rng.poisson(counts, (runs, 5, n)).astype(float) if counts else rng.normal(size=(runs, 5, n))
    decoded = raw[:, 1] + sigma * (epsilon + noise * rng.normal(size=(runs, n)))
    scale = limits.margin or 1.0
    step = 1.0 if counts else math.nan
    u_relative = float(settings.pop("u_mode", 0.0))  # type: ignore[arg-type]
    evidence = measure(raw, decoded, 1, step=step, discrete=bool(counts), u_relative=u_relative, in_unit=limits.margin is not None)
    row_limits = RowLimits(limits.k * scale, limits.spread, limits.rms * scale)
    passed, failed = evidence.inside(row_limits).all(axis=0), evidence.beyond(row_limits).any(axis=0)
    return {"PASS": passed.mean(), "FAIL": failed.mean(), "INCONCLUSIVE": 1.0 - passed.mean() - failed.mean()}


@pytest.mark.parametrize("margin", [None, 0.8])
@pytest.mark.parametrize("discrete", [False, True])
def test_one_row_is_judged_as_many_are(discrete: bool, margin: float | None) -> None:
    rng = np.random.default_rng(21)
    raw = rng.poisson(2.0, (60, 3, 40)).astype(float) if discrete else rng.normal(size=(60, 3, 40))
    change = rng.poisson(0.3, (60, 40)) if discrete else rng.normal(size=(60, 40))
    decoded = raw[:, 1] + np.linspace(0.0, 5.0, 60)[:, None] * change
    limits = Limits(margin=margin)
    steps = np.array([step_of(a, b, discrete) for a, b in zip(raw, decoded, strict=True)])
    evidence = measure(raw, decoded, 1, step=steps, discrete=discrete, u_relative=0.1, in_unit=margin is not None)
    row_limits = RowLimits(margin or limits.k, limits.spread, limits.rms * (margin or 1.0))
    passed, failed = evidence.inside(row_limits).all(axis=0), evidence.beyond(row_limits).any(axis=0)
    found = [judge(a, b, discrete=discrete, limits=limits, u_mode=0.1, independent=False) for a, b in zip(raw, decoded, strict=True)]
    expected = ["PASS" if p else "FAIL" if f else "INCONCLUSIVE" for p, f in zip(passed, failed, strict=True)]
    expected[0] = "PASS"  # no difference at all
    assert [one.verdict for one in found] == expected
    assert {"PASS", "FAIL", "INCONCLUSIVE"} == set(expected)


@pytest.mark.requirement("R-VERDICT")
@pytest.mark.parametrize(("n", "noise"), [(20, 0.0), (20, 0.4), (100, 0.0), (100, 0.4)])
def test_a_shift_at_the_limit_rarely_passes_and_rarely_fails(n: int, noise: float) -> None:
    runs = 1000
    found = rates(1.0, noise, n, runs, limits=Limits(rms=3.0))  # rms wide: the shift alone is judged
    assert found["PASS"] <= at_most(0.05, runs)
    assert found["FAIL"] <= at_most(0.06 if n == 20 else 0.05, runs)  # two more errors from the spread ratio's limits at N = 20


@pytest.mark.requirement("R-VERDICT")
def test_rare_counts_at_the_limit_rarely_pass() -> None:
    runs = 1000
    found = rates(1.0, 0.0, 100, runs, counts=0.1)
    assert found["PASS"] <= at_most(0.05, runs)
    assert found["FAIL"] <= at_most(0.08, runs)


def test_default_limits_at_their_edge() -> None:
    runs = 1000
    found = rates(0.6, 0.8, 50, runs, limits=Limits(spread=3.0))  # RMS(D) = σ_raw exactly
    assert found["PASS"] <= at_most(0.05, runs)
    assert found["FAIL"] <= at_most(0.05, runs)


@pytest.mark.requirement("R-VERDICT")
def test_clear_cases_are_decided() -> None:
    assert rates(0.2, 0.1, 100, 200)["PASS"] == 1.0
    assert rates(2.0, 0.1, 100, 200)["FAIL"] == 1.0


@pytest.mark.requirement("R-VERDICT")
def test_spread_at_its_limit_rarely_passes() -> None:
    rng = np.random.default_rng(3)
    runs = 1000
    raw = rng.normal(size=(runs, 5, 100))
    decoded = 0.6 * raw[:, 1] + math.sqrt(0.64 - 0.36) * rng.normal(size=(runs, 100))
    evidence = measure(raw, decoded, 1)
    assert evidence.inside(RowLimits(rms=5.0)).all(axis=0).mean() <= at_most(0.05, runs)
    assert evidence.beyond(RowLimits(rms=5.0)).any(axis=0).mean() <= at_most(0.05, runs)


@pytest.mark.requirement("R-VERDICT")
@pytest.mark.parametrize("n", [20, 200])
def test_unbiased_noise_of_three_sigma_never_passes(n: int) -> None:
    found = rates(0.0, 3.0, n, 300)
    assert found["PASS"] == 0.0
    assert found["FAIL"] >= (0.9 if n == 20 else 1.0)  # at n = 20 the guards leave some undecided
    # The RMS part alone: 3σ is 1.1 in the logarithm beyond its limit, the guarded reach at N = 20 about half of that.
    alone = rates(0.0, 3.0, n, 300, limits=Limits(spread=100.0))
    assert (alone["PASS"], alone["FAIL"] >= 0.8) == (0.0, True)


@pytest.mark.requirement("R-VERDICT")
def test_a_wrong_sigma_needs_its_uncertainty_in_the_guard_band() -> None:
    """σ_raw 13 % too large, ε = 1.1: endless replicas pass it with certainty unless u_mode says so (SCIENCE 2.3)."""
    blind = rates(1.1 / 1.13, 0.0, 2000, 60)
    aware = rates(1.1 / 1.13, 0.0, 2000, 60, u_mode=0.13)
    assert blind["PASS"] > 0.5
    assert aware["PASS"] == 0.0


def test_null_flag_rate_is_48_percent_for_single_frames() -> None:
    rng = np.random.default_rng(4)
    # Feature mean over an independent frame and re-acquisition in each of 200 trials, σ_raw from its own replicas.
    flagged = 0
    reported = []
    for _ in range(200):
        raw = rng.normal(size=(5, 50))
        found = judge(raw, raw[1], chi_raw=rng.normal(), chi_codec=rng.normal())
        flagged += abs(found.epsilon) > 1
        reported.append(found.null_flag_rate)
    assert abs(flagged / 200 - 0.4795) <= 0.10  # 3 SE = .106
    assert abs(np.mean(reported) - 0.4795) < 0.01


def test_null_flag_rate_equals_all_pairs() -> None:
    raw = np.random.default_rng(5).poisson(2.0, (3, 11)).astype(float)
    sigma = pooled_spread(raw).value
    flat = raw.ravel()
    pairs = [abs(flat[i] - flat[j]) > sigma for i in range(flat.size) for j in range(i)]
    assert null_flag_rate(raw, sigma) == pytest.approx(np.mean(pairs), rel=1e-12)


# --- identical and without noise --------------------------------------------------------------------------------------
@pytest.mark.parametrize("constant", [False, True])
@pytest.mark.parametrize("discrete", [False, True])
@pytest.mark.requirement("R-IDENTICAL")
def test_lossless_is_identical_exactly(constant: bool, discrete: bool) -> None:
    raw = np.full((3, 20), 0.1) if constant else np.random.default_rng(6).poisson(5.0, (3, 20)) / 3.0
    found = judge(raw, raw[1].copy(), discrete=discrete)
    assert (found.verdict, found.reason, str(found.reason)) == ("PASS", Reason.IDENTICAL, "identical")
    assert (found.epsilon, found.epsilon_hat, found.epsilon_hat_ci, found.u, found.rms_d, found.rms_d_upper) == (
        0.0,
        0.0,
        (0.0, 0.0),
        0.0,
        0.0,
        0.0,
    )
    assert (found.spread_ratio, found.spread_ratio_ci) == (1.0, (1.0, 1.0))
    assert (found.sigma_raw == 0.0) is constant
    assert found.undefined == ()
    if constant:
        assert (found.centre_shift, found.null_flag_rate) == (0.0, 0.0)


def test_replicas_unchanged_but_the_frame_changed() -> None:
    raw = np.random.default_rng(7).normal(size=(3, 50))
    sigma = pooled_spread(raw).value
    near = judge(raw, raw[1], chi_raw=0.0, chi_codec=0.5 * sigma)
    far = judge(raw, raw[1], chi_raw=0.0, chi_codec=-4.0 * sigma)
    assert (near.verdict, near.reason, near.epsilon, near.epsilon_hat) == ("PASS", Reason.WITHIN_LIMITS, pytest.approx(0.5), 0.0)
    assert (far.verdict, far.reason, far.epsilon) == ("INCONCLUSIVE", Reason.FRAME_DIFFERS, pytest.approx(-4.0))
    flat = np.full((3, 50), 4.0)
    assert judge(flat, flat[1], chi_codec=5.0).reason is Reason.NO_RAW_VARIATION
    assert judge(flat, flat[1], chi_codec=5.0).verdict == "FAIL"
    assert judge(flat, flat[1], chi_codec=5.0, limits=Limits(margin=2.0)).verdict == "PASS"
    assert judge(flat, flat[1], chi_codec=9.0, limits=Limits(margin=2.0)).reason is Reason.FRAME_DIFFERS


@pytest.mark.requirement("R-IDENTICAL")
def test_no_raw_variation_fails_unless_a_margin_is_given() -> None:
    raw = np.full((3, 30), 7.0)
    decoded = raw[1] + (np.arange(30) == 3)
    found = judge(raw, decoded, chi_codec=7.0, discrete=True)
    assert (found.verdict, found.reason) == ("FAIL", Reason.NO_RAW_VARIATION)
    assert math.isnan(found.epsilon_hat)
    assert {entry.field for entry in found.undefined} >= {"epsilon", "epsilon_hat", "u", "spread_ratio", "rms_d"}
    shifted = raw[1] + 1.0
    assert judge(raw, shifted, discrete=True, limits=Limits(margin=2.0)).verdict == "PASS"
    assert judge(raw, shifted, discrete=True, limits=Limits(margin=0.5)).reason is Reason.SHIFT_BEYOND
    assert judge(raw, shifted, discrete=True, limits=Limits(margin=2.0)).shift == 1.0


@pytest.mark.requirement("R-VERDICT")
def test_a_margin_replaces_sigma_raw() -> None:
    rng = np.random.default_rng(8)
    raw = rng.normal(100.0, 0.01, (5, 100))
    decoded = raw[1] + 0.05
    assert judge(raw, decoded).verdict == "FAIL"  # 5 σ_raw
    found = judge(raw, decoded, limits=Limits(margin=0.1))
    assert found.verdict == "PASS"
    assert found.limit == pytest.approx(0.1 / found.sigma_raw)
    assert judge(raw, decoded, limits=Limits(margin=0.04)).reason is Reason.SHIFT_BEYOND
    noisy = rng.normal(100.0, 0.01, (5, 100))
    loud = noisy[1] + rng.normal(0.0, 1.0, 100)
    assert judge(noisy, loud, limits=Limits(margin=0.5, spread=1e6)).reason is Reason.RMS_BEYOND


@pytest.mark.requirement("R-VERDICT")
def test_margin_error_rates_at_the_limit() -> None:
    runs = 1000
    found = rates(1.0, 0.4, 50, runs, limits=Limits(margin=1.0, rms=3.0))
    assert found["PASS"] <= at_most(0.05, runs)
    assert found["FAIL"] <= at_most(0.05, runs)


def test_own_group_without_variation_leaves_the_ratio_undefined() -> None:
    raw = np.zeros((3, 20))
    raw[0, 3] = raw[2, 5] = 1.0
    decoded = raw[1].copy()
    decoded[4] = 1.0
    found = judge(raw, decoded, discrete=True, chi_codec=0.0)
    assert math.isnan(found.spread_ratio)
    assert [entry.field for entry in found.undefined if entry.reason is Reason.SPREAD_UNDEFINED] == ["spread_ratio", "spread_ratio_ci"]
    assert found.verdict == "INCONCLUSIVE"


# --- undefined predictions --------------------------------------------------------------------------------------------
@pytest.mark.requirement("R-UNDEFINED")
def test_undefined_predictions_are_counted_and_never_dropped() -> None:
    raw = np.random.default_rng(9).normal(size=(4, 25))
    decoded = raw[1] + 0.1
    holes = decoded.copy()
    holes[[3, 9, 20]] = np.nan
    found = judge(raw, holes)
    assert (found.verdict, found.reason) == ("INCONCLUSIVE", Reason.CODEC_UNDEFINED)
    assert math.isnan(found.epsilon_hat)
    assert math.isnan(found.epsilon)
    assert math.isfinite(found.sigma_raw)
    assert {entry.field: entry.count for entry in found.undefined}["epsilon_hat"] == 3
    assert found.ks is None
    assert found.ks_null is not None
    other = raw.copy()
    other[3, 7] = np.nan  # in the pool, though in another codec's group
    found = judge(other, decoded)
    assert (found.verdict, found.reason) == ("INCONCLUSIVE", Reason.RAW_UNDEFINED)
    assert math.isnan(found.sigma_raw)
    assert {entry.field: (entry.reason, entry.count) for entry in found.undefined}["sigma_raw"] == (Reason.RAW_UNDEFINED, 1)
    same = judge(other, other[1], group=1, pixels_identical=True)
    assert (same.verdict, same.reason) == ("PASS", Reason.IDENTICAL) and math.isnan(same.epsilon_hat) and same.undefined == found.undefined
    assert judge(other, other[1], pixels_identical=False).verdict == judge(other, other[1]).verdict == "INCONCLUSIVE"
    assert judge(other, decoded, pixels_identical=True).verdict == "INCONCLUSIVE", "a model that answers the same pixels in two ways"
    frame = judge(raw, decoded, chi_codec=math.nan)
    assert (frame.verdict, frame.reason) == ("INCONCLUSIVE", Reason.CODEC_UNDEFINED)
    assert math.isfinite(frame.epsilon_hat)
    assert [(field, count) for field, _, count in frame.undefined] == [("epsilon", 1)]


@pytest.mark.requirement("R-UNDEFINED")
@pytest.mark.parametrize("where", ["decoded", "own", "other", "zero", "chi_raw", "chi_codec"])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_every_missing_number_has_a_reason(where: str, value: float) -> None:
    raw = np.random.default_rng(10).normal(size=(4, 25))
    decoded = raw[1] + 0.1
    chi: dict[str, float] = {"chi_raw": 0.0, "chi_codec": 0.1}
    if where == "decoded":
        decoded[2] = value
    elif where in chi:
        chi[where] = value
    else:
        raw[{"own": 1, "other": 3, "zero": 0}[where], 2] = value
    found = judge(raw, decoded, **chi)
    named = {entry.field for entry in found.undefined}
    missing = set()
    for field, held in vars(found).items():
        values = held if isinstance(held, tuple) and field.endswith("_ci") else (held,)
        if held is None or any(isinstance(v, float) and not math.isfinite(v) for v in values):
            missing.add(field)
    assert found.verdict == "INCONCLUSIVE"
    assert missing - {"shift", "u_shift", "dof_shift", "rms_shift_upper"} == named


def test_a_shift_that_rounding_blurs_leaves_the_spread_as_it_was() -> None:
    raw = np.random.default_rng(15).normal(0.1, 1.0, (5, 60))
    decoded = raw[1] + math.sqrt(0.1)  # (x + c) − x is c only to rounding
    assert (decoded - raw[1]).std() > 0.0
    found = judge(raw, decoded, independent=False)
    assert (found.spread_ratio, found.spread_ratio_ci) == (1.0, (1.0, 1.0))
    counts = np.random.default_rng(15).poisson(0.1, (5, 60)).astype(float)
    found = judge(counts, counts[1] + 1.0, discrete=True, independent=False)
    assert found.spread_ratio == 1.0
    assert found.spread_ratio_ci[0] < 1.0 < found.spread_ratio_ci[1]  # 60 equal changes of a count do not prove the 61st


# --- design -----------------------------------------------------------------------------------------------------------
def test_ks_compares_with_raw_group_zero_and_is_not_available_without_independence() -> None:
    rng = np.random.default_rng(11)
    raw = rng.normal(size=(3, 100))
    raw[0] += 5.0  # group 0 alone is elsewhere
    found = judge(raw, raw[1] + 5.0, group=1)
    assert found.ks is not None
    assert found.ks_null is not None
    assert found.ks.p > 1e-4
    assert found.ks_null.p < 1e-20
    for paired in (judge(raw, raw[1], independent=False), judge(raw, raw[0], group=0)):
        assert paired.ks is None
        assert {entry.field for entry in paired.undefined if entry.reason is Reason.NOT_INDEPENDENT} == {"ks", "ks_null"}


@pytest.mark.parametrize("n", [2, 3, 4])
@pytest.mark.parametrize("discrete", [False, True])
def test_very_few_replicas_are_inconclusive_and_do_not_crash(n: int, discrete: bool) -> None:
    rng = np.random.default_rng(12)
    for groups in (1, 3):
        for _ in range(30):
            raw = rng.normal(size=(groups, n)).round(1)
            found = judge(raw, raw[0] + rng.normal(size=n).round(1) * 0.5, group=0, discrete=discrete, independent=False)
            assert found.verdict in ("INCONCLUSIVE", "FAIL")


def test_extreme_scales_give_finite_scores() -> None:
    rng = np.random.default_rng(13)
    base = rng.normal(size=(3, 40))
    decoded = base[1] + 0.3 * rng.normal(size=40)
    reference = judge(base, decoded)
    for scale in (1e-12, 1e12):
        found = judge(base * scale, decoded * scale)
        assert (found.epsilon_hat, found.u, *found.spread_ratio_ci) == pytest.approx(
            (reference.epsilon_hat, reference.u, *reference.spread_ratio_ci), rel=1e-9
        )
        assert found.verdict == reference.verdict


def test_refusals() -> None:
    raw = np.random.default_rng(14).normal(size=(3, 10))
    for rows, decoded, group in ((raw[:, :1], raw[1, :1], 1), (raw, raw[1, :9], 1), (raw, raw[1], 3), (raw, raw[1], -1)):
        with pytest.raises(UndefinedStatistic):
            assess(chi_raw=0.0, chi_codec=0.0, raw=rows, group=group, decoded=decoded, discrete=False)
    for bad in ({"k": 0.0}, {"spread": 1.0}, {"rms": -1.0}, {"margin": 0.0}, {"k": math.nan}, {"margin": math.inf}):
        with pytest.raises(InvalidOption):
            Limits(**bad)


def test_every_reason_explains_itself() -> None:
    assert all(len(reason.help.split()) > 5 for reason in Reason)
    assert len({reason.help for reason in Reason}) == len(Reason)


@pytest.mark.parametrize("discrete", [False, True])
def test_a_spread_factor_scales_sigma_raw_and_what_is_measured_in_it(discrete: bool) -> None:
    """σ_raw, its interval and the RMS shift follow the factor; D, KS, spread ratio and null flag rate are the replicas' own."""
    rng = np.random.default_rng(11)
    raw = rng.normal(50, 2.0, size=(3, 80)).round() if discrete else rng.normal(50, 2.0, size=(3, 80))
    decoded = raw[1] + (rng.integers(0, 3, 80) if discrete else rng.normal(1.0, 0.5, 80))
    plain, scaled = (judge(raw, decoded, discrete=discrete, spread_factor=factor, u_mode=0.1) for factor in (1.0, 1.25))
    assert (plain.spread_factor, scaled.spread_factor) == (1.0, 1.25)
    assert scaled.sigma_raw == pytest.approx(1.25 * plain.sigma_raw)
    assert scaled.sigma_raw_ci == pytest.approx([1.25 * end for end in plain.sigma_raw_ci])
    for field in ("epsilon_hat", "rms_d", "centre_shift", "epsilon"):
        assert getattr(scaled, field) == pytest.approx(getattr(plain, field) / 1.25)
    assert scaled.u == pytest.approx(plain.u / 1.25)
    assert scaled.dof == pytest.approx(plain.dof)
    assert scaled.null_flag_rate == pytest.approx(plain.null_flag_rate)
    for field in ("spread_ratio", "spread_ratio_ci", "shift", "ks", "ks_null", "method"):
        assert getattr(scaled, field) == getattr(plain, field)
