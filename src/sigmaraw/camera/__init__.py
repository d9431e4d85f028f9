"""Dark and flat frames into a camera profile: gain, noise, saturation, uniformity, each with its standard error."""

from sigmaraw.camera.calibration import calibrate
from sigmaraw.camera.profile import CameraProfile
from sigmaraw.camera.values import Estimate, NotDetermined

__all__ = ["CameraProfile", "Estimate", "NotDetermined", "calibrate"]
