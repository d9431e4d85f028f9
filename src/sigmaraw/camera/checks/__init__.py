"""Checks of a calibration series: whether it supports its result."""
