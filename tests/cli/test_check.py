"""sigmaraw check: exit codes 0, 1, 3, and 2 for bad input."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sigmaraw.camera import CameraProfile


@pytest.fixture
def profiles(tmp_path: Path) -> Path:
    def write(name: str, gain: float, u: float) -> None:
        profile = CameraProfile.from_values(gain=gain, offset=100, read_noise=2.0, bits=12, gain_se=u, read_noise_se=0.001)
        # A stated offset has no error; here it is given one, so that all four quantities decide.
        CameraProfile(profile.dataset.assign(offset_se=profile.dataset["offset_se"].fillna(0.001))).to_netcdf(tmp_path / name)

    write("old.nc", 0.5, 0.0005)
    write("same.nc", 0.501, 0.0005)
    write("other.nc", 0.53, 0.0005)
    write("vague.nc", 0.501, 0.01)
    CameraProfile.from_values(gain=0.5, offset=100, read_noise=2.0, bits=14).to_netcdf(tmp_path / "bits.nc")
    return tmp_path


@pytest.mark.parametrize(
    ("new", "code", "says"), [("same.nc", 0, "0 changed"), ("other.nc", 1, "1 changed"), ("vague.nc", 3, "1 undecided")]
)
def test_exit_code_and_table(sigmaraw: Callable[..., object], profiles: Path, new: str, code: int, says: str) -> None:
    done = sigmaraw("check", profiles / new, "--against", profiles / "old.nc")
    assert done.code == code  # type: ignore[attr-defined]
    assert says in done.out  # type: ignore[attr-defined]
    assert len([line for line in done.out.splitlines() if line.startswith("gain ")]) == 1  # type: ignore[attr-defined]


def test_a_wider_bound_is_taken_and_bad_input_is_refused(sigmaraw: Callable[..., object], profiles: Path) -> None:
    old = ("--against", profiles / "old.nc")
    assert sigmaraw("check", profiles / "other.nc", *old, "--bound", "gain=10%").code == 0  # type: ignore[attr-defined]
    assert sigmaraw("check", profiles / "same.nc", *old, "--bound", "gain=0.0005").code == 3  # type: ignore[attr-defined]
    for arguments in (("none.nc",), ("bits.nc",), ("same.nc", "--bound", "gain=wide")):
        refused = sigmaraw("check", profiles / arguments[0], *old, *arguments[1:])
        assert refused.code == 2  # type: ignore[attr-defined]
        assert len(refused.err.strip().splitlines()) == 1  # type: ignore[attr-defined]


def test_what_one_profile_lacks_is_said_in_words(sigmaraw: Callable[..., object], tmp_path: Path) -> None:
    CameraProfile.from_values(gain=0.5, offset=100, read_noise=2.0, bits=12).to_netcdf(tmp_path / "stated.nc")
    determined = CameraProfile.from_values(gain=0.5, offset=100, read_noise=2.0, bits=12, gain_se=0.001)
    CameraProfile(determined.dataset.assign(prnu=determined.dataset["prnu"].fillna(0.5))).to_netcdf(tmp_path / "more.nc")
    done = sigmaraw("check", tmp_path / "more.nc", "--against", tmp_path / "stated.nc")
    assert done.code == 3  # type: ignore[attr-defined]
    assert "nan" not in done.out  # type: ignore[attr-defined]
    lines = {line.split()[0]: line.split()[1:] for line in done.out.splitlines() if line}  # type: ignore[attr-defined]
    assert lines["prnu"] == ["not", "determined", "0.5", "–", "–", "%", "INCONCLUSIVE"]
    assert lines["gain"][:6] == ["0.5", "0.5", "+0", "±", "(not", "known)"]
