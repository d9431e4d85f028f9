"""What page and terminal say of an adaptive n and of the law of propagation."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sigmaraw import registry
from sigmaraw.errors import InvalidRecord
from sigmaraw.record import content_of
from sigmaraw.reports.table import text_table

DELTA = {
    "reason": "beyond numerical tolerance",
    "accepted": False,
    "sigma": 41.3,
    "ratio": 1.087,
    "u_ratio": 0.041,
    "interval": [6039.0, 6201.0],
    "replicas_interval": [6051.0, 6190.0],
    "d_low": 12.0,
    "d_high": 11.0,
    "u_low": 2.0,
    "u_high": 2.0,
    "tolerance": 5.0,
    "n_dig": 1,
}
NONE = {**dict.fromkeys(DELTA), "reason": "not differentiable", "interval": [None, None], "replicas_interval": [None, None], "n_dig": 1}
ADAPTIVE = {
    "target": 0.05,
    "maximum": 2000,
    "step": 10,
    "n": 2000,
    "reached": False,
    "measurements": [
        {"image": 0, "measurement": "count", "relative_u": 0.071, "reached": False, "reason": None},
        {"image": 0, "measurement": "area", "relative_u": 0.016, "reached": True, "reason": None},
        {"image": 0, "measurement": "dice", "relative_u": None, "reached": False, "reason": "nothing varies"},
    ],
}


@pytest.fixture
def told(record: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    document = record()
    document["adaptive"] = ADAPTIVE
    document["plan"]["n"] = "auto:0.05,max=2000"
    for row in document["results"]:
        row["delta"] = DELTA if row["measurement"] == "area" else NONE
    return document


def test_the_terminal_says_what_was_not_reached_and_what_derivatives_give(told: dict[str, Any]) -> None:
    text = " ".join(text_table(content_of(told)).split())
    assert "n = 2000 (auto:0.05,max=2000: not reached)" in text
    assert "count of raw.tif frame 0: 7.1 %" in text
    assert "dice of raw.tif frame 0: undefined (nothing varies)" in text
    assert "area of raw" not in text
    assert "law of propagation, area, raw.tif frame 0: σ = 41.3 px, 1.087 of that of replicas; does not stand for replicas" in text
    assert "law of propagation, count" not in text


def test_the_page_shows_both_tables(
    told: dict[str, Any], record: Callable[..., dict[str, Any]], write: Callable[..., Path], tmp_path: Path
) -> None:
    folder = write(tmp_path, record())
    (folder / "record.json").write_text(json.dumps(told), encoding="utf-8")
    page = registry.load(registry.REPORTS, "html")().render(folder).read_text(encoding="utf-8")
    for words in (
        "Number of replicas",
        "2000 (auto:0.05,max=2000: not reached)",
        "beyond numerical tolerance",
        "Undefined (not differentiable): count, raw.tif frame 0, raw.tif frame 1; total_intensity, raw.tif frame 0, raw.tif frame 1; "
        "mean_intensity, raw.tif frame 0, raw.tif frame 1.",
    ):
        assert words in page
    assert "undefined (not differentiable)" not in page  # one sentence, not a row of empty cells each
    assert "41.3 px" in page


def test_a_record_without_them_is_read(record: Callable[..., dict[str, Any]]) -> None:
    text = text_table(content_of(record()))
    assert "law of propagation" not in text
    assert "auto" not in text


@pytest.mark.parametrize(
    ("where", "value"),
    [
        ("adaptive", []),
        ("adaptive", {**ADAPTIVE, "reached": "yes"}),
        ("adaptive", {**ADAPTIVE, "n": "many"}),
        ("adaptive", {**ADAPTIVE, "measurements": [{"image": 0}]}),
        ("delta", "none"),
        ("delta", {**DELTA, "sigma": "41"}),
        ("delta", {**DELTA, "accepted": "perhaps"}),
        ("delta", {**DELTA, "interval": [1]}),
        ("delta", {**DELTA, "reason": None}),
    ],
)
def test_what_no_study_writes_is_refused(told: dict[str, Any], where: str, value: Any) -> None:
    if where == "adaptive":
        told["adaptive"] = value
    else:
        told["results"][0]["delta"] = value
    with pytest.raises(InvalidRecord, match=where):
        text_table(content_of(told))
