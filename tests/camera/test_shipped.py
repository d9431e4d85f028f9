"""The profiles in calibration/: unchanged since they were hashed, and what their table says."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest

from sigmaraw.camera import CameraProfile
from sigmaraw.files import sha256_of_file
from sigmaraw.noise.model import NoiseModel

ROOT = Path(__file__).resolve().parents[2]
PROFILES = ROOT / "calibration" / "profiles"
EXAMPLES = runpy.run_path(str(ROOT / "examples" / "07_example_profiles.py"))


def test_hashes_cover_every_profile() -> None:
    listed = dict(reversed(line.split()) for line in (PROFILES / "SHA256SUMS").read_text().splitlines())
    assert listed == {path.name: sha256_of_file(path) for path in PROFILES.glob("*.nc")}
    assert listed


def test_stated_profile_is_made_as_its_table_says() -> None:
    shipped = CameraProfile.from_netcdf(PROFILES / "stated-12bit.nc")
    again = CameraProfile.from_values(gain=0.46, offset=100, read_noise=1.6, bits=12)
    assert shipped.dataset.identical(again.dataset)


def test_profiles_stay_small() -> None:
    assert sum(path.stat().st_size for path in PROFILES.iterdir()) < 300_000
    assert {path.name for path in PROFILES.glob("example-*.nc")} == {f"example-{name}.nc" for name in (*EXAMPLES["KINDS"], "msfc-ccd")}


@pytest.mark.parametrize("name", list(EXAMPLES["KINDS"]))
def test_simulated_profiles_hold_the_truth_within_their_errors(name: str) -> None:
    kind = EXAMPLES["KINDS"][name]
    profile = CameraProfile.from_netcdf(PROFILES / f"example-{name}.nc")
    data = profile.dataset
    truths = {"gain": kind.gain, "read_noise": float(np.hypot(kind.noise, kind.columns)), "dark_current": 2.0, "prnu": 0.8, "dsnu": 1.2}
    for quantity, truth in truths.items():
        # Patterns and noise of 9984 pixels differ from their law's by 1/√(2·9984) of them.
        law = 0.0 if quantity in ("gain", "dark_current") else truth / np.sqrt(2 * 9984) * (1 + 4 * kind.tail)
        assert abs(float(data[quantity]) - truth) < 4 * np.hypot(float(data[f"{quantity}_se"]), law), quantity
    model = {"brighter-fatter-16bit": "astier", "dual-gain-12bit": "piecewise"}.get(name, "linear")
    assert data.attrs["transfer_model"] == model
    assert (profile.bits, profile.map_shape) == (kind.bits, None)
    assert NoiseModel.from_profile(profile, (7, 9)).variance(data["offset"]).ndim == 0


def test_a_simulated_profile_is_made_as_its_table_says() -> None:
    """To standard errors only: another release of NumPy may draw other numbers."""
    shipped = CameraProfile.from_netcdf(PROFILES / "example-ideal-12bit.nc").dataset
    import sigmaraw as sr

    kind = EXAMPLES["KINDS"]["ideal-12bit"]
    again = EXAMPLES["without_maps"](sr.calibrate(EXAMPLES["series"](kind)), kind.title).dataset
    assert {"gain", "level_mean", "prnu"} <= set(again.variables)
    for name in ("gain", "offset", "dark_noise", "prnu"):
        assert abs(float(shipped[name]) - float(again[name])) < 4 * 1.5 * float(again[f"{name}_se"])


def test_the_real_ccd_has_its_four_taps() -> None:
    profile = CameraProfile.from_netcdf(PROFILES / "example-msfc-ccd.nc")
    np.testing.assert_allclose(profile.dataset["tap_gain"], [0.395, 0.399, 0.395, 0.399], atol=0.001)
    assert "none of the taps" in profile.dataset.attrs["notes"]
    model = NoiseModel.from_profile(profile, (1040, 2152))
    assert np.asarray(model.offset_dn)[0, 0] == float(profile.dataset["tap_offset"][0])
