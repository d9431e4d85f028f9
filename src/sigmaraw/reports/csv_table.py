"""One line per result as comma-separated values: every grid point's scores with its bytes and quality, for any table program."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

from sigmaraw.files import write_text
from sigmaraw.reports.loading import read_record
from sigmaraw.reports.sections import sweep_of

_CODEC = (
    "compression_ratio", "compression_ratio_significant", "nbytes", "psnr_db", "psnr_range_dn", "psnr_camera_db", "max_error_dn", "rz",
    "bias_dn", "noise_std_ratio", "error_noise_correlation",
)  # fmt: skip
_RESULT = (
    "image", "measurement", "unit", "verdict", "reason", "chi_raw", "chi_codec", "sigma_raw", "epsilon", "epsilon_hat",
    "epsilon_hat_low", "epsilon_hat_high", "u", "u_mode", "u_mode_source", "u_cal", "limit", "spread_ratio", "spread_ratio_low",
    "spread_ratio_high", "rms_d", "rms_d_upper", "raw_spread_low", "raw_spread_high", "n", "mode",
)  # fmt: skip
COLUMNS = ("codec", "curve", "parameter", "value", *_CODEC, *_RESULT)


def _cell(value: Any) -> Any:
    """Return a cell: numbers in full, nothing for what is undefined, and no word that a table program takes for a formula."""
    if value is None:
        return ""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@"):
        return f"'{value}"
    return repr(value) if isinstance(value, float) else value


def csv_text(record: dict[str, Any]) -> str:
    """Return the table of a record.

    record : as `loading.checked` returns it. Raises InvalidRecord as `sweep_of` does.
    """
    sweep = sweep_of(record)
    points = {point.codec: point for curve in sweep.curves.values() for point in curve} if sweep else {}
    codecs = {row["codec"]: row for row in record["codecs"]}
    units = {row["name"]: row["unit"] for row in record["measurements"]}
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for result in record["results"]:
        values = {**codecs[result["codec"]], **result, "unit": units[result["measurement"]]}
        for name in ("epsilon_hat", "spread_ratio"):
            values[f"{name}_low"], values[f"{name}_high"] = result.get(f"{name}_ci") or (None, None)
        if sweep is not None:
            values["raw_spread_low"], values["raw_spread_high"] = sweep.raw_spread.get(result["measurement"], (None, None))
        point = points.get(result["codec"])
        if point is not None:
            values |= {"curve": point.curve, "parameter": point.parameter, "value": point.value}
        writer.writerow([_cell(values.get(name)) for name in COLUMNS])
    return stream.getvalue()


class CsvReport:
    """Writes results.csv: one line per image, codec and measurement."""

    name = "csv"

    def render(self, folder: Path) -> Path:
        """Write `folder`/results.csv from record.json, whole or not at all, and return its path.

        Raises
        ------
        InvalidRecord : record.json is missing or is not a record.
        """
        target = Path(folder) / "results.csv"
        write_text(target, csv_text(read_record(folder)))
        return target
