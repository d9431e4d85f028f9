"""The page in a headless Chromium without a network: it opens fast, fits the window, and axe finds nothing."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sigmaraw.reports import HtmlReport
from tests.chromium import PROGRAM, Chromium
from tests.reports.conftest import make_record, write_folder

pytestmark = pytest.mark.slow

WINDOWS = [(1280, 900, False), (390, 844, True)]
OPEN_ALL = "document.querySelectorAll('details').forEach(part => { part.open = true; })"
TOO_WIDE = """[...document.querySelectorAll('body *')].filter(part => {
  for (let up = part.parentElement; up; up = up.parentElement) {
    if (getComputedStyle(up).overflowX !== 'visible' || up.tagName === 'svg') return false;
  }
  return part.getBoundingClientRect().right > innerWidth + 1;
}).slice(0, 5).map(part => part.outerHTML.slice(0, 120))"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    if PROGRAM is None:
        pytest.skip("no Chromium on this machine")
    with Chromium() as made:
        yield made


@pytest.fixture(scope="module")
def axe() -> str:
    found = importlib.util.find_spec("axe_playwright_python")
    if found is None or found.origin is None:
        pytest.skip("axe-core is not installed: the extra [reporttest] has it")
    return (Path(found.origin).parent / "axe.min.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(folder: Path) -> Path:
    return HtmlReport().render(folder)


@pytest.fixture(scope="module")
def small_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every kind of section and cell, few of each: axe looks at each element, and that takes its time."""
    return HtmlReport().render(write_folder(tmp_path_factory.mktemp("small"), make_record(1, 4, 2, 6)))


@pytest.mark.requirement("R-REPORT")
@pytest.mark.parametrize("window", WINDOWS, ids=["desk", "phone"])
def test_nothing_is_wider_than_the_window_and_no_address_is_asked_for(browser: Chromium, page: Path, window: tuple[int, int, bool]) -> None:
    width, height, phone = window
    browser.size(width, height, phone=phone)
    browser.open(page)
    asked = {event["params"]["request"]["url"] for event in browser.events if event.get("method") == "Network.requestWillBeSent"}
    assert {address for address in asked if not address.startswith("data:")} == {page.resolve().as_uri()}
    for opened in (False, True):
        if opened:
            browser.run(OPEN_ALL)
        assert browser.run("document.documentElement.scrollWidth") <= width
        assert browser.run(TOO_WIDE) == []


@pytest.mark.requirement("R-REPORT")
@pytest.mark.parametrize(("window", "colours"), [(WINDOWS[0], "light"), (WINDOWS[1], "dark")], ids=["desk", "phone"])
def test_axe_finds_nothing(browser: Chromium, small_page: Path, axe: str, window: tuple[int, int, bool], colours: str) -> None:
    width, height, phone = window
    browser.size(width, height, phone=phone)
    browser.order("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": colours}])
    browser.open(small_page)
    browser.run(OPEN_ALL)
    browser.run(axe)
    found = browser.run("axe.run().then(found => found.violations.map(one => [one.id, one.nodes.slice(0, 3).map(node => node.html)]))")
    browser.order("Emulation.setEmulatedMedia", features=[])
    assert found == []


@pytest.mark.requirement("R-REPORT")
def test_three_thousand_results_open_in_a_second(record: Callable[..., dict[str, Any]], write: Callable[..., Path], tmp_path: Path) -> None:
    """Processor time of the page's process, least of three times: what an idle machine needs, whatever else this one does."""
    if PROGRAM is None:
        pytest.skip("no Chromium on this machine")
    large = HtmlReport().render(write(tmp_path / "large", record(50, 10, 6, 3)))
    assert large.stat().st_size <= 3_000_000
    times, memory = [], []
    with Chromium() as browser:  # a process that has shown other pages holds what is left of them
        browser.size(1280, 900)
        for _ in range(3):
            before = browser.processor_time()
            browser.open(large)
            times.append(browser.processor_time() - before)
            memory.append(browser.memory())
        assert browser.run("document.querySelectorAll('#results tbody tr').length") == 3000
    assert min(times) <= 1.0
    assert memory[0] <= 150.0
