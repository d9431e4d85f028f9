"""Conformance suites that the author of an extension calls, and that every built-in passes."""

from sigmaraw.testing.codec_suite import check_codec
from sigmaraw.testing.denoiser_suite import check_denoiser
from sigmaraw.testing.loss_suite import check_loss
from sigmaraw.testing.measurement_suite import check_measure
from sigmaraw.testing.metric_suite import check_metric
from sigmaraw.testing.mode_suite import check_mode
from sigmaraw.testing.pipeline_suite import check_pipeline
from sigmaraw.testing.reader_suite import check_reader
from sigmaraw.testing.report_suite import check_report

__all__ = [
    "check_codec",
    "check_denoiser",
    "check_loss",
    "check_measure",
    "check_metric",
    "check_mode",
    "check_pipeline",
    "check_reader",
    "check_report",
]
