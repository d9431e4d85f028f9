"""The results as arrays and tables are the rows' own numbers, with units; a record shows itself in a few words."""

from __future__ import annotations

import math
from typing import Any

import pytest
import xarray as xr

from sigmaraw.record import Content, Record, content_of
from sigmaraw.record.tables import flat, flat_names, flat_unit
from tests.reports.conftest import make_record


@pytest.fixture(scope="module")
def content() -> Content:
    made = make_record(images=2, codecs=3, measurements=2)
    made["results"][4] |= {
        "epsilon_hat": None,
        "epsilon_hat_ci": None,
        "ks": None,
        "warnings": [{"code": "a", "text": "one", "bears": False}, {"code": "b", "text": "two", "bears": True}],
    }
    return content_of(made)


@pytest.fixture(scope="module")
def record(content: Content) -> Record:
    return Record(content, xr.Dataset())


def _same(cell: Any, found: Any) -> bool:
    missing = cell is None and (found == "" or (isinstance(found, float) and math.isnan(found)))
    return missing or bool(found == cell)


def test_the_dataset_holds_every_result_at_its_place(content: Content, record: Record) -> None:
    results = record.results
    assert results.sizes == {"image": 2, "codec": 3, "measurement": 2}
    assert set(results.data_vars) == set(flat_names()) - {"image", "codec", "measurement"}
    for row in content.results:
        place = {"image": row.image, "codec": row.codec, "measurement": row.measurement}
        for name, cell in flat(row).items():
            if name not in place:
                assert _same(cell, results[name].sel(place).values.item()), (place, name)


def test_every_column_has_its_unit(record: Record) -> None:
    results = record.results
    assert results["epsilon_hat"].attrs["units"] == results["u_cal"].attrs["units"] == "1"
    assert "coordinate `unit`" in results["sigma_raw_low"].attrs["units"]
    assert list(results["unit"].values) == ["1", "px"]
    assert results["sigma_raw_low"].attrs["long_name"] == "lower end of the 95 % interval of sigma_raw"
    assert all(results[name].attrs["long_name"] for name in results.data_vars)
    assert "units" not in results["verdict"].attrs
    assert flat_unit("ks_p")[0] == "1"


def test_an_image_that_was_not_scored_is_missing_and_not_zero(content: Content) -> None:
    import msgspec

    fewer = msgspec.structs.replace(content, results=content.results[1:])
    first = Record(fewer, xr.Dataset()).results.sel(image=0, codec="lossless", measurement="count")
    assert math.isnan(first["sigma_raw"]) and first["verdict"] == ""


def test_the_table_has_one_line_a_result(content: Content, record: Record) -> None:
    frame = record.to_dataframe()
    assert len(frame) == len(content.results)
    for line, row in zip(frame.to_dict("records"), content.results, strict=True):
        assert all(_same(cell, line[name]) for name, cell in flat(row).items())
        assert line["unit"] == content.units[row.measurement]
    assert frame["warnings"][4] == "one; two"
    assert frame["epsilon_hat"].dtype.kind == "f" and math.isnan(frame["epsilon_hat"][4])
    assert frame.attrs["units"]["sigma_raw"] == "measurement"


def test_a_record_shows_itself_in_few_words(record: Record) -> None:
    line = repr(record)
    assert line.startswith("<sigmaraw Record FAIL") or "INCONCLUSIVE" in line
    assert "2 images, 3 codecs, 2 measurements" in line and len(line) < 200 and "\n" not in line


def test_a_notebook_shows_a_short_table_with_every_word_escaped() -> None:
    made = make_record(images=1, codecs=2, measurements=1)
    for row in (*made["codecs"], *made["results"]):
        row["codec"] = "<script>alert(1)</script>" if row["codec"] == "lossless" else row["codec"]
    made["plan"]["mode"] = "<b>"
    page = Record(content_of(made), xr.Dataset())._repr_html_()
    assert "&lt;script&gt;" in page and "<script>" not in page and "<b>" not in page
    assert page.count("<tr>") == 3 and len(page) < 2000


def test_a_long_sweep_is_cut_in_a_notebook() -> None:
    made = make_record(images=1, codecs=1, measurements=1)
    codec, result = made["codecs"][0], made["results"][0]
    made["codecs"] = [{**codec, "codec": f"c{index}"} for index in range(25)]
    made["results"] = [{**result, "codec": f"c{index}"} for index in range(25)]
    page = Record(content_of(made), xr.Dataset())._repr_html_()
    assert page.count("<tr>") == 21 and "and 5 codecs more" in page
