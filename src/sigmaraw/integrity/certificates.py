"""Certificates with their private keys, from PKCS #12 or PEM files, and certificates that somebody trusts."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

from sigmaraw.errors import InvalidKey, visible

PASSPHRASE = "SIGMARAW_PDF_PASSPHRASE"
_LARGEST = 1 << 20  # bytes
_SHORTEST_RSA = 2048  # bits
_PRIVATE = re.compile(rb"-----BEGIN ([A-Z ]*)PRIVATE KEY-----.*?-----END \1PRIVATE KEY-----", re.DOTALL)
_UNOPENED = (ValueError, TypeError, UnsupportedAlgorithm)
_HOW = f"{PASSPHRASE}, --pdf-passphrase-file or a terminal to ask at"


@dataclass(frozen=True)
class SigningCertificate:
    """A certificate with its private key.

    Parameters
    ----------
    key : RSAPrivateKey or EllipticCurvePrivateKey
        The private key.
    certificate : x509.Certificate
        Its certificate.
    chain : tuple of x509.Certificate
        Further certificates of the file, such as that of its issuer.
    """

    key: RSAPrivateKey | EllipticCurvePrivateKey
    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...]

    @property
    def name(self) -> str:
        """Whose certificate it is."""
        return common_name(self.certificate.subject)

    @property
    def self_signed(self) -> bool:
        """Whether nobody else vouches for it."""
        return self.certificate.subject == self.certificate.issuer

    @property
    def sha256(self) -> str:
        """SHA-256 of the certificate (DER), 64 hex digits."""
        return hashlib.sha256(self.certificate.public_bytes(serialization.Encoding.DER)).hexdigest()


def common_name(name: x509.Name) -> str:
    """Return the common name, else the whole name in one line; no character of it moves a terminal's cursor."""
    found = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return visible(str(found[0].value) if found else name.rfc4514_string() or "nobody named")


def needs_passphrase(path: Path, key: Path | None = None) -> bool:
    """Return whether the private key is encrypted. Raises InvalidKey where a file cannot be read."""
    data = _read(path if key is None else key)
    if _is_pem(data):
        return b"ENCRYPTED" in data
    try:
        pkcs12.load_key_and_certificates(data, None)
    except _UNOPENED:
        return True
    return False


def signing_certificate(path: Path, passphrase: bytes | None = None, key: Path | None = None) -> SigningCertificate:
    """Return the certificate and key of a file.

    Parameters
    ----------
    path : Path
        PKCS #12 (.p12, .pfx), or PEM with the certificate, its issuers and, unless `key` names it, the private key.
    passphrase : bytes, optional
        Of the private key.
    key : Path, optional
        PEM file of the private key.

    Raises
    ------
    InvalidKey
        A file cannot be read or opened, lies open to other users, or holds no key and certificate that belong together and may sign today.
    """
    data = _read(path)
    secret_file = path if key is None else key
    if os.name == "posix" and secret_file.stat().st_mode & 0o077:
        raise InvalidKey(
            f"private key {secret_file} can be read by other users", "a file of its owner alone", f"run chmod 600 {secret_file}"
        )
    if key is None and not _is_pem(data):
        secret, certificates = _of_pkcs12(path, data, passphrase)
    else:
        secret, certificates = _of_pem(secret_file, _read(secret_file), passphrase), _certificates(path, data)
    if not isinstance(secret, RSAPrivateKey | EllipticCurvePrivateKey):
        raise InvalidKey(f"{secret_file} holds a key of another kind", "an RSA or elliptic-curve key", "ask for another certificate")
    if isinstance(secret, RSAPrivateKey) and secret.key_size < _SHORTEST_RSA:
        raise InvalidKey(
            f"the RSA key of {secret_file} has {secret.key_size} bits", f"at least {_SHORTEST_RSA}", "ask for another certificate"
        )
    public = secret.public_key()
    own = next((one for one in certificates if one.public_key() == public), None)
    if own is None:
        raise InvalidKey(
            f"{path} holds no certificate of the private key", "the certificate and its key", "put both into the file, or give --pdf-key"
        )
    _require_fit(path, own)
    return SigningCertificate(secret, own, tuple(one for one in certificates if one != own))


def trusted_certificates(path: Path) -> tuple[x509.Certificate, ...]:
    """Return the certificates of a PEM file, or the one of a DER file. Raises InvalidKey."""
    return tuple(_certificates(path, _read(path)))


def _require_fit(path: Path, certificate: x509.Certificate) -> None:
    now = datetime.now(UTC)
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        first, last = certificate.not_valid_before_utc.date(), certificate.not_valid_after_utc.date()
        raise InvalidKey(f"the certificate of {path} is valid from {first} to {last}", "one that is valid today", "ask for a new one")
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return
    if not (usage.digital_signature or usage.content_commitment):
        raise InvalidKey(
            f"the certificate of {path} is not for signatures",
            "the key usage digitalSignature or nonRepudiation",
            "ask for a certificate that may sign documents",
        )


def _of_pkcs12(path: Path, data: bytes, passphrase: bytes | None) -> tuple[object, list[x509.Certificate]]:
    try:
        secret, own, others = pkcs12.load_key_and_certificates(data, passphrase)
    except _UNOPENED as error:
        if passphrase is None:
            raise InvalidKey(
                f"{path} does not open without a passphrase", "a PKCS #12 or PEM file, and its passphrase", f"use {_HOW}"
            ) from error
        raise _wrong(path) from error
    if secret is None:
        raise InvalidKey(f"{path} holds no private key", "a certificate with its private key", "export both into the file")
    return secret, [one for one in (own, *others) if one is not None]


def _of_pem(path: Path, data: bytes, passphrase: bytes | None) -> object:
    found = _PRIVATE.search(data)
    if found is None:
        raise InvalidKey(f"{path} holds no private key", "a certificate with its private key", "give the key's file with --pdf-key")
    encrypted = b"ENCRYPTED" in found[0]
    if encrypted and passphrase is None:
        raise InvalidKey(f"the private key of {path} is encrypted", "its passphrase", f"use {_HOW}")
    try:
        return serialization.load_pem_private_key(found[0], passphrase if encrypted else None)
    except _UNOPENED as error:
        if encrypted:
            raise _wrong(path) from error
        raise InvalidKey(f"{path} holds no private key that opens", "an RSA or elliptic-curve key", "export it anew") from error


def _wrong(path: Path) -> InvalidKey:
    return InvalidKey(f"{path} does not open with this passphrase", "a PKCS #12 or PEM file, and its passphrase", "check both")


def _certificates(path: Path, data: bytes) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(data) if _is_pem(data) else [x509.load_der_x509_certificate(data)]
    except ValueError as error:
        raise InvalidKey(f"{path} holds no certificate", "certificates as PEM, or one as DER", "check the path") from error


def _is_pem(data: bytes) -> bool:
    return b"-----BEGIN " in data


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(_LARGEST)
    except OSError as error:
        raise InvalidKey(f"{path} cannot be read ({error.strerror})", "a certificate's file", "check the path") from error
