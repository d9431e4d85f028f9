"""Mode `bootstrap`: the whole noise model around a denoised estimate of the single frame."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw import registry
from sigmaraw.contracts import Denoiser, Diagnostic, Parameter, ReplicaMode
from sigmaraw.errors import InvalidOption
from sigmaraw.noise.coverage import measured_u_mode

if TYPE_CHECKING:
    from sigmaraw.contracts import Block, Measurement
    from sigmaraw.noise.model import NoiseModel

_KEPT_BYTES = 1 << 29  # of estimates held, the latest in any case: a study of adaptive n comes back to every image
AGAIN = 4


@dataclass(frozen=True)
class _Estimate:
    level_dn: NDArray[np.float64]
    diagnostics: tuple[Diagnostic, ...]


class Bootstrap(ReplicaMode):
    """Replicas of the camera looking at a denoised estimate m̂ of what the frame shows (a parametric bootstrap):

        R = clip(round(m̂ + K(Poisson(λ) − λ + r)), lo, hi),  λ = max(m̂ − o, 0)/K,  r ~ N(0, σ_r)

    Noise is then counted once, not twice. It is as good as m̂: residuals (x − m̂)/√V(m̂) should be white and of unit variance,
    and `diagnostics` says when they are not. m̂ is computed once per image and does not depend on seed, group or block.

    Parameters
    ----------
    denoiser : a name of the entry points "sigmaraw.denoisers", or any contracts.Denoiser.
    again : replicas from which a study starts once more, for the double bootstrap (`statistics.double_bootstrap`).

    Reference: SCIENCE 1, replica modes.
    """

    name = "bootstrap"
    needs_repeats = False
    parameters = (
        Parameter("denoiser", str, "dct", help="a name of the entry points sigmaraw.denoisers"),
        Parameter("again", int, AGAIN, minimum=0, maximum=64, unit="1", help="replicas that are taken for the frame in turn"),
    )

    def __init__(self, denoiser: str | Denoiser = "dct", again: int = AGAIN) -> None:
        self.again = again
        self.denoiser: Denoiser = registry.load(registry.DENOISERS, denoiser)() if isinstance(denoiser, str) else denoiser
        self._estimates: OrderedDict[bytes, _Estimate] = OrderedDict()

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
        InvalidPrediction : the denoiser failed.
        """
        from sigmaraw.noise.blocks import first_pixel, sample_blocks  # JAX is loaded when something is drawn, not before
        from sigmaraw.noise.denoise import estimate

        if model is None:
            raise InvalidOption(f"mode '{self.name}' without a camera", "a camera profile", "give one with --camera")
        if slab is None:  # of a slab's whole the caller has seen to it
            model.check_image(frame)
        # Pages are denoised one by one: a slab's estimate is that of the whole, which need not be held.
        level = self._estimate(frame, model).level_dn if slab is None else estimate(frame[slab], model, self.denoiser)
        return sample_blocks(
            model,
            level,
            n=n,
            start=start,
            group=group,
            seed=seed,
            batch=batch,
            domain=f"{self.name}:{self.denoiser.name}",
            image=frame,
            first_pixel=first_pixel(frame, slab),
            device=device,
        )

    def centre(self, frame: NDArray[np.integer], model: NoiseModel) -> NDArray[np.float64]:
        """Return m̂, (y, x) or (z, y, x), DN."""
        return self._estimate(frame, model).level_dn

    def diagnostics(self, frame: NDArray[np.integer], model: NoiseModel) -> tuple[Diagnostic, ...]:
        """Return variance and lag-1 correlations of the denoiser's residuals on `frame`."""
        return self._estimate(frame, model).diagnostics

    def u_mode(self, measurement: Measurement) -> tuple[float, str]:
        """Return the relative standard uncertainty of σ_raw, as measured by kind of measurement."""
        return measured_u_mode(self.name, measurement)

    def _estimate(self, frame: NDArray[np.integer], model: NoiseModel) -> _Estimate:
        """Return m̂ and its checks, computed once for the same pixels and camera values."""
        from sigmaraw.noise.denoise import estimate
        from sigmaraw.noise.residuals import residual_checks

        key = _identity(frame, model)
        found = self._estimates.get(key)
        if found is None:
            level = estimate(frame, model, self.denoiser)
            found = _Estimate(level, residual_checks(frame, level, model))
            self._estimates[key] = found
            while len(self._estimates) > 1 and sum(kept.level_dn.nbytes for kept in self._estimates.values()) > _KEPT_BYTES:
                self._estimates.popitem(last=False)
        return found


def _identity(frame: NDArray[np.integer], model: NoiseModel) -> bytes:
    digest = hashlib.sha256(f"{frame.shape}{frame.dtype}{model.lo_dn}{model.hi_dn}{model.transfer}".encode())
    parts: tuple[Any, ...] = (frame, model.gain_dn_per_e, model.offset_dn, model.read_noise_e)
    for part in parts:
        digest.update(np.ascontiguousarray(part).tobytes())
    return digest.digest()
