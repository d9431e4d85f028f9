"""Signatures inside a PDF: PAdES at level B-B, by pyHanko. Nothing is asked of the network."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sigmaraw import extras
from sigmaraw.errors import InvalidOption, visible
from sigmaraw.integrity.certificates import SigningCertificate, common_name
from sigmaraw.integrity.manifest import PDF_FILE

if TYPE_CHECKING:
    from cryptography import x509

LARGEST = 256 << 20  # bytes; a stranger's file must not fill the memory
_RECORD = "record.json"
_OUTSIDE = -9999  # a page's coordinate beyond every page


@dataclass(frozen=True)
class SignedPdf:
    """A PDF with a new signature.

    Parameters
    ----------
    content : bytes
        The file.
    signer : str
        Whose certificate signed it.
    facts : dict
        What the log says of it.
    """

    content: bytes
    signer: str
    facts: dict[str, Any]


@dataclass(frozen=True)
class PdfSignature:
    """A signature inside a PDF, and what was found of it.

    Parameters
    ----------
    signer, issuer : str
        Names of the certificate, as it states them.
    time : str
        When it was signed, ISO 8601, as the signer states it; empty where it is not stated.
    problem : str
        Why it does not fit the file; empty where it does.
    chain : str or None
        Why the certificate leads to none that is trusted; empty where it does; None where nobody asked.
    """

    signer: str
    issuer: str
    time: str
    problem: str = ""
    chain: str | None = None

    @property
    def trusted(self) -> bool:
        """Whether it fits the file, and its certificate leads to one that is trusted."""
        return not self.problem and self.chain == ""

    def __str__(self) -> str:
        said = f"signed by {self.signer} (PAdES, {self.time or 'no time stated'}, certificate issued by {self.issuer})"
        match self.chain:
            case None:
                return f"{said}; the certificate was not checked: --trust names those that you trust"
            case "":
                return f"{said}; the certificate leads to one that you trust. Whether it was revoked was not asked"
        return f"{said}; the certificate leads to none that you trust: {self.chain}"


@dataclass(frozen=True)
class PdfExamination:
    """What was found of a PDF. record : the digest of the record inside it, None where none can be read."""

    signatures: tuple[PdfSignature, ...] = ()
    record: str | None = None


def may_be_signed(content: bytes) -> bool:
    """Return whether a PDF has the word that every signature needs, in plain text."""
    return b"/ByteRange" in content


def holds_signature(folder: Path) -> bool:
    """Return whether the report.pdf of a folder seems to have a signature inside."""
    path = folder / PDF_FILE
    return path.is_file() and path.stat().st_size <= LARGEST and may_be_signed(path.read_bytes())


def require_installed() -> None:
    """Refuse to go on without pyHanko. Raises MissingExtra."""
    try:
        import pyhanko.sign  # noqa: F401 (whether it is there)
    except ImportError as error:
        raise extras.missing("a signature inside the PDF", "pades", "pyhanko") from error
    for name in ("pyhanko", "pyhanko_certvalidator"):  # what is wrong with a file stands in the finding
        logger = logging.getLogger(name)
        logger.propagate = False
        if not logger.handlers:
            logger.addHandler(logging.NullHandler())


# --- sign -------------------------------------------------------------------------------------------------------------
def sign_pdf(content: bytes, certificate: SigningCertificate, meaning: str) -> SignedPdf:
    """Return a PDF with one more signature, added behind its bytes, so that earlier signatures still hold.

    The signature is no picture on a page. Its field lies outside the first page: PDF/A forbids hidden fields and PDF/UA untagged
    ones, and both leave out what lies there.

    Parameters
    ----------
    content : bytes
        The PDF.
    certificate : SigningCertificate
        Of the signer.
    meaning : str
        What the signature means.

    Raises
    ------
    MissingExtra
        pyHanko is not installed.
    InvalidOption
        The file cannot be read as a PDF.

    References
    ----------
    ETSI EN 319 142-1, PAdES baseline signatures, level B-B.
    """
    require_installed()
    from pyhanko.pdf_utils.misc import PdfError
    from pyhanko.sign import fields, signers

    try:
        writer = _update_of(content)
        taken = {name for name, _, _ in fields.enumerate_sig_fields(writer)}
        name = next(name for number in range(1, len(taken) + 2) if (name := f"Signature{number}") not in taken)
        metadata = signers.PdfSignatureMetadata(
            field_name=name, reason=meaning, subfilter=fields.SigSeedSubFilter.PADES, md_algorithm="sha256"
        )
        place = fields.SigFieldSpec(
            name,
            invis_sig_settings=fields.InvisSigSettings(box_out_of_bounds=True),
            readable_field_name=f"Signature of {certificate.name}",
        )
        made = signers.sign_pdf(writer, metadata, _signer(certificate), new_field_spec=place).getvalue()
    except (PdfError, ValueError, KeyError) as error:
        raise InvalidOption(f"{PDF_FILE} cannot be signed ({_short(error)})", "the PDF that report wrote", "make it anew") from error
    sha256 = hashlib.sha256(made).hexdigest()
    facts = {"file": PDF_FILE, "sha256": sha256, "meaning": meaning, "signer": certificate.name, "certificate_sha256": certificate.sha256}
    return SignedPdf(made, certificate.name, facts)


def _update_of(content: bytes) -> Any:
    """Return a writer that adds to a PDF, and leaves it the version of PDF that PDF/A-3 is made of."""
    from pyhanko.pdf_utils.extensions import DeveloperExtension
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

    class Update(IncrementalPdfFileWriter):
        def ensure_output_version(self, version: tuple[int, int]) -> None:
            super().ensure_output_version(min(version, (1, 7)))

        def register_extension(self, ext: DeveloperExtension) -> None:
            if ext.base_version != "/2.0":  # PAdES has elliptic curves in PDF 1.7 without it
                super().register_extension(ext)

    end = b"" if content.endswith((b"\n", b"\r")) else b"\n"  # PDF/A: an object begins on a line of its own
    return Update(io.BytesIO(content + end))


def _signer(certificate: SigningCertificate) -> Any:
    from asn1crypto import keys
    from asn1crypto import x509 as asn1
    from cryptography.hazmat.primitives import serialization
    from pyhanko.sign import signers
    from pyhanko_certvalidator.registry import SimpleCertificateStore

    der = serialization.Encoding.DER
    secret = certificate.key.private_bytes(der, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    store = SimpleCertificateStore()
    store.register_multiple([asn1.Certificate.load(one.public_bytes(der)) for one in certificate.chain])
    own = asn1.Certificate.load(certificate.certificate.public_bytes(der))
    return signers.SimpleSigner(signing_cert=own, signing_key=keys.PrivateKeyInfo.load(secret), cert_registry=store)


# --- examine ----------------------------------------------------------------------------------------------------------
def examine_pdf(content: bytes, trust: Sequence[x509.Certificate] | None = None) -> PdfExamination:
    """Return the signatures of a PDF and what was found of each. The file is a stranger's.

    Parameters
    ----------
    content : bytes
        The PDF.
    trust : sequence of x509.Certificate, optional
        Certificates to one of which a signer's must lead. Revocation is not looked up.

    Raises
    ------
    MissingExtra
        pyHanko is not installed.
    """
    require_installed()
    from pyhanko.pdf_utils.reader import PdfFileReader

    try:
        reader = PdfFileReader(io.BytesIO(content), strict=False)
        found = list(reader.embedded_signatures)
    except Exception as error:  # noqa: BLE001 (a stranger's file may break a reader in any way; that is the finding)
        return PdfExamination((PdfSignature("?", "?", "", f"it cannot be read ({_short(error)})"),))
    last = len(found) - 1
    return PdfExamination(
        tuple(_examined(entry, trust, is_last=number == last) for number, entry in enumerate(found)), _digest_inside(reader)
    )


def _examined(entry: Any, trust: Sequence[x509.Certificate] | None, *, is_last: bool) -> PdfSignature:
    from cryptography import x509
    from pyhanko.sign.diff_analysis import ModificationLevel
    from pyhanko.sign.validation import SignatureCoverageLevel
    from pyhanko.sign.validation.pdf_embedded import async_validate_pdf_signature

    signer = issuer = "?"
    try:
        certificate = x509.load_der_x509_certificate(entry.signer_cert.dump())
        signer, issuer = common_name(certificate.subject), common_name(certificate.issuer)
        status = asyncio.run(async_validate_pdf_signature(entry, _context(trust), key_usage_settings=_usage()))
        stated = status.signer_reported_dt
        time = "" if stated is None else stated.isoformat(timespec="seconds")
        level = status.modification_level
        changed = level is None or level > ModificationLevel.FORM_FILLING
        if not status.intact:
            problem = "bytes that it covers have changed"
        elif not status.valid:
            problem = "it is not one of its certificate"
        elif status.coverage < SignatureCoverageLevel.ENTIRE_REVISION or changed or (is_last and status.coverage.name != "ENTIRE_FILE"):
            problem = "something was added to the file after it"
        else:
            problem = ""
        chain = None if trust is None else _why(status, certificate)
    except Exception as error:  # noqa: BLE001 (as above)
        return PdfSignature(signer, issuer, "", f"it cannot be checked ({_short(error)})", None if trust is None else "it does not hold")
    return PdfSignature(signer, issuer, time, problem, chain)


def _context(trust: Sequence[x509.Certificate] | None) -> Any:
    """Return who is trusted: nobody but those who were named, and never whom the operating system trusts for the web."""
    from asn1crypto import x509 as asn1
    from cryptography.hazmat.primitives import serialization
    from pyhanko_certvalidator import ValidationContext

    roots = [asn1.Certificate.load(one.public_bytes(serialization.Encoding.DER)) for one in trust or ()]
    return ValidationContext(trust_roots=roots, allow_fetching=False, revocation_mode="soft-fail")


def _usage() -> Any:
    from pyhanko.sign.validation import KeyUsageConstraints

    return KeyUsageConstraints(key_usage={"non_repudiation", "digital_signature"}, match_all_key_usages=False)


def _why(status: Any, certificate: x509.Certificate) -> str:
    """Return why a certificate leads to none that is trusted, empty where it does."""
    from datetime import UTC, datetime

    # Whoever is trusted by name is not asked for his days by pyHanko.
    if datetime.now(UTC) > certificate.not_valid_after_utc:
        return f"it expired on {certificate.not_valid_after_utc.date()}, and no time stamp proves that the signature is older"
    if status.trusted:
        return ""
    indication = status.trust_problem_indic
    return "no chain to it" if indication is None else str(indication.name).lower().replace("_", " ")


def _digest_inside(reader: Any) -> str | None:
    """Return the digest that the attached record states."""
    try:
        named = list(reader.root["/Names"]["/EmbeddedFiles"]["/Names"])
        for name, file in zip(named[::2], named[1::2], strict=True):
            if str(name) == _RECORD:
                return str(json.loads(file.get_object()["/EF"]["/F"].data)["digest"])
    except Exception:  # noqa: BLE001 (as above)
        return None
    return None


def _short(error: BaseException) -> str:
    return " ".join(visible(str(error)).split())[:120] or type(error).__name__
