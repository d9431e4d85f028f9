"""sigmaraw plan: write and lock a plan before data are seen."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any

import typer

from sigmaraw import registry
from sigmaraw.cli import options as take
from sigmaraw.errors import InvalidOption, InvalidPlan


def plan(
    output: Annotated[Path, typer.Option("--output", "-o", metavar="PLAN.toml", help="The plan file to write.")],
    draft: Annotated[Path | None, typer.Option(metavar="DRAFT.toml", help="A plan file to begin with; options add to it.")] = None,
    codec: take.Spec = None,
    pipeline: take.PipelineSpec = None,
    mode: take.Mode = None,
    n: take.Count = None,
    seed: take.Seed = None,
    rule: take.RuleName = None,
    question: Annotated[str | None, typer.Option(help="What is to be found out.")] = None,
    context: Annotated[str | None, typer.Option(help="What the codec is to be used for.")] = None,
    influence: Annotated[
        str | None, typer.Option(metavar="TEXT", help="How much of the decision rests on the model's answers, beside other evidence.")
    ] = None,
    consequence: Annotated[str | None, typer.Option(metavar="TEXT", help="What follows from a wrong decision.")] = None,
    endpoint: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Measurement that answers the question; repeat it.")] = None,
    margin: take.Margin = None,
    k: take.Limit = None,
    spread: take.SpreadLimit = None,
    rms: take.RmsLimit = None,
    rationale: Annotated[
        list[str] | None, typer.Option(metavar="NAME=TEXT", help="Why a limit or margin has this value; repeat it.")
    ] = None,
    unit: Annotated[str | None, typer.Option(help="Unit of inference: image or specimen.")] = None,
    images: Annotated[int | None, typer.Option(min=1, help="Images, or specimens, that are planned.")] = None,
    multiplicity: Annotated[str | None, typer.Option(help="How testing several measurements and codecs at once is accounted for.")] = None,
    exclude: Annotated[list[str] | None, typer.Option(metavar="TEXT", help="What is left out, and why; repeat it.")] = None,
    pilot: Annotated[Path | None, typer.Option(metavar="DIR", help="Record of a pilot study; its images must not be used later.")] = None,
    power: Annotated[float, typer.Option(help="Wanted probability of a PASS, for the number of images after a pilot.")] = 0.8,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file.")] = False,
) -> None:
    """Write a plan and lock it with digest and time, before the data are read."""
    from sigmaraw.study import Plan, count_or_auto, read_plan, write_locked

    if output.exists() and not overwrite:
        raise InvalidOption(f"{output} exists already", "a free name", "choose another with -o, or add --overwrite")
    content = _draft(draft)
    stated: dict[str, Any] = {
        "codecs": codec,
        "pipeline": take.joined(pipeline),
        "mode": mode,
        "seed": seed,
        "rule": rule,
        "question": question,
    }
    stated |= {"n": None if n is None else count_or_auto(n), "context_of_use": context, "endpoints": endpoint, "unit": unit}
    stated |= {"model_influence": influence, "decision_consequence": consequence}
    stated |= {"images": images, "multiplicity": multiplicity, "exclusions": exclude}
    content |= {key: value for key, value in stated.items() if value is not None}
    named = {"k": k, "spread": spread, "rms": rms}
    if any(value is not None for value in named.values()):
        content.setdefault("limits", {}).update({name: value for name, value in named.items() if value is not None})
    if margin:
        limits = content.setdefault("limits", {})
        limits["margin"] = {**limits.get("margin", {}), **(take.margins(margin) or {})}
    if rationale:
        content["rationale"] = {**content.get("rationale", {}), **dict(map(take.pair, rationale))}
    if pilot is not None:
        for line in _after_pilot(pilot, content, power):
            typer.echo(line)
    lacking = [name for name in ("codecs", "pipeline", "question", "context_of_use", "images") if not content.get(name)]
    unfounded = sorted(set(content.get("limits", {}).get("margin", {})) - set(content.get("rationale", {})))
    if lacking or unfounded:
        wanted = [*lacking, *(f"a rationale of margin {name}" for name in unfounded)]
        raise InvalidPlan(f"a plan without {', '.join(wanted)}", "all of it before data are seen", "state it by option or in --draft")
    _check_codecs(content["codecs"])
    existing = output.read_bytes() if output.exists() else None
    lock = write_locked(output, content)
    try:
        Plan(**read_plan(output))
    except Exception:
        output.unlink() if existing is None else output.write_bytes(existing)
        raise
    typer.echo(f"locked {output} at {lock.created}, SHA-256 {lock.sha256}")


def _check_codecs(specs: list[str]) -> None:
    """Refuse a codec that does not exist: once locked, the plan could not be corrected. Raises UnknownName, InvalidSpec."""
    for spec in specs:
        for step in registry.parse_chain(spec):
            registry.load(registry.CODECS, step.name)


def _draft(path: Path | None) -> dict[str, Any]:  # as the TOML has it
    """Return a draft's content; read_plan has the refusals."""
    if path is None:
        return {}
    from sigmaraw.study import read_plan

    read_plan(path)
    return {key: value for key, value in tomllib.loads(path.read_text(encoding="utf-8")).items() if key != "lock"}


def _after_pilot(folder: Path, content: dict[str, Any], power: float) -> list[str]:
    """Set the planned number of images, where none is stated, to what a pilot suggests, and return that in words."""
    from sigmaraw.record import read_content
    from sigmaraw.study.pilot import images_needed

    if not 0.0 < power < 1.0:
        raise InvalidOption(f"--power {power:g}", "a probability between 0 and 1", "give it such as 0.8")
    found = images_needed(read_content(folder), power)
    needed = [row.images for row in found if row.images is not None]
    if needed and len(needed) == len(found):
        content.setdefault("images", max(needed))
    return [str(row) for row in found]
