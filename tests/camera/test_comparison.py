"""Equivalence of two profiles: verdicts from the interval rule, rates over repeated calibrations, refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest

import sigmaraw as sr
from sigmaraw.camera import CameraProfile
from sigmaraw.camera.comparison import BOUNDS, Bound, compare, parse_bound, verdict
from sigmaraw.camera.dataset import SCALARS
from sigmaraw.errors import InvalidOption, ProfileMismatch
from tests.camera.simulated_cameras import gaussian_frames, series


def calibrated(seed: int, gain: float = 0.5) -> CameraProfile:
    rng = np.random.default_rng([61, seed])
    dark = gaussian_frames(rng, 0.0, gain=gain, shape=(48, 48), count=16)
    flats = [gaussian_frames(rng, e, gain=gain, shape=(48, 48), count=8) for e in np.linspace(0.06, 0.6, 9) * 4000 / gain]
    return sr.calibrate(series([dark], flats))


def stated(gain: float, u: float) -> CameraProfile:
    return CameraProfile.from_values(gain=gain, offset=100, read_noise=2.0, bits=12, gain_se=u, read_noise_se=0.001)


def test_verdict_is_the_ninety_percent_interval_against_the_bound() -> None:
    z95 = 1.6448536269514722
    for u in (0.1, 0.3):
        edge = 1.0 - z95 * u
        assert verdict(edge - 1e-9, u, 1.0) == verdict(-edge + 1e-9, u, 1.0) == "PASS"
        assert verdict(edge + 1e-9, u, 1.0) == verdict(1.0 + z95 * u - 1e-9, u, 1.0) == "INCONCLUSIVE"
        assert verdict(1.0 + z95 * u + 1e-9, u, 1.0) == verdict(-1.0 - z95 * u - 1e-9, u, 1.0) == "FAIL"
    assert verdict(math.nan, 0.1, 1.0) == verdict(0.0, math.nan, 1.0) == "INCONCLUSIVE"


def test_a_camera_at_the_bound_passes_in_one_case_of_twenty() -> None:
    """Size of the test: the truth lies on the bound, d ~ N(B, u); 4000 draws know 5 % to √(.05·.95/4000) = .34 %."""
    rng = np.random.default_rng(62)
    found = [verdict(float(d), 0.2, 1.0) for d in rng.normal(1.0, 0.2, 4000)]
    for outcome in ("PASS", "FAIL"):
        assert found.count(outcome) / 4000 == pytest.approx(0.05, abs=4 * 0.0034)


def test_the_same_camera_twice_and_one_of_other_gain() -> None:
    """SE(K) of nine levels of four pairs of 48² is .5 %: d has .7 %, and a bound of 4 % is five of that above 1.645."""
    first, again, other = calibrated(0), calibrated(1), calibrated(2, gain=0.55)
    same = {row.name: row for row in compare(again, first, {"gain": Bound(0.04)})}
    assert same["gain"].verdict == same["offset"].verdict == same["read_noise"].verdict == "PASS"
    assert "FAIL" not in {row.verdict for row in same.values()}
    changed = {row.name: row for row in compare(other, first)}
    assert changed["gain"].verdict == "FAIL"
    assert changed["gain"].difference == float(other.dataset["gain"]) - float(first.dataset["gain"])
    assert changed["gain"].u == pytest.approx(math.hypot(float(other.dataset["gain_se"]), float(first.dataset["gain_se"])))


def test_every_camera_quantity_has_a_bound_and_what_neither_knows_is_left_out() -> None:
    assert set(SCALARS) - set(BOUNDS) == {"photon_transfer_chi2"}
    rows = {row.name: row for row in compare(stated(0.4, 0.0001), stated(0.4, 0.0001))}
    assert set(rows) == {"gain", "offset", "read_noise", "dark_noise"}
    # The offset of a datasheet has no standard error: nothing is shown.
    assert {name: row.verdict for name, row in rows.items()} == {
        "gain": "PASS", "offset": "INCONCLUSIVE", "read_noise": "PASS", "dark_noise": "PASS",
    }  # fmt: skip
    assert rows["offset"].bound == pytest.approx(0.2 * 2.0 * 0.4)
    one_sided = {row.name: row.verdict for row in compare(calibrated(0), stated(0.5, 0.0001))}
    assert one_sided["dsnu"] == "INCONCLUSIVE"  # in one profile only


def test_a_bound_on_nonuniformity_near_zero_is_one_that_can_be_met() -> None:
    """The simulated pixels are alike: PRNU and DSNU are estimated as 0 or little more, and a tenth of that could never be shown."""
    first, again = calibrated(0), calibrated(1)
    rows = {row.name: row for row in compare(again, first)}
    for name, least in (("prnu", 0.05), ("dsnu", 0.1)):
        assert rows[name].bound == max(0.1 * rows[name].old, least)
        assert rows[name].old < 10 * least  # else the case shows nothing
        assert verdict(0.0, 0.5 * least, rows[name].bound) == "PASS"
    assert BOUNDS["prnu"].absolute(2.0, 1.0) == pytest.approx(0.2)
    assert parse_bound("prnu=5%")[1].absolute(0.0, 1.0) == 0.0  # as stated


def test_bounds_as_typed_and_refusals() -> None:
    assert parse_bound("gain=2%") == ("gain", Bound(0.02, "value"))
    assert parse_bound("offset=0.5") == ("offset", Bound(0.5, "unit"))
    for text in ("gain", "gain=", "gain=-1", "gain=nan%", "gain=0", "colour=1", "gain=inf"):
        with pytest.raises(InvalidOption, match="--bound"):
            parse_bound(text)
    with pytest.raises(InvalidOption):
        compare(stated(0.5, 0.1), stated(0.5, 0.1), {"gain": Bound(0.0)})
    with pytest.raises(ProfileMismatch):
        compare(stated(0.5, 0.1), CameraProfile.from_values(gain=0.5, offset=100, read_noise=2, bits=14))
