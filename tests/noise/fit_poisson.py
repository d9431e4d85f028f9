"""Make the coefficients of the Poisson quantile in sigmaraw/noise/poisson.py. Run once: python -m tests.noise.fit_poisson

P(N < k) is a smooth function of real k, the regularised incomplete gamma function. So k = λ + √λ·w + w²·p(s) + Σ c_i(s)/λ^i with
w = Φ⁻¹(P(N < k)) and s = w/√λ: Temme's uniform expansion, of which p and c_0 … c_3 are functions of s alone. They are fitted together as
polynomials, by least squares over integer k (real ones above λ = 60) and λ from 4 to 3000, each weighted by how much probability an error
of k would move: (φ(w)/√λ)^0.8.

References: N. M. Temme, "Asymptotic inversion of incomplete gamma functions", Math. Comp. 58 (1992); M. B. Giles, Algorithm 955 (2016).
"""

from __future__ import annotations

import numpy as np
from scipy import special, stats

LOWEST, HIGHEST, REACH = 4.0, 3000.0, 6.8
DEGREES = (10, 9, 7, 5, 3)  # of p, c_0, c_1, c_2, c_3
POWER = 0.8


def quantile_points() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return λ, k and w = Φ⁻¹(P(N < k)), each (point,), |w| below `REACH`."""
    parts = []
    for rate in np.geomspace(LOWEST, HIGHEST, 160):
        last = rate + 7.5 * np.sqrt(rate) + 22
        k = np.arange(1, int(last) + 1.0) if rate < 60 else np.linspace(max(1.0, rate - 7 * np.sqrt(rate)), last, 90)
        below, above = special.gammaincc(k, rate), special.gammainc(k, rate)
        with np.errstate(divide="ignore"):
            w = np.where(below < 0.5, special.ndtri(below), -special.ndtri(above))
        keep = np.isfinite(w) & (np.abs(w) < REACH)
        parts.append((np.full(keep.sum(), rate), k[keep], w[keep]))
    rates, counts, normals = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    return rates, counts, normals


def fit() -> list[np.ndarray]:
    """Return the five polynomials in s, highest power first."""
    rate, k, w = quantile_points()
    s, ends = w / np.sqrt(rate), (-1.4, REACH / np.sqrt(LOWEST))
    z = (2 * s - sum(ends)) / (ends[1] - ends[0])
    factors = (w**2, *(rate**-i for i in range(4)))
    columns = [np.polynomial.chebyshev.chebvander(z, degree) * factor[:, None] for degree, factor in zip(DEGREES, factors, strict=True)]
    weight = np.maximum(stats.norm.pdf(w) / np.sqrt(rate), 1e-9) ** POWER
    design = np.concatenate(columns, axis=1) * weight[:, None]
    scale = np.linalg.norm(design, axis=0)
    found = np.linalg.lstsq(design / scale, (k - rate - np.sqrt(rate) * w) * weight, rcond=1e-14)[0] / scale
    polynomials, start = [], 0
    for degree in DEGREES:
        series = np.polynomial.chebyshev.Chebyshev(found[start : start + degree + 1], domain=ends)
        polynomials.append(series.convert(kind=np.polynomial.Polynomial, domain=[-1, 1], window=[-1, 1]).coef[::-1])
        start += degree + 1
    return polynomials


if __name__ == "__main__":
    for name, values in zip(("_P", "_C0", "_C1", "_C2", "_C3"), fit(), strict=True):
        print(f"{name} = ({', '.join(np.format_float_scientific(np.float32(value), 9) for value in values)})")
    s = 2**0.5
    x = np.cos(np.pi * (np.arange(4000) + 0.5) / 4000)
    x = (s - 1 / s) / 2 * x + (s + 1 / s) / 2 - 1
    x = x[np.abs(x) > 1e-3]
    low = np.polynomial.Polynomial.fit(x, (np.log1p(x) - x) / x**2, 7).convert().coef[::-1]
    print("_LOG =", ", ".join(np.format_float_scientific(np.float32(v), 9) for v in low))
    y = np.linspace(1e-9, (np.pi / 4) ** 2, 4001)
    for name, f in (("_SIN", np.sin(np.sqrt(y)) / np.sqrt(y)), ("_COS", np.cos(np.sqrt(y)))):
        v = np.polynomial.Polynomial.fit(y, f, 3).convert().coef[::-1]
        print(name, "=", ", ".join(np.format_float_scientific(np.float32(q), 9) for q in v))
