"""Dark and flat frames into a camera profile: gain, noise, saturation, uniformity, each with its standard error."""

from sigmaraw.camera.calibration import calibrate
from sigmaraw.camera.comparison import Bound, Comparison, compare, parse_bound
from sigmaraw.camera.fitting.planner import SeriesPlan, forecast
from sigmaraw.camera.fitting.sensor import LinearSensor
from sigmaraw.camera.profile import CameraProfile
from sigmaraw.camera.taps.layout import TapLayout
from sigmaraw.camera.taps.stored import sensor_shape, stored_layout
from sigmaraw.camera.values import Estimate, NotDetermined

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
