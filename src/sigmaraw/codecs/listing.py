"""What is installed, in one list, for the command line and the documentation."""

from __future__ import annotations

from typing import Any

from sigmaraw import registry
from sigmaraw.codecs import selftest
from sigmaraw.codecs.calls import versions
from sigmaraw.codecs.targets import target_names, with_targets
from sigmaraw.contracts import Knob
from sigmaraw.errors import SigmarawError


def describe() -> list[dict[str, Any]]:
    """Return one entry per registered family: name, summary, parameters, contract, library versions, availability, self-test (JSON values).

    A family that cannot be loaded is listed with `available` False and the `reason`; nothing is left out. `tests` has the fault of
    each tested method, empty where it passes ("" is the only method of most families); `fault` is all of them in one line, and `tested`
    is False where a family has nothing that can be tried alone. `knobs` is empty but for a family of another library's codecs: their knobs,
    in the place of which they take the targets.
    """
    return [_entry(name) for name in registry.names(registry.CODECS)]


def _entry(name: str) -> dict[str, Any]:
    try:
        family = registry.load(registry.CODECS, name)
    except (SigmarawError, ImportError, AttributeError) as error:  # an extension's fault must not hide the others
        return {"name": name, "available": False, "reason": " ".join(str(error).split())}
    contract = family.contract
    tests = selftest.results(name, family)
    knobs: dict[str, Knob] = getattr(family, "knobs", {})
    parameters = [parameter.describe() for parameter in with_targets(contract, family.parameters)]
    return {
        "name": name,
        "available": True,
        "reason": "",
        "summary": (family.__doc__ or "").strip().partition("\n")[0],
        "parameters": parameters,
        "dtypes": list(contract.dtypes),
        "lossless": contract.lossless or any(p.name == "lossless" for p in family.parameters) or getattr(family, "may_be_exact", False),
        "knob": contract.knob,
        "targets": list(target_names(contract)),
        "knobs": {first: {"knob": knob.name, "targets": list(target_names(family.contract_for(first)))} for first, knob in knobs.items()},
        "guarantee": contract.guarantee,
        "needs_camera": bool(family.needs_camera),
        "libraries": family.build() if hasattr(family, "build") else versions(tuple(getattr(family, "libraries", ()))),
        "tested": bool(tests),
        "tests": tests,
        "fault": "; ".join(f"{method}: {fault}" if method else fault for method, fault in tests.items() if fault),
        "processing": bool(contract.processing),
    }
