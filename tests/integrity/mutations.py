"""Changes that somebody may make to a signed record, each with the part that verify must name.

``python -m tests.integrity.mutations 1000`` makes as many on a made-up record, and lists those that were not named.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from sigmaraw.files import sha256_of_file
from sigmaraw.integrity.canonical import digest
from sigmaraw.integrity.signing import private_key, public_key, write_key_pair
from sigmaraw.record import Record, content_of
from sigmaraw.record.digest import digest_of, predictions_digest
from sigmaraw.record.sealing import note_renderings, seal_of, sign
from sigmaraw.record.verifying import examine
from tests.reports.conftest import make_record

PARTS = {
    "record.json": "record",
    "plan.toml": "plan",
    "report.html": "html",
    "report.pdf": "pdf",
    "attachments/notes.txt": "attachment",
    "log.jsonl": "log",
    "../image.bin": "input",
}
KINDS = ("flip", "drop", "swap", "re-digest")


def signed_folder(root: Path) -> Path:
    """Write a record with a plan, renderings, an attachment, an input and a signature; return its folder."""
    (root / "image.bin").write_bytes(bytes(range(256)))
    (root / "plan-of-mine.toml").write_text('codecs = ["lossless"]\nn = 20\n')
    values = np.random.default_rng(1).normal(size=(2, 3, 1, 1))
    dims = ("replica", "image", "measurement")
    dataset = xr.Dataset({"raw_prediction": (("group", *dims), values), "codec_prediction": (("codec", *dims), values[1:])})
    document = make_record(images=1, codecs=3, measurements=2)
    rows = [("image.bin", "raw"), ("plan-of-mine.toml", "plan")]
    document["inputs"] = [{"path": str(root / name), "sha256": sha256_of_file(root / name), "role": role} for name, role in rows]
    document["predictions_sha256"] = predictions_digest(dataset)
    folder = root / "record"
    Record.sealed(content_of(document), dataset).write(folder, formats=())
    (folder / "attachments").mkdir()
    (folder / "attachments" / "notes.txt").write_text("looked at by eye\n" * 20)
    for name in ("report.html", "report.pdf"):
        (folder / name).write_text(f"<p>{name}</p>\n" * 50)
    note_renderings(folder, [folder / "report.html", folder / "report.pdf"], seal_of(folder))
    private, _, _ = write_key_pair(root / "key.pem")
    sign(folder, private_key(private), "A. Analyst", "author")
    sign(folder, private_key(private), "A. Analyst", "approved")
    return folder


def mutate(folder: Path, name: str, kind: str, rng: np.random.Generator) -> None:
    """Change one part of a folder."""
    file = folder / name
    if kind == "flip":
        data = bytearray(file.read_bytes())
        data[rng.integers(len(data))] ^= 1 << int(rng.integers(8))
        file.write_bytes(data)
    elif kind == "drop":
        _drop(file, rng)
    elif kind == "swap":
        _swap(file, rng)
    else:
        _redigest(folder, name, rng)


def _drop(file: Path, rng: np.random.Generator) -> None:
    """Remove the file, or a part of it."""
    lines = file.read_bytes().splitlines(keepends=True)
    if len(lines) < 2 or rng.random() < 0.2:
        file.unlink()
        return
    del lines[int(rng.integers(len(lines)))]
    file.write_bytes(b"".join(lines))


def _swap(file: Path, rng: np.random.Generator) -> None:
    """Exchange two different lines, or two bytes, or the whole for something else."""
    lines = file.read_bytes().splitlines(keepends=True)
    places = [(a, b) for a in range(len(lines)) for b in range(a) if lines[a] != lines[b]][:200]
    if places:
        a, b = places[int(rng.integers(len(places)))]
        lines[a], lines[b] = lines[b], lines[a]
        file.write_bytes(b"".join(lines))
    else:
        data = file.read_bytes()
        file.write_bytes(data[::-1] if data != data[::-1] else data + b"x")


def _redigest(folder: Path, name: str, rng: np.random.Generator) -> None:
    """Change a part as somebody would who knows the format: every hash that can be made anew without the key is."""
    manifest = json.loads((folder / "manifest.json").read_text())
    if name == "log.jsonl":
        manifest["log"]["lines"] = _rechain(folder / name, int(rng.integers(len(manifest["log"]["lines"]))))
    elif name == "record.json":
        document = json.loads((folder / name).read_text())
        row = document["results"][int(rng.integers(len(document["results"])))]
        row["verdict"] = "FAIL" if row["verdict"] == "PASS" else "PASS"
        row["epsilon_hat"] = 0.01
        document["digest"] = manifest["record_digest"] = digest_of(document)
        (folder / name).write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    else:
        mutate(folder, name, "flip", rng)
    for part in manifest["parts"]:
        part |= {"sha256": sha256_of_file(folder / part["path"]), "bytes": (folder / part["path"]).stat().st_size}
    if name.startswith(".."):
        document = json.loads((folder / "record.json").read_text())
        document["inputs"][0]["sha256"] = manifest["inputs"][0]["sha256"] = sha256_of_file(folder / name)
    (folder / "manifest.json").write_text(json.dumps(manifest))


def _rechain(path: Path, changed: int) -> list[str]:
    """Change one line of a log, and the hashes of all that follow."""
    lines: list[dict[str, Any]] = [json.loads(text) for text in path.read_text().splitlines()]
    lines[changed]["by"] = "somebody else"
    previous = "0" * 64
    for line in lines:
        line["previous"] = previous
        line["sha256"] = previous = digest({key: value for key, value in line.items() if key != "sha256"})
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
    return [line["sha256"] for line in lines]


def missed(count: int, seed: int, say: Callable[[str], None] = lambda line: None) -> list[str]:
    """Make changes one after another, each to a fresh copy, and return those whose part verify does not name."""
    rng = np.random.default_rng(seed)
    found = []
    with tempfile.TemporaryDirectory() as temporary:
        sound = Path(temporary) / "sound"
        sound.mkdir()
        signed_folder(sound)
        key = public_key(sound / "key.pub.pem")
        assert examine(sound / "record", key=key).problems == []
        names = list(PARTS)
        for number in range(count):
            name, kind = names[number % len(names)], KINDS[number // len(names) % len(KINDS)]
            copy = Path(temporary) / "copy"
            shutil.copytree(sound, copy)
            mutate(copy / "record", name, kind, rng)
            problems = examine(copy / "record", key=key).problems
            if not any(entry.part.startswith(PARTS[name]) for entry in problems):
                found.append(f"{kind} {name}: {[str(entry) for entry in problems]}")
            shutil.rmtree(copy)
            if number % 100 == 99:
                say(f"{number + 1} changes, {len(found)} not named")
    return found


if __name__ == "__main__":
    lines = missed(int(sys.argv[1]) if len(sys.argv) > 1 else 1000, 14, print)
    print("\n".join(lines) or "every change was named by its part")
    sys.exit(bool(lines))
