"""The plain-text table, the flat summary, and how numbers are printed."""

from __future__ import annotations

import csv
import itertools
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from sigmaraw.errors import InvalidRecord
from sigmaraw.record import content_of
from sigmaraw.record.results import WarningRow
from sigmaraw.record.words import Reason
from sigmaraw.reports import JsonReport, text_table
from sigmaraw.reports.csv_table import CsvReport
from sigmaraw.reports.kinds import kind_notes, u_mode_sources
from sigmaraw.reports.numbers import fixed, given, interval, measured, plain, prediction, probability
from sigmaraw.reports.selection import Reasons, by_codec
from sigmaraw.reports.statements import undefined_line
from sigmaraw.reports.table import display_width, reason_of, shorten
from sigmaraw.reports.wording import limitations


def _columns(rule: str) -> list[tuple[int, int]]:
    """Return start and end of each column from the rule below the head."""
    starts, position = [], 0
    for part in rule.split("  "):
        starts.append((position, position + len(part)))
        position += len(part) + 2
    return starts


def test_columns_are_aligned(record: Callable[..., dict[str, Any]]) -> None:
    lines = text_table(content_of(record(2, 5, 3))).splitlines()
    rules = [number for number, line in enumerate(lines) if line.startswith("─")]
    assert len(rules) == 2
    codecs, results = (lines[number + 1 :] for number in rules)
    results = list(itertools.takewhile(str.strip, results))  # below stand the warnings
    assert [line.split()[0] for line in codecs[:5]] == [row["codec"] for row in record(2, 5, 3)["codecs"]]
    columns = _columns(lines[rules[1]])
    rows = [line for line in results if not line.startswith("     ")]
    assert len(rows) == 2 * 5 * 3
    for line in rows:
        cells = "".join(mark for mark in line if display_width(mark))  # ε̂ carries a mark of no width
        assert all(cells[end : end + 2] in ("  ", "") for _, end in columns[:-1]), line
        assert cells[columns[-1][0] :].split(":")[0].removesuffix(" ⚠") in ("PASS", "FAIL", "INCONCLUSIVE")


def test_rows_fit_a_wide_terminal_and_keep_their_reason(record: Callable[..., dict[str, Any]]) -> None:
    table = text_table(content_of(record(1, 3, 2)))
    assert max(display_width(line) for line in table.splitlines()) <= 120
    assert "PASS: identical" in table
    assert "└ the guard band reaches over the limit" in table
    assert "38 px" in table and "41 " in table
    assert "stated values" not in table
    assert "stated values, not calibrated" in text_table(content_of(record(1, 3, 2, calibrated=False)))


def test_hostile_words_cannot_steer_the_terminal(record: Callable[..., dict[str, Any]]) -> None:
    made = record(1, 2, 1)
    for row in (*made["codecs"], *made["results"]):
        if row["codec"] == "lossless":
            row["codec"] = "\x1b[2J\u202e日本\nx"
    made["results"][0] |= {"epsilon": float("nan"), "epsilon_hat": None, "epsilon_hat_ci": None}
    table = text_table(content_of(made))
    assert "\x1b" not in table and "\u202e" not in table
    assert "�[2J�日本 x" in table
    assert "undefined" in table and "nan" not in table


def test_table_refuses_what_is_no_record() -> None:
    with pytest.raises(InvalidRecord, match="schema"):
        content_of({"results": []})


def _of_kinds(made: dict[str, Any], kinds: dict[str, tuple[str, bool] | None], u_mode: float = 0.35) -> dict[str, Any]:
    """Give measurements a kind, and whether it was measured; None is a record of before there were kinds."""
    for row in made["measurements"]:
        known = kinds[row["name"]]
        row |= {} if known is None else {"kind": known[0], "studied": known[1]}
    for row in made["results"]:
        row |= {"u_mode": u_mode, "u_mode_source": f"source of {(kinds[row['measurement']] or ['none'])[0]}"}
    return made


def test_kinds_that_are_stated_or_not_said_are_called_so(record: Callable[..., dict[str, Any]]) -> None:
    kinds = {
        "count": ("network-count", True),
        "area": ("network-area", False),
        "total_intensity": ("", False),
        "mean_intensity": ("", False),
    }
    made = _of_kinds(record(1, 2, 4), kinds)
    stated, unsaid = kind_notes(content_of(made))
    assert "area (network-area)" in stated and "count" not in stated and "has not measured this pipeline" in stated
    assert "total_intensity, mean_intensity" in unsaid and "35 %" in unsaid and "area (" not in unsaid
    flat = " ".join(text_table(content_of(made)).split())
    assert stated in flat and unsaid in flat
    assert all(note in limitations(content_of(made)) for note in (stated, unsaid))
    assert u_mode_sources(content_of(made)) == [
        ("count", "source of network-count"),
        ("area", "source of network-area"),
        ("total_intensity, mean_intensity", "source of "),
    ]
    assert kind_notes(content_of(_of_kinds(record(1, 2, 4), kinds, u_mode=0.0))) == []  # repeats: nothing rests on the kind
    assert kind_notes(content_of(_of_kinds(record(1, 2, 1), {"count": ("network-count", True)}))) == []
    assert kind_notes(content_of(_of_kinds(record(1, 2, 1), {"count": None}))) == []


def test_u_mode_and_its_source_are_in_both_tables(
    record: Callable[..., dict[str, Any]], write: Callable[..., Path], tmp_path: Path
) -> None:
    folder = write(tmp_path / "record", _of_kinds(record(1, 2, 1), {"count": ("network-count", False)}))
    (row, *_) = json.loads(JsonReport().render(folder).read_text(encoding="utf-8"))["results"]
    assert (row["u_mode"], row["u_mode_source"], row["u_cal"]) == (0.35, "source of network-count", 0.0031)
    (line, *_) = csv.DictReader(CsvReport().render(folder).read_text(encoding="utf-8").splitlines())
    assert (line["u_mode"], line["u_mode_source"], line["u_cal"]) == ("0.35", "source of network-count", "0.0031")


def test_summary_is_flat(folder: Path) -> None:
    path = JsonReport().render(folder)
    summary = json.loads(path.read_text(encoding="utf-8"))
    record = json.loads((folder / "record.json").read_text(encoding="utf-8"))
    assert path.name == "summary.json" and summary["record_digest"] == record["digest"]
    assert len(summary["results"]) == len(record["results"])
    for row in (*summary["codecs"], *summary["results"]):
        assert all(value is None or isinstance(value, str | int | float) for value in row.values())
    worst = next(row for row in summary["codecs"] if row["codec"] == "jpeg2000:ratio=40")
    assert worst["largest_epsilon_hat"] == -140.0 and worst["results_fail"] == 8 and worst["verdict"] == "FAIL"
    assert (worst["epsilon_hat_ci_low"], worst["epsilon_hat_ci_high"]) == tuple(record["results"][16]["epsilon_hat_ci"])


def test_summary_needs_a_record(tmp_path: Path) -> None:
    with pytest.raises(InvalidRecord):
        JsonReport().render(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_selection_prefers_the_severest(record: Callable[..., dict[str, Any]]) -> None:
    made = record(1, 2, 3)
    first, second, third = (row for row in made["results"] if row["codec"] == "noiseaware:q=1")
    first |= {"verdict": "INCONCLUSIVE", "epsilon_hat": 0.9}
    second |= {"verdict": "FAIL", "epsilon_hat": 0.2}
    third |= {"verdict": "PASS", "epsilon_hat": -0.5}
    found = by_codec(content_of(made))[1]
    assert found.largest is not None and found.largest.measurement == first["measurement"]
    assert found.deciding is not None and found.deciding.measurement == second["measurement"]
    third |= {"verdict": "FAIL", "epsilon_hat": None}  # σ_raw = 0: no number, and worse than any
    largest = by_codec(content_of(made))[1].largest
    assert largest is not None and largest.measurement == third["measurement"]


def test_reasons_look_from_narrow_to_wide(record: Callable[..., dict[str, Any]]) -> None:
    rows = [
        {"image": None, "codec": "a", "measurement": None, "field": "psnr_db", "reason": "lossless", "count": 1},
        {"image": 0, "codec": "a", "measurement": "area", "field": "epsilon", "reason": "nan_prediction", "count": 3},
    ]
    reasons = Reasons(content_of(record(1, 1, 1) | {"undefined": rows}))
    assert reasons.of("psnr_db", codec="a") == "undefined (lossless)"
    assert reasons.of("epsilon", 0, "a", "area") == "undefined (nan prediction)"
    assert reasons.of("epsilon", 1, "a", "area") == "undefined"


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (measured(6120.4321, 38.2), "6120"),
        (measured(688.2049, 0.42), "688.20"),
        (measured(4.2137e6, 3900.0), "4.2137×10⁶"),
        (measured(-0.0301, 0.12), "−0.03"),
        (measured(0.001, 0.12), "0.00"),
        (measured(0.0, 0.0), "0"),
        (measured(3.14159, None), "3.142"),
        (measured(1e300, 1e299), "1.00×10³⁰⁰"),
        (measured(5.0, 1e-300), "5.000000000000"),
        (plain(0.00001234, 2), "1.2×10⁻⁵"),
        (plain(12), "12"),
        (given(1.25), "1.25"),
        (given(4095.0), "4095"),
        (given(-2.5e7 - 0.5, 3), "−2.5×10⁷"),
        (interval(-1.19, 0.61), "[−1.19, 0.61]"),
        (interval(0.0, 0.0), "[0, 0]"),
        (interval(None, 1.0), None),
        (prediction(41.0, 1.3, True), "41"),
        (prediction(41.0, 1.3, False), "41.0"),
        (probability(0.0412), "0.041"),
        (probability(3.12e-7), "3.1×10⁻⁷"),
        (fixed(-0.0004, 2), "0.00"),
    ],
)
def test_numbers(shown: str | None, expected: str | None) -> None:
    assert shown == expected


def test_shorten_keeps_both_ends() -> None:
    assert (
        shorten("to8bit:minmax+jpeg:quality=90", 12) == "to8bi…ity=90" or display_width(shorten("to8bit:minmax+jpeg:quality=90", 12)) <= 12
    )
    assert shorten("abc", 3) == "abc" and display_width("ε̂日") == 3
    assert display_width(shorten("日" * 40, 11)) <= 11


def test_where_nothing_moves_more_replicas_are_not_advised(record: Callable[..., dict[str, Any]]) -> None:
    """Without a margin no number of replicas decides what raw noise does not move; with one, and where it moves, more do."""
    row = msgspec.structs.replace(content_of(record()).results[0], reason=str(Reason.UNCHANGED_UNSURE), sigma_raw=0.0, limit=1.0)
    assert reason_of(row).endswith("only where a margin is stated")
    for other in ({"limit": None}, {"sigma_raw": 0.3}):
        assert reason_of(msgspec.structs.replace(row, **other)) == "too few replicas to bound rare changes"


def test_undefined_scores_leave_statements_undecided_or_not() -> None:
    rows = tuple(SimpleNamespace(epsilon_hat=value, codec=codec, measurement="m") for value, codec in ((None, "c"), (0.5, "d")))
    none, one = "which leaves no statement on these images", "so 1 statements on these images are"
    for verdict, codec, words in (("PASS", "c", none), ("INCONCLUSIVE", "c", one), ("INCONCLUSIVE", "d", none)):
        said = SimpleNamespace(statement="these-images", undefined=1, verdict=verdict, codec=codec, measurement="m")
        record: Any = SimpleNamespace(results=rows, statements=(said,), design=None)
        assert undefined_line(record) == f"Undefined: 1 of 2 results have no ε̂, {words} undecided."
    whole: Any = SimpleNamespace(results=rows[1:], statements=(), design=None)
    assert undefined_line(whole) == ""


@pytest.mark.parametrize(("number", "words"), [(1, "(1 result; "), (2, "(2 results; ")])
def test_one_result_is_no_plural(record: Callable[..., dict[str, Any]], number: int, words: str) -> None:
    content = content_of(record())
    warned = tuple(
        msgspec.structs.replace(row, warnings=(WarningRow(code="few-events", text="few events"),) if position < number else ())
        for position, row in enumerate(content.results)
    )
    assert f"few events {words}" in text_table(msgspec.structs.replace(content, results=warned))
