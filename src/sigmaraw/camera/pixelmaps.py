"""Maps of the pixels of a series, from the levels of the gain fit."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from sigmaraw.camera.fitting.curves import CurveFit
from sigmaraw.camera.fitting.transfer import GainFit, TransferData
from sigmaraw.camera.maps.classes import PixelClass, class_map, flag_attributes, near_floor, outstanding, telegraph
from sigmaraw.camera.maps.nonuniformity import PARTS, deviations, pattern, response_variance
from sigmaraw.camera.maps.pixels import DarkPixels, FlatPixels, GainPixels, dark_pixels, dark_pixels_from_maps, read_noise_pixels, without
from sigmaraw.camera.maps.spatial import Drawn, pattern_arrays
from sigmaraw.camera.measuring.onepass import CHUNK_PIXELS
from sigmaraw.camera.scan import Scan
from sigmaraw.camera.values import Estimate, NotDetermined

_ABOUT_HALF = 0.15  # of saturation


def _half_saturated(signal: np.ndarray, upper: float, frames: np.ndarray) -> int:
    """Index of the level for PRNU: of those about half saturation the one of most frames, the nearest of equals.

    A stack is taken there on purpose; the levels give saturation to their spacing only, so the nearest may be another.
    """
    away = np.abs(signal / upper - 0.5)
    about = np.where(away <= _ABOUT_HALF, frames, 0) if np.nanmin(away) <= _ABOUT_HALF else np.zeros_like(frames)
    return int(np.nanargmin(np.where(about == about.max(), away, np.nan)))


def pixel_maps(
    scan: Scan, data: TransferData, fit: GainFit, curve: CurveFit, upper: float, ends: tuple[int, int], *, mixture: bool = False
) -> tuple[dict[str, np.ndarray], Drawn, dict[str, Estimate], dict[str, dict[str, Any]]]:
    """Return the maps from the levels of the fit, with the nonuniformities.

    Parameters
    ----------
    scan : Scan
        What reading left of the series.
    data : TransferData
        Scalars of the levels.
    fit : GainFit
        The gain fit.
    curve : CurveFit
        The transfer curve.
    upper : float
        Saturation above the dark level, DN.
    ends : tuple of (int, int)
        Code at which the converter stops, and the largest code of the bit depth, DN.
    mixture : bool
        Whether pixels are of several kinds, so that none is a defect for being unlike its neighbours.

    Returns
    -------
    tuple of (dict, dict, dict, dict)
        Maps (y, x); profiles, spectra and histograms of the patterns; DSNU, and PRNU at half saturation; attributes of the variables.
    """
    series = scan.series
    signal = np.where(fit.used, data.x, np.nan)
    middle = _half_saturated(signal, upper, np.array([level.n_frames for level in data.flats]))
    shortest = _dark_pixels(scan, 0)
    sums, middle_dark = _gain_sums(scan, data, fit, curve, shortest, ends[0], middle)
    assert scan.store is not None
    bright, variance, _ = scan.store.rows(len(series.dark) + middle, slice(None))
    gain = fit.weighted
    dead, hot = sums.defects(shortest.offset, ends[1])
    defects = np.zeros_like(dead) if mixture else dead | hot
    frames, lines = data.flats[middle].n_frames, scan.flat_evidence[middle].lines

    def photo_response(left_out: np.ndarray) -> tuple[dict[str, Estimate], dict[str, dict[str, Any]]]:
        good, noise = without(left_out, bright, variance)
        signal = float(good.mean()) - float(without(left_out, middle_dark.offset)[0].mean())
        # The error of the level's mean is far below the pattern's.
        percent = Estimate(100.0 / (signal if left_out.any() else float(data.x[middle])), 0.0)
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


def _gain_sums(
    scan: Scan, data: TransferData, fit: GainFit, curve: CurveFit, shortest: DarkPixels, end: int, middle: int
) -> tuple[GainPixels, DarkPixels]:
    """Return the sums behind each pixel's gain over the levels of the fit, and the dark pixels of the level for PRNU."""
    sums = GainPixels((shortest.offset.shape[0], shortest.offset.shape[1]), end)
    middle_dark = shortest
    for dark in np.unique(data.dark_index[fit.used]):
        pixels = shortest if dark == 0 else _dark_pixels(scan, dark)
        used = np.flatnonzero(fit.used & (data.dark_index == dark))
        # Of a bent curve a pixel shares the bend: its gain is that at small signals, as the camera's is.
        bend = fit.weighted.value * data.x[used] / curve.predict(data.x[used])
        sums.add_kept(pixels, _kept(scan, data, used, bend))
        middle_dark = pixels if dark == data.dark_index[middle] else middle_dark
    return sums, middle_dark


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
    """The class of each pixel, and the attributes of the map; RTS and correlation from a dark level of many frames, read a second time."""
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
    optional = {"suspects_dropped": suspects.dropped or None, "dark_exposure_ms": level.exposure_ms}
    return class_map(marks), {**flag_attributes(None), **{key: value for key, value in optional.items() if value is not None}}


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
