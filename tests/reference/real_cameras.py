"""Real cameras through calibration, each beside a figure that does not come from photon transfer.

    python -m tests.reference.real_cameras ../shared/data              prints what docs/explanation/real-cameras.md shows
    python -m tests.reference.real_cameras ../shared/data PROFILE.nc   writes MSFC's figures as a profile: scalars of four taps, no maps

Nothing of the data is in the project. Licences: MSFC BSD-3-Clause (NASA), K11 BSD-3-Clause (Diamond Light Source), sCMOS maps MIT
(Peking University), Nikon D7000 crops GPL-2 (imgnoiser): figures of them are shown, no frame is copied.
"""

from __future__ import annotations

import csv
import io
import math
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import sigmaraw as sr
from sigmaraw.camera.dataset import REQUIRED
from sigmaraw.frames import Level, RawFrames, Series

# --- MSFC: one CCD, four taps, one graded pair ------------------------------------------------------------------------
MSFC_LIGHT, MSFC_DARK, MSFC_IRON = ("04803", "04804"), ("04860", "04861"), "00002"
MSFC_TAPS = {"0,0": (0, 52), "0,1": (0, 1078), "1,0": (520, 52), "1,1": (520, 1078)}  # first imaging pixel of each
MSFC_SIZE, MSFC_TILE = (520, 1022), (52, 146)
# Mn Kα, 5.895 keV at 3.65 eV a pair (silicon, room temperature to 200 K: 3.63 to 3.68, hence 0.5 %).
IRON_ELECTRONS, IRON_RELATIVE = 5895.0 / 3.65, 0.005


def _msfc(data: Path, number: str) -> np.ndarray:
    return np.asarray(sr.read_frames(data / "msfc-ccd" / f"ESIS1_{number}.fit.gz").data[0])


def memory(kind: str, name: str, frames: np.ndarray, bits: int) -> Level:
    """One level of frames in memory."""
    return Level("dark" if kind == "dark" else "flat", name, None, loaded=RawFrames(frames, bits, "stated"))


def msfc_tiles(data: Path, *, edge: bool = False) -> dict[str, Series]:
    """Each tap as a series: the pair is brighter by three from one end to the other, so its tiles are levels.

    A tile's temporal variance is K times its mean, however the light falls inside it. The dark level is the tile of median dark
    mean; the others differ from it by less than 1 DN. The two rows of tiles at the sensor's edge, whose outermost eight rows are shaded,
    are left out unless `edge`.
    """
    light, dark = ([_msfc(data, number) for number in numbers] for numbers in (MSFC_LIGHT, MSFC_DARK))
    (height, width), found = MSFC_TILE, {}
    for tap, (y, x) in MSFC_TAPS.items():
        rows = list(range(MSFC_SIZE[0] // height))
        rows = rows if edge else rows[2:] if y == 0 else rows[:-2]
        corners = [(y + i * height, x + j * width) for i in rows for j in range(MSFC_SIZE[1] // width)]

        def cut(images: list[np.ndarray], corner: tuple[int, int]) -> np.ndarray:
            return np.stack([image[corner[0] : corner[0] + height, corner[1] : corner[1] + width] for image in images])

        middle = sorted(corners, key=lambda corner: float(cut(dark, corner).mean()))[len(corners) // 2]
        flats = tuple(memory("flat", f"tile {corner}", cut(light, corner), 16) for corner in corners)
        found[tap] = Series((memory("dark", "dark", cut(dark, middle), 16),), flats)
    return found


def msfc_profile(data: Path) -> sr.CameraProfile:
    """The required scalars of the sensor and of its four taps. Level i is tile i of every tap, side by side."""
    series = msfc_tiles(data)

    def mosaic(levels: list[Level]) -> np.ndarray:
        a, b, c, d = (level.frames().data for level in levels)
        return np.concatenate([np.concatenate([a, b], axis=2), np.concatenate([c, d], axis=2)], axis=1)

    taps = [series[tap] for tap in MSFC_TAPS]
    dark = memory("dark", "dark", mosaic([one.dark[0] for one in taps]), 16)
    flats = tuple(memory("flat", f"tiles {i}", mosaic([one.flat[i] for one in taps]), 16) for i in range(len(taps[0].flat)))
    data_set = sr.calibrate(Series((dark,), flats), taps="2x2").dataset
    wanted = {f"{start}{name}{end}" for start in ("", "tap_") for name in REQUIRED for end in ("", "_se")}
    kept = data_set.drop_vars([name for name in data_set.variables if name not in wanted])
    kept.attrs.update(
        camera="example: ESIS1, NASA MSFC; four taps, from one graded pair",
        tap_sensor="1040x2152",
        notes=f"figures of real frames (msfc_ccd, BSD-3-Clause, NASA); PRNU and DSNU are those of tiles\n{data_set.attrs['notes']}",
    )
    return sr.CameraProfile(kept)


def msfc_whole(data: Path) -> Series:
    """The files as they are: two dark frames and one light level."""
    light, dark = (np.stack([_msfc(data, number) for number in numbers]) for numbers in (MSFC_LIGHT, MSFC_DARK))
    return Series((memory("dark", "dark", dark, 16),), (memory("flat", "LED", light, 16),))


def iron_line(data: Path) -> dict[str, tuple[float, float]]:
    """K of each tap, DN/e⁻, and its standard error by the Fe-55 line: charge of known size in single pixels.

    Events are pixels of 560 to 690 DN all of whose eight neighbours stay below 3.5 standard deviations of the noise. Their median
    over 1615 e⁻; SE: 1.2533·sd/√n and 0.5 % for the energy of a pair. Charge that transfer or sharing loses makes the line, hence K,
    low. A tap of fewer than five events is left out.
    """
    image, found = _msfc(data, MSFC_IRON).astype(np.float64), {}
    for tap, (y, x) in MSFC_TAPS.items():
        part = image[y : y + MSFC_SIZE[0], x : x + MSFC_SIZE[1]]
        part = part - np.median(part, axis=1, keepdims=True)
        noise = 1.4826 * float(np.median(np.abs(part)))
        h, w = part.shape
        around = [part[1 + i : h - 1 + i, 1 + j : w - 1 + j] for i in (-1, 0, 1) for j in (-1, 0, 1) if (i, j) != (0, 0)]
        centre = part[1:-1, 1:-1]
        events = centre[(centre > 560) & (centre < 690) & (np.max(around, axis=0) < 3.5 * noise)]
        if len(events) < 5:
            continue
        line = float(np.median(events))
        error = 1.2533 * float(events.std(ddof=1)) / math.sqrt(len(events))
        found[tap] = (line / IRON_ELECTRONS, math.hypot(error, IRON_RELATIVE * line) / IRON_ELECTRONS)
    return found


@dataclass(frozen=True)
class MsfcEdge:
    """What the pair says of one tap's rows next to the sensor's edge; each number with its standard error where it has one.

    step : light of row 10 over that of row 3. bend : c of V − V_dark = K·x + c·x², which is K²(n + c·n²) of n = x/K electrons, 1/e⁻.
    edge : by how much K of the first 104 rows differs on top of that curve, %. along, across : correlation of a pixel's noise with the
    next row's and the next column's above half the highest level. shift : of the image between the frames, px, rows 0 to 104.
    """

    step: float
    bend: tuple[float, float]
    edge: tuple[float, float]
    along: tuple[float, float]
    across: tuple[float, float]
    shift: tuple[float, float]


def msfc_edges(data: Path) -> dict[str, MsfcEdge]:
    """Blocks of 26 × 146 pixels of each tap, the eight dim rows at the edge blocks of their own, by weighted least squares."""
    (a, b), (c, d) = ([_msfc(data, n).astype(np.float64) for n in numbers] for numbers in (MSFC_LIGHT, MSFC_DARK))
    found = {}
    for tap, (top, left) in MSFC_TAPS.items():
        place = np.s_[top : top + MSFC_SIZE[0], left : left + MSFC_SIZE[1]]
        order = slice(None, None, -1 if top else 1)  # row 0 is the sensor's edge
        difference, light = (a - b)[place][order], (0.5 * (a + b - c - d))[place][order]
        dark = 0.5 * float(np.var((c - d)[place]))
        rows = [(0, 8), (8, 26), *((start, start + 26) for start in range(26, 520, 26))]
        table = []
        for first, last in rows:
            for column in range(0, MSFC_SIZE[1], 146):
                part = difference[first:last, column : column + 146]
                part = part - part.mean()
                part = np.where(np.abs(part) < 6 * part.std(), part, 0.0)  # particles
                products = 0.5 * (part[1:] * part[:-1]).mean(), 0.5 * (part[:, 1:] * part[:, :-1]).mean()
                table.append((light[first:last, column : column + 146].mean(), 0.5 * part.var(ddof=1), part.size, last <= 104, *products))
        x, variance, size, near, along, across = np.array(table).T
        design, solution = np.stack([x, x**2, x * near], axis=1), np.array([0.4, 0.0, 0.0])
        for _ in range(3):  # weights of the curve, not of the scatter
            error = (design @ solution + dark) * np.sqrt(2 / size)
            solution = np.linalg.lstsq(design / error[:, None], (variance - dark) / error, rcond=None)[0]
        se = np.sqrt(np.diag(np.linalg.inv((design / error[:, None]).T @ (design / error[:, None]))))
        bright = x > 0.5 * x.max()
        share = [float(np.average(v[bright] / variance[bright], weights=size[bright])) for v in (along, across)]
        slope = np.gradient(light[:104], axis=0)
        slope -= slope.mean()
        shift, shift_se = (difference[:104] * slope).sum() / (slope**2).sum(), math.sqrt(2 * variance[near > 0].mean() / (slope**2).sum())
        found[tap] = MsfcEdge(
            float(light[10].mean() / light[3].mean()),
            (float(solution[1]), float(se[1])),
            (100 * float(solution[2] / solution[0]), 100 * float(se[2] / solution[0])),
            (share[0], 1 / math.sqrt(size[bright].sum())),
            (share[1], 1 / math.sqrt(size[bright].sum())),
            (float(shift), shift_se),
        )
    return found


# --- Nikon D7000, ISO 100: colour planes, no dark frames ---------------------------------------------------------------
PLANES = "GABG"  # two greens on the diagonal; which of A and B is red the files do not say


def nikon(data: Path) -> Series:
    """Settings of two repeats and more, the darkest (36 DN in green) in place of a dark level: the slope is that of differences."""
    from astropy.io import fits

    settings: dict[tuple[str, str], list[np.ndarray]] = {}
    with zipfile.ZipFile(data / "nikon-d7000-iso100" / "samples.zip") as archive:
        table = next(name for name in archive.namelist() if name.endswith(".csv"))
        for row in csv.DictReader(io.StringIO(archive.read(table).decode())):
            with fits.open(io.BytesIO(archive.read(row["crop.file.name"]))) as hdus:
                # int16 in the file, 14 bit and never negative: value for value uint16.
                settings.setdefault((row["shutter.speed"], row["aperture"]), []).append(hdus[0].data.astype(np.uint16))
    stacks = sorted(((np.stack(frames), key) for key, frames in settings.items() if len(frames) > 1), key=lambda item: item[0].mean())
    (dark, name), *flats = stacks
    return Series(
        (memory("dark", " f/".join(name), dark, 14),), tuple(memory("flat", " f/".join(key), frames, 14) for frames, key in flats)
    )


def empty_codes(series: Series, plane: int) -> tuple[float, float]:
    """Share of codes that never occur in one plane though 40 values and more fall on their 8 neighbours, and its binomial SE."""
    row, column = divmod(plane, 2)
    empty = tested = 0
    for level in (*series.dark, *series.flat):
        counts = np.bincount(level.frames().data[:, row::2, column::2].ravel(), minlength=1 << 14)
        around = np.convolve(counts, np.ones(9), mode="same")
        dense = around >= 80
        empty, tested = empty + int((counts[dense] == 0).sum()), tested + int(dense.sum())
    share = empty / tested
    return share, math.sqrt(share * (1 - share) / tested)


# --- K11: an X-ray camera behind a scintillator ------------------------------------------------------------------------
def k11(data: Path) -> dict[str, np.ndarray]:
    """Flats and darks before and after the scan, (50, 22, 26) uint16 each."""
    import netCDF4

    with netCDF4.Dataset(data / "diamond-k11-flats-darks" / "k11-18014-imaging.h5") as file:
        frames = np.asarray(file["/entry/detector/detector"][:])
    parts = {"flat before": frames[:50], "dark before": frames[50:100], "flat after": frames[3101:3151], "dark after": frames[3151:]}
    return {name: np.ascontiguousarray(part) for name, part in parts.items()}


def k11_series(parts: dict[str, np.ndarray], *, merged: bool = False) -> Series:
    """Both flats as two levels, or as the one that they are meant to be."""
    dark = memory("dark", "dark", np.concatenate([parts["dark before"], parts["dark after"]]), 16)
    flats = {name: parts[name] for name in ("flat before", "flat after")}
    if merged:
        flats = {"flat": np.concatenate(list(flats.values()))}
    return Series((dark,), tuple(memory("flat", name, frames, 16) for name, frames in flats.items()))


# --- sCMOS: maps without frames ------------------------------------------------------------------------------------------
def scmos(data: Path) -> tuple[np.ndarray, np.ndarray]:
    """Published gain (DN/e⁻) and temporal variance (DN²) of 512² pixels."""
    from scipy.io import loadmat

    folder = data / "scmos-gain-variance-maps"
    return loadmat(folder / "gainsub.mat")["gainsub"], loadmat(folder / "varsub.mat")["varsub"]


def scmos_frames(variance: np.ndarray, count: int, light_e: float, gain: np.ndarray, seed: int) -> np.ndarray:
    """Frames of a sensor that has these maps, drawn by plain arithmetic: offset 100 DN, no fixed pattern but the gain's."""
    random = np.random.default_rng(seed)
    electrons = random.poisson(np.full(gain.shape, light_e), (count, *gain.shape))
    exact = 100.0 + gain * electrons + np.sqrt(variance) * random.standard_normal((count, *gain.shape))
    return np.clip(np.rint(exact), 0, 65535).astype(np.uint16)


# --- what the page shows --------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Line:
    """One figure beside its independent one."""

    camera: str
    value: float
    se: float
    other: float
    other_se: float
    unit: str

    @property
    def distance(self) -> float:
        """Difference in standard errors of both."""
        return (self.value - self.other) / math.hypot(self.se, self.other_se)

    def __str__(self) -> str:
        found, other = f"{self.value:.4g} ± {self.se:.2g}", f"{self.other:.4g} ± {self.other_se:.2g}"
        return f"| {self.camera} | {found} | {other} | {self.unit} | {self.distance:+.1f} |"


def number(profile: sr.CameraProfile, name: str) -> tuple[float, float]:
    """Value and standard error of a scalar."""
    return float(profile.dataset[name]), float(profile.dataset[f"{name}_se"])


def not_passed(profile: sr.CameraProfile) -> list[str]:
    """Names, outcomes and evidence of the checks that do not pass."""
    return [f"{row['name']}: {row['outcome']}, {row['evidence']}" for row in profile.summary()["checks"] if row["outcome"] != "pass"]


def msfc_lines(data: Path) -> tuple[list[Line], dict[str, sr.CameraProfile]]:
    """K of each tap against the Fe-55 line."""
    iron, profiles = iron_line(data), {tap: sr.calibrate(series) for tap, series in msfc_tiles(data).items()}
    return [Line(f"MSFC, gain of tap {tap}, Fe-55", *number(profiles[tap], "gain"), *iron[tap], "DN/e⁻") for tap in iron], profiles


def nikon_lines(data: Path) -> tuple[list[Line], sr.CameraProfile]:
    """Scale of the planes A and B over green: ratio of their gains against what the empty codes say."""
    series = nikon(data)
    profile = sr.calibrate(series, cfa=PLANES)
    gain, error = profile.dataset["tap_gain"].values, profile.dataset["tap_gain_se"].values
    weight = 1.0 / error[[0, 3]] ** 2
    green, green_se = float((weight * gain[[0, 3]]).sum() / weight.sum()), float(1.0 / np.sqrt(weight.sum()))
    lines = [Line("Nikon, green 1 against green 2", gain[0], error[0], gain[3], error[3], "DN/e⁻")]
    for plane, name in ((1, "A"), (2, "B")):
        share, share_se = empty_codes(series, plane)
        ratio = gain[plane] / green
        ratio_se = ratio * math.hypot(error[plane] / gain[plane], green_se / green)
        lines.append(Line(f"Nikon, plane {name} over green", ratio, ratio_se, 1 / (1 - share), share_se / (1 - share) ** 2, "1"))
    return lines, profile


def k11_lines(data: Path) -> tuple[list[Line], sr.CameraProfile]:
    """Dark level and noise before the scan against after it, and the noise by pairs against that by pixels."""
    parts = k11(data)
    profile = sr.calibrate(k11_series(parts))
    both = [
        sr.calibrate(Series((memory("dark", name, parts[name], 16),), k11_series(parts).flat)) for name in ("dark before", "dark after")
    ]
    (before, before_se), (after, after_se) = (number(one, "offset") for one in both)
    noise = [(math.sqrt(v), se / (2 * math.sqrt(v))) for v, se in (number(one, "dark_variance") for one in both)]
    return [
        Line("K11, dark level before against after the scan", before, before_se, after, after_se, "DN"),
        Line("K11, dark noise before against after the scan", *noise[0], *noise[1], "DN"),
    ], profile


def scmos_lines(data: Path) -> list[Line]:
    """Noise and gain of frames drawn from the published maps (128², cleaned) against the maps."""
    gain, variance = (array[128:256, 128:256] for array in scmos(data))
    gain = np.where(gain > 0.5, gain, np.median(gain))
    flats = [scmos_frames(variance, 4, light, gain, seed) for seed, light in enumerate(np.linspace(200, 18000, 16), start=1)]
    dark = scmos_frames(variance, 100, 0.0, gain, 0)
    profile = sr.calibrate(Series((memory("dark", "dark", dark, 16),), tuple(memory("flat", f"{i}", f, 16) for i, f in enumerate(flats))))
    rms, (found, error) = math.sqrt(float(variance.mean())), number(profile, "dark_variance")
    noise = math.sqrt(found - 1 / 12)
    # Pixels are Poisson in electrons: variance over mean, pooled, is Σg²/Σg.
    pooled = float((gain**2).mean() / gain.mean())
    return [
        Line("sCMOS maps, rms noise", noise, error / (2 * noise), rms, 0.0, "DN"),
        Line("sCMOS maps, gain", *number(profile, "gain"), pooled, 0.0, "DN/e⁻"),
    ]


def main(data: Path) -> None:
    """Print the table and the checks that do not pass."""
    msfc, msfc_profiles = msfc_lines(data)
    nikon_rows, nikon_profile = nikon_lines(data)
    k11_rows, k11_profile = k11_lines(data)
    print("| camera, quantity | found | independent | unit | difference in SE |\n|---|---|---|---|---|")
    for line in (*msfc, *nikon_rows, *k11_rows, *scmos_lines(data)):
        print(line)
    for tap, edge in msfc_edges(data).items():
        print(f"MSFC {tap}, edge: {edge}")
    for name, profile in ({f"MSFC {tap}": p for tap, p in msfc_profiles.items()} | {"Nikon": nikon_profile, "K11": k11_profile}).items():
        print(f"\n{name}")
        print("\n".join(f"    {text}" for text in (*not_passed(profile), *profile.summary()["notes"])))


if __name__ == "__main__":
    if len(sys.argv) > 2:
        msfc_profile(Path(sys.argv[1])).to_netcdf(sys.argv[2])
    else:
        main(Path(sys.argv[1]))
