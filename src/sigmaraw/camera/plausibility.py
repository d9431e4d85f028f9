"""Refusals of series that cannot be a calibration: darker flats, saturated flats, repeats that are none."""

from __future__ import annotations

import numpy as np

from sigmaraw.camera.fitting.transfer import TransferData
from sigmaraw.errors import ImplausibleSeries
from sigmaraw.frames import Series

_SATURATED = 0.05  # of a level's pixels at the series' maximum
_UNSTEADY = 0.20  # of the signal: repeats that differ more are not repeats


def refuse_implausible(series: Series, data: TransferData) -> None:
    """Refuse flats darker than their darks, flats that are all saturated, and repeats that are none.

    Parameters
    ----------
    series : Series
        Names of the levels.
    data : TransferData
        Their scalars.

    Raises
    ------
    ImplausibleSeries
        If one of these is found.
    """
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
            "no flat level is brighter than its dark level",
            "flats brighter than darks",
            "check the light and the folders",
        )
    _refuse_unsteady(series, data)
    _refuse_saturated(data)


def _refuse_saturated(data: TransferData) -> None:
    top = max(flat.maximum for flat in data.flats)
    if all(flat.maximum == top and flat.top_fraction > _SATURATED for flat in data.flats):
        raise ImplausibleSeries(
            f"all {len(data.flats)} flat levels are saturated at {top} DN",
            "levels from dark to saturation",
            "add levels of shorter exposure or less light",
        )


def _refuse_unsteady(series: Series, data: TransferData) -> None:
    """Refuse a level whose repeats are none."""
    signal = data.x
    for index, (flat, level) in enumerate(zip(data.flats, series.flat, strict=True)):
        spread = float(np.ptp(flat.frame_means))
        if spread > _UNSTEADY * abs(signal[index]) and spread > 10.0 * np.sqrt(2.0 * flat.variance / flat.n_pixels):
            raise ImplausibleSeries(
                f"the repeats of flat level {level.name} differ by {spread:.1f} DN in mean, its signal is {signal[index]:.1f} DN",
                "repeats of one exposure",
                "make one level of each exposure or irradiance: a file each, or its pages in frames.csv (column pages, as 0-1)",
            )
