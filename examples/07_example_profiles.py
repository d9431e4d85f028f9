"""Six kinds of camera, simulated, calibrated and written as the example profiles of calibration/profiles: scalars and curve, no maps.

    python examples/07_example_profiles.py --out calibration/profiles

Each kind is what photon transfer meets in the field; its truth stands in `KINDS`. Frames are plain arithmetic in NumPy, 96 × 104 pixels: 24
flat levels of four frames from 3 to 112 % of saturation, three dark levels of 16 frames.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import sigmaraw as sr
from sigmaraw.frames import Level, RawFrames, Series

SHAPE, LEVELS, REPEATS, DARKS = (96, 104), 24, 4, 16
OFFSET_DN, EXPOSURE_MS, DARK_MS = 100.0, 10.0, (10.0, 1000.0, 4000.0)
DARK_CURRENT, PRNU, DSNU = 2.0, 0.8, 1.2  # e-/s, %, e-


@dataclass(frozen=True)
class Kind:
    """bits; gain K, DN/e-; read noise, e- rms; `tail` sd of its logarithm over pixels; `columns` temporal noise they share, e-.

    bend : mean electrons → variance of the charge, e-².
    """

    title: str
    bits: int
    gain: float
    noise: float
    tail: float = 0.0
    columns: float = 0.0
    bend: Callable[[np.ndarray], np.ndarray] = lambda electrons: electrons


A00, BREAK_E = -2e-6, 2400.0  # 1/e-, e-
KINDS = {
    "ideal-12bit": Kind("straight, equal pixels", 12, 0.5, 4.0),
    "scmos-16bit": Kind("sCMOS, log-normal read noise", 16, 2.0, 1.6, tail=0.5),
    "low-noise-12bit": Kind("0.4 DN of dark noise: rounding counts", 12, 0.2, 2.0),
    "brighter-fatter-16bit": Kind(
        "variance lost to neighbours, -2e-6 per e-", 16, 0.8, 5.0, bend=lambda n: np.expm1(2 * A00 * n) / (2 * A00)
    ),
    "dual-gain-12bit": Kind(
        "another gain above 2400 e-", 12, 0.5, 4.0, bend=lambda n: np.where(n < BREAK_E, n, BREAK_E + 1.6 * (n - BREAK_E))
    ),
    "column-noise-12bit": Kind("columns that share noise", 12, 0.5, 4.0, columns=2.0),
}


def series(kind: Kind, seed: int = 0) -> Series:
    """Return dark and flat levels of one camera of this kind, in memory."""
    random = np.random.default_rng([5, seed])
    normal = random.standard_normal
    sigma = kind.noise * np.exp(kind.tail * normal(SHAPE) - kind.tail**2)
    response, pattern = 1 + PRNU / 100 * normal(SHAPE), DSNU * normal(SHAPE)
    top = (1 << kind.bits) - 1

    def frames(electrons: float, exposure_ms: float, count: int) -> RawFrames:
        light = electrons * response + DARK_CURRENT * exposure_ms / 1e3
        spread = np.sqrt(kind.bend(light) + sigma**2) * normal((count, *SHAPE))
        charge = light + pattern + spread + kind.columns * normal((count, 1, SHAPE[1]))
        return RawFrames(np.clip(np.rint(OFFSET_DN + kind.gain * charge), 0, top).astype(np.uint16), kind.bits, "stated")

    full = (top - OFFSET_DN) / kind.gain
    darks = tuple(Level("dark", f"dark {ms:g} ms", ms, loaded=frames(0.0, ms, DARKS)) for ms in DARK_MS)
    light = np.linspace(0.03, 1.12, LEVELS) * full
    flats = tuple(
        Level("flat", f"flat {e:.0f} e-", EXPOSURE_MS, irradiance=float(e), loaded=frames(float(e), EXPOSURE_MS, REPEATS)) for e in light
    )
    return Series(darks, flats, bits=kind.bits)


def without_maps(profile: sr.CameraProfile, title: str) -> sr.CameraProfile:
    """Return a profile of scalars, curve and checks alone: small, and fits frames of any shape.

    Parameters of transfer models that the data did not choose go too, as do parts of the pattern that are not there, and errors of
    the levels' means.
    """
    data = profile.dataset
    large = [name for name in data.variables if data[name].dims not in ((), ("level",))]
    unused = [name for name in data.variables if data[name].attrs.get("not_determined") == "other-transfer-model"]
    absent = [key for name in data.variables if data[name].attrs.get("flag") == "not-above-zero" for key in (name, f"{name}_se")]
    notes = [f"example: {title}; simulated", *filter(None, [data.attrs["notes"]])]
    kept = data.drop_vars([*large, *unused, *absent, "level_mean_se", "level_exposure"])
    return sr.CameraProfile(kept.assign_attrs(camera=f"example: {title}", notes="\n".join(notes)))


def main(folder: Path) -> None:
    """Write one profile a kind."""
    for name, kind in KINDS.items():
        profile = without_maps(sr.calibrate(series(kind)), kind.title)
        path = profile.to_netcdf(folder / f"example-{name}.nc")
        data = profile.dataset
        gain = f"{float(data['gain']):.4f} ± {float(data['gain_se']):.4f}"
        print(f"{path.name:<36} {path.stat().st_size // 1000:>3} kB  K {gain} DN/e-, truth {kind.gain}; {data.attrs['transfer_model']}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder of the profiles")
    main(parser.parse_args().out)
