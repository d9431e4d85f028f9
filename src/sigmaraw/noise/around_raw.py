"""Mode `around-raw`: noise drawn around the raw frame itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import ReplicaMode
from sigmaraw.errors import InvalidOption
from sigmaraw.noise.coverage import measured_u_mode

if TYPE_CHECKING:
    from sigmaraw.contracts import Block, Measurement
    from sigmaraw.noise.model import NoiseModel


class AroundRaw(ReplicaMode):
    """Replicas around the raw frame x, without a guess of the noise-free one:

        e = (x − o)/K,  e⁺ = max(e, 0),  R = clip(round(x + K(Poisson(e⁺) − e⁺ + r)), lo, hi),  r ~ N(0, σ_r)

    Their mean is x, not μ, also where x lies below the offset; the noise that x already has is counted twice by any feature that
    is not linear in x. Only the converter's own ends clip, as in the camera: a sensor whose offset is within a few σ of DN 0
    shifts the mean there, as its frames do.

    Reference: SCIENCE 1, replica modes.
    """

    name = "around-raw"
    needs_repeats = False

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
        """Yield replicas `start` … `start + n − 1` of `frame`, (y, x) or (z, y, x), in blocks (replica, …) of its dtype, DN.

        Raises
        ------
        InvalidOption : no camera; seed, n, start, group or batch out of its domain.
        NotIntegerData, BitDepthMismatch, ProfileMismatch : the frame is not of this camera.
        """
        from sigmaraw.noise.blocks import first_pixel, sample_blocks  # JAX is loaded when something is drawn, not before

        if model is None:
            raise InvalidOption(f"mode '{self.name}' without a camera", "a camera profile", "give one with --camera")
        if slab is None:  # of a slab's whole the caller has seen to it
            model.check_image(frame)
        return sample_blocks(
            model,
            frame if slab is None else frame[slab],
            n=n,
            start=start,
            group=group,
            seed=seed,
            batch=batch,
            domain=self.name,
            image=frame,
            first_pixel=first_pixel(frame, slab),
            device=device,
        )

    def u_mode(self, measurement: Measurement) -> tuple[float, str]:
        """Return the relative standard uncertainty of σ_raw, as measured by kind of measurement."""
        return measured_u_mode(self.name, measurement)
