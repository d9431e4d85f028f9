"""How often each statement passes a codec that lies exactly at a limit, over kinds of predictions, images and replicas.

    OMP_NUM_THREADS=1 python tests/statistics/error_rates.py run --runs 2000 --out rates.json  # an hour on one core
    python tests/statistics/error_rates.py table rates.json  # the tables of docs/explanation/error-rates.md
    python tests/statistics/error_rates.py extra --runs 500  # the figures beside them: two minutes

Predictions: f(R) = z standardised to mean 0 and sd σ; D = σ(ε + b_j + w), b_j ~ N(0, τ²ICC) of image j, w of the same kind as z with
variance τ²(1 − ICC), τ = .5. Two raw groups, the codec's own among them: the fewest that a study has.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy import special

from sigmaraw.statistics import Evidence, RowLimits, measure, p_pass
from sigmaraw.statistics.image_means import mean_bounds
from sigmaraw.statistics.images import these_images
from sigmaraw.statistics.multiplicity import hochberg

KINDS = ("normal", "t5", "lognormal", "exponential", "Poisson .05", "Poisson .3", "bimodal")
IMAGES = (1, 3, 10, 30)
REPLICAS = (20, 50, 200)
INTRACLASS = (0.0, 0.23, 0.5)
TAU = 0.5
WIDE = 1e9  # a limit that asks for nothing
CHUNK = 200  # studies at once


def draw(kind: str, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Return predictions of a kind with mean 0 and variance 1."""
    if kind == "normal":
        return rng.normal(size=shape)
    if kind == "t5":
        return rng.standard_t(5, shape) / math.sqrt(5 / 3)
    if kind == "lognormal":  # sd of the logarithm .5
        return (np.exp(0.5 * rng.normal(size=shape)) - math.exp(0.125)) / math.sqrt((math.exp(0.25) - 1) * math.exp(0.25))
    if kind == "exponential":
        return rng.exponential(size=shape) - 1.0
    if kind == "bimodal":
        return (rng.choice([-1.0, 1.0], shape) + 0.3 * rng.normal(size=shape)) / math.sqrt(1.09)
    rate = float(kind.split()[1])
    return (rng.poisson(rate, shape) - rate) / math.sqrt(rate)


def step(kind: str) -> float:
    """Return the distance of neighbouring predictions, σ; for continuous ones four σ stand for their range."""
    return 1.0 / math.sqrt(float(kind.split()[1])) if kind.startswith("Poisson") else 4.0


def rows(
    kind: str, rng: np.random.Generator, studies: int, images: int, n: int, change: str, intraclass: float, shift: np.ndarray
) -> Evidence:
    """Return the evidence of studies × images rows whose D has the mean `shift` (study, image)."""
    raw = draw(kind, rng, (studies * images, 2, n))
    between = TAU * math.sqrt(intraclass) * rng.normal(size=(studies, images))
    if change == "rms":  # E[RMS²] = 1 over images
        within = math.sqrt(1.0 - TAU**2 * intraclass) * draw(kind, rng, (studies * images, n))
    else:
        within = TAU * math.sqrt(1.0 - intraclass) * draw(kind, rng, (studies * images, n))
    decoded = raw[:, 1] + (shift + between).reshape(-1, 1) + within
    return measure(raw, decoded, 1, step=step(kind), discrete=kind.startswith("Poisson"))


def rates(kind: str, n: int, intraclass: float, runs: int) -> Iterator[tuple[str, int, float]]:
    """Yield (statement, images, share of wrong PASS)."""
    seed = zlib.crc32(f"{kind} {n} {intraclass}".encode())
    rng, most = np.random.default_rng(seed), max(IMAGES)
    shift_only, rms_only = RowLimits(1.0, WIDE, WIDE), RowLimits(WIDE, WIDE, 1.0)
    wrong: dict[tuple[str, int], int] = {}
    for start in range(0, runs, CHUNK):
        studies = min(CHUNK, runs - start)
        ones = np.ones((studies, most))
        at_limit = rows(kind, rng, studies, most, n, "shift", 0.0, ones)
        p = p_pass(at_limit, shift_only, at_most=0.05).reshape(studies, most)
        mean = rows(kind, rng, studies, most, n, "shift", intraclass, ones)
        rms = rows(kind, rng, studies, most, n, "rms", intraclass, 0.0 * ones)
        for images in IMAGES:
            _count(wrong, "these-images", images, [bool((hochberg(row) <= 0.05).any()) for row in p[:, :images]])
            if images >= 3:
                for name, evidence, limits in (("mean shift", mean, shift_only), ("mean RMS", rms, rms_only)):
                    index = np.arange(studies * most).reshape(studies, most)[:, :images].ravel()
                    _count(wrong, name, images, mean_bounds(evidence.take(index), images=images).inside(limits))
                # A share exactly at what J images without a failure can show; those outside lie at the limit.
                share = min((1.0 - 0.05 ** (1.0 / images)) / 0.95, 1.0)
                outside = rng.random((studies, images)) < share
                _count(wrong, "share-of-images", images, ((p[:, :images] <= 0.05) | ~outside).all(axis=1))
    for (name, images), count in wrong.items():
        yield name, images, count / runs


def _count(wrong: dict[tuple[str, int], int], name: str, images: int, flags: object) -> None:
    wrong[name, images] = wrong.get((name, images), 0) + int(np.sum(flags))  # type: ignore[call-overload]


def rare_failures(n: int, images: int, runs: int) -> float:
    """Return how often a codec with ε = 3 in 10 % of images, and harmless in the others, passes."""
    rng, passed = np.random.default_rng(zlib.crc32(f"rare {n} {images}".encode())), 0
    for start in range(0, runs, CHUNK):
        studies = min(CHUNK, runs - start)
        shift = np.where(rng.random((studies, images)) < 0.1, 3.0, 0.0)
        raw = rng.normal(size=(studies * images, 2, n))
        evidence = measure(raw, raw[:, 1] + shift.reshape(-1, 1) + 0.1 * rng.normal(size=(studies * images, n)), 1)
        inside = mean_bounds(evidence, images=images).inside(RowLimits())
        for study in np.flatnonzero(inside):
            own = evidence.take(slice(study * images, (study + 1) * images))
            passed += these_images(np.ones(images), own.p_beyond(RowLimits()).min(axis=0)).failed == 0
    return passed / runs


def parts(kind: str, n: int, runs: int) -> dict[str, float]:
    """Return the largest share of wrong PASS of each part alone at its limit, over ways in which D hangs on f(R)."""
    rng = np.random.default_rng(zlib.crc32(f"parts {kind} {n}".encode()))
    raw, noise, bell = draw(kind, rng, (runs, 2, n)), draw(kind, rng, (runs, n)), rng.normal(size=(runs, n))
    x, c = raw[:, 1], math.sqrt(1.25**2 - 1)
    cases = {
        "shift": (x + 1.0, x + 1.0 + 0.5 * noise, x + 1.0 - 0.5 * noise, 1.3 * x + 1.0),
        "rms": (x + noise, x + 0.7 + math.sqrt(0.51) * noise, x + bell),
        "spread": (x + c * noise, x + c * bell, 0.7 * x + math.sqrt(0.64 - 0.49) * noise, x * (1.0 + c * bell)),
    }
    limits = {"shift": RowLimits(1.0, WIDE, WIDE), "rms": RowLimits(WIDE, WIDE, 1.0), "spread": RowLimits(WIDE, 1.25, WIDE)}
    found = {}
    varies = raw.std(axis=2).max(axis=1) > 0.0
    for part, decoded in cases.items():
        settings = {"step": step(kind), "discrete": kind.startswith("Poisson")}
        shares = [measure(raw, y, 1, **settings).inside(limits[part]).all(axis=0)[varies].mean() for y in decoded]  # type: ignore[arg-type]
        found[part] = float(max(shares))
    return found


def powers(kind: str, n: int, runs: int) -> tuple[float, float]:
    """Return how often the hardest harmless row (ε .3, ρ 1.11, RMS .7) passes, and a mild one (ε .1, D of sd .3)."""
    random = np.random.default_rng(zlib.crc32(f"power {kind} {n}".encode()))
    raw, noise = draw(kind, random, (runs, 2, n)), draw(kind, random, (runs, n))
    slope = (1.11**2 - 1.0 - 0.40) / 2.0  # var D = .7² − .3² = .40, and ρ² = 1 + 2·slope + .40
    hardest = raw[:, 1] * (1.0 + slope) + 0.3 + math.sqrt(0.40 - slope**2) * noise
    found = [float(measure(raw, y, 1).inside(RowLimits()).all(axis=0).mean()) for y in (hardest, raw[:, 1] + 0.1 + 0.3 * noise)]
    return found[0], found[1]


def extra(runs: int) -> None:
    """Print what stands beside the tables: rare failures, a guard that adds, very heavy tails, and the power of a row."""
    share = rare_failures(50, 30, runs)
    sys.stdout.write(
        f"ε = 3 in 10 % of 30 images passes in {100 * share:.1f} % of studies; none of the images is such in {100 * 0.9**30:.1f} %\n"
    )
    z = float(special.ndtri(0.95))
    adds = float(special.ndtr(-math.log1p(z * 0.6) / 0.6))
    sys.stdout.write(
        f"σ_raw off by u = .6, ε = 1, endless replicas: a guard that multiplies passes 5 %, one that adds {100 * adds:.1f} %\n"
    )
    for n in REPLICAS:
        random = np.random.default_rng(n)
        raw = np.exp(random.normal(size=(runs, 2, n)))
        decoded = raw[:, 1] + 0.75 * (np.exp(random.normal(size=(runs, n))) - math.exp(0.5))
        wrong = measure(raw, decoded, 1).part_inside("spread", RowLimits()).mean()
        sys.stdout.write(f"lognormal, σ = 1, ratio at its limit, n {n}: {100 * wrong:.1f} % wrong PASS\n")
    sys.stdout.write("| predictions | hardest, n 100 | n 200 | n 300 | n 600 | mild, n 100 | n 300 |\n" + "|---" * 7 + "|\n")
    for kind in KINDS:
        if not kind.startswith("Poisson"):
            found = {n: powers(kind, n, runs) for n in (100, 200, 300, 600)}
            cells = [*(found[n][0] for n in found), found[100][1], found[300][1]]
            sys.stdout.write(f"| {kind} | " + " | ".join(f"{value:.2f}" for value in cells) + " |\n")
            sys.stdout.flush()


def main() -> None:
    """Run the cells, or print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("run", "table", "parts", "extra"))
    parser.add_argument("file", nargs="?")
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--out", default="rates.json")
    options = parser.parse_args()
    if options.what == "table":
        sys.stdout.write(table(json.loads(Path(options.file or options.out).read_text())))
        return
    if options.what == "extra":
        extra(options.runs)
        return
    if options.what == "parts":
        for kind in KINDS:
            each = [parts(kind, n, options.runs) for n in REPLICAS]
            cells = (" / ".join(f"{100 * row[part]:.1f}" for row in each) for part in ("shift", "rms", "spread"))
            sys.stdout.write(f"| {kind} | " + " | ".join(cells) + " |\n")
            sys.stdout.flush()
        return
    found: list[dict[str, object]] = []
    for n in REPLICAS:
        for kind in KINDS:
            for intraclass in INTRACLASS:
                cell = {"kind": kind, "n": n, "intraclass": intraclass, "runs": options.runs}
                for name, images, rate in rates(kind, n, intraclass, options.runs):
                    found.append({**cell, "statement": name, "images": images, "rate": rate})
                Path(options.out).write_text(json.dumps(found, indent=0))


def table(found: list[dict[str, object]]) -> str:
    """Return the tables in Markdown: the largest rate over intraclass correlations, per statement, kind and J, N."""
    runs = int(found[0]["runs"])  # type: ignore[call-overload]
    se = math.sqrt(0.05 * 0.95 / runs)
    cells = np.array([float(row["rate"]) for row in found])  # type: ignore[arg-type]
    lines = [
        f"{cells.size} cells of {runs} runs; largest {cells.max():.3f}; above 5 % + 3.5 SE (= {0.05 + 3.5 * se:.3f}): "
        f"{(cells > 0.05 + 3.5 * se).sum()}; above 5 % + 2 SE (= {0.05 + 2 * se:.3f}): {(cells > 0.05 + 2 * se).mean():.1%} of cells.",
        "",
    ]
    for name in dict.fromkeys(str(row["statement"]) for row in found):
        own = [row for row in found if row["statement"] == name]
        columns = sorted({(int(row["images"]), int(row["n"])) for row in own})  # type: ignore[call-overload]
        head = "| kind | " + " | ".join(f"J {j}, N {n}" for j, n in columns) + " |"
        lines += [f"**{name}**", "", head, "|---" * (len(columns) + 1) + "|"]
        for kind in KINDS:
            values = []
            for j, n in columns:
                cell = [float(row["rate"]) for row in own if (row["kind"], row["images"], row["n"]) == (kind, j, n)]  # type: ignore[arg-type]
                values.append(max(cell, default=math.nan))
            lines.append(f"| {kind} | " + " | ".join(f"{100 * value:.1f}" for value in values) + " |")
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
