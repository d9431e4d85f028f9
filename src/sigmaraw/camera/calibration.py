"""Dark and flat series → CameraProfile: one pass over the files, a few frames in memory at a time.

The pass takes each level's scalars, from which the range of the fit follows, and keeps the moments of its pixels until it is clear
whether the level is in that range. Odd pixels of the first dark level alone are read a second time.
"""

from __future__ import annotations

import math
import os
from contextlib import ExitStack
from dataclasses import replace

import numpy as np

from sigmaraw.camera.checks.evidence import CHANCE, DeadPixels, SeriesEvidence
from sigmaraw.camera.checks.series import run_checks
from sigmaraw.camera.dataset import SCALARS, assemble
from sigmaraw.camera.fitting import derived
from sigmaraw.camera.fitting.curves import (
    CurveFit,
    CurveForm,
    choose_curve,
    highest_signal,
    plain_faults,
    transfer_attributes,
    transfer_scalars,
)
from sigmaraw.camera.fitting.dark import DarkResult, dark_result
from sigmaraw.camera.fitting.transfer import GainFit, TransferData, fit_gain, saturation_level
from sigmaraw.camera.maps.classes import PixelClass
from sigmaraw.camera.measuring.moments import LevelMoments
from sigmaraw.camera.mixture import refusal, undetermined
from sigmaraw.camera.pixelmaps import pixel_maps
from sigmaraw.camera.plausibility import refuse_implausible
from sigmaraw.camera.profile import CameraProfile
from sigmaraw.camera.scan import Progress, Scan, scan_levels, with_bits
from sigmaraw.camera.taps.layout import parse_layout
from sigmaraw.camera.taps.merging import Calibration, with_taps
from sigmaraw.camera.values import Estimate
from sigmaraw.errors import ImplausibleSeries, InvalidOption, SigmarawError, TooFewFrames
from sigmaraw.frames import Series, read_series

_BLACK_CLIPPED = 0.001
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
    series : str or path-like or Series
        SERIES folder, EMVA 1288 descriptor file, or a series in memory.
    bits : int or None
        Bit depth of the camera, 1 to 16. Default: from metadata, else that of the container.
    taps : str or None
        Rows x columns of regions with a readout tap each, "2x2". Adds `tap_*` variables (tap); each pixel's maps are then
        centred on its tap.
    cfa : str or None
        Colour filter pattern of 2 × 2 pixels, first row first, "RGGB". Each colour is treated as a tap.
    progress : callable or None
        Called with levels done, levels in all and the name, after each level.

    Returns
    -------
    CameraProfile
        Scalars of the whole sensor with standard errors, maps of pixels, photon-transfer levels, and what could not be determined.

    Raises
    ------
    InputNotFound, UnreadableFile, InvalidSeries, NotIntegerData, ColourImage, ShapeMismatch, BitDepthMismatch
        If the frames cannot be taken as one series.
    TooFewFrames
        If a level has one frame only, or less than two flat levels can be used. With taps the message names every tap
        concerned.
    ImplausibleSeries
        If flats are darker than darks, all flats are saturated, or the variance does not grow. With taps, as before; all pixels
        together need not be fit for calibration where each tap is.
    OutOfSpace
        If the folder for temporary files has no space for 8 bytes per pixel and level.
    InvalidOption
        If taps and cfa are both given, or one is malformed, or `series` is something else.

    References
    ----------
    EMVA 1288 r4.0, linear camera model; formula 3.

    Examples
    --------
    A series in memory: a dark level, and flats of 500 to 4,000 electrons at K = 0.5 DN/e-.

    >>> import numpy as np
    >>> import sigmaraw as sr
    >>> from sigmaraw.frames import Level, RawFrames, Series
    >>> rng = np.random.default_rng(1)
    >>> def frames(electrons):
    ...     noise = 2 * rng.standard_normal((2, 64, 64))
    ...     return RawFrames(np.rint(100 + 0.5 * (rng.poisson(electrons, (2, 64, 64)) + noise)).astype(np.uint16), 12, "stated")
    >>> dark = (Level("dark", "dark", 1.0, loaded=frames(0)),)
    >>> flat = tuple(Level("flat", f"flat {n}", float(n), loaded=frames(500 * n)) for n in range(1, 9))
    >>> camera = sr.calibrate(Series(dark, flat, bits=12))
    >>> bool(abs(camera.gain - 0.5) < 3 * camera.gain_se)
    True
    """
    layout = parse_layout(taps, cfa)
    if not isinstance(series, str | os.PathLike | Series):
        made = "make a Series of levels: sigmaraw.frames.Series(dark, flat, bits=…)"
        raise InvalidOption(f"a {type(series).__name__} as series", "the path of a folder or descriptor file, or a Series", made)
    found = with_bits(series, bits) if isinstance(series, Series) else read_series(series, bits=bits)
    if cfa is not None and found.cfa is not None and found.cfa.isalpha() and len(found.cfa) == 4 and found.cfa != cfa.upper():
        raise InvalidOption(f"cfa={cfa}, but the headers state {found.cfa}", "one colour filter pattern", "correct --cfa, or the headers")
    if layout is not None:
        found = replace(found, cfa=None)  # the call states it
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
    """The camera dataset and the checks of all pixels of a series; `chance` is that of a false alarm of each check.

    mixture : pixels are of several kinds, so that none is a defect for being unlike its neighbours.
    """
    found = scan.series
    data = TransferData(tuple(scan.flats), tuple(scan.darks), _dark_index(found))
    full_scale = (1 << (scan.bits or 0)) - 1
    refuse_implausible(found, data)
    saturation, peak = saturation_level(data.flats)
    counted = found.maps is None  # of maps the frame count is not given, and so no error follows
    offset = _mean(data.darks[0], counted)
    # The dark level at the exposure of the saturated level: dark current fills the well as light does, but is no signal.
    below = offset if peak is None else _mean(data.darks[data.dark_index[peak]], counted)
    upper = (full_scale if saturation.reason else saturation.value) - below.value
    straight = fit_gain(data, upper)
    curve, bics = choose_curve(data, straight)
    fit = replace(straight, weighted=curve.gain, coefficients=curve.coefficients)
    dark = dark_result(data, [level.exposure_ms for level in found.dark], fit)
    scalars, attributes = _scalars(found, data, saturation, (offset, below), upper, fit, dark)
    # A converter that saturates below the container's end clips there; one that never did may go on to the end.
    top = full_scale if saturation.reason else max(level.maximum for level in (*data.flats, *data.darks))
    maps, drawn, uniformity, flags = pixel_maps(scan, data, fit, curve, upper, (top, full_scale), mixture=mixture)
    scalars.update(uniformity)
    scalars.update(transfer_scalars(curve))
    attributes.update(flags)
    defects = maps["defect_mask"].astype(bool)
    if not mixture and defects.any() and not defects.all() and counted:
        scalars["offset"] = Estimate(float(maps["offset_map"][~defects].mean()), scalars["offset"].se)
    evidence = SeriesEvidence(
        data, straight, tuple(scan.dark_evidence), tuple(scan.flat_evidence), _light(found), upper, full_scale, chance, curve,
        plain_faults(data, straight) if curve.form is not CurveForm.LINEAR else {},
        _defective(maps["pixel_class_map"] == PixelClass.DEAD, maps["offset_map"], data.darks[0].minimum),
    )  # fmt: skip
    dark_variance = np.array([level.variance for level in data.darks])[data.dark_index]
    dataset = assemble(
        scalars,
        maps,
        scan.curve(np.where(fit.used, dark_variance + curve.predict(data.x), np.nan), fit.used),
        attributes,
        {
            **scan.provenance(),
            "valid_lo_dn": 0,
            "valid_hi_dn": top,
            "fit_upper_dn": offset.value + 0.7 * upper,
            **transfer_attributes(curve, bics, offset.value, upper, highest_signal(curve, data, straight.used)),
            "notes": "\n".join(_notes(scan, data, saturation, fit, curve, dark)),
        },
        drawn,
    )
    return Calibration(dataset, run_checks(evidence))


def _defective(dead: np.ndarray, offset: np.ndarray, lowest: int) -> DeadPixels:
    """Return what the checks need of pixels that do not respond; `lowest` is the lowest code of the dark values, DN."""
    rows, columns = (int(np.count_nonzero(dead.mean(axis=axis) > _WHOLE_LINE)) for axis in (1, 0))
    floor = int(np.count_nonzero(dead & (offset <= lowest + 0.5)))
    return DeadPixels(int(np.count_nonzero(dead)), rows, columns, 100.0 * floor / dead.size)


def _mean(dark: LevelMoments, counted: bool) -> Estimate:
    return Estimate(dark.mean, float(np.sqrt(dark.mean_var)) if counted else math.nan)


def _dark_index(series: Series) -> np.ndarray:
    if series.maps is not None:
        return np.zeros(len(series.flat), dtype=np.intp)
    return np.array([series.dark.index(series.dark_for(level)) for level in series.flat], dtype=np.intp)


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


def _notes(scan: Scan, data: TransferData, saturation: Estimate, fit: GainFit, curve: CurveFit, dark: DarkResult) -> list[str]:
    series = scan.series
    notes = [*series.notes, *fit.notes, *dark.notes]
    if curve.form is not CurveForm.LINEAR:
        notes.append(f"a bent transfer curve ({curve.form}) fits better than a straight line; the gain is that at small signals")
    if saturation.reason is not None:
        notes.append("saturation was not reached: the gain fit takes 70 % of full scale as its upper end")
    if series.maps is not None:
        notes.append("offset and read-noise maps stand in for dark frames; their uncertainty is not stated and not included")
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
