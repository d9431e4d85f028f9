"""Slices of a volume in the report: every number as the record has it, and nothing drawn from a broken record."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sigmaraw.errors import InvalidRecord
from sigmaraw.record import Content, content_of
from sigmaraw.reports.slices import slice_sections

GOOD = {"compression_ratio": [4.0, 8.5], "psnr_db": [71.234, None], "max_error_dn": [17, 0]}


Made = Callable[[Any], Content]


@pytest.fixture
def of_slices(record: Callable[..., dict[str, Any]]) -> Made:
    """The made-up record of one image, whose slices are as given."""

    def made(slices: Any) -> Content:
        document = record(1, 1, 1)
        document["codecs"][0]["images"] = [{"image": 0, "slices": slices}]
        return content_of(document)

    return made


def test_each_slice_is_a_row(of_slices: Made) -> None:
    (section,) = slice_sections(of_slices(GOOD))
    assert section.rows == [("0", "4.00", "71.23 dB", "17 DN"), ("1", "8.50", "∞ (no error)", "0 DN")]
    assert section.figure.startswith("<svg")
    assert not section.one_stream


def test_one_stream_has_no_ratio_per_slice(of_slices: Made) -> None:
    (section,) = slice_sections(of_slices({**GOOD, "compression_ratio": None}))
    assert section.one_stream
    assert [row[1] for row in section.rows] == ["one code stream"] * 2


def test_single_frames_have_no_section(of_slices: Made) -> None:
    assert slice_sections(of_slices(None)) == []


@pytest.mark.parametrize(
    "wrong",
    [
        [1, 2],
        {},
        {**GOOD, "psnr_db": [1.0]},
        {**GOOD, "psnr_db": "no"},
        {**GOOD, "max_error_dn": [17, True]},
        {**GOOD, "max_error_dn": [17, 1e300]},
        {**GOOD, "max_error_dn": [17, 5]},
        {**GOOD, "compression_ratio": [4.0, None]},
    ],
)
def test_what_no_study_writes_is_refused(of_slices: Made, wrong: Any) -> None:
    with pytest.raises(InvalidRecord, match="slices"):
        of_slices(wrong)
