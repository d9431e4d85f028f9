"""Run the PyPI package emva1288 on descriptor files and print its results as JSON. For a Python of its own, with numpy 1.26.

    PYTHON tests/reference/emva1288_process.py descriptor.txt …

This file imports nothing of sigmaraw, and sigmaraw nothing of emva1288 (LGPL): they meet in files only.
"""

import json
import math
import sys

import numpy as np
from emva1288 import __version__
from emva1288.process import routines
from emva1288.process.data import Data1288
from emva1288.process.loader import LoadImageData
from emva1288.process.parser import ParseEmvaDescriptorFile
from emva1288.process.results import Results1288

SCALARS = (
    "K", "R", "QE", "sigma_y_dark", "sigma_d", "u_p_min", "u_e_min", "u_p_sat", "u_e_sat", "SNR_max", "DR", "LE_min", "LE_max",
    "u_I_mean", "u_I_var", "DSNU1288", "DSNU1288_row", "DSNU1288_col", "DSNU1288_pixel", "PRNU1288", "PRNU1288_row", "PRNU1288_col",
    "PRNU1288_pixel", "index_u_ysat", "index_sensitivity_max", "index_linearity_min", "index_linearity_max",
)  # fmt: skip
LOG_LEVEL = 50


def process(descriptor):
    """Return {name: number or None} and the arrays that a datasheet draws."""
    images = ParseEmvaDescriptorFile(descriptor, loglevel=LOG_LEVEL).images
    loaded = LoadImageData(images, loglevel=LOG_LEVEL).data
    data = Data1288(loaded, loglevel=LOG_LEVEL).data
    results = Results1288(data, loglevel=LOG_LEVEL)
    found = {}
    for name in SCALARS:
        value = float(getattr(results, name))
        found[name] = value if math.isfinite(value) else None
    temporal = {name: np.asarray(data["temporal"][name], dtype=float).tolist() for name in ("u_y", "s2_y", "u_ydark", "s2_ydark")}
    dark, frames = data["spatial"]["sum_dark"], data["spatial"]["L_dark"]
    spectrum = {
        "spectrum_x": np.sqrt(routines.FFT1288(dark, n=frames)).tolist(),
        "spectrum_y": np.sqrt(routines.FFT1288(dark, rotate=True, n=frames)).tolist(),
    }
    return {"scalars": found, "temporal": temporal, "dark": spectrum, "pixels_in_histogram": int(results.histogram_DSNU["values"].sum())}


if __name__ == "__main__":
    print(json.dumps({"version": __version__, "series": [process(path) for path in sys.argv[1:]]}))
