"""Specifications parse as written, and wrong ones are refused by name."""

from __future__ import annotations

import pytest

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
