"""Tests of sigmaraw.measurements."""
