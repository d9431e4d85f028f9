"""Every replica mode on scenes whose truth is known: predictions on fresh frames, and on the replicas that each mode makes.

    python examples/04_coverage.py --out out/coverage
    python examples/06_coverage_tables.py --cells out/coverage

A virtual camera looks at static scenes of 256 × 256 px at four light levels. `--truth` fresh frames give each feature's true spread
and centre, and each codec's true ε̂. Every mode then starts from frames of its own (one frame, or its repeats) and draws `--replicas`;
codecs see `--coded` of them (JPEG 2000, which searches its rate on every replica, a quarter), the shipped U-Net sees `--network`,
and `--network-coded` as each codec leaves them. Of fresh frames codecs and network see twice as many. One file a scene, light level
and mode is written when it is finished; a run that was broken off goes on from there. Processes with other `--scenes` each share
the work: an hour and a half of one core in all.
Nothing is summed up here: `06_coverage_tables.py` does that.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.filters import threshold_otsu

from sigmaraw.codecs import codec
from sigmaraw.contracts import Codec, ReplicaRequest
from sigmaraw.files import atomic_path
from sigmaraw.metrics.masks import Dice
from sigmaraw.noise import NoiseModel, draw, replica_mode
from sigmaraw.noise.marginal import marginal_variance_ratio
from sigmaraw.pipelines import pipeline
from sigmaraw.pipelines.found import of_mask
from sigmaraw.virtual import VirtualCamera, nuclei_scene

CLASSICAL = ("mean", "otsu-area", "count", "total-intensity", "raw-threshold-area", "texture")
NETWORK = ("network-count", "network-area", "network-dice")
CODECS = {"noise-aware": "noiseaware:q=1,backend=jpegls", "jpeg2000": "jpeg2000:ratio=10", "jpeg80": "to8bit:minmax+jpeg:quality=80"}
LEVELS_E = (5.0, 20.0, 100.0, 1000.0)
MODES = (("around-raw", 1), ("bootstrap", 1), ("mean-n", 16), ("repeats", 0), ("mean-n", 4), ("simex", 1))
# Cells as they are; with strong texture; small and many; of very unequal brightness.
SCENES: tuple[dict[str, float], ...] = ({}, {"texture": 0.4}, {"radius_px": 5.0}, {"brightness_spread": 0.6})
SLOW = "jpeg2000"
AGAIN = 4  # replicas that are taken for the frame in turn: the double bootstrap


@dataclass(frozen=True)
class Sizes:
    """How many fresh frames and replicas there are, how many of them network and codecs see, and the frames' side in px.

    again : replicas that are drawn around each replica that takes the frame's place, for the double bootstrap.
    """

    truth: int = 2000
    replicas: int = 1000
    network: int = 200
    coded: int = 300
    network_coded: int = 60
    again: int = 125
    side: int = 256

    def times(self, factor: float) -> Sizes:
        """Return the sizes with that many more of what network and codecs see."""
        sizes = {name: int(factor * getattr(self, name)) for name in ("network", "coded", "network_coded")}
        return replace(self, **sizes)


class Study:
    """One scene at one light level."""

    def __init__(self, scene: int, level_e: float, sizes: Sizes) -> None:
        self.sizes, self.scene, self.level_e = sizes, scene, level_e
        shape = (sizes.side, sizes.side)
        self.camera = VirtualCamera(shape=shape, read_noise_tail=0.0, dark_current_e_per_s=0.0, prnu_percent=0.0, dsnu_e=0.0, bits=12)
        self.model = NoiseModel.from_profile(self.camera.truth_profile())
        options: dict[str, Any] = SCENES[scene % len(SCENES)]
        cells = max(2, int((sizes.side / 42) ** 2 * (8 / options.get("radius_px", 8)) ** 2))
        self.static = nuclei_scene(shape, cells, level_e, level_e / 10, seed=scene, **options)
        self.threshold_dn = self.camera.offset_dn + self.camera.gain * level_e * 0.6
        self.network = pipeline("unet-demo")
        self.dice = Dice()

    def fresh(self, n: int, *key: int) -> Iterator[NDArray[np.integer]]:
        """Yield n frames of the scene, in blocks of 50."""
        for block in range(math.ceil(n / 50)):
            yield self.camera.acquire(self.static.mean_e, min(50, n - 50 * block), [self.scene, *key, block])

    def classical(self, images: NDArray[np.integer]) -> NDArray[np.float64]:
        """Return (image, feature) of the classical features."""
        rows = []
        for image in images:
            mask = image > threshold_otsu(image)
            texture = ndimage.laplace(image.astype(np.float64)).std()
            above = (image > self.threshold_dn).sum()
            rows.append((image.mean(), mask.sum(), ndimage.label(mask)[1], image[mask].sum(), above, texture))
        return np.array(rows, dtype=np.float64)

    def networks(self, images: NDArray[np.integer]) -> NDArray[np.float64]:
        """Return (image, feature): count and area of the U-Net's objects, and its Dice with the cells' true outlines."""
        rows = []
        for image in images:
            found = of_mask(self.network.mask(image), 20, 8)
            kept = found.labels != 0
            rows.append((found.count, np.count_nonzero(kept), self.dice(self.static.mask, kept)))
        return np.array(rows, dtype=np.float64)

    def codecs(self) -> dict[str, Codec]:
        """Return the study's codecs for this camera."""
        return {name: codec(spec, self.model) for name, spec in CODECS.items()}

    def predict(self, blocks: Iterable[NDArray[np.integer]], first: NDArray[np.integer], sizes: Sizes) -> dict[str, Any]:
        """Return per part (image, feature): classical features of all images, of the first `coded` ones as each codec leaves them,
        network features of the first `network`, and of the first `network_coded` as each codec leaves them.

        first : the frame whose setting starts codecs that search.
        """
        codecs = self.codecs() if sizes.coded else {}
        hints = {name: entry.apply(first).hint for name, entry in codecs.items()}
        parts: dict[str, list[NDArray[np.float64]]] = {}
        seen = 0
        for block in blocks:
            block = np.asarray(block)
            parts.setdefault("classical", []).append(self.classical(block))
            if seen < sizes.network:
                parts.setdefault("network", []).append(self.networks(block[: sizes.network - seen]))
            for name, entry in codecs.items():
                wanted = (sizes.coded // 80 * 20 if name == SLOW else sizes.coded) - seen  # whole clusters on every level
                if wanted <= 0:
                    continue
                decoded = np.stack([entry.apply(image, hints[name]).decoded for image in block[:wanted]])
                parts.setdefault(name, []).append(self.classical(decoded))
                if seen < sizes.network_coded:
                    parts.setdefault(f"network, {name}", []).append(self.networks(decoded[: sizes.network_coded - seen]))
            seen += len(block)
        return {name: np.concatenate(rows) for name, rows in parts.items()}

    def truth(self) -> dict[str, Any]:
        """Return predictions on fresh frames."""
        first = next(self.fresh(1, 9))[0]
        return self.predict(self.fresh(self.sizes.truth, 0), first, self.sizes.times(2))

    def estimate(self, name: str, repeats: int, frame: int) -> dict[str, Any]:
        """Return predictions of one mode that starts from one frame, or from so many repeats (0: real frames in place of replicas)."""
        mode, sizes = replica_mode(name), self.sizes
        if not mode.draws_noise:
            first = next(self.fresh(1, 8, frame))[0]
            return self.predict(self.fresh(sizes.replicas, 7, frame), first, sizes) | {"factor": 1.0, "checks": "[]"}
        stack = next(self.fresh(repeats, 1, repeats, frame))
        source = stack if mode.needs_repeats else stack[0]
        levels = len(mode.extrapolation.levels) if mode.extrapolation else 1
        blocks = draw(mode, source, self.model, ReplicaRequest(levels * sizes.replicas, frame, batch=20))
        found = self.predict(blocks, stack[0], sizes.times(levels / min(levels, 2)))
        found["factor"] = mode.spread_factor(source)
        on_frame = self.predict([stack[:1]], stack[0], Sizes(1, 1, 1, 80, 1))
        found |= {f"on frame, {part}": values[0] for part, values in on_frame.items()}
        found["marginal"] = marginal_variance_ratio(source, mode, self.model)
        checks = mode.diagnostics(source, self.model)
        found["checks"] = json.dumps([(entry.name, entry.value) for entry in checks])
        if name == "bootstrap":
            found |= self.again(source, frame)
        return found

    def again(self, frame: NDArray[np.integer], seed: int) -> dict[str, Any]:
        """Return predictions of the bootstrap that starts from its own replicas: (again, replica, feature)."""
        mode = replica_mode("bootstrap")
        drawn = next(draw(mode, frame, self.model, ReplicaRequest(AGAIN, seed, batch=AGAIN)))
        rows = []
        for one in np.asarray(drawn):
            blocks = draw(mode, np.ascontiguousarray(one), self.model, ReplicaRequest(self.sizes.again, seed, group=1, batch=20))
            rows.append(self.predict(blocks, one, replace(self.sizes, network=self.sizes.network // 5, coded=0)))
        return {f"again, {name}": np.stack([row[name] for row in rows]) for name in rows[0]}


def save(path: Path, content: dict[str, Any]) -> None:
    """Write one finished part, whole or not at all."""
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(stream, **content)


def main() -> None:
    """Draw whatever is not there yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("out/coverage"))
    parser.add_argument("--scenes", type=int, nargs="+", default=[0, 1, 2, 3])
    parser.add_argument("--frames", type=int, default=2, help="frames from which each mode starts, per scene and light level")
    parser.add_argument("--levels", type=float, nargs="+", default=list(LEVELS_E), help="peak of the scene, e-")
    for name, default in vars(Sizes()).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=default)
    options = parser.parse_args()
    sizes = Sizes(*(getattr(options, name) for name in vars(Sizes())))
    options.out.mkdir(parents=True, exist_ok=True)
    # Frames last: a run that is broken off early has seen every scene and level.
    for frame, scene, level in itertools.product(range(options.frames), options.scenes, options.levels):
        study = Study(scene, level, sizes)
        base = {"scene": scene, "level_e": level, **{f"size {name}": value for name, value in vars(sizes).items()}}
        path = options.out / f"scene{scene}-{level:g}e-truth.npz"
        if not path.exists():
            save(path, base | study.truth())
        for mode, repeats in MODES:
            path = options.out / f"scene{scene}-{level:g}e-frame{frame}-{mode}-{repeats}.npz"
            if not path.exists():
                save(path, base | {"mode": mode, "repeats": repeats, "frame": frame} | study.estimate(mode, repeats, frame))
        print(f"scene {scene}, {level:g} e-: {len(list(options.out.glob(f'scene{scene}-{level:g}e-*.npz')))} files", flush=True)


if __name__ == "__main__":
    main()
