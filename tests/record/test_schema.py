"""The committed JSON Schema and the reference page are those of the rows, and the schema agrees with the reader."""

from __future__ import annotations

import copy
import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from sigmaraw.errors import InvalidRecord
from sigmaraw.record import content_of
from sigmaraw.record.schema import SCHEMA_FILE, _places, json_schema, page_with_tables, reference_tables, schema_text
from sigmaraw.record.tables import described
from tests.record.made import full_document

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "record.md"
RENEW = "python -m sigmaraw.record.schema docs/reference/record.md"


def test_the_committed_schema_is_that_of_the_rows() -> None:
    assert SCHEMA_FILE.read_text(encoding="utf-8") == schema_text(), f"renew it: {RENEW}"
    jsonschema.Draft202012Validator.check_schema(json_schema())


def test_the_reference_page_holds_every_field_of_every_row() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page_with_tables(page) == page, f"renew it: {RENEW}"
    lines = reference_tables().splitlines()
    for kind in _places():
        for name in described(kind):
            assert any(line.startswith(f"| `{name}` |") for line in lines), (kind, name)
    with pytest.raises(ValueError, match="begin"):
        page_with_tables("# A page without marks")


@functools.cache
def validator() -> Any:
    """The schema, checked above, as another library reads it."""
    return jsonschema.Draft202012Validator(json_schema())


def test_a_whole_record_follows_the_schema() -> None:
    validator().validate(full_document())


@pytest.mark.parametrize(
    "damage",
    [
        lambda d: d["results"][0].update(verdict="FINE"),
        lambda d: d["results"][0].update(sigma_raw="1"),
        lambda d: d["results"][0].pop("epsilon_hat"),
        lambda d: d["results"][0].update(colour="red"),
        lambda d: d["results"][0].update(sigma_raw_ci=[1.0, 2.0, 3.0]),
        lambda d: d["codecs"][0].pop("verdict"),
        lambda d: d["camera"]["checks"][0].update(outcome="maybe"),
        lambda d: d["search"].pop("rule"),
        lambda d: d.update(inputs={}),
        lambda d: d.pop("plan"),
    ],
)
def test_another_validator_refuses_what_the_reader_refuses(damage: Callable[[dict[str, Any]], Any]) -> None:
    changed = copy.deepcopy(full_document())
    damage(changed)
    with pytest.raises(InvalidRecord):
        content_of(changed)
    with pytest.raises(jsonschema.ValidationError):
        validator().validate(json.loads(json.dumps(changed)))
