"""Specifications parse as written, and wrong ones are refused by name."""

from __future__ import annotations

import importlib
import importlib.metadata
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import sigmaraw.metrics
import sigmaraw.pipelines
from sigmaraw import registry
from sigmaraw.codecs import describe
from sigmaraw.codecs.lossless import METHODS
from sigmaraw.contracts import Parameter
from sigmaraw.errors import BrokenExtension, DuplicateName, InvalidSpec, MissingExtra, UnknownName
from sigmaraw.registry import entries, suggestions

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


def test_installed_packages_are_searched_once(monkeypatch: pytest.MonkeyPatch) -> None:
    searches = []
    monkeypatch.setattr(entries, "entry_points", lambda: searches.append(1) or found)
    found = importlib.metadata.entry_points()
    _search_anew()
    try:
        assert [set(registry.names(group)) for group in registry.GROUPS] == [
            set(found.select(group=group).names) for group in registry.GROUPS
        ]
        assert searches == [1]
    finally:
        _search_anew()


def _search_anew() -> None:
    entries._all_points.cache_clear()
    entries._table.cache_clear()


def test_every_registered_name_loads() -> None:
    for group in registry.GROUPS:
        assert registry.names(group), f"{group} is empty: is the package installed?"
        for name in registry.names(group):
            assert registry.load(group, name) is not None


# --- other packages ---------------------------------------------------------------------------------------------------
@pytest.fixture
def packages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[..., None]]:
    """Install pretended packages: name of the entry point → (group, package, what its module holds)."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def install(**modules: tuple[str, str, str]) -> None:
        for name, (group, package, text) in modules.items():
            module = package.replace("-", "_")
            (tmp_path / f"{module}.py").write_text(text, encoding="utf-8")
            info = tmp_path / f"{module}-2.5.dist-info"
            info.mkdir()
            (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 2.5\n", encoding="utf-8")
            registered = name.rstrip("_").replace("_", "-")
            (info / "entry_points.txt").write_text(f"[{group}]\n{registered} = {module}:Found\n", encoding="utf-8")
        importlib.invalidate_caches()
        _search_anew()

    yield install
    _search_anew()


CODER = """
from sigmaraw.contracts import CodecContract, Coder, Encoded
class Found(Coder):
    name = "twin"
    contract = CodecContract(("uint8",), lossless=True)
    def encode(self, frame): return Encoded(frame.tobytes())
    def decode(self, encoded, shape, dtype): raise NotImplementedError
"""


def test_two_packages_with_one_name_are_refused_and_hide_nothing(packages) -> None:
    packages(twin=(registry.CODECS, "left-hand", CODER), twin_=(registry.CODECS, "right-hand", CODER))
    with pytest.raises(DuplicateName, match=r"twin.*(left|right)-hand 2.5.*(left|right)-hand 2.5"):
        registry.load(registry.CODECS, "twin")
    rows = {row["name"]: row for row in describe()}
    assert not rows["twin"]["available"]
    assert "left-hand" in rows["twin"]["reason"]
    assert rows["lossless"]["available"]


# What a package of another author may do wrong, and what a listing has to say of it.
WRONG = {
    "raises": ("raise RuntimeError('no licence')", "RuntimeError: no licence"),
    "leaves": ("import sys; sys.exit('bye')", "SystemExit: bye"),
    "syntax": ("class Found(:\n", "SyntaxError"),
    "lacks-a-module": ("import no_such_library", "no_such_library"),
    "lacks-the-name": ("Other = 1", "AttributeError"),
    "no-class": ("Found = 7", "is a int, not a class"),
    "no-base": ("class Found:\n    name = 'x'", "does not inherit from sigmaraw.contracts"),
    "no-method": ("from sigmaraw.contracts import {base}\nclass Found({base}):\n    name = 'x'", "lacks"),
    "no-name": ("from sigmaraw.contracts import {base}\nclass Found({base}): pass", "has no name"),
    "parameters": (
        "from sigmaraw.contracts import {base}\nclass Found({base}):\n    name, parameters = 'x', ['q']\nFound.__abstractmethods__ = ()",
        "are not a tuple of Parameter",
    ),
}
LISTINGS = {
    registry.CODECS: ("Coder", describe),
    registry.PIPELINES: ("Pipeline", sigmaraw.pipelines.describe),
    registry.METRICS: ("Metric", sigmaraw.metrics.describe),
}


@pytest.mark.parametrize("group", LISTINGS)
@pytest.mark.parametrize("fault", WRONG)
def test_a_listing_survives_a_broken_package_and_names_it(packages, group: str, fault: str) -> None:
    base, listing = LISTINGS[group]
    text, words = WRONG[fault]
    package = f"broken-{fault}-{group.partition('.')[2]}"
    before = registry.names(group)
    packages(broken=(group, package, text.replace("{base}", base)))
    rows = {row["name"]: row for row in listing()}
    assert set(rows) == {*before, "broken"}
    assert not rows["broken"]["available"]
    assert words in rows["broken"]["reason"]
    assert rows["broken"]["package"] == package
    if fault != "lacks-a-module":
        assert f"{package} 2.5" in rows["broken"]["reason"]
    assert all(rows[name]["available"] for name in before)
    with pytest.raises((BrokenExtension, MissingExtra)):
        registry.load(group, "broken")


def test_a_family_that_fails_only_when_it_is_described_is_listed_as_such(packages) -> None:
    packages(hollow=(registry.CODECS, "hollow-codec", CODER.replace("twin", "hollow").replace("contract =", "contrast =")))
    rows = {row["name"]: row for row in describe()}
    assert "package hollow-codec: AttributeError" in rows["hollow"]["reason"]
    assert rows["jpegls"]["available"]


# --- suggestions ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("group", "name", "words"),
    [
        (registry.CODECS, "png", "lossless:png"),
        (registry.CODECS, "JP2", "jpeg2000"),
        (registry.CODECS, "jxl", "jpegxl"),
        (registry.CODECS, "x265", "hevc"),
        (registry.CODECS, "jpeg200", "did you mean 'jpeg2000'"),
        (registry.PIPELINES, "cellpose", "recipes.md#cellpose"),
        (registry.PIPELINES, "otus", "did you mean 'otsu'"),
        (registry.METRICS, "iou", "jaccard"),
    ],
)
def test_an_unknown_name_says_what_was_meant(group: str, name: str, words: str) -> None:
    with pytest.raises(UnknownName, match=f"(?i){re.escape(words)}"):
        registry.load(group, name)


def test_every_suggested_name_exists() -> None:
    for group, meant in suggestions._MEANT.items():
        choices = registry.names(group)
        for hint in meant.values():
            for spec in re.findall(r"write ([a-z0-9_-]+(?::[a-z0-9]+)?)", hint):
                name, _, method = spec.partition(":")
                assert name in choices, hint
                assert not method or name != "lossless" or method in METHODS
        assert not set(meant) & set(registry.names(group)), "a registered name needs no suggestion"


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


@example([("0E", None, {}), ("0", None, {})], False)
@example([("x", "1e", {}), ("0", None, {})], False)
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


@pytest.mark.parametrize("value", ["5|10", "5..20:4"])
def test_a_list_where_one_value_belongs_says_which_verbs_take_lists(value: str) -> None:
    parameter = Parameter("ratio", float, minimum=1.0)
    with pytest.raises(InvalidSpec, match="Give one value; lists and ranges are for sigmaraw sweep and search"):
        registry.convert(value, parameter, "jpeg2000")
    with pytest.raises(InvalidSpec, match="Give ratio such a value"):
        registry.convert("many", parameter, "jpeg2000")
