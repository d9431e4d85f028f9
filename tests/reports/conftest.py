"""A record folder made up by the schema: predictions drawn from normal laws, statistics simple functions of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from sigmaraw.record.digest import plan_digest

ALL_CODECS = (
    # spec, shift in σ, spread ratio, CR, verdict
    ("lossless", 0.0, 1.0, 2.31, "PASS"),
    ("noiseaware:q=1", 0.1, 1.0, 6.24, "PASS"),
    ("jpeg2000:ratio=10", -0.9, 0.8, 10.02, "INCONCLUSIVE"),
    ("to8bit:minmax+jpeg:quality=90", 6.5, 1.1, 11.7, "FAIL"),
    ("jpeg2000:ratio=40", -140.0, 0.5, 40.1, "FAIL"),
    ("jpegxl:distance=1", 0.4, 0.95, 14.9, "INCONCLUSIVE"),
    ("jpegls:near=2", 0.2, 1.0, 4.4, "PASS"),
    ("to8bit:shift", -1.9, 1.0, 2.0, "FAIL"),
    ("to8bit:percentile", 3.1, 1.2, 2.0, "FAIL"),
    ("hevc:qp=20", 1.0, 0.9, 21.0, "INCONCLUSIVE"),
)
ALL_MEASUREMENTS = (
    # name, unit, discrete, centre, sigma
    ("count", "1", True, 41.0, 1.3),
    ("area", "px", False, 6120.0, 38.0),
    ("total_intensity", "DN", False, 4.21e6, 3900.0),
    ("mean_intensity", "DN", False, 688.2, 0.42),
    ("vessel_length", "px", False, 812.0, 9.0),
    ("dice", "1", False, 0.961, 0.0011),
)


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def camera_summary(calibrated: bool = True) -> dict[str, Any]:
    scalars = {
        "gain": {
            "value": 0.46218,
            "se": 0.0011 if calibrated else None,
            "unit": "DN/e-",
            "symbol": "K",
            "definition": "overall system gain",
        },
        "offset": {
            "value": 100.13,
            "se": 0.02 if calibrated else None,
            "unit": "DN",
            "symbol": "mu_y.dark",
            "definition": "mean dark level",
        },
        "read_noise": {
            "value": 1.612,
            "se": 0.005 if calibrated else None,
            "unit": "e-",
            "symbol": "sigma_r",
            "definition": "temporal noise",
        },
        "saturation": {
            "value": 3890.0 if calibrated else None,
            "se": None,
            "unit": "DN",
            "symbol": "mu_y.sat",
            "definition": "saturation level",
        },
    }
    mean = np.linspace(180, 3900, 16)
    variance = 0.64 + 0.46218 * (mean - 100.13)
    variance[-2:] *= [0.8, 0.3]
    levels = {"mean_dn": mean.tolist(), "variance_dn2": variance.tolist(), "variance_se_dn2": (variance * 0.01).tolist()}
    return {
        "calibrated": calibrated,
        "bits": 12,
        "valid_range_dn": [0, 3890],
        "map_shape": [256, 256] if calibrated else None,
        "path": "camera.nc",
        "scalars": scalars,
        "levels": {**levels, "used": [True] * 12 + [False] * 4} if calibrated else {"mean_dn": [], "variance_dn2": [], "used": []},
        "dark": {"mean_dn": 100.13 if calibrated else None, "variance_dn2": 0.64 if calibrated else None},
        "notes": ["levels above 70 % of saturation were not used in the fit"] if calibrated else [],
    }


def _result(image: int, codec: tuple[Any, ...], measurement: tuple[Any, ...], n: int) -> dict[str, Any]:
    spec, shift, ratio, _, verdict = codec
    name, _, _, centre, sigma = measurement
    u = 0.0 if shift == 0 else 0.12 + 0.03 * abs(shift)
    reasons = {
        "PASS": "identical" if shift == 0 else "shift, spread and paired change inside their limits",
        "FAIL": f"|ε̂| = {abs(shift):.2f} beyond the limit 1 with guard band",
        "INCONCLUSIVE": "the guard band reaches over the limit",
    }
    chi = centre + image
    return {
        "image": image,
        "codec": spec,
        "measurement": name,
        "chi_raw": chi,
        "chi_codec": chi + (shift + (0.3 if shift else 0)) * sigma,
        "sigma_raw": sigma,
        "sigma_raw_ci": [0.9 * sigma, 1.12 * sigma],
        "epsilon": shift + (0.3 if shift else 0),
        "epsilon_hat": shift,
        "epsilon_hat_ci": [shift - 2 * u, shift + 2 * u],
        "u": u,
        "u_mc": 0.8 * u,
        "u_mode": 0.05,
        "u_cal": 0.0031,
        "dof": 3.1 * n,
        "limit": 1.0,
        "spread_ratio": ratio,
        "spread_ratio_ci": [0.93 * ratio, 1.08 * ratio],
        "rms_d": abs(shift) + 0.2 * (shift != 0),
        "rms_d_upper": abs(shift) + 0.3 * (shift != 0),
        "ks": {"statistic": 0.21, "p": 0.0000312 if verdict == "FAIL" else 0.62},
        "ks_null": {"statistic": 0.1, "p": 0.91},
        "null_flag_rate": 0.4801,
        "centre_shift": 0.12,
        "verdict": verdict,
        "reason": reasons[verdict],
        "mode": "around-raw",
        "n": n,
        "warnings": [{"code": "centre", "text": "centre shift above 2 σ_raw", "bears": False}] if verdict == "FAIL" else [],
    }


def make_record(images: int = 2, codecs: int = 6, measurements: int = 4, n: int = 40, calibrated: bool = True) -> dict[str, Any]:
    chosen, measured = ALL_CODECS[:codecs], ALL_MEASUREMENTS[:measurements]
    worst = {"lossless": (None, 0.0)}
    tukey = []
    for image in range(images):
        for name, _, _, _, sigma in measured:
            groups = [("raw", 0.0), *((spec, shift) for spec, shift, *_ in chosen)]
            for first in range(len(groups)):
                for second in range(first + 1, len(groups)):
                    difference = (groups[second][1] - groups[first][1]) * sigma
                    tukey.append(
                        {
                            "image": image,
                            "measurement": name,
                            "group1": groups[first][0],
                            "group2": groups[second][0],
                            "mean_difference": difference,
                            "ci": [difference - sigma, difference + sigma],
                            "p_adjusted": 0.0004 if abs(difference) > sigma else 0.8,
                            "reject": abs(difference) > sigma,
                            "design": "independent",
                        }
                    )
    made = {
        "schema": "sigmaraw/record/1",
        "created": "2026-11-21T09:00:00Z",
        "inputs": [
            {
                "path": "cells/raw.tif",
                "sha256": _sha("raw"),
                "shape": [images, 256, 256],
                "dtype": "uint16",
                "role": "raw",
                "reader": "tiff",
            },
            {
                "path": "camera.nc",
                "sha256": _sha("camera"),
                "shape": None,
                "dtype": None,
                "role": "camera",
                "reader": "netcdf",
            },
        ],
        "images": [{"image": i, "input": 0, "frame": i, "shape": [256, 256], "sha256": _sha(f"image {i}")} for i in range(images)],
        "camera": camera_summary(calibrated),
        "plan": {
            "codecs": [codec[0] for codec in chosen],
            "pipeline": "otsu",
            "mode": "around-raw",
            "n": n,
            "seed": 7,
            "limits": {"k": 1.0, "spread": 1.25, "rms": 1.0, "margin": {}},
            "roi": None,
            "scalars": False,
            "volume": False,
            "frame": None,
        },
        "environment": {
            "packages": {"sigmaraw": "0.1.0", "numpy": "2.4.6"},
            "python": "3.11",
            "hardware": {"machine": "x86_64", "cores": 2},
            "libraries": {"openjpeg": "2.5.3"},
        },
        "pipeline": {"name": "otsu", "pre": "none", "min_size": 16, "threshold": "otsu"},
        "measurements": [
            {
                "name": name,
                "unit": unit,
                "symbol": name[0].upper(),
                "definition": f"the {name.replace('_', ' ')} of all objects.",
                "discrete": discrete,
            }
            for name, unit, discrete, _, _ in measured
        ],
        "codecs": [
            {
                "codec": spec,
                "resolved": {"steps": [{"name": spec.split(":")[0], "version": "1.2.3"}]},
                "compression_ratio": ratio,
                "compression_ratio_significant": 0.75 * ratio,
                "nbytes": int(131072 / ratio),
                "psnr_db": worst.get(spec, (61.254, 9.0))[0],
                "psnr_camera_db": worst.get(spec, (61.254, 9.0))[0],
                "psnr_range_dn": 4095,
                "max_error_dn": worst.get(spec, (61.2, 9.0))[1],
                "rz": abs(shift) / 10,
                "bias_dn": 0.01 * shift,
                "noise_std_ratio": spread,
                "error_noise_correlation": spread - 1,
                "achieved": {"ratio": ratio},
                "verdict": verdict,
                "images": [{"image": i, "nbytes": int(65536 / ratio), "compression_ratio": ratio} for i in range(images)],
            }
            for spec, shift, spread, ratio, verdict in chosen
        ],
        "results": [_result(image, codec, measurement, n) for image in range(images) for codec in chosen for measurement in measured],
        "tukey": tukey,
        "undefined": [],
        "digest": _sha("digest"),
    }
    made["plan"]["sha256"] = plan_digest(made["plan"])
    return made


def make_arrays(record: dict[str, Any], crops: bool = True) -> xr.Dataset:
    """Predictions: normal around χ + shift·σ, whole numbers for counts; crops of a bright disc."""
    rng = np.random.default_rng(5)
    n, images = record["plan"]["n"], len(record["images"])
    codecs = [row["codec"] for row in record["codecs"]]
    names = [row["name"] for row in record["measurements"]]
    raw = np.zeros((len(codecs) + 1, n, images, len(names)))
    decoded = np.zeros((len(codecs), n, images, len(names)))
    for row in record["results"]:
        codec, measurement, image = codecs.index(row["codec"]), names.index(row["measurement"]), row["image"]
        centre, sigma, shift = row["chi_raw"] or 0.0, row["sigma_raw"] or 0.0, row["epsilon_hat"] or 0.0
        for group in (0, codec + 1):
            raw[group, :, image, measurement] = centre + sigma * rng.standard_normal(n)
        own = raw[codec + 1, :, image, measurement]
        decoded[codec, :, image, measurement] = own + shift * sigma + (0.3 * sigma * rng.standard_normal(n) if shift else 0.0)
        if record["measurements"][measurement].get("discrete"):
            raw[:, :, image, measurement] = np.rint(raw[:, :, image, measurement])
            decoded[codec, :, image, measurement] = np.rint(decoded[codec, :, image, measurement])
    arrays: dict[str, Any] = {
        "raw_prediction": (("group", "replica", "image", "measurement"), raw),
        "codec_prediction": (("codec", "replica", "image", "measurement"), decoded),
    }
    if crops:
        y, x = np.mgrid[:48, :48]
        scene = 120.0 + 900.0 * (np.hypot(y - 24, x - 20) < 13)
        crop = np.stack([np.rint(scene + np.sqrt(scene) * rng.standard_normal(scene.shape)) for _ in codecs])
        error = np.stack([np.rint(abs(row["rz"] or 0) * 6 * rng.standard_normal(scene.shape)) for row in record["codecs"]])
        arrays |= {
            "crop_raw": (("codec", "crop_y", "crop_x"), crop),
            "crop_decoded": (("codec", "crop_y", "crop_x"), crop + error),
            "crop_position": (("codec", "axis"), np.tile([64, 96], (len(codecs), 1))),
            "crop_image": (("codec",), np.zeros(len(codecs), dtype=np.int64)),
        }
    return xr.Dataset(arrays, coords={"group": ["raw", *codecs], "codec": codecs, "measurement": names})


def write_folder(folder: Path, record: dict[str, Any], crops: bool = True) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "record.json").write_text(json.dumps(record), encoding="utf-8")
    make_arrays(record, crops).to_netcdf(folder / "result.nc", engine="netcdf4")
    return folder


@pytest.fixture
def record() -> Callable[..., dict[str, Any]]:
    return make_record


@pytest.fixture
def arrays() -> Callable[..., xr.Dataset]:
    return make_arrays


@pytest.fixture
def write() -> Callable[..., Path]:
    return write_folder


@pytest.fixture
def summary() -> Callable[..., dict[str, Any]]:
    return camera_summary


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A record of two images, six codecs, four measurements, with crops."""
    return write_folder(tmp_path_factory.mktemp("record"), make_record())
