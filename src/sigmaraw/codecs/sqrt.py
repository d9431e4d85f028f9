"""The square-root map: equal steps of noise, as many cameras code their pixels before anything else."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.codecs.bits import containers
from sigmaraw.codecs.camera_keys import CAMERA_KEYS, camera_model, curve_described
from sigmaraw.codecs.tables import Table
from sigmaraw.contracts import CodecContract, Knob, Map, Parameter
from sigmaraw.noise.unit_scale import UnitScale

if TYPE_CHECKING:
    from sigmaraw.noise import NoiseModel


class SquareRoot(Map):
    """DN → round((y(x) − y(0))/q), with y the variance-stabilised level of the camera, of unit noise: a step is q·σ everywhere.

    Each code comes back as the middle of its DN: |error| ≤ q·σ/2 and half a DN. It is the noise-aware quantiser without dither:
    biased, and the noise does not grow as a formula says; it is here because cameras do it. One table serves all pixels, so
    that maps of gain or offset count by their mean. Below q·σ = 1 DN the code is exact there.

    Reference: formula 5 (y); Bernstein et al. 2010, "Noise and bias in square-root compression schemes".
    """

    name = "sqrt"
    parameters = (
        Parameter("q", float, 0.5, minimum=0.05, maximum=2, unit="1", help="step in noise standard deviations"),
        *CAMERA_KEYS,
        Parameter("bits", int, minimum=1, maximum=16, unit="bit", help="bit depth; the camera's, else 16"),
    )
    contract = CodecContract(
        ("uint8", "uint16"),
        lossless=False,
        knob="q",
        knob_direction=-1,
        guarantee="|error| <= q·sigma/2 + 1/2 DN",
        axis=Knob("q", 0.05, 2.0, scale="log", integer=False, direction=-1, step=0.5, resolution=1e-3),
    )
    needs_camera = True
    probes = (("q=1,gain=0.5,offset=100,read_noise=1.6",),)

    def __init__(
        self,
        *,
        noise_model: NoiseModel | None = None,
        q: float = 0.5,
        gain: float | None = None,
        offset: float | None = None,
        read_noise: float | None = None,
        bits: int | None = None,
    ) -> None:
        given = {"gain": gain, "offset": offset, "read_noise": read_noise}
        camera, self.bits = camera_model(self.name, noise_model, given, bits)
        gain, offset, read_noise = (float(np.mean(value)) for value in (camera.gain_dn_per_e, camera.offset_dn, camera.read_noise_e))
        self.noise_model = dataclasses.replace(camera, gain_dn_per_e=gain, offset_dn=offset, read_noise_e=read_noise)
        self.q = q
        self.contract = dataclasses.replace(type(self).contract, dtypes=containers(self.bits))
        self.table = Table(self.name, self._codes())

    def _codes(self) -> NDArray[np.int64]:
        """Return the code of every DN of the bit depth; steps finer than a DN become whole DN, so that codes stay few."""
        level_dn = np.arange(1 << (self.bits or 16), dtype=np.float64)
        steps = np.minimum(np.diff(UnitScale(self.noise_model).steps(level_dn)) / self.q, 1.0)  # at most one code a DN
        return np.rint(np.concatenate(([0.0], np.cumsum(steps)))).astype(np.int64)

    def forward(self, frame: NDArray[np.integer]) -> tuple[NDArray[np.integer], bytes]:
        """Return the codes and 8 bytes of the table's SHA-256. frame: (y, x), DN."""
        return self.table.forward(frame)

    def inverse(self, mapped: NDArray[np.integer], side: bytes, dtype: np.dtype[Any]) -> NDArray[np.integer]:
        """Return DN in the frame's first dtype."""
        return self.table.inverse(mapped, side, dtype)

    def details(self) -> dict[str, Any]:
        """Return the camera's values in use, bit depth, number of codes and the table's SHA-256."""
        table, camera = self.table, self.noise_model
        values = {"gain": camera.gain_dn_per_e, "offset": camera.offset_dn, "read_noise": camera.read_noise_e, **curve_described(camera)}
        return {**values, "bits": self.bits, "codes": int(table.codes.max()) + 1, "sha256": table.sha256}
