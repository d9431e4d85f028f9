"""Pages for readers: trials that are balanced and blind, a real browser that answers them, and answers that are scored."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile

from sigmaraw.codecs import codec
from sigmaraw.errors import InvalidOption, UnreadableFile
from sigmaraw.people import make_page, score_answers
from sigmaraw.people.key import Key, read_key
from sigmaraw.people.windows import window
from tests.chromium import PATIENCE_S, PROGRAM, Chromium
from tests.cli.conftest import sigmaraw  # noqa: F401 (a fixture)

CODECS = ("jpegls:near=4", "jpegls:near=20")
OFFSET = 1024


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three images of blobs with noise, 12 bit."""
    folder, random = tmp_path_factory.mktemp("images"), np.random.default_rng(5)
    y, x = np.mgrid[:24, :32]
    made = []
    for number in range(3):
        blob = 900 * np.exp(-((y - 8 - number) ** 2 + (x - 14) ** 2) / 30)
        made.append(folder / f"secret-{number}.tif")
        tifffile.imwrite(made[-1], np.rint(OFFSET + blob + random.normal(0, 20, y.shape)).astype(np.uint16))
    return made


def answers(key: Key, folder: Path, name: str, say: Callable[[str, object], dict[str, object]], key_hash: str) -> Path:
    """Write a file of answers like the page's; `say` returns what a reader says of a trial."""
    file = folder / f"{name}.csv"
    with file.open("w", newline="", encoding="utf-8") as stream:
        names = ["key", "kind", "reader", "order", "trial", "answer", "rating_left", "rating_right", "seconds"]
        writer = csv.DictWriter(stream, names)
        writer.writeheader()
        for number, trial in enumerate(key.trials, 1):
            said = {"answer": "", "rating_left": "", "rating_right": "", **say(name, trial)}
            writer.writerow({"key": key_hash, "kind": key.kind, "reader": name, "order": number, "trial": trial.id, "seconds": 2.5, **said})
    return file


def test_windows_are_those_of_radiologists_and_percentiles() -> None:
    values = np.arange(1001.0).reshape(7, 143)
    assert (window("ct-soft", values).low, window("ct-soft", values).high) == (-160, 240)
    assert (window("auto", values).low, window("auto", values).high) == (5, 995)
    # Above the mean of 500 stand 501 … 1000: their 99.5 % point.
    assert window("mr", values).high == pytest.approx(501 + 0.995 * 499)
    assert window("-100..40.5", values).low == -100
    for wrong in ("ct-foot", "5..1", "a..b", "nan..2"):
        with pytest.raises(InvalidOption, match="window"):
            window(wrong, values)


def test_every_pair_is_shown_on_every_image_and_its_sides_are_balanced(images: list[Path], tmp_path: Path) -> None:
    key = make_page(images, CODECS, tmp_path / "page", repeat=4, seed=1)
    assert [setting.name for setting in key.settings] == ["original", *CODECS], "from the least compressed to the most"
    ranks = {setting.name: rank for rank, setting in enumerate(key.settings)}
    shown = Counter((frozenset((trial.left, trial.right)), trial.image) for trial in key.trials)
    assert len(shown) == 3 * 3 and set(shown.values()) == {4}
    assert all((trial.true_side == "left") == (ranks[trial.left] < ranks[trial.right]) for trial in key.trials)
    for pair in {frozenset((trial.left, trial.right)) for trial in key.trials}:
        sides = [trial.true_side for trial in key.trials if {trial.left, trial.right} == pair]
        assert sides.count("left") == sides.count("right") == 6
    some = make_page(images, CODECS, tmp_path / "some", repeat=4, most=9, seed=1).trials
    assert set(Counter(frozenset((trial.left, trial.right)) for trial in some).values()) == {3}
    rated = make_page(images, CODECS, tmp_path / "rated", kind="ratings", seed=1).trials
    assert len(rated) == 6 and all("original" in (trial.left, trial.right) for trial in rated)


def test_the_page_is_blind_and_holds_the_hash_of_the_key(images: list[Path], tmp_path: Path) -> None:
    make_page(images, CODECS, tmp_path / "page")
    page = (tmp_path / "page" / "page.html").read_text(encoding="utf-8")
    key, found = read_key(tmp_path / "page" / "key.json")
    assert found in page
    assert not re.search(r"jpegls|secret|original|true_side|https?:", page)
    other = make_page(images, CODECS, tmp_path / "other")
    assert key.nonce != other.nonce and [trial.id for trial in key.trials] != [trial.id for trial in other.trials]
    hostile = make_page(images, CODECS, tmp_path / "hostile", question="</script><b>x", windows=("0..9",))
    text = (tmp_path / "hostile" / "page.html").read_text(encoding="utf-8")
    assert "<b>" not in text and hostile.kind == "pairs"


def test_options_that_make_no_study_are_refused(images: list[Path], tmp_path: Path) -> None:
    for codecs in ((), (CODECS[0], CODECS[0]), ("original",)):
        with pytest.raises(InvalidOption, match="codec"):
            make_page(images, codecs, tmp_path / "page")
    with pytest.raises(InvalidOption, match="bytes"):
        make_page(images, ("lossless", "lossless+lossless"), tmp_path / "page")
    with pytest.raises(InvalidOption, match="trials"):
        make_page(images, CODECS, tmp_path / "page", most=0)
    assert not (tmp_path / "page").exists()


@pytest.mark.skipif(PROGRAM is None, reason="no Chromium on this machine: pages are driven by a real one")
def test_a_browser_answers_and_saves_and_the_answers_are_scored(images: list[Path], tmp_path: Path) -> None:
    key = make_page(images, CODECS, tmp_path / "pairs", windows=("1000..2000", "full"), seed=3)
    rated = make_page(images, CODECS, tmp_path / "ratings", kind="ratings", seed=3)
    trials = {trial.id: trial for trial in (*key.trials, *rated.trials)}
    with Chromium(tmp_path) as page:
        for place, made in (("pairs", key), ("ratings", rated)):
            _open(page, tmp_path / place / "page.html", 'Ana, "A"')
            for number in range(len(made.trials)):
                trial = trials[page.until(f"place === {number} && document.body.dataset.trial === current().id && current().id")]
                if place == "pairs":
                    if number == 0:
                        _check_pixels(page, trial, images)
                        page.press("ArrowDown")
                        page.until("place === 1 && document.body.dataset.trial === current().id")
                        page.press("Backspace")  # a slip, taken back
                        page.until("place === 0 && document.body.dataset.trial === current().id")
                    page.press("ArrowLeft" if trial.true_side == "left" else "ArrowRight")
                else:
                    for side in (trial.left, trial.right):
                        page.press("0" if side == "original" else "7")
            page.until("!document.getElementById('end').hidden && document.getElementById('saved').textContent")
            page.until(f"{len(made.trials)} === Object.keys(answers).length")
            file = tmp_path / "answers-Ana-A-.csv"
            _wait_for(file)
            file.rename(tmp_path / f"{place}.csv")
            assert page.faults() == []
    found = score_answers([tmp_path / "pairs.csv"], tmp_path / "pairs" / "key.json", tmp_path / "open.csv")
    assert [(row.name, row.answers) for row in found.readers] == [('Ana, "A"', 9)]
    assert found.overall[0].correct == 9 and found.overall[0].ties == 0
    assert len(found.choices) == 3 and found.worth == () and "unbounded" in found.undefined[0]
    opened = list(csv.DictReader((tmp_path / "open.csv").open(encoding="utf-8")))
    assert len(opened) == 9 and all(row["answer"] == row["true_side"] for row in opened)
    rows = score_answers([tmp_path / "ratings.csv"], tmp_path / "ratings" / "key.json").ratings
    assert {name: [row.means for row in found] for name, found in rows.items()} == {name: [(10.0, 7.0)] for name in CODECS}


def _open(page: Chromium, file: Path, reader: str) -> None:
    page.open(file)
    for mark in reader:
        page.press(mark)
    assert page.run("document.getElementById('reader').value") == reader
    page.run("document.querySelector('#who button').click()")


def _check_pixels(page: Chromium, trial: object, images: list[Path]) -> None:
    """What stands on the screen is the decoded image in the window that both share."""
    image = tifffile.imread(images[trial.image])  # type: ignore[attr-defined]
    for low, high in ((1000, 2000), (int(image.min()), int(image.max()))):
        for side in ("left", "right"):
            name = getattr(trial, side)
            decoded = image if name == "original" else codec(name).roundtrip(image)[0]
            expected = np.clip((decoded.astype(float) - low) * 255 / (high - low), 0, 255)
            read = f"Array.from(document.getElementById('{side}').getContext('2d').getImageData(0, 0, 32, 24).data)"
            seen = np.array(page.run(read)).reshape(24, 32, 4)[..., 0]
            assert np.abs(seen - expected).max() <= 0.5 + 1e-9
        page.press("w")
        page.until("document.getElementById('window').textContent.startsWith(range.name)")
        page.run("draw()")


def _wait_for(file: Path) -> None:
    import time

    end = time.monotonic() + PATIENCE_S
    while not file.exists():
        assert time.monotonic() < end, f"{file} was never saved"
        time.sleep(0.02)


def test_a_reader_who_always_says_left_scores_chance(images: list[Path], tmp_path: Path, sigmaraw: Callable) -> None:  # noqa: F811
    key = make_page(images, CODECS, tmp_path / "page", repeat=4, seed=2)
    found = read_key(tmp_path / "page" / "key.json")[1]

    def blunt(reader: str, trial: object) -> dict[str, object]:
        """See only the strongest setting, and say no difference else."""
        seen = CODECS[1] in (trial.left, trial.right)  # type: ignore[attr-defined]
        return {"answer": "left" if reader == "Lea" else trial.true_side if seen else "tie"}  # type: ignore[attr-defined]

    files = [answers(key, tmp_path, name, blunt, found) for name in ("Lea", "Ben")]
    outcome = sigmaraw("readers", "score", *files, "--key", tmp_path / "page" / "key.json", "--json")
    assert outcome.code == 0
    left, right = json.loads(outcome.out)["overall"]
    assert json.loads(outcome.out)["worth"] == [] and "foretell" in json.loads(outcome.out)["undefined"][0]
    assert left["rate"]["value"] == 0.5 and left["left"] == 1.0 and left["p_left"] < 1e-9
    assert right["rate"]["value"] == pytest.approx((24 + 12 / 2) / 36)
    text = sigmaraw("readers", "score", *files, "--key", tmp_path / "page" / "key.json").out
    assert "Lea" in text and "0.50" in text and found in text


def test_a_key_that_was_altered_and_answers_given_twice_are_refused(images: list[Path], tmp_path: Path) -> None:
    key = make_page(images, CODECS, tmp_path / "page", seed=2)
    place = tmp_path / "page" / "key.json"
    found = read_key(place)[1]
    file = answers(key, tmp_path, "Ben", lambda _, trial: {"answer": "tie"}, found)
    with pytest.raises(InvalidOption, match="twice"):
        score_answers([file, file], place)
    wrong = answers(key, tmp_path, "Eva", lambda _, trial: {"answer": "middle"}, found)
    with pytest.raises(UnreadableFile, match="line 2"):
        score_answers([wrong], place)
    altered = place.read_text().replace('"true_side": "left"', '"true_side": "right"')
    place.write_text(altered)
    with pytest.raises(InvalidOption, match="unaltered"):
        score_answers([file], place)
    place.write_text("{}")
    with pytest.raises(UnreadableFile, match="key"):
        score_answers([file], place)


def test_words_of_strangers_reach_no_terminal_as_they_are(images: list[Path], tmp_path: Path, sigmaraw: Callable) -> None:  # noqa: F811
    make_page(images, CODECS, tmp_path / "page", seed=2)
    place = tmp_path / "page" / "key.json"
    place.write_text(place.read_text().replace(CODECS[0], r"jpegls\u001b[2J"))
    opened, found = read_key(place)
    assert opened.settings[1].name == "jpegls\x1b[2J"
    file = answers(opened, tmp_path, "B\x1ben", lambda _, trial: {"answer": trial.true_side}, found)  # type: ignore[attr-defined]
    printed = sigmaraw("readers", "score", file, "--key", place)
    assert printed.code == 0 and "jpegls\ufffd[2J" in printed.out and "\x1b" not in printed.out
    place.write_text(r'{"\u001b[2J": 1}')
    refused = sigmaraw("readers", "score", file, "--key", place)
    assert refused.code == 2 and refused.err.count("\n") == 1 and "\ufffd[2J" in refused.err and "\x1b" not in refused.err


def test_ratings_are_paired_by_image(images: list[Path], tmp_path: Path) -> None:
    key = make_page(images, CODECS, tmp_path / "page", kind="ratings", repeat=2, seed=2)
    value = {"original": 9, CODECS[0]: 9, CODECS[1]: 3}

    def rate(reader: str, trial: object) -> dict[str, object]:
        left, right = (value[getattr(trial, side)] - trial.image for side in ("left", "right"))  # type: ignore[attr-defined]
        return {"rating_left": left, "rating_right": max(right, 1), "answer": "=2+3"}

    file = answers(key, tmp_path, "@Ben", rate, read_key(tmp_path / "page" / "key.json")[1])
    rows = score_answers([file], tmp_path / "page" / "key.json", tmp_path / "open.csv").ratings
    opened = list(csv.DictReader((tmp_path / "open.csv").open(encoding="utf-8")))
    assert {(row["reader"], row["answer"]) for row in opened} == {("'@Ben", "")}, "no cell is a spreadsheet's formula"
    assert rows[CODECS[0]][0].means == (8.0, 8.0) and rows[CODECS[0]][0].n == 3
    assert rows[CODECS[1]][0].means == (8.0, 2.0) and rows[CODECS[1]][0].delta.value == -1.0
