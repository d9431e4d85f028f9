"""What pipelines and measures that call a user's function have in common: where it comes from, and the numbers that it returns."""

from __future__ import annotations

import inspect
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np

from sigmaraw.errors import InvalidPrediction
from sigmaraw.files import sha256_of_file


def source_of(function: Any) -> dict[str, str | None]:
    """Return the SHA-256 of the file that holds a function, and its module's version, None where there is none."""
    target = inspect.unwrap(function) if inspect.isroutine(function) else type(function)
    module = sys.modules.get(getattr(target, "__module__", ""))
    source, version = getattr(module, "__file__", None), getattr(module, "__version__", None)
    return {
        "source_sha256": sha256_of_file(source) if source and Path(source).is_file() else None,
        "module_version": None if version is None else str(version),
    }


def number_of(spec: str, name: str, value: Any) -> float:
    """Return a number that a function returned as `name`. Raises InvalidPrediction for anything else, infinity included."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if isinstance(value, bool | int | float | np.bool_ | np.integer | np.floating) and not math.isinf(value):
        return float(value)
    raise InvalidPrediction(f"'{spec}' returned {name} = {short(value)}", "a finite number or NaN", "return one number per name")


def short(value: Any) -> str:
    """Return type and first characters of a value, for a message of one line."""
    text = " ".join(repr(value).split())
    return f"{type(value).__name__} {text[:60]}"
