"""Measurements: an image with its objects → named numbers, each in a file, found by the entry points "sigmaraw.measurements"."""

from sigmaraw.measurements.chosen import DEFAULT, Measures, dotted_settings, named
from sigmaraw.measurements.listing import describe
from sigmaraw.measurements.pixel_size import OF_IMAGE, parse_pixel_size

__all__ = ["DEFAULT", "OF_IMAGE", "Measures", "describe", "dotted_settings", "named", "parse_pixel_size"]
