"""How often a search accepts what it must not, and returns what it should: scenes and a codec whose effect is known in closed form.

    python -m tests.study.search_acceptance --runs 200

The pipeline is the sum of all pixels, χ = Σx, with σ_raw² = Σ[K(m − o) + K²σ_r² + 1/12] over the noise-free scene. The codec adds
1 DN to each pixel with probability shift/pixels, so that E D = shift and ε = shift/σ_raw: true for every image and known before.
"""

from __future__ import annotations

import argparse
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from typing import Any

import numpy as np
from numpy.typing import NDArray

import sigmaraw as sr
from sigmaraw import registry
from sigmaraw.contracts import CodecContract, Coder, Encoded, Measurement, Parameter
from sigmaraw.noise.around_raw import AroundRaw
from sigmaraw.registry import entries

SIDE = 24  # px
GAIN, OFFSET, READ = 0.5, 100.0, 2.0
LARGEST = 1000


class Shift(Coder):
    """Adds 1 DN to a random share of the pixels, the same for the same frame; one byte less for each DN of the total."""

    name = "shift"
    parameters = (Parameter("by", float, 1.0, minimum=0, maximum=LARGEST, unit="DN", help="expected change of the sum of all pixels"),)
    contract = CodecContract(("uint16",), lossless=False, knob="by", knob_direction=-1)
    probes = ()

    def __init__(self, *, by: float) -> None:
        self.by = by

    def encode(self, frame: NDArray[np.integer]) -> Encoded:
        """Return the shifted pixels, padded so that a stronger setting is smaller."""
        random = np.random.default_rng([zlib.crc32(frame.tobytes()), round(1000 * self.by)])
        shifted = frame + (random.random(frame.shape) < self.by / frame.size).astype(frame.dtype)
        return Encoded(shifted.tobytes() + bytes(LARGEST - round(self.by)))

    def decode(self, encoded: Encoded, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[np.integer]:
        """Return the shifted pixels."""
        return np.frombuffer(encoded.payload[: int(np.prod(shape)) * dtype.itemsize], dtype).reshape(shape)


def total(image: NDArray[np.integer]) -> dict[str, float]:
    """Return the sum of all pixels, DN."""
    return {"total": float(image.sum())}


total.measurements = (Measurement("total", "DN", "S", "sum of all pixels", kind="mean"),)  # type: ignore[attr-defined]


class Exact(AroundRaw):
    """Draws around the raw frame: for a sum of pixels that is exact, so that no uncertainty of the mode widens the guard band."""

    name = "exact"

    def u_mode(self, measurement: Measurement) -> tuple[float, str]:
        """Return 0: the spread of a sum is linear in V, and V in x."""
        return 0.0, "exact for a sum"


def register(set_item: Callable[[Any, str, Any], None]) -> None:
    """Put codec and mode into the registry, as an installed package's entry points would."""
    for group, kind in ((registry.CODECS, Shift), (registry.MODES, Exact)):
        set_item(entries._table(group), kind.name, (EntryPoint(kind.name, f"{__spec__.name}:{kind.__name__}", group),))


def mean_dn(brightness: float) -> NDArray[np.float64]:
    """Return a noise-free scene (y, x), DN: a spot on a background, `brightness` times as bright as the first."""
    y, x = np.mgrid[:SIDE, :SIDE]
    return OFFSET + brightness * (20 + 60 * np.exp(-((y - SIDE / 2) ** 2 + (x - SIDE / 2) ** 2) / 30))


def sigma_raw(brightness: float = 1.0) -> float:
    """Return the true σ_raw of the sum, DN."""
    return float(np.sqrt(np.sum(GAIN * (mean_dn(brightness) - OFFSET) + (GAIN * READ) ** 2 + 1 / 12)))


def frames(count: int, seed: int, brightness: float = 1.0) -> list[NDArray[np.uint16]]:
    """Return frames of one scene, noise drawn by NumPy."""
    random = np.random.default_rng([seed, 41])
    rate = (mean_dn(brightness) - OFFSET) / GAIN
    light = random.poisson(rate, (count, SIDE, SIDE)) + random.normal(0, READ, (count, SIDE, SIDE))
    return list(np.clip(np.rint(OFFSET + GAIN * light), 0, 4095).astype(np.uint16))


@dataclass(frozen=True)
class Scenario:
    """epsilons : true ε of the grid's settings on the held-out images. wanted : the right answer, or what must not be accepted.

    tuning_brightness : of the tuning scenes; where they are brighter, settings look harmless there. mode : of the replicas.
    """

    name: str
    epsilons: tuple[float, ...]
    wanted: float
    images: int
    tuning_brightness: float = 1.0
    mode: str = "around-raw"


MARGIN = (0.2, 0.4, 0.6, 1.0, 1.4)
STEPS = (0.15, 0.4, 0.65, 1.35, 1.7)
SCENARIOS = {
    "margin": Scenario("at the margin", MARGIN, 1.0, 1),
    "misled": Scenario("at the margin, tuning images mislead", MARGIN[:4], 1.0, 1, 4.0),
    "nominal": Scenario("the same, mode without uncertainty", MARGIN[:4], 1.0, 1, 4.0, "exact"),
    "steps": Scenario("steps of 4 u", STEPS, 0.65, 2),
}


def camera() -> sr.CameraProfile:
    """Return the true camera."""
    return sr.CameraProfile.from_values(gain=GAIN, offset=OFFSET, read_noise=READ, bits=12)


def spec(epsilon: float) -> str:
    """Return the setting of a true ε."""
    return f"shift:by={epsilon * sigma_raw():.6g}"


def run(scenario: Scenario, seed: int, n: int = 50, **options: Any) -> sr.SearchResult:
    """Run one search from fresh frames."""
    grid = "shift:by=" + "|".join(f"{epsilon * sigma_raw():.6g}" for epsilon in scenario.epsilons)
    return sr.search(
        frames(scenario.images, 2 * seed, scenario.tuning_brightness),
        camera(),
        confirm=frames(scenario.images, 2 * seed + 1),
        codecs=grid,
        pipeline=total,
        n=n,
        seed=seed,
        mode=scenario.mode,
        **{"refine": 0, "rms": 2.0, **options},
    )


def main() -> None:
    """Run the scenarios and print how often each answer came out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--scenario", choices=sorted(SCENARIOS), nargs="+", default=list(SCENARIOS))
    options = parser.parse_args()
    sys.modules[__spec__.name] = sys.modules["__main__"]  # one module, so that the codec and the mode exist once
    register(dict.__setitem__)
    for name in options.scenario:
        scenario, answers, tuned, u = SCENARIOS[name], [], 0, []
        for seed in range(options.runs):
            result = run(scenario, seed)
            answers.append(result.chosen["shift:by=*"])
            rows = [
                row
                for record in (*result.tuning, *([result.confirmation] if result.confirmation else []))
                for row in record.document["results"]
            ]
            tried = result.summary["families"][0]["tried"]
            tuned += any(row["codec"] == spec(scenario.wanted) and row["confirmation"] is not None for row in tried)
            u += [row["u"] / abs(row["epsilon_hat"]) for row in rows if abs(row["epsilon_hat"]) > 0.5]
        counts = {f"{epsilon:g}": answers.count(spec(epsilon)) for epsilon in scenario.epsilons}
        print(f"{scenario.name}: {options.runs} runs, u of a score of 1 up to {max(u):.3f};", end=" ")
        print(f"confirmation asked for eps = {scenario.wanted:g}: {tuned};", end=" ")
        print(f"returned {counts}, nothing {answers.count(None)}", flush=True)


if __name__ == "__main__":
    main()
