"""A made-up record in which every section is there."""

from __future__ import annotations

from typing import Any

from sigmaraw.record import content_of
from sigmaraw.record.digest import document_of
from tests.reports.conftest import make_record

SIDE = {"verdict": "PASS", "reason": "", "images": 1, "failing": 0, "epsilon_hat": 0.1}


def full_document() -> dict[str, Any]:
    """Return the JSON values of a record with every section and every row, as sigmaraw writes them."""
    made = make_record(images=1, codecs=2, measurements=2)
    codecs = [row["codec"] for row in made["codecs"]]
    delta = {
        "reason": "beyond numerical tolerance", "accepted": False, "sigma": 41.3, "ratio": 1.09, "u_ratio": 0.04, "interval": [6.0, 7.0],
        "replicas_interval": [6.1, 7.1], "d_low": 0.1, "d_high": 0.1, "u_low": 0.2, "u_high": 0.2, "tolerance": 0.5, "n_dig": 1,
    }  # fmt: skip
    for row in made["results"]:
        row |= {"delta": delta, "shift": 0.5, "u_shift": 0.1, "warnings": [{"code": "w", "text": "a warning", "bears": True}]}
    made["design"] = {"replicas_per_group": 40, "groups": 3, "independent": True, "noise_levels": [1.0, 1.5], "weights": [2.0, -1.0]}
    precision = {"image": 0, "measurement": "count", "relative_u": 0.07, "reached": False, "reason": None}
    made["adaptive"] = {"target": 0.05, "maximum": 99, "step": 10, "n": 40, "reached": False, "measurements": [precision]}
    made["mode_diagnostics"] = [
        {"image": 0, "name": "whiteness", "value": 0.1, "low": 0.0, "high": 0.2, "passed": True, "kinds": ["count"]}
    ]
    made["floor"] = [{"image": 0, "measurement": "count", "difference": 0.0}]
    made["undefined"] = [{"image": 0, "codec": codecs[0], "measurement": "count", "field": "ks", "reason": "not available", "count": 1}]
    slices = {"compression_ratio": [4.0, 8.5], "psnr_db": [71.2, None], "max_error_dn": [17, 0]}
    made["codecs"][1]["images"][0]["slices"] = slices
    made["codecs"][1]["achieved_replicas"] = {"level": [1.0, 2.0]}
    made["camera"]["taps"] = {
        "layout": "1x2",
        "labels": ["a", "b"],
        "scalars": {"gain": {"value": [1.0, 2.0], "se": [0.1, None], "unit": "1"}},
    }
    made["camera"]["checks"] = [{"name": "n", "outcome": "pass", "evidence": "e", "value": 1.0, "limit": 2.0, "unit": "1"}]
    made["camera"]["pixel_classes"] = [{"name": "hot", "count": 3, "fraction": 0.1, "definition": "d", "not_determined": None}]
    made["camera"]["transfer"] = {"model": "straight", "chi2": 1.0, "bic": {"straight": 3.0}, "linear_to_dn": 900.0}
    points = [{"codec": codec, "family": "f", "curve": "f:*", "parameter": "q", "value": 2, "unit": "1"} for codec in codecs]
    made["sweep"] = {"codecs": ["f:*"], "points": points, "raw_spread": [{"measurement": "count", "low": -2.0, "high": 2.0, "share": 0.95}]}
    tried = {"codec": codecs[1], "value": 2, "round": 1, "compression_ratio": 4.5, "tuning": SIDE, "confirmation": SIDE}
    family = {"curve": "f:*", "unit": "1", "outcome": "confirmed", "chosen": codecs[1], "compression_ratio": 4.4, "tried": [tried]}
    made["search"] = {
        "rule": {"fraction": 0.5, "refine": 2, "back": 2, "exceedance": 0.1},
        "images": {"tuning": ["a"], "confirmation": ["b"]},
        "families": [family],
        "recommended": {"curve": "f:*", "codec": codecs[1]},
        "error_rate": {"recommended": 0.05, "each_family": 0.05, "all_families": 0.05},
        "records": [{"folder": "tuning", "digest": "0"}],
    }
    return document_of(content_of(made))
