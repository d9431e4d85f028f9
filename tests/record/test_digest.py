"""The digest is over everything but times, paths and hardware."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest

from sigmaraw.record.digest import digest_of
from tests.record.made import full_document

OUTSIDE = ("created", "path", "hardware", "digest")


def _leaves(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to every value that holds no others."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    if not isinstance(value, (dict, list)) or not value:
        yield place
    for key, part in parts:
        yield from _leaves(part, (*place, key))


@pytest.mark.requirement("R-RECORD")
def test_every_value_is_in_the_digest_but_times_paths_and_hardware() -> None:
    sound = full_document()
    base, seen = digest_of(sound), set()
    for place in _leaves(sound):
        changed = copy.deepcopy(sound)
        inner = changed
        for key in place[:-1]:
            inner = inner[key]
        inner[place[-1]] = "changed"
        inside = digest_of(changed) != base
        search_digest = place[:2] == ("search", "records")  # a stage's digest goes the way of the record's
        outside = any(key in OUTSIDE for key in place)
        assert inside != outside, place
        seen.add(place[0] if not search_digest else "search")
    assert seen == set(sound)


def test_a_warning_less_is_another_record() -> None:
    sound = full_document()
    changed = copy.deepcopy(sound)
    changed["results"][0]["warnings"] = []
    assert digest_of(changed) != digest_of(sound)


def test_the_digest_is_the_sha256_of_the_canonical_text() -> None:
    document = {"b": [1, {"path": "/x", "z": None}], "a": "é", "created": "now", "digest": "0"}
    assert digest_of(document) == hashlib.sha256('{"a":"é","b":[1,{"z":null}]}'.encode()).hexdigest()


def test_where_a_model_lies_is_outside_the_digest_and_what_it_holds_is_not() -> None:
    document = full_document()

    def at(folder: str, sha256: str) -> str:
        spec = f"onnx:{folder}/m.onnx"
        pipeline = {"name": "onnx", "spec": spec, "model": f"{folder}/m.onnx", "model_sha256": sha256, "threshold": 0.5}
        return digest_of(document | {"pipeline": pipeline, "plan": {"n": 3, "pipeline": spec, "sha256": folder}})

    assert at("here", "ab") == at("there", "ab")
    assert at("here", "ab") != at("here", "cd")


def test_the_order_of_keys_and_the_layout_of_the_file_do_not_count() -> None:
    document = full_document()
    turned = json.loads(json.dumps(dict(reversed(document.items())), indent=3))
    assert digest_of(turned) == digest_of(document)


@pytest.mark.parametrize("part", ["plan", "pipeline", "results", "inputs"])
def test_a_strangers_record_has_a_digest_whatever_is_in_it(part: str) -> None:
    for damage in (None, 5, "x", [], [1], {"model_sha256": 1}):
        assert len(digest_of(full_document() | {part: damage})) == 64
