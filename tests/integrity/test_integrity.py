"""Canonical JSON, log, manifest, keys and signatures by themselves, and that no change of a signed record goes unnamed."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from sigmaraw.errors import InvalidKey, InvalidOption
from sigmaraw.integrity.canonical import canonical, digest
from sigmaraw.integrity.log import log_text, read_log, with_lines
from sigmaraw.integrity.manifest import is_inside
from sigmaraw.integrity.signing import key_id, message, private_key, public_key, read_signatures, write_key_pair
from sigmaraw.record import Record
from sigmaraw.record.sealing import sign
from sigmaraw.record.verifying import examine, require_unaltered
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
    import shutil

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
    import shutil

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
    import shutil

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
    import shutil

    from sigmaraw.errors import IntegrityError

    shutil.copytree(signed.parent, tmp_path / "copy")
    folder = tmp_path / "copy" / "record"
    (folder / "report.html").write_text("gone")
    require_unaltered(folder)  # a rendering is made anew
    (folder / "record.json").write_text((folder / "record.json").read_text().replace('"PASS"', '"FAIL"', 1))
    with pytest.raises(IntegrityError, match=r"record\.json"):
        require_unaltered(folder)
