"""The flat verdict table as JSON, for import into a laboratory information system."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sigmaraw.files import write_text
from sigmaraw.reports.loading import checked, read_record
from sigmaraw.reports.selection import CodecSummary, summarise

SUMMARY_SCHEMA = "sigmaraw/summary/1"
_RESULT = (
    "image", "codec", "measurement", "verdict", "reason", "chi_raw", "chi_codec", "sigma_raw", "epsilon", "epsilon_hat", "u", "u_mode",
    "u_mode_source", "u_cal", "limit", "spread_ratio", "rms_d", "n", "mode",
)  # fmt: skip


def _ends(row: dict[str, Any], name: str) -> dict[str, float | None]:
    low, high = row.get(name) or (None, None)
    return {f"{name}_low": low, f"{name}_high": high}


def _codec(summary: CodecSummary) -> dict[str, Any]:
    largest, deciding = summary.largest or {}, summary.deciding or {}
    return {
        "codec": summary.row["codec"],
        "verdict": summary.row["verdict"],
        "reason": deciding.get("reason"),
        "results_pass": summary.count("PASS"),
        "results_fail": summary.count("FAIL"),
        "results_inconclusive": summary.count("INCONCLUSIVE"),
        "compression_ratio": summary.row.get("compression_ratio"),
        "psnr_db": summary.row.get("psnr_db"),
        "largest_epsilon_hat": largest.get("epsilon_hat"),
        **_ends(largest, "epsilon_hat_ci"),
        "largest_epsilon_hat_measurement": largest.get("measurement"),
        "largest_epsilon_hat_image": largest.get("image"),
    }


class JsonReport:
    """Writes summary.json: one flat object per codec and per result, each value a bare number, word or null."""

    name = "json"

    def render(self, folder: Path) -> Path:
        """Write `folder`/summary.json from record.json, whole or not at all, and return its path.

        Raises
        ------
        InvalidRecord : record.json is missing or is not a record.
        """
        target = Path(folder) / "summary.json"
        write_text(target, json.dumps(self.summary(read_record(folder)), indent=2, ensure_ascii=False, allow_nan=False) + "\n")
        return target

    def summary(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Return what summary.json holds of a record. Raises InvalidRecord where a part of it is missing."""
        record = checked(document)
        units = {row["name"]: row["unit"] for row in record["measurements"]}
        return {
            "schema": SUMMARY_SCHEMA,
            "record_digest": record.get("digest"),
            "created": record.get("created"),
            "camera_calibrated": record["camera"].get("calibrated"),
            "codecs": [_codec(row) for row in summarise(record)],
            "results": [
                {
                    **{name: result.get(name) for name in _RESULT},
                    **_ends(result, "sigma_raw_ci"),
                    **_ends(result, "epsilon_hat_ci"),
                    **_ends(result, "spread_ratio_ci"),
                    "unit": units[result["measurement"]],
                }
                for result in record["results"]
            ],
        }
