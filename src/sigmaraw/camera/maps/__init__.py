"""Quantities of every pixel: offset, noise, gain, fixed pattern, classes."""
