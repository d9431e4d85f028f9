"""A record says when it, its predictions or its inputs are not what they were."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from sigmaraw import registry
from sigmaraw.errors import InvalidRecord
from sigmaraw.files import sha256_of_file
from sigmaraw.study.record import SCHEMA, VERDICTS, Record, digest_of, json_value, predictions_digest, read_document, verify, worst


@pytest.fixture
def record(tmp_path: Path) -> Record:
    image = tmp_path / "image.bin"
    image.write_bytes(b"pixels")
    values = np.random.default_rng(1).normal(size=(2, 3, 1, 1))
    dataset = xr.Dataset(
        {
            "raw_prediction": (("group", "replica", "image", "measurement"), values),
            "codec_prediction": (("codec", "replica", "image", "measurement"), values[1:]),
        }
    )
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "created": "2026-01-01",
        "inputs": [{"path": str(image), "sha256": sha256_of_file(image)}, {"path": None, "sha256": "0"}],
        "environment": {"hardware": {"cores": 2}, "packages": {"numpy": "2"}},
        "plan": {"n": 3},
        "codecs": [],
        "measurements": [],
        "results": [{"verdict": "PASS"}, {"verdict": "INCONCLUSIVE"}],
        "predictions_sha256": predictions_digest(dataset),
    }
    document["digest"] = digest_of(document)
    return Record(document, dataset)


def test_a_written_record_reads_back_and_verifies(record: Record, tmp_path: Path) -> None:
    record.write(tmp_path / "out", formats=())
    again = Record.read(tmp_path / "out")
    assert again.document == record.document
    xr.testing.assert_identical(again.dataset, record.dataset)
    assert verify(tmp_path / "out") == []
    assert record.verdict == "INCONCLUSIVE"
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["record.json", "result.nc"]


def test_times_paths_and_hardware_are_outside_the_digest_and_nothing_else_is(record: Record) -> None:
    base = digest_of(record.document)
    for change in ({"created": "2027-01-01"}, {"environment": {"hardware": {"cores": 64}, "packages": {"numpy": "2"}}}):
        assert digest_of({**record.document, **change}) == base
    moved = json.loads(json.dumps(record.document))
    moved["inputs"][0]["path"] = "/elsewhere/image.bin"
    assert digest_of(moved) == base
    for change in ({"plan": {"n": 4}}, {"environment": {"hardware": {"cores": 2}, "packages": {"numpy": "3"}}}, {"extra": 1}):
        assert digest_of({**record.document, **change}) != base


def test_where_a_model_lies_is_outside_the_digest_and_what_it_holds_is_not(record: Record) -> None:
    def at(folder: str, sha256: str) -> str:
        spec = f"onnx:{folder}/m.onnx"
        pipeline = {"name": "onnx", "spec": spec, "model": f"{folder}/m.onnx", "model_sha256": sha256, "threshold": 0.5}
        return digest_of(record.document | {"pipeline": pipeline, "plan": {"n": 3, "pipeline": spec, "sha256": folder}})

    assert at("here", "ab") == at("there", "ab")
    assert at("here", "ab") != at("here", "cd")


def test_a_changed_number_an_edited_prediction_and_a_changed_or_missing_input_are_found(record: Record, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    record.write(folder, formats=())
    document = record.document | {"results": [{"verdict": "PASS"}]}
    (folder / "record.json").write_text(json.dumps(document))
    assert [line for line in verify(folder) if "digest" in line]

    record.write(folder, formats=())
    other = record.dataset.copy(deep=True)
    other["raw_prediction"][0, 0, 0, 0] += 1e-12
    other.to_netcdf(folder / "result.nc")
    assert verify(folder) == ["result.nc: its predictions do not match the record"]

    record.write(folder, formats=())
    image = Path(record.document["inputs"][0]["path"])
    image.write_bytes(b"pixelz")
    assert verify(folder) == [f"{image}: its bytes have changed since"]
    image.unlink()
    assert verify(folder)[0].startswith(f"{image}: not there any more")


def test_a_failing_rendering_leaves_the_folder_as_it_was(record: Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        name = "broken"

        def render(self, folder: Path) -> Path:
            (folder / "half.html").write_text("<html>")
            raise RuntimeError("no ink")

    folder = tmp_path / "out"
    record.write(folder, formats=())
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    monkeypatch.setattr(registry, "load", lambda group, name: Broken)
    with pytest.raises(RuntimeError, match="no ink"):
        record.write(folder, formats=("broken",))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "[" * 100_000, '{"x": 1e999}', '{"schema": "other"}', '{"schema": "sigmaraw/record/1"}']
)
def test_a_malformed_record_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "record.json").write_text(content)
    with pytest.raises(InvalidRecord):
        read_document(tmp_path)


_DAMAGE = (None, 5, "x", [], {}, [1], {"a": 1}, float("nan"), True, "\ud800", "a\0b")


def _places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to every part of a JSON value but the value itself."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        yield (*place, key)
        yield from _places(part, (*place, key))


def test_a_strangers_record_is_read_or_refused_and_never_ends_in_another_error(record: Record, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    record.write(folder, formats=())
    sound = record.document | {"pipeline": {"spec": "torch:model.pt2", "model_sha256": "0"}}
    noticed = 0
    for place in _places(sound):
        for damage in _DAMAGE:
            changed = json.loads(json.dumps(sound))
            inner = changed
            for key in place[:-1]:
                inner = inner[key]
            inner[place[-1]] = damage
            (folder / "record.json").write_text(json.dumps(changed))
            try:
                noticed += bool(verify(folder)) and Record.read(folder).verdict in VERDICTS
            except InvalidRecord:
                noticed += 1
    assert noticed > 200  # the digest or the reader sees all but times and paths


def test_missing_parts_are_refused(record: Record, tmp_path: Path) -> None:
    with pytest.raises(InvalidRecord, match=r"no record\.json"):
        Record.read(tmp_path)
    record.write(tmp_path / "out", formats=())
    (tmp_path / "out" / "result.nc").write_bytes(b"CDF")
    with pytest.raises(InvalidRecord, match=r"result\.nc"):
        Record.read(tmp_path / "out")


def test_json_values_are_bare_and_nan_is_null() -> None:
    value = {"a": np.float64(np.nan), "b": np.array([1.0, np.inf]), "c": np.int64(3), "d": (np.bool_(True), "x")}
    assert json_value(value) == {"a": None, "b": [1.0, None], "c": 3, "d": [True, "x"]}


def test_the_worst_verdict_decides() -> None:
    assert worst(["PASS", "FAIL", "INCONCLUSIVE"]) == "FAIL"
    assert worst(["PASS", "INCONCLUSIVE"]) == "INCONCLUSIVE"
    assert worst([]) == "PASS"
