"""Conformance suites that the author of an extension calls: the same that the built-ins pass."""

from __future__ import annotations

from sigmaraw.testing.codec_suite import check_codec
from sigmaraw.testing.mode_suite import check_mode
from sigmaraw.testing.pipeline_suite import check_pipeline

__all__ = ["check_codec", "check_mode", "check_pipeline"]
