"""Mode `bootstrap`: the whole noise model around a denoised estimate of the single frame."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import Denoiser, Diagnostic, Parameter, ReplicaBase, ReplicaMode
from sigmaraw.noise.coverage import kind_measured, measured_u_mode
from sigmaraw.noise.denoise import denoiser_of, estimate
from sigmaraw.noise.keys import Unchanging

if TYPE_CHECKING:
    from sigmaraw.contracts import CameraNoise, Measurement, ReplicaRequest

_ESTIMATES = threading.Condition()  # threads of a study share a mode, and an image is denoised once
_MAKING: set[tuple[int, bytes]] = set()  # what is denoised just now: another image need not wait for it
_KEPT_BYTES = 1 << 29  # of estimates held, the latest in any case: a study of adaptive n comes back to every image
DOUBLE_BOOTSTRAP_GROUPS = 4
DEFAULT_DENOISER = "dct"


@dataclass(frozen=True)
class _Estimate:
    level_dn: NDArray[np.float64]
    diagnostics: tuple[Diagnostic, ...]


class Bootstrap(ReplicaMode):
    """Replicas of the camera's noise around a denoised estimate m̂ of the noise-free frame (a parametric bootstrap).

    ::

        R = clip(round(m̂ + K(Poisson(λ) − λ + r)), lo, hi),  λ = max(m̂ − o, 0)/K,  r ~ N(0, σ_r)

    Noise is then counted once, not twice. The mode is as good as m̂: residuals (x − m̂)/√V(m̂) should be white and of unit variance,
    and `diagnostics` says when they are not. m̂ is computed once per image and does not depend on seed, group or block.

    Parameters
    ----------
    denoiser : str, Denoiser or callable
        A name of the entry points "sigmaraw.denoisers", ``package.module:function``, or the denoiser or function itself.
    double_bootstrap_groups : int
        Number of replicas that each take the place of the frame, for the double bootstrap (`statistics.double_bootstrap`); 0 leaves
        it out.

    References
    ----------
    formula 1, replica modes.
    """

    name = "bootstrap"
    parameters = (
        Parameter("denoiser", str, DEFAULT_DENOISER, help="a registered denoiser, or package.module:function"),
        Parameter(
            "double_bootstrap_groups",
            int,
            DOUBLE_BOOTSTRAP_GROUPS,
            minimum=0,
            maximum=64,
            unit="1",
            help="replicas that are taken for the frame in turn; 0 leaves the double bootstrap out",
        ),
    )

    def __init__(self, denoiser: str | Denoiser = DEFAULT_DENOISER, double_bootstrap_groups: int = DOUBLE_BOOTSTRAP_GROUPS) -> None:
        self.double_bootstrap_groups = double_bootstrap_groups
        self.denoiser = denoiser_of(denoiser)
        self._estimates: OrderedDict[bytes, _Estimate] = OrderedDict()

    def base(self, frame: NDArray[np.integer], noise_model: CameraNoise, request: ReplicaRequest) -> ReplicaBase:
        """Return m̂; parameters as in `ReplicaMode.base`. Raises InvalidPrediction when the denoiser fails."""
        # Pages are denoised one by one: the estimate of some planes is that of the whole, which need not be held.
        kept = request.planes is None
        level = self._estimate(frame, noise_model).level_dn if kept else estimate(frame, noise_model, self.denoiser)
        return ReplicaBase(level, domain=f"{self.name}:{self.denoiser.name}")

    def diagnostics(self, frame: NDArray[np.integer], noise_model: CameraNoise) -> tuple[Diagnostic, ...]:
        """Return variance and lag-1 correlations of the denoiser's residuals on `frame`."""
        return self._estimate(frame, noise_model).diagnostics

    def u_mode(self, measurement: Measurement) -> tuple[float, str]:
        """Return the relative standard uncertainty of σ_raw, as measured by kind of measurement."""
        return measured_u_mode(self.name, measurement)

    def studied_kind(self, measurement: Measurement) -> bool:
        """Return whether the coverage study has measured the measurement's kind."""
        return kind_measured(self.name, measurement)

    def _estimate(self, frame: NDArray[np.integer], noise_model: CameraNoise) -> _Estimate:
        """Return m̂ and its checks, computed once for the same pixels and camera values."""
        key = _identity(frame, noise_model)
        making = id(self), key
        with _ESTIMATES:
            _ESTIMATES.wait_for(lambda: making not in _MAKING)
            if key in self._estimates:
                return self._estimates[key]
            _MAKING.add(making)
        try:
            found = _estimated(frame, noise_model, self.denoiser)
            with _ESTIMATES:
                self._estimates[key] = found
                while len(self._estimates) > 1 and sum(kept.level_dn.nbytes for kept in self._estimates.values()) > _KEPT_BYTES:
                    self._estimates.popitem(last=False)
        finally:
            with _ESTIMATES:
                _MAKING.discard(making)
                _ESTIMATES.notify_all()
        return found


def _estimated(frame: NDArray[np.integer], noise_model: CameraNoise, denoiser: Denoiser) -> _Estimate:
    from sigmaraw.noise.residuals import residual_checks

    level = estimate(frame, noise_model, denoiser)
    return _Estimate(Unchanging.of(level), residual_checks(frame, level, noise_model))


def _identity(frame: NDArray[np.integer], noise_model: CameraNoise) -> bytes:
    digest = hashlib.sha256(f"{frame.shape}{frame.dtype}".encode() + noise_model.fingerprint())
    digest.update(np.ascontiguousarray(frame).tobytes())
    return digest.digest()
