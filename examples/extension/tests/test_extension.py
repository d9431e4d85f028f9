"""What the author of an extension runs: a conformance suite for each kind."""

import pytest
from sigmaraw_example.denoiser import Wiener
from sigmaraw_example.measure import Brightest
from sigmaraw_example.metric import Correlation
from sigmaraw_example.report import Markdown

import sigmaraw as sr
from sigmaraw.testing import check_codec, check_denoiser, check_measure, check_metric, check_mode, check_pipeline, check_report


@pytest.mark.parametrize("spec", ["dropbits", "dropbits:0", "dropbits:drop=7", "dropbits:maxerr=9", "to8bit:minmax+dropbits:drop=1"])
def test_codec(spec):
    check_codec(spec)


def test_pipeline():
    check_pipeline(sr.pipeline("spots:above=20"))


def test_measure():
    check_measure(Brightest())


def test_metric():
    check_metric(Correlation())


def test_denoiser():
    check_denoiser(Wiener())


def test_mode():
    check_mode("smoothed:sigma=2")


def test_report():
    check_report(Markdown())
