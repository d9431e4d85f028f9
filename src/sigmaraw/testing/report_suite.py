"""The conformance suite for report formats: a small study is rendered, twice, and what must not change is compared."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import numpy as np

from sigmaraw.contracts import ReportFormat
from sigmaraw.errors import SigmarawError
from sigmaraw.testing.requirements import require

HOSTILE = "<b onload=alert(1)>\"'&</b>"
"""A measurement's unit in the small study: markup that a page must not contain as it is."""


def check_report(report: ReportFormat, folder: Path | None = None) -> None:
    """Check a report format against the contract; an extension's author calls it with an object of the own class.

    It checks that `render` returns the path of a file in the folder, which is not empty; that record.json and result.nc stay as they are;
    that a second rendering gives the same bytes; that the file moves with the folder (no absolute path in it); that a page (.html, .svg)
    escapes what a record holds; and that a folder without a record, or with one that is not JSON, is refused by name with nothing written.

    Parameters
    ----------
    report : ReportFormat
        The format itself, not its class.
    folder : Path, optional
        A record folder to render as well; a copy of it is used. A small study of two codecs is always rendered, which takes seconds.

    Raises
    ------
    AssertionError
        The format breaks the contract; the message says how.

    Examples
    --------
    >>> from sigmaraw.reports.text import TextReport
    >>> check_report(TextReport())
    """
    name = getattr(report, "name", None)
    require(isinstance(name, str) and bool(name), f"{type(report).__name__} states no name")
    with tempfile.TemporaryDirectory(prefix="sigmaraw-") as temporary:
        place = Path(temporary)
        _small_study(place / "study")
        _check_rendering(report, place / "study")
        if folder is not None:
            shutil.copytree(folder, place / "given")
            _check_rendering(report, place / "given")
        _check_refusals(report, place)


def _small_study(folder: Path) -> None:
    """Write the record of two codecs on one frame of 24 by 20 pixels, with names that a page has to escape."""
    import sigmaraw as sr
    from sigmaraw.contracts import Measurement

    def total(image: np.ndarray) -> dict[str, float]:
        return {"total": float(image.sum())}

    total.measurements = (Measurement("total", HOSTILE, "S", HOSTILE),)  # type: ignore[attr-defined]
    camera = sr.CameraProfile.from_values(gain=0.5, offset=100, read_noise=1.6, bits=12)
    frame = np.random.default_rng(5).poisson(400, (24, 20)).astype(np.uint16)
    record = sr.validate([frame], camera, codecs=["lossless", "jpegls:near=3"], pipeline=total, n=4, mode="around-raw", seed=1)
    record.write(folder, formats=())


def _check_rendering(report: ReportFormat, folder: Path) -> None:
    kept = {name: (folder / name).read_bytes() for name in ("record.json", "result.nc")}
    path = Path(report.render(folder))
    require(path.is_file() and path.resolve().parent == folder.resolve(), f"{report.name} returns {path}, which is no file in the folder")
    require(path.name not in kept, f"{report.name} writes over {path.name}")
    first = path.read_bytes()
    require(bool(first), f"{report.name} writes an empty file")
    require(Path(report.render(folder)).read_bytes() == first, f"{report.name} gives other bytes a second time")
    for name, before in kept.items():
        require((folder / name).read_bytes() == before, f"{report.name} changes {name}")
    require(str(folder).encode() not in first, f"{report.name} writes the folder's absolute path")
    if path.suffix in (".html", ".svg", ".xhtml"):
        require(HOSTILE.encode() not in first, f"{report.name} writes text of the record into the page without escaping it")


def _check_refusals(report: ReportFormat, place: Path) -> None:
    for label, content in (("without a record", None), ("whose record.json is not JSON", b"{"), ("whose record.json is a list", b"[]")):
        folder = place / label
        folder.mkdir()
        if content is not None:
            (folder / "record.json").write_bytes(content)
        before = sorted(path.name for path in folder.iterdir())
        try:
            report.render(folder)
        except SigmarawError:
            require(sorted(path.name for path in folder.iterdir()) == before, f"{report.name} writes into a folder {label}")
            continue
        require(False, f"{report.name} renders a folder {label} without a word")
