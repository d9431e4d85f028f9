"""Slices of a volume in the report: every number as the record has it, and nothing drawn from a broken record."""

from __future__ import annotations

import pytest

from sigmaraw.errors import InvalidRecord
from sigmaraw.reports.slices import slice_sections

GOOD = {"compression_ratio": [4.0, 8.5], "psnr_db": [71.234, None], "max_error_dn": [17, 0]}


def record(slices):
    return {"codecs": [{"codec": "a:b=1", "images": [{"image": 0, "slices": slices}]}]}


def test_each_slice_is_a_row():
    (section,) = slice_sections(record(GOOD))
    assert section["rows"] == [("0", "4.00", "71.23 dB", "17 DN"), ("1", "8.50", "∞ (no error)", "0 DN")]
    assert section["figure"].startswith("<svg")
    assert not section["one_stream"]


def test_one_stream_has_no_ratio_per_slice():
    (section,) = slice_sections(record({**GOOD, "compression_ratio": None}))
    assert section["one_stream"]
    assert [row[1] for row in section["rows"]] == ["one code stream"] * 2


def test_single_frames_have_no_section():
    assert slice_sections(record(None)) == []
    assert slice_sections({"codecs": [{"codec": "a"}, {"codec": "b", "images": [3]}]}) == []


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
def test_what_no_study_writes_is_refused(wrong):
    with pytest.raises(InvalidRecord):
        slice_sections(record(wrong))
