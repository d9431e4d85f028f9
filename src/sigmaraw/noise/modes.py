"""From a mode's specification to the mode: `around-raw`, `bootstrap:denoiser=nlm`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sigmaraw import registry

if TYPE_CHECKING:
    from sigmaraw.contracts import ReplicaMode


def replica_mode(spec: str) -> ReplicaMode:
    """Return the mode that a specification names, with its settings.

    Raises
    ------
    UnknownName
        There is no such mode.
    InvalidSpec
        The text is not of the form name:key=value, or the mode does not have the key or value.
    """
    step = registry.parse_step(spec)
    kind = registry.load(registry.MODES, step.name)
    mode: ReplicaMode = kind(**registry.typed(step, kind.parameters))
    return mode
