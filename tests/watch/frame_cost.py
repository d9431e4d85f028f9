"""What a watch costs for each frame of 2048 × 2048 px beside its features: processor time, least and median of many frames.

    python -m tests.watch.frame_cost            # about half a minute of one core

Features are drawn. The frame is hashed, as in `sigmaraw watch check`, the tests of all four groups are fed, and the entry is written
through to the disk. Last comes what it costs to open a state that holds many frames. Figures of docs/explanation/watch.md.
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from sigmaraw.watch.checking import Watch
from sigmaraw.watch.features import GROUPS
from sigmaraw.watch.fitting import Setup, hash_of
from sigmaraw.watch.online import OnlineMmd
from sigmaraw.watch.state import State

DIMS = {"statistics": 9, "residuals": 3, "measurements": 6, "bottleneck": 256}


def watch_of(path: Path, frames: int = 2000, seed: int = 0) -> Watch:
    """Return a watch of all groups whose reference of so many frames is drawn."""
    random = np.random.default_rng(seed)
    setup = Setup(GROUPS)
    tables = {name: random.standard_normal((frames, DIMS[name])) for name in GROUPS}
    detectors = {}
    for name, table in tables.items():
        made = OnlineMmd.calibrated(table, setup.window, setup.run_time * len(GROUPS), seed, runs=1)
        detectors[name] = {"kept": list(range(DIMS[name])), "threshold": made.threshold, "bandwidth": made.bandwidth}
    body = {
        "setup": msgspec.to_builtins(setup),
        "hashes": {"camera": None, "model": None},
        "reference": [{"frame": str(k), "sha256": f"{k:064x}"} for k in range(frames)],
        "features": {name: table.tolist() for name, table in tables.items()},
        "detectors": detectors,
        "exceeded": None,
    }
    return Watch(State.created(path, body))


def costs(watch: Watch, frames: int, shape: tuple[int, int] = (2048, 2048), seed: int = 1) -> dict[str, Any]:
    """Return processor time of each part and together, ms."""
    random = np.random.default_rng(seed)
    pixels = random.integers(0, 4096, shape, dtype=np.uint16)
    hashing, adding = [], []
    for index in range(frames):
        pixels[0, 0] = index
        features = {name: random.standard_normal(DIMS[name]) for name in GROUPS}
        began = time.process_time()
        digest = hash_of(pixels)
        between = time.process_time()
        watch.add(str(index), digest, features, None)
        hashing.append(1e3 * (between - began))
        adding.append(1e3 * (time.process_time() - between))
    both = np.add(hashing, adding)
    return {
        name: {"least": round(float(np.min(part)), 2), "median": round(float(np.median(part)), 2)}
        for name, part in (("hash, ms", hashing), ("tests and state, ms", adding), ("together, ms", both))
    }


def opening(watch: Watch, frames: int, seed: int = 2) -> dict[str, float]:
    """Return processor time to open the state after so many frames: checking all digests, and making the tests go on, s."""
    random = np.random.default_rng(seed)
    watch.state._connection.execute("PRAGMA synchronous = OFF")  # the frames are only there to be read
    for index in range(len(watch.state.entries) - 1, frames):
        watch.add(str(index), f"{index:x}", {name: random.standard_normal(DIMS[name]) for name in GROUPS}, None)
    began = time.process_time()
    state = State(watch.state.path)
    between = time.process_time()
    Watch(state)
    return {"frames": frames, "digests, s": round(between - began, 2), "tests, s": round(time.process_time() - between, 2)}


def main() -> None:
    """Print the costs."""
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(costs(watch_of(Path(folder) / "watch.db"), 60), indent=1), flush=True)
        watch = watch_of(Path(folder) / "other.db")
        for frames in (1, 1000, 2000):
            print(json.dumps(opening(watch, frames)), flush=True)


if __name__ == "__main__":
    main()
