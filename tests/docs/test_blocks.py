"""What README and docs tell a reader to type works: every block of Python and shell runs, page by page, in a folder of its own."""

from __future__ import annotations

import dataclasses
import os
import shutil
from pathlib import Path

import pytest

import sigmaraw as sr
from sigmaraw.virtual import demo
from tests.docs.blocks import LANGUAGES, Reader, blocks, in_bash, marks_of, with_few_replicas

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md"), *ROOT.glob("calibration/**/*.md")])
BLOCKS = {page: found for page in PAGES if (found := blocks(page))}


def cases() -> list[object]:
    """One case a page with something to run; slow where one of its blocks is."""
    pages = [page for page, found in BLOCKS.items() if any(block.language in ("python", "sh", "toml") for block in found)]
    return [
        pytest.param(page, id=str(page.relative_to(ROOT)), marks=[pytest.mark.slow] * any("slow" in block.marks for block in BLOCKS[page]))
        for page in pages
    ]


@pytest.fixture
def small_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the demonstration's camera have a ninth of its pixels: that its commands work is tested, not its figures."""
    large = demo.demo_camera
    monkeypatch.setattr(demo, "demo_camera", lambda seed: dataclasses.replace(large(seed), shape=(96, 80)))


@pytest.mark.usefixtures("small_demo")
@pytest.mark.parametrize("page", cases())
def test_every_block_of_a_page_runs(page: Path, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "reader"
    shutil.copytree(world, folder)
    monkeypatch.chdir(folder)
    reader = Reader(folder, str(page.relative_to(ROOT)))
    for block in BLOCKS[page]:
        reader.run(block)


def test_every_block_says_its_language_and_none_is_indented() -> None:
    for page, found in BLOCKS.items():
        for block in found:
            assert block.language in LANGUAGES, f"{page.relative_to(ROOT)}:{block.line}"


def test_a_block_that_is_not_run_says_why() -> None:
    for page, found in BLOCKS.items():
        for block in found:
            assert len(block.marks.get("not run", "a reason")) > 5, f"{page.relative_to(ROOT)}:{block.line}"


# --- the runner itself ------------------------------------------------------------------------------------------------
def read(folder: Path, text: str) -> Reader:
    page = folder / "page.md"
    page.write_text(text, encoding="utf-8")
    reader = Reader(folder, "page.md")
    for block in blocks(page):
        reader.run(block)
    return reader


def test_blocks_share_a_pages_state(tmp_path: Path) -> None:
    reader = read(tmp_path, "```python\nx = 1\n```\ntext\n```python\ny = x + 1\n```\n")
    assert reader.namespace["y"] == 2


@pytest.mark.parametrize(
    "text",
    [
        "```python\nassert False\n```",
        "```sh\nfalse\n```",
        "```sh\nsigmaraw nonsense\n```",
        "```sh\nfalse | true\nls\n```",
        "```toml\na =\n```",
    ],
)
def test_a_block_that_fails_fails_the_test(text: str, tmp_path: Path) -> None:
    with pytest.raises(Exception):  # noqa: B017 - whichever: assertion, exit code, parser
        read(tmp_path, text)


def test_a_comment_marks_the_next_block_only(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("<!-- block: not run: needs a GPU -->\n```sh\nfalse\n```\n\n```sh\ntrue\n```\n", encoding="utf-8")
    assert [block.marks for block in blocks(page)] == [{"not run": "needs a GPU"}, {}]
    assert marks_of("<!-- block: slow; exit 1 or 3 -->") == {"slow": "", "exit": "1 or 3"}
    with pytest.raises(ValueError, match="sometimes"):
        marks_of("<!-- block: sometimes -->")


def test_files_and_exit_codes_are_as_marked(tmp_path: Path) -> None:
    text = "<!-- block: file a/plan.toml -->\n```toml\nn = 1\n```\n<!-- block: exit 2 -->\n```sh\nsigmaraw verify absent\n```\n"
    read(tmp_path, text)
    assert (tmp_path / "a" / "plan.toml").read_text() == "n = 1\n"


def test_bash_takes_arguments_apart(tmp_path: Path) -> None:
    (tmp_path / "a.tif").touch()
    (tmp_path / "b.tif").touch()
    reader = Reader(tmp_path, "page.md")
    text = "sigmaraw sweep *.tif --codec 'x=1|2' \\\n  -n 5  # a comment\n# another\nsigmaraw codecs\n"
    assert reader._arguments(text) == [["sweep", "a.tif", "b.tif", "--codec", "x=1|2", "-n", "5"], ["codecs"]]


def test_what_bash_calls_runs_here_with_its_folder_variables_output_and_code(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A script's calls are those of the command line: a pipe reads what they print, and their exit code ends the script."""
    (tmp_path / "below").mkdir()
    first = "cd below\nexport SIGMARAW_CACHE=$PWD/cache\nsigmaraw formats | head -1 > said.txt\n"
    script = first + "sigmaraw --version\nsigmaraw verify absent\necho on\n"
    before = dict(os.environ), Path.cwd()
    assert in_bash(script, tmp_path) == 2
    assert (tmp_path / "below" / "said.txt").read_text().strip()
    printed = capfd.readouterr()
    assert printed.out == f"sigmaraw {sr.__version__}\n" and "absent" in printed.err
    assert (dict(os.environ), Path.cwd()) == before


def test_replicas_are_few_in_commands_and_plans(tmp_path: Path) -> None:
    assert with_few_replicas(["validate", "-n", "200"]) == ["validate", "-n", "8"]
    assert with_few_replicas(["validate", "-n", "auto:0.05,max=300"]) == ["validate", "-n", "auto:0.2,max=300"]
    files = [f"{number}.tif" for number in range(6)]
    assert with_few_replicas(["search", *files, "-n", "5"]) == ["search", *files[:4], "-n", "5"]
    read(tmp_path, '<!-- block: file plan.toml -->\n```toml\nn = 200 # many\nname = "n = 300"\n```\n')
    assert (tmp_path / "plan.toml").read_text() == 'n = 8 # many\nname = "n = 300"\n'
