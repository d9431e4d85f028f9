"""A grid of cameras, replica modes and codecs, and what the package gives on it: replica bytes, code streams, every number and verdict.

``python -m tests.frozen.grid`` from the repository's root writes `frozen.json` anew; do so only for a change that is meant, and say
which entries changed and why. The test beside it compares.
"""

from __future__ import annotations

import hashlib
import json
import platform
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

import sigmaraw as sr

FROZEN = Path(__file__).with_name("frozen.json")
PROFILES = Path(__file__).parents[2] / "calibration" / "profiles"
LIBRARIES = ("numpy", "scipy", "jaxlib", "torch", "imagecodecs", "scikit-image", "statsmodels")

CAMERAS = ("stated-12bit", "example-ideal-12bit", "example-column-noise-12bit", "example-dual-gain-12bit", "example-brighter-fatter-16bit")
MODES = ("around-raw", "bootstrap", "bootstrap:denoiser=nlm", "simex", "simex:order=linear", "mean-n", "repeats")
CODECS = (
    "lossless",
    "jpegls:near=1",
    "jpegls:near=6",
    "jpeg2000:ratio=6",
    "jpeg2000:ratio=6,frozen=true",
    "jpeg2000:psnr=50,range=65535",
    "jpegxl:distance=0.5",
    "to8bit:minmax+jpeg:quality=80",
    "noiseaware:q=1",
    "noiseaware:q=2,dither=false",
    "sqrt",
    "denoise:method=nlm",
    "denoise:method=dct+jpegls",
    "gaussian:sigma=1",
    "htj2k:step=6,bits=12",
    "zfp:maxerr=4",
)
STUDIES = (  # camera, mode, pipeline, codecs
    ("stated-12bit", "bootstrap", "otsu", ("lossless", "jpegls:near=6", "to8bit:minmax+jpeg:quality=80", "noiseaware:q=1")),
    ("example-ideal-12bit", "bootstrap", "otsu", ("jpegls:near=1", "jpeg2000:ratio=6", "jpeg2000:ratio=6,frozen=true")),
    ("example-ideal-12bit", "around-raw", "intensity", ("jpegls:near=6", "jpeg2000:psnr=70,range=65535", "sqrt")),
    ("example-column-noise-12bit", "simex", "intensity", ("jpegls:near=1", "jpeg2000:ratio=6")),
    ("example-dual-gain-12bit", "bootstrap", "otsu", ("lossless", "jpegls:near=6", "sqrt")),
    ("example-brighter-fatter-16bit", "around-raw", "unet-demo", ("jpegls:near=6",)),
    ("stated-12bit", "mean-n", "intensity", ("jpegls:near=6", "gaussian:sigma=1")),
    ("stated-12bit", "repeats", "otsu", ("jpegls:near=6",)),
)
SIDE = 64


def profile(camera: str) -> sr.CameraProfile:
    """Return a shipped camera."""
    return sr.CameraProfile.from_netcdf(PROFILES / f"{camera}.nc")


def frames(camera: str, count: int, image: int) -> np.ndarray:
    """Return frames (count, y, x) of a fixed scene, drawn by NumPy alone: a sloping background, six spots, the camera's own numbers."""
    data = profile(camera).dataset
    gain, offset, noise = (float(data[name]) for name in ("gain", "offset", "read_noise"))
    y, x = np.mgrid[:SIDE, :SIDE]
    random = np.random.default_rng([31, image])
    mean = 20 + 0.2 * y
    for cy, cx, peak in zip(random.uniform(8, 56, 6), random.uniform(8, 56, 6), random.uniform(150, 600, 6), strict=True):
        mean = mean + peak * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / 30)
    light = random.poisson(mean, (count, SIDE, SIDE)) + random.normal(0, noise, (count, SIDE, SIDE))
    return np.clip(np.rint(offset + gain * light), 0, 2 ** profile(camera).bits - 1).astype(np.uint16)


def sha(data: bytes) -> str:
    """Return a short SHA-256; sixteen digits tell apart what a fault changes."""
    return hashlib.sha256(data).hexdigest()[:16]


def source(camera: str, mode: str) -> np.ndarray:
    """Return what a mode draws from: one frame, or repeats."""
    return frames(camera, 60, 0) if mode in ("mean-n", "repeats") else frames(camera, 1, 0)[0]


def replica_rows(camera: str) -> dict[str, Any]:
    """Return the digests of replicas of group 0 and of some in the middle of group 2, per mode."""
    rows = {}
    for mode in MODES:
        raw, name = source(camera, mode), f"{camera} | {mode}"
        rows[name] = sha(np.ascontiguousarray(sr.replicas(raw, profile(camera), n=12, mode=mode, seed=11).values).tobytes())
        blocks = sr.iter_replicas(raw, profile(camera), 7, mode, 11, group=2, start=5, batch=3)
        rows[f"{name} | group 2"] = sha(b"".join(np.ascontiguousarray(block).tobytes() for block in blocks))
    return rows


def codec_rows(camera: str) -> dict[str, Any]:
    """Return bytes, decoded pixels and, where a codec is one coder with a stated setting, the code stream's digest, per codec."""
    rows = {}
    raw = frames(camera, 1, 0)[0]
    for spec in CODECS:
        codec = sr.codec(spec, camera=profile(camera))
        decoded, nbytes = codec.roundtrip(raw)
        row = {"nbytes": nbytes, "decoded": sha(decoded.tobytes())}
        steps = codec.steps  # type: ignore[attr-defined]
        if len(steps) == 1 and hasattr(steps[0], "encode") and not hasattr(steps[0], "seek"):
            encoded = steps[0].encode(raw)
            row["stream"] = sha(encoded.payload + encoded.side)
        rows[f"{camera} | {spec}"] = row
    return rows


def study_rows(camera: str, mode: str, pipeline: str, codecs: tuple[str, ...], folder: Path) -> dict[str, Any]:
    """Return every number and verdict of a study's results and codecs, keyed by image, codec and measurement."""
    if mode in ("mean-n", "repeats"):
        raws: Any = [frames(camera, 60, 0)]
    else:
        raws = [frames(camera, 1, image)[0] for image in (0, 1)]
    record = sr.validate(
        raws, profile(camera), codecs=list(codecs), pipeline=pipeline, n=None if mode == "repeats" else 20, mode=mode, seed=5
    )
    record.write(folder)
    document = json.loads((folder / "record.json").read_text(encoding="utf-8"))
    study = f"{camera} | {mode} | {pipeline}"
    rows = {}
    for entry in document["results"]:
        words = {"image", "codec", "measurement", "reason", "warnings"}
        rows[f"{study} | {entry['image']} | {entry['codec']} | {entry['measurement']}"] = {
            key: value for key, value in entry.items() if key not in words and not (isinstance(value, str) and key != "verdict")
        }
    for entry in document["codecs"]:
        rows[f"{study} | {entry['codec']}"] = {
            key: value for key, value in entry.items() if isinstance(value, int | float) or key == "verdict"
        }
    for entry in document["tukey"]:
        rows[f"{study} | tukey | {entry['image']} | {entry['measurement']} | {entry['group1']} | {entry['group2']}"] = {
            key: entry[key] for key in ("mean_difference", "p_adjusted", "reject")
        }
    return rows


def environment() -> dict[str, str]:
    """Return what last bits of floating-point numbers may depend on; of the processor, libraries choose other vector units for each."""
    libraries = {name: version(name) for name in LIBRARIES}
    return {"machine": platform.machine(), "processor": processor(), "python": platform.python_version(), **libraries}


def processor() -> str:
    """Return maker, family and model of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        return platform.processor()
    fields = dict(reversed([(key.strip(), value.strip()) for key, _, value in (line.partition(":") for line in lines)]))
    return " ".join(fields.get(key, "?") for key in ("vendor_id", "cpu family", "model"))


def main() -> None:
    """Write the grid."""
    replicas, coded, studies = {}, {}, {}
    for camera in CAMERAS:
        replicas.update(replica_rows(camera))
        coded.update(codec_rows(camera))
    for study in STUDIES:
        with tempfile.TemporaryDirectory() as folder:
            studies.update(study_rows(*study, Path(folder) / "record"))
    document = {"environment": environment(), "replicas": replicas, "codecs": coded, "studies": studies}
    FROZEN.write_text(json.dumps(document, indent=0, sort_keys=True) + "\n", encoding="utf-8")
    sys.stdout.write(f"{len(replicas)} replicas, {len(coded)} codecs, {len(studies)} rows of studies\n")


if __name__ == "__main__":
    main()
