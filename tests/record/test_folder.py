"""A record says when it, its predictions or its inputs are not what they were."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from sigmaraw import registry
from sigmaraw.errors import InvalidRecord
from sigmaraw.files import sha256_of_file
from sigmaraw.record import Record, content_of, verify, worst
from sigmaraw.record.digest import predictions_digest
from sigmaraw.record.reading import read_document
from tests.record.test_reading import places
from tests.reports.conftest import make_record


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
    document = make_record(images=1, codecs=3, measurements=1)
    document["camera"]["path"] = str(tmp_path / "camera.nc")
    document["inputs"] = [{"path": str(image), "sha256": sha256_of_file(image)}, {"path": None, "sha256": "0"}]
    document["predictions_sha256"] = predictions_digest(dataset)
    return Record.sealed(content_of(document), dataset)


def test_a_written_record_reads_back_and_verifies(record: Record, tmp_path: Path) -> None:
    record.write(tmp_path / "out", formats=())
    again = Record.read(tmp_path / "out")
    assert again.document == record.document
    xr.testing.assert_identical(again.dataset, record.dataset)
    assert verify(tmp_path / "out") == []
    assert record.verdict == "INCONCLUSIVE"
    written = ["check.py", "log.jsonl", "manifest.json", "record.json", "result.nc", "ro-crate-metadata.json"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == written


def test_a_changed_number_an_edited_prediction_and_a_changed_or_missing_input_are_found(record: Record, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    record.write(folder, formats=())
    document = json.loads(json.dumps(record.document))
    document["results"][0]["epsilon_hat"] += 1e-12
    (folder / "record.json").write_text(json.dumps(document))
    assert [line for line in verify(folder) if "digest" in line]

    record.write(folder, formats=())
    other = record.dataset.copy(deep=True)
    other["raw_prediction"][0, 0, 0, 0] += 1e-12
    other.to_netcdf(folder / "result.nc")
    assert verify(folder) == ["result.nc (predictions): its predictions do not match the record"]

    record.write(folder, formats=())
    image = Path(str(record.content.inputs[0].path))
    image.write_bytes(b"pixelz")
    assert verify(folder) == ["../image.bin (input): its bytes have changed since the study"]
    image.unlink()
    assert verify(folder)[0].startswith("../image.bin (input): not there any more")


@pytest.mark.requirement("R-INPUT")
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
        content_of(read_document(tmp_path))


def test_the_folder_of_a_search_leads_to_its_records(tmp_path: Path) -> None:
    for name in ("tuning", "confirmation"):
        with pytest.raises(InvalidRecord) as refused:
            read_document(tmp_path)
        assert ("name " in refused.value.remedy) == (name == "confirmation")
        (tmp_path / name).mkdir()
        (tmp_path / name / "record.json").write_text("{}")
    with pytest.raises(InvalidRecord, match="confirmation, which a search wrote"):
        read_document(tmp_path)


def test_a_strangers_folder_is_verified_or_refused(record: Record, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    record.write(folder, formats=())
    sound = json.loads((folder / "record.json").read_text()) | {"pipeline": {"spec": "torch:model.pt2", "model_sha256": "0"}}
    text = json.dumps(sound)
    for place in list(places(sound))[::11]:
        for damage in (None, [1], "\ud800", "a\0b"):
            changed = json.loads(text)
            inner = changed
            for key in place[:-1]:
                inner = inner[key]
            inner[place[-1]] = damage
            (folder / "record.json").write_text(json.dumps(changed))
            with contextlib.suppress(InvalidRecord):
                outside = any(key in ("created", "path", "hardware") for key in place)
                assert verify(folder) or outside or damage == inner[place[-1]] == sound.get(place[-1])


def test_a_path_that_no_file_can_have_is_missing_and_its_words_are_visible(record: Record, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    record.write(folder, formats=())
    document = json.loads((folder / "record.json").read_text())
    document["inputs"][0]["path"] = "a\0\x1b[2Jb"
    (folder / "record.json").write_text(json.dumps(document))
    (line,) = [line for line in verify(folder) if "(input)" in line]
    assert line.startswith("a\ufffd\ufffd[2Jb (input): not there any more")


def test_missing_parts_are_refused(record: Record, tmp_path: Path) -> None:
    with pytest.raises(InvalidRecord, match=r"no record\.json"):
        Record.read(tmp_path)
    record.write(tmp_path / "out", formats=())
    (tmp_path / "out" / "result.nc").write_bytes(b"CDF")
    with pytest.raises(InvalidRecord, match=r"result\.nc"):
        Record.read(tmp_path / "out")


def test_the_worst_verdict_decides() -> None:
    assert worst(["PASS", "FAIL", "INCONCLUSIVE"]) == "FAIL"
    assert worst(["PASS", "INCONCLUSIVE"]) == "INCONCLUSIVE"
    assert worst([]) == "PASS"
