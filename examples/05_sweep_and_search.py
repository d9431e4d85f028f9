"""Which setting may I use? A sweep over grids of settings, then a search whose answer holds on images that had no part in it.

    python examples/05_sweep_and_search.py --out out/example-05

Images of a virtual camera, one scene each; two measurements, of which `mean` is linear in the pixels. Written are the sweep's
report with its curves and results.csv, and the search's search.json with the record of each stage.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from skimage.filters import threshold_otsu

import sigmaraw as sr
from sigmaraw.contracts import Measurement
from sigmaraw.virtual import VirtualCamera, nuclei_scene

GRIDS = [
    "noiseaware:q=0.5..4:4log,effort=5",
    "jpeg2000:ratio=5..40:4log",
    "to8bit:shift,bits=12+jpeg:quality=40|60|80|95",
    "lossless",
]


def measure(image: np.ndarray) -> dict[str, float]:
    """Return the mean of all pixels and the area above Otsu's threshold."""
    return {"mean": float(image.mean()), "area": float((image > threshold_otsu(image)).sum())}


measure.measurements = (  # type: ignore[attr-defined]
    Measurement("mean", "DN", "m", "mean of all pixels", kind="mean"),
    Measurement("area", "px", "A", "pixels above Otsu's threshold", kind="adaptive-area"),
)


def main() -> None:
    """Sweep, search, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("out/example-05"))
    parser.add_argument("-n", type=int, default=100, help="replicas per group")
    parser.add_argument("--images", type=int, default=8, help="one scene each")
    parser.add_argument("--side", type=int, default=128, help="px")
    parser.add_argument("--refine", type=int, default=2, help="rounds of halving between settings")
    arguments = parser.parse_args()

    shape = (arguments.side, arguments.side)
    camera = VirtualCamera(shape=shape, prnu_percent=0.0, dsnu_e=0.0, read_noise_tail=0.0, dark_current_e_per_s=0.0)
    scenes = [nuclei_scene(shape, max(1, arguments.side**2 // 2500), 300.0, 20.0, seed=seed) for seed in range(arguments.images)]
    images = [camera.acquire(scene.mean_e, 1, [5, seed])[0] for seed, scene in enumerate(scenes)]
    profile = camera.truth_profile()

    swept = sr.sweep(images[:2], profile, codecs=GRIDS, pipeline=measure, n=arguments.n, seed=1)
    report = swept.write(arguments.out / "sweep", ("csv", "html"))
    print(swept.table())
    print(f"report: {report}\n")

    found = sr.search(images, profile, codecs=GRIDS, pipeline=measure, n=arguments.n, seed=1, refine=arguments.refine)
    report = found.write(arguments.out / "search")
    print(found.table())
    print(f"recommended: {found.recommended}")
    print(f"report: {report}")


if __name__ == "__main__":
    main()
