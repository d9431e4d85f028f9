"""What compression does to trained segmentations in microscopy, against the spread of raw noise: paper 000 on virtual scenes.

Three scenes (cells in phase contrast, nuclei in a light sheet, organs in optical tomography), each with a 16 bit camera that is calibrated
from darks and flats first. A small trained classifier of pixels segments them; `validate` draws raw-equivalent replicas and scores three
codecs: the upper 8 of 16 bits, 8 bits and JPEG at quality 80, and noise-aware quantisation in steps of one standard deviation. The last
has a plan with more replicas: that something is equivalent takes more of them to show than that it is not.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sigmaraw.camera import CameraProfile, calibrate
from sigmaraw.contracts import Criterion, Found, Reproduction
from sigmaraw.contracts.reproductions import Report
from sigmaraw.noise import NoiseModel
from sigmaraw.record import Record
from sigmaraw.record.results import ResultRow
from sigmaraw.reproduce import pixel_classifier
from sigmaraw.reproduce.pixel_classifier import GAIN, OFFSET, READ_NOISE
from sigmaraw.study import Plan, run
from sigmaraw.virtual.camera import VirtualCamera
from sigmaraw.virtual.light_sheet import light_sheet_scene
from sigmaraw.virtual.phase_contrast import phase_contrast_scene
from sigmaraw.virtual.series import write_frames, write_series
from sigmaraw.virtual.tomography import tomography_scan

AWARE = "noise-aware"
CODECS = {"16 → 8 bit": "to8bit:shift", "8 bit + JPEG": "to8bit:minmax+jpeg:quality=80", AWARE: "noiseaware:q=1,effort=5"}
SIZES: dict[str, tuple[int, int | str, int]] = {"quick": (1, "auto:decide,max=200", 10), "full": (3, "auto:decide,max=300", 30)}
"""Images of each microscope, replicas per group for noise-aware coding (until every row is decided), and for the other codecs."""
EPSILON, PERCENT = 10.0, 5.0
_MEASURE = "area+total_intensity+mean_intensity"
_CLASSIFIERS = "sigmaraw.reproduce.pixel_classifier"
_REPEATS = 400  # frames of Fig. 1a
_BITS = 16


@dataclass(frozen=True)
class Setup:
    """One kind of microscope.

    Parameters
    ----------
    name : str
        In tables and folders.
    scene : callable
        Seed → mean photoelectrons, (y, x) or (frame, y, x), e-.
    pipeline : str
        What segments and measures.
    """

    name: str
    scene: Callable[[int], NDArray[np.float64]]
    pipeline: str


def _labels(function: str) -> str:
    return f"labels:{_CLASSIFIERS}:{function},measure={_MEASURE}"


SETUPS = (
    Setup(
        "phase contrast",
        lambda seed: phase_contrast_scene(**pixel_classifier.PHASE_CONTRAST, seed=seed).mean_e,
        _labels("phase_contrast_cells"),
    ),
    Setup(
        "light sheet",
        lambda seed: light_sheet_scene(**pixel_classifier.LIGHT_SHEET, seed=seed).mean_e,
        _labels("light_sheet_nuclei"),
    ),
    Setup(
        "optical tomography",
        lambda seed: (
            tomography_scan(pixel_classifier.OPT_SHAPE, pixel_classifier.OPT_ANGLES, pixel_classifier.OPT_LIGHT, seed, "emission").mean_e
        ),
        "recon:"
        + ",".join(f"{key}={value}" for key, value in pixel_classifier.RECONSTRUCTION.items())
        + f',then="{_labels("tomogram_organs")}"',
    ),
)


def _beyond(row: Mapping[str, Any]) -> bool:
    return row["epsilon"] is not None and abs(row["epsilon"]) > EPSILON and abs(row["percent"]) > PERCENT


class Pomarico(Reproduction):
    """ε, shift and spread of trained segmentations after 8 bit, JPEG and noise-aware coding, in three microscopes."""

    name = "pomarico"
    title = "Compression against raw noise in phase contrast, light sheet and optical tomography"
    paper = "000 (Pomarico)"
    criteria: ClassVar[tuple[Criterion, ...]] = (
        Criterion(
            "pixels",
            "Fig. 1a: grey levels of repeated frames at three pixels against the calibrated camera's distribution, smallest p of χ²",
            "a figure; no numbers are printed",
            "no p is below .001",
            lambda v: min(v) >= 1e-3,
        ),
        Criterion(
            "harm",
            "8 bit and JPEG: parameters beyond 10 standard deviations and 5 % at once",
            "up to 15 % and more than 10 standard deviations",
            "there is at least one",
            lambda v: len(v) > 0,
        ),
        Criterion(
            "harm_each",
            "microscopes in which 8 bit or JPEG is shown to be beyond a limit (FAIL)",
            "phase contrast, light sheet and optical tomography",
            "all three are",
            lambda v: len(v) == len(SETUPS),
        ),
        Criterion(
            "aware",
            "noise-aware coding: verdicts of all parameters of all images",
            "a spread equivalent to that from raw noise",
            "each is PASS",
            lambda v: set(v) == {"PASS"},
        ),
        Criterion(
            "aware_spread",
            "noise-aware coding: spread over that of raw noise, smallest and largest",
            "equivalent",
            "both are within 1/1.25 to 1.25",
            lambda v: v[0] >= 0.8 and v[1] <= 1.25,
        ),
        Criterion(
            "aware_ks",
            "noise-aware coding: smallest Kolmogorov–Smirnov p against raw replicas, times the number of tests",
            "not printed",
            "it is at least .01",
            lambda v: v >= 0.01,
        ),
        Criterion(
            "aware_ratio",
            "compression ratio of noise-aware coding in each microscope (container bytes over coded bytes)",
            "up to 10:1",
            "each is above 2 and at most 10",
            lambda v: all(2 < ratio <= 10 for ratio in v),
        ),
    )

    def run(self, folder: Path, seed: int, quick: bool, progress: Report) -> Found:
        """Calibrate, validate and compare, microscope by microscope."""
        count, most, least = SIZES["quick" if quick else "full"]
        plans = {"equivalence": ((AWARE,), most), "harm": ([name for name in CODECS if name != AWARE], least)}
        formats = () if quick else ("html",)  # `sigmaraw report` makes the page of a record at any time
        records: dict[str, dict[str, Record]] = {}
        pixels: list[dict[str, Any]] = []
        for index, setup in enumerate(SETUPS):
            scenes = [setup.scene(1000 * seed + 10 * index + k) for k in range(count)]
            place = folder / setup.name.replace(" ", "-")
            camera = VirtualCamera(scenes[0].shape[-2:], GAIN, READ_NOISE, OFFSET, _BITS, full_well_e=30000.0, seed=seed + index)
            profile = _calibrated(camera, place, [seed, index])
            if index == 0:
                pixels = _pixel_statistics(camera, scenes[0], profile, seed)
            images = [_written(camera, place / f"raw-{k}.tif", each, [seed, index, k]) for k, each in enumerate(scenes)]
            records[setup.name] = {}
            for question, (codecs, n) in plans.items():
                specs = tuple(CODECS[name] for name in codecs)
                plan = Plan(specs, setup.pipeline, n=n, seed=seed, volume=scenes[0].ndim == 3)
                records[setup.name][question] = run(plan, images, place / "camera.nc", progress=progress)
                records[setup.name][question].write(place / question, formats)
        rows = [row for name, studies in records.items() for record in studies.values() for row in _rows(name, record)]
        values = _values(rows, records, pixels)
        notes = (
            "000 is a summary of one page: it prints neither images, nor parameters, nor settings of the codecs. Here a linear "
            "discriminant on filtered images stands in for its trained models, and virtual scenes for its images.",
            f"Shifts by 8 bit and JPEG, largest of each microscope: {_largest(rows)}.",
            "Not reproduced: neural stem cells, light-sheet and tomography images of the authors, which are not public: "
            "`sigmaraw validate` on such images, with their camera's profile and the trained model.",
        )
        figures = {"pixel-statistics": _pixel_figure(pixels), "scores": _score_figure(rows), "spread": _spread_figure(records)}
        return Found(values, _shown(values), figures, notes)


def _calibrated(camera: VirtualCamera, place: Path, seed: Sequence[int]) -> CameraProfile:
    """Write a series of darks and flats and the profile that it gives; return that."""
    series = write_series(camera, place / "calibration", 10, 4, 16, int(np.random.default_rng(seed).integers(2**31)))
    profile = calibrate(series)
    profile.to_netcdf(place / "camera.nc")
    return profile


def _written(camera: VirtualCamera, path: Path, mean_e: NDArray[np.float64], seed: Sequence[int]) -> Path:
    """Take each frame of a scene once and write them; return the file."""
    frames = [camera.acquire(mean, 1, [*seed, k], exposure_s=0.01)[0] for k, mean in enumerate(np.atleast_3d(mean_e.T).T)]
    return write_frames(path, np.stack(frames) if mean_e.ndim == 3 else frames[0], _BITS)


def _pixel_statistics(camera: VirtualCamera, mean_e: NDArray[np.float64], profile: CameraProfile, seed: int) -> list[dict[str, Any]]:
    """Return grey levels of three pixels over repeated frames, and the number expected at each level by the calibrated camera."""
    frames = camera.acquire(mean_e, _REPEATS, [seed, 0xF1A], exposure_s=0.01)
    order = np.argsort(mean_e.ravel())
    model = NoiseModel.from_profile(profile, scalars=True)
    gain, offset, read_noise = map(float, (model.gain_dn_per_e, model.offset_dn, model.read_noise_e))
    found = []
    for name, at in (("in a cell", order[0]), ("in the background", order[order.size // 2]), ("in a halo", order[-1])):
        seen = frames.reshape(_REPEATS, -1)[:, at]
        levels = np.arange(int(seen.min()) - 40, int(seen.max()) + 41)
        expected = _REPEATS * grey_level_distribution(levels, float(seen.mean()), gain, offset, read_noise)
        found.append({"name": name, "seen": seen, "levels": levels, "expected": expected, "p": _chi_square(seen, levels, expected)})
    return found


def grey_level_distribution(
    levels: NDArray[np.integer], mean_dn: float, gain: float, offset_dn: float, read_noise_e: float
) -> NDArray[np.float64]:
    """Return the probability of each grey level, DN, of a pixel with this mean (formula 3).

    Parameters
    ----------
    levels : ndarray of int
        (level), DN.
    mean_dn, gain, offset_dn, read_noise_e : float
        Mean, DN; system gain, DN/e-; offset, DN; read noise, e-.
    """
    from scipy.stats import norm, poisson

    rate = max((mean_dn - offset_dn) / gain, 1e-9)
    reach = 9 * math.sqrt(rate) + 20
    electrons = np.arange(max(0, int(rate - reach)), int(rate + reach) + 1)
    edges = np.append(levels, levels[-1] + 1) - 0.5
    below = norm.cdf((edges[:, np.newaxis] - offset_dn - gain * electrons) / (gain * max(read_noise_e, 1e-6)))
    chance: NDArray[np.float64] = np.diff(below, axis=0) @ poisson.pmf(electrons, rate)
    return chance


def _chi_square(seen: NDArray[np.integer], levels: NDArray[np.integer], expected: NDArray[np.float64]) -> float:
    """Return p of χ² over bins of about 30 expected counts; one degree of freedom goes to the mean, which was taken from the counts."""
    from scipy.stats import chi2

    edges = np.searchsorted(np.cumsum(expected), np.arange(30, expected.sum() - 29, 30))
    cuts = np.unique(edges)
    counts = np.array([part.sum() for part in np.split(np.bincount(seen - levels[0], minlength=levels.size), cuts)])
    model = np.array([part.sum() for part in np.split(expected, cuts)])
    model *= counts.sum() / model.sum()
    return float(chi2.sf(np.sum((counts - model) ** 2 / model), len(counts) - 2))


def _rows(setup: str, record: Record) -> Iterable[dict[str, Any]]:
    """Yield what the paper asks of each parameter: ε, shift in % of χ_raw, spread and Kolmogorov–Smirnov's p."""
    names = {spec: name for name, spec in CODECS.items()}
    for row in record.content.results:
        yield {
            "microscope": setup,
            "codec": names.get(row.codec, row.codec),
            "image": row.image,
            "parameter": row.measurement,
            "epsilon": row.epsilon,
            "epsilon_hat": row.epsilon_hat,
            "percent": _percent(row),
            "spread": row.spread_ratio,
            "ks_p": None if row.ks is None else row.ks.p,
            "verdict": row.verdict,
        }


def _percent(row: ResultRow) -> float | None:
    """Return the shift of the image itself, % of χ_raw."""
    if row.chi_raw is None or row.chi_codec is None or row.chi_raw == 0:
        return None
    return 100 * (row.chi_codec - row.chi_raw) / abs(row.chi_raw)


def _values(
    rows: Sequence[Mapping[str, Any]], records: Mapping[str, Mapping[str, Record]], pixels: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    aware = [row for row in rows if row["codec"] == AWARE]
    others = [row for row in rows if row["codec"] != AWARE]
    spread = [row["spread"] for row in aware if row["spread"] is not None] or [math.nan]
    p = [row["ks_p"] for row in aware if row["ks_p"] is not None] or [math.nan]
    names = {spec: name for name, spec in CODECS.items()}
    ratios = {
        setup: {names[row.codec]: row.compression_ratio for record in studies.values() for row in record.content.codecs}
        for setup, studies in records.items()
    }
    return {
        "pixels": [entry["p"] for entry in pixels],
        "harm": [dict(row) for row in others if _beyond(row)],
        "harm_each": sorted({row["microscope"] for row in others if row["verdict"] == "FAIL"}),
        "aware": [row["verdict"] for row in aware],
        "aware_spread": [min(spread), max(spread)],
        "aware_ks": min(1.0, min(p) * len(p)),
        "aware_ratio": [each[AWARE] for each in ratios.values()],
        "ratios": ratios,
        "rows": [dict(row) for row in rows],
    }


def _largest(rows: Sequence[Mapping[str, Any]]) -> str:
    parts = []
    for setup in dict.fromkeys(row["microscope"] for row in rows):
        of = [row for row in rows if row["microscope"] == setup and row["codec"] != AWARE and row["epsilon"] is not None]
        worst = max(of, key=lambda row: abs(row["epsilon"]), default=None)
        if worst is not None:
            which = f"{worst['codec']}, {worst['parameter'].replace('_', ' ')}"
            parts.append(f"{setup} {worst['percent']:+.1f} % and {worst['epsilon']:+.0f} σ ({which})")
    return "; ".join(parts)


def _shown(values: Mapping[str, Any]) -> dict[str, str]:
    verdicts = values["aware"]
    beyond = [f"{row['microscope']}, {row['codec']}, {row['parameter'].replace('_', ' ')}" for row in values["harm"]]
    return {
        "pixels": ", ".join(f"{p:.3f}" for p in values["pixels"]),
        "harm": f"{len(beyond)}: " + "; ".join(dict.fromkeys(beyond)) if beyond else "none",
        "harm_each": ", ".join(values["harm_each"]) or "none",
        "aware": ", ".join(f"{verdicts.count(word)} {word}" for word in dict.fromkeys(verdicts)),
        "aware_spread": " and ".join(f"{value:.3f}" for value in values["aware_spread"]),
        "aware_ks": f"{values['aware_ks']:.2f}",
        "aware_ratio": ", ".join(f"{ratio:.1f}" for ratio in values["aware_ratio"]),
    }


def _pixel_figure(pixels: Sequence[Mapping[str, Any]]) -> Any:
    from sigmaraw.reports.svg import drawing, figure

    with drawing():
        made = figure(2.8, 8.0)
        made.set_layout_engine("constrained")
        for axes, entry in zip(made.subplots(1, len(pixels)), pixels, strict=True):
            width = max(1, round(np.ptp(entry["seen"]) / 25))
            edges = np.arange(entry["levels"][0], entry["levels"][-1] + width + 1, width)
            axes.hist(entry["seen"], edges, color="#9aa0aa", label=f"{len(entry['seen'])} frames")
            axes.plot(entry["levels"], entry["expected"] * width, color="#a63c00", label="calibrated camera")
            axes.set_title(f"{entry['name']}, p = {entry['p']:.2f}", fontsize=9)
            axes.set_xlabel("grey level, DN")
        made.axes[0].set_ylabel("frames")
        made.axes[0].set_ylim(top=1.4 * made.axes[0].get_ylim()[1])
        made.axes[0].legend(frameon=False, fontsize=7, loc="upper left")
    return made


def _score_figure(rows: Sequence[Mapping[str, Any]]) -> Any:
    """Draw ε against the shift in % of every parameter."""
    from sigmaraw.reports.svg import drawing, figure

    colours = dict(zip(CODECS, ("#a63c00", "#7a5a00", "#00695c"), strict=False))
    marks = dict(zip(dict.fromkeys(row["microscope"] for row in rows), "osD", strict=False))
    with drawing():
        made = figure(3.6, 6.4)
        made.set_layout_engine("constrained")
        axes = made.subplots()
        axes.axhspan(-1, 1, color="#d9dee6", lw=0)
        for (setup, mark), (codec, colour) in ((a, b) for a in marks.items() for b in colours.items()):
            of = [row for row in rows if (row["microscope"], row["codec"]) == (setup, codec) and row["epsilon"] is not None]
            axes.plot([row["percent"] for row in of], [row["epsilon"] for row in of], mark, ms=5, color=colour, alpha=0.8, lw=0)
        axes.set_xscale("symlog", linthresh=0.1)
        axes.set_yscale("symlog", linthresh=1)
        ticks = (-10, -1, -0.1, 0, 0.1, 1, 10)
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        ticks = (-100, -10, -1, 0, 1, 10, 100)
        axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.minorticks_off()
        axes.set_xlabel("shift, % of the raw image's value")
        axes.set_ylabel("ε, standard deviations of raw noise")
        handles = [axes.plot([], [], "o", color=colour, label=codec)[0] for codec, colour in colours.items()]
        handles += [axes.plot([], [], mark, color="#33373d", mfc="none", label=setup)[0] for setup, mark in marks.items()]
        axes.legend(handles=handles, frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    return made


def _spread_figure(records: Mapping[str, Mapping[str, Record]]) -> Any:
    """Draw each replica's area, raw and after the codecs, in standard deviations of the raw ones."""
    from sigmaraw.reports.svg import drawing, figure

    with drawing():
        made = figure(2.8, 8.0)
        made.set_layout_engine("constrained")
        for axes, (name, studies) in zip(made.subplots(1, len(records), squeeze=False)[0], records.items(), strict=True):
            raw = _areas(studies["equivalence"], "raw_prediction")[0]
            middle, spread = raw.mean(), raw.std(ddof=1) or 1.0
            groups = [raw, *_areas(studies["harm"], "codec_prediction"), *_areas(studies["equivalence"], "codec_prediction")]
            axes.axhspan(-1, 1, color="#d9dee6", lw=0)
            for at, group in enumerate(groups):
                places = at + np.linspace(-0.25, 0.25, len(group))
                axes.plot(places, (group - middle) / spread, ".", ms=3, color="#33373d" if at == 0 else "#0b5d91")
            axes.set_yscale("symlog", linthresh=3)
            axes.set_yticks((-100, -10, -1, 0, 1, 10, 100), ["-100", "-10", "-1", "0", "1", "10", "100"])
            axes.minorticks_off()
            axes.set_xticks(range(len(groups)), ["raw", *CODECS], rotation=30, ha="right")
            axes.set_title(name, fontsize=9)
        made.axes[0].set_ylabel("area of each replica, σ of raw")
    return made


def _areas(record: Record, which: str) -> NDArray[np.float64]:
    """Return the areas of the first image's replicas, (group, replica), before or after the codec."""
    found: NDArray[np.float64] = record.dataset[which].isel(image=0).sel(measurement="area").values
    return found
