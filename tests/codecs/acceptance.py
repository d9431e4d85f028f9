"""The noise-aware quantiser against its formulas at full size: ``python -m tests.codecs.acceptance`` prints the tables of
docs/explanation/noise-aware.md.

200 frames of 192 × 192 per row: 2 to 3 minutes on one core. `test_acceptance.py` runs a part of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sigmaraw.codecs import codec

CAMERAS = ((1.0, 1.6), (0.5, 1.6), (0.46, 1.6), (0.3125, 1.6), (2.0, 0.25))  # DN/e⁻, e⁻; the product is at least 0.5 DN
ELECTRONS = (0, 2, 10, 100, 1000)
OFFSET, SIZE, FRAMES = 100, 192, 200
BACKENDS = ("jpegxl", "jpegls", "zstd")


@dataclass(frozen=True)
class Row:
    """Noise-std ratio after the codec over before, its formula; shift of the frame's mean in its own σ_raw, with its SE."""

    gain: float
    read_noise: float
    electrons: float
    ratio: float
    formula: float
    shift: float
    shift_se: float


def noise_row(gain: float, read_noise: float, electrons: float, *, frames: int = FRAMES, q: float = 1.0, seed: int = 17) -> Row:
    """Return one row, from NumPy's own Poisson and normal samplers.

    formula : √(1 + [q²/12·(V − 1/12 + 3K²/8) + 1/6]/V). The shift's SE is √(added variance/V)/√frames.
    """
    rng = np.random.default_rng([seed, int(1000 * gain), int(electrons)])
    chain = codec(f"noiseaware:q={q},gain={gain},offset={OFFSET},read_noise={read_noise},backend=zstd")
    raw_sums, error_sums = np.zeros(2), np.zeros(3)  # Σn, Σn²; Σe, Σe², Σen
    for _ in range(frames):
        signal = rng.poisson(electrons, (SIZE, SIZE)) + rng.normal(0, read_noise, (SIZE, SIZE))
        raw = np.clip(np.rint(OFFSET + gain * signal), 0, 65535).astype(np.uint16)
        n, e = raw.astype(np.float64) - OFFSET - gain * electrons, chain.roundtrip(raw)[0].astype(np.float64) - raw
        raw_sums += n.sum(), (n * n).sum()
        error_sums += e.sum(), (e * e).sum(), (e * n).sum()
    count = frames * SIZE * SIZE
    (n, nn), (e, ee, en) = raw_sums / count, error_sums / count
    variance = gain**2 * (electrons + read_noise**2) + 1 / 12
    added = (q**2 / 12 * (variance - 1 / 12 + 3 * gain**2 / 8) + 1 / 6) / variance
    before, after = nn - n * n, nn + 2 * en + ee - (n + e) ** 2
    return Row(
        gain,
        read_noise,
        electrons,
        math.sqrt(after / before),
        math.sqrt(1 + added),
        e * SIZE / math.sqrt(variance),
        math.sqrt(added / frames),
    )


def excess_bits(q: float, backend: str, *, dither: bool = True, size: int = 512, seed: int = 4) -> tuple[float, float]:
    """Return bits per pixel on a flat frame of 400 e⁻ at 1 DN/e⁻, side data included, and the theory's ½log₂[2πe(1/q² + 1/6 or 1/12)]."""
    rng = np.random.default_rng(seed)
    raw = np.rint(OFFSET + rng.poisson(400, (size, size)) + rng.normal(0, 1.6, (size, size))).astype(np.uint16)
    chain = codec(f"noiseaware:q={q},gain=1,offset={OFFSET},read_noise=1.6,backend={backend},dither={str(dither).lower()}")
    theory = 0.5 * math.log2(2 * math.pi * math.e * (1 / q**2 + (1 / 6 if dither else 1 / 12)))
    return 8 * chain.roundtrip(raw)[1] / raw.size, theory


def main() -> None:
    """Print the tables."""
    print("| K / DN/e⁻ | σ_r / e⁻ | signal / e⁻ | noise-std ratio | formula | mean shift / σ_mean |\n|---|---|---|---|---|---|")
    for gain, read_noise in CAMERAS:
        for electrons in ELECTRONS:
            row = noise_row(gain, read_noise, electrons)
            print(
                f"| {gain:g} | {read_noise:g} | {electrons} | {row.ratio:.4f} | {row.formula:.4f} | {row.shift:+.3f} ± {row.shift_se:.3f} |"
            )
    print("\n| q | dither | theory / bit | " + " | ".join(BACKENDS) + " |\n|---|---|---|" + "---|" * len(BACKENDS))
    for dither in (True, False):
        for q in (0.5, 1.0, 2.0):
            found = {backend: excess_bits(q, backend, dither=dither) for backend in BACKENDS}
            cells = [f"{bits:.3f} ({100 * (bits / theory - 1):+.1f} %)" for bits, theory in found.values()]
            print(f"| {q:g} | {'yes' if dither else 'no'} | {found['zstd'][1]:.3f} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
