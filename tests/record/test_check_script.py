"""check.py, written beside a record: it agrees with every verdict of a study and refuses an altered one, without this package."""

from __future__ import annotations

import ast
import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray

import sigmaraw as sr
from sigmaraw.record.sealing import CheckedKind, check_script
from sigmaraw.statistics.rules import RULES
from sigmaraw.study.reference_rules import ON_REFERENCES
from tests.record.random_records import disagreements, kind_of, random_record

KINDS = [
    CheckedKind(rule, replicas, levels, search)
    for rule in RULES
    for replicas, levels in ((True, False), (True, True), (False, False))
    for search in (False, True)
    if not (search and rule in ON_REFERENCES)  # a search has no observers' masks
]


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_it_is_short_and_needs_numpy_and_scipy_alone(kind: CheckedKind) -> None:
    text = check_script(kind)
    assert len(text.splitlines()) <= 150 and max(map(len, text.splitlines())) <= 140
    imported: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(str(node.module).partition(".")[0])
    assert imported - set(sys.stdlib_module_names) == {"numpy", "scipy"}


@pytest.mark.requirement("R-CHECK")
def test_it_agrees_with_random_records_and_refuses_altered_verdicts(tmp_path: Path) -> None:
    """Seeded; the script makes 1,000: modes, none at all, rules, searches, margins, specimens, constants, undefined predictions, checks."""
    assert disagreements(15, 0, tmp_path / "record.json") == []


@pytest.mark.requirement("R-CHECK")
@pytest.mark.parametrize("n", [20, "auto:decide,max=80"])
def test_it_runs_beside_a_written_record(tmp_path: Path, n: int | str) -> None:
    camera = sr.CameraProfile.from_values(gain=0.5, offset=100, read_noise=2.0, bits=12)
    random = np.random.default_rng(1)
    images = [random.poisson(200, (16, 16)).astype(np.uint16) + 100 for _ in range(2)]
    codecs = ["lossless", "jpegls:near=30"]
    sr.validate(images, camera, codecs=codecs, pipeline="intensity", n=n, mode="around-raw").write(tmp_path, formats=())
    command = [sys.executable, "-I", str(tmp_path / "check.py")]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (found.returncode, found.stderr) == (0, "") and found.stdout.endswith("0 do not follow from the record's numbers\n")
    record = tmp_path / "record.json"
    text = record.read_text(encoding="utf-8")
    record.write_text(text.replace('"verdict": "PASS"', '"verdict": "FAIL"', 1), encoding="utf-8")
    assert subprocess.run(command, capture_output=True, check=False).returncode == 1
    record.unlink()
    assert subprocess.run(command, capture_output=True, check=False).returncode == 2


@pytest.mark.requirement("R-CHECK")
def test_a_codec_that_returns_every_pixel_passes_where_predictions_are_undefined(tmp_path: Path) -> None:
    def bright(image: np.ndarray) -> dict[str, float]:
        found = image[image > 125]
        return {"mean": float(found.mean()) if found.size else float("nan")}

    camera = sr.CameraProfile.from_values(gain=0.5, offset=100, read_noise=2.0, bits=12)
    random = np.random.default_rng(1)
    images = [random.poisson(level, (8, 8)).astype(np.uint16) + 100 for level in (2, 12, 30)]  # never, now and then, always
    record = sr.validate(images, camera, codecs=["lossless", "jpegls:near=3"], pipeline=bright, n=20, mode="around-raw")
    record.write(tmp_path, formats=())
    rows = {(row.codec, row.image): row for row in record.content.results}
    with xarray.open_dataset(tmp_path / "result.nc") as predictions:
        undefined = np.isnan(predictions["raw_prediction"]).any(("group", "replica", "measurement"))
        assert undefined.values.tolist() == [True, True, False]
    assert {rows["lossless", image].verdict for image in range(3)} == {"PASS"} and rows["lossless", 0].epsilon_hat is None
    assert {rows["jpegls:near=3", image].verdict for image in range(2)} == {"INCONCLUSIVE"}
    rulings = json.loads((tmp_path / "record.json").read_text())["decision"]["rulings"]
    assert [row["verdict"] for row in rulings] == ["PASS", "INCONCLUSIVE"]
    assert _run(tmp_path).returncode == 0


@pytest.mark.requirement("R-CHECK")
def test_it_runs_beside_a_study_without_replicas(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    images = [random.poisson(200, (16, 16)).astype(np.uint16) for _ in range(3)]
    record = sr.validate(images, "none", codecs=["lossless", "jpegls:near=30"], pipeline="intensity", margin={"mean_intensity": 0.5})
    record.write(tmp_path, formats=())
    found = _run(tmp_path)
    assert (found.returncode, found.stderr) == (0, "") and found.stdout.endswith("0 do not follow from the record's numbers\n")
    path = tmp_path / "record.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"verdict": "FAIL"', '"verdict": "PASS"', 1), encoding="utf-8")
    assert _run(tmp_path).returncode == 1


@pytest.mark.requirement("R-CHECK")
def test_it_runs_beside_a_search_and_its_stages(tmp_path: Path) -> None:
    camera = sr.CameraProfile.from_values(gain=0.5, offset=100, read_noise=2.0, bits=12)
    images = list(np.random.default_rng(1).poisson(200, (4, 16, 16)).astype(np.uint16) + 100)
    options = {"pipeline": "intensity", "n": 20, "mode": "around-raw", "refine": 0}
    found = sr.search(images, camera, codecs="jpegls:near=1|4|90", **options)  # type: ignore[arg-type]
    found.write(tmp_path)
    for entry in found.summary.records:
        assert _run(tmp_path / entry.folder).returncode == 0
    last = tmp_path / found.summary.records[-1].folder / "record.json"
    record = json.loads(last.read_text(encoding="utf-8"))
    record["search"]["families"][0]["chosen"] = "jpegls:near=90"
    last.write_text(json.dumps(record), encoding="utf-8")
    refused = _run(last.parent)
    assert refused.returncode == 1 and "search, jpegls:near=*: the record says jpegls:near=90" in refused.stdout


def test_it_refuses_a_record_of_another_kind(tmp_path: Path) -> None:
    record = random_record(3)
    kind = dataclasses.replace(kind_of(record), search=record["search"] is None)
    (tmp_path / "record.json").write_text(json.dumps(record), encoding="utf-8")
    (tmp_path / "check.py").write_text(check_script(kind), encoding="utf-8")
    found = _run(tmp_path)
    assert found.returncode == 1 and "another kind of record" in found.stdout


def _run(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-I", str(folder / "check.py")], capture_output=True, text=True, check=False)
