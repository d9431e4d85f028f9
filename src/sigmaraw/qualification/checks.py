"""The fixed set of checks that an installation runs on its machine: each against a truth that does not come from this program."""

from __future__ import annotations

import hashlib
import math
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_GAIN, _OFFSET, _READ, _BITS = 0.5, 100.0, 2.0, 12  # DN/e⁻, DN, e⁻, bit: of the simulated camera
_SIDE = 32  # px
_WIDE = 4.0  # standard errors: a right installation fails a check of this width in 6 of 100,000 runs; seeds are fixed


@dataclass(frozen=True)
class Outcome:
    """What one comparison gave.

    Parameters
    ----------
    what : str
        What was compared.
    found, expected : str
        In words or numbers, with unit.
    passed : bool
        Whether they agree.
    """

    what: str
    found: str
    expected: str
    passed: bool


@dataclass(frozen=True)
class Check:
    """A check of the installation.

    Parameters
    ----------
    name : str
        Its short name.
    requirement : str
        The requirement that it is evidence for.
    truth : str
        Where the expected values are from.
    run : callable
        Makes the comparisons.
    """

    name: str
    requirement: str
    truth: str
    run: Callable[[], Iterator[Outcome]]


def number(what: str, found: float, expected: float, tolerance: float, unit: str = "") -> Outcome:
    """Return the outcome of comparing two numbers; the tolerance is stated with the expected one."""
    shown = f" {unit}" if unit else ""
    passed = bool(abs(found - expected) <= tolerance)
    return Outcome(what, f"{found:.9g}{shown}", f"{expected:.9g} ± {tolerance:.2g}{shown}", passed)


def word(what: str, found: object, expected: object) -> Outcome:
    """Return the outcome of comparing two words."""
    return Outcome(what, str(found), str(expected), found == expected)


# --- numbers of libraries -----------------------------------------------------------------------------------------------
def _tables() -> Iterator[Outcome]:
    """Quantiles against printed tables and closed forms: verdicts rest on them."""
    from scipy import special, stats

    from sigmaraw.statistics.evidence import share_reach

    yield number("Student's t, 97.5 %, 10 degrees of freedom", float(stats.t.ppf(0.975, 10)), 2.228139, 5e-7)
    yield number("chi-square, 95 %, 10 degrees of freedom", float(stats.chi2.ppf(0.95, 10)), 18.307038, 5e-7)
    yield number("normal, 95 %", float(special.ndtri(0.95)), 1.644853627, 5e-10)
    exact = 1.0 - 0.05 ** (1.0 / 20.0)  # Clopper–Pearson's upper limit for no event of 20 in closed form
    yield number("upper limit on a share, 0 of 20", float(special.betaincinv(1.0, 20.0, 0.95)), exact, 1e-12)
    above = float(share_reach(np.array([0.0]), 20.0, 0.05)[1][0])
    yield number("rule of three, 0 of 20", above, -math.log(0.05) / 20.0, 1e-12)


def _digests() -> Iterator[Outcome]:
    """Hash, canonical JSON and signature against the vectors of their standards."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from sigmaraw.integrity.canonical import canonical

    yield word("SHA-256 of 'abc'", hashlib.sha256(b"abc").hexdigest()[:16], "ba7816bf8f01cfea")
    text = canonical([333333333.33333329, 1e30, 4.50, 2e-3]).decode()
    yield word("canonical JSON of numbers", text, "[333333333.3333333,1e+30,4.5,0.002]")
    secret = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    made = Ed25519PrivateKey.from_private_bytes(secret).sign(b"").hex()
    yield word("Ed25519 signature of no bytes", made[:32], "e5564300c360ac729086e2cc806e828a")


# --- camera and replicas ------------------------------------------------------------------------------------------------
def frames(light: NDArray[np.float64], count: int, seed: int) -> NDArray[np.uint16]:
    """Return frames (frame, y, x) in DN that NumPy's samplers draw, light in e⁻: round(o + K(n + r)), clipped."""
    random = np.random.default_rng(seed)
    electrons = random.poisson(light, (count, *light.shape)) + random.normal(0.0, _READ, (count, *light.shape))
    return np.clip(np.rint(_OFFSET + _GAIN * electrons), 0, 2**_BITS - 1).astype(np.uint16)


def _calibration() -> Iterator[Outcome]:
    """Gain and read noise of a simulated camera: the estimate lies within 4 of its standard errors of the truth."""
    import tifffile

    import sigmaraw as sr

    with tempfile.TemporaryDirectory() as temporary:
        series = Path(temporary)
        for kind, levels, count in (("dark", [0.0], 16), ("flat", [200.0, 800.0, 2000.0, 4000.0, 6000.0, 7000.0], 4)):
            (series / kind).mkdir()
            for at, level in enumerate(levels):
                made = frames(np.full((64, 64), level), count, seed=100 * len(kind) + at)
                tifffile.imwrite(series / kind / f"{at:02}.tif", made, photometric="minisblack")
        data = sr.calibrate(series, bits=_BITS).dataset
    for name, truth, unit in (("gain", _GAIN, "DN/e-"), ("read_noise", _READ, "e-")):
        yield number(name, float(data[name]), truth, _WIDE * float(data[f"{name}_se"]), unit)


def _replicas() -> Iterator[Outcome]:
    """Mean and variance of replicas against the closed form, and their bytes against those of the release."""
    import sigmaraw as sr

    camera = sr.CameraProfile.from_values(gain=_GAIN, offset=_OFFSET, read_noise=_READ, bits=_BITS)
    image = np.full((_SIDE, _SIDE), 300, np.uint16)  # 400 e⁻
    values = sr.replicas(image, camera, 64, mode="around-raw", seed=7).values.astype(np.float64)
    variance = _GAIN * (300 - _OFFSET) + (_GAIN * _READ) ** 2 + 1.0 / 12.0
    yield number("mean of replicas", float(values.mean()), 300.0, _WIDE * math.sqrt(variance / values.size), "DN")
    se = variance * math.sqrt(2.0 / values.size)
    yield number("variance of replicas", float(values.var()), variance, _WIDE * se, "DN²")
    again = sr.replicas(image, camera, 4, mode="around-raw", seed=7).values
    yield word("the same seed, fewer replicas", bool((again == values[:4]).all()), True)
    digest = hashlib.sha256(np.ascontiguousarray(again, dtype="<u2").tobytes()).hexdigest()[:16]
    yield word("bytes of 4 replicas", digest, GOLDEN_REPLICAS)


GOLDEN_REPLICAS = "5be78674e186a58d"
"""First digits of the SHA-256 of the replicas above: fixed when the sampler was accepted (tests/frozen)."""


# --- codecs and verdicts ------------------------------------------------------------------------------------------------
def _codecs() -> Iterator[Outcome]:
    """Lossless settings give every pixel back; near=2 is off by 2 at most."""
    import sigmaraw as sr

    image = frames(np.full((_SIDE, _SIDE), 400.0), 1, seed=5)[0]
    image[0, :4] = (0, 1, 4094, 4095)
    for spec in ("lossless", "jpeg2000:lossless=true", "jpegxl:lossless=true", "jpegls:near=0"):
        decoded, _ = sr.codec(spec).roundtrip(image)
        yield word(f"{spec} is exact", bool((decoded == image).all()), True)
    decoded, _ = sr.codec("jpegls:near=2").roundtrip(image)
    error = int(np.abs(decoded.astype(int) - image.astype(int)).max())
    yield Outcome("jpegls:near=2, largest error", f"{error} DN", "at most 2 DN", error <= 2)


def _added(amount: int) -> Callable[[NDArray[np.uint16]], NDArray[np.uint16]]:
    def add(frame: NDArray[np.uint16]) -> NDArray[np.uint16]:
        return (frame + np.uint16(amount)).astype(np.uint16)

    add.__name__ = add.__qualname__ = f"plus_{amount}"
    return add


def _verdicts() -> Iterator[Outcome]:
    """A study whose answer is known: adding a constant c shifts the mean by c, that is c/σ_raw with σ_raw = √(V/pixels)."""
    import sigmaraw as sr
    from sigmaraw.codecs.function import FunctionCodec

    camera = sr.CameraProfile.from_values(gain=_GAIN, offset=_OFFSET, read_noise=_READ, bits=_BITS)
    image = frames(np.full((_SIDE, _SIDE), 400.0), 1, seed=5)[0]
    codecs = ["lossless", FunctionCodec(_added(0), "plus_0"), FunctionCodec(_added(2), "plus_2")]
    record = sr.validate(image, camera, codecs=codecs, pipeline="intensity", n=50, mode="around-raw", seed=7)  # type: ignore[arg-type]
    rows = {row.codec: row for row in record.content.results if row.measurement == "mean_intensity"}
    yield word("lossless", rows["lossless"].verdict, "PASS")
    yield word("lossless, ε̂", rows["lossless"].epsilon_hat, 0.0)
    yield word("a step that adds 0", rows["plus_0"].verdict, "PASS")
    yield word("a step that adds 2 DN", rows["plus_2"].verdict, "FAIL")
    yield number("its shift", float(rows["plus_2"].shift or math.nan), 2.0, 1e-9, "DN")
    level = float(image.mean())
    sigma = math.sqrt((_GAIN * (level - _OFFSET) + (_GAIN * _READ) ** 2 + 1.0 / 12.0) / image.size)
    dof = 4 * 49  # four groups of 50
    yield number("σ_raw of the mean", float(rows["plus_2"].sigma_raw or math.nan), sigma, _WIDE * sigma / math.sqrt(2 * dof), "DN")


def _integrity() -> Iterator[Outcome]:
    """A record is signed; then one byte of its report changes, and verify names it."""
    import sigmaraw as sr
    from sigmaraw.integrity.signing import private_key, public_key, write_key_pair
    from sigmaraw.record.sealing import sign
    from sigmaraw.record.verifying import examine

    camera = sr.CameraProfile.from_values(gain=_GAIN, offset=_OFFSET, read_noise=_READ, bits=_BITS)
    image = frames(np.full((16, 16), 400.0), 1, seed=5)[0]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "record"
        record = sr.validate(image, camera, codecs="lossless", pipeline="intensity", n=4, mode="around-raw", seed=7)
        page = record.write(folder)
        private, public, _ = write_key_pair(Path(temporary) / "key.pem")
        sign(folder, private_key(private), "self-validate", "test")
        yield word("a signed record, parts altered", len(examine(folder, key=public_key(public)).problems), 0)
        page.write_bytes(page.read_bytes() + b" ")
        found = [entry.part for entry in examine(folder, key=public_key(public)).problems]
        yield word("after a change of its report", ", ".join(found), "html")


CHECKS = (
    Check("quantiles", "R-SCORE", "printed tables, closed forms", _tables),
    Check("digests", "R-INTEGRITY", "FIPS 180-4, RFC 8785, RFC 8032", _digests),
    Check("calibration", "R-CAL", "a camera simulated with NumPy's samplers", _calibration),
    Check("replicas", "R-SAMPLE", "closed form of mean and variance; bytes of the release", _replicas),
    Check("codecs", "R-CODEC", "the definition of lossless and of near", _codecs),
    Check("verdicts", "R-VERDICT", "a step that adds a constant", _verdicts),
    Check("integrity", "R-INTEGRITY", "a change that was made on purpose", _integrity),
)
"""All checks, in the order in which they run."""
