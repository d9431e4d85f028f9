"""The coverage study once more, for what a mask is used for: intensities inside it, and sums weighted by a network's map.

    python examples/09_coverage_masks.py --out out/coverage-masks

Scenes, light levels, modes and rules are those of `04_coverage.py` and `06_coverage_tables.py`; frames are 128 × 128 px, without
codecs. Measured is u_mode of six kinds: the mean of the frame inside a mask of Otsu's threshold; total and mean inside the mask of the
shipped U-Net; and with `measure=soft` area, total and mean weighted by its map. One file a scene, light level and mode is written when it
is finished, and a run that was broken off goes on from there. `u_mode.json` is what `noise/coverage_masks.json` holds.
"""

from __future__ import annotations

import argparse
import itertools
import json
import runpy
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage.filters import threshold_otsu

from sigmaraw.contracts import Measurement, ReplicaRequest
from sigmaraw.files import atomic_path
from sigmaraw.noise import draw, replica_mode
from sigmaraw.noise.marginal import marginal_variance_ratio
from sigmaraw.pipelines.measurements import measure
from sigmaraw.pipelines.threads import each

DRAW = runpy.run_path(str(Path(__file__).with_name("04_coverage.py")))
TABLES = runpy.run_path(str(Path(__file__).with_name("06_coverage_tables.py")))
MODES = (("around-raw", 1), ("bootstrap", 1), ("simex", 1), ("mean-n", 4), ("mean-n", 16))
AGAIN = 4  # replicas that are taken for the frame in turn: the double bootstrap
CLASSICAL = (Measurement("mean-intensity", "DN", "I_m", "mean of pixels above Otsu's threshold", kind="mean-intensity"),)
NETWORK = (
    Measurement("network-intensity", "DN", "I_u", "sum of pixels in the U-Net's objects", kind="network-intensity"),
    Measurement("network-mean-intensity", "DN", "I_um", "their mean", kind="network-mean-intensity"),
    Measurement("network-soft-area", "px", "A_p", "sum of the U-Net's map p", kind="network-soft-area"),
    Measurement("network-soft-intensity", "DN", "I_p", "sum of pixels weighted by p", kind="network-soft-intensity"),
    Measurement("network-soft-mean-intensity", "DN", "I_pm", "mean of pixels weighted by p", kind="network-soft-mean-intensity"),
)
Study: Any = DRAW["Study"]


class MaskStudy(Study):  # type: ignore[misc]  # a class of another script
    """One scene at one light level, with this script's features; `replicas` are drawn, of which the network sees `network`."""

    def __init__(self, scene: int, level_e: float, options: argparse.Namespace) -> None:
        super().__init__(scene, level_e, DRAW["Sizes"](side=options.side))
        self.truths, self.replicas, self.seen = options.truth, options.replicas, options.network

    def classical(self, images: NDArray[np.integer]) -> NDArray[np.float64]:
        """Return (image, feature): the mean above Otsu's threshold."""
        return np.array([[image[image > threshold_otsu(image)].mean()] for image in images], dtype=np.float64)

    def networks(self, images: NDArray[np.integer]) -> NDArray[np.float64]:
        """Return (image, feature) of what the U-Net's mask and map hold."""
        rows = []
        for image, foreground in zip(images, each(self.network.probability, list(images)), strict=True):
            weight = foreground.astype(np.float64)
            inside = measure(image, weight > 0.5, 20, 8)
            area, total = float(weight.sum()), float((weight * image).sum())
            rows.append((inside["total_intensity"], inside["mean_intensity"], area, total, total / area))
        return np.array(rows, dtype=np.float64)

    def features(self, blocks: Iterable[NDArray[np.integer]], network: int) -> dict[str, NDArray[np.float64]]:
        """Return per part (image, feature); the network's of the first `network` images."""
        parts: dict[str, list[NDArray[np.float64]]] = {"classical": [], "network": []}
        seen = 0
        for block in map(np.asarray, blocks):
            parts["classical"].append(self.classical(block))
            if seen < network:
                parts["network"].append(self.networks(block[: network - seen]))
            seen += len(block)
        return {name: np.concatenate(rows) for name, rows in parts.items()}

    def fresh_frames(self) -> dict[str, Any]:
        """Return the features of fresh frames: the truth."""
        return self.features(self.fresh(self.truths, 0), 2 * self.seen)

    def found_by(self, name: str, repeats: int, frame: int) -> dict[str, Any]:
        """Return the features of one mode's replicas, and what its warnings need."""
        mode = replica_mode(name)
        stack = next(self.fresh(repeats, 1, repeats, frame))
        source = stack if mode.needs_repeats else stack[0]
        levels = len(mode.extrapolation.levels) if mode.extrapolation else 1
        n, network = levels * self.replicas, levels * self.seen // min(levels, 2)
        blocks = draw(mode, source, self.model, ReplicaRequest(n, frame, batch=20))
        found: dict[str, Any] = dict(self.features(blocks, network))
        found |= {f"on frame, {part}": values[0] for part, values in self.features([stack[:1]], 1).items()}
        found |= {"factor": mode.spread_factor(source), "marginal": marginal_variance_ratio(source, mode, self.model)}
        found["checks"] = json.dumps([(entry.name, entry.value) for entry in mode.diagnostics(source, self.model)])
        if name == "bootstrap":
            drawn = np.asarray(next(draw(mode, source, self.model, ReplicaRequest(AGAIN, frame, batch=AGAIN))))
            rows = []
            for one in map(np.ascontiguousarray, drawn):
                blocks = draw(mode, one, self.model, ReplicaRequest(self.replicas // 4, frame, group=1, batch=20))
                rows.append(self.features(blocks, self.seen // 5))
            found |= {f"again, {part}": np.stack([row[part] for row in rows]) for part in rows[0]}
        return found


def cells(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield one row per mode, scene, light level, frame and feature, as `06_coverage_tables.py` does."""
    for path in sorted(folder.glob("*-frame*.npz")):
        found = dict(np.load(path))
        truth = dict(np.load(folder / f"scene{int(found['scene'])}-{float(found['level_e']):g}e-truth.npz"))
        mode, repeats = str(found["mode"]), int(found["repeats"])
        label = f"{mode}, n = {repeats}" if repeats > 1 else mode
        for part, features in (("classical", CLASSICAL), ("network", NETWORK)):
            for column, feature in enumerate(features):
                finite = all(np.isfinite(values[part][:, column]).all() for values in (found, truth))
                row = TABLES["one_cell"](label, found, truth, part, column, feature) if finite else None
                if row is not None:
                    yield row


def draw_parts(options: argparse.Namespace) -> None:
    """Draw whatever is not there yet; frames last, so that a run that is broken off has seen every scene and level."""
    for frame, scene, level in itertools.product(range(options.frames), options.scenes, options.levels):
        study = MaskStudy(scene, level, options)
        base = {"scene": scene, "level_e": level}
        path = options.out / f"scene{scene}-{level:g}e-truth.npz"
        if not path.exists():
            DRAW["save"](path, base | study.fresh_frames())
        for mode, repeats in MODES:
            path = options.out / f"scene{scene}-{level:g}e-frame{frame}-{mode}-{repeats}.npz"
            if not path.exists():
                DRAW["save"](path, base | {"mode": mode, "repeats": repeats, "frame": frame} | study.found_by(mode, repeats, frame))
        print(f"frame {frame}, scene {scene}, {level:g} e-", flush=True)


def main() -> None:
    """Draw, print the table, write u_mode."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("out/coverage-masks"))
    parser.add_argument("--scenes", type=int, nargs="+", default=[0, 1, 2, 3])
    parser.add_argument("--frames", type=int, default=2, help="frames from which each mode starts, per scene and light level")
    parser.add_argument("--levels", type=float, nargs="+", default=list(DRAW["LEVELS_E"]), help="peak of the scene, e-")
    for name, default in (("truth", 1000), ("replicas", 300), ("network", 160), ("side", 128)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    draw_parts(options)
    rows = list(cells(options.out))
    for row in TABLES["summary"]([row for row in rows if not TABLES["switches"](row)]):
        low, high = row["range"]
        words = f"{row['ratio']:.2f} [{low:.2f}, {high:.2f}], centre {row['centre']:+.1f}, {row['warned']:.0%} warn"
        print(f"{row['mode']}, {row['feature']}, {row['level_e']:g} e-: {words}")
    scenes, frames = len({row["scene"] for row in rows}), len({(row["scene"], row["level_e"], row["frame"]) for row in rows})
    where = f"{scenes} scenes of {options.side} px at {len({row['level_e'] for row in rows})} light levels, {frames} frames"
    u_mode = TABLES["uncertainties"](TABLES["summary"]([row for row in rows if TABLES["determined"](row)]))
    with atomic_path(options.out / "u_mode.json") as temporary:
        content = {"source": f"examples/09_coverage_masks.py, {where}", "u_mode": u_mode}
        temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
