"""The page: self-contained, escaped, complete, the same for the same record, and a clear refusal of anything else."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from sigmaraw.errors import InvalidRecord
from sigmaraw.reports import HtmlReport

_VOID = {"meta", "img", "wbr", "br", "hr", "link", "input"}
_SECTIONS = (
    "verdicts",
    "shifts",
    "frame",
    "results",
    "distributions",
    "crops",
    "quality",
    "uncertainty",
    "rule",
    "tests",
    "undefined",
    "camera",
    "plan",
    "data",
    "methods",
    "environment",
    "scope",
    "traceability",
    "approvals",
    "integrity",
)


class _Page(HTMLParser):
    """Collects tags, ids, links and text, and fails on an end tag that does not close the innermost open one."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.handlers: list[str] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in ("src", "href", "xlink:href", "action", "data", "poster", "srcset"):
                self.links.append(value or "")
            if name.startswith("on"):
                self.handlers.append(name)
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-3:]}"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def _render(folder: Path) -> tuple[str, _Page]:
    text = HtmlReport().render(folder).read_text(encoding="utf-8")
    return text, _Page(text)


def test_page_is_well_formed_and_complete(folder: Path) -> None:
    text, page = _render(folder)
    assert text.startswith("<!DOCTYPE html>")
    assert page.open == []
    assert len(page.ids) == len(set(page.ids)), "an id stands twice"
    assert set(_SECTIONS) <= set(page.ids)
    assert set(page.links) >= {f"#{anchor}" for anchor in _SECTIONS}
    assert page.tags.count("h1") == 1 and page.tags.count("style") == 1
    assert page.tags.count("svg") == 4 + 2 * 4 + 4 + 1  # ε̂ per measurement, distributions, ε̂ against ratio, camera
    assert page.tags.count("img") == 3 * 6
    assert "certified" not in text.lower() and "compliant" not in text.lower()


@pytest.mark.requirement("R-REPORT")
def test_page_needs_nothing_from_outside(folder: Path) -> None:
    text, page = _render(folder)
    without_namespaces = re.sub(r'xmlns="http://www\.w3\.org/2000/svg"', "", text)
    assert not re.search(r"(https?|ftp|file):|@import|url\((?!#)", without_namespaces)
    assert all(link.startswith(("#", "data:image/png;base64,", "data:application/x-bzip2;base64,")) for link in page.links)
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids), "a link leads nowhere"
    assert page.tags.count("script") == 1, "the page has its one script"
    assert not {"metadata", "link", "iframe", "object", "embed", "base"} & set(page.tags)


@pytest.mark.requirement("R-REPORT")
def test_figures_name_themselves_for_screen_readers(folder: Path) -> None:
    text, page = _render(folder)
    for figure in re.findall(r"<svg[^>]*>", text):
        label = re.search(r'aria-labelledby="([^"]+)"', figure)
        assert 'role="img"' in figure and label and label[1] in page.ids
    assert all(' alt="' in image for image in re.findall(r"<img[^>]*>", text))


@pytest.mark.requirement("R-RECORD")
def test_same_record_is_the_same_page(folder: Path) -> None:
    import matplotlib

    first = HtmlReport().render(folder).read_bytes()
    with matplotlib.rc_context({"font.size": 30.0, "axes.grid": True, "svg.hashsalt": None}):  # somebody's own matplotlibrc
        assert HtmlReport().render(folder).read_bytes() == first
        assert matplotlib.rcParams["font.size"] == 30.0, "drawing changed the caller's settings"


@pytest.mark.requirement("R-INPUT")
def test_hostile_words_are_text(
    record: Callable[..., dict[str, Any]], write: Callable[..., Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    attack = '<script>alert("1")</script>\'$x^{$&lt;]]>-->\u202e\x1b[31m'
    word = json.dumps(attack)[1:-1]
    text = json.dumps(record(images=1, codecs=3, measurements=2, n=8))
    for victim in (
        "jpeg2000:ratio=10",
        "px",
        "area",
        "otsu",
        "camera.nc",
        "uint16",
        "temporal noise",
        "the guard band",
        "openjpeg",
        "gain",
    ):
        text = text.replace(f'"{victim}', f'"{victim[:2]}{word}')
    hostile = json.loads(text)
    assert any(attack in row["codec"] for row in hostile["codecs"])
    hostile["undefined"] = [{"image": 0, "codec": attack, "measurement": attack, "field": attack, "reason": attack, "count": 1}]
    hostile["results"][0]["warnings"] = [{"code": attack, "text": attack, "bears": True}]
    page_text, page = _render(write(tmp_path / "record", hostile))
    assert page.open == [] and page.handlers == []
    assert page.tags.count("script") == 1
    assert any('<script>alert("1")</script>\'$x^{$&lt;]]>-->' in part for part in page.texts), "the words themselves are lost"
    assert "\u202e" not in page_text and "\x1b" not in page_text
    assert "Glyph" not in capfd.readouterr().err


@pytest.mark.parametrize(("images", "codecs", "measurements", "n"), [(1, 1, 1, 2), (5, 10, 6, 5)])
def test_sizes(
    record: Callable[..., dict[str, Any]], write: Callable[..., Path], tmp_path: Path, images: int, codecs: int, measurements: int, n: int
) -> None:
    text, page = _render(write(tmp_path / "record", record(images, codecs, measurements, n), crops=False))
    assert page.open == []
    ratios = measurements if codecs > 1 else 0
    assert page.tags.count("svg") == measurements + min(8, measurements * images) + ratios + 1
    assert "the record holds no crops" in text


def test_stated_camera_says_so(record: Callable[..., dict[str, Any]], write: Callable[..., Path], tmp_path: Path) -> None:
    text, _ = _render(write(tmp_path / "record", record(1, 2, 1, 5, calibrated=False)))
    assert "The camera was not calibrated: every σ_raw is only as good as the stated values." in text
    assert text.count("Camera from stated values, not calibrated") == 1
    assert "nothing was measured" in text
    assert "undefined (not determined)" in text  # saturation


def test_checks_of_the_mode_are_shown(record: Callable[..., dict[str, Any]], write: Callable[..., Path], tmp_path: Path) -> None:
    content = record(1, 2, 1, 5)
    text, _ = _render(write(tmp_path / "none", content))
    assert "Checks of the replica mode" not in text
    check = {
        "image": 0,
        "name": "residual_variance",
        "value": 0.7712,
        "low": 0.83,
        "high": 1.1,
        "passed": False,
        "definition": "<b>of r</b>",
    }
    content["mode_diagnostics"] = [check]
    text, page = _render(write(tmp_path / "one", content))
    assert "Checks of the replica mode" in text
    assert all(word in page.texts for word in ("residual variance", "0.771", "0.83 to 1.1", "no", "<b>of r</b>"))
    assert "<b>of r" not in text  # the page has bold verdicts, and no bold of a stranger


def _undefined(results: list[dict[str, Any]]) -> None:
    for row in results:
        if row["codec"] == "noiseaware:q=1":
            row |= {
                "epsilon": None,
                "epsilon_hat": None,
                "epsilon_hat_ci": None,
                "u": None,
                "spread_ratio": None,
                "spread_ratio_ci": [None, None],
            }
            row |= {"sigma_raw": 0.0, "ks": None, "ks_null": None, "verdict": "FAIL", "reason": "σ_raw = 0 and the answer changed"}


def test_undefined_values_carry_their_reason(record: Callable[..., dict[str, Any]], write: Callable[..., Path], tmp_path: Path) -> None:
    made = record(1, 2, 1, 6)
    _undefined(made["results"])
    made["undefined"] = [
        {"image": 0, "codec": "noiseaware:q=1", "measurement": "count", "field": "epsilon_hat", "reason": "zero_spread", "count": 6},
        {"image": 0, "codec": None, "measurement": "count", "field": "ks", "reason": "discrete_data", "count": 6},
    ]
    text, _ = _render(write(tmp_path / "record", made))
    assert "undefined (zero spread)" in text
    assert "undefined (discrete data)" in text
    assert "ε̂ undefined" in text  # in the figure
    assert not re.search(r">\s*(nan|None|inf|null)\s*<", text)


def test_degenerate_predictions_are_drawn(
    record: Callable[..., dict[str, Any]], arrays: Callable[..., xr.Dataset], write: Callable[..., Path], tmp_path: Path
) -> None:
    made = record(1, 4, 2, 12)
    for row in made["results"]:
        if row["measurement"] == "area":
            row |= {"chi_raw": 7.0, "chi_codec": 7.0, "sigma_raw": 0.0, "sigma_raw_ci": [0.0, 0.0]}
        elif row["codec"].startswith("to8bit"):
            row |= {"epsilon_hat": 1e300, "epsilon_hat_ci": [-1e300, 2e300], "chi_codec": 1e300}
    folder = write(tmp_path / "record", made)
    data = arrays(made)
    data["raw_prediction"][..., 1] = 7.0
    data["codec_prediction"][..., 1] = 7.0
    data["codec_prediction"][2, 3:5, 0, 0] = np.nan
    data["codec_prediction"][3, :, 0, 0] = 1e300
    (folder / "result.nc").unlink()
    data.to_netcdf(folder / "result.nc")
    text, page = _render(folder)
    assert page.open == []
    assert "2 of 12 undefined" in text
    assert "→ 12 of 12 off this scale: 1×10³⁰⁰" in text
    assert "logarithmic beyond ±2" in text


def test_record_of_arrays_in_memory(
    record: Callable[..., dict[str, Any]], arrays: Callable[..., xr.Dataset], write: Callable[..., Path], tmp_path: Path
) -> None:
    made = record(1, 2, 1, 6)
    made["inputs"][0]["path"] = None  # an array has no file
    made["plan"]["seed"] = 2**64 - 1
    for row in made["codecs"]:
        row |= {"psnr_camera_db": 49.25 if row["psnr_db"] else None, "psnr_camera_range_dn": 1023}
    made["floor"] = [{"image": 0, "measurement": "count", "difference": 2.0}]
    made["undefined"] = [
        {"image": 0, "measurement": "count", "codec": None, "field": "tukey", "reason": "groups share their frames", "count": 1}
    ]
    made["tukey"] = []
    folder = write(tmp_path / "record", made)
    data = arrays(made)
    for name in ("crop_raw", "crop_decoded"):
        data[name][:, 20:] = np.nan  # a frame of 20 rows, smaller than the crop
    (folder / "result.nc").unlink()
    data.to_netcdf(folder / "result.nc")
    text, _ = _render(folder)
    assert "18446744073709551615" in text and "20 × 48 px" in text
    assert "49.25 dB" in text and "range 1023 DN" in text and "61.25 dB" in text
    assert "changed its answer: count, array 1: 2" in text
    assert "undefined (groups share their frames)" in text


def _broken(name: str, folder: Path) -> None:
    """Damage one part of a record folder."""
    path, arrays = folder / "record.json", folder / "result.nc"
    text = path.read_text(encoding="utf-8")
    record = json.loads(text)
    if name == "no record":
        path.unlink()
    elif name == "no arrays":
        arrays.unlink()
    elif name == "truncated record":
        path.write_text(text[: len(text) // 2], encoding="utf-8")
    elif name == "truncated arrays":
        arrays.write_bytes(arrays.read_bytes()[:1000])
    elif name == "empty arrays":
        arrays.write_bytes(b"")
    elif name == "not UTF-8":
        path.write_bytes(b"\xff\xfe{}")
    elif name == "nested":
        path.write_text("[" * 100_000, encoding="utf-8")
    elif name == "huge number":
        path.write_text(text.replace('"dof": ', '"dof": 1e999, "x": ', 1), encoding="utf-8")
    elif name == "huge integer":
        path.write_text(text.replace('"dof": ', f'"dof": {"9" * 5000}, "x": ', 1), encoding="utf-8")
    elif name == "large integer":
        path.write_text(text.replace('"dof": ', f'"dof": {"9" * 400}, "x": ', 1), encoding="utf-8")
    elif name == "word for number":
        record["results"][0]["epsilon_hat"] = "<b>"
    elif name == "other schema":
        record["schema"] = "sigmaraw/record/99"
    elif name == "other verdict":
        record["results"][0]["verdict"] = "MAYBE"
    elif name == "missing field":
        del record["results"][0]["chi_raw"]
    elif name == "other codecs":
        record["codecs"].pop()
        record["results"] = [row for row in record["results"] if row["codec"] != "noiseaware:q=1"]
    elif name == "unknown measurement":
        record["results"][0]["measurement"] = "perimeter"
    elif name == "camera levels":
        record["camera"]["levels"]["mean_dn"].pop()
    elif name == "image beyond":
        record["results"][0]["image"] = 9
    elif name == "list":
        record = []
    if path.exists() and record != json.loads(text):
        path.write_text(json.dumps(record), encoding="utf-8")


@pytest.mark.parametrize(
    "name",
    [
        "no record",
        "no arrays",
        "truncated record",
        "truncated arrays",
        "empty arrays",
        "not UTF-8",
        "nested",
        "huge number",
        "huge integer",
        "large integer",
        "word for number",
        "other schema",
        "other verdict",
        "missing field",
        "other codecs",
        "unknown measurement",
        "camera levels",
        "image beyond",
        "list",
    ],
)
def test_damaged_folder_is_refused(record: Callable[..., dict[str, Any]], write: Callable[..., Path], tmp_path: Path, name: str) -> None:
    folder = write(tmp_path / "record", record(1, 2, 1, 4), crops=False)
    _broken(name, folder)
    with pytest.raises(InvalidRecord) as refusal:
        HtmlReport().render(folder)
    line = str(refusal.value)
    assert "\n" not in line and len(line) < 600
    assert not [path.name for path in folder.iterdir() if "report" in path.name], "half-written output"
