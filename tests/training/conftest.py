"""A folder with images, masks, classes and stains of virtual cells, small enough to train on in seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from scipy.ndimage import binary_erosion

from sigmaraw.training.config import config_from
from sigmaraw.virtual import VirtualCamera, nuclei_scene

COUNT, SHAPE = 8, (48, 56)


@pytest.fixture(scope="session")
def cells(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """images/, masks/, classes/, stains/ and volumes/ with 8 files each."""
    folder = tmp_path_factory.mktemp("cells")
    camera = VirtualCamera(shape=SHAPE, seed=1)
    for index in range(COUNT):
        scene = nuclei_scene(SHAPE, 5, seed=index, radius_px=5.0)
        frame = camera.acquire(scene.mean_e, 1, index)[0]
        core = binary_erosion(scene.mask, iterations=2)
        kinds = {
            "images": frame,
            "masks": scene.mask.astype(np.uint8),
            "classes": (scene.mask * np.where(core, 1, 2)).astype(np.uint8),
            "stains": np.rint(scene.mean_e).astype(np.uint16),
        }
        for kind, pixels in kinds.items():
            (folder / kind).mkdir(exist_ok=True)
            tifffile.imwrite(folder / kind / f"cell-{index}.tif", pixels)
        for kind, pixels in (("volumes", frame), ("solids", kinds["masks"])):
            (folder / kind).mkdir(exist_ok=True)
            np.save(folder / kind / f"cell-{index}.npy", np.stack([pixels[:24, :24]] * 6))
    return folder


def config(task: str = "mask", targets: str = "masks", loss: str = "dice-ce", **changes: Any) -> Any:
    """Return a small configuration; `training__epochs=3` sets a key of a table."""
    content: dict[str, Any] = {
        "task": task,
        "data": {"images": "images/*.tif", "targets": f"{targets}/*.tif"},
        "network": {"widths": [4, 8]},
        "training": {"loss": loss, "epochs": 2, "steps": 4, "batch": 2, "tile": 16, "threads": 1, "learning_rate": 0.01},
    }
    for key, value in changes.items():
        table, _, name = key.partition("__")
        if name:
            content.setdefault(table, {})[name] = value
        else:
            content[table] = value
    return config_from(content)
