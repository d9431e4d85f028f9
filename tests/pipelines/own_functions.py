"""Functions that tests name as pipelines."""

from __future__ import annotations

from typing import Any

import numpy as np

from sigmaraw.contracts import Measurement


def moments(image: np.ndarray) -> dict[str, Any]:
    """Plain numbers of several types."""
    return {"mean": image.mean(), "top": image.max(), "bright": bool(image.max() > 5), "whole": np.array(3)}


def declared(image: np.ndarray) -> dict[str, float]:
    """Says its units itself."""
    return {"mean": float(image.mean())}


declared.measurements = {"mean": "DN"}  # type: ignore[attr-defined]  # a function takes attributes


def counted(image: np.ndarray) -> dict[str, float]:
    """Says everything itself."""
    return {"n": 2.0}


counted.measurements = [Measurement("n", "1", "N", "always two", discrete=True)]  # type: ignore[attr-defined]  # as above


def in_place(image: np.ndarray) -> dict[str, float]:
    """Works in the image that it is given."""
    image -= image.min()
    return {"top": float(image.max())}


def fickle(image: np.ndarray) -> dict[str, float]:
    """Other names for bright images."""
    return {"bright": 1.0} if image.max() > 100 else {"dark": 1.0}


def worded(image: np.ndarray) -> dict[str, Any]:
    """No number."""
    return {"answer": "many"}


def infinite(image: np.ndarray) -> dict[str, float]:
    """Not finite."""
    return {"answer": float("inf")}


def bare(image: np.ndarray) -> float:
    """No names."""
    return 1.0


value = 3
