"""Cameras and scenes with known truth, for the demonstration, tests and coverage studies."""

from sigmaraw.virtual.camera import VirtualCamera
from sigmaraw.virtual.demo import DemoInputs, demo_inputs
from sigmaraw.virtual.scenes import Scene, nuclei_scene
from sigmaraw.virtual.series import flat_levels, write_frames, write_series

__all__ = ["DemoInputs", "Scene", "VirtualCamera", "demo_inputs", "flat_levels", "nuclei_scene", "write_frames", "write_series"]
