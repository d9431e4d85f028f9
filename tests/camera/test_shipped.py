"""The profiles in calibration/: unchanged since they were hashed, and what their table says."""

from __future__ import annotations

from pathlib import Path

from sigmaraw.camera import CameraProfile
from sigmaraw.files import sha256_of_file

PROFILES = Path(__file__).resolve().parents[2] / "calibration" / "profiles"


def test_hashes_cover_every_profile() -> None:
    listed = dict(reversed(line.split()) for line in (PROFILES / "SHA256SUMS").read_text().splitlines())
    assert listed == {path.name: sha256_of_file(path) for path in PROFILES.glob("*.nc")}
    assert listed


def test_stated_profile_is_made_as_its_table_says() -> None:
    shipped = CameraProfile.from_netcdf(PROFILES / "stated-12bit.nc")
    again = CameraProfile.from_values(gain=0.46, offset=100, read_noise=1.6, bits=12)
    assert shipped.dataset.identical(again.dataset)
