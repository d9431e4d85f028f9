"""Mode `mean-n`: noise drawn around the mean of a few real repeats."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import Diagnostic, ReplicaMode
from sigmaraw.errors import InvalidOption, ShapeMismatch
from sigmaraw.noise.coverage import measured_u_mode
from sigmaraw.noise.model import QUANTISATION_VARIANCE
from sigmaraw.noise.repeat_checks import repeat_checks
from sigmaraw.noise.repeats import require_repeats

if TYPE_CHECKING:
    from sigmaraw.contracts import Block, Measurement
    from sigmaraw.noise.model import NoiseModel

FEWEST = 2  # of one frame 1 − 1/n leaves nothing to draw


class MeanN(ReplicaMode):
    """Replicas around the mean x̄ of n repeats of a static scene, with the noise that the mean has lost:

        R = clip(round(x̄ + √(V(x̄)(1 − 1/n) − 1/12)·z), lo, hi),  z ~ N(0, 1)

    x̄ keeps V/n of the noise, so that x̄ and R together vary by V, as frames do; given x̄, replicas vary by V(1 − 1/n), which
    `spread_factor` makes good. The 1/12 DN² that V holds for the converter's rounding is not drawn, since rounding adds it.
    The noise is normal: at a few electrons the skewness of a frame's noise is not in it.

    Reference: SCIENCE 1, replica modes.
    """

    name = "mean-n"
    needs_repeats = True

    def blocks(
        self,
        frame: NDArray[np.integer],
        model: NoiseModel | None,
        *,
        n: int,
        start: int,
        group: int,
        seed: int,
        batch: int | None,
        slab: slice | None = None,
        device: bool = False,
    ) -> Iterator[Block]:
        """Yield replicas `start` … `start + n − 1` of `frame`, (repeat, y, x) or (repeat, z, y, x), in blocks of its dtype, DN.

        Raises
        ------
        InvalidOption : no camera; seed, n, start, group or batch out of its domain.
        InsufficientRepeats : fewer than two repeats. ShapeMismatch : no repeat axis.
        NotIntegerData, BitDepthMismatch, ProfileMismatch : the frames are not of this camera.
        """
        from sigmaraw.noise.blocks import first_pixel, sample_blocks  # JAX is loaded when something is drawn, not before

        if model is None:
            raise InvalidOption(f"mode '{self.name}' without a camera", "a camera profile", "give one with --camera")
        repeats = _count(frame)
        if slab is None:  # of a slab's whole the caller has seen to it
            model.check_image(frame)
        mean = (frame if slab is None else frame[:, slab]).mean(axis=0, dtype=np.float64)
        drawn = np.maximum(model.variance(mean) * (1 - 1 / repeats) - QUANTISATION_VARIANCE, 0.0)  # DN²
        sigma_e = np.sqrt(drawn) / model.gain_dn_per_e
        dark = np.zeros_like(mean)  # rate of no photons: all noise is in the normal term
        return sample_blocks(
            model,
            mean,
            dark,
            n=n,
            start=start,
            group=group,
            seed=seed,
            batch=batch,
            domain=self.name,
            image=frame,
            read_noise_e=sigma_e,
            first_pixel=first_pixel(frame[0], slab),
            device=device,
        )

    def diagnostics(self, frame: NDArray[np.integer], model: NoiseModel) -> tuple[Diagnostic, ...]:
        """Return whether the repeats vary as the camera's noise does, and whether they drift."""
        return repeat_checks(frame, model)

    def u_mode(self, measurement: Measurement) -> tuple[float, str]:
        """Return the relative standard uncertainty of σ_raw, as measured by kind of measurement."""
        return measured_u_mode(self.name, measurement)

    def spread_factor(self, frame: NDArray[np.integer]) -> float:
        """Return √(n/(n − 1)) for n repeats, the first axis of `frame`. Raises InsufficientRepeats, ShapeMismatch."""
        repeats = _count(frame)
        return math.sqrt(repeats / (repeats - 1))


def _count(frame: NDArray[np.integer]) -> int:
    if frame.ndim < 3:
        raise ShapeMismatch(f"an array of shape {frame.shape}", "repeats (repeat, y, x)", "give all repeats as one stack")
    require_repeats(frame.shape[0], FEWEST)
    return int(frame.shape[0])
