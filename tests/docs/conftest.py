"""The folder of frames that the docs' blocks and the docstrings' examples name."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.world import make_world


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with series/, camera.nc, image.tif, raw/ and the rest; copy it before use."""
    folder = tmp_path_factory.mktemp("docs") / "world"
    folder.mkdir()
    make_world(folder)
    return folder
