"""The same frames through sigmaraw and through the PyPI package emva1288.

Prints the table of docs/explanation/agreement.md; the second package runs in its own environment:

    SIGMARAW_EMVA1288_PYTHON=…/python python -m tests.reference.emva1288_agreement          the series of the frozen table
    SIGMARAW_EMVA1288_PYTHON=…/python python -m tests.reference.emva1288_agreement freeze   write emva1288_frozen.json anew
    SIGMARAW_EMVA1288_PYTHON=…/python python -m tests.reference.emva1288_agreement truth 40 who is right: 40 cameras of known truth

emva1288's own simulator is not used: it quantises twice. Frames are drawn here, from raw generator bits, so that no release of a
library changes them.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from scipy.special import ndtri

import sigmaraw as sr

HERE = Path(__file__).parent
FROZEN = HERE / "emva1288_frozen.json"
PYTHON = "SIGMARAW_EMVA1288_PYTHON"
SHAPE, LEVELS, STACK, BITS = (72, 96), 24, 32, 12
OFFSET, GAIN, NOISE, CURRENT = 100.0, 0.5, 4.0, 4000.0  # DN, DN/e-, e-, e-/s
SPATIAL_MS = 0.5
PHOTONS_PER_ELECTRON = 2.0
EXACT = 1e-5  # sums in single precision, on either side


class Normal:
    """Standard normal numbers from the bits of PCG64, a stream that NumPy promises to keep."""

    def __init__(self, seed: int) -> None:
        self._bits = np.random.PCG64(seed)

    def __call__(self, *shape: int) -> np.ndarray:
        raw = self._bits.random_raw(math.prod(shape))
        return ndtri(((raw >> np.uint64(11)) + 0.5) / 2.0**53).reshape(shape)


@dataclass(frozen=True)
class Truth:
    """What the simulated sensor really has: patterns of this sensor, not of the law that they are drawn from."""

    gain: float
    read_noise: float
    dark_current: float
    dsnu: float
    dsnu_column: float
    prnu: float
    threshold_at_zero: float
    threshold: float


def write_series(folder: Path, seed: int, columns_e: float = 0.0) -> tuple[Path, Path, Truth]:
    """Write one series; return the descriptor of all of it, that of its pairs alone, and the truth.

    24 exposures with a bright and a dark pair each, light constant; at a shorter exposure, stacks of 32 dark and 32 bright frames.
    columns_e : temporal noise that whole columns share, e-.
    """
    normal = Normal(seed)
    pixels, columns, response = 3.0 * normal(*SHAPE), 2.0 * normal(1, SHAPE[1]), 1.0 + 0.01 * normal(*SHAPE)
    response /= response.mean()
    pattern = pixels + columns
    top = (1 << BITS) - 1
    full = (top - OFFSET) / GAIN

    def frames(electrons: float, exposure_ms: float, count: int) -> list[np.ndarray]:
        charge = electrons * response + CURRENT * exposure_ms / 1e3
        noise = np.sqrt(charge + NOISE**2)
        shared = columns_e * normal(count, 1, SHAPE[1]) if columns_e else np.zeros((count, 1, 1))
        exact = OFFSET + GAIN * (charge + pattern + noise * normal(count, *SHAPE) + shared)
        return list(np.clip(np.rint(exact), 0, top).astype(np.uint16))

    folder.mkdir(parents=True, exist_ok=True)
    head = ["v 4.0", f"n {BITS} {SHAPE[1]} {SHAPE[0]}"]
    pairs: list[str] = []
    stacks: list[str] = []

    def add(lines: list[str], first: str, name: str, images: list[np.ndarray]) -> None:
        lines.append(first)
        for index, image in enumerate(images):
            tifffile.imwrite(folder / f"{name}-{index}.tif", image, photometric="minisblack", metadata=None)
            lines.append(f"i {name}-{index}.tif")

    # Levels from 2 to 115 % of saturation that keep off half of it, which is the stack's.
    for index, part in enumerate([*np.linspace(0.02, 0.42, 10), *np.linspace(0.58, 1.15, LEVELS - 10)]):
        exposure = 1.0 + index
        add(pairs, f"b {exposure * 1e6:.0f} {part * full * PHOTONS_PER_ELECTRON:.6f}", f"b{index}", frames(part * full, exposure, 2))
        add(pairs, f"d {exposure * 1e6:.0f}", f"d{index}", frames(0.0, exposure, 2))
    half = 0.5 * full
    add(stacks, f"b {SPATIAL_MS * 1e6:.0f} {half * PHOTONS_PER_ELECTRON:.6f}", "bs", frames(half, SPATIAL_MS, STACK))
    add(stacks, f"d {SPATIAL_MS * 1e6:.0f}", "ds", frames(0.0, SPATIAL_MS, STACK))
    whole, only = folder / "all.txt", folder / "pairs.txt"
    whole.write_text("\n".join([*head, *pairs, *stacks]) + "\n")
    only.write_text("\n".join([*head, *pairs]) + "\n")
    noise = math.hypot(NOISE, columns_e)
    at_zero, at_shortest = (math.sqrt(noise**2 + CURRENT * ms / 1e3 + 1 / 12 / GAIN**2 + 0.25) + 0.5 for ms in (0.0, 1.0))
    prnu = 100 * float(response.std())
    return whole, only, Truth(GAIN, noise, CURRENT, float(pattern.std()), float(columns.std()), prnu, at_zero, at_shortest)


def emva1288(descriptors: list[Path]) -> dict[str, Any]:
    """Run the other package in the environment whose Python the variable names."""
    command = [os.environ[PYTHON], str(HERE / "emva1288_process.py"), *map(str, descriptors)]
    return dict(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


@dataclass(frozen=True)
class Row:
    """One quantity by both. `same` is their value brought to our definition (`why` says how); ours agrees with it within `tolerance`."""

    name: str
    theirs: float
    same: float
    ours: float
    se: float
    tolerance: float
    why: str


def compare(whole: Path, only: Path, theirs: dict[str, Any]) -> list[Row]:
    """Return every quantity that both determine, on the same frames.

    Temporal quantities are of the pairs alone, spatial ones of the stacks, as emva1288 takes them. Tolerances are relative: rounding
    where the formula is the same, else four standard errors.
    """
    pairs, stacks, their = sr.calibrate(only).dataset, sr.calibrate(whole).dataset, theirs["scalars"]
    return [*temporal_rows(pairs, their), *spatial_rows(stacks, their, theirs["dark"])]


def _value(data: Any, name: str) -> tuple[float, float]:
    return float(data[name]), float(data[f"{name}_se"])


def _by_error(data: Any, name: str, shown: str, theirs: float, why: str, same: float | None = None) -> Row:
    ours, se = _value(data, name)
    return Row(shown, theirs, theirs if same is None else same, ours, se, 4.0 * se / abs(ours), why)


def temporal_rows(data: Any, their: dict[str, Any]) -> list[Row]:
    """Gain, dark noise, dark current, linearity, saturation and what follows from them."""
    pixels = SHAPE[0] * SHAPE[1]
    gain, gain_se = _value(data, "gain_unweighted")
    bessel = pixels / (pixels - 1.0)
    extremes = [float(data["linearity_error"].attrs[key]) for key in ("minimum", "maximum")]
    # Their threshold at the exposure of our shortest dark, and with the ¼ that counts below some 10 e-.
    threshold = math.sqrt((their["u_e_min"] - 0.5) ** 2 + their["u_I_mean"] * 1e-3 + 0.25) + 0.5
    at_zero = "a line over exposure, weighted against unweighted"
    return [
        Row("K, unweighted", their["K"], their["K"] * bessel, gain, gain_se, EXACT, "N/(N − 1): a pair's mean takes noise along"),
        _by_error(data, "gain", "K, weighted", their["K"], "weights 1/variance; emva1288 has the unweighted fit alone"),
        _by_error(data, "read_noise", "σ_d at zero exposure", their["sigma_d"], at_zero),
        _by_error(data, "dark_current", "μ_I from the mean", their["u_I_mean"], at_zero),
        _by_error(data, "dark_current_from_variance", "μ_I from the variance", their["u_I_var"], at_zero),
        *(Row(f"LE {name}", their[f"LE_{name}"], their[f"LE_{name}"], ours, math.nan, EXACT, "the same fit, 5–95 % of saturation")
          for name, ours in zip(("min", "max"), extremes, strict=True)),
        _by_error(data, "saturation_capacity", "μ_e.sat", their["u_e_sat"], "grey value where the variance peaks over K, against R·μ_p/K"),
        _by_error(data, "snr_max", "SNR_max", their["SNR_max"], "its root"),
        _by_error(data, "sensitivity_threshold", "μ_e.min", their["u_e_min"],
                  "at the shortest dark exposure, not at zero; √(σ²/K² + ¼) + ½, not σ/K + ½", threshold),
        _by_error(data, "dynamic_range", "DR", their["DR"], "as μ_e.min", their["DR"] * their["u_e_min"] / threshold),
    ]  # fmt: skip


def spatial_rows(data: Any, their: dict[str, Any], spectra: dict[str, list[float]]) -> list[Row]:
    """DSNU, PRNU, their parts and the spectrograms."""
    pixels = SHAPE[0] * SHAPE[1]
    own_gain = their["K"] / float(data["gain"])
    # s² over MN − 1 values, theirs, but not the temporal noise that is taken off it.
    noise = float(data["dark_variance"]) / STACK / (pixels - 1.0) / float(data["gain"]) ** 2
    dsnu = math.sqrt(((their["DSNU1288"] * own_gain) ** 2 - noise) * (pixels - 1.0) / pixels)
    total, total_se = _value(data, "dsnu")
    rows = [Row("DSNU", their["DSNU1288"], dsnu, total, total_se, EXACT, "s² over MN, not MN − 1; another K")]
    for part, name in (("col", "column"), ("pixel", "pixel")):
        theirs = their[f"DSNU1288_{part}"]
        why = "temporal noise of line means as measured, not σ²/M; another K"
        rows.append(_by_error(data, f"dsnu_{name}", f"DSNU {name}", theirs, why, theirs * own_gain))
    rows.append(_by_error(data, "prnu", "PRNU", their["PRNU1288"], "s² over MN"))
    rows.append(_by_error(data, "prnu_pixel", "PRNU pixel", their["PRNU1288_pixel"], "s² over MN"))
    for axis in ("x", "y"):
        ratio = data[f"dsnu_spectrum_{axis}"].values[1:] * float(data["gain"]) / np.array(spectra[f"spectrum_{axis}"])[1:]
        worst = float(ratio[np.argmax(np.abs(ratio - 1.0))])
        rows.append(Row(f"DSNU spectrogram, {axis}", 1.0, 1.0, worst, math.nan, EXACT, "the largest ratio over all frequencies above 0"))
    return rows


def table(rows: list[Row]) -> str:
    """Return the rows as Markdown."""
    lines = ["| quantity | emva1288 | by our definition | sigmaraw | difference | in SE | why |", "|---|---|---|---|---|---|---|"]
    for row in rows:
        distance = "" if not row.se > 0 or row.tolerance == EXACT else f"{(row.ours - row.same) / row.se:+.2f}"
        ratio = row.ours / row.same - 1.0
        shown = "< 0.001 %" if abs(ratio) < EXACT else f"{100 * ratio:+.2g} %"
        same = "" if row.same == row.theirs else f"{row.same:.5g}"
        lines.append(f"| {row.name} | {row.theirs:.5g} | {same} | {row.ours:.5g} | {shown} | {distance} | {row.why} |")
    return "\n".join(lines)


def study(count: int, columns_e: float) -> str:
    """Return the mean deviation from the truth in percent and its standard error, of both, over `count` cameras."""
    names: dict[str, tuple[str | None, str | None]] = {
        "read_noise": ("sigma_d", "read_noise"), "dark_current": ("u_I_mean", "dark_current"), "gain": ("K", "gain"),
        "threshold_at_zero": ("u_e_min", None), "threshold": (None, "sensitivity_threshold"),
        "dsnu": ("DSNU1288", "dsnu"), "dsnu_column": ("DSNU1288_col", "dsnu_column"),
        "prnu": ("PRNU1288", "prnu"),
    }  # fmt: skip
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
    for seed in range(count):
        with tempfile.TemporaryDirectory() as folder:
            whole, only, truth = write_series(Path(folder), 1000 + seed, columns_e)
            theirs = emva1288([whole])["series"][0]["scalars"]
            pairs, spatial = sr.calibrate(only).dataset, sr.calibrate(whole).dataset
            for name, (their, our) in names.items():
                data = spatial if name in ("dsnu", "dsnu_column", "prnu") else pairs
                real = getattr(truth, name)
                other = math.nan if their is None or theirs[their] is None else theirs[their]
                own = math.nan if our is None else float(data[our])
                found[name].append((100 * (other / real - 1), 100 * (own / real - 1)))
    lines = [f"{count} cameras, {columns_e:g} e- of temporal column noise", "| quantity | emva1288 | sigmaraw |", "|---|---|---|"]
    for name, pairs_of in found.items():
        a = np.array(pairs_of)
        cells = [f"{a[:, i].mean():+.2f} ± {a[:, i].std(ddof=1) / math.sqrt(count):.2f} %, sd {a[:, i].std(ddof=1):.2f} %" for i in (0, 1)]
        lines.append(f"| {name} | {cells[0]} | {cells[1]} |")
    return "\n".join(lines)


def main(arguments: list[str]) -> None:
    """Print the table, freeze it, or run the study of truth."""
    if arguments[:1] == ["truth"]:
        for columns in (0.0, 2.0):
            print(study(int(arguments[1]), columns), "\n")
        return
    with tempfile.TemporaryDirectory() as folder:
        whole, only, _ = write_series(Path(folder), 0)
        theirs = emva1288([whole])
        print(table(compare(whole, only, theirs["series"][0])))
        if arguments == ["freeze"]:
            FROZEN.write_text(json.dumps(theirs, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
