"""A codec × setting grid as typed → the codec specifications of its points, and which curve each belongs to."""

from __future__ import annotations

import dataclasses
import itertools
import math
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from sigmaraw import registry
from sigmaraw.contracts import CodecContract, Parameter
from sigmaraw.errors import InvalidSpec

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_RANGE = re.compile(rf"({_NUMBER})\.\.({_NUMBER})(?::(\d+)(log)?)?")
_WHOLE = re.compile(r"\*(?::(\d+))?")
_POINTS_OF_WHOLE = 8
_GAP = "\0"  # stands for the setting while a curve's text is made
_MOST_POINTS = 1000  # of one range: a typing error must not fill the memory

Scale = Literal["linear", "log"]


@dataclass(frozen=True)
class GridPoint:
    """One codec of a grid.

    Parameters
    ----------
    codec : str
        The codec's specification.
    family : str
        The step whose setting runs along the curve, or the last step where none does.
    around : tuple of str
        The text of the specification before and after that setting; points of one curve differ in nothing else.
    parameter : str, optional
        Name of the setting; None where the grid has a single point.
    value : float, str or bool, optional
        The setting's value, in `unit`.
    unit : str, default ""
        Unit of the value.
    scale : {"linear", "log"}, default "log"
        The axis on which to halve between two values.
    stronger : int, default 0
        +1 where a larger value gives a shorter code stream, −1 where a smaller one does, 0 where the family does not declare it.
    """

    codec: str
    family: str
    around: tuple[str, str]
    parameter: str | None = None
    value: float | str | bool | None = None
    unit: str = ""
    scale: Scale = "log"
    stronger: int = 0

    @property
    def number(self) -> float | None:
        """The value where it is a number."""
        return float(self.value) if isinstance(self.value, int | float) and not isinstance(self.value, bool) else None

    @property
    def curve(self) -> str:
        """The curve's name: its specification with `*` in the place of the setting."""
        return "*".join(self.around) if self.parameter else self.codec

    @property
    def line(self) -> tuple[tuple[str, str], str | None]:
        """What all points of one curve share, also those half way between two of them."""
        return self.around, self.parameter

    def at(self, value: float) -> GridPoint:
        """Return the point of the same curve at another number."""
        text = value_text(value, isinstance(self.value, int))
        return dataclasses.replace(self, codec=text.join(self.around), value=int(text) if isinstance(self.value, int) else float(text))


@dataclass(frozen=True)
class _Varied:
    """A key with several values: where it stands in the chain, and the values as text."""

    step: int
    key: str | None  # None is the bare word
    parameter: Parameter
    texts: tuple[str, ...]


def expand(grids: Sequence[str] | str) -> list[GridPoint]:
    """Return the points of some grids, in the order in which they are typed.

    A grid is a codec specification in which values may be lists, ``a|b|c``, or ranges: ``low..high:count`` in equal steps,
    ``low..high:countlog`` in equal ratios, both ends included, or ``*:count`` (``*`` is ``*:8``), the whole range of the family's knob
    on the scale that the family declares. The first such key that is a number runs along the curve; every other one makes a curve for
    each of its values. Values of whole-numbered keys are rounded. In the command line of a program (`exec`) a ``|`` is a character and
    no list: the program runs with the text as typed.

    Parameters
    ----------
    grids : sequence of str or str
        The grids, for instance ``"jpeg2000:ratio=5|10|20"``, ``"noiseaware:q=0.5..4:8log"``, ``"to8bit:minmax|shift+jpeg:quality=80"``.

    Raises
    ------
    InvalidSpec
        Not a specification, a range without count or of words, a value that is not in the key's domain, or one twice.
    UnknownName
        No such family.
    """
    points = [point for grid in ((grids,) if isinstance(grids, str) else grids) for point in _expand_one(grid)]
    specs = [point.codec for point in points]
    repeated = next((spec for spec in specs if specs.count(spec) > 1), None)
    if repeated is not None:
        raise InvalidSpec(f"'{repeated}' twice in the grid", "each setting once", "remove one of the two")
    return points


def allowed_lines(points: Iterable[GridPoint], allow_exec: Collection[str]) -> frozenset[tuple[tuple[str, str], str | None]]:
    """Return the curves that may run programs: those of which every point is one of the grids `allow_exec`, typed by the caller.

    Parameters
    ----------
    points : iterable of GridPoint
        The points of the whole plan. A curve's points differ in one setting, which is no command line.
    """
    typed = {point.codec for point in expand(tuple(allow_exec))}
    entries = list(points)
    return frozenset(point.line for point in entries) - {point.line for point in entries if point.codec not in typed}


def _expand_one(grid: str) -> list[GridPoint]:
    steps = registry.parse_chain(grid)
    contracts = [_declared(step) for step in steps]
    varied = [entry for index, step in enumerate(steps) for entry in _varied(index, step, *contracts[index])]
    if not varied:
        return [GridPoint(grid, steps[-1].name, (grid, ""))]
    first = next((entry for entry in varied if entry.parameter.kind in (int, float)), varied[0])
    others = [entry for entry in varied if entry is not first]
    scale, stronger = _walk(contracts[first.step][0], first.parameter)
    points = []
    for rest in itertools.product(*(entry.texts for entry in others)):
        chosen = {(entry.step, entry.key): text for entry, text in zip(others, rest, strict=True)}
        before, after = _text(steps, {**chosen, (first.step, first.key): _GAP}).split(_GAP)
        for text in first.texts:
            parameter, owner = first.parameter, steps[first.step].name
            value = registry.convert(text, parameter, owner)
            points.append(
                GridPoint(text.join((before, after)), owner, (before, after), parameter.name, value, parameter.unit, scale, stronger)
            )
    return points


def _declared(step: registry.Step) -> tuple[CodecContract, tuple[Parameter, ...]]:
    """Return the contract and the keys of a step's family, its targets among them, as for the first of several values."""
    from sigmaraw.codecs.building import declared

    first = {key: text.split("|")[0] for key, text in step.keys.items()}
    single = registry.Step(step.name, step.bare and step.bare.split("|")[0], first)
    return declared(registry.load(registry.CODECS, step.name), single)


def _varied(index: int, step: registry.Step, contract: CodecContract, parameters: Sequence[Parameter]) -> list[_Varied]:
    """Return the keys of a step that have several values, the bare word first. Other values are left to the codec to check."""
    declared = {parameter.name: parameter for parameter in parameters}
    items: list[tuple[str | None, str]] = [(None, step.bare)] if step.bare is not None else []
    runs_programs = registry.load(registry.CODECS, step.name).runs_programs
    found = []
    for key, text in [*items, *step.keys.items()]:
        if "|" not in text and not _RANGE.fullmatch(text) and not _WHOLE.fullmatch(text):
            continue
        parameter = parameters[0] if key is None and parameters else declared.get(key or "")
        if parameter is None:
            registry.typed(step, parameters)  # names what is wrong with the key
            raise InvalidSpec(f"'{key}' of '{step.name}'", "a key of this family", "correct it")
        if runs_programs and parameter.kind is str and not parameter.choices:
            continue  # a command line
        texts = tuple(value for part in text.split("|") for value in _values(part.strip(), parameter, contract, step.name))
        for value in texts:
            registry.convert(value, parameter, step.name)
        if len(set(texts)) < len(texts):
            raise InvalidSpec(f"{parameter.name}={text} in '{step.name}' gives a value twice", "values that differ", "ask for fewer")
        found.append(_Varied(index, key, parameter, texts))
    return found


def _values(part: str, parameter: Parameter, contract: CodecContract, owner: str) -> list[str]:
    """Return one value as typed, or those of a range."""
    whole = _WHOLE.fullmatch(part)
    if whole is not None:
        return _whole_range(int(whole[1] or _POINTS_OF_WHOLE), parameter, contract, owner)
    match = _RANGE.fullmatch(part)
    if match is None:
        if not part:
            raise InvalidSpec(f"an empty value of {parameter.name} in '{owner}'", "values between the |", "remove one |")
        return [part]
    problem = InvalidSpec(
        f"{parameter.name}={part} in '{owner}'",
        "low..high:count with low below high and a count from 2, such as 0.5..4:8, or 0.5..4:8log for equal ratios",
        "write the range so",
    )
    low, high, count, log = float(match[1]), float(match[2]), int(match[3] or 0), match[4] is not None
    if parameter.kind not in (int, float) or not 2 <= count <= _MOST_POINTS or not low < high < math.inf or (log and low <= 0):
        raise problem
    shares = [index / (count - 1) for index in range(count)]
    values = [low * (high / low) ** share if log else low + (high - low) * share for share in shares[1:-1]]
    return [match[1], *(value_text(value, parameter.kind is int) for value in values), match[2]]


def _whole_range(count: int, parameter: Parameter, contract: CodecContract, owner: str) -> list[str]:
    """Return values from end to end of the family's knob, in equal steps of its scale; equal values after rounding count once."""
    axis = contract.axis
    if axis is None or axis.name != parameter.name or not 2 <= count <= _MOST_POINTS:
        raise InvalidSpec(
            f"{parameter.name}=* in '{owner}'", "* for the knob of a family that states its range, with 2 values or more", "write the range"
        )
    first, last = axis.position(axis.low), axis.position(axis.high)
    values = [axis.value(first + (last - first) * index / (count - 1)) for index in range(count)]
    return list(dict.fromkeys(value_text(value, parameter.kind is int) for value in values))


def value_text(value: float, whole: bool) -> str:
    """Return a number as a specification holds it: four significant digits, or rounded to a whole number."""
    return str(round(value)) if whole else f"{value:.4g}"


def _walk(contract: CodecContract, parameter: Parameter) -> tuple[Scale, int]:
    """Return the scale of a setting and which way is stronger, as far as the family declares it."""
    stronger = -contract.knob_direction if contract.knob == parameter.name else 0
    if contract.axis is not None and contract.axis.name == parameter.name:
        return contract.axis.scale, stronger
    return ("linear" if parameter.unit == "dB" else "log"), stronger


def _text(steps: Sequence[registry.Step], values: dict[tuple[int, str | None], str]) -> str:
    """Return the chain as a specification, with some values put in place of those typed."""
    parts = []
    for index, step in enumerate(steps):
        items = [] if step.bare is None else [values.get((index, None)) or registry.quoted(step.bare)]
        items += [f"{key}={values.get((index, key)) or registry.quoted(text)}" for key, text in step.keys.items()]
        parts.append(f"{step.name}:{','.join(items)}" if items else step.name)
    return "+".join(parts)
