"""Canonical JSON, log, manifest, keys and signatures by themselves, and that no change of a signed record goes unnamed."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from sigmaraw.errors import InvalidKey, InvalidOption, InvalidRecord, OutOfSpace
from sigmaraw.files import sha256_of_file
from sigmaraw.integrity.canonical import canonical, digest
from sigmaraw.integrity.log import log_text, read_log, with_lines
from sigmaraw.integrity.manifest import is_inside, read_manifest
from sigmaraw.integrity.signing import key_id, message, private_key, public_key, read_signatures, write_key_pair
from sigmaraw.record import Record
from sigmaraw.record.places import find_input
from sigmaraw.record.sealing import sign
from sigmaraw.record.verifying import Finding, Kind, examine, require_unaltered
from tests.cli.conftest import sigmaraw  # noqa: F401 (a fixture)
from tests.integrity import mutations

posix = pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX's")


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return mutations.signed_folder(tmp_path_factory.mktemp("signed"))


def test_canonical_json_is_that_of_the_standard() -> None:
    """The example of RFC 8785, section 3.2.2 to 3.2.4: text, numbers and the order of keys."""
    value = {
        "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"/",
        "literals": [None, True, False],
    }
    wanted = '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    assert canonical(value) == wanted.encode()
    assert digest(value) == hashlib.sha256(wanted.encode()).hexdigest()
    assert canonical({"a": 1.0}) == canonical({"a": 1}) and canonical(2**64 - 1) == b'"18446744073709551615"'


def test_each_line_of_a_log_holds_the_hash_of_the_one_before(tmp_path: Path) -> None:
    lines = with_lines((), "sigmaraw 1", [("start", "2026-01-01T00:00:00+00:00", {"seed": 7}), ("end", None, {})])
    path = tmp_path / "log.jsonl"
    path.write_text(log_text(with_lines(lines, "sigmaraw 1", [("report", None, {})])))
    found, problems = read_log(path)
    assert problems == {} and [line.event for line in found] == ["start", "end", "report"]
    assert [line.previous for line in found] == ["0" * 64, found[0].sha256, found[1].sha256]
    path.write_text(path.read_text().replace('"seed": 7', '"seed": 8'))
    assert list(read_log(path)[1]) == [1]
    path.write_text(log_text((found[0], found[2])))
    assert list(read_log(path)[1]) == [2]


def test_who_ran_it_can_be_stated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGMARAW_OPERATOR", "J. Doe")
    assert with_lines((), "t", [("start", None, {})])[0].by == "J. Doe"


@pytest.mark.requirement("R-INTEGRITY")
@posix
def test_a_private_key_is_its_owners_alone(tmp_path: Path) -> None:
    mask = os.umask(0)
    try:
        private, public, name = write_key_pair(tmp_path / "lab.pem")
    finally:
        os.umask(mask)
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert key_id(private_key(private).public_key()) == key_id(public_key(public)) == name
    private.chmod(0o640)
    with pytest.raises(InvalidKey, match="chmod 600"):
        private_key(private)


def test_a_key_is_not_overwritten_and_one_of_another_kind_is_refused(tmp_path: Path) -> None:
    private, public, _ = write_key_pair(tmp_path / "lab.pem")
    with pytest.raises(InvalidOption, match="exists"):
        write_key_pair(tmp_path / "lab.pem")
    with pytest.raises(InvalidKey, match="no public key"):
        public_key(private)
    with pytest.raises(InvalidKey, match=r"chmod|no private key"):
        private_key(public)
    other = X25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "other.pem").write_bytes(other)
    (tmp_path / "other.pem").chmod(0o600)
    with pytest.raises(InvalidKey, match="another kind"):
        private_key(tmp_path / "other.pem")
    with pytest.raises(InvalidKey, match="cannot be read"):
        public_key(tmp_path / "none.pem")


def test_an_encrypted_key_opens_with_its_passphrase_alone(tmp_path: Path) -> None:
    private, _, _ = write_key_pair(tmp_path / "lab.pem", b"correct horse")
    assert b"ENCRYPTED" in private.read_bytes()
    assert private_key(private, b"correct horse")
    for wrong in (None, b"battery"):
        with pytest.raises(InvalidKey):
            private_key(private, wrong)


@pytest.mark.requirement("R-INTEGRITY")
def test_a_signature_is_that_of_the_standard_library_of_keys(signed: Path) -> None:
    """The public key checks the message by cryptography alone."""
    key = public_key(signed.parent / "key.pub.pem")
    for entry in read_signatures(signed / "signatures.json"):
        import base64

        key.verify(base64.b64decode(entry.signature), message(entry.statement))
        assert entry.holds() and message(entry.statement).startswith(b"sigmaraw/signature/1\n{")


def test_a_signed_folder_holds_and_says_by_whom(signed: Path) -> None:
    found = examine(signed, key=public_key(signed.parent / "key.pub.pem"))
    assert found.problems == [] and found.notes == [] and found.trusted
    assert "signed by A. Analyst (author" in found.state and "A. Analyst (approved" in found.state
    assert "compare it" in examine(signed).state


@pytest.mark.requirement("R-INTEGRITY")
def test_another_key_does_not_pass(signed: Path, tmp_path: Path) -> None:
    found = examine(signed, key=Ed25519PrivateKey.generate().public_key())
    assert [entry.part for entry in found.problems] == ["signature"] and found.signatures == ()


@pytest.mark.requirement("R-INTEGRITY")
def test_an_unsigned_record_is_called_unsigned(signed: Path, tmp_path: Path) -> None:
    folder = tmp_path / "unsigned"
    Record.read(signed).write(folder, formats=())
    found = examine(folder)
    assert found.problems == [] and found.state.startswith("unsigned")


def test_who_signs_by_another_key_what_was_altered_is_not_the_signer(signed: Path, tmp_path: Path) -> None:
    """An attacker changes the record, makes every hash anew and signs by a key of his: the signer's key shows it."""
    import numpy as np

    root = tmp_path / "copy"
    shutil.copytree(signed.parent, root)
    mutations.mutate(root / "record", "record.json", "re-digest", np.random.default_rng(3))
    (root / "record" / "signatures.json").unlink()
    sign(root / "record", Ed25519PrivateKey.generate(), "A. Analyst", "approved")
    assert examine(root / "record").problems == []
    parts = [entry.part for entry in examine(root / "record", key=public_key(signed.parent / "key.pub.pem")).problems]
    assert parts == ["signature"]


@pytest.mark.requirement("R-INTEGRITY")
def test_every_kind_of_change_to_every_part_is_named() -> None:
    """Seeded; each of four kinds on each of seven parts twice. The script makes 1,000."""
    count = 2 * len(mutations.PARTS) * len(mutations.KINDS)
    assert mutations.missed(count, 14) == []


def test_inputs_are_found_from_another_place(signed: Path, tmp_path: Path) -> None:
    shutil.copytree(signed, tmp_path / "far" / "record")
    assert {entry.part for entry in examine(tmp_path / "far" / "record").problems} == {"input, raw", "input, plan"}
    shutil.copytree(signed.parent, tmp_path / "data" / "deep", ignore=shutil.ignore_patterns("record"))
    assert examine(tmp_path / "far" / "record", inputs=tmp_path / "data").problems == []
    (tmp_path / "data" / "deep" / "image.bin").write_bytes(b"other")
    assert [entry.part for entry in examine(tmp_path / "far" / "record", inputs=tmp_path / "data").problems] == ["input, raw"]


def test_files_added_after_signing_are_noted_and_manifests_name_none_outside(signed: Path) -> None:
    extra = signed / "extra.txt"
    extra.write_text("new")
    try:
        assert examine(signed).notes == ["extra.txt is no part of the record"]
    finally:
        extra.unlink()
    assert is_inside("attachments/a.txt")
    assert not any(is_inside(name) for name in ("../a", "/etc/passwd", "a/../../b", "C:/x", "a\\b", "", "a\0"))


def test_a_manifest_that_names_a_file_outside_is_refused(signed: Path, tmp_path: Path) -> None:
    shutil.copytree(signed, tmp_path / "record")
    (tmp_path / "record" / "signatures.json").unlink()
    manifest = json.loads((tmp_path / "record" / "manifest.json").read_text())
    manifest["parts"][0]["path"] = "../../../etc/passwd"
    (tmp_path / "record" / "manifest.json").write_text(json.dumps(manifest))
    assert any("no file of the folder" in str(entry) for entry in examine(tmp_path / "record", look_at_inputs=False).problems)


def test_the_crate_lists_every_file_with_its_hash(signed: Path) -> None:
    crate = json.loads((signed / "ro-crate-metadata.json").read_text())
    graph = {entry["@id"]: entry for entry in crate["@graph"]}
    assert graph["ro-crate-metadata.json"]["about"] == {"@id": "./"} and crate["@context"].startswith("https://w3id.org/ro/crate/")
    named = [entry["@id"] for entry in graph["./"]["hasPart"]]
    assert {"record.json", "result.nc", "plan.toml"} <= set(named)
    for name in named:
        assert graph[name]["sha256"] == hashlib.sha256((signed / name).read_bytes()).hexdigest()
    assert all(entry["@id"] in graph for entry in graph["#run"]["object"] + graph["#run"]["result"])


def test_an_altered_record_is_not_to_be_rendered(signed: Path, tmp_path: Path) -> None:
    from sigmaraw.errors import IntegrityError

    shutil.copytree(signed.parent, tmp_path / "copy")
    folder = tmp_path / "copy" / "record"
    (folder / "report.html").write_text("gone")
    require_unaltered(folder)  # a rendering is made anew
    (folder / "record.json").write_text((folder / "record.json").read_text().replace('"PASS"', '"FAIL"', 1))
    with pytest.raises(IntegrityError, match=r"record\.json"):
        require_unaltered(folder)


@pytest.fixture
def copy(signed: Path, tmp_path: Path) -> Path:
    """A signed record of its own, with its key and inputs beside it."""
    shutil.copytree(signed.parent, tmp_path / "copy")
    return tmp_path / "copy" / "record"


@pytest.mark.requirement("R-INTEGRITY")
def test_each_of_two_signers_keys_passes(copy: Path) -> None:
    """The manifest is that of the last signer; parts are held against what each signed."""
    other = Ed25519PrivateKey.generate()
    sign(copy, other, "B. Reviewer", "reviewed")
    first = public_key(copy.parent / "key.pub.pem")
    for key, names in ((first, ["A. Analyst"] * 2), (other.public_key(), ["B. Reviewer"])):
        found = examine(copy, key=key)
        assert found.problems == [] and [entry.statement.name for entry in found.signatures] == names
    (copy / "manifest.json").write_text((copy / "manifest.json").read_text().replace('"bytes": 2', '"bytes": 3'))
    assert [entry.part for entry in examine(copy, key=first).problems] == ["manifest"]
    (copy / "report.html").write_text("edited")
    assert [entry.part for entry in examine(copy, key=first).problems] == ["manifest", "html"]


@pytest.mark.requirement("R-INTEGRITY")
def test_replace_signs_what_report_made_and_nothing_that_was_edited(copy: Path, sigmaraw: Callable) -> None:  # noqa: F811
    key = ["--key", copy.parent / "key.pem"]
    assert sigmaraw("report", copy, "--format", "text").code == 0
    made = sigmaraw("sign", copy, *key, "--replace")
    assert made.code == 0, made.err
    assert sigmaraw("report", copy, "--format", "text").code == 0
    assert "add --replace" in sigmaraw("sign", copy, *key).err
    assert sigmaraw("sign", copy, *key, "--replace").code == 0
    before = (copy / "signatures.json").read_bytes()
    for name, part in (("report.html", "html"), ("verdicts.txt", "text")):
        kept = (copy / name).read_bytes()
        (copy / name).write_bytes(kept + b"edited")
        refused = sigmaraw("sign", copy, *key, "--replace")
        assert refused.code == 2 and f"{name} ({part}): its bytes have changed since it was written" in refused.err
        (copy / name).write_bytes(kept)
    assert (copy / "signatures.json").read_bytes() == before


def test_replace_refuses_what_was_edited_with_its_hash_in_the_manifest(copy: Path, sigmaraw: Callable) -> None:  # noqa: F811
    """The old signatures still say what the attachment was."""
    notes = copy / "attachments" / "notes.txt"
    old = hashlib.sha256(notes.read_bytes()).hexdigest()
    notes.write_bytes(notes.read_bytes()[::-1])
    manifest = copy / "manifest.json"
    manifest.write_text(manifest.read_text().replace(old, hashlib.sha256(notes.read_bytes()).hexdigest()))
    refused = sigmaraw("sign", copy, "--key", copy.parent / "key.pem", "--replace")
    assert refused.code == 2 and "attachments/notes.txt (attachment): its bytes have changed since it was signed" in refused.err


def test_a_signature_needs_no_inputs(copy: Path, sigmaraw: Callable) -> None:  # noqa: F811
    (copy.parent / "image.bin").unlink()
    assert [entry.kind for entry in examine(copy).problems] == [Kind.INPUT_GONE]
    assert sigmaraw("sign", copy, "--key", copy.parent / "key.pem").code == 0


def test_a_file_that_nobody_entered_is_an_attachment_whatever_its_name(copy: Path, sigmaraw: Callable) -> None:  # noqa: F811
    (copy / "verdicts.txt").write_text("PASS")
    made = sigmaraw("sign", copy, "--key", copy.parent / "key.pem")
    assert made.out.startswith("new attachment: verdicts.txt\n")
    roles = {part["path"]: part["role"] for part in json.loads((copy / "manifest.json").read_text())["parts"]}
    assert roles["verdicts.txt"] == "attachment" and (roles["report.pdf"], roles["record.json"]) == ("pdf", "record")


@pytest.mark.parametrize("name", ["manifest.json", "signatures.json", "log.jsonl"])
def test_what_cannot_be_read_beside_a_record_is_refused_before_anything_is_written(
    name: str, copy: Path, sigmaraw: Callable  # noqa: F811
) -> None:  # fmt: skip
    (copy / name).write_text("{\x1b[31m")
    before = {file.name: file.read_bytes() for file in copy.iterdir() if file.is_file()}
    for command in (["report", copy], ["sign", copy, "--key", copy.parent / "key.pem"]):
        refused = sigmaraw(*command)
        assert refused.code == 2 and name in refused.err and "\x1b" not in refused.err
    assert {file.name: file.read_bytes() for file in copy.iterdir() if file.is_file()} == before
    if name == "manifest.json":
        with pytest.raises(InvalidRecord, match=r"manifest\.json cannot be read"):
            read_manifest(copy / name)
        (copy / name).unlink()
        with pytest.raises(InvalidRecord, match="No such file"):
            read_manifest(copy / name)


@posix
def test_what_would_be_read_without_end_is_no_input(copy: Path) -> None:
    """A stranger's record names a device and a pipe."""
    os.mkfifo(copy.parent / "pipe")
    for path in ("/dev/zero", "../pipe", "x" * 5000, ".."):
        assert find_input(path, "0" * 64, copy, None) is None
    (copy.parent / "data").mkdir()
    os.mkfifo(copy.parent / "data" / "image.bin")
    assert find_input("image.bin", "0" * 64, copy, copy.parent / "data") is None
    os.mkfifo(copy.parent / "data" / "manifest.json")
    with pytest.raises(InvalidRecord, match="no file"):
        read_manifest(copy.parent / "data" / "manifest.json")
    store = copy.parent / "image.zarr"
    store.mkdir()
    assert find_input("../image.zarr", "0" * 64, copy, None) is None
    (store / "zarr.json").write_text("{}")
    assert find_input("../image.zarr", sha256_of_file(store), copy, None) == (copy / "../image.zarr", True)


def test_a_strangers_words_move_no_cursor(copy: Path) -> None:
    assert "\x1b" not in str(Finding("\x1b[2J", "\x1b[2J", "\x1b[2J"))
    (copy / "signatures.json").unlink()
    text = (copy / "manifest.json").read_text()
    for old, new in (
        ('"role": "html"', '"role": "\\u001b[2J"'),
        ('"role": "html"', '"role": "html\\n"'),
        ('"sha256": "', '"sha256": "\\u001b'),
    ):
        (copy / "manifest.json").write_text(text.replace(old, new))
        (found,) = (entry for entry in examine(copy).problems)
        assert found.part == "manifest" and "cannot be read" in found.what and "\x1b" not in found.what


def test_a_full_disk_leaves_the_folder_as_it_was(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = Path.write_text

    def full(path: Path, text: str, **kwargs: str) -> int:
        if path.name == "signatures.json":
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(path, text, **kwargs)

    before = {file.name: file.read_bytes() for file in copy.iterdir() if file.is_file()}
    with monkeypatch.context() as patched, pytest.raises(OutOfSpace):
        patched.setattr(Path, "write_text", full)
        sign(copy, Ed25519PrivateKey.generate(), "B. Reviewer", "reviewed")
    assert {file.name: file.read_bytes() for file in copy.iterdir() if file.is_file()} == before
    assert examine(copy).problems == []


@pytest.mark.parametrize(("number", "refusal"), [(errno.ENOSPC, OutOfSpace), (errno.EACCES, InvalidOption)])
def test_half_a_pair_of_keys_is_not_left_behind(
    number: int, refusal: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = os.open

    def second(path: Path, *rest: int) -> int:
        if str(path).endswith(".pub.pem"):
            raise OSError(number, "not now")
        return create(path, *rest)

    with monkeypatch.context() as patched, pytest.raises(refusal):
        patched.setattr(os, "open", second)
        write_key_pair(tmp_path / "lab.pem")
    assert list(tmp_path.iterdir()) == []
