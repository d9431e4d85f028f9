"""Certificates for tests, made on the spot: nobody trusts them, and they end in a month."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

PEM, PKCS8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8


def elliptic() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def certificate(
    name: str,
    key: Any,
    issuer: tuple[str, Any] | None = None,
    *,
    signs: bool = True,
    days: tuple[int, int] = (-1, 30),
) -> x509.Certificate:
    """Return a certificate of a key, issued by (name, key), or by itself. days : first and last, from today."""
    by, by_key = issuer or (name, key)
    now = datetime.now(UTC)
    authority = not signs or issuer is None
    usage = x509.KeyUsage(signs, False, False, False, False, authority, authority, False, False)
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, by)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days[0]))
        .not_valid_after(now + timedelta(days[1]))
        .add_extension(x509.BasicConstraints(authority, None), critical=True)
        .add_extension(usage, critical=True)
    )
    return made.sign(by_key, None if isinstance(by_key, ed25519.Ed25519PrivateKey) else hashes.SHA256())


def pem(*parts: Any, passphrase: bytes | None = None) -> bytes:
    """Return certificates and keys as PEM."""
    coat = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    return b"".join(one.public_bytes(PEM) if isinstance(one, x509.Certificate) else one.private_bytes(PEM, PKCS8, coat) for one in parts)


def private_file(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    path.chmod(0o600)
    return path


@dataclass(frozen=True)
class Lab:
    """Files: a root, an analyst whose certificate the root issued (passphrase: horse), a boss with one that nobody else issued."""

    root: Path
    analyst: Path
    boss: Path
    boss_certificate: Path

    @classmethod
    def made(cls, folder: Path) -> Lab:
        root_key, key, boss_key = elliptic(), rsa.generate_private_key(65537, 2048), elliptic()
        root = certificate("Root of the lab", root_key, signs=False)
        own = certificate("A. Analyst", key, ("Root of the lab", root_key))
        boss = certificate("B. Boss", boss_key)
        coat = serialization.BestAvailableEncryption(b"horse")
        packed = pkcs12.serialize_key_and_certificates(b"a", key, own, [root], coat)
        (folder / "root.pem").write_bytes(pem(root))
        (folder / "boss-certificate.pem").write_bytes(pem(boss))
        return cls(
            folder / "root.pem",
            private_file(folder / "analyst.p12", packed),
            private_file(folder / "boss.pem", pem(boss, boss_key)),
            folder / "boss-certificate.pem",
        )
