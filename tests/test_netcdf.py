"""Named arrays and their files, against xarray."""

from __future__ import annotations

from pathlib import Path

import netCDF4
import numpy as np
import pytest
import xarray as xr

from sigmaraw.netcdf import Arrays, TooLarge, Variable


def _dataset() -> xr.Dataset:
    """Return what records and profiles hold: floats with NaN, whole numbers, a scalar, text with and without ASCII."""
    values = np.random.default_rng(8).normal(size=(3, 4))
    values[1, 2] = np.nan
    return xr.Dataset(
        {
            "prediction": (("codec", "replica"), values, {"units": "µm", "long_name": "of each replica"}),
            "thumbnail": (("y", "x"), np.arange(6, dtype=np.uint8).reshape(2, 3)),
            "gain": ((), 0.46, {"not_determined": "", "flag": 3}),
            "position": (("codec",), np.array([7, -2, 1 << 40])),
        },
        coords={"codec": ["lossless", "σ:q=1", "a+b"]},
        attrs={"schema": "s/1", "seed": "7", "bits": 12, "limit": 0.5, "notes": "", "camera": "größer"},
    )


def test_of_and_to_xarray_are_inverse_and_share_the_arrays() -> None:
    dataset = _dataset()
    arrays = Arrays.of(dataset)
    xr.testing.assert_identical(arrays.to_xarray(), dataset)
    assert np.shares_memory(arrays["prediction"].values, dataset["prediction"].values)
    assert Arrays.of(arrays) is arrays


def test_xarray_reads_what_is_written(tmp_path: Path) -> None:
    dataset, path = _dataset(), tmp_path / "a.nc"
    Arrays.of(dataset).write(path, deflated={"prediction"}, filled={"prediction"})
    with xr.open_dataset(path, engine="netcdf4") as opened:
        read = opened.load()
    xr.testing.assert_identical(read, dataset)
    assert read["prediction"].encoding["complevel"] == 4 and not read["gain"].encoding.get("zlib")
    assert np.isnan(read["prediction"].encoding["_FillValue"]) and "_FillValue" not in read["gain"].encoding


def test_what_xarray_has_written_is_read(tmp_path: Path) -> None:
    dataset, path = _dataset(), tmp_path / "a.nc"
    dataset.to_netcdf(path, engine="netcdf4", encoding={"gain": {"_FillValue": None}})
    read = Arrays.read(path)
    xr.testing.assert_identical(read.to_xarray(), dataset)
    assert type(read.attrs["bits"]) is int and type(read.attrs["limit"]) is float
    assert {name: read[name].dtype.kind for name in ("prediction", "thumbnail", "codec")} == {
        "prediction": "f",
        "thumbnail": "u",
        "codec": "U",
    }


def test_numbers_are_read_and_written_as_they_are(tmp_path: Path) -> None:
    """Neither a scale factor nor a fill value of a stranger's file turns a number into another."""
    with netCDF4.Dataset(tmp_path / "a.nc", "w") as file:
        file.createDimension("x", 3)
        made = file.createVariable("v", "i2", ("x",), fill_value=7)
        made.set_auto_maskandscale(False)
        made.scale_factor, made.add_offset = 2.0, 100.0
        made[:] = [1, 7, 3]
    read = Arrays.read(tmp_path / "a.nc")
    assert read["v"].values.tolist() == [1, 7, 3]
    read.write(tmp_path / "b.nc")
    again = Arrays.read(tmp_path / "b.nc")["v"]
    assert again.values.tolist() == [1, 7, 3] and again.attrs == {"scale_factor": 2.0, "add_offset": 100.0}


def test_a_file_that_would_fill_the_memory_is_not_read(tmp_path: Path) -> None:
    with netCDF4.Dataset(tmp_path / "a.nc", "w") as file:
        file.createDimension("x", 1 << 34)
        file.createVariable("v", "f8", ("x",), zlib=True, chunksizes=(1 << 20,))
    with pytest.raises(TooLarge) as refused:
        Arrays.read(tmp_path / "a.nc", most_bytes=1 << 35)
    assert refused.value.size == 1 << 37


def test_a_copy_has_arrays_and_attributes_of_its_own() -> None:
    arrays = Arrays({"a": ("x", [1.0, 2.0], {"unit": "DN"})}, {"notes": "n"})
    other = arrays.copy()
    other["a"].values[0], other["a"].attrs["unit"], other.attrs["notes"] = 9.0, "e-", "m"
    other["b"] = ((), 1)
    assert arrays["a"].values.tolist() == [1.0, 2.0] and arrays["a"].attrs == {"unit": "DN"} and arrays.attrs == {"notes": "n"}
    assert "b" in other and "b" not in arrays and float(other["b"]) == 1.0
    assert (other["a"].dims, other["a"].shape, other["a"].ndim, other["a"].size) == (("x",), (2,), 1, 2)


def test_dimensions_fit_the_array() -> None:
    with pytest.raises(ValueError, match="2 names"):
        Variable(("y", "x"), np.zeros(3))
