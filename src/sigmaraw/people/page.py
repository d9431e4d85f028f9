"""The page on which readers judge images: one self-contained file, and a key that stays with whoever runs the study."""

from __future__ import annotations

import base64
import json
import random
import secrets
import zlib
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw import __version__
from sigmaraw.errors import InvalidOption
from sigmaraw.files import atomic_folder, require_empty
from sigmaraw.people.key import SCHEMA, Key, Kind, encoded, sha256
from sigmaraw.people.trials import Shown, make_trials, settings_of, shown_images
from sigmaraw.progress import Report, reporting
from sigmaraw.reports.pages import page_asset, page_template, source_hash

PAGE_FILE, KEY_FILE = "page.html", "key.json"
QUESTIONS = {"pairs": "Which image is better?", "ratings": "How good is each image?"}


def make_page(
    images: Sequence[Any],
    codecs: Sequence[str],
    output: str | Path,
    *,
    kind: Kind = "pairs",
    windows: Sequence[str] = ("auto",),
    question: str | None = None,
    repeat: int = 1,
    most: int | None = None,
    camera: Any = None,
    bits: int | None = None,
    volume: bool = False,
    slices: int = 1,
    seed: int | None = None,
    progress: Report | bool | None = None,
) -> Key:
    """Write a page for readers, and its key.

    Parameters
    ----------
    images : sequence of path
        Image files; every frame is an image. Values may be signed, as Hounsfield units are.
    codecs : sequence of str
        What the images are compressed with. The original is one setting more.
    output : path
        New folder for page.html and key.json.
    kind : {"pairs", "ratings"}, default "pairs"
        Which of two images is better, or a rating of each from 1 to 10 with the original among them.
    windows : sequence of str, default ("auto",)
        Display windows that readers may choose among; both images of a trial always have the same one.
    question : str, optional
        What readers are asked.
    repeat : int, default 1
        How often each trial is shown.
    most : int, optional
        At most this many trials.
    camera : CameraProfile or path, optional
        For codecs that quantise in units of the camera's noise.
    bits : int, optional
        Bit depth of the images, where the files do not state it.
    volume : bool, default False
        Whether planes are z: volumes are coded whole, and planes shown.
    slices : int, default 1
        Planes shown of each volume, evenly from top to bottom.
    seed : int, optional
        Of all that is drawn. By default the machine's randomness: whoever knows the seed could find the key.
    progress : callable or bool, optional
        As in `sigmaraw.validate`.

    Returns
    -------
    Key
        What stands where.

    Raises
    ------
    InvalidOption
        The output folder exists, or options that make no study.
    """
    folder = Path(output)
    require_empty(folder)
    if kind not in QUESTIONS:
        raise InvalidOption(f"kind = {kind!r}", "pairs or ratings", "name one of them")
    source = random.SystemRandom() if seed is None else random.Random(seed)
    with reporting(progress) as report:
        shown = shown_images(images, codecs, windows, camera=camera, bits=bits, volume=volume, slices=slices, report=report)
    settings = settings_of(shown)
    trials = make_trials(len(shown), settings, kind, repeat=repeat, most=most, random_source=source)
    nonce = secrets.token_hex(16) if seed is None else f"{source.getrandbits(128):032x}"
    key = Key(SCHEMA, __version__, nonce, kind, settings, tuple(image.row for image in shown), trials)
    content = encoded(key)
    page = _page(key, shown, sha256(content), question or QUESTIONS[kind], source)
    with atomic_folder(folder) as temporary:
        (temporary / PAGE_FILE).write_bytes(page.encode())
        (temporary / KEY_FILE).write_bytes(content)
    return key


def _page(key: Key, shown: Sequence[Shown], key_hash: str, question: str, source: random.Random) -> str:
    """Return the page: it has the pictures in random order and under numbers, and nothing that names a codec."""
    from markupsafe import Markup

    used = list(dict.fromkeys((trial.image, setting) for trial in key.trials for setting in (trial.left, trial.right)))
    source.shuffle(used)
    numbers = {picture: number for number, picture in enumerate(used)}
    study = {
        "key": key_hash,
        "kind": key.kind,
        "pictures": [_picture(shown[image].planes[setting]) for image, setting in used],
        "trials": [
            {
                "id": trial.id,
                "left": numbers[trial.image, trial.left],
                "right": numbers[trial.image, trial.right],
                "shift": shown[trial.image].shift,
                "windows": [asdict(entry) for entry in shown[trial.image].windows],
            }
            for trial in key.trials
        ],
    }
    package = "sigmaraw.people"
    style, script = page_asset(package, "reading.css"), page_asset(package, "reading.js")
    return page_template(package, "reading.html.j2").render(
        question=question,
        kind=key.kind,
        count=len(key.trials),
        study=Markup(json.dumps(study, allow_nan=False).replace("<", "\\u003c")),
        style=Markup(style),
        style_hash=source_hash(style),
        script=Markup(script),
        script_hash=source_hash(script),
    )


def _picture(plane: NDArray[np.integer]) -> dict[str, Any]:
    packed = zlib.compress(np.ascontiguousarray(plane, dtype="<u2").tobytes(), 9)
    return {"height": plane.shape[0], "width": plane.shape[1], "data": base64.b64encode(packed).decode()}
