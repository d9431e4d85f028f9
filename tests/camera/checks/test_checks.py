"""Checks: rarely fire on clean series, fire on their own pitfall and on no other; a reduced form of the table in the documentation."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import sigmaraw as sr
from sigmaraw.camera import CameraProfile
from sigmaraw.camera.checks.result import LIMITS, CheckName, CheckOutcome
from sigmaraw.camera.measuring.level import measure_level
from sigmaraw.errors import InvalidProfile
from tests.camera.check_cases import make, outcomes
from tests.camera.simulated_cameras import gaussian_frames, series


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["clean", "clean, pairs", "clean, unequal pixels"])
def test_clean_series_rarely_fail(kind: str) -> None:
    """16 series: at a rate of 1 % a check fires twice in 16 with probability .011; measured over 200 seeds it is .5 % or less."""
    fired = Counter(name for seed in range(16) for name, outcome in outcomes(kind, seed).items() if outcome != "pass")
    assert all(count <= 1 for count in fired.values()), fired


@pytest.mark.slow
def test_the_worst_of_unequal_parts_rarely_fails() -> None:
    """4 series of four parts: at a rate of 1 % a check fires twice in 4 with probability .001. Parts of 320 pixels know K to 2 % only."""
    fired = Counter(name for seed in range(4) for name, outcome in outcomes("clean @ RGGB of 16x20", seed).items() if outcome != "pass")
    del fired["too-few-pairs"]
    assert all(count <= 1 for count in fired.values()), fired


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["missing-codes", "black-clipping", "white-clipping", "hidden-quantisation", "nonlinear-exposure"])
def test_a_pitfall_of_one_part_fires_its_check(kind: str) -> None:
    assert [name for name, outcome in outcomes(f"{kind} @ RGGB of 32x40", 0).items() if outcome == "fail"] == [kind]


@pytest.mark.slow
@pytest.mark.parametrize("kind", list(CheckName))
def test_each_pitfall_fires_its_own_check_and_no_other(kind: CheckName) -> None:
    """4 series: at a power of 95 % two are missed with probability .014, at 99.9 % never; one stray alarm is allowed for."""
    fired = Counter(name for seed in range(1000, 1004) for name, outcome in outcomes(kind, seed).items() if outcome == "fail")
    assert fired.pop(kind) >= 3
    assert sum(fired.values()) <= 1, fired


def test_every_check_is_reported_with_evidence_limit_and_unit(tmp_path: Path) -> None:
    profile = sr.calibrate(make(np.random.default_rng(1), "clean"))
    rows = profile.summary()["checks"]
    assert [row["name"] for row in rows] == [str(name) for name in CheckName]
    for row in rows:
        assert row["outcome"] in tuple(CheckOutcome)
        assert row["evidence"]
        assert (row["limit"], row["unit"]) == LIMITS[CheckName(row["name"])]
        assert isinstance(row["value"], float)
    back = CameraProfile.from_netcdf(profile.to_netcdf(tmp_path / "camera.nc"))
    assert back.summary()["checks"] == rows
    assert sr.CameraProfile.from_values(gain=1, offset=0, read_noise=1, bits=8).summary()["checks"] == []


def test_an_unsteady_lamp_is_not_taken_for_a_nonlinear_camera() -> None:
    """3 % from frame to frame puts levels of four frames 1.2 % off the line, more than the limit, as the lamp's scatter explains."""
    for seed in range(3):
        rows = {row["name"]: row for row in sr.calibrate(make(np.random.default_rng(seed), "strong lamp drift")).summary()["checks"]}
        assert rows["lamp-drift"]["outcome"] == "fail"
        assert rows["nonlinear-exposure"]["value"] > 0.5
        assert rows["nonlinear-exposure"]["outcome"] == "pass"


def test_too_little_is_unknown_and_maps_have_no_dark_frames() -> None:
    rng = np.random.default_rng(2)
    dark = gaussian_frames(rng, 0.0, shape=(16, 16))
    flats = [gaussian_frames(rng, e, shape=(16, 16)) for e in (500, 1500, 3000, 4500)]
    profile = sr.calibrate(series([dark], flats, flat_ms=[None] * 4))
    found = {row["name"]: row for row in profile.summary()["checks"]}
    for name in ("dark-drift", "nonlinear-exposure"):
        assert (found[name]["outcome"], found[name]["value"]) == ("unknown", None)
    assert found["too-few-levels"]["outcome"] == "fail"


@pytest.mark.parametrize(
    "text",
    ["no json", "{}", "[1]", '[{"name": "x"}]', '[{"name":"x","outcome":"fine","evidence":"","value":1,"limit":1,"unit":""}]',
     '[{"name":"x","outcome":"pass","evidence":"","value":NaN,"limit":1,"unit":""}]', "[" * 100_000],
)  # fmt: skip
def test_files_with_odd_checks_are_refused(text: str) -> None:
    profile = sr.calibrate(make(np.random.default_rng(3), "clean"))
    with pytest.raises(InvalidProfile, match="checks"):
        CameraProfile(profile.dataset.assign_attrs(checks=text))
    CameraProfile(profile.dataset.assign_attrs(checks=json.dumps(profile.summary()["checks"])))


def test_codes_that_never_occur_are_counted() -> None:
    rng = np.random.default_rng(4)
    frames = np.rint(1000 + 12 * rng.standard_normal((4, 64, 64))).astype(np.uint16)
    clean = measure_level([frames], "").evidence
    # 16384 values: codes within ±2.5 σ hold 25 or more, of which the outer .5 % are no part of it.
    assert clean.missing == 0
    assert 50 <= clean.tested <= 63
    holes = np.where(np.isin(frames, (990, 1001, 1002)), 1003, frames)
    assert measure_level([holes], "").evidence.missing == 3
    shifted = frames // 4 * 4
    assert measure_level([shifted], "").evidence.missing > 30
    # A hot pixel of 60 equal values, a few codes beyond the hill, is a hill of its own: the codes between are not missing.
    many = np.rint(1000 + 12 * rng.standard_normal((60, 20, 20))).clip(0, 1045).astype(np.uint16)
    many[:, 3, 3] = 1055
    assert measure_level([many], "").evidence.missing == 0


def test_correlation_of_neighbours_is_measured_without_bias() -> None:
    """d = a·e_i + b·e_{i+1} has correlation ab/(a² + b²); SE 1/√(pairs·MN) = .0028. Row and column offsets change nothing."""
    rng = np.random.default_rng(5)
    e = rng.standard_normal((16, 96, 165))
    smooth = 0.9 * e[:, :, 1:] + 0.3 * e[:, :, :-1]
    lines = 5 * rng.standard_normal((16, 96, 1)) + 5 * rng.standard_normal((16, 1, 164))
    frames = np.rint(2000 + 20 * (smooth + lines)).astype(np.uint16)
    level = measure_level([frames], "").evidence
    assert level.lag_x / level.lag_variance == pytest.approx(0.27 / 0.9, abs=4 * 0.0028)
    assert level.lag_y / level.lag_variance == pytest.approx(0.0, abs=4 * 0.0028)
