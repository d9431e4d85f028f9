"""Signatures by Ed25519 over a manifest and what the signer states: name, time, meaning."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from sigmaraw.errors import InvalidKey, InvalidOption, OutOfSpace
from sigmaraw.files import FULL
from sigmaraw.integrity.canonical import canonical
from sigmaraw.integrity.manifest import Manifest, bytes_of, checked, unreadable

SIGNATURES_SCHEMA = "sigmaraw/signatures/1"
_DOMAIN = b"sigmaraw/signature/1\n"  # what is signed here can be taken for nothing else
_LARGEST = 64 << 20  # bytes


class Statement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a signer signs.

    Parameters
    ----------
    name : str
        The signer's printed name.
    meaning : str
        What the signature means: author, reviewed, approved.
    time : str
        UTC, ISO 8601.
    manifest : Manifest
        Every part as it is signed.
    """

    name: str
    meaning: str
    time: str
    manifest: Manifest


class Signature(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A signed statement. public_key, signature : base64 of the raw bytes. key : SHA-256 of the public key, first 16 hex digits."""

    statement: Statement
    algorithm: str
    key: str
    public_key: str
    signature: str

    def holds(self) -> bool:
        """Return whether the signature is one of its public key over its statement."""
        if self.algorithm != "Ed25519":
            return False
        try:
            raw = base64.b64decode(self.public_key, validate=True)
            key = Ed25519PublicKey.from_public_bytes(raw)
            key.verify(base64.b64decode(self.signature, validate=True), message(self.statement))
        except (InvalidSignature, ValueError, binascii.Error):
            return False
        return self.key == _short(raw)

    def is_by(self, key: Ed25519PublicKey) -> bool:
        """Return whether it states this public key."""
        return self.public_key == base64.b64encode(raw_bytes(key)).decode()


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    schema: str = SIGNATURES_SCHEMA
    signatures: tuple[Signature, ...]


def message(statement: Statement) -> bytes:
    """Return the bytes that are signed: a line that names their kind, and the statement's canonical JSON."""
    return _DOMAIN + canonical(msgspec.to_builtins(statement))


def new_signature(statement: Statement, key: Ed25519PrivateKey) -> Signature:
    """Return a statement with its signature."""
    raw = raw_bytes(key.public_key())
    made = key.sign(message(statement))
    return Signature(
        statement=statement,
        algorithm="Ed25519",
        key=_short(raw),
        public_key=base64.b64encode(raw).decode(),
        signature=base64.b64encode(made).decode(),
    )


def signatures_text(signatures: tuple[Signature, ...]) -> str:
    """Return signatures as they stand in the file."""
    return msgspec.json.format(msgspec.json.encode(_File(signatures=signatures)), indent=1).decode() + "\n"


def read_signatures(path: Path) -> tuple[Signature, ...]:
    """Return a folder's signatures as a stranger's; none where there is no such file. Raises InvalidRecord."""
    if not path.exists():
        return ()
    try:
        found = msgspec.json.decode(bytes_of(path, _LARGEST), type=_File)
        if found.schema != SIGNATURES_SCHEMA or not found.signatures:
            raise ValueError("no signature of this program")
        for entry in found.signatures:
            checked(entry.statement.manifest)
    except (OSError, ValueError, RecursionError) as error:  # msgspec's errors are ValueErrors
        raise unreadable(path, error) from error
    return found.signatures


# --- keys -------------------------------------------------------------------------------------------------------------
def raw_bytes(key: Ed25519PublicKey) -> bytes:
    """Return the 32 bytes of a public key."""
    return key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def key_id(key: Ed25519PublicKey) -> str:
    """Return the name of a public key: the first 16 hex digits of its SHA-256."""
    return _short(raw_bytes(key))


def _short(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()[:16]


def write_key_pair(path: Path, passphrase: bytes | None = None) -> tuple[Path, Path, str]:
    """Make a key pair and write it: the private key to `path`, which its owner alone can read, the public key beside it.

    Parameters
    ----------
    path : path
        File of the private key, PEM (PKCS #8).
    passphrase : bytes, optional
        Encrypts the private key.

    Returns
    -------
    tuple
        Path of the private key, path of the public key (`.pub.pem`), and the key's name.

    Raises
    ------
    InvalidOption
        One of the two files exists already, or cannot be written. Neither is left behind then.
    OutOfSpace
        The disk is full.
    """
    private, public = path, path.with_name(f"{path.stem}.pub.pem")
    for file in (private, public):
        if file.exists() or file.is_symlink():
            raise InvalidOption(f"{file} exists", "a name that is free: a key that is lost signs nothing any more", "choose another name")
    key = Ed25519PrivateKey.generate()
    coat = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, coat)
    open_ = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    made: list[Path] = []
    try:
        private.parent.mkdir(parents=True, exist_ok=True)
        # Made with its permissions: at no time can another user open it.
        for file, content, mode in ((private, secret, 0o600), (public, open_, 0o666)):
            handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), mode)
            made.append(file)
            with os.fdopen(handle, "wb") as stream:
                stream.write(content)
    except OSError as error:
        for file in made:
            file.unlink(missing_ok=True)
        if error.errno in FULL:
            raise OutOfSpace(
                f"no space left to write {private}", "enough free space", "free some, or choose another place with -o"
            ) from error
        raise InvalidOption(f"{private} cannot be written ({error.strerror})", "a writable place", "choose another") from error
    return private, public, key_id(key.public_key())


def private_key(path: Path, passphrase: bytes | None = None) -> Ed25519PrivateKey:
    """Return the private key of a PEM file.

    Raises
    ------
    InvalidKey
        No such file, no Ed25519 private key, a wrong passphrase, or a file that other users can read.
    """
    text = _pem(path)
    if os.name == "posix" and path.stat().st_mode & 0o077:
        raise InvalidKey(f"private key {path} can be read by other users", "a file of its owner alone", f"run chmod 600 {path}")
    try:
        key = serialization.load_pem_private_key(text, passphrase)
    except TypeError as error:  # cryptography says so where a passphrase is missing, or there is one too many
        needs = "is encrypted" if passphrase is None else "is not encrypted"
        raise InvalidKey(
            f"private key {path} {needs}", "a passphrase exactly where it is", "set SIGMARAW_PASSPHRASE, or unset it"
        ) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InvalidKey(
            f"{path} holds no private key that opens", "a PEM file of an Ed25519 key", "give the file that keygen wrote"
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise InvalidKey(f"{path} holds a key of another kind", "an Ed25519 key", "make one with sigmaraw keygen")
    return key


def public_key(path: Path) -> Ed25519PublicKey:
    """Return the public key of a PEM file. Raises InvalidKey."""
    text = _pem(path)
    try:
        key = serialization.load_pem_public_key(text)
    except (ValueError, UnsupportedAlgorithm) as error:
        remedy = "give the .pub.pem that keygen wrote" if b"PRIVATE" in text else "ask the signer for the public key"
        raise InvalidKey(f"{path} holds no public key", "a PEM file of an Ed25519 public key", remedy) from error
    if not isinstance(key, Ed25519PublicKey):
        raise InvalidKey(f"{path} holds a key of another kind", "an Ed25519 public key", "ask the signer for it")
    return key


def _pem(path: Path) -> bytes:
    try:
        return path.read_bytes()[: 1 << 16]
    except OSError as error:
        raise InvalidKey(f"key {path} cannot be read ({error.strerror})", "a PEM file", "check the path") from error
