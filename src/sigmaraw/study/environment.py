"""What ran: package, codec library and hardware versions, so that a number can be traced to what computed it."""

from __future__ import annotations

import os
import platform
import sys
from importlib import metadata

from sigmaraw.extras import version
from sigmaraw.record.design import EnvironmentRow, HardwareRow

PACKAGES = (
    "sigmaraw",
    "numpy",
    "scipy",
    "statsmodels",
    "jax",
    "jaxlib",
    "torch",
    "imagecodecs",
    "xarray",
    "netCDF4",
    "tifffile",
    "scikit-image",
    "astropy",
    "onnxruntime",
    "dask",
)


def environment() -> EnvironmentRow:
    """Return Python, package and codec library versions, and under `hardware` what the machine is (not in the digest)."""
    import imagecodecs
    import jax

    packages: dict[str, str | None] = {}
    for name in PACKAGES:
        try:
            packages[name] = version(name)
        except metadata.PackageNotFoundError:
            packages[name] = None
    return EnvironmentRow(
        python=platform.python_version(),
        packages=packages,
        libraries=dict(sorted(imagecodecs.version(dict).items())),
        jax_backend=jax.default_backend(),
        hardware=HardwareRow(
            machine=platform.machine(),
            system=platform.platform(),
            cores=os.cpu_count(),
            devices=tuple(str(device) for device in jax.devices()),
            torch_devices=_torch_devices(),
        ),
    )


def _torch_devices() -> tuple[str, ...]:
    """Return the names of the GPUs that torch sees; none where no pipeline has loaded it."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return ()
    return tuple(torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count()))
