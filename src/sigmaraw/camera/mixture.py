"""All pixels of a sensor whose taps can be calibrated while they together cannot, and the refusal of taps that cannot either."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from sigmaraw.camera.dataset import MAPS, SCALARS, assemble
from sigmaraw.camera.scan import Scan
from sigmaraw.camera.values import Estimate, NotDetermined
from sigmaraw.errors import SigmarawError
from sigmaraw.netcdf import Arrays

_NAMED = 4  # taps in one line of a refusal


def undetermined(scan: Scan, parts: list[Arrays], why: SigmarawError) -> Arrays:
    """Return the dataset of all pixels together, none of whose scalars is determined; `with_taps` adds what the taps give.

    Parameters
    ----------
    scan : Scan
        Of the whole sensor.
    parts : list of Arrays
        Datasets of the taps.
    why : SigmarawError
        Why all pixels together cannot be calibrated.
    """
    assert scan.shape is not None
    missing = dict.fromkeys(SCALARS, Estimate.missing(NotDetermined.TAPS_DIFFER))
    names = [str(name) for name in parts[0].variables if parts[0][name].dims == ("y", "x")]
    assert set(MAPS) <= set(names)
    maps = {name: np.zeros(scan.shape, parts[0][name].dtype) for name in names}
    extra: dict[str, Mapping[str, Any]] = {name: parts[0][name].attrs for name in names}
    dropped = sum(int(part["pixel_class_map"].attrs.get("suspects_dropped", 0)) for part in parts)
    if dropped:
        extra["pixel_class_map"] = {**extra["pixel_class_map"], "suspects_dropped": dropped}
    note = f"all pixels together have no scalars, since they cannot be calibrated as one camera ({why.found}); each tap has scalars"
    return assemble(
        missing,
        maps,
        scan.curve(np.full(len(scan.flats), np.nan), np.zeros(len(scan.flats), dtype=bool)),
        extra,
        {
            **scan.provenance(),
            "valid_lo_dn": 0,
            "valid_hi_dn": max(int(part.attrs["valid_hi_dn"]) for part in parts),
            "notes": note,
        },
        complete=False,
    )


def refusal(failed: Mapping[str, SigmarawError], taps: int, whole: SigmarawError | None) -> SigmarawError:
    """Return the refusal that names the taps which cannot be calibrated; that of the whole sensor where nothing can be.

    Parameters
    ----------
    failed : dict of str to SigmarawError
        Refusals by label of the tap.
    taps : int
        Number of taps.
    whole : SigmarawError or None
        Why all pixels together cannot be calibrated; None where they can.
    """
    if whole is not None and len(failed) == taps:
        return whole
    first = next(iter(failed.values()))
    found = "; ".join(f"tap {label}: {error.found}" for label, error in list(failed.items())[:_NAMED])
    more = f"; and {len(failed) - _NAMED} more" if len(failed) > _NAMED else ""
    return type(first)(f"{found}{more} ({taps - len(failed)} of {taps} taps can be calibrated)", first.expected, first.remedy)
