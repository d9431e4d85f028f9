"""Every registered reader passes the conformance suite that an extension's author calls, and the suite finds what breaks it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sigmaraw import registry
from sigmaraw.contracts import Decoded, Layout, Opened, Reader, Selection
from sigmaraw.errors import UnreadableFile
from sigmaraw.testing import check_reader
from tests.frames.written import NOT_MADE, WRITERS, npy, stack


@pytest.mark.parametrize("name", registry.names(registry.READERS))
@pytest.mark.filterwarnings("ignore")  # libraries warn of broken files
def test_registered_readers_conform(name: str, tmp_path: Path) -> None:
    reader = registry.load(registry.READERS, name)()
    assert reader.name == name
    if name in NOT_MADE:
        pytest.skip(NOT_MADE[name])
    pytest.importorskip(reader.package)
    file, write = WRITERS[name]
    planes = stack(1 if name in ("png", "pgm") else 3)
    path = write(tmp_path / file, planes)
    (tmp_path / "broken").mkdir()
    check_reader(reader, path, planes, tmp_path / "broken")


class Plain(Reader):
    """A reader of .npy that keeps the contract."""

    name, formats, suffixes, package = "plain", "arrays", (".npy",), "numpy"

    def read(self, path: Path, selection: Selection) -> Decoded:
        try:
            planes = np.load(path, allow_pickle=False)
            return Decoded(planes.reshape(-1, *planes.shape[-2:]), "numpy")
        except Exception as error:
            raise UnreadableFile(f"{path} is damaged", "an array", "copy it") from error


class Unnamed(Plain):
    formats = ""


class Upper(Plain):
    suffixes = (".NPY",)


class Rounded(Plain):
    def read(self, path: Path, selection: Selection) -> Decoded:
        found = super().read(path, selection)
        return Decoded(found.planes // 2 * 2, "numpy")


class Touching(Plain):
    def read(self, path: Path, selection: Selection) -> Decoded:
        found = super().read(path, selection)
        path.write_bytes(path.read_bytes() + b"x")
        return found


class Mislaid(Plain):
    def read(self, path: Path, selection: Selection) -> Decoded:
        return Decoded(super().read(path, selection).planes, "numpy", layout=Layout("Z", (7,)))


class Shuffled(Plain):
    def open(self, path: Path, selection: Selection) -> Opened:
        planes = self.read(path, selection).planes

        def read(first: int, out: np.ndarray) -> None:
            out[...] = planes[0]

        return Opened(planes.shape, planes.dtype, read)  # type: ignore[arg-type]


class Raising(Plain):
    def read(self, path: Path, selection: Selection) -> Decoded:
        planes = np.load(path, allow_pickle=False)
        return Decoded(planes.reshape(-1, *planes.shape[-2:]), "numpy")


def test_the_suite_passes_what_keeps_the_contract(tmp_path: Path) -> None:
    check_reader(Plain(), npy(tmp_path / "a.npy", stack()), stack(), tmp_path)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (Unnamed, "states no formats"),
        (Upper, "in lower case"),
        (Rounded, "other values"),
        (Touching, "other values|changes the file|twice"),
        (Mislaid, "layout of 7 planes"),
        (Shuffled, "opens other planes"),
        (Raising, "where a file is broken"),
    ],
)
def test_the_suite_finds_what_breaks_it(wrong: type[Reader], words: str, tmp_path: Path) -> None:
    path = npy(tmp_path / "a.npy", stack())
    with pytest.raises(AssertionError, match=words):
        check_reader(wrong(), path, stack(), tmp_path)
