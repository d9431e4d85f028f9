"""Mode `simex`: noise drawn around frames with ever more noise, and what is found extrapolated to a frame without."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import Extrapolation, Parameter, ReplicaMode
from sigmaraw.errors import InvalidOption
from sigmaraw.noise.coverage import measured_u_mode
from sigmaraw.noise.keys import MAX_REPLICAS, whole_number
from sigmaraw.noise.model import QUANTISATION_VARIANCE

if TYPE_CHECKING:
    from sigmaraw.contracts import Block, Measurement
    from sigmaraw.noise.model import NoiseModel

LEVELS = (1.0, 1.5, 2.0, 3.0)
"""Noise variance of the frame that replicas are drawn around, in units of V; 1 is the raw frame itself."""
CLUSTER = 5
"""Replicas that share one base: their spread about its mean is that of one frame's noise, whatever the base's own noise is."""


def weights(levels: tuple[float, ...], degree: int) -> tuple[float, ...]:
    """Return w with θ(0) = Σ w_l θ(t_l): the least-squares polynomial of a degree through the levels, taken at no noise.

    For levels 1, 1.5, 2, 3: (1, 4/7, 1/7, −5/7) for a line, (36, −8, −27, 10)/11 for a parabola; Σw² is 1.86 and 18.1, by
    which the variance of an extrapolated number exceeds that of one level.
    """
    powers = np.vander(np.asarray(levels), degree + 1, increasing=True)
    return tuple(float(value) for value in np.linalg.pinv(powers)[0])


class Simex(ReplicaMode):
    """Replicas around frames x_t that carry t times the noise, t = 1, 1.5, 2, 3 (simulation extrapolation):

        x_t = clip(round(x + √((t − 1)V(x) − 1/12)·z)),  R_t = clip(round(x_t + K(Poisson(λ) − λ + r))),  λ = max(x_t − o, 0)/K

    with z ~ N(0, 1), r ~ N(0, σ_r), x_1 = x. Replica i belongs to cluster c = i // 5, whose level is c mod 4 and which has an x_t
    of its own. What is measured at each level (ln σ_raw, centre, D̄, …) is a smooth function of t; its least-squares parabola
    (or line) is read off at t = 0, where the base has no noise. No denoiser is needed, and scatter is the price: variances are
    18.1 times (line: 1.86 times) those of one level.

    Parameters
    ----------
    order : "quadratic" or "linear".

    References: SCIENCE 1; J. R. Cook, L. A. Stefanski, J. Am. Stat. Assoc. 89, 1314–1328 (1994).
    """

    name = "simex"
    needs_repeats = False
    parameters = (Parameter("order", str, "quadratic", choices=("quadratic", "linear"), help="polynomial in the noise variance"),)

    def __init__(self, order: str = "quadratic") -> None:
        if order not in ("quadratic", "linear"):
            raise InvalidOption(f"order '{order}'", "quadratic or linear", "choose one of them")
        self.order = order
        self.extrapolation = Extrapolation(LEVELS, weights(LEVELS, 2 if order == "quadratic" else 1), CLUSTER)

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

        A block holds no more than the rest of one cluster.

        Raises
        ------
        InvalidOption : no camera; seed, n, start, group or batch out of its domain.
        NotIntegerData, BitDepthMismatch, ProfileMismatch : the frame is not of this camera.
        """
        from sigmaraw.noise.blocks import batch_size, first_pixel, sample_blocks  # JAX is loaded when something is drawn, not before

        if model is None:
            raise InvalidOption(f"mode '{self.name}' without a camera", "a camera profile", "give one with --camera")
        if slab is None:  # of a slab's whole the caller has seen to it
            model.check_image(frame)
        start, n = whole_number(start, "start", 0, MAX_REPLICAS), whole_number(n, "n", 1, MAX_REPLICAS + 1)
        whole_number(start + n, "start + n", 1, MAX_REPLICAS + 1)
        part = frame if slab is None else frame[slab]
        size = batch_size(batch, CLUSTER, part.size, device)
        known: dict[str, Any] = {"group": group, "seed": seed, "image": frame, "first_pixel": first_pixel(frame, slab)}
        camera = model

        def blocks() -> Iterator[Block]:
            first = start
            while first < start + n:
                cluster = first // CLUSTER
                count = min((cluster + 1) * CLUSTER, start + n) - first
                base = _base(part, camera, cluster, known)
                yield from sample_blocks(camera, base, n=count, start=first, batch=size, domain=self.name, device=device, **known)
                first += count

        return blocks()

    def u_mode(self, measurement: Measurement) -> tuple[float, str]:
        """Return the relative standard uncertainty of σ_raw, as measured by kind of measurement."""
        return measured_u_mode(self.name, measurement)


def _base(part: NDArray[np.integer], model: NoiseModel, cluster: int, known: dict[str, Any]) -> NDArray[np.integer]:
    """Return x_t of a cluster: as camera data, so that its rounding and clipping are those of a frame."""
    from sigmaraw.noise.blocks import sample_blocks

    extra = LEVELS[cluster % len(LEVELS)] - 1.0
    if extra == 0.0:
        return part
    drawn = np.maximum(extra * model.variance(part) - QUANTISATION_VARIANCE, 0.0)  # DN²; rounding adds its twelfth
    dark = np.zeros(part.shape)  # rate of no photons: all noise is in the normal term
    sigma = np.sqrt(drawn) / model.gain_dn_per_e
    blocks = sample_blocks(model, part, dark, n=1, start=cluster, batch=1, domain="simex:base", read_noise_e=sigma, **known)
    return np.asarray(next(iter(blocks)))[0]
