"""Documentation says what the code says: quantities, families, verbs, links."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sigmaraw import quantities, registry

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/*.md"), *ROOT.glob("calibration/**/*.md")])


def rows() -> list[str]:
    """The lines of the table in docs/reference/quantities.md, as the code has them."""
    unit = "the measurement's"
    return [
        f"| `{row.name}` | {row.symbol} | {row.unit or unit} | {row.definition} | {row.reference} |" for row in quantities.TABLE.values()
    ]


def test_the_table_of_quantities_is_the_codes() -> None:
    page = (ROOT / "docs" / "reference" / "quantities.md").read_text(encoding="utf-8")
    assert [line for line in page.splitlines() if line.startswith("| `")] == rows()


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if not target.startswith(("http:", "https:", "mailto:")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_every_codec_family_and_pipeline_is_described() -> None:
    codecs = (ROOT / "docs" / "reference" / "codecs.md").read_text(encoding="utf-8")
    models = (ROOT / "docs" / "how-to" / "models.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in codecs for name in registry.names(registry.CODECS))
    assert all(f"`{name}" in models for name in registry.names(registry.PIPELINES))


def test_every_verb_is_described() -> None:
    from sigmaraw.cli.main import application

    page = (ROOT / "docs" / "reference" / "command-line.md").read_text(encoding="utf-8")
    for command in application().registered_commands:
        assert command.callback is not None
        assert f"sigmaraw {command.callback.__name__.replace('_', '-')}" in page


def test_every_formula_that_the_code_cites_has_a_section() -> None:
    page = (ROOT / "docs" / "explanation" / "formulas.md").read_text(encoding="utf-8")
    sections = set(re.findall(r"^#+ (\d+(?:\.\d+)?) ", page, re.MULTILINE))
    for file in sorted((ROOT / "src").rglob("*.py")):
        cited = set(re.findall(r"\b(?:formula|SCIENCE) (\d+(?:\.\d+)?)", file.read_text(encoding="utf-8")))
        assert cited <= sections, f"{file.name} cites {sorted(cited - sections)}"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_pages_keep_to_the_glossary(page: Path) -> None:
    prose = re.sub(r"```.*?```|`[^`]*`", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert re.findall(r"\b(?:doors?|rooms?|found again)\b", prose, re.IGNORECASE) == []


def test_every_how_to_is_on_the_first_page() -> None:
    first = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    for page in (ROOT / "docs").glob("[!_]*/*.md"):
        name = page.relative_to(ROOT / "docs").as_posix()
        assert f"({name}" in first or name.startswith(("decisions/", "reproductions/")), name
