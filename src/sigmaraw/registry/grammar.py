"""The one grammar in which users name codecs, pipelines and modes.

A specification is ``name:key=value,key=value``; steps are joined by ``+``; a bare word sets a step's first parameter. A value may
stand in double quotes, between which ``,``, ``+`` and ``=`` are characters like any other; ``""`` there is one quotation mark.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sigmaraw.contracts import Parameter
from sigmaraw.errors import InvalidSpec


@dataclass(frozen=True)
class Step:
    """One parsed step of a specification.

    Parameters
    ----------
    name : str
        What is looked up.
    bare : str, optional
        The word that sets the first parameter.
    keys : mapping of str to str
        The other settings, as typed.
    """

    name: str
    bare: str | None = None
    keys: Mapping[str, str] = field(default_factory=dict)


def parse_step(text: str) -> Step:
    """Return the step that ``name:bare,key=value,…`` says; values may be quoted.

    Parameters
    ----------
    text : str
        One step of a specification.

    Returns
    -------
    Step
        Its name and settings, still text.

    Raises
    ------
    InvalidSpec
        An empty name, an empty or repeated key, a bare word that is not the first item, a quotation mark left open.

    Examples
    --------
    >>> parse_step("jpeg:quality=90").keys
    {'quality': '90'}
    """
    name, colon, rest = text.strip().partition(":")
    if not name or (colon and not rest.strip()):
        raise InvalidSpec(f"'{text}' is not a specification", "name or name:key=value,key=value", "write it like jpeg:quality=90")
    bare: str | None = None
    keys: dict[str, str] = {}
    for position, item in enumerate(_split(rest, ",", text) if rest else []):
        problem = InvalidSpec(f"'{item.strip()}' in '{text}'", "each key once, as key=value", "correct this part")
        quoted = item.lstrip().startswith('"')
        key, equals, value = (item.strip(), "", "") if quoted else (part.strip() for part in item.partition("="))
        if not equals and position == 0 and key:
            bare = _unquoted(key, problem)
        elif not equals or not key or not value or key in keys:
            raise problem
        else:
            keys[key] = _unquoted(value, problem)
    return Step(name.strip(), bare, keys)


def _split(text: str, separator: str, whole: str) -> list[str]:
    """Return `text` cut at every `separator` that is not between quotation marks.

    A mark opens a quotation only where a value begins (after ``=`` or ``:``, or first of all), and there alone: an inch in the
    middle of a word is a character. Raises InvalidSpec when the last quotation is open.
    """
    pieces, start, inside, before = [], 0, False, ":"
    for place, character in enumerate(text):
        if character == '"' and (inside or before in "=:"):
            inside = not inside
            # A doubled mark closes and opens again, so that what follows is still inside.
            before = "=" if not inside and text[place + 1 : place + 2] == '"' else '"'
        elif character == separator and not inside:
            pieces.append(text[start:place])
            start, before = place + 1, separator
        elif not character.isspace() and not inside:
            before = character
    if inside:
        raise InvalidSpec(f"'{whole}' with a quotation mark that is not closed", 'key="value"', "close it")
    return [*pieces, text[start:]]


def _unquoted(value: str, problem: InvalidSpec) -> str:
    """Return what a value says without its quotation marks. Raises `problem` when something stands behind the closing one."""
    if not value.startswith('"'):
        return value
    inner = value[1:-1]
    if len(value) < 2 or not value.endswith('"') or '"' in inner.replace('""', ""):
        raise problem
    return inner.replace('""', '"')


def quoted(value: str) -> str:
    """Return a value as a specification holds it: in quotation marks where it would be read as something else without them."""
    plain = value == value.strip() and value and not any(character in value for character in ',+="') and not _begins_exponent(value)
    return value if plain else '"' + value.replace('"', '""') + '"'


def _begins_exponent(text: str) -> bool:
    """Whether a ``+`` and a digit behind a text would be read as its exponent, as in ``1e+3``."""
    return text[-1:] in ("e", "E") and text[-2:-1].isdigit()


def parse_chain(text: str) -> list[Step]:
    """Return the steps of a specification, which are joined by ``+``.

    A ``+`` inside an exponent (``1e+3``) or between quotation marks is part of the value, not a joint.

    Parameters
    ----------
    text : str
        The whole specification.

    Returns
    -------
    list of Step
        In order.

    Raises
    ------
    InvalidSpec
        As `parse_step` does.

    Examples
    --------
    >>> [step.name for step in parse_chain("to8bit:minmax+jpeg:quality=90")]
    ['to8bit', 'jpeg']
    """
    parts: list[str] = []
    for piece in _split(text, "+", text):
        in_value = bool(parts) and ":" in parts[-1]  # a name has no exponent
        if in_value and _begins_exponent(parts[-1]) and piece[:1].isdigit():
            parts[-1] += "+" + piece
        else:
            parts.append(piece)
    return [parse_step(part) for part in parts]


def typed(step: Step, parameters: Sequence[Parameter]) -> dict[str, Any]:
    """Return a step's settings with their declared types, defaults filled in.

    Parameters
    ----------
    step : Step
        As typed.
    parameters : sequence of Parameter
        What may be set.

    Returns
    -------
    dict
        One value for each parameter, in their order.

    Raises
    ------
    InvalidSpec
        An unknown key, a value of the wrong type or out of its domain, a required key that is missing.

    Examples
    --------
    >>> typed(parse_step("blur:sigma=2"), (Parameter("sigma", float, 1.0, minimum=0),))
    {'sigma': 2.0}
    """
    declared = {parameter.name: parameter for parameter in parameters}
    given = dict(step.keys)
    if step.bare is not None:
        if not parameters:
            raise InvalidSpec(f"'{step.bare}' after '{step.name}'", "no parameters", f"write just '{step.name}'")
        if parameters[0].name in given:
            raise InvalidSpec(f"{parameters[0].name} given twice in '{step.name}'", "each key once", "remove one of the two")
        given[parameters[0].name] = step.bare
    for key in given:
        if key not in declared:
            near = difflib.get_close_matches(key, declared, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"remove '{key}'"
            raise InvalidSpec(f"'{step.name}' has no key '{key}'", f"one of {', '.join(declared) or '(none)'}", hint)
    result: dict[str, Any] = {}
    for name, parameter in declared.items():
        if name in given:
            result[name] = convert(given[name], parameter, step.name)
        elif parameter.required:
            raise InvalidSpec(f"'{step.name}' without '{name}'", f"{name}=…, {parameter.help}", f"write {step.name}:{name}=…")
        else:
            result[name] = parameter.default
    return result


def convert(text: str, parameter: Parameter, step: str) -> Any:
    """Return `text` as the parameter's type. Raises InvalidSpec when it is not one, or out of the declared domain."""
    expected = parameter.domain()
    several = "|" in text or ".." in text
    remedy = "give one value; lists and ranges are for sigmaraw sweep and search" if several else f"give {parameter.name} such a value"
    problem = InvalidSpec(f"{parameter.name}={text} in '{step}'", expected, remedy)
    if parameter.kind is bool:
        if text not in ("true", "false"):
            raise problem
        return text == "true"
    if parameter.kind is str:
        if parameter.choices and text not in parameter.choices:
            raise problem
        return text
    try:
        value = float(text) if parameter.kind is float else int(text)
    except ValueError as error:
        raise problem from error
    if not math.isfinite(value):
        raise problem
    if parameter.minimum is not None and value < parameter.minimum:
        raise problem
    if parameter.maximum is not None and value > parameter.maximum:
        raise problem
    if parameter.choices and value not in parameter.choices:
        raise problem
    return value
