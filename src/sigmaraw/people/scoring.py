"""Readers' answers, opened with the key and scored: choices with Bradley–Terry, ratings with paired tests."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from sigmaraw.errors import InputNotFound, InvalidOption, UndefinedStatistic, UnreadableFile, visible
from sigmaraw.files import write_text
from sigmaraw.people.key import ORIGINAL, Key, Kind, Trial, read_key
from sigmaraw.reports.csv_table import safe_cell
from sigmaraw.statistics.readers import BradleyTerry, Choice, ChoiceRow, RatingRow, bradley_terry, choices, ratings

_COLUMNS = ("key", "kind", "reader", "trial", "answer", "rating_left", "rating_right", "seconds")
_ANSWERS = ("left", "right", "tie")


@dataclass(frozen=True)
class Answer:
    """One answer: the trial of the key, with what the reader said and how long it took, s."""

    reader: str
    trial: Trial
    answer: str
    rating_left: int
    rating_right: int
    seconds: float


@dataclass(frozen=True)
class Reader:
    """One reader: answers and trials of the study, median time an answer took, s."""

    name: str
    answers: int
    trials: int
    median_seconds: float


@dataclass(frozen=True)
class Scored:
    """What the answers say.

    Parameters
    ----------
    kind : str
        "pairs" or "ratings".
    key_sha256 : str
        Hash of the key, the same as the page's.
    readers : tuple of Reader
        Who answered, and how much.
    choices : tuple of ChoiceRow
        By reader and pair of settings.
    overall : tuple of ChoiceRow
        By reader over all pairs: is anything seen, and is a side preferred.
    worth : tuple of BradleyTerry
        Of each reader for whom it is defined.
    ratings : mapping of str to tuple of RatingRow
        By codec, one row a reader: the original against the codec.
    undefined : tuple of str
        What could not be computed, and why.
    """

    kind: Kind
    key_sha256: str
    readers: tuple[Reader, ...]
    choices: tuple[ChoiceRow, ...] = ()
    overall: tuple[ChoiceRow, ...] = ()
    worth: tuple[BradleyTerry, ...] = ()
    ratings: Mapping[str, tuple[RatingRow, ...]] = field(default_factory=dict)
    undefined: tuple[str, ...] = ()


def score_answers(files: Sequence[str | Path], key: str | Path, unblinded: str | Path | None = None) -> Scored:
    """Score readers' answers.

    Parameters
    ----------
    files : sequence of path
        The CSV files that the page saved, one or more a reader.
    key : path
        key.json of the page.
    unblinded : path, optional
        CSV file to write, in which each answer stands with what was shown.

    Returns
    -------
    Scored
        Results by reader.

    Raises
    ------
    InputNotFound, UnreadableFile
        A file that is missing, or is no file of answers.
    InvalidOption
        Answers to another page, a key that was altered, or a trial that a reader answered twice.
    """
    opened, found = read_key(key)
    answers = [answer for file in files for answer in _read(Path(file), opened, found)]
    _check_once(answers)
    readers = tuple(
        Reader(name, len(own), len(opened.trials), float(np.median([answer.seconds for answer in own])))
        for name, own in _by_reader(answers).items()
    )
    scored = _choices(answers, found, readers) if opened.kind == "pairs" else _ratings(answers, opened, found, readers)
    if unblinded is not None:
        write_text(unblinded, _unblinded(answers, opened))
    return scored


def _read(path: Path, key: Key, key_hash: str) -> list[Answer]:
    if not path.is_file():
        raise InputNotFound(f"answers {path} do not exist", "a CSV file that the page saved", "check the path")
    try:
        rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig")), strict=True))
    except (csv.Error, UnicodeDecodeError) as error:
        raise UnreadableFile(f"{path} is no CSV file ({error})", "the file that the page saved", "save the answers anew") from error
    if not rows or not set(_COLUMNS) <= set(rows[0]):
        raise UnreadableFile(f"{path} holds no answers", f"a table with the columns {', '.join(_COLUMNS)}", "save the answers anew")
    trials = {trial.id: trial for trial in key.trials}
    return [_answer(path, number, row, key, key_hash, trials) for number, row in enumerate(rows, 2)]


def _answer(path: Path, line: int, row: Mapping[str, Any], key: Key, key_hash: str, trials: Mapping[str, Trial]) -> Answer:
    if row["key"] != key_hash or row["kind"] != key.kind:
        raise InvalidOption(
            f"{path} line {line} belongs to the key {visible(str(row['key']))[:12]}…, and this key is {key_hash[:12]}…",
            "the key of the page that was answered, unaltered",
            "find the key.json that was written with this page",
        )
    try:
        if row["trial"] not in trials or not str(row["reader"]).strip():
            raise ValueError
        seconds, answer, rated = float(row["seconds"]), "", (0, 0)
        if key.kind == "ratings":
            rated = int(row["rating_left"]), int(row["rating_right"])
            fits = all(1 <= value <= 10 for value in rated)
        else:
            answer = str(row["answer"])
            fits = answer in _ANSWERS
        if not fits or not 0 <= seconds < float("inf"):
            raise ValueError
    except (TypeError, ValueError) as error:
        raise UnreadableFile(
            f"{path} line {line} is no answer to a trial of this page", "left, right or tie, or two ratings from 1 to 10", "correct it"
        ) from error
    return Answer(visible(str(row["reader"]).strip()), trials[row["trial"]], answer, *rated, seconds)


def _check_once(answers: Sequence[Answer]) -> None:
    seen: set[tuple[str, str]] = set()
    for answer in answers:
        place = answer.reader, answer.trial.id
        if place in seen:
            raise InvalidOption(
                f"reader {answer.reader} answered trial {answer.trial.id} twice", "each reader's last file", "leave the earlier one out"
            )
        seen.add(place)


def _by_reader(answers: Sequence[Answer]) -> dict[str, list[Answer]]:
    found: dict[str, list[Answer]] = {}
    for answer in answers:
        found.setdefault(answer.reader, []).append(answer)
    return found


def _choices(answers: Sequence[Answer], key_hash: str, readers: tuple[Reader, ...]) -> Scored:
    trials = [
        Choice(answer.reader, answer.trial.left, answer.trial.right, answer.trial.true_side, answer.answer)  # type: ignore[arg-type]
        for answer in answers
    ]
    overall = choices([Choice(trial.reader, "all", "all", trial.true_side, trial.answer) for trial in trials])
    worth, undefined = [], []
    for reader in readers:
        try:
            worth += bradley_terry([trial for trial in trials if trial.reader == reader.name], ORIGINAL)
        except UndefinedStatistic as error:
            undefined.append(f"Bradley–Terry of {reader.name}: {error}")
    places = {reader.name: place for place, reader in enumerate(readers)}
    rows = sorted(choices(trials), key=lambda row: places[row.reader])
    return Scored("pairs", key_hash, readers, tuple(rows), tuple(overall), tuple(worth), undefined=tuple(undefined))


def _ratings(answers: Sequence[Answer], key: Key, key_hash: str, readers: tuple[Reader, ...]) -> Scored:
    found: dict[str, tuple[RatingRow, ...]] = {}
    undefined = []
    for setting in key.settings[1:]:
        values = {}
        for reader in readers:
            pairs = _pairs(answers, reader.name, setting.name)
            if len(pairs) < 2:
                undefined.append(f"{setting.name} by {reader.name}: {len(pairs)} rated image(s), two are needed")
            else:
                values[reader.name] = (pairs[:, 0], pairs[:, 1])
        if values:
            found[setting.name] = tuple(ratings(values, paired=True))
    return Scored("ratings", key_hash, readers, ratings=found, undefined=tuple(undefined))


def _pairs(answers: Sequence[Answer], reader: str, setting: str) -> Any:
    """Return the ratings of original and codec, (image, 2): means over the repeats of an image, which are not independent."""
    by_image: dict[int, list[tuple[int, int]]] = {}
    for answer in answers:
        trial = answer.trial
        if answer.reader == reader and setting in (trial.left, trial.right):
            rated = (answer.rating_left, answer.rating_right)
            by_image.setdefault(trial.image, []).append(rated if trial.left == ORIGINAL else rated[::-1])
    return np.array([np.mean(rows, axis=0) for rows in by_image.values()]).reshape(-1, 2)


def _unblinded(answers: Sequence[Answer], key: Key) -> str:
    """Return a table of the answers with what was shown; a cell never begins like a formula of a spreadsheet."""
    stream = io.StringIO()
    writer = csv.writer(stream)
    names = ("reader", "trial", "image", "frame", "slice", "left", "right", "true_side", "answer", "rating_left", "rating_right", "seconds")
    writer.writerow(names)
    for answer in answers:
        trial, image = answer.trial, key.images[answer.trial.image]
        place = (answer.reader, trial.id, image.name, image.frame, "" if image.slice is None else image.slice)
        said = (answer.answer, answer.rating_left or "", answer.rating_right or "", answer.seconds)
        writer.writerow(map(safe_cell, (*place, trial.left, trial.right, trial.true_side, *said)))
    return stream.getvalue()


def scored_text(scored: Scored) -> str:
    """Return the results as tables of text."""
    lines = [f"key {scored.key_sha256}"]
    lines += [f"{row.name}: {row.answers} of {row.trials} trials, median {row.median_seconds:.1f} s" for row in scored.readers]
    if scored.kind == "pairs":
        lines += ["", "Share of trials in which the less compressed image was chosen (a tie counts half), with 95 % interval; chance is .5"]
        lines += [_choice_line(row, "all pairs") for row in scored.overall]
        lines += [_choice_line(row, f"{row.pair[0]} | {row.pair[1]}") for row in scored.choices]
        lines += ["", "Worth (Bradley–Terry): log-odds of being chosen over the original, ± standard error"] if scored.worth else []
        for fit in scored.worth:
            lines += [
                f"{fit.reader:<16} {name:<32} {worth:+.2f} ± {error:.2f}"
                for name, worth, error in zip(fit.settings, fit.worth, fit.standard_error, strict=True)
            ]
            lines.append(f"{fit.reader:<16} {'left side':<32} {fit.side:+.2f} ± {fit.side_error:.2f}")
    for setting, rows in scored.ratings.items():
        lines += ["", f"{setting}: mean rating of the original and of the codec; p of Wilcoxon's paired test, adjusted over readers"]
        for row in rows:
            signed = "" if row.signed_ranks is None else f"p {row.signed_ranks.p:.3g}, adjusted {row.p_adjusted:.3g}; "
            means = f"{row.means[0]:.2f} and {row.means[1]:.2f}"
            lines.append(f"{row.reader:<16} {means:<16} {signed}Kolmogorov–Smirnov p {row.ks.p:.3g}; {row.n} images")
    lines += ["", *(f"undefined: {entry}" for entry in scored.undefined)] if scored.undefined else []
    return "\n".join(visible(line) for line in lines)  # the key may be a stranger's


def _choice_line(row: ChoiceRow, pair: str) -> str:
    rate = f"{row.rate.value:.2f} ({row.rate.low:.2f} to {row.rate.high:.2f})"
    counts = f"{row.correct} right, {row.wrong} wrong, {row.ties} ties"
    return f"{row.reader:<16} {pair:<32} {rate:<22} p {row.p:.2g}; {counts}; left {row.left:.0%}, p {row.p_left:.2g}"
