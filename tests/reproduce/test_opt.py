"""The study of tomography: small scans."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sigmaraw.errors import InputNotFound, UnreadableFile
from sigmaraw.reproduce import opt, reproduce
from sigmaraw.virtual.camera import VirtualCamera
from sigmaraw.virtual.tomography import tomography_scan

pytestmark = pytest.mark.filterwarnings("ignore:invalid value")


@pytest.mark.slow
def test_replicas_of_projections_and_scans_anew(shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opt, "QUICK", opt.Size((6, 32), 16, 3, 30, 30, 60))
    whole = opt.real_parts
    monkeypatch.setattr(opt, "real_parts", lambda path: {**whole(path), "scan": whole(path)["scan"][::300]})
    study = opt.Opt()
    study.data_root = shared_data
    found = study.run(tmp_path, 3, True, lambda *_: None)
    agrees = {each.key: bool(each.test(found.values[each.key])) for each in study.criteria}
    assert agrees["camera"] and agrees["flats"] and agrees["lossless"] and found.values["lossless"] == 0
    assert (tmp_path / "virtual" / "scan.tif").is_file() and not Path("scan.tif").exists()
    assert [entry["measurement"] for entry in found.values["spread"]] == list(opt.MEASURED)
    wrong = [{"measurement": "area", "ratio": 2.5, "se": 0.05}]
    tests = {each.key: each.test for each in study.criteria}
    assert tests["slices"](wrong) and not tests["slices"]([{"ratio": 1.2, "se": 0.05}])
    assert (
        not tests["spread"](wrong * 3)
        and tests["spread"]([{"ratio": 1.09, "se": 0.01}] * 3)
        and tests["spread"]([{"ratio": 1.2, "se": 0.05}] * 3)
    )
    assert not tests["lossless"](1e-9) and not tests["flats"]([1.0, 1.11])


@pytest.mark.slow
def test_a_codec_that_returns_a_constant_loses_the_organs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opt, "CODECS", ("contrast:gain=0", "lossless"))
    camera = VirtualCamera((6, 32), 1.8, 1.6, 400.0, 16, full_well_e=30000.0, seed=3)
    record, _ = opt._virtual_study(camera, tomography_scan((6, 32), 16, opt.LIGHT_E, 3, "transmission"), tmp_path, 3, 12, lambda *_: None)
    rows = {(row.codec, row.measurement): row for row in record.content.results}
    constant, lossless = (rows[spec, "area"] for spec in opt.CODECS)
    assert lossless.chi_codec == lossless.chi_raw > 0 and constant.verdict == "FAIL"
    assert all(rows["contrast:gain=0", name].chi_codec != rows["lossless", name].chi_codec for name in opt.MEASURED)


def test_the_relative_error_of_a_standard_deviation_is_that_of_many_trials() -> None:
    samples = np.random.default_rng(2).laplace(size=(4000, 200))
    seen = samples.std(axis=1, ddof=1)
    expected = np.mean([opt._relative_se(each) for each in samples[:400]])
    # 4 SE of the spread of 4000 standard deviations, and 10 %: the kurtosis of 200 is biased low by about that.
    assert expected == pytest.approx(seen.std(ddof=1) / seen.mean(), rel=4 / np.sqrt(8000) + 0.10)


def test_missing_or_foreign_data_are_refused(tmp_path: Path) -> None:
    (tmp_path / "data" / opt.DATA_SET).mkdir(parents=True)
    (tmp_path / "data" / opt.DATA_SET / opt.FILE).write_bytes(b"no HDF5")
    with pytest.raises(UnreadableFile, match="K11"):
        reproduce("opt", tmp_path / "out", quick=True, data=tmp_path / "data")
    with pytest.raises(InputNotFound, match=opt.DATA_SET):
        reproduce("opt", tmp_path / "out", quick=True, data=tmp_path)
    assert not (tmp_path / "out").exists()
