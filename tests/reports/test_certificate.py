"""A camera's Digital Calibration Certificate: its numbers are the profile's, its units the D-SI's, and PTB's Schematron accepts it."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

import sigmaraw as sr
from sigmaraw.reports.certificate import COVERAGE_FACTOR, DCC, SI, Parties, certificate

SPACES = {"dcc": DCC, "si": SI}
PROFILES = Path(__file__).parents[2] / "calibration" / "profiles"
PARTIES = Parties("Optics & <Light>", "Bern", "ch", "A. Analyst", "C. Customer", "2026-7")


@pytest.fixture(scope="module")
def summary() -> dict[str, Any]:
    return sr.CameraProfile.from_netcdf(PROFILES / "example-ideal-12bit.nc").summary()


def made(summary: dict[str, Any], parties: Parties = PARTIES) -> bytes:
    return certificate(summary, parties, profile="camera.nc", sha256="ab" * 32)


def test_every_number_is_the_profiles_with_expanded_uncertainty(summary: dict[str, Any]) -> None:
    root = ElementTree.fromstring(made(summary))
    quantities = root.findall(".//dcc:quantity", SPACES)
    stated = {name: row for name, row in summary["scalars"].items() if row["value"] is not None and row["se"] is not None}
    assert len(quantities) == len(stated) > 10
    for quantity, row in zip(quantities, stated.values(), strict=True):
        assert float(quantity.findtext("si:real/si:value", "", SPACES)) == row["value"]
        expanded = quantity.find(".//si:expandedMU", SPACES)
        assert expanded is not None
        assert float(expanded.findtext("si:valueExpandedMU", "", SPACES)) == COVERAGE_FACTOR * row["se"]
        assert expanded.findtext("si:coverageFactor", "", SPACES) == "2.0"
        assert quantity.findtext("si:real/si:unit", "", SPACES) in {"\\one", "\\percent", "\\second\\tothe{-1}"}


def test_each_quantity_names_a_method_that_is_there_and_the_standard_is_named_twice(summary: dict[str, Any]) -> None:
    root = ElementTree.fromstring(made(summary))
    methods = {entry.get("id") for entry in root.findall(".//dcc:usedMethod", SPACES)}
    assert {entry.get("refId") for entry in root.findall(".//dcc:quantity", SPACES)} == methods
    norms = {entry.text for entry in root.findall(".//dcc:norm", SPACES)}
    assert norms == {"EMVA Standard 1288 release 4.0 Linear, on its way to ISO 24942"}


def test_the_maps_are_named_by_hash_and_words_are_text(summary: dict[str, Any]) -> None:
    text = made(summary)
    root = ElementTree.fromstring(text)
    assert root.findtext(".//dcc:certificate/dcc:procedure", "", SPACES) == "SHA-256"
    assert root.findtext(".//dcc:certificate/dcc:value", "", SPACES) == "ab" * 32
    assert root.findtext(".//dcc:calibrationLaboratory/dcc:contact/dcc:name/dcc:content", "", SPACES) == "Optics & <Light>"
    assert b"<Light>" not in text and text == made(summary)


def test_what_is_not_stated_is_called_so(summary: dict[str, Any]) -> None:
    root = ElementTree.fromstring(made(summary, Parties()))
    assert root.findtext(".//dcc:countryCodeISO3166_1", "", SPACES) == "ZZ"  # no country
    assert root.findtext(".//dcc:customer/dcc:name/dcc:content", "", SPACES) == "not stated"


def test_ptbs_schematron_finds_no_error(summary: dict[str, Any]) -> None:
    schematron = pytest.importorskip("dcclib.validation.schematron")
    validator = schematron.SchematronValidator.for_dcc()

    def errors(text: bytes) -> list[str]:
        found = validator.validate_str(text.decode())
        entries = [*found.failed_assertions, *found.successful_reports]
        return [str(vars(entry)) for entry in entries if "error" in str(vars(entry).get("role", ""))]

    assert errors(made(summary)) == []
    assert errors(made(summary).replace(b'refId="method-dark-noise"', b'refId="nowhere"', 1))
