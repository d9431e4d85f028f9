"""The record: rows and predictions, written to a folder and read from one."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from sigmaraw import registry
from sigmaraw.contracts import ReportFormat
from sigmaraw.errors import InvalidRecord
from sigmaraw.files import folder_of_parts, sha256_of_file, write_text
from sigmaraw.netcdf import Arrays
from sigmaraw.record import tables
from sigmaraw.record.content import Content
from sigmaraw.record.digest import PREDICTIONS, digest_of, document_of
from sigmaraw.record.fields import Row
from sigmaraw.record.places import absolute_from, relative_to
from sigmaraw.record.reading import content_of, read_document
from sigmaraw.record.sealing import seal
from sigmaraw.record.words import Verdict, worst

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


@dataclass(frozen=True, repr=False, init=False)
class Record:
    """A finished study.

    Parameters
    ----------
    content : Content
        The rows: what record.json holds.
    dataset : xarray.Dataset or Arrays
        Every prediction: what result.nc holds.
    read_from : str, optional
        The folder that it was read from; None where a study has just made it.

    Examples
    --------
    >>> import sigmaraw as sr
    >>> record = sr.validate(["image.tif"], "camera.nc", codecs=["lossless"], pipeline="intensity", n=10, seed=7)
    >>> record.verdict
    'PASS'
    >>> path = record.write("report")
    >>> sr.Record.read("report").verdict
    'PASS'
    """

    content: Content
    arrays: Arrays
    read_from: str | None

    def __init__(self, content: Content, dataset: xr.Dataset | Arrays, read_from: str | None = None) -> None:
        object.__setattr__(self, "content", content)
        object.__setattr__(self, "arrays", Arrays.of(dataset))
        object.__setattr__(self, "read_from", read_from)

    @functools.cached_property
    def dataset(self) -> xr.Dataset:
        """Every prediction as an xarray dataset."""
        return self.arrays.to_xarray()

    @classmethod
    def sealed(cls, content: Content, dataset: xr.Dataset | Arrays) -> Record:
        """Return the record of some rows with its digest taken.

        Rows are taken as the reader takes them: what is written can be read.
        """
        unsealed = msgspec.convert(document_of(msgspec.structs.replace(content, digest="")), Content)
        return cls(msgspec.structs.replace(unsealed, digest=digest_of(document_of(unsealed))), dataset)

    @functools.cached_property
    def document(self) -> dict[str, Any]:  # JSON's own shape, for callers from outside
        """The rows as JSON values."""
        return document_of(self.content)

    @property
    def verdict(self) -> Verdict:
        """The worst verdict over the codecs: FAIL, INCONCLUSIVE or PASS."""
        return worst(row.verdict for row in self.content.codecs)

    @property
    def results(self) -> xr.Dataset:
        """Every field of the results, (image, codec, measurement), with units; ends of intervals along `end`."""
        return tables.results_dataset(self.content)

    def to_dataframe(self) -> pd.DataFrame:
        """Return the results as a table, one line per image, codec and measurement; undefined numbers are NaN."""
        return tables.results_frame(self.content)

    def with_section(self, **sections: Row) -> Record:
        """Return this record with one more section, `sweep` or `search`, of which the digest is taken too."""
        return Record.sealed(msgspec.structs.replace(self.content, **sections), self.arrays)

    def table(self) -> str:
        """Return the verdict table as aligned text."""
        return str(registry.load(registry.REPORTS, "text")().text(self.content))

    def __repr__(self) -> str:
        return tables.summary_line(self.content)

    def _repr_html_(self) -> str:
        return tables.summary_html(self.content)

    def write(self, folder: str | Path, formats: tuple[str, ...] = ("html",)) -> Path:
        """Write record.json, result.nc and the renderings named in `formats`; return the last rendering's path.

        A log, a manifest of all parts and a copy of the plan's file go with them. Paths of inputs are written as seen from the folder.
        All are made beside the folder first and moved into it when the last is done: a failure leaves it as it was.

        Raises
        ------
        InvalidOption
            The folder's name is taken by a file, or it cannot be made.
        OutOfSpace
            The disk is full.
        UnknownName
            No such report format.
        """
        renderers = [registry.load(registry.REPORTS, name)() for name in formats]
        with folder_of_parts(folder) as made:
            placed = relative_to(self.content, folder)
            last = self._write_files(made, placed, renderers)
            seal(made, Path(folder), placed, self._plan_file(), self.read_from)
        return Path(folder) / last.name

    def _plan_file(self) -> Path | None:
        """Return the file that the plan was read from, where it is still what it was."""
        for row in self.content.inputs:
            if row.role == "plan" and row.path and Path(row.path).is_file() and sha256_of_file(row.path) == row.sha256:
                return Path(row.path)
        return None

    def _write_files(self, folder: Path, placed: Content, renderers: list[ReportFormat]) -> Path:
        floats = {name for name, column in self.arrays.variables.items() if column.dtype.kind == "f"}
        self.arrays.write(folder / "result.nc", deflated=floats, filled=floats)
        path = folder / "record.json"
        write_text(path, json.dumps(document_of(placed), indent=1, ensure_ascii=False, allow_nan=False) + "\n")
        for renderer in renderers:
            path = renderer.render(folder)
        return path

    @classmethod
    def read(cls, folder: str | Path) -> Record:
        """Read a record folder. Paths of inputs are absolute then.

        Raises
        ------
        InvalidRecord
            record.json or result.nc is missing, malformed or of another schema.
        """
        content = absolute_from(content_of(read_document(folder)), folder)
        return cls(content, predictions_of(folder), str(folder))


def predictions_of(folder: str | Path) -> Arrays:
    """Return what result.nc of a folder holds. Raises InvalidRecord."""
    path = Path(folder) / "result.nc"
    try:
        dataset = Arrays.read(path)
    except (OSError, ValueError, RuntimeError, TypeError, KeyError, AttributeError, IndexError) as error:  # netCDF4's on bad files
        raise InvalidRecord(f"{path} cannot be read", "the netCDF that validate wrote", "run validate again") from error
    missing = [name for name in PREDICTIONS if name not in dataset]
    if missing:
        raise InvalidRecord(f"{path} lacks {', '.join(missing)}", "the netCDF that validate wrote", "run validate again")
    return dataset
