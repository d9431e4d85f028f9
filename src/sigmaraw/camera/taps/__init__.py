"""Sensors of several readout taps or colour planes."""
