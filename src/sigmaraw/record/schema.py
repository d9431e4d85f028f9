"""What follows from the rows' classes: the JSON Schema of record.json, and the tables of its reference page.

``python -m sigmaraw.record.schema docs/reference/record.md`` writes both anew; a test binds them.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import inspect

from sigmaraw.files import write_text
from sigmaraw.record.content import SCHEMA, Content
from sigmaraw.record.fields import OWN_UNIT, Row
from sigmaraw.record.tables import described

SCHEMA_FILE = Path(__file__).with_name("record.schema.json")
BEGIN, END = "<!-- generated from sigmaraw.record: begin -->", "<!-- generated from sigmaraw.record: end -->"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:  # JSON Schema's own shape
    """Return the JSON Schema (2020-12) of record.json; each field has its `description` and, where it has one, its `unit`."""
    schema: dict[str, Any] = msgspec.json.schema(Content)
    return {"$schema": _DIALECT, "$id": SCHEMA, "title": "A study's record", **schema}


def schema_text() -> str:
    """Return the schema as it stands in the file."""
    return json.dumps(json_schema(), indent=1, ensure_ascii=False) + "\n"


# --- the reference page -----------------------------------------------------------------------------------------------
def reference_tables() -> str:
    """Return the tables of the reference page, in Markdown: one for each kind of row, in the order in which they occur."""
    parts = []
    for kind, places in _places().items():
        where = "record.json" if kind is Content else ", ".join(f"`{place}`" for place in places)
        parts.append(f"### {where}\n\n{(kind.__doc__ or '').splitlines()[0]}\n\n| field | type | unit | meaning |\n|---|---|---|---|")
        for name, entry in described(kind).items():
            unit = "the measurement's" if entry.unit == OWN_UNIT else entry.unit
            parts[-1] += f"\n| `{name}` | {_words(entry.type)} | {unit} | {entry.definition.replace('|', '&#124;')} |"
    return "\n\n".join(parts) + "\n"


def _places() -> dict[type[Row], list[str]]:
    """Return every row class with its places in the file, a class before those inside it."""
    found: dict[type[Row], list[str]] = {Content: [""]}
    queue: list[type[Row]] = [Content]
    for kind in queue:
        for name, entry in described(kind).items():
            for inner, suffix in _rows_in(entry.type):
                places = [f"{place}.{name}{suffix}".lstrip(".") for place in found[kind]]
                if inner not in found:
                    queue.append(inner)
                found.setdefault(inner, []).extend(places)
    return found


def _rows_in(kind: object) -> Iterator[tuple[type[Row], str]]:
    """Yield the row classes of a field's type, each with what stands behind the field's name: [] for lists, .NAME for objects."""
    if isinstance(kind, inspect.StructType) and issubclass(kind.cls, Row):
        yield kind.cls, ""
    elif isinstance(kind, inspect.UnionType):
        for part in kind.types:
            yield from _rows_in(part)
    elif isinstance(kind, inspect.VarTupleType):
        for row, suffix in _rows_in(kind.item_type):
            yield row, f"[]{suffix}"
    elif isinstance(kind, inspect.DictType):
        for row, suffix in _rows_in(kind.value_type):
            yield row, f".NAME{suffix}"


_SIMPLE: dict[type, str] = {
    inspect.IntType: "whole number",
    inspect.FloatType: "number",
    inspect.StrType: "text",
    inspect.BoolType: "true or false",
    inspect.NoneType: "null",
    inspect.AnyType: "any",
    inspect.StructType: "object",
}


def _words(kind: object) -> str:
    """Return a field's type in words."""
    if isinstance(kind, inspect.UnionType):
        return " or ".join(_words(part) for part in kind.types)
    if isinstance(kind, inspect.VarTupleType):
        return f"list of {_words(kind.item_type)}"
    if isinstance(kind, inspect.TupleType):
        return f"[{', '.join(_words(part) for part in kind.item_types)}]"
    if isinstance(kind, inspect.DictType):
        return f"object of {_words(kind.value_type)}"
    if isinstance(kind, inspect.LiteralType):
        return ", ".join(f"`{value}`" for value in kind.values)
    if isinstance(kind, inspect.Metadata):
        return _words(kind.type)
    return _SIMPLE[type(kind)]


def page_with_tables(page: str) -> str:
    """Return a page with the tables between its two marks.

    Raises
    ------
    ValueError
        The page has no such marks.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"no '{BEGIN}' and '{END}' in the page")
    return f"{before}{BEGIN}\n\n{reference_tables()}\n{END}{after}"


def main(pages: list[str]) -> None:
    """Write the schema's file, and the tables of some pages."""
    write_text(SCHEMA_FILE, schema_text())
    for page in pages:
        write_text(page, page_with_tables(Path(page).read_text(encoding="utf-8")))


if __name__ == "__main__":
    main(sys.argv[1:])
