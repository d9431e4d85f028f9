"""The noise of a camera as a figure: measured levels with their fit, or the curve of stated values. Drawing, no statistics."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.record.camera import CameraRow, LevelsRow
from sigmaraw.record.reading import camera_of
from sigmaraw.reports.chart import DASHED, DOTTED, PAPER, Chart, Floats, Panel, Scale, fill, mark, path, stroke, words
from sigmaraw.reports.numbers import measured
from sigmaraw.reports.svg import COLOURS, FAINT, RAW
from sigmaraw.reports.ticks import between_decades, decades, even_ticks, power_of_ten, written_out

_MOST_BITS = 64  # of a camera; 2^bits must stay a float64
_DRAWN = 1e100  # beyond it an axis overflows; the tables print the number


def _scalar(camera: CameraRow, name: str) -> float | None:
    return camera.scalars[name].value if name in camera.scalars else None


_CURVE_BOX = (0.115, 0.075, 0.98, 0.875)  # left, top, right, bottom: shares of the figure


def _curve_box(chart: Chart) -> tuple[float, float, float, float]:
    left, top, right, bottom = _CURVE_BOX
    return left * chart.width, top * chart.height, right * chart.width, bottom * chart.height


def _measured_curve(chart: Chart, camera: CameraRow, levels: LevelsRow) -> None:
    """Draw levels with ±1 SE, the dark level and the fit."""
    mean, variance = (np.asarray(column, dtype=np.float64) for column in (levels.mean_dn, levels.variance_dn2))
    error = np.nan_to_num(np.asarray(levels.variance_se_dn2 or [0.0] * mean.size, dtype=np.float64), posinf=0.0)
    used = np.asarray(levels.used or [True] * mean.size, dtype=bool)
    start, floor = (camera.dark.mean_dn, camera.dark.variance_dn2) if camera.dark else (None, None)
    dark = [] if start is None or floor is None else [(start, floor)]
    fit = _fitted(camera, levels, mean, used)
    across = np.concatenate([mean, [x for x, _ in dark]])
    highest = np.nanmax(np.concatenate([variance + error, [y for _, y in dark], fit[1]]))
    margin = 0.05 * (np.nanmax(across) - np.nanmin(across)) or 1.0
    x = Scale(float(np.nanmin(across) - margin), float(np.nanmax(across) + margin))
    panel = chart.panel(_curve_box(chart), x, Scale(0.0, float(1.05 * highest) if highest > 0 else 1.0))
    for scale, draw, label in ((panel.x, panel.x_ticks, "mean grey value / DN"), (panel.y, panel.y_ticks, "temporal variance / DN²")):
        ticks = even_ticks(scale.low, scale.high, 9)
        draw(ticks, written_out(ticks), label, grid=True)
    entries = []
    if fit[0].size:
        panel.line(*fit, stroke(COLOURS["FAIL"], 1.4))
    for chosen, face, label in ((used, COLOURS["PASS"], "level used in the fit"), (~used, PAPER, "level not used")):
        if chosen.any():
            bars = np.column_stack([variance - error, variance + error, np.full(mean.size, np.nan)])[chosen]
            panel.line(np.repeat(mean[chosen], 3), bars.ravel(), stroke(COLOURS["PASS"], 0.9))
            style = f"fill: {face}; stroke: {COLOURS['PASS']}"
            panel.marks(mean[chosen], variance[chosen], "o", 4.5, style)
            entries.append((label, "o", style))
    for place in dark:
        panel.marks(*place, "s", 6.5, fill(RAW), cut=False)
        entries.append(("dark level", "s", fill(RAW)))
    if fit[0].size:
        gain = f"fit, K = {measured(_scalar(camera, 'gain'), camera.scalars['gain'].se)} DN/e⁻"
        entries.append((gain, "-", stroke(COLOURS["FAIL"], 1.4)))
    panel.frame(left=True)
    _legend(panel, entries)


def _fitted(camera: CameraRow, levels: LevelsRow, mean: Floats, used: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Return the fit: from the dark level through the model's variances, or with slope K where there are none; else nothing."""
    gain, dark = _scalar(camera, "gain"), camera.dark
    if gain is None or dark is None or dark.mean_dn is None or dark.variance_dn2 is None or not mean.size:
        return np.empty(0), np.empty(0)
    curve = np.asarray(levels.model_dn2, dtype=np.float64)
    if curve.size == mean.size and (shown := np.isfinite(curve)).any():
        return np.r_[dark.mean_dn, mean[shown]], np.r_[dark.variance_dn2, curve[shown]]
    ends = np.array([dark.mean_dn, float(np.nanmax(mean[used] if used.any() else mean))])
    return ends, dark.variance_dn2 + gain * (ends - dark.mean_dn)


def _legend(panel: Panel, entries: Sequence[tuple[str, str, str]]) -> None:
    """List what is drawn in the upper left corner: its name, the shape of its mark ("-" for a line), its style."""
    for position, (label, shape, style) in enumerate(entries):
        middle = panel.top + 12 + 12.5 * position
        sample = f"M{panel.left + 7:.2f} {middle:.2f}h17" if shape == "-" else mark(shape, 5, panel.left + 15.5, middle)
        panel.over += [path(sample, style), words(panel.left + 31, middle, label, size=8.5)]


def _stated_curve(chart: Chart, camera: CameraRow) -> bool:
    """Draw total noise against signal from K and σ_r; return False when the profile does not hold them."""
    gain, noise = _scalar(camera, "gain"), _scalar(camera, "read_noise")
    top = (camera.valid_range_dn or (None, None))[1] or 2.0 ** min(camera.bits or 16, _MOST_BITS)
    offset = _scalar(camera, "offset") or 0.0
    if not gain or noise is None or gain <= 0 or not 0 < (top - offset) < _DRAWN or not (abs(gain) < 1e12 and abs(noise) < 1e12):
        return False
    signal = np.geomspace(min(0.1, (top - offset) / 10), top - offset, 200)
    floor = gain**2 * noise**2 + 1 / 12
    total, photons = np.sqrt(gain * signal + floor), np.sqrt(gain * signal)
    scales = [_log_scale(signal), _log_scale(np.r_[total, photons])]
    panel = chart.panel(_curve_box(chart), *scales)
    ends = [decades(scale.low, scale.high) for scale in scales]
    panel.x_ticks(ends[0], [power_of_ten(tick) for tick in ends[0]], "signal above offset m − o / DN", grid=True)
    panel.y_ticks(ends[1], [power_of_ten(tick) for tick in ends[1]], "temporal noise √V / DN", grid=True)
    panel.minor_ticks(*(between_decades(scale.low, scale.high) for scale in scales))
    drawn = (
        ("√V, all noise", total, stroke(COLOURS["PASS"], 1.8)),
        ("photon noise √(K·signal)", photons, stroke(FAINT, 1.0, DASHED)),
        ("noise in the dark √(K²σ_r² + 1/12)", np.full(signal.size, math.sqrt(floor)), stroke(RAW, 1.0, DOTTED)),
    )
    for _, curve, style in drawn[:2]:
        panel.line(signal, curve, style)
    panel.level(math.sqrt(floor), drawn[2][2])
    panel.frame(left=True)
    _legend(panel, [(label, "-", style) for label, _, style in drawn])
    said = "Model curve from stated values — nothing was measured"
    middle = (panel.left + panel.right) / 2
    panel.over.append(words(middle, panel.top - 4, said, anchor="middle", level="bottom", colour=COLOURS["FAIL"], size=10))
    return True


def _log_scale(values: Floats) -> Scale:
    """Return a logarithmic scale that reaches a twentieth of itself beyond the values."""
    low, high = np.log10(values.min()), np.log10(values.max())
    margin = 0.05 * (high - low) or 0.5
    return Scale(float(10 ** (low - margin)), float(10 ** (high + margin)), "log")


def camera_plot(camera: CameraRow | Mapping[str, Any], name: str = "camera") -> str:
    """Return the photon-transfer curve of a camera: levels with ±1 SE, the dark level and the fit of K.

    σ²_y = σ²_y.dark + K (μ_y − μ_y.dark). Without levels (a camera from stated values) the model curve √V(m) is drawn
    and says so; "" when there is nothing to draw.

    camera : its row, or what `CameraProfile.summary` returns. name : prefix of the figure's ids.

    Raises
    ------
    InvalidRecord : the summary's scalars or levels are malformed.
    Reference: EMVA 1288 r4.0, photon transfer; formula 1.
    """
    row = camera_of(camera)
    levels = row.levels if row.calibrated and row.levels and row.levels.mean_dn else None
    chart = Chart(4.1)
    if levels is not None:
        _measured_curve(chart, row, levels)
        return chart.svg(name, "Photon-transfer curve: temporal variance against mean grey value")
    return chart.svg(name, "Noise model from stated values, not measured") if _stated_curve(chart, row) else ""
