"""Quantiles and tails of the common distributions by `scipy.special`: the bits of `scipy.stats`, which takes half a second to import."""

from __future__ import annotations

import math

import numpy as np
from scipy import special

__all__ = ["chi2_quantile", "chi_density", "f_quantile", "t_quantile", "t_tail"]


def t_quantile(p: float, dof: float) -> float:
    """Return the p-quantile of Student's t with `dof` degrees of freedom; NaN where they are not above 0."""
    return float(special.stdtrit(dof, p))


def t_tail(value: float, dof: float) -> float:
    """Return P(T > value) of Student's t with `dof` degrees of freedom."""
    return float(special.stdtr(dof, -value))


def chi2_quantile(p: float, dof: float) -> float:
    """Return the p-quantile of χ² with `dof` degrees of freedom."""
    return float(2 * special.gammaincinv(dof / 2, p))


def f_quantile(p: float, between: float, within: float) -> float:
    """Return the p-quantile of F with `between` and `within` degrees of freedom."""
    return float(special.fdtri(between, within, p))


def chi_density(value: float, dof: float) -> float:
    """Return the density of χ with `dof` degrees of freedom at a value from 0."""
    constant = math.log(2) - 0.5 * math.log(2) * dof - float(special.gammaln(0.5 * dof))
    return float(np.exp(constant + special.xlogy(dof - 1.0, value) - 0.5 * value**2))
