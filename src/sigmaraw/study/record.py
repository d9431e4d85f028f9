"""The record: one JSON document and one netCDF of predictions, the only source of every rendering."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sigmaraw import registry
from sigmaraw.contracts import ReportFormat
from sigmaraw.errors import InvalidRecord
from sigmaraw.files import folder_of_parts, sha256_of_file, write_text

if TYPE_CHECKING:
    import xarray as xr

SCHEMA = "sigmaraw/record/1"
VERDICTS = ("PASS", "INCONCLUSIVE", "FAIL")  # from best to worst
_OUTSIDE_DIGEST = frozenset({"created", "digest", "path", "hardware"})
_PREDICTIONS = ("raw_prediction", "codec_prediction")


def json_value(value: Any) -> Any:
    """Return `value` in JSON types: NumPy scalars and arrays become bare numbers and lists, NaN and ±∞ become null."""
    if isinstance(value, Mapping):
        return {str(key): json_value(entry) for key, entry in value.items()}
    if isinstance(value, np.ndarray):
        return json_value(value.tolist())
    if isinstance(value, (list, tuple)):
        return [json_value(entry) for entry in value]
    if isinstance(value, np.generic):
        return json_value(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value


def digest_of(document: Mapping[str, Any]) -> str:
    """Return the SHA-256 over the canonical form of a record, times, paths and hardware left out.

    A pipeline's specification may name a model's file: where the model's own SHA-256 stands beside it, the specification is a
    path and is left out too.
    """
    kept = _pruned(document)
    if kept.get("pipeline", {}).get("model_sha256"):
        kept["pipeline"] = {key: value for key, value in kept["pipeline"].items() if key not in ("model", "spec", "weights")}
        kept["plan"] = {key: value for key, value in kept["plan"].items() if key not in ("pipeline", "sha256")}
    text = json.dumps(kept, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _pruned(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _pruned(entry) for key, entry in value.items() if key not in _OUTSIDE_DIGEST}
    if isinstance(value, list):
        return [_pruned(entry) for entry in value]
    return value


def predictions_digest(dataset: xr.Dataset) -> str:
    """Return the SHA-256 over the predictions in result.nc, independent of how the file is laid out."""
    digest = hashlib.sha256()
    for name in _PREDICTIONS:
        values = np.ascontiguousarray(dataset[name].values, dtype="<f8")
        digest.update(f"{name}{values.shape}".encode())
        digest.update(values.tobytes())
    return digest.hexdigest()


@dataclass(frozen=True)
class Record:
    """A finished study. `document` is record.json, `dataset` is result.nc (xarray)."""

    document: dict[str, Any]
    dataset: xr.Dataset

    @property
    def verdict(self) -> str:
        """The worst verdict over every image, codec and measurement: FAIL, INCONCLUSIVE or PASS."""
        return worst(entry["verdict"] for entry in self.document["results"])

    def with_section(self, name: str, content: Any) -> Record:
        """Return this record with one more part, of which the digest is taken too. content : JSON values."""
        document = {**self.document, name: json_value(content)}
        return Record({**document, "digest": digest_of(document)}, self.dataset)

    def table(self) -> str:
        """Return the verdict table as aligned text."""
        return str(registry.load(registry.REPORTS, "text")().text(self.document))

    def write(self, folder: str | Path, formats: tuple[str, ...] = ("html",)) -> Path:
        """Write record.json, result.nc and the renderings named in `formats`; return the last rendering's path.

        All are made beside the folder first and moved into it when the last is done: a failure leaves it as it was.

        Raises
        ------
        InvalidOption : the folder's name is taken by a file, or it cannot be made.
        OutOfSpace : the disk is full.
        UnknownName : no such report format.
        """
        renderers = [registry.load(registry.REPORTS, name)() for name in formats]
        with folder_of_parts(folder) as made:
            last = self._write_files(made, renderers)
        return Path(folder) / last.name

    def _write_files(self, folder: Path, renderers: list[ReportFormat]) -> Path:
        floats = [str(name) for name, data in self.dataset.data_vars.items() if data.dtype.kind == "f"]
        self.dataset.to_netcdf(folder / "result.nc", engine="netcdf4", encoding={name: {"zlib": True, "complevel": 4} for name in floats})
        path = folder / "record.json"
        write_text(path, json.dumps(self.document, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
        for renderer in renderers:
            path = renderer.render(folder)
        return path

    @classmethod
    def read(cls, folder: str | Path) -> Record:
        """Read a record folder.

        Raises InvalidRecord when record.json or result.nc is missing, malformed or of another schema.
        """
        import xarray as xr

        document = read_document(folder)
        path = Path(folder) / "result.nc"
        try:
            with xr.open_dataset(path, engine="netcdf4") as opened:
                dataset = opened.load()
        except (OSError, ValueError, RuntimeError) as error:
            raise InvalidRecord(f"{path} cannot be read", "the netCDF that validate wrote", "run validate again") from error
        missing = [name for name in _PREDICTIONS if name not in dataset]
        if missing:
            raise InvalidRecord(f"{path} lacks {', '.join(missing)}", "the netCDF that validate wrote", "run validate again")
        return cls(document, dataset)


def read_document(folder: str | Path) -> dict[str, Any]:
    """Return record.json of a folder: UTF-8 JSON of this schema with its main parts there; types are the reader's to check.

    Raises
    ------
    InvalidRecord : missing, not UTF-8, not JSON, a number beyond float64, nested too deeply, of another schema or incomplete.
    """
    path = Path(folder) / "record.json"
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InvalidRecord(f"{folder} has no record.json", "a folder that validate wrote", "check the path") from error
    except UnicodeDecodeError as error:
        raise InvalidRecord(f"{path} is not UTF-8 text", "the file that validate wrote", "run validate again") from error
    try:
        document = json.loads(text, parse_float=_within_float64, parse_constant=lambda word: None)
        json.dumps(document, ensure_ascii=False).encode()  # half a surrogate pair is JSON, and no text
    except (ValueError, RecursionError) as error:  # JSONDecodeError and UnicodeEncodeError are ValueErrors
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)[:120]
        raise InvalidRecord(f"{path} is not JSON ({reason})", "the file that validate wrote", "run validate again") from error
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        found = f"'{str(document.get('schema'))[:60]}'" if isinstance(document, dict) else type(document).__name__
        raise InvalidRecord(f"{path} has schema {found}", f"'{SCHEMA}'", "use the sigmaraw version that wrote it")
    missing = sorted({"inputs", "plan", "codecs", "measurements", "results", "digest"} - document.keys())
    if missing:
        raise InvalidRecord(f"{path} lacks {', '.join(missing)}", "the file that validate wrote", "run validate again")
    wrong = _wrong_part(document)
    if wrong:
        raise InvalidRecord(f"{path}: {wrong}", "the file that validate wrote", "run validate again")
    return document


def _wrong_part(document: Mapping[str, Any]) -> str | None:
    """Return the first part of which `verify`, `digest_of` or a verdict would stumble, in words; None when there is none."""
    for name in ("inputs", "codecs", "measurements", "results"):
        if not isinstance(document[name], list) or not all(isinstance(row, dict) for row in document[name]):
            return f"'{name}' is not a list of objects"
    for name in ("plan", "pipeline"):
        if not isinstance(document.get(name, {}), dict):
            return f"'{name}' is not an object"
    for row in document["inputs"]:
        path, sha256 = row.get("path"), row.get("sha256")
        if not isinstance(sha256, str) or not (path is None or (isinstance(path, str) and "\0" not in path)):
            return "an input is not a path (or null) with its SHA-256"
    if not all(row.get("verdict") in VERDICTS for row in document["results"]):
        return f"a result's verdict is none of {', '.join(VERDICTS)}"
    return None


def _within_float64(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"number {text[:20]} is beyond float64")
    return value


def worst(verdicts: Any) -> str:
    """Return the worst of some verdicts; PASS for none."""
    return max(verdicts, key=VERDICTS.index, default="PASS")


def verify(folder: str | Path) -> list[str]:
    """Return what differs from the record, one line each: digest, predictions, every input's hash; empty when all agree.

    Inputs given as arrays have no file; their pixel hash stands in the record and is skipped here.

    Raises InvalidRecord as `Record.read` does.
    """
    record = Record.read(folder)
    document = record.document
    problems = []
    if digest_of(document) != document["digest"]:
        problems.append("record.json: its content does not match its digest")
    if predictions_digest(record.dataset) != document.get("predictions_sha256"):
        problems.append("result.nc: its predictions do not match the record")
    for entry in document["inputs"]:
        path = entry.get("path")
        if not path:
            continue
        if not Path(path).is_file():
            problems.append(f"{path}: not there any more (sha256 {entry['sha256']})")
        elif sha256_of_file(path) != entry["sha256"]:
            problems.append(f"{path}: its bytes have changed since")
    return problems
