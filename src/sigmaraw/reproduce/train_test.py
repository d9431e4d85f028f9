"""Networks trained on images of one compression ratio and tested on those of another: paper 004 on virtual CT slices.

Slices are those of `organ_slice`, with another contrast phase in each (organs 130 to 330 HU, muscle 50, bone 750). Each slice is coded by
JPEG 2000 at each ratio. A U-Net is trained on the slices of one ratio and tested on other slices at every ratio, against the truth of the
uncoded slice. Few-shot training takes one slice in CR uncoded, which costs as many bytes as all slices at ratio CR. Multi-class Dice and
PSNR are those of `rates`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from sigmaraw.codecs import codec
from sigmaraw.contracts import Criterion, Found, Reproduction
from sigmaraw.contracts.reproductions import Report
from sigmaraw.reproduce.rates import multi_class_dice, peak_signal_to_noise
from sigmaraw.statistics.distributions import t_quantile
from sigmaraw.virtual.organs import CLASSES, LEVELS_HU, Slice, organ_slice

RATIOS = (1, 5, 20, 50, 100)
CODEC = "jpeg2000:ratio={ratio}"
SIDE = 256
"""Of a slice, px: of smaller ones a code stream at ratio 100 is mostly header."""
EQUIVALENCE = 0.02
FLAT_TO = 20
_ORGANS_HU = (130.0, 330.0)
_ORGAN = CLASSES.index("organ")


@dataclass(frozen=True)
class Architecture:
    """A U-Net by its widths, normalisation and activation."""

    name: str
    widths: tuple[int, ...]
    norm: Literal["none", "batch"] = "none"
    activation: Literal["relu", "elu"] = "relu"


FIRST = Architecture("U-Net 8, 16, batch norm, ELU", (8, 16), "batch", "elu")
SECOND = Architecture("wider U-Net 12, 24, 48, batch norm, ELU", (12, 24, 48), "batch", "elu")


@dataclass(frozen=True)
class Size:
    """How much is trained: ratios of both architectures and of few-shot training; one slice in `parts` tests, in each of the folds."""

    first: tuple[int, ...]
    second: tuple[int, ...]
    few_shot: tuple[int, ...]
    slices: int
    parts: int
    folds: int
    steps: int


QUICK = Size((1, 20, 100), (1, 100), (20,), 28, 4, 1, 120)
FULL = Size(RATIOS, RATIOS, (5, 20), 60, 3, 3, 500)
TILE = 64
"""Of the training, px."""
Scores = dict[tuple[int, int], NDArray[np.float64]]
"""Dice of each test slice, by the ratios of training and test."""


class TrainTest(Reproduction):
    """Dice over the ratios of training and of test; few slices uncoded against all of them coded; PSNR; a second architecture."""

    name = "train-test"
    title = "Networks trained at one compression ratio and tested at another"
    paper = "004 (Kurmukov)"
    criteria: ClassVar[tuple[Criterion, ...]] = (
        Criterion(
            "trained",
            "mean Dice of networks trained and tested at the same ratio; change to ratio 1 with its 90 % interval",
            ".87 to 10, .86 at 20, .80 at 50, .74 at 100 (AMOS)",
            f"to {FLAT_TO} the intervals lie within ± {EQUIVALENCE}, and at 100 Dice is lower by more than that",
            lambda v: _flat(v["changes"]) and v["changes"]["100"]["mean"] < -EQUIVALENCE,
        ),
        Criterion(
            "tested",
            "mean Dice of the network trained at 1, tested at 1, 5, 20, 50, 100; the same for the changes",
            ".971, .971, .969, .946 at 1, 5, 20, 50 (AMOS)",
            f"to {FLAT_TO} the intervals lie within ± {EQUIVALENCE}, and from 50 on Dice falls by more than .01 at each step",
            lambda v: _flat(v["changes"]) and v["dice"][4] < v["dice"][3] - 0.01 < v["dice"][2] - 0.02,
        ),
        Criterion(
            "back",
            "mean Dice at ratio 1 of networks trained at 100 and at 1",
            "a figure: lower when trained beyond 20",
            f"the first is lower by more than {EQUIVALENCE}",
            lambda v: v["at 100"] < v["at 1"] - EQUIVALENCE,
        ),
        Criterion(
            "second",
            f"the same with a second architecture ({SECOND.name})",
            "Swin UNETR: .614 to 20, .603 at 50; nothing was trained",
            "trained at 100 it is worse on 1, and trained at 1 worse on 100, by more than .02",
            lambda v: max(v["100 on 1"], v["1 on 100"]) < v["1 on 1"] - EQUIVALENCE,
        ),
        Criterion(
            "few",
            "mean Dice of all slices coded at 20 less that of a twentieth of them uncoded",
            "above 0 (a figure)",
            "it is above 0, by more than two standard errors over slices",
            lambda v: v["mean"] > 2 * v["se"],
        ),
        Criterion(
            "psnr",
            "PSNR in dB of the test slices at 5, 20, 50, 100, r = 4096",
            "falls at every step (a figure)",
            "it falls at every step",
            lambda v: all(later < earlier for earlier, later in pairwise(v)),
        ),
    )

    def run(self, folder: Path, seed: int, quick: bool, progress: Report) -> Found:
        """Code the slices, train, and test at every ratio."""
        size = QUICK if quick else FULL
        study = _Study(folder, seed, size, progress)
        first, second = study.matrix(FIRST, size.first, RATIOS), study.matrix(SECOND, size.second, size.second)
        few = {ratio: study.few_shot(ratio) for ratio in size.few_shot}
        values = _values(first, second, few, size, study.psnr)
        notes = (
            f"{size.slices} slices of {SIDE} px, one in {size.parts} tests; {size.folds} of {size.parts} folds; {size.steps} steps.",
            "The criteria are about virtual slices whose classes differ by grey level alone; no organ's figure is comparable.",
            "004 sorts its class labels as text: right adrenal gland falls from .76 to .73 at 20, and gallbladder from .82 to .79.",
            "Not reproduced: AMOS, LiTS, BraTS and BGPD with nnU-Net and Swin UNETR: a week on a GPU.",
        )
        figures = {"ratios": _curves(first, second, few, study.psnr), "matrix": _matrix(first, size.first)}
        return Found(values, _shown(values), figures, notes)


def _flat(changes: Mapping[str, Any]) -> bool:
    near = [change for ratio, change in changes.items() if 1 < int(ratio) <= FLAT_TO]
    return bool(near) and all(change["low"] > -EQUIVALENCE and change["high"] < EQUIVALENCE for change in near)


class _Study:
    """Slices at every ratio, and the networks trained on them."""

    def __init__(self, folder: Path, seed: int, size: Size, progress: Report) -> None:
        self.folder, self.seed, self.size, self._progress = folder, seed, size, progress
        self._done, self._total = 0, size.folds * (len(size.first) + len(size.second) + len(size.few_shot))
        self._slices = [_slice(seed, index) for index in range(size.slices)]
        self._coded = {ratio: [_decoded(each.image, ratio) for each in self._slices] for ratio in RATIOS}
        self.psnr = {ratio: self._mean_psnr(ratio) for ratio in RATIOS[1:]}
        progress(0, self._total, "networks")

    def _mean_psnr(self, ratio: int) -> float:
        pairs = zip(self._slices, self._coded[ratio], strict=True)
        return float(np.mean([peak_signal_to_noise(each.image, found) for each, found in pairs]))

    def matrix(self, architecture: Architecture, ratios: Sequence[int], tests: Sequence[int]) -> Scores:
        """Return Dice of every test slice at each ratio of `tests`, of a network trained at each of `ratios`."""
        found: Scores = {}
        for trained in ratios:
            parts = [self._fold(architecture, trained, fold, 1, tests) for fold in range(self.size.folds)]
            found |= {(trained, tested): np.concatenate([part[tested] for part in parts]) for tested in tests}
        return found

    def few_shot(self, ratio: int) -> NDArray[np.float64]:
        """Return Dice at ratio 1 of networks trained on one slice in `ratio`, uncoded."""
        return np.concatenate([self._fold(FIRST, 1, fold, ratio, (1,))[1] for fold in range(self.size.folds)])

    def _fold(
        self, architecture: Architecture, trained: int, fold: int, one_in: int, tests: Sequence[int]
    ) -> dict[int, NDArray[np.float64]]:
        """Train one network on one slice in `one_in`, and return Dice of the fold's test slices at each ratio of `tests`."""
        every = range(len(self._slices))
        held = every[fold :: self.size.parts]
        train = [index for index in every if index not in held]
        train = train[: max(1, len(train) // one_in)]
        name = f"widths-{'-'.join(map(str, architecture.widths))}/ratio-{trained}-one-in-{one_in}-fold-{fold}"
        pairs = [(self._coded[trained][k], self._slices[k].labels) for k in train]
        network = trained_network(self.folder / name, architecture, pairs, self.seed, self.size.steps)
        self._done += 1
        self._progress(self._done, self._total, "networks")
        return {
            ratio: np.array([multi_class_dice(self._slices[k].labels, segmented(network, self._coded[ratio][k])) for k in held])
            for ratio in tests
        }


def _slice(seed: int, index: int) -> Slice:
    """Return a slice with its contrast phase."""
    levels = list(LEVELS_HU)
    levels[_ORGAN] = float(np.random.default_rng([seed, 0x7E57, index]).uniform(*_ORGANS_HU))
    return organ_slice((SIDE, SIDE), 1000 * seed + index, levels_hu=levels)


def _decoded(image: NDArray[np.integer], ratio: int) -> NDArray[np.integer]:
    return codec("lossless" if ratio == 1 else CODEC.format(ratio=ratio)).roundtrip(image)[0]


def trained_network(
    folder: Path, architecture: Architecture, pairs: Sequence[tuple[NDArray[np.integer], NDArray[np.integer]]], seed: int, steps: int
) -> Any:
    """Return a network trained on slices and their labels; weights and training record stay in `folder`, the slices do not.

    Parameters
    ----------
    folder : Path
        Where they go.
    architecture : Architecture
        Its layers.
    pairs : sequence of (ndarray, ndarray)
        Slices and labels, (y, x).
    seed : int
        Of the start and of the tiles: networks that differ in their slices alone start alike, and see the same places.
    steps : int
        Training steps.
    """
    import tempfile

    import safetensors.torch
    import tifffile

    from sigmaraw.pipelines.unet import UNet
    from sigmaraw.training import train
    from sigmaraw.training.config import DataPart, NetworkPart, SplitPart, TrainingConfig, TrainingPart

    config = TrainingConfig(
        task="classes",
        data=DataPart(images="images/*.tif", targets="labels/*.tif", classes=len(CLASSES), split=SplitPart(validation=0.0, test=0.0)),
        training=TrainingPart(loss="dice-ce", epochs=1, steps=steps, batch=4, tile=TILE, learning_rate=0.01, schedule="poly", threads=1),
        network=NetworkPart(widths=architecture.widths, norm=architecture.norm, activation=architecture.activation),
        seed=seed,
    )
    with tempfile.TemporaryDirectory() as data:
        for kind in ("images", "labels"):
            (Path(data) / kind).mkdir()
        for index, (image, labels) in enumerate(pairs):
            tifffile.imwrite(Path(data) / "images" / f"{index:03}.tif", image)
            tifffile.imwrite(Path(data) / "labels" / f"{index:03}.tif", labels)
        made = train(config, folder, folder=data, progress=False)
    network = UNet(config.described)
    network.load_state_dict(safetensors.torch.load_file(made.weights))
    return network.eval()


def segmented(network: Any, image: NDArray[np.integer]) -> NDArray[np.uint8]:
    """Return the class of each pixel (y, x)."""
    import torch

    from sigmaraw.pipelines.preparation import prepare
    from sigmaraw.training.evaluation import predicted

    with torch.inference_mode():
        output = predicted(network, prepare(image, "zscore"), torch.device("cpu"))
    return output[0].argmax(dim=0).numpy().astype(np.uint8)


def _values(first: Scores, second: Scores, few: Mapping[int, NDArray[np.float64]], size: Size, psnr: Mapping[int, float]) -> dict[str, Any]:
    base = first[1, 1]
    same = {ratio: first[ratio, ratio] for ratio in size.first}
    return {
        "trained": {
            "dice": {str(ratio): float(dice.mean()) for ratio, dice in same.items()},
            "changes": {str(ratio): _change(dice, base) for ratio, dice in same.items()},
        },
        "tested": {
            "dice": [float(first[1, ratio].mean()) for ratio in RATIOS],
            "changes": {str(ratio): _change(first[1, ratio], base) for ratio in RATIOS},
        },
        "back": {"at 100": float(first[100, 1].mean()), "at 1": float(base.mean())},
        "second": {f"{a} on {b}": float(second[a, b].mean()) for a, b in ((1, 1), (100, 1), (1, 100), (100, 100))},
        "few": _change(first[FLAT_TO, FLAT_TO], few[FLAT_TO]),
        "psnr": list(psnr.values()),
        "matrix": {f"{a} on {b}": float(dice.mean()) for (a, b), dice in first.items()},
    }


def _change(dice: NDArray[np.float64], base: NDArray[np.float64]) -> dict[str, float]:
    """Return the mean change over slices with its standard error and its 90 % interval (Student's t)."""
    change = dice - base
    mean, se = float(change.mean()), float(change.std(ddof=1) / math.sqrt(len(change)))
    reach = t_quantile(0.95, len(change) - 1) * se
    return {"mean": mean, "se": se, "low": mean - reach, "high": mean + reach}


def _shown(values: Mapping[str, Any]) -> dict[str, str]:
    def changes(part: Mapping[str, Any]) -> str:
        return "; ".join(f"{c['low']:+.3f} to {c['high']:+.3f} at {ratio}" for ratio, c in part.items() if ratio != "1")

    trained, tested, second, few = (values[name] for name in ("trained", "tested", "second", "few"))
    return {
        "trained": f"{', '.join(f'{dice:.3f} at {r}' for r, dice in trained['dice'].items())}; {changes(trained['changes'])}",
        "tested": f"{', '.join(f'{dice:.3f}' for dice in tested['dice'])}; {changes(tested['changes'])}",
        "back": f"{values['back']['at 100']:.3f} and {values['back']['at 1']:.3f}",
        "second": ", ".join(f"{name}: {dice:.3f}" for name, dice in second.items()),
        "few": f"{few['mean']:+.3f} ± {few['se']:.3f}",
        "psnr": ", ".join(f"{value:.1f}" for value in values["psnr"]),
    }


def _curves(first: Scores, second: Scores, few: Mapping[int, NDArray[np.float64]], psnr: Mapping[int, float]) -> Any:
    from sigmaraw.reports.svg import drawing, figure

    with drawing():
        made = figure(3.9, 8.4)
        made.set_layout_engine("constrained")
        left, right = made.subplots(1, 2)
        for scores, name, marker in ((first, FIRST.name, "o"), (second, SECOND.name, "s")):
            trained = sorted({a for a, _ in scores})
            left.plot(trained, [scores[a, a].mean() for a in trained], marker=marker, label=f"trained and tested at it: {name}")
        left.plot(RATIOS, [first[1, b].mean() for b in RATIOS], marker="^", ls="--", label="trained at 1, tested at it")
        left.plot(list(few), [dice.mean() for dice in few.values()], marker="x", ls="", label="one slice in so many, uncoded")
        left.set_ylabel("mean Dice")
        left.legend(frameon=False, fontsize=7, loc="upper center", bbox_to_anchor=(0.5, -0.18))  # below: lines may lie anywhere
        right.plot(list(psnr), list(psnr.values()), marker="o")
        right.set_ylabel("PSNR, dB (r = 4096)")
        for axes in (left, right):
            axes.set_xscale("log")
            axes.set_xticks(RATIOS, [str(ratio) for ratio in RATIOS])
            axes.minorticks_off()
            axes.set_xlabel("compression ratio")
    return made


def _matrix(first: Scores, trained: Sequence[int]) -> Any:
    from sigmaraw.reports.svg import drawing, figure

    cells = np.array([[first[a, b].mean() for b in RATIOS] for a in trained])
    with drawing():
        made = figure(0.9 + 0.5 * len(trained), 4.6)
        made.set_layout_engine("constrained")
        axes = made.subplots()
        axes.imshow(cells, cmap="Blues", aspect="auto", vmin=cells.min() - 0.1, vmax=cells.max() + 0.1)
        for (row, column), dice in np.ndenumerate(cells):
            axes.text(column, row, f"{dice:.3f}", ha="center", va="center", fontsize=8)
        axes.set_xticks(range(len(RATIOS)), [str(ratio) for ratio in RATIOS])
        axes.set_yticks(range(len(trained)), [str(ratio) for ratio in trained])
        axes.set_xlabel("ratio of the test")
        axes.set_ylabel("ratio of the training")
        axes.set_title(f"mean Dice, {FIRST.name}", fontsize=9)
    return made
