"""How image and segmentation suffer with the compression ratio: paper 004 with a classical segmenter on virtual CT slices.

A slice is segmented by its grey levels: a 3 px median, then the class whose interval holds the level, intervals ending midway between the
means of neighbouring classes. Multi-class Dice is the mean over the classes but air that the truth shows. PSNR is 10·log10(4096²/MSE), as
004 has it for CT. No camera stands behind a reconstructed slice, so no replicas are drawn.
"""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sigmaraw.codecs import codec
from sigmaraw.contracts import Criterion, Found, Reproduction
from sigmaraw.contracts.reproductions import Report
from sigmaraw.metrics.images import mean_square_error, psnr_db
from sigmaraw.reproduce.shapes import falls
from sigmaraw.virtual.organs import CLASSES, LEVELS_HU, STORED, Slice, organ_slice

RATIOS = (1, 2, 5, 10, 20, 50, 100)
CODEC = "jpeg2000:ratio={ratio}"
PEAK = 4096.0
TOLERANCE = 0.02
_NOISE = 0.003  # by which mean Dice may rise from one ratio to the next


class Rates(Reproduction):
    """PSNR and multi-class Dice against the compression ratio of JPEG 2000."""

    name = "rates"
    title = "Image quality and segmentation against the compression ratio"
    paper = "004 (Kurmukov)"
    criteria: ClassVar[tuple[Criterion, ...]] = (
        Criterion("lossless", "change of Dice at ratio 1 (lossless)", "0", "it is exactly 0 in every slice", lambda v: v == 0),
        Criterion(
            "psnr",
            "PSNR in dB at ratios 2, 5, 10, 20, 50, 100, r = 4096",
            "falls at every step (a figure; no numbers are printed)",
            "it falls at every step",
            lambda v: all(later < earlier for earlier, later in pairwise(v)),
        ),
        Criterion(
            "dice",
            "mean Dice at ratios 1, 2, 5, 10, 20, 50, 100",
            ".87 at 1, .86 at 20, .80 at 50, .74 at 100 (networks trained at each ratio)",
            f"it nowhere rises by more than {_NOISE} from one ratio to the next",
            lambda v: falls(v, _NOISE),
        ),
        Criterion(
            "leaves",
            "first ratio at which mean Dice has left ± .02 of its value at 1",
            "50",
            "it is 50 or 100, and not at 20 or before",
            lambda v: v in (50, 100),
        ),
        Criterion("fall", "fall of mean Dice from 1 to 100", ".13", "it is more than .04", lambda v: v > 0.04),
    )

    def run(self, folder: Path, seed: int, quick: bool, progress: Report) -> Found:
        """Code every slice at every ratio, and segment what comes back."""
        slices = [organ_slice((256, 256), 1000 * seed + k) for k in range(4 if quick else 16)]
        dice = np.empty((len(RATIOS), len(slices)))
        psnr = np.empty_like(dice)
        for row, ratio in enumerate(RATIOS):
            coder = codec("lossless" if ratio == 1 else CODEC.format(ratio=ratio))
            for column, each in enumerate(slices):
                decoded, _ = coder.roundtrip(each.image)
                dice[row, column] = multi_class_dice(each.labels, segmented(decoded))
                psnr[row, column] = peak_signal_to_noise(each.image, decoded)
                progress(row * len(slices) + column + 1, dice.size, "slices")
        mean = dice.mean(axis=1)
        left = next((ratio for ratio, value in zip(RATIOS, mean, strict=True) if abs(value - mean[0]) > TOLERANCE), None)
        original = [multi_class_dice(each.labels, segmented(each.image)) for each in slices]
        values: dict[str, Any] = {
            "lossless": float(np.abs(dice[0] - original).max()),
            "psnr": psnr[1:].mean(axis=1).tolist(),
            "dice": mean.tolist(),
            "leaves": left,
            "fall": float(mean[0] - mean[-1]),
        }
        shown = {
            "lossless": f"{values['lossless']:g}",
            "psnr": ", ".join(f"{value:.1f}" for value in values["psnr"]),
            "dice": ", ".join(f"{value:.3f}" for value in mean),
            "leaves": "never" if left is None else str(left),
            "fall": f"{values['fall']:.3f}",
        }
        notes = (
            "004 sorts its class labels as text: its figures of single organs stand under wrong names, its means do not suffer.",
            "Networks trained at each ratio are another study; here one segmenter, which nothing was trained for, looks at all ratios.",
            "Not reproduced: AMOS, LiTS, BraTS and BGPD with nnU-Net and Swin UNETR: a week on a GPU.",
        )
        return Found(values, shown, {"rates": _figure(dice, psnr, slices)}, notes)


def segmented(image: NDArray[np.integer]) -> NDArray[np.uint8]:
    """Return the class of each pixel (y, x) by its grey level after a 3 px median."""
    from scipy.ndimage import median_filter

    levels = np.array(LEVELS_HU) + STORED
    return np.digitize(median_filter(image, 3), (levels[1:] + levels[:-1]) / 2).astype(np.uint8)


def multi_class_dice(truth: NDArray[np.integer], found: NDArray[np.integer]) -> float:
    """Return the mean Dice of the classes but air that the truth shows (formula 7)."""
    values = []
    for label in range(1, len(CLASSES)):
        a, b = truth == label, found == label
        if a.any():
            values.append(2 * int((a & b).sum()) / (int(a.sum()) + int(b.sum())))
    return float(np.mean(values))


def peak_signal_to_noise(raw: NDArray[np.integer], decoded: NDArray[np.integer]) -> float:
    """Return PSNR, dB, with r = 4096; infinite for equal images."""
    return psnr_db(mean_square_error([raw], [decoded]), PEAK)


def _figure(dice: NDArray[np.float64], psnr: NDArray[np.float64], slices: list[Slice]) -> Any:
    from sigmaraw.reports.svg import drawing, figure

    with drawing():
        made = figure(3.4, 8.0)
        made.set_layout_engine("constrained")
        first, second, third = made.subplots(1, 3)
        first.imshow(slices[0].image, cmap="gray", interpolation="nearest")
        first.set_axis_off()
        second.plot(RATIOS[1:], psnr[1:].mean(axis=1), marker="o")
        second.set_ylabel("PSNR, dB (r = 4096)")
        spread = dice.std(axis=1, ddof=1) / math.sqrt(dice.shape[1])
        third.errorbar(RATIOS, dice.mean(axis=1), spread, marker="o", capsize=2)
        third.axhspan(dice[0].mean() - TOLERANCE, dice[0].mean() + TOLERANCE, color="#d9dee6", lw=0)
        third.set_ylabel("mean Dice")
        for axes in (second, third):
            axes.set_xscale("log")
            axes.set_xticks(RATIOS, [str(ratio) for ratio in RATIOS], minor=False)
            axes.minorticks_off()
            axes.set_xlabel("compression ratio")
    return made
