"""The noise-aware quantiser: an open stand-in for metrologically accurate compression, quantising in units of the noise."""

from __future__ import annotations

import dataclasses
import hashlib
import struct
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sigmaraw.codecs.bits import containers, require_bits
from sigmaraw.codecs.calls import checked, versions
from sigmaraw.codecs.camera_keys import CAMERA_KEYS, camera_model, described, require_fit
from sigmaraw.codecs.dither import DITHER, ROUNDING, nonce_of, uniform
from sigmaraw.codecs.lossless import decode_exact, encode_exact, libraries_of
from sigmaraw.contracts import CodecContract, Coder, Encoded, Knob, Parameter
from sigmaraw.errors import CodecFailed, InvalidSpec, UnsupportedArray
from sigmaraw.noise.unit_scale import UnitScale

if TYPE_CHECKING:
    from sigmaraw.noise import NoiseModel

Real = float | NDArray[np.floating]  # one value, or one for each pixel (y, x)

_SIDE = struct.Struct("<8sQiB")  # camera fingerprint, nonce, smallest code, bytes per code
_UNDITHERED_LIMIT = 2.0  # in units of the noise: beyond, the undithered bias (q/π)·exp(−2π²/q²)·σ is no longer small
_CODES = 1 << 16
_AXIS = Knob("q", 0.05, 16.0, scale="log", integer=False, direction=-1, step=0.5, resolution=1e-3)


class NoiseAware(Coder):
    """Quantise with a step of q noise standard deviations, subtractively dithered, then code the integers exactly.

    With y the level x in standard deviations of the camera's noise (`noise.unit_scale`), u uniform in ±½ and w in [0, 1) from two
    hashes of pixel position and the frame's nonce:

        k = round(y/q + u);  ŷ = (k − u)·q;  m̂ the level of ŷ, q²/12 taken out;  DN = ⌊m̂ + w⌋

    The error is unbiased and independent of the signal; the noise grows to √(1 + [q²/12·(V − 1/12 + 3K²/8) + 1/6]/V) of
    itself, V along the camera's own transfer curve; bits per pixel are ½log₂[2πe(1/q² + 1/6)] and the back end's excess. Where
    q·√V(x) < 1 DN, x itself is the code.

    dither=false is a little smaller, and biased: shift of a 192² frame's mean in its own standard deviations, and noise-std
    ratio, measured at K = 1 DN/e⁻, 10 e⁻, σ_r = 1.6 e⁻ for q = 0.5, 1, 2:
        dithered −0.02, −0.04, 0.15; 1.017, 1.048, 1.163 | midpoint −9.5, −17.6, −7.6; 0.935, 1.000, 1.158 |
        mean 21, 26, 22; 1.056, 1.054, 1.258.
    The bias grows as (q/π)·exp(−2π²/q²) even before rounding to whole DN: hence q ≤ 2 there.

    The camera is known to both sides and is not counted, as a profile serves many frames; its fingerprint (8 bytes) is stored
    and counted, with the nonce (8), the smallest code (4) and the code size (1).

    Reference: formula 5; Roberts 1962 (dithered quantisation); EMVA 1288 r4.0 (V).
    """

    name = "noiseaware"
    parameters = (
        Parameter("q", float, 1.0, minimum=0.05, maximum=16, unit="1", help="quantiser step in noise standard deviations"),
        Parameter("dither", bool, True, help="subtractive dither and dithered rounding: unbiased"),
        Parameter("reconstruct", str, choices=("midpoint", "mean"), help="without dither: a bin's middle, or the mean of its whole DN"),
        Parameter("backend", str, "jpegxl", choices=("jpegxl", "jpegls", "zstd"), help="exact coding of the codes"),
        Parameter("effort", int, 9, minimum=1, maximum=9, unit="1", help="effort of jpegxl; 7 is 5 times faster, up to 6 % larger"),
        *CAMERA_KEYS,
        Parameter("bits", int, minimum=1, maximum=16, unit="bit", help="bit depth; the camera's, else the container's"),
    )
    contract = CodecContract(
        ("uint8", "uint16"), lossless=False, knob="q", knob_direction=-1, guarantee="unbiased, noise grows as stated", axis=_AXIS
    )
    needs_camera = True
    libraries = ("libjxl", "charls", "zstd")
    method_key = "backend"
    probes: ClassVar[dict[str, tuple[tuple[str, ...], ...]]] = {
        backend: (tuple(f"backend={backend},effort=3,q={q},gain=0.5,offset=100,read_noise=1.6" for q in (4, 0.5)),)
        for backend in ("jpegxl", "jpegls", "zstd")
    }

    def __init__(
        self,
        *,
        noise_model: NoiseModel | None = None,
        q: float = 1.0,
        dither: bool = True,
        reconstruct: str | None = None,
        backend: str = "jpegxl",
        effort: int = 9,
        gain: float | None = None,
        offset: float | None = None,
        read_noise: float | None = None,
        bits: int | None = None,
    ) -> None:
        given = {"gain": gain, "offset": offset, "read_noise": read_noise}
        self.noise_model, self.bits = camera_model(self.name, noise_model, given, bits)
        if dither and reconstruct is not None:
            raise InvalidSpec(f"'noiseaware' with dither and reconstruct={reconstruct}", "reconstruct beside dither=false", "remove one")
        if not dither and q > _UNDITHERED_LIMIT:
            raise InvalidSpec(f"'noiseaware' with dither=false and q={q:g}", f"q up to {_UNDITHERED_LIMIT:g} without dither", "use dither")
        self.q, self.dither, self.backend, self.effort = q, dither, backend, effort
        self.reconstruct = reconstruct or "midpoint"
        self.scale = UnitScale(self.noise_model)
        guarantee = type(self).contract.guarantee if dither else "none"
        axis = _AXIS if dither else dataclasses.replace(_AXIS, high=_UNDITHERED_LIMIT)
        self.contract = dataclasses.replace(type(self).contract, dtypes=containers(self.bits), guarantee=guarantee, axis=axis)
        self._limit = self._exact_below()
        self._fingerprint = self._digest()

    # --- coder ---
    def encode(self, frame: NDArray[np.integer]) -> Encoded:
        """Return the exact code stream of the codes. frame: (y, x), DN.

        Raises UnsupportedArray when the frame does not fit the camera's bit depth or maps, or the codes do not fit 16 bits.
        """
        nonce, codes, _, smallest, span = self._quantise(frame)
        kind: type[np.unsignedinteger] = np.uint8 if span < 256 else np.uint16
        compact = (codes - smallest).astype(kind)
        side = _SIDE.pack(self._fingerprint, nonce, smallest, compact.dtype.itemsize)
        exact = float(np.mean(frame < self._limit))
        return Encoded(encode_exact(self.backend, compact, self.effort), side, {"exact_fraction": exact})

    def distort(self, frame: NDArray[np.integer]) -> NDArray[np.integer]:
        """Return the frame as decoded: the codes are coded exactly. Raises UnsupportedArray as `encode` does."""
        nonce, codes, u, _, _ = self._quantise(frame)
        return self._restored(codes, u, nonce, frame.dtype)

    def decode(self, encoded: Encoded, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[np.integer]:
        """Return the frame. Raises CodecFailed when the stream is broken or was made with another camera or step."""
        if len(encoded.side) != _SIDE.size:
            raise CodecFailed(f"noiseaware side data of {len(encoded.side)} bytes", f"{_SIDE.size} bytes", "encode the frame again")
        fingerprint, nonce, smallest, size = _SIDE.unpack(encoded.side)
        if fingerprint != self._fingerprint:
            raise CodecFailed("a noiseaware stream made with other camera values or q", "this codec's own stream", "decode with its codec")
        if size not in (1, 2):
            raise CodecFailed(f"noiseaware codes of {size} bytes", "1 or 2", "encode the frame again")
        kind: np.dtype[Any] = np.dtype(np.uint8 if size == 1 else np.uint16)
        compact = checked(self.name, decode_exact(self.backend, encoded.payload, tuple(shape), kind), shape, kind)
        return self._restored(compact.astype(np.int64) + smallest, self._dither(shape, nonce), nonce, np.dtype(dtype))

    def details(self) -> dict[str, Any]:
        """Return the camera's values in use (of maps their mean), bit depth and library versions."""
        return {
            **described(self.noise_model),
            "camera_fingerprint": self._fingerprint.hex(),
            "bits": self.bits,
            "reconstruct": "dithered" if self.dither else self.reconstruct,
            "libraries": versions(libraries_of(self.backend)),
        }

    # --- quantiser ---
    def _quantise(self, frame: NDArray[np.integer]) -> tuple[int, NDArray[np.int64], Real, int, int]:
        """Return nonce, codes, their dither, the smallest of them and their span. Raises UnsupportedArray as `encode` does."""
        self._require_fit(frame)
        nonce = nonce_of(frame)
        u = self._dither(frame.shape, nonce)
        codes = self._codes(frame, u)
        smallest = int(codes.min())
        span = int(codes.max()) - smallest
        if span >= _CODES:
            raise UnsupportedArray(f"noiseaware codes that span {span} at q={self.q:g}", f"less than {_CODES}", "use a larger q")
        return nonce, codes, u, smallest, span

    def _codes(self, frame: NDArray[np.integer], u: Real) -> NDArray[np.int64]:
        """Return k, or x − x_t where x is below the level x_t from which the step is 1 DN and more.

        k is counted from its own value at x_t, which the decoder knows, so that the two kinds of code meet and never overlap.
        """
        codes = self._quantised(frame.astype(np.float64), u) - self._anchor(u)
        return np.where(frame < self._limit, frame - self._limit, codes).astype(np.int64)

    def _restored(self, codes: NDArray[np.int64], u: Real, nonce: int, dtype: np.dtype[Any]) -> NDArray[np.integer]:
        """Return DN from codes and their dither, rounded by dither or to the nearest, clipped to the camera's range."""
        count = codes + self._anchor(u)
        if self.dither:
            value = np.floor(self._dn((count - u) * self.q, self.q**2 / 12) + uniform(codes.shape, nonce, ROUNDING))
        elif self.reconstruct == "midpoint":
            value = np.floor(self._dn(count * self.q) + 0.5)
        else:  # the mean of the whole DN from the first to the last of the bin, a half rounded to the even neighbour
            first, after = (np.ceil(self._dn((count + side) * self.q)) for side in (-0.5, 0.5))
            value = np.rint((first + after - 1) / 2)
        if np.any(self._limit > 0):
            value = np.where(codes < 0, codes + self._limit, value)
        low, high = self._range(dtype)
        return np.clip(value, low, high).astype(dtype)

    def _quantised(self, level_dn: Real, u: Real) -> NDArray[np.float64]:
        return np.asarray(np.rint(self.scale.steps(level_dn) / self.q + u))

    def _dn(self, steps: NDArray[np.floating], variance: float = 0.0) -> NDArray[np.float64]:
        """Return the level of ŷ, DN, before rounding; `variance` of its error is taken out of the mean."""
        return self.scale.level_dn(steps, variance)

    def _dither(self, shape: tuple[int, ...], nonce: int) -> Real:
        return uniform(shape, nonce, DITHER) - 0.5 if self.dither else 0.0

    def _anchor(self, u: Real) -> Real:
        """Return the code that belongs to x_t; 0 where no level at all is coded exactly."""
        return self._quantised(self._limit.astype(np.float64), u) if np.any(self._limit > 0) else 0.0

    def _exact_below(self) -> NDArray[np.int64]:
        """Return x_t, DN: the first level with q·√V ≥ 1 DN; 0 where all levels have it."""
        camera = self.noise_model
        gain = np.asarray(camera.gain_dn_per_e)
        short = 1 / self.q**2 - (gain * camera.read_noise_e) ** 2 - 1 / 12  # DN² that the photons must add
        if camera.curve is None:
            level = np.ceil(camera.offset_dn + short / gain)
            return np.where(short > 0, np.clip(level, 0, _CODES), 0).astype(np.int64)
        last = camera.hi_dn if camera.highest_dn is None else camera.highest_dn
        low, high = np.zeros(short.shape, np.int64), np.full(short.shape, _CODES)
        while np.any(low < high):  # V rises along the curve
            middle = (low + high) // 2
            fine = camera.variance(np.minimum(middle, last)) * self.q**2 < 1
            low, high = np.where(fine, middle + 1, low), np.where(fine, high, middle)
        return np.where(short > 0, np.minimum(low, _CODES), 0).astype(np.int64)

    # --- camera ---
    def _range(self, dtype: np.dtype[Any]) -> tuple[int, int]:
        """Return the ends of the converter's range, DN."""
        top = (1 << (self.bits or 8 * dtype.itemsize)) - 1
        return self.noise_model.lo_dn, min(self.noise_model.hi_dn, top)

    def _require_fit(self, frame: NDArray[np.integer]) -> None:
        require_bits(self.name, frame, self.bits)
        require_fit(self.name, frame, self.noise_model)

    def _digest(self) -> bytes:
        digest = hashlib.sha256(repr((self.q, self.dither, self.reconstruct, self.bits)).encode())
        camera = self.noise_model
        for value in (camera.gain_dn_per_e, camera.offset_dn, camera.read_noise_e):
            digest.update(np.asarray(value, "<f8").tobytes())
        if camera.curve is not None:
            digest.update(repr((camera.curve, camera.highest_dn)).encode())
        return digest.digest()[:8]
