"""What first page and decision rule say: effects in the rule's unit, warnings without foreign figures, the number of replicas."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sigmaraw.record import Content, content_of
from sigmaraw.reports import front
from sigmaraw.reports.blocks import Facts, spans_of
from sigmaraw.reports.front import how_sure, next_steps, speaks_against
from sigmaraw.reports.method_sections import rule_section
from sigmaraw.reports.names import few
from sigmaraw.reports.statements import rule_line
from sigmaraw.statistics.remedy import Means

SIZES = {"null_flag_rate": 0.04, "harmless": 0.0, "accepts_harmless": 0.96, "harmful": 0.05, "accepts_harmful": 0.03, "images": 2}
OF_A_METRIC = {"rule": "cunha", "effect_unit": "loss of Jaccard index", "replicas": 0, **SIZES}
OF_SIGMA = {"rule": "equivalence", "effect_unit": "sigma_raw", "replicas": 40, "change": 0.5, "between": 0.1, **SIZES}


def text_of(words: Any) -> str:
    return "".join(span.text for span in spans_of(words))


def said(made: dict[str, Any], decision: dict[str, Any]) -> tuple[str, str, str]:
    content: Content = content_of({**made, "decision": decision})
    facts = next(block for block in rule_section(content).blocks if isinstance(block, Facts))
    table = " ".join(f"{text_of(name)}: {text_of(value)}." for name, value in facts.rows)
    return text_of(how_sure(content)), rule_line(content), table


def test_effects_have_the_rules_unit(record: Callable[..., dict[str, Any]]) -> None:
    for text in said(record(), OF_A_METRIC):
        assert "0.05 (loss of Jaccard index)" in text
        assert "σ_raw" not in text and "n = 0" not in text and "0 replicas" not in text and "None" not in text


def test_effects_in_sigma_raw_name_it_and_the_replicas(record: Callable[..., dict[str, Any]]) -> None:
    first, line, table = said(record(), OF_SIGMA)
    assert "n = 40, a codec that shifts answers by 0.05 σ_raw passes in 3" in first
    assert "n = 40" in line and "(assumed: changes scatter by 0.5 σ_raw within an image, by 0.1 σ_raw between images)" in line
    assert "n = 40 replicas per group" in table and "0.5 σ_raw" in table


def test_a_warning_of_several_results_names_the_one_whose_figure_it_prints(record: Callable[..., dict[str, Any]]) -> None:
    made = record(images=1, codecs=2, measurements=1)
    for row, figure in zip(made["results"], ("3.1", "4.7"), strict=True):
        row["warnings"] = [{"code": "centre", "text": f"the centre lies {figure} σ_raw off", "bears": True}]
    points = [text_of(point) for point in speaks_against(content_of(made))]
    row = made["results"][0]
    of = f"{Path(made['inputs'][0]['path']).name}, {row['codec']}, {row['measurement']}"
    assert f"Warning that bears on the verdict (2 of 2 results; here {of}): the centre lies 3.1 σ_raw off" in points
    made["results"][1]["warnings"] = made["results"][0]["warnings"]
    points = [text_of(point) for point in speaks_against(content_of(made))]
    assert "Warning that bears on the verdict (2 of 2 results): the centre lies 3.1 σ_raw off" in points


def test_the_largest_number_of_replicas_is_that_after_n(record: Callable[..., dict[str, Any]]) -> None:
    """ "n ≈ 90: … 2 images" is less than "n ≈ 400", though its digits together make 902."""
    made = record(images=1, codecs=3, measurements=2)
    base = {"verdict": "INCONCLUSIVE", "reason": "open", "units": 1, "counted": "image"}
    texts = {"count": "n ≈ 90: each of 2 images is decided by itself", "area": "n ≈ 400"}
    made["statements"] = [
        {**base, "codec": "jpeg2000:ratio=10", "measurement": measurement, "statement": statement, "decides": texts[measurement]}
        for measurement in texts
        for statement in ("these-images", "mean-effect", "share-of-images")
    ]
    steps = [text_of(line) for line in next_steps(content_of(made))]
    assert any("(jpeg2000:ratio=10: n ≈ 400)" in line for line in steps), steps


@pytest.mark.parametrize(
    ("names", "most", "separator", "shown"),
    [("abc", 3, ", ", "a, b, c"), ("abcd", 3, ", ", "a, b, c and 1 more"), ("abcd", 2, "; ", "a; b; and 2 more"), ("", 4, ", ", "")],
)
def test_a_long_list_is_cut_and_counted(names: str, most: int, separator: str, shown: str) -> None:
    assert few(list(names), most, separator) == shown


def test_a_symbol_keeps_its_case_at_the_start_of_what_decides(
    record: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Σ_raw is another quantity than σ_raw."""
    open_ = SimpleNamespace(verdict="INCONCLUSIVE", decides=str(Means.UNCERTAINTY), codec="lossless")
    monkeypatch.setattr(front, "said_of", lambda _: [open_])
    (line,) = next_steps(content_of(record()))
    assert "no number of replicas decides: σ_raw itself is too uncertain" in text_of(line)
