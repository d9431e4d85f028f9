"""The flat verdict table as JSON, for import into a laboratory information system."""

from __future__ import annotations

import json
from pathlib import Path

from sigmaraw.files import write_text
from sigmaraw.record import Content, read_content
from sigmaraw.record.tables import Cell, flat
from sigmaraw.reports.selection import CodecResults, by_codec

SUMMARY_SCHEMA = "sigmaraw/summary/1"
_RESULT = (
    "image", "codec", "measurement", "verdict", "reason", "chi_raw", "chi_codec", "sigma_raw", "epsilon", "epsilon_hat", "u", "u_mode",
    "u_mode_source", "u_cal", "limit", "spread_ratio", "rms_d", "n", "mode",
)  # fmt: skip
_INTERVALS = ("sigma_raw", "epsilon_hat", "spread_ratio")


def _codec(entry: CodecResults) -> dict[str, Cell]:
    largest = entry.largest
    low, high = (largest.epsilon_hat_ci if largest else None) or (None, None)
    return {
        "codec": entry.row.codec,
        "verdict": entry.row.verdict,
        "reason": entry.reason,
        "results_pass": entry.count("PASS"),
        "results_fail": entry.count("FAIL"),
        "results_inconclusive": entry.count("INCONCLUSIVE"),
        "compression_ratio": entry.row.compression_ratio,
        "psnr_camera_db": entry.row.psnr_camera_db,
        "largest_epsilon_hat": largest.epsilon_hat if largest else None,
        "epsilon_hat_ci_low": low,
        "epsilon_hat_ci_high": high,
        "largest_epsilon_hat_measurement": largest.measurement if largest else None,
        "largest_epsilon_hat_image": largest.image if largest else None,
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
        write_text(target, json.dumps(self.summary(read_content(folder)), indent=2, ensure_ascii=False, allow_nan=False) + "\n")
        return target

    def summary(self, record: Content) -> dict[str, Cell | list[dict[str, Cell]]]:
        """Return what summary.json holds of a record."""
        results = []
        for row in record.results:
            cells = flat(row)
            shown = {name: cells[name] for name in _RESULT}
            for name in _INTERVALS:
                shown |= {f"{name}_ci_low": cells[f"{name}_low"], f"{name}_ci_high": cells[f"{name}_high"]}
            results.append({**shown, "unit": record.units[row.measurement]})
        return {
            "schema": SUMMARY_SCHEMA,
            "record_digest": record.digest,
            "created": record.created,
            "camera_calibrated": record.camera.calibrated,
            "codecs": [_codec(entry) for entry in by_codec(record)],
            "results": results,
        }
