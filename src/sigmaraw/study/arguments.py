"""What a call from Python gives, as a plan and a pipeline."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

from sigmaraw.contracts import Pipeline
from sigmaraw.study.plan import Plan
from sigmaraw.study.plan_types import margins_of


def plan_of(
    codecs: Sequence[str] | str,
    pipeline: Pipeline | Callable[..., Any] | str | os.PathLike[str] | Sequence[Any],
    allow_exec: bool = False,
    **settings: Any,
) -> tuple[Plan, Pipeline | str]:
    """Return the plan of a call from Python, and its pipeline: an object, or a specification.

    Parameters
    ----------
    codecs : str or sequence of str
        Specifications of codecs.
    pipeline : Pipeline, callable, str or path, or sequence of them
        As the caller gave it.
    allow_exec : bool, default False
        The pipeline may run programs.
    **settings : object
        Fields of `Plan`; `margin` may be None.
    """
    model = as_pipeline(pipeline, allow_exec)
    specs = (codecs,) if isinstance(codecs, str) else tuple(codecs)
    settings["margin"] = margins_of(settings.get("margin"))
    return Plan(specs, model if isinstance(model, str) else model.spec, **settings), model


def as_pipeline(
    pipeline: Pipeline | Callable[..., Any] | str | os.PathLike[str] | Sequence[Any], allow_exec: bool = False
) -> Pipeline | str:
    """Return a pipeline object or its specification; a plain function becomes a pipeline, and so does a program that may run.

    Parameters
    ----------
    pipeline : Pipeline, callable, str or path, or sequence of them
        As the caller gave it.
    allow_exec : bool, default False
        A specification may name a program: the caller typed it. Workers get the object, and never the permission.
    """
    from sigmaraw.pipelines import JOINT, runs_programs
    from sigmaraw.pipelines import pipeline as make

    if isinstance(pipeline, list | tuple) and all(isinstance(entry, str) for entry in pipeline):
        pipeline = JOINT.join(pipeline)
    if isinstance(pipeline, str):
        return make(pipeline, allow_exec=True) if allow_exec and runs_programs(pipeline) else pipeline
    if hasattr(pipeline, "batch"):
        return pipeline  # type: ignore[return-value]  # has what the Protocol asks for; predictions are checked as they come
    return make(pipeline)
