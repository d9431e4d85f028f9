"""Dark and flat series → CameraProfile: one pass over the files, a few frames in memory at a time.

The pass takes each level's scalars, from which the range of the fit follows, and keeps the moments of its pixels until it is known
whether the level is in that range. Odd pixels of the first dark level alone are looked at again.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import numpy as np

from sigmaraw.camera.checks.evidence import CHANCE, DeadPixels, SeriesEvidence
from sigmaraw.camera.checks.series import run_checks
from sigmaraw.camera.dataset import SCALARS, assemble
from sigmaraw.camera.fitting import derived
from sigmaraw.camera.fitting.curves import (
    ModelFit,
    TransferModel,
    choose_model,
    highest_signal,
    plain_faults,
    transfer_attributes,
    transfer_scalars,
)
from sigmaraw.camera.fitting.dark import DarkResult, dark_result
from sigmaraw.camera.fitting.transfer import GainFit, TransferData, fit_gain, saturation_level
from sigmaraw.camera.maps.classes import PixelClass, class_map, flag_attributes, near_floor, outstanding, telegraph
from sigmaraw.camera.maps.nonuniformity import PARTS, deviations, pattern, response_variance
from sigmaraw.camera.maps.pixels import DarkPixels, FlatPixels, GainPixels, dark_pixels, dark_pixels_from_maps, read_noise_pixels, without
from sigmaraw.camera.maps.spatial import Arrays, pattern_arrays
from sigmaraw.camera.measuring.moments import LevelMoments
from sigmaraw.camera.measuring.onepass import CHUNK_PIXELS
from sigmaraw.camera.mixture import refusal, undetermined
from sigmaraw.camera.profile import CameraProfile
from sigmaraw.camera.scan import Progress, Scan, scan_levels, with_bits
from sigmaraw.camera.taps.layout import parse_layout
from sigmaraw.camera.taps.merging import Calibration, with_taps
from sigmaraw.camera.values import Estimate, NotDetermined
from sigmaraw.errors import ImplausibleSeries, InvalidOption, SigmarawError, TooFewFrames
from sigmaraw.frames import Series, read_series

_SATURATED = 0.05  # of a level's pixels at the series' maximum
_UNSTEADY = 0.20  # of the signal: repeats that differ more are not repeats
_BLACK_CLIPPED = 0.001
_ABOUT_HALF = 0.15  # of saturation
_WHOLE_LINE = 0.9  # of a row or column that is dead: overscan, masked columns


def calibrate(
    series: str | os.PathLike[str] | Series,
    *,
    bits: int | None = None,
    taps: str | None = None,
    cfa: str | None = None,
    progress: Progress | None = None,
) -> CameraProfile:
    """Calibrate a camera from dark and flat frames by photon transfer.

    Parameters
    ----------
    series : SERIES folder, EMVA 1288 descriptor file, or a `Series`.
    bits : bit depth of the camera, 1 to 16; None takes metadata's, else the container's.
    taps : "rows x columns" of regions that have a readout of their own ("2x2"). cfa : colour filter pattern of 2 × 2 pixels, first row
        first ("RGGB"). Either adds `tap_*` variables along `tap` and centres each pixel's maps on its own tap.
    progress : called with (levels done, levels in all, name) after each level.

    Returns
    -------
    CameraProfile : scalars of the whole sensor with standard errors, per-pixel maps, the photon-transfer levels, and what could not
        be determined.

    Raises
    ------
    InputNotFound, UnreadableFile, InvalidSeries, NotIntegerData, ColourImage, ShapeMismatch, BitDepthMismatch : the frames.
    TooFewFrames : one frame only at a level, fewer than two usable flat levels.
    ImplausibleSeries : flats darker than darks, all flats saturated, variance that does not grow. With taps, this and the one before name
        every tap that they befall; all pixels together need not be fit for calibration where each tap is.
    OutOfSpace : the folder for temporary files has no room for 8 bytes a pixel and level.
    InvalidOption : taps and cfa together, or malformed.

    Reference: EMVA 1288 r4.0, linear model; SCIENCE 3.
    """
    layout = parse_layout(taps, cfa)
    found = with_bits(series, bits) if isinstance(series, Series) else read_series(series, bits=bits)
    if cfa is not None and found.cfa is not None and found.cfa.isalpha() and len(found.cfa) == 4 and found.cfa != cfa.upper():
        raise InvalidOption(f"cfa={cfa}, but the headers state {found.cfa}", "one colour filter pattern", "correct --cfa, or the headers")
    if layout is not None:
        found = replace(found, cfa=None)  # said by the call itself
    with ExitStack() as closing:
        scan, *tap_scans = scan_levels(found, closing, progress, layout)
        if layout is None:
            measured = _calibration(scan)
            return CameraProfile(measured.dataset, measured.checks)
        whole: Calibration | SigmarawError
        try:
            whole = _calibration(scan, mixture=True)
        except (ImplausibleSeries, TooFewFrames) as error:
            whole = error  # of the mixture: its taps may be fit for calibration
        parts: list[Calibration] = []
        failed: dict[str, SigmarawError] = {}
        for label, tap_scan in zip(layout.labels, tap_scans, strict=True):
            try:
                parts.append(_calibration(tap_scan, CHANCE / len(tap_scans)))
            except SigmarawError as error:
                failed[label] = error
    if failed:
        raise refusal(failed, len(tap_scans), whole if isinstance(whole, SigmarawError) else None)
    if isinstance(whole, SigmarawError):
        whole = Calibration(undetermined(scan, [part.dataset for part in parts], whole), ())
    merged = with_taps(whole, parts, layout, SCALARS)
    return CameraProfile(merged.dataset, merged.checks)


def _calibration(scan: Scan, chance: float = CHANCE, *, mixture: bool = False) -> Calibration:
    """The camera dataset and the checks of all pixels of a series.

    chance : of a false alarm of each check. mixture : pixels are of several kinds, so that none is a defect for being unlike its neighbours.
    """
    found = scan.series
    data = TransferData(tuple(scan.flats), tuple(scan.darks), _dark_index(found))
    full_scale = (1 << (scan.bits or 0)) - 1
    _refuse_implausible(found, data)
    saturation, peak = saturation_level(data.flats)
    known = found.maps is None  # of maps no frame count is known, and so no error
    offset = _mean(data.darks[0], known)
    # The dark level of the saturated level's own exposure: dark current fills the well as light does, but is no signal.
    below = offset if peak is None else _mean(data.darks[data.dark_index[peak]], known)
    upper = (full_scale if saturation.reason else saturation.value) - below.value
    straight = fit_gain(data, upper)
    model, bics = choose_model(data, straight)
    fit = replace(straight, weighted=model.gain, coefficients=model.coefficients)
    dark = dark_result(data, [level.exposure_ms for level in found.dark], fit)
    scalars, attributes = _scalars(found, data, saturation, (offset, below), upper, fit, dark)
    # A converter that saturates below the container's end clips there; one that never did may go on to the end.
    top = full_scale if saturation.reason else max(level.maximum for level in (*data.flats, *data.darks))
    maps, drawn, uniformity, flags = _maps(scan, data, fit, model, upper, (top, full_scale), mixture=mixture)
    scalars.update(uniformity)
    scalars.update(transfer_scalars(model))
    attributes.update(flags)
    defects = maps["defect_mask"].astype(bool)
    if not mixture and defects.any() and not defects.all() and known:
        scalars["offset"] = Estimate(float(maps["offset_map"][~defects].mean()), scalars["offset"].se)
    evidence = SeriesEvidence(
        data, straight, tuple(scan.dark_evidence), tuple(scan.flat_evidence), _light(found), upper, full_scale, chance, model,
        plain_faults(data, straight) if model.model is not TransferModel.LINEAR else {},
        _defective(maps["pixel_class_map"] == PixelClass.DEAD, maps["offset_map"], data.darks[0].minimum),
    )  # fmt: skip
    dark_variance = np.array([level.variance for level in data.darks])[data.dark_index]
    dataset = assemble(
        scalars,
        maps,
        scan.curve(np.where(fit.used, dark_variance + model.predict(data.x), np.nan), fit.used),
        attributes,
        {
            **scan.provenance(),
            "valid_lo_dn": 0,
            "valid_hi_dn": top,
            "fit_upper_dn": offset.value + 0.7 * upper,
            **transfer_attributes(model, bics, offset.value, upper, highest_signal(model, data, straight.used)),
            "notes": "\n".join(_notes(scan, data, saturation, fit, model, dark)),
        },
        drawn,
    )
    return Calibration(dataset, run_checks(evidence))


def _defective(dead: np.ndarray, offset: np.ndarray, lowest: int) -> DeadPixels:
    """Return what the checks need to know of pixels that do not respond; lowest : code among the dark values, DN."""
    rows, columns = (int(np.count_nonzero(dead.mean(axis=axis) > _WHOLE_LINE)) for axis in (1, 0))
    floor = int(np.count_nonzero(dead & (offset <= lowest + 0.5)))
    return DeadPixels(int(np.count_nonzero(dead)), rows, columns, 100.0 * floor / dead.size)


def _mean(dark: LevelMoments, known: bool) -> Estimate:
    return Estimate(dark.mean, float(np.sqrt(dark.mean_var)) if known else math.nan)


def _dark_index(series: Series) -> np.ndarray:
    if series.maps is not None:
        return np.zeros(len(series.flat), dtype=np.intp)
    return np.array([series.dark.index(series.dark_for(level)) for level in series.flat], dtype=np.intp)


def _refuse_implausible(series: Series, data: TransferData) -> None:
    """Raise ImplausibleSeries for flats darker than their darks, flats that are all saturated, and repeats that are none."""
    signal = data.x
    for index, (flat, level) in enumerate(zip(data.flats, series.flat, strict=True)):
        dark = data.darks[data.dark_index[index]]
        if signal[index] < -max(5.0 * np.sqrt(flat.mean_var + dark.mean_var), np.sqrt(dark.variance)):
            raise ImplausibleSeries(
                f"flat level {level.name} (mean {flat.mean:.1f} DN) is darker than its dark level (mean {dark.mean:.1f} DN)",
                "flats brighter than darks",
                "check whether dark/ and flat/ are swapped",
            )
    if not np.any(
        signal > 5.0 * np.sqrt([flat.mean_var + data.darks[g].mean_var for flat, g in zip(data.flats, data.dark_index, strict=True)])
    ):
        raise ImplausibleSeries(
            "no flat level is brighter than its dark level", "flats brighter than darks", "check the light and the folders"
        )
    _refuse_unsteady(series, data)
    _refuse_saturated(data)


def _refuse_saturated(data: TransferData) -> None:
    top = max(flat.maximum for flat in data.flats)
    if all(flat.maximum == top and flat.top_fraction > _SATURATED for flat in data.flats):
        raise ImplausibleSeries(
            f"all {len(data.flats)} flat levels are saturated at {top} DN", "levels from dark to saturation", "expose less"
        )


def _refuse_unsteady(series: Series, data: TransferData) -> None:
    """Raise ImplausibleSeries for a level whose repeats are none."""
    signal = data.x
    for index, (flat, level) in enumerate(zip(data.flats, series.flat, strict=True)):
        spread = float(np.ptp(flat.frame_means))
        if spread > _UNSTEADY * abs(signal[index]) and spread > 10.0 * np.sqrt(2.0 * flat.variance / flat.n_pixels):
            raise ImplausibleSeries(
                f"the repeats of flat level {level.name} differ by {spread:.1f} DN in mean, its signal is {signal[index]:.1f} DN",
                "repeats of one exposure",
                "give each exposure or irradiance its own level: its own file, or its pages in frames.csv (column pages, as 0-1)",
            )


def _scalars(
    series: Series,
    data: TransferData,
    saturation: Estimate,
    offsets: tuple[Estimate, Estimate],
    upper: float,
    fit: GainFit,
    dark: DarkResult,
) -> tuple[dict[str, Estimate], dict[str, dict[str, float | str]]]:
    """All scalars but the nonuniformities, and attributes that some of them carry."""
    gain, darkest = fit.weighted, data.darks[0]
    offset, below = offsets  # at the shortest exposure, and at the saturated level's
    full = derived.capacity(saturation, below, gain)
    threshold = derived.sensitivity_threshold(darkest.variance, darkest.variance_var, gain)
    linearity, extremes = derived.linearity_error(data.flats, data.x, _light(series), upper)
    scalars = {
        "gain": gain,
        "gain_unweighted": fit.unweighted,
        "photon_transfer_chi2": Estimate(fit.chi2, float(np.sqrt(2.0 / (np.count_nonzero(fit.used) - 1)))),
        "offset": offset,
        "dark_variance": Estimate(darkest.variance, float(np.sqrt(darkest.variance_var)) if series.maps is None else math.nan),
        "read_noise": dark.read_noise,
        "dark_noise": dark.dark_noise,
        "dark_current": dark.dark_current,
        "dark_current_from_variance": dark.dark_current_from_variance,
        "saturation": saturation,
        "saturation_capacity": full,
        "dynamic_range": derived.dynamic_range(full, threshold),
        "snr_max": derived.snr_max(full),
        "sensitivity_threshold": threshold,
        "linearity_error": linearity,
    }
    attributes: dict[str, dict[str, float | str]] = {}
    if dark.noise_limit_e is not None:
        for name in ("read_noise", "dark_noise"):
            attributes[name] = {"flag": "below-quantisation-limit", "upper_limit": dark.noise_limit_e}
    if linearity.reason is None:
        attributes["linearity_error"] = {"minimum": extremes[0], "maximum": extremes[1]}
    return scalars, attributes


def _light(series: Series) -> np.ndarray | None:
    """Relative light of each flat: photons, else irradiance × exposure, else exposure where no irradiance is given."""
    if all(level.photons is not None for level in series.flat):
        return np.array([level.photons for level in series.flat], dtype=np.float64)
    if any(level.exposure_ms is None for level in series.flat):
        return None
    exposure = np.array([level.exposure_ms for level in series.flat], dtype=np.float64)
    given = [level.irradiance for level in series.flat]
    if all(value is None for value in given):
        return exposure if len(set(exposure)) == len(exposure) else None  # levels of one exposure differ in light
    return None if any(value is None for value in given) else exposure * np.array(given, dtype=np.float64)


def _half_saturated(signal: np.ndarray, upper: float, frames: np.ndarray) -> int:
    """Index of the level for PRNU: of those about half saturation the one of most frames, the nearest of equals.

    A stack is taken there on purpose; saturation is known to the spacing of the levels only, so the nearest may be another.
    """
    away = np.abs(signal / upper - 0.5)
    about = np.where(away <= _ABOUT_HALF, frames, 0) if np.nanmin(away) <= _ABOUT_HALF else np.zeros_like(frames)
    return int(np.nanargmin(np.where(about == about.max(), away, np.nan)))


def _maps(
    scan: Scan, data: TransferData, fit: GainFit, model: ModelFit, upper: float, ends: tuple[int, int], *, mixture: bool
) -> tuple[dict[str, np.ndarray], Arrays, dict[str, Estimate], dict[str, dict[str, Any]]]:
    """Maps from the levels of the fit, what is drawn of the patterns, DSNU, PRNU at half saturation, and their flags."""
    series = scan.series
    signal = np.where(fit.used, data.x, np.nan)
    middle = _half_saturated(signal, upper, np.array([level.n_frames for level in data.flats]))
    shortest = _dark_pixels(scan, 0)
    sums = GainPixels((shortest.offset.shape[0], shortest.offset.shape[1]), ends[0])
    middle_dark = shortest
    for dark in np.unique(data.dark_index[fit.used]):
        pixels = shortest if dark == 0 else _dark_pixels(scan, dark)
        used = np.flatnonzero(fit.used & (data.dark_index == dark))
        # Of a bent curve a pixel shares the bend: its gain is that at small signals, as the camera's is.
        bend = fit.weighted.value * data.x[used] / model.predict(data.x[used])
        sums.add_kept(pixels, _kept(scan, data, used, bend))
        middle_dark = pixels if dark == data.dark_index[middle] else middle_dark
    assert scan.store is not None
    bright, variance, _ = scan.store.rows(len(series.dark) + middle, slice(None))
    gain = fit.weighted
    dead, hot = sums.defects(shortest.offset, ends[1])
    defects = np.zeros_like(dead) if mixture else dead | hot
    frames, lines = data.flats[middle].n_frames, scan.flat_evidence[middle].lines

    def photo_response(left_out: np.ndarray) -> tuple[dict[str, Estimate], dict[str, dict[str, Any]]]:
        good, noise = without(left_out, bright, variance)
        signal = float(good.mean()) - float(without(left_out, middle_dark.offset)[0].mean())
        percent = Estimate(
            100.0 / (signal if left_out.any() else float(data.x[middle])), 0.0
        )  # the level's own error is far below the pattern's
        spatial = pattern(good, np.maximum(noise, 0.0), frames, lines)
        return deviations("prnu", response_variance(spatial, middle_dark.pattern_without(left_out)), percent)

    uniformity, flags = photo_response(defects)
    with_all = photo_response(np.zeros_like(defects))[0] if defects.any() else {}
    gain_map, gain_map_se = sums.result(gain.value, gain.se, uniformity["prnu"].value / 100.0)
    noise, noise_se = read_noise_pixels(shortest, gain_map)
    clipped = sums.clipped
    del sums
    classes, flags["pixel_class_map"] = _classes(scan, shortest, {PixelClass.DEAD: dead, PixelClass.HOT: hot}, clipped)
    maps = {
        "offset_map": shortest.offset,
        "offset_map_se": np.sqrt(shortest.offset_var),
        "read_noise_map": noise,
        "read_noise_map_se": noise_se,
        "gain_map": gain_map,
        "gain_map_se": gain_map_se,
        "defect_mask": (dead | hot).astype(np.int8),
        "pixel_class_map": classes,
    }
    response = bright - middle_dark.offset
    drawn = {
        **pattern_arrays("dsnu", (shortest.offset - shortest.offset.mean()) / gain.value, high_pass=False),
        **pattern_arrays("prnu", 100.0 * (response / response.mean() - 1.0), high_pass=True),
    }
    if series.maps is not None:
        missing = Estimate.missing(NotDetermined.MAPS_STAND_IN)
        return maps, drawn, {**uniformity, **{"dsnu" if part == "total" else f"dsnu_{part}": missing for part in PARTS}}, flags
    per_gain = Estimate(1.0 / gain.value, gain.se / gain.value**2)
    shade, shade_flags = deviations("dsnu", shortest.pattern_without(defects).variance, per_gain)
    if defects.any():
        with_all |= deviations("dsnu", shortest.pattern.variance, per_gain)[0]
    for name, value in with_all.items():
        if name in ("prnu", "dsnu") and value.reason is None:
            (flags if name == "prnu" else shade_flags).setdefault(name, {})["with_defects"] = value.value
    return maps, drawn, {**uniformity, **shade}, {**flags, **shade_flags}


def _kept(scan: Scan, data: TransferData, used: np.ndarray, bend: np.ndarray) -> Callable[[slice], Iterator[FlatPixels]]:
    """What yields some rows of the flat levels `used`, one after the other."""
    store, darks = scan.store, len(scan.series.dark)
    assert store is not None

    def flats(rows: slice) -> Iterator[FlatPixels]:
        for index, straighten in zip(used, bend, strict=True):
            level = data.flats[index]
            mean, variance, still = store.rows(darks + int(index), rows)
            yield FlatPixels(mean, variance, level.n_frames, level.variance, float(straighten), still, float(data.x[index]))

    return flats


def _classes(scan: Scan, dark: DarkPixels, marks: dict[PixelClass, np.ndarray], clipped: np.ndarray) -> tuple[np.ndarray, dict[str, Any]]:
    """The class of each pixel, and the attributes of the map; RTS and correlation from a dark level of many frames, read again."""
    noise = math.sqrt(float(dark.variance.mean()))
    marks[PixelClass.HOT] = marks[PixelClass.HOT] | outstanding(dark.offset, noise)
    marks[PixelClass.CLIPPED] = clipped | near_floor(dark.offset, dark.variance)
    series, suspects = scan.series, scan.suspects
    if suspects is None:
        reason = NotDetermined.NEEDS_DARK_FRAMES if series.maps is None else NotDetermined.MAPS_STAND_IN
        return class_map(marks), flag_attributes(reason)
    marks[PixelClass.CORRELATED] = suspects.correlated
    marks[PixelClass.RTS] = np.zeros(dark.offset.shape, dtype=bool)
    level = series.dark[scan.suspects_of]
    jumping = telegraph(suspects, level.stream().chunks(CHUNK_PIXELS), scan.darks[scan.suspects_of].frame_means)
    marks[PixelClass.RTS].reshape(-1)[suspects.where[jumping]] = True
    known = {"suspects_dropped": suspects.dropped or None, "dark_exposure_ms": level.exposure_ms}
    return class_map(marks), {**flag_attributes(None), **{key: value for key, value in known.items() if value is not None}}


def _dark_pixels(scan: Scan, index: int) -> DarkPixels:
    maps = scan.series.maps
    if maps is not None:
        return dark_pixels_from_maps(maps.offset_dn, maps.read_noise_dn)
    lines, frames = scan.dark_evidence[index].lines, scan.darks[index].n_frames
    if index == 0 and scan.dark_pixels is not None:
        sums, scan.dark_pixels = scan.dark_pixels, None  # asked for once: sums and maps side by side are much memory
        return dark_pixels(sums.mean(), sums.variance(), frames, lines)
    assert scan.store is not None
    mean, variance, _ = scan.store.rows(index, slice(None))
    return dark_pixels(mean, variance, frames, lines)


def _notes(scan: Scan, data: TransferData, saturation: Estimate, fit: GainFit, model: ModelFit, dark: DarkResult) -> list[str]:
    series = scan.series
    notes = [*series.notes, *fit.notes, *dark.notes]
    if model.model is not TransferModel.LINEAR:
        notes.append(
            f"the {model.model} transfer model describes the levels better than a straight line; the gain is that at small signals"
        )
    if saturation.reason is not None:
        notes.append("saturation was not reached: the gain fit takes 70 % of full scale as its upper end")
    if series.maps is not None:
        notes.append("offset and read-noise maps stand in for dark frames; their own uncertainty is not known and not included")
    if any(level.n_frames and level.minimum == 0 and level.bottom_fraction > _BLACK_CLIPPED for level in data.darks):
        notes.append("dark pixels are clipped at 0 DN: offset and read noise are biased")
    odd = [level.name for level, moments in zip((*series.dark, *series.flat), _framed(data, series), strict=True) if moments.n_frames % 2]
    if series.cfa is not None:
        notes.append(f"the headers state a colour filter array ({series.cfa}): pixels differ in kind, calibrate with --cfa {series.cfa}")
    if odd:
        notes.append(f"odd number of frames: the last one is in the mean but in no pair ({len(odd)} level{'s' if len(odd) > 1 else ''})")
    if len(series.dark) == 2:
        notes.append("read noise is that at the shortest dark exposure: extrapolation to zero needs three")
    if scan.suspects_of:
        exposure = series.dark[scan.suspects_of].exposure_ms
        notes.append(f"RTS and correlated pixels are those of the dark level at {exposure:g} ms, the first of many frames")
    return notes


def _framed(data: TransferData, series: Series) -> tuple[LevelMoments, ...]:
    return (*(data.darks if series.maps is None else ()), *data.flats)
