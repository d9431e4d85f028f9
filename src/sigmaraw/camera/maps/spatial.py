"""What a datasheet draws of the fixed pattern: profiles, spectrograms, histograms, defects; computed once, at calibration.

Profiles are means over rows and over columns. Spectrograms are √(mean power) of the rows' (or columns') discrete Fourier transforms,
scaled so that white noise of standard deviation s is a line at s. Histograms are taken of the map itself (DSNU), or after the 5 × 5
mean is taken off (PRNU), so that uneven light does not widen them. Reference: EMVA 1288 r4.0, spectrograms, profiles, defect pixels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.netcdf import Arrays

Map = NDArray[np.float64]
Drawn = dict[str, tuple[tuple[str, ...], NDArray[Any]]]
BINS = 128
KINDS = ("dsnu", "prnu")
PARTS_DRAWN = ("row_profile", "column_profile", "spectrum_x", "spectrum_y", "histogram", "histogram_edges")
DEFECTS_LISTED = 5000


def spectrogram(deviation: Map, axis: int) -> Map:
    """Return √(mean over lines of |F|²/n), frequencies 0 … ½ px⁻¹ along `axis`; its mean square over all frequencies is the variance.

    Parameters
    ----------
    deviation : ndarray of float64
        (y, x), deviation from the mean.
    axis : int
        Axis along which frequencies run: 0 is y, 1 is x.
    """
    power = np.abs(np.fft.rfft(deviation, axis=axis)) ** 2 / deviation.shape[axis]
    return np.sqrt(power.mean(axis=1 - axis))


def pattern_arrays(kind: str, deviation: Map, *, high_pass: bool) -> Drawn:
    """Return dataset variables (dims, values) of one pattern.

    Parameters
    ----------
    kind : str
        "dsnu" or "prnu".
    deviation : ndarray of float64
        (y, x), deviation from the mean, in the unit of the quantity.
    high_pass : bool
        Whether slow changes over the sensor are taken out.
    """
    from scipy.ndimage import uniform_filter

    shown = deviation - uniform_filter(deviation, size=5, mode="reflect") if high_pass else deviation
    low, high = float(shown.min()), float(shown.max())
    counts, edges = np.histogram(shown, BINS, (low, high) if high > low else (low - 0.5, low + 0.5))
    return {
        f"{kind}_row_profile": (("y",), deviation.mean(axis=1)),
        f"{kind}_column_profile": (("x",), deviation.mean(axis=0)),
        f"{kind}_spectrum_x": (("frequency_x",), spectrogram(deviation, 1)),
        f"{kind}_spectrum_y": (("frequency_y",), spectrogram(deviation, 0)),
        f"{kind}_histogram": (("bin",), counts.astype(np.float64)),
        f"{kind}_histogram_edges": (("edge",), edges),
    }


def spatial_summary(dataset: Arrays) -> dict[str, Any]:
    """Return the arrays as JSON values for a datasheet; empty for profiles without them.

    {kind: {row_profile, column_profile, spectrum_x, frequency_x, spectrum_y, frequency_y, histogram, edges, beyond}},
    {"defects": {"shape", "count", "positions": [[y, x] …], "classes": [name …]}}, of all pixels that
    are not normal, the first 5000 listed; beyond[i] counts the pixels farther from 0 than |edges| of its index.

    Parameters
    ----------
    dataset : Arrays
        A camera dataset.
    """
    found: dict[str, Any] = {}
    for kind in KINDS:
        if f"{kind}_histogram" not in dataset.variables:
            continue
        values = {name: dataset[f"{kind}_{name}"].values for name in ("row_profile", "column_profile", "spectrum_x", "spectrum_y")}
        counts, edges = dataset[f"{kind}_histogram"].values, dataset[f"{kind}_histogram_edges"].values
        distance = np.abs(0.5 * (edges[1:] + edges[:-1]))
        order = np.argsort(-distance, kind="stable")
        found[kind] = {
            **{name: array.tolist() for name, array in values.items()},
            "frequency_x": np.fft.rfftfreq(values["column_profile"].size).tolist(),
            "frequency_y": np.fft.rfftfreq(values["row_profile"].size).tolist(),
            "histogram": counts.tolist(),
            "edges": edges.tolist(),
            "beyond": {"distance": distance[order].tolist(), "count": np.cumsum(counts[order]).tolist()},
        }
    if "defect_mask" in dataset.variables:
        classes = dataset["pixel_class_map"] if "pixel_class_map" in dataset.variables else dataset["defect_mask"]
        positions = np.argwhere(classes.values)
        listed = positions[:DEFECTS_LISTED]
        names = str(classes.attrs.get("flag_meanings", "normal unfit")).split()
        found["defects"] = {
            "shape": list(classes.shape),
            "count": len(positions),
            "positions": listed.tolist(),
            "classes": [names[value] for value in classes.values[listed[:, 0], listed[:, 1]]],
        }
    return found
