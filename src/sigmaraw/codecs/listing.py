"""What is installed, in one list, for the command line and the documentation."""

from __future__ import annotations

from typing import Any

from sigmaraw import registry
from sigmaraw.codecs import selftest
from sigmaraw.codecs.calls import library_versions
from sigmaraw.codecs.targets import target_names, with_targets
from sigmaraw.contracts import CodecFamily
from sigmaraw.registry import Installed


def describe(name: str | None = None) -> list[dict[str, Any]]:
    """Return one row per registered codec family, those that cannot be used with the reason (JSON values).

    Parameters
    ----------
    name : str, optional
        Only this family.

    Returns
    -------
    list of dict
        Each with name, package, available and reason. Of an available family also: summary, parameters (its targets among them),
        what its contract takes and promises, library versions. `tests` has the fault of each method that the self-test tried, empty
        where it passes ("" is the only method of most families); `fault` is all of them in one line; `tested` is False where a
        family has nothing that can be tried alone. `knobs` says, of a family whose knob depends on its first key, which values have
        one, and the targets that take its place.

    Raises
    ------
    UnknownName
        No family of that name; the message says what may have been meant.
    """
    return [_entry(entry) for entry in registry.installed(registry.CODECS, name)]


def _entry(entry: Installed) -> dict[str, Any]:
    row = {"name": entry.name, "package": entry.package, "available": False, "reason": entry.fault}
    if entry.found is None:
        return row
    try:
        return {**row, "available": True, **_of_family(entry.name, entry.found)}
    except Exception as error:  # noqa: BLE001 - another package's code, which may raise anything
        return {**row, "reason": f"package {entry.package}: {' '.join(f'{type(error).__name__}: {error}'.split())[:160]}"}


def _of_family(name: str, family: CodecFamily) -> dict[str, Any]:
    """Return what a family says of itself. Another package's code runs here, and may raise anything."""
    contract = family.contract
    tests = selftest.results(name, family)
    parameters = [parameter.describe() for parameter in with_targets(contract, family.parameters)]
    return {
        "summary": (family.__doc__ or "").strip().partition("\n")[0],
        "parameters": parameters,
        "dtypes": list(contract.dtypes),
        "lossless": contract.lossless or any(p.name == "lossless" for p in family.parameters) or family.may_be_exact,
        "knob": contract.knob,
        "targets": list(target_names(contract)),
        "knobs": {
            first: {"knob": knob.name, "targets": list(target_names(family.contract_for(first)))} for first, knob in family.knobs.items()
        },
        "guarantee": contract.guarantee,
        "needs_camera": bool(family.needs_camera),
        "libraries": library_versions(family),
        "tested": bool(tests),
        "tests": tests,
        "fault": "; ".join(f"{method}: {fault}" if method else fault for method, fault in tests.items() if fault),
        "processing": bool(contract.processing),
    }
