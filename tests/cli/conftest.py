"""A small real path for the command line: frames of a virtual camera, its profile, and an image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import tifffile

from sigmaraw.cli import main

# What a study leaves in its folder.
FILES = ["check.py", "log.jsonl", "manifest.json", "record.json", "report.html", "result.nc", "ro-crate-metadata.json"]


@dataclass(frozen=True)
class Outcome:
    """What a command left: exit code and what it printed."""

    code: int
    out: str
    err: str


@pytest.fixture
def sigmaraw(capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Run the command line in this process."""

    def run(*arguments: object) -> Outcome:
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            main([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        return Outcome(int(stopped.value.code or 0), printed.out, printed.err)

    return run


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with series/ (12 bit, 64²), camera.nc (stated values, 12 bit) and image.tif, two frames of blobs."""
    folder = tmp_path_factory.mktemp("world")
    random = np.random.default_rng(12)
    gain, offset, read = 0.5, 100.0, 2.0
    y, x = np.mgrid[:64, :64]

    def expose(electrons: np.ndarray | float) -> np.ndarray:
        light = random.poisson(np.broadcast_to(electrons, (64, 64))) + random.normal(0, read, (64, 64))
        return np.clip(np.rint(offset + gain * light), 0, 4095).astype(np.uint16)

    for kind, levels in (("dark", [0.0]), ("flat", [200.0, 800.0, 1800.0, 3200.0, 5000.0, 7000.0])):
        (folder / "series" / kind).mkdir(parents=True)
        for number, level in enumerate(levels):
            frames = np.stack([expose(level) for _ in range(4)])
            tifffile.imwrite(folder / "series" / kind / f"level{number}.tif", frames, photometric="minisblack")
    spots = sum(300 * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / 18) for cy, cx in ((14, 14), (14, 46), (46, 20), (48, 48)))
    tifffile.imwrite(folder / "image.tif", np.stack([expose(10 + spots), expose(10 + spots)]))
    with pytest.raises(SystemExit) as stopped:
        main(["camera", "--gain", "0.5", "--offset", "100", "--read-noise", "2", "--bits", "12", "-o", str(folder / "camera.nc")])
    assert not stopped.value.code
    return folder
