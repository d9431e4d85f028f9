"""Specifications parse as written, and wrong ones are refused by name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigmaraw import registry
from sigmaraw.contracts import Parameter
from sigmaraw.errors import DuplicateName, InvalidSpec, UnknownName

PARAMETERS = (
    Parameter("method", str, "minmax", choices=("minmax", "shift"), help="how"),
    Parameter("q", float, 1.0, minimum=0.1, maximum=8),
    Parameter("near", int, 0, minimum=0),
    Parameter("frozen", bool, False),
)


def test_a_chain_keeps_its_steps_in_order() -> None:
    steps = registry.parse_chain("to8bit:minmax+jpeg:quality=90")
    assert [(step.name, step.bare, dict(step.keys)) for step in steps] == [("to8bit", "minmax", {}), ("jpeg", None, {"quality": "90"})]


def test_a_plus_in_an_exponent_is_part_of_the_number() -> None:
    (step,) = registry.parse_chain("zfp:tolerance=1e+3")
    assert step.keys == {"tolerance": "1e+3"}


def test_a_bare_word_sets_the_first_parameter_and_defaults_fill_the_rest() -> None:
    (step,) = registry.parse_chain("x:shift,q=2,frozen=true")
    assert registry.typed(step, PARAMETERS) == {"method": "shift", "q": 2.0, "near": 0, "frozen": True}


@pytest.mark.parametrize("text", ["", ":q=1", "x:", "x:q=", "x:=1", "x:q=1,q=2", "x:q=1,shift", "x:q=1,", "x++y"])
def test_bad_syntax_is_refused(text: str) -> None:
    with pytest.raises(InvalidSpec):
        registry.parse_chain(text)


@pytest.mark.parametrize(
    "text", ["x:q=high", "x:q=nan", "x:q=inf", "x:q=0.05", "x:q=9", "x:near=1.5", "x:near=-1", "x:frozen=1", "x:shfit", "x:quality=3"]
)
def test_bad_values_and_unknown_keys_are_refused(text: str) -> None:
    (step,) = registry.parse_chain(text)
    with pytest.raises(InvalidSpec):
        registry.typed(step, PARAMETERS)


def test_a_misspelt_key_is_answered_with_the_right_one() -> None:
    (step,) = registry.parse_chain("x:metod=shift")
    with pytest.raises(InvalidSpec, match="id you mean 'method'"):
        registry.typed(step, PARAMETERS)


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(UnknownName, match=r"jpeg2000.*noiseaware"):
        registry.load(registry.CODECS, "bogus")


def test_every_registered_name_loads() -> None:
    for group in registry.GROUPS:
        assert registry.names(group), f"{group} is empty: is the package installed?"
        for name in registry.names(group):
            assert registry.load(group, name) is not None


def test_two_packages_with_one_name_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Point:
        def __init__(self, value: str) -> None:
            self.name, self.value = "twin", value

    monkeypatch.setattr(registry, "entry_points", lambda group: [Point("a:A"), Point("b:B")])
    with pytest.raises(DuplicateName, match="a:A and b:B"):
        registry.names("sigmaraw.duplicate-test")


# --- quotation marks --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ('x:a="1,2+3=4:5"', [("x", None, {"a": "1,2+3=4:5"})]),
        ('x:"a=b,c",d=1+y:e="+"', [("x", "a=b,c", {"d": "1"}), ("y", None, {"e": "+"})]),
        ('x:a="say ""no"" , then"', [("x", None, {"a": 'say "no" , then'})]),
        ('x:a="" , b = " c "', [("x", None, {"a": "", "b": " c "})]),
        ('x:a=""""', [("x", None, {"a": '"'})]),
        ('x:a=5"disc,b=6"', [("x", None, {"a": '5"disc', "b": '6"'})]),
        ('x:a="1e"+y', [("x", None, {"a": "1e"}), ("y", None, {})]),
    ],
)
def test_between_quotation_marks_every_character_is_itself(text, steps) -> None:
    assert [(step.name, step.bare, dict(step.keys)) for step in registry.parse_chain(text)] == steps


@pytest.mark.parametrize(
    "text", ['x:a="b', 'x:a="b"c', 'x:a="b""', 'x:a="b"c"', 'x:"b"c', 'x:a="b"="c"', 'x:a=1,"b"', 'x:a="b" "c"', 'x:"']
)
def test_an_open_quotation_or_words_behind_it_are_refused(text: str) -> None:
    with pytest.raises(InvalidSpec):
        registry.parse_chain(text)


def test_an_open_quotation_is_called_so() -> None:
    with pytest.raises(InvalidSpec, match="not closed"):
        registry.parse_chain('x:a="b+c')


_WORD = st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1, max_size=5)
_STEP = st.tuples(_WORD, st.none() | st.text(max_size=8), st.dictionaries(_WORD, st.text(max_size=12), max_size=3))


@given(st.lists(_STEP, min_size=1, max_size=3), st.booleans())
def test_any_text_survives_quotation(steps, always) -> None:
    def quoted(value: str) -> str:
        shown = registry.quoted(value)
        return shown if always is False or shown.startswith('"') else f'"{shown}"'

    written = []
    for name, bare, keys in steps:
        items = ([] if bare is None else [quoted(bare)]) + [f"{key}={quoted(value)}" for key, value in keys.items()]
        written.append(name + (":" + ",".join(items) if items else ""))
    assert [(step.name, step.bare, dict(step.keys)) for step in registry.parse_chain("+".join(written))] == steps


@pytest.mark.parametrize("value", ["a", "1e-3", "C:\\x", "a+b", "1e+3", "a,b", "a=b", 'say "no"', "", " a", "a "])
def test_a_value_is_quoted_where_it_needs_it(value: str) -> None:
    shown = registry.quoted(value)
    assert (shown == value) == (value in ("a", "1e-3", "C:\\x"))
    assert [dict(step.keys) for step in registry.parse_chain(f"x:k={shown}+y")] == [{"k": value}, {}]


@given(st.text('ab=:,+" ', max_size=14))
def test_any_text_is_parsed_or_refused_by_name(text: str) -> None:
    try:
        steps = registry.parse_chain(text)
    except InvalidSpec:
        return
    assert steps
    assert all(step.name for step in steps)
