"""Canonical JSON: one text for one value, whatever wrote it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import rfc8785

_LARGEST = 2**53 - 1  # whole numbers beyond it are no exact JSON numbers


def canonical(value: Any) -> bytes:
    """Return the canonical JSON of a value (RFC 8785), UTF-8; whole numbers beyond ±(2⁵³ − 1) become texts of their digits.

    Parameters
    ----------
    value : JSON value
        Texts, numbers, true, false, null, lists and objects with texts as keys.

    Returns
    -------
    bytes
        UTF-8.

    Raises
    ------
    ValueError
        A number that is not finite, half a surrogate pair, or a value that is not JSON's.

    References
    ----------
    RFC 8785, JSON Canonicalization Scheme.

    Examples
    --------
    >>> canonical({"b": [1.0, None], "a": 2**64 - 1})
    b'{"a":"18446744073709551615","b":[1,null]}'
    """
    return bytes(rfc8785.dumps(_exact(value)))


def digest(value: Any) -> str:
    """Return the SHA-256 of a value's canonical JSON, 64 hex digits."""
    return hashlib.sha256(canonical(value)).hexdigest()


def _exact(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _exact(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_exact(entry) for entry in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > _LARGEST:
        return str(value)
    return value
