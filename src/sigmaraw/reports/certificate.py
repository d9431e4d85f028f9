"""A camera profile as a Digital Calibration Certificate (DCC) of PTB, version 3.3.0, with units of the D-SI.

The certificate is what a laboratory fills: names of laboratory, customer and signer come from the caller and are "not stated" else. It
states what was measured with expanded uncertainty U and coverage factor k, by which clause of EMVA 1288, and names the maps' netCDF by its
SHA-256.
"""

from __future__ import annotations

import math
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib import metadata
from typing import Any
from xml.etree import ElementTree as Xml

from sigmaraw.integrity.canonical import digest
from sigmaraw.quantities import TABLE

DCC, SI = "https://ptb.de/dcc", "https://ptb.de/si"
VERSION = "3.3.0"
COVERAGE_FACTOR, COVERAGE = 2.0, 0.95
UNKNOWN_COUNTRY = "ZZ"  # ISO 3166-1 leaves it to users; a check against the list of countries refuses it, as it should
_UNITS = {  # of the D-SI: every unit that it lacks is a pure number or a count, said so in the quantity's name
    "DN": "\\one",
    "DN2": "\\one",
    "DN/e-": "\\one",
    "e-": "\\one",
    "1/e-": "\\one",
    "e-/s": "\\second\\tothe{-1}",
    "%": "\\percent",
    "1": "\\one",
}
_COUNTS = {"DN": "digital numbers", "DN2": "digital numbers squared", "DN/e-": "digital numbers per electron", "e-": "electrons",
           "1/e-": "per electron", "e-/s": "electrons per second"}  # fmt: skip
_METHODS = {  # our reference → how the certificate names the clause
    "photon transfer": "EMVA 1288 release 4.0, linear model: system gain by photon transfer",
    "dark noise": "EMVA 1288 release 4.0, linear model: temporal dark noise",
    "linearity model": "EMVA 1288 release 4.0, linear model: dark level",
    "saturation": "EMVA 1288 release 4.0, linear model: saturation",
    "derived measures": "EMVA 1288 release 4.0, linear model: derived measures",
    "linearity": "EMVA 1288 release 4.0, linear model: linearity",
    "dark current": "EMVA 1288 release 4.0, linear model: dark current",
    "nonuniformity": "EMVA 1288 release 4.0, linear model: nonuniformities",
}
_STANDARD = "EMVA Standard 1288 release 4.0 Linear, on its way to ISO 24942"


@dataclass(frozen=True)
class Parties:
    """Who stands behind a certificate; what is empty is printed as "not stated".

    Parameters
    ----------
    laboratory, city, country, signer, customer, number : str
        Name and place of the laboratory (country: two letters of ISO 3166-1), who signs, for whom, and the certificate's number.
    """

    laboratory: str = ""
    city: str = ""
    country: str = ""
    signer: str = ""
    customer: str = ""
    number: str = ""


def certificate(summary: Mapping[str, Any], parties: Parties, *, profile: str, sha256: str, when: datetime | None = None) -> bytes:
    """Return the certificate of a calibrated camera as XML.

    Parameters
    ----------
    summary : mapping
        What `CameraProfile.summary` returns.
    parties : Parties
        Who stands behind it.
    profile : str
        File name of the camera's netCDF, which holds the maps.
    sha256 : str
        SHA-256 of that file.
    when : datetime, optional
        Time of the calibration; now where it is not given.

    Returns
    -------
    bytes
        XML, UTF-8. The same calibration and day give the same bytes.

    References
    ----------
    PTB, Digital Calibration Certificate 3.3.0; D-SI 2.2.1; JCGM 100, expanded uncertainty.
    """
    Xml.register_namespace("dcc", DCC)
    Xml.register_namespace("si", SI)
    day = (when or datetime.now(UTC)).date()
    root = Xml.Element(f"{{{DCC}}}digitalCalibrationCertificate", {"schemaVersion": VERSION})
    _administrative(root, summary, parties, day, sha256)
    results = _add(_add(root, "measurementResults"), "measurementResult")
    _name(results, "photon-transfer calibration of a camera")
    used = _determined(summary["scalars"])
    _methods(results, used)
    _software(_add(results, "usedSoftware"))
    _maps(results, summary, profile, sha256)
    _conditions(results, summary)
    result = _add(_add(results, "results"), "result")
    _name(result, "quantities of the camera, each with expanded uncertainty, k = 2")
    data = _add(result, "data")
    for name, row in used:
        _quantity(data, name, row)
    Xml.indent(root, " ")
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + Xml.tostring(root, encoding="utf-8") + b"\n"


# --- administrative data ------------------------------------------------------------------------------------------------
def _administrative(root: Xml.Element, summary: Mapping[str, Any], parties: Parties, day: date, sha256: str) -> None:
    part = _add(root, "administrativeData")
    _software(_add(part, "dccSoftware"))
    core = _add(part, "coreData")
    _text(core, "countryCodeISO3166_1", parties.country.upper() or UNKNOWN_COUNTRY)
    _text(core, "usedLangCodeISO639_1", "en")
    _text(core, "mandatoryLangCodeISO639_1", "en")
    number = parties.number or str(uuid.UUID(digest({"profile": sha256, "day": day.isoformat()})[:32], version=4))
    _text(core, "uniqueIdentifier", number)
    for element in ("beginPerformanceDate", "endPerformanceDate"):
        _text(core, element, day.isoformat())
    _text(core, "performanceLocation", "laboratory")
    identity = summary.get("identity", {})
    item = _add(_add(part, "items"), "item")
    _name(item, identity.get("camera") or "camera, make and model not stated")
    if identity.get("mode"):
        _text(item, "model", identity["mode"])
    mark = _add(_add(item, "identifications"), "identification")
    _text(mark, "issuer", "manufacturer")
    _text(mark, "value", identity.get("serial") or "not stated")
    laboratory = _add(_add(part, "calibrationLaboratory"), "contact")
    _name(laboratory, parties.laboratory or "not stated")
    _place(laboratory, parties.city, parties.country)
    responsible = _add(_add(part, "respPersons"), "respPerson")
    _name(_add(responsible, "person"), parties.signer or "not stated")
    _text(responsible, "mainSigner", "true")
    customer = _add(part, "customer")
    _name(customer, parties.customer or "not stated")
    _place(customer, "", "")


def _software(part: Xml.Element) -> None:
    software = _add(part, "software")
    _name(software, "sigmaraw")
    found = re.match(r"\d+(\.\d+){0,2}", metadata.version("sigmaraw"))
    _text(software, "release", f"v{found.group() if found else 0}")


def _place(part: Xml.Element, city: str, country: str) -> None:
    place = _add(part, "location")
    _text(place, "city", city or "not stated")
    if country:
        _text(place, "countryCode", country.upper())


# --- results ------------------------------------------------------------------------------------------------------------
def _determined(scalars: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the quantities that have a value and a standard error; others cannot be stated in a certificate."""
    return [(name, row) for name, row in scalars.items() if _finite(row["value"]) and _finite(row["se"])]


def _finite(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _clause(name: str) -> str:
    return TABLE[name].reference.rpartition(", ")[2]


def _methods(results: Xml.Element, used: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
    part = _add(results, "usedMethods")
    for clause in dict.fromkeys(_clause(name) for name, _ in used):
        method = _add(part, "usedMethod", {"id": _id(clause)})
        _name(method, _METHODS.get(clause, f"sigmaraw, docs/explanation/formulas.md: {clause or 'section 3'}"))
        if clause in _METHODS:
            _text(method, "norm", _STANDARD)


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(part.capitalize() for part in others)


def _id(clause: str) -> str:
    return "method-" + (re.sub(r"[^a-z0-9]+", "-", clause.lower()).strip("-") or "other")


def _conditions(results: Xml.Element, summary: Mapping[str, Any]) -> None:
    condition = _add(_add(results, "influenceConditions"), "influenceCondition")
    _name(condition, "camera settings")
    low, high = summary["valid_range_dn"]
    text = f"bit depth {summary['bits']}; valid from {low} to {high} DN; temperature and irradiance not stated"
    _name(_add(condition, "data"), text, "text")


def _quantity(data: Xml.Element, name: str, row: Mapping[str, Any]) -> None:
    quantity = _add(data, "quantity", {"refId": _id(_clause(name)), "refType": f"emva1288_{_camel(name)}"})
    unit = row["unit"]
    count = f", in {_COUNTS[unit]}" if unit in _COUNTS else ""
    _name(quantity, f"{row['definition']} ({row['symbol']}){count}")
    real = Xml.SubElement(quantity, f"{{{SI}}}real")
    _si(real, "value", repr(float(row["value"])))
    _si(real, "unit", _UNITS[unit])
    expanded = Xml.SubElement(Xml.SubElement(real, f"{{{SI}}}measurementUncertaintyUnivariate"), f"{{{SI}}}expandedMU")
    _si(expanded, "valueExpandedMU", repr(COVERAGE_FACTOR * float(row["se"])))
    _si(expanded, "coverageFactor", repr(COVERAGE_FACTOR))
    _si(expanded, "coverageProbability", repr(COVERAGE))
    _si(expanded, "distribution", "normal")


def _maps(results: Xml.Element, summary: Mapping[str, Any], profile: str, sha256: str) -> None:
    """Name the camera's netCDF, which holds its maps, by its hash."""
    shape = summary.get("map_shape")
    held = f", with maps of offset, read noise and gain, {shape[0]} × {shape[1]} px" if shape else ", without maps"
    part = _add(_add(results, "measuringEquipments"), "measuringEquipment")
    _name(part, f"camera profile, netCDF{held}")
    stated = _add(part, "certificate")
    _name(stated, profile, "referral")
    _text(stated, "referralID", profile)
    _text(stated, "procedure", "SHA-256")
    _text(stated, "value", sha256)


# --- elements -----------------------------------------------------------------------------------------------------------
def _add(part: Xml.Element, name: str, attributes: Mapping[str, str] | None = None) -> Xml.Element:
    return Xml.SubElement(part, f"{{{DCC}}}{name}", dict(attributes or {}))


def _text(part: Xml.Element, name: str, text: str) -> None:
    _add(part, name).text = _clean(text)


def _si(part: Xml.Element, name: str, text: str) -> None:
    Xml.SubElement(part, f"{{{SI}}}{name}").text = text


def _name(part: Xml.Element, text: str, element: str = "name") -> None:
    _add(_add(part, element), "content", {"lang": "en"}).text = _clean(text)


def _clean(text: str) -> str:
    """Return text without characters that XML has no place for."""
    return "".join(mark if mark.isprintable() else "\ufffd" for mark in str(text))
