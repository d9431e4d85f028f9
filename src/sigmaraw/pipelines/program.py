"""Any command-line program as a pipeline, by a template; off unless the one who starts sigmaraw asks for it."""

from __future__ import annotations

import csv
import io
import math
import struct
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.codecs.programs import Template, produced, run
from sigmaraw.contracts import Measurement, Parameter
from sigmaraw.errors import InvalidPrediction, PredictionFailed
from sigmaraw.pipelines.labels import CLASSES, SCORE, OwnSegmentation
from sigmaraw.pipelines.measurements import CONNECTIVITY, MEASURE_OBJECTS, PIXEL_SIZE, U_MODE, min_size

_SUFFIXES = {"tif": ".tif", "tiff": ".tiff", "png": ".png", "npy": ".npy", "csv": ".csv"}
_NUMBERS = (
    "",
    "label",
    "object",
    "id",
    "index",
    "objectnumber",
    "imagenumber",
    "number",
)  # columns that number objects and measure nothing
_MEGA = 1_000_000
_MOST_BYTES = 1 << 30  # of a label image once it is decoded: a stranger's file must not fill the memory


class ProgramPipeline(OwnSegmentation):
    """A program that reads an image and writes a label image or a table: ``run:"segment {in} -o {out}"``.

    {in} and {out} are files in an empty folder, in which the program runs (name other files by their whole path). A program that takes
    folders gets ``.``, and finds in.tif there and leaves out.tif, with the suffixes of `input` and `format`. No shell reads the
    template: pipes, wildcards and variables are plain characters. The image is written as `input`, a volume as pages; the program
    writes a label image as `format`, or a CSV table with one row of numbers (or, with table=objects, one row for each object).
    """

    name = "run"
    runs_programs = True
    parameters = (
        Parameter("command", str, required=True, help="the command line with {in} and {out}, in quotation marks"),
        Parameter("input", str, "tif", choices=("tif", "png", "npy"), help="what the program reads"),
        Parameter("format", str, "tif", choices=tuple(_SUFFIXES), help="what it writes: a label image, or a table (csv)"),
        Parameter(
            "table",
            str,
            "numbers",
            choices=("numbers", "objects"),
            help="numbers: one row, each column a measurement; objects: one row for each, which are counted, and columns averaged",
        ),
        MEASURE_OBJECTS,
        PIXEL_SIZE,
        CLASSES,
        SCORE,
        min_size(0),
        CONNECTIVITY,
        U_MODE,
        Parameter("seconds", float, 600.0, minimum=0.01, maximum=86400, unit="s", help="time limit of one image"),
        Parameter("megabytes", float, 1000.0, minimum=0.001, unit="MB", help="most that one run may write"),
    )

    def __init__(self, spec: str, **settings: Any) -> None:
        super().__init__(spec, **settings)
        self._template = Template.parse("command", self.settings["command"], ("in", "out"), (), "run", PredictionFailed)
        self._program = self._template.fingerprint()
        self._by_table = self.settings["format"] == "csv"
        if self._by_table:
            self.measures, self.measurements = None, ()  # the first table says what there is

    @property
    def finds_objects(self) -> bool:
        """Whether the objects can be followed one by one: not in a table."""
        return not self._by_table

    def config(self) -> dict[str, Any]:
        """Return every setting with defaults written out, the SHA-256 of the executable, and versions (JSON values)."""
        return {**super().config(), "program_sha256": self._program}

    def _measure(self, image: NDArray[np.integer]) -> dict[str, float]:
        if not self._by_table:
            return self._measured(image, self._found(image))
        values = numbers_of(self._written(image), self.settings["table"], self.spec)
        if not self.measurements:
            self.measurements = tuple(_declared(name, self.spec) for name in values)
        expected = [row.name for row in self.measurements]
        if self.settings["table"] == "objects" and values["count"] == 0:  # no row says which columns are words
            values = {name: values[name] for name in expected if name in values}
        if set(values) != set(expected):
            found = f"the table of '{self.spec}' has {', '.join(values)}"
            raise InvalidPrediction(found, f"{', '.join(expected)} for every image", "write the same columns")
        return values

    def _labelled(self, image: NDArray[np.integer]) -> Any:
        return _read(self._written(image), self.settings["format"], image.shape, self.spec)

    def _written(self, image: NDArray[np.integer]) -> bytes:
        """Return what the program made of the image. The folder is gone afterwards, whatever happens."""
        with tempfile.TemporaryDirectory(prefix="sigmaraw-") as name:
            folder = Path(name)
            source, target = f"in{_SUFFIXES[self.settings['input']]}", f"out{_SUFFIXES[self.settings['format']]}"
            _write(folder / source, image)
            limit = int(self.settings["megabytes"] * _MEGA) + 2 * image.nbytes
            run(self._template, {"in": source, "out": target}, folder, seconds=self.settings["seconds"], limit=limit)
            return produced(self._template, folder / target)


def _write(path: Path, image: NDArray[np.integer]) -> None:
    import imagecodecs
    import tifffile

    if path.suffix == ".npy":
        np.save(path, image)
    elif path.suffix == ".tif":
        tifffile.imwrite(path, image, photometric="minisblack", metadata={"axes": "ZYX"[-image.ndim :]})
    elif image.ndim == 2:
        path.write_bytes(imagecodecs.png_encode(image, level=1))
    else:
        raise InvalidPrediction("input=png and a volume", "a format that holds volumes", "write input=tif")


def _read(content: bytes, form: str, shape: tuple[int, ...], spec: str) -> NDArray[Any]:
    """Return the label image that a program wrote. Raises InvalidPrediction for a file that is none, or too large."""
    import imagecodecs
    import tifffile

    try:
        if form == "npy":
            _require_small(*_npy_bytes(content))
            array: NDArray[Any] = np.load(io.BytesIO(content), allow_pickle=False)
        elif form == "png":
            _require_small(_png_bytes(content), _MOST_BYTES)
            array = imagecodecs.png_decode(content)
        else:
            with tifffile.TiffFile(io.BytesIO(content)) as file:
                size = sum(page.size * (page.dtype.itemsize if page.dtype else 1) for page in file.pages)
                _require_small(size, _MOST_BYTES)
                array = file.asarray()
    except Exception as error:  # readers of three formats, which raise what they like
        words = " ".join(str(error).split())[:100]
        found = f"what '{spec}' wrote is no {form} file ({type(error).__name__}: {words})"
        raise InvalidPrediction(found, "a label image", "state its format, such as format=png") from error
    return array.reshape(shape) if array.size == math.prod(shape) and array.squeeze().shape == tuple(n for n in shape if n > 1) else array


def _require_small(announced: int, most: int) -> None:
    """Refuse a header that announces more bytes of pixels than there may be. Raises ValueError."""
    if announced > min(most, _MOST_BYTES):
        raise ValueError(f"{announced} bytes of pixels announced, {min(most, _MOST_BYTES)} at most")


def _npy_bytes(content: bytes) -> tuple[int, int]:
    """Return how many bytes of pixels the header of a .npy file announces, and how many it has. Raises ValueError for another file."""
    file = io.BytesIO(content)
    reader = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}.get(np.lib.format.read_magic(file))
    if reader is None:
        raise ValueError("another version than 1.0 and 2.0")
    shape, _, dtype = reader(file)
    return math.prod(shape) * dtype.itemsize, len(content) - file.tell()


def _png_bytes(content: bytes) -> int:
    """Return how many bytes of pixels the header of a PNG announces. Raises ValueError for another file."""
    if content[12:16] != b"IHDR" or len(content) < 26:
        raise ValueError("no IHDR")
    width, height, depth, colour = struct.unpack(">IIBB", content[16:26])
    channels = {0: 1, 2: 3, 3: 4, 4: 2, 6: 4}.get(colour, 4)  # a palette may hold opacity too
    return int(width * height * channels * (2 if depth == 16 else 1))


def numbers_of(content: bytes, table: str, spec: str) -> dict[str, float]:
    """Return the numbers of a CSV table with a header: columns that hold anything but numbers are left out.

    Parameters
    ----------
    content : bytes
        UTF-8.
    table : {"numbers", "objects"}
        One row, each column a number; or one row for each object: their count, and the mean of each column, NaN without objects.
    spec : str
        For messages.

    Raises
    ------
    InvalidPrediction
        No such table.
    """
    try:
        rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidPrediction(f"what '{spec}' wrote is no CSV ({error})", "a table in UTF-8", "state its format") from error
    rows = [row for row in rows if row]
    head, body = (rows[0], rows[1:]) if rows else ([], [])
    if not head or len(set(head)) < len(head) or any(len(row) != len(head) for row in body):
        raise InvalidPrediction(f"the table of '{spec}'", "a header with each name once, and rows of its length", "look at the file")
    if table == "numbers" and len(body) != 1:
        found = f"the table of '{spec}' has {len(body)} rows"
        raise InvalidPrediction(found, "one row of numbers", "write table=objects where each row is an object")
    numeric = {name.strip(): [_number(row[place]) for row in body] for place, name in enumerate(head)}
    numbers = _NUMBERS if table == "objects" else ()
    kept = {
        name: [value for value in column if value is not None]
        for name, column in numeric.items()
        if None not in column and name.lower() not in numbers
    }
    if table == "numbers":
        values = {name: column[0] for name, column in kept.items()}
    else:
        values = {"count": float(len(body))}
        values |= {f"mean_{name}": float(np.nanmean(column)) if np.isfinite(column).any() else math.nan for name, column in kept.items()}
    if not values or any(math.isinf(value) for value in values.values()):
        raise InvalidPrediction(f"the table of '{spec}'", "at least one column of finite numbers", "look at the file")
    return values


def _number(text: str) -> float | None:
    try:
        return float(text) if text.strip() else math.nan
    except ValueError:
        return None


def _declared(name: str, spec: str) -> Measurement:
    return Measurement(name, "1", name, f"{name} as the program of {spec} returns it", discrete=name == "count")
