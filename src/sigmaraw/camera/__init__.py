"""Dark and flat frames into a camera profile: gain, noise, saturation, uniformity, each with its standard error.

Names are imported at first use, so that a study, which reads a profile, does not load what calibrates.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sigmaraw.camera.calibration import calibrate
    from sigmaraw.camera.comparison import Bound, Comparison, compare, parse_bound
    from sigmaraw.camera.fitting.planner import SeriesPlan, forecast
    from sigmaraw.camera.fitting.sensor import LinearSensor
    from sigmaraw.camera.profile import CameraProfile
    from sigmaraw.camera.taps.layout import TapLayout
    from sigmaraw.camera.taps.stored import sensor_shape, stored_layout
    from sigmaraw.camera.values import Estimate, NotDetermined

_HOMES = {
    "Bound": "comparison",
    "CameraProfile": "profile",
    "Comparison": "comparison",
    "Estimate": "values",
    "LinearSensor": "fitting.sensor",
    "NotDetermined": "values",
    "SeriesPlan": "fitting.planner",
    "TapLayout": "taps.layout",
    "calibrate": "calibration",
    "compare": "comparison",
    "forecast": "fitting.planner",
    "parse_bound": "comparison",
    "sensor_shape": "taps.stored",
    "stored_layout": "taps.stored",
}

__all__ = [
    "Bound",
    "CameraProfile",
    "Comparison",
    "Estimate",
    "LinearSensor",
    "NotDetermined",
    "SeriesPlan",
    "TapLayout",
    "calibrate",
    "compare",
    "forecast",
    "parse_bound",
    "sensor_shape",
    "stored_layout",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"sigmaraw.camera.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'sigmaraw.camera' has no attribute '{name}'")


def __dir__() -> list[str]:
    """List what is public, and nothing of how the package is made."""
    return list(__all__)
