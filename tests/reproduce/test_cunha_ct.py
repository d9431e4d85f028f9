"""The study of JPEG 2000 and HEVC on CT, with a small volume."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest

from sigmaraw.codecs import codec
from sigmaraw.reproduce import cunha_ct
from sigmaraw.virtual.organ_volume import OrganVolume, organ_volume

pytest.importorskip("av", reason="the extra video is not installed")


@pytest.fixture
def volume(monkeypatch: pytest.MonkeyPatch) -> OrganVolume:
    made = organ_volume((8, 96, 96), 3)
    monkeypatch.setattr(cunha_ct, "organ_volume", lambda shape, seed: made)
    monkeypatch.setattr(cunha_ct, "TARGETS", (55, 50))
    return made


def _run(tmp_path: Path) -> tuple[dict[str, Any], dict[str, bool]]:
    found = cunha_ct.CunhaCt().run(tmp_path, 0, True, lambda *_: None)
    return dict(found.values), {criterion.key: bool(criterion.test(found.values[criterion.key])) for criterion in cunha_ct.CunhaCt.criteria}


def test_figures_are_those_of_the_codecs(volume: OrganVolume, tmp_path: Path) -> None:
    values, agrees = _run(tmp_path)
    assert all(agrees[key] for key in ("lossless", "ceiling", "rates", "real")) and values["real"] is None
    assert not agrees["matched"], "two targets are less than three"
    row = next(row for row in values["rows"] if row["kind"] == "HEVC" and row["asked"] == 50)
    coder = codec("hevc:gop=8,psnr=50")
    decoded, nbytes = coder.roundtrip(volume.image)
    error = np.mean((decoded.astype(float) - volume.image) ** 2)
    assert row["psnr"] == pytest.approx(10 * np.log10(65535**2 / error)) and row["ratio"] == pytest.approx(volume.image.nbytes / nbytes)
    assert (tmp_path / "virtual" / "study" / "record.json").is_file()


def test_lossless_changes_nothing_and_a_constant_fails(volume: OrganVolume, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    specs = {55: "lossless:zstd", 50: "lossless:png"}
    monkeypatch.setattr(cunha_ct, "HEVC", _Spec({55: "lossless:deflate", 50: "lossless:jpegls"}))
    monkeypatch.setattr(cunha_ct, "JPEG2000", _Spec(specs))
    values, agrees = _run(tmp_path / "a")
    assert values["jaccard"][0] == [1.0, 1.0] and values["distance"][0] == [0.0, 0.0] and agrees["lossless"]
    assert not agrees["jaccard"] and not agrees["matched"], "lossless is no curve that falls"
    assert all(row["jaccard"] == 1 and row["distance"] == 0 for row in values["rows"])
    flat = {55: "contrast:gain=0", 50: "contrast:gain=0,bits=16"}
    monkeypatch.setattr(cunha_ct, "JPEG2000", _Spec(flat))
    values, agrees = _run(tmp_path / "b")
    assert values["jaccard"][0] == [0.0, 0.0] and not (agrees["matched"] or agrees["rates"] or agrees["distance"])


def test_the_trial_is_met_between_the_two_ways_of_counting_headers() -> None:
    met = {"jpeg2000": [0.9987, 0.9974, 0.9940, 0.9682], "without_headers": 0.9819, "hevc": 0.9954}
    test = next(criterion.test for criterion in cunha_ct.CunhaCt.criteria if criterion.key == "real")
    assert test(met) and test(None)
    assert not test({**met, "without_headers": 0.9700}), "the trial lies above both"
    assert not test({**met, "jpeg2000": [0.9987, 0.9974, 0.9940, 0.9800]}), "and here below both"
    assert not test({**met, "jpeg2000": [0.9987, 0.9974, 0.9900, 0.9682]}) and not test({**met, "hevc": 0.9939})


def test_headers_are_what_no_quality_changes() -> None:
    image = organ_volume((8, 96, 96), 3).image[4]
    streams = [bytes(imagecodecs.jpeg2k_encode(image, codecformat="j2k", level=level, reversible=False)) for level in (30, 60)]
    count = cunha_ct.header_bytes(image)
    part, data = count - 14, count - 2  # the header of the tile part is 12 bytes long, and gives the length of its data
    assert streams[0][:part] == streams[1][:part] and streams[0][data:count] == streams[1][data:count] == b"\xff\x93"


class _Spec:
    """In place of a template: the specification of each target."""

    def __init__(self, specs: dict[int, str]) -> None:
        self.specs = specs

    def format(self, psnr: int) -> str:
        return self.specs[psnr]
