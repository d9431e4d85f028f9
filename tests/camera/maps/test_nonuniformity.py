"""Rows, columns, pixels: z scores against the pattern that each simulated camera really has; parts that are not there by their limit."""

from __future__ import annotations

import math

import numpy as np
import pytest

import sigmaraw as sr
from sigmaraw.camera.maps.nonuniformity import pattern, split
from sigmaraw.camera.measuring.level import measure_level
from sigmaraw.camera.measuring.lines import LineNoise
from tests.camera.simulated_cameras import OFFSET, gaussian_frames, series

SHAPE, GAIN, NOISE = (48, 80), 0.5, 3.0
PARTS = ("row", "column", "pixel")


def realised(rng: np.random.Generator, sizes: tuple[float, float, float]) -> tuple[np.ndarray, dict[str, float]]:
    """A pattern of rows, columns and pixels, centred, and the standard deviations over its M rows, N columns and MN pixels."""
    parts = [size * rng.standard_normal(shape) for size, shape in zip(sizes, ((SHAPE[0], 1), (1, SHAPE[1]), SHAPE), strict=True)]
    parts = [part - part.mean() for part in parts]
    total = parts[0] + parts[1] + parts[2]
    return total, {"": float(total.std()), **{f"_{name}": float(part.std()) for name, part in zip(PARTS, parts, strict=True)}}


def camera(
    rng: np.random.Generator, dark: tuple[float, float, float], light: tuple[float, float, float], columns: float = 0.0
) -> tuple[sr.CameraProfile, dict[str, float]]:
    """A camera with DSNU (e⁻) and PRNU (%) of given parts and temporal column noise (e⁻), its profile and its realised truth."""
    shade, dsnu = realised(rng, dark)
    response, prnu = realised(rng, light)

    def frames(electrons: float, count: int) -> np.ndarray:
        lines = GAIN * columns * rng.standard_normal((count, 1, SHAPE[1]))
        level = electrons * (1 + response / 100)
        return gaussian_frames(rng, level, gain=GAIN, noise=NOISE, count=count, shape=SHAPE, offset=OFFSET + GAIN * shade + lines)

    flats = [frames(electrons, 8) for electrons in (800.0, 2000.0, 4000.0, 5200.0)]
    profile = sr.calibrate(series([frames(0.0, 16)], flats))
    return profile, {**{f"dsnu{part}": value for part, value in dsnu.items()}, **{f"prnu{part}": value for part, value in prnu.items()}}


def scores(kind: str, seeds: int) -> dict[str, list[float]]:
    """z of every part over `seeds` cameras of a kind; for a part that is not there, 1 where no upper limit is stated."""
    cases = {
        "all parts": ((2.0, 3.0, 4.0), (0.5, 0.4, 1.0), 0.0),
        "columns only": ((0.0, 3.0, 0.0), (0.0, 0.8, 0.0), 0.0),
        "column noise": ((1.0, 1.5, 3.0), (0.3, 0.4, 1.0), 1.5),
    }
    rng = np.random.default_rng([7, list(cases).index(kind)])
    z: dict[str, list[float]] = {}
    for _ in range(seeds):
        profile, truth = camera(rng, *cases[kind])
        for name, exact in truth.items():
            entry = profile.dataset[name]
            if exact == 0.0:
                z.setdefault(f"{name} missed", []).append(float("upper_limit" not in entry.attrs))
                assert float(entry) == 0.0 or 0.0 < float(entry) <= entry.attrs.get("upper_limit", math.inf)
            else:
                # The square is where the error is normal: z of a root near zero is not.
                error = 2.0 * float(entry) * float(profile.dataset[f"{name}_se"])
                z.setdefault(name, []).append((float(entry) ** 2 - exact**2) / error)
    return z


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["all parts", "columns only", "column noise"])
def test_parts_are_unbiased_and_their_standard_errors_right(kind: str) -> None:
    """30 cameras: SE of the mean of z is .18, of its standard deviation 1/√60 = .13; of a share of .05, √(.05·.95/30) = .04; k = 3.

    The spread may stay below 1: pixels leak into the line means of dark and bright alike, and only part of it is a disturbance.
    """
    found = scores(kind, 30)
    assert {name.split()[0] for name in found} == {
        f"{name}{part}" for name in ("dsnu", "prnu") for part in ("", "_row", "_column", "_pixel")
    }
    for name, z in found.items():
        if name.endswith("missed"):
            assert np.mean(z) <= 0.05 + 3 * 0.04, name
        else:
            assert abs(np.mean(z)) <= 3 * 0.18, (name, np.mean(z))
            assert 0.6 <= np.std(z, ddof=1) <= 1 + 3 * 0.13, (name, np.std(z, ddof=1))


def test_split_returns_what_was_put_together() -> None:
    """s² = r + c + p, rav = r + p/N, cav = c + p/M, by definition."""
    r, c, p, m, n = 2.0, 3.0, 5.0, 6, 9
    assert split(r + c + p, r + p / n, c + p / m, (m, n)) == pytest.approx((10.0, r, c, p), rel=1e-12)


def test_upper_limit_covers_a_small_pattern() -> None:
    """Columns of .25 e⁻, hardly seen: the one-sided 95 % limit covers them in 95 % of cases, 3·√(.05·.95/40) = .103 allowed for."""
    rng = np.random.default_rng(31)
    covered, limited = [], 0
    for _ in range(40):
        profile, truth = camera(rng, (0.0, 0.25, 3.0), (0.0, 0.0, 1.0))
        entry = profile.dataset["dsnu_column"]
        limited += "upper_limit" in entry.attrs
        covered.append(truth["dsnu_column"] <= entry.attrs.get("upper_limit", math.inf))
    assert limited > 8
    assert np.mean(covered) >= 0.95 - 0.103


def test_a_variance_below_zero_is_zero_with_a_flag_and_a_limit() -> None:
    rng = np.random.default_rng(32)
    for _ in range(40):
        profile, _ = camera(rng, (0.0, 0.0, 3.0), (0.0, 0.0, 1.0))
        entry = profile.dataset["dsnu_row"]
        if float(entry) == 0.0:
            break
    assert float(entry) == 0.0
    assert entry.attrs["flag"] == "not-above-zero"
    assert 0.0 < entry.attrs["upper_limit"] < 1.0
    assert math.isfinite(float(profile.dataset["dsnu_row_se"]))
    assert profile.summary()["scalars"]["dsnu_row"]["upper_limit"] == entry.attrs["upper_limit"]


def test_line_noise_of_known_lines() -> None:
    """Var of row means σ²/N + σ²_row; 400 frames × 30 rows give it to √(2/12000) = 1.3 %."""
    rng = np.random.default_rng(33)
    frames = 500 + 6 * rng.standard_normal((400, 30, 40)) + 3 * rng.standard_normal((400, 30, 1))
    noise = measure_level([np.rint(frames).astype(np.uint16)], "").evidence.lines
    assert noise.row == pytest.approx((36 / 40 + 9) * 29 / 30, rel=4 * 0.013)
    assert noise.column == pytest.approx((36 / 30) * 39 / 40, rel=4 * 0.013)


def test_maps_of_unknown_origin_and_narrow_sensors() -> None:
    rng = np.random.default_rng(34)
    mean = 100 + rng.standard_normal((20, 30))
    exact = pattern(mean, np.full_like(mean, 9.0), 0, LineNoise(0.0, 0.0))
    assert exact.variance["total"].value == pytest.approx(mean.var(), rel=1e-12)
    frames = np.rint(100 + 2 * rng.standard_normal((8, 1, 30))).astype(np.uint16)
    level = measure_level([frames], "")
    narrow = pattern(level.pixels.mean(), level.pixels.variance(), 8, level.evidence.lines)
    assert [narrow.variance[part].reason for part in PARTS] == ["too-few-pixels"] * 3
    assert math.isfinite(narrow.variance["total"].value)
