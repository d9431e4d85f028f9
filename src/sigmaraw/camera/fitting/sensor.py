"""A linear camera as a few stated numbers: what a forecast and a simulation of one have in common."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sigmaraw.errors import InvalidOption


@dataclass(frozen=True)
class LinearSensor:
    """A linear camera: DN = o + K·(n + r), n of mean p·m + I·t electrons, r of standard deviation σ_r.

    Parameters
    ----------
    shape : tuple of (int, int)
        (y, x), px.
    gain : float
        K, DN/e-, above 0.
    read_noise_e : float
        σ_r, e-, from 0.
    offset_dn : float
        o, DN, within the bit depth.
    bits : int
        Bit depth, 1 to 16.
    prnu_percent : float
        Standard deviation of p, %.
    dsnu_e : float
        Standard deviation of the dark level, e-.
    dark_current_e_per_s : float
        I, e-/s.

    Raises
    ------
    InvalidOption
        If a number lies out of its domain.

    References
    ----------
    EMVA 1288 r4.0, linear camera model; formula 3.
    """

    shape: tuple[int, int]
    gain: float
    read_noise_e: float
    offset_dn: float = 100.0
    bits: int = 12
    prnu_percent: float = 0.5
    dsnu_e: float = 0.5
    dark_current_e_per_s: float = 0.0

    def __post_init__(self) -> None:
        shape = tuple(self.shape)
        if len(shape) != 2 or any(isinstance(side, bool) or not isinstance(side, int | np.integer) or side < 1 for side in shape):
            raise InvalidOption(f"shape={self.shape}", "(y, x) in whole pixels", "give such a shape")
        if isinstance(self.bits, bool) or not isinstance(self.bits, int) or not 1 <= self.bits <= 16:
            raise InvalidOption(f"bits={self.bits}", "a whole number from 1 to 16", "correct bits")
        if not (math.isfinite(self.gain) and self.gain > 0):
            raise InvalidOption(f"gain={self.gain}", "DN/e- above 0", "correct gain")
        self._require_from_zero("read_noise_e", "offset_dn", "prnu_percent", "dsnu_e", "dark_current_e_per_s")
        if self.offset_dn >= self.full_scale:
            raise InvalidOption(f"offset_dn={self.offset_dn} with {self.bits} bits", f"below {self.full_scale} DN", "lower offset_dn")

    def _require_from_zero(self, *names: str) -> None:
        """Raise InvalidOption for a field of these that is no finite number from 0."""
        for name in names:
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise InvalidOption(f"{name}={value}", "a number from 0", f"correct {name}")

    @property
    def full_scale(self) -> int:
        """Largest value of the converter, DN."""
        return (1 << self.bits) - 1
