"""The sampler against the exact law at 144 cameras × rates, and 10⁹ draws of a few. Run once: python -m tests.noise.measure_sampler

docs/explanation/sampler.md gives the figures; `test_sampler.py` runs a part of it with fewer draws.
"""

from __future__ import annotations

import sys

import numpy as np
from scipy import stats

from sigmaraw.noise import NoiseModel
from tests.noise.exact_law import chi_square_p, exact_pmf, moment_scores

RATES = (0.0, 0.05, 0.5, 2.0, 3.99, 4.01, 8.0, 30.0, 300.0, 3e3, 3e4, 1e5)
READ_NOISES = (0.3, 1.0, 1.6, 5.0)
GAINS = (0.2, 0.6, 2.3)
OFFSET, BITS = 100.3, 16
LAGS = ((0, 0, 1), (0, 0, 2), (0, 1, 0), (1, 0, 0))  # replica, y, x; lag 1 in x holds the pairs that share words


def draws(rate: float, read_noise: float, gain: float, replicas: int, seed: int, side: int = 1000):
    """Yield blocks of frames of an even scene."""
    model = NoiseModel(gain, OFFSET, read_noise, BITS)
    return model.sample_blocks(np.full((side, side), OFFSET + gain * rate), replicas, seed=seed, batch=10)


def cell(rate: float, read_noise: float, gain: float, replicas: int, seed: int):
    """Return p of χ², z of three moments, and z of correlations at the lags: of values, and of squares at lag 1."""
    counts = np.zeros(1 << BITS)
    first, pmf = exact_pmf(rate, read_noise, gain, OFFSET, 0, (1 << BITS) - 1)
    dn = np.arange(first, first + len(pmf))
    mean = pmf @ dn
    sd = np.sqrt(pmf @ (dn - mean) ** 2)
    sums, pairs = np.zeros(len(LAGS) + 1), np.zeros(len(LAGS) + 1)
    fourth = pmf @ (((dn - mean) / sd) ** 2 - 1) ** 2
    for block in draws(rate, read_noise, gain, replicas, seed):
        counts += np.bincount(block.ravel(), minlength=1 << BITS)
        z = ((block - np.float32(mean)) / np.float32(sd)).astype(np.float32)
        for index, (r, y, x) in enumerate(LAGS):
            a, b = z[r:, y:, x:], z[: len(z) - r, : z.shape[1] - y, : z.shape[2] - x]
            sums[index] += np.einsum("ryx,ryx->", a, b, dtype=np.float64)
            pairs[index] += a.size
        even, odd = z[:, :, ::2] ** 2 - 1, z[:, :, 1::2] ** 2 - 1
        sums[-1] += np.einsum("ryx,ryx->", even, odd, dtype=np.float64) / fourth
        pairs[-1] += even.size
    return chi_square_p(counts, first, pmf), moment_scores(counts, first, pmf), sums / np.sqrt(pairs)


def main() -> None:
    """Print the grid, its summary, and the long runs."""
    p_values, worst = [], []
    for i, rate in enumerate(RATES):
        row = []
        for j, read_noise in enumerate(READ_NOISES):
            for k, wanted in enumerate(GAINS):
                gain = min(wanted, 62_000 / max(rate, 1))  # 16 bits hold it
                p, z, lags = cell(rate, read_noise, gain, 10, 1000 + 100 * i + 10 * j + k)
                row.append(p)
                worst.append([z.mean, z.variance, z.skewness, *lags])
        p_values += row
        print(f"{rate:g} e-: p {' '.join(f'{p:.3f}' for p in row)}", flush=True)
    size = np.abs(np.array(worst)).max(axis=0)
    print(f"144 cells of 1e7: KS of p {stats.kstest(p_values, 'uniform').pvalue:.3f}, smallest p {min(p_values):.2g}")
    print(f"largest |z|: mean {size[0]:.2f}, variance {size[1]:.2f}, skewness {size[2]:.2f}")
    print(f"largest correlation x sqrt(N): lags {LAGS} {np.round(size[3:-1], 2)}, squares within pairs {size[-1]:.2f}")
    for rate, read_noise, gain in ((2.0, 0.3, 2.3), (4.0, 0.3, 2.3), (12.0, 0.3, 1.0), (1000.0, 1.6, 0.46)):
        p, z, lags = cell(rate, read_noise, gain, 1000, int(rate))
        print(
            f"1e9 draws at {rate:g} e-, {read_noise} e-, {gain} DN/e-: chi-square p {p:.3f}, z {z}, correlations {np.round(lags, 2)}",
            flush=True,
        )


if __name__ == "__main__":
    sys.exit(main())
