"""Signatures inside report.pdf: they are PAdES, what is altered is named, and nothing is said of trust that nobody checked."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import pkcs12

from sigmaraw.errors import InvalidKey
from sigmaraw.files import sha256_of_file
from sigmaraw.integrity import certificates as read
from sigmaraw.integrity.log import read_log
from sigmaraw.integrity.pades import examine_pdf, sign_pdf
from sigmaraw.integrity.signing import write_key_pair
from sigmaraw.record import Record, content_of
from sigmaraw.record.digest import digest_of, predictions_digest
from tests.cli.conftest import Outcome, sigmaraw  # noqa: F401 (a fixture)
from tests.integrity.certificates import Lab, certificate, elliptic, pem, private_file
from tests.reports.conftest import make_arrays, make_record

pytest.importorskip("pyhanko", reason="the extra [pades] is not installed")
posix = pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX's")
Run = Callable[..., Outcome]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return Lab.made(tmp_path_factory.mktemp("lab"))


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A record with its PDF, nothing signed."""
    folder = tmp_path_factory.mktemp("reported") / "record"
    document = make_record(1, 2, 1, 6)
    dataset = make_arrays(document)
    document["inputs"], document["predictions_sha256"] = [], predictions_digest(dataset)
    Record.sealed(content_of(document), dataset).write(folder, formats=("pdf",))
    return folder


@pytest.fixture(scope="module")
def once_signed(reported: Path, lab: Lab) -> bytes:
    """The PDF, signed by the analyst."""
    return sign_pdf((reported / "report.pdf").read_bytes(), read.signing_certificate(lab.analyst, b"horse"), "approved").content


@pytest.fixture
def folder(reported: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(reported, tmp_path / "record"))


@pytest.fixture
def horse(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("SIGMARAW_PDF_PASSPHRASE", "horse")
    yield


def _redigest(folder: Path) -> None:
    """Make the manifest fit the files, as somebody can who alters an unsigned record."""
    manifest = json.loads((folder / "manifest.json").read_text())
    for part in manifest["parts"]:
        part |= {"sha256": sha256_of_file(folder / part["path"]), "bytes": (folder / part["path"]).stat().st_size}
    manifest["record_digest"] = json.loads((folder / "record.json").read_text())["digest"]
    (folder / "manifest.json").write_text(json.dumps(manifest))


def _contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def _signed_parts(pdf: bytes) -> tuple[bytes, bytes]:
    """Return what the last signature covers, and the signature, read from the bytes alone."""
    start, first, second, rest = map(int, re.findall(rb"/ByteRange \[\s*(\d+) (\d+) (\d+) (\d+)\s*\]", pdf)[-1])
    assert start == 0 and second + rest == len(pdf)
    raw = bytes.fromhex(pdf[first + 1 : second - 1].decode())
    length = 4 + int.from_bytes(raw[2:4])  # DER: a sequence whose length has two bytes
    assert raw[:2] == b"\x30\x82" and not raw[length:].strip(b"\0")
    return pdf[:first] + pdf[second:], raw[:length]


@pytest.mark.requirement("R-INTEGRITY")
def test_record_and_pdf_are_signed_in_one_go(folder: Path, lab: Lab, horse: None, tmp_path: Path, sigmaraw: Run) -> None:  # noqa: F811
    """The manifest is over the signed PDF, and the log says so before it says who signed the record."""
    private, public, _ = write_key_pair(tmp_path / "key.pem")
    before = (folder / "report.pdf").read_bytes()
    done = sigmaraw("sign", folder, "--key", private, "--name", "A. Analyst", "--pdf-certificate", lab.analyst, "--meaning", "author")
    assert done.code == 0 and "report.pdf: signed by A. Analyst (PAdES, author)" in done.out
    assert (folder / "report.pdf").read_bytes().startswith(before)  # nothing of it was written anew
    found = sigmaraw("verify", folder, "--key", public, "--trust", lab.root)
    assert found.code == 0 and "signed by A. Analyst (PAdES" in found.out and "leads to one that you trust" in found.out
    last = read_log(folder / "log.jsonl")[0][-2:]
    assert [line.event for line in last] == ["sign-pdf", "sign"] and last[0].facts["sha256"] == sha256_of_file(folder / "report.pdf")
    assert {part["path"]: part["sha256"] for part in json.loads((folder / "manifest.json").read_text())["parts"]}[
        "report.pdf"
    ] == sha256_of_file(folder / "report.pdf")


def test_another_program_confirms_the_signature(once_signed: bytes, lab: Lab, tmp_path: Path) -> None:
    """OpenSSL checks the CMS over the bytes outside the gap; PAdES B-B asks for the certificate's hash and no signing time in it."""
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("no openssl on this machine")
    covered, signature = _signed_parts(once_signed)
    (tmp_path / "covered").write_bytes(covered)
    (tmp_path / "signature.der").write_bytes(signature)
    command = [program, "cms", "-verify", "-binary", "-inform", "DER", "-in", "signature.der", "-content", "covered", "-out", "same"]
    ran = subprocess.run([*command, "-CAfile", str(lab.root), "-purpose", "any"], cwd=tmp_path, capture_output=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert b"/SubFilter /ETSI.CAdES.detached" in once_signed.replace(b"\\056", b".").replace(b"#2E", b".")
    assert bytes.fromhex("060b2a864886f70d010910022f") in signature  # signing-certificate-v2, RFC 5035
    assert bytes.fromhex("06092a864886f70d010905") not in signature  # signing-time, RFC 5652


@pytest.mark.requirement("R-INTEGRITY")
@pytest.mark.parametrize("where", ["start", "middle", "after the signature"])
def test_a_flipped_byte_is_named(folder: Path, once_signed: bytes, where: str, sigmaraw: Run) -> None:  # noqa: F811
    """Even where every hash was made anew: the signature inside the PDF does not fit."""
    data = bytearray(once_signed)
    gap = once_signed.rindex(b"/ByteRange")
    data[{"start": 200, "middle": gap // 2, "after the signature": len(data) - 40}[where]] ^= 1
    (folder / "report.pdf").write_bytes(data)
    _redigest(folder)
    found = sigmaraw("verify", folder)
    assert found.code == 2 and "report.pdf (pdf): " in found.err and "Traceback" not in found.err


@pytest.mark.requirement("R-INTEGRITY")
@pytest.mark.parametrize("more", ["a line", "update", "update under a later signature"])
def test_what_is_appended_after_signing_is_named(
    folder: Path,
    once_signed: bytes,
    lab: Lab,
    more: str,
    sigmaraw: Run,  # noqa: F811
) -> None:
    made = once_signed + b"% a line\n"
    if more != "a line":  # a whole update of the file, that says another language
        made = _with_another_language(once_signed)
    if "signature" in more:
        made = sign_pdf(made, read.signing_certificate(lab.boss), "approved").content
    (folder / "report.pdf").write_bytes(made)
    _redigest(folder)
    found = sigmaraw("verify", folder)
    assert found.code == 2 and "report.pdf (pdf): the signature of A. Analyst inside it does not hold: something was added" in found.err


def _with_another_language(pdf: bytes) -> bytes:
    from pyhanko.pdf_utils.generic import TextStringObject
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

    writer = IncrementalPdfFileWriter(BytesIO(pdf))
    writer.root["/Lang"] = TextStringObject("xx")
    writer.update_root()
    made = BytesIO()
    writer.write(made)
    return made.getvalue()


@pytest.mark.requirement("R-INTEGRITY")
def test_another_record_beside_the_signed_pdf_is_named(folder: Path, once_signed: bytes, sigmaraw: Run) -> None:  # noqa: F811
    """Somebody alters the record and makes every hash anew; the PDF still holds the one that was signed."""
    (folder / "report.pdf").write_bytes(once_signed)
    _redigest(folder)
    assert sigmaraw("verify", folder).code == 0
    document = json.loads((folder / "record.json").read_text())
    document["results"][0]["verdict"] = "FAIL" if document["results"][0]["verdict"] == "PASS" else "PASS"
    document["digest"] = digest_of(document)
    (folder / "record.json").write_text(json.dumps(document))
    _redigest(folder)
    found = sigmaraw("verify", folder)
    assert found.code == 2 and "record.json (record): it is not the record inside the signed report.pdf" in found.err


@pytest.mark.requirement("R-INTEGRITY")
def test_trust_is_stated_only_where_it_was_checked(folder: Path, once_signed: bytes, lab: Lab, sigmaraw: Run) -> None:  # noqa: F811
    (folder / "report.pdf").write_bytes(once_signed)
    _redigest(folder)
    asked = sigmaraw("verify", folder)
    assert asked.code == 0 and "unsigned" in asked.out and "the certificate was not checked" in asked.out and "trust." not in asked.out
    other = sigmaraw("verify", folder, "--trust", lab.boss_certificate)
    assert other.code == 2 and "no certificate of it leads to one that you trust (A. Analyst" in other.err
    found = json.loads(sigmaraw("verify", folder, "--trust", lab.root, "--json").out)
    assert found["pdf_signatures"][0]["trusted"] and found["pdf_signatures"][0]["signer"] == "A. Analyst"


def test_an_unsigned_pdf_does_not_pass_where_a_signature_is_asked_for(folder: Path, lab: Lab, sigmaraw: Run) -> None:  # noqa: F811
    found = sigmaraw("verify", folder, "--trust", lab.root)
    assert found.code == 2 and "report.pdf (pdf): no certificate of it leads to one that you trust (it is not signed)" in found.err


def test_an_expired_certificate_is_called_so(reported: Path, lab: Lab) -> None:
    key = elliptic()
    old = certificate("C. Gone", key, days=(-9, -2))
    made = sign_pdf((reported / "report.pdf").read_bytes(), read.SigningCertificate(key, old, ()), "approved").content
    (found,) = examine_pdf(made, (old,)).signatures
    assert not found.problem and not found.trusted and "it expired on" in (found.chain or "")


def test_several_people_sign_the_pdf_and_then_the_record(folder: Path, lab: Lab, horse: None, tmp_path: Path, sigmaraw: Run) -> None:  # noqa: F811
    """A signature inside the PDF changes bytes that the record's signatures are over: it comes before them."""
    private, _, _ = write_key_pair(tmp_path / "key.pem")
    assert sigmaraw("sign", folder, "--pdf-certificate", lab.analyst).code == 0
    assert sigmaraw("sign", folder, "--pdf-certificate", lab.boss, "--key", private).code == 0
    (tmp_path / "both.pem").write_bytes(lab.root.read_bytes() + lab.boss_certificate.read_bytes())
    found = sigmaraw("verify", folder, "--trust", tmp_path / "both.pem")
    assert found.code == 0 and "signed by A. Analyst (PAdES" in found.out and "signed by B. Boss (PAdES" in found.out
    assert found.out.count("leads to one that you trust") == 2
    before = _contents(folder)
    late = sigmaraw("sign", folder, "--pdf-certificate", lab.boss)
    assert late.code == 2 and "is signed already" in late.err and _contents(folder) == before
    assert sigmaraw("sign", folder, "--pdf-certificate", lab.boss, "--key", private, "--replace").code == 0
    assert sigmaraw("verify", folder).out.count("PAdES") == 3


@pytest.mark.parametrize("given", ["wrong", "none", "wrong file"])
def test_a_passphrase_that_does_not_open_the_key_leaves_the_folder_alone(
    folder: Path,
    lab: Lab,
    tmp_path: Path,
    given: str,
    sigmaraw: Run,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before, more = _contents(folder), []
    monkeypatch.delenv("SIGMARAW_PDF_PASSPHRASE", raising=False)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    if given == "wrong":
        monkeypatch.setenv("SIGMARAW_PDF_PASSPHRASE", "donkey")
    elif given == "wrong file":
        (tmp_path / "phrase").write_text("donkey\nhorse\n")
        more = ["--pdf-passphrase-file", tmp_path / "phrase"]
    done = sigmaraw("sign", folder, "--pdf-certificate", lab.analyst, *more)
    assert done.code == 2 and done.err.count("\n") == 1 and "passphrase" in done.err and "donkey" not in done.err
    assert _contents(folder) == before


def test_a_passphrase_may_come_from_a_file(lab: Lab, folder: Path, tmp_path: Path, sigmaraw: Run) -> None:  # noqa: F811
    (tmp_path / "phrase").write_bytes(b"horse\r\n")
    assert sigmaraw("sign", folder, "--pdf-certificate", lab.analyst, "--pdf-passphrase-file", tmp_path / "phrase").code == 0


def test_without_the_extra_there_is_one_line(
    folder: Path,
    once_signed: bytes,
    lab: Lab,
    sigmaraw: Run,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "pyhanko"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pyhanko", None)
    done = sigmaraw("sign", folder, "--pdf-certificate", lab.analyst)
    assert done.code == 2 and done.err.count("\n") == 1 and "needs pyhanko, which is not installed" in done.err and "pades]" in done.err
    (folder / "report.pdf").write_bytes(once_signed)
    _redigest(folder)
    found = sigmaraw("verify", folder)
    assert found.code == 0 and "the signatures inside report.pdf were not looked at" in found.out and "PAdES" not in found.out
    assert sigmaraw("verify", folder, "--trust", lab.root).code == 2


def test_a_file_that_is_no_pdf_any_more_is_named(folder: Path, sigmaraw: Run) -> None:  # noqa: F811
    (folder / "report.pdf").write_bytes(b"%PDF-1.7\n1 0 obj\n<< /ByteRange [0 1 2 3] >>\n%%EOF")
    _redigest(folder)
    found = sigmaraw("verify", folder)
    assert found.code == 2 and "report.pdf (pdf)" in found.err and found.err.count("\n") == 1


def test_what_no_one_can_sign_with_is_refused(folder: Path, lab: Lab, tmp_path: Path, sigmaraw: Run) -> None:  # noqa: F811
    neither = sigmaraw("sign", folder)
    assert neither.code == 2 and "neither --key nor --pdf-certificate" in neither.err
    (folder / "report.pdf").unlink()
    _redigest_without_pdf(folder)
    assert "--format pdf" in sigmaraw("sign", folder, "--pdf-certificate", lab.boss).err


def _redigest_without_pdf(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["parts"] = [part for part in manifest["parts"] if part["path"] != "report.pdf"]
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_keys_and_certificates_that_do_not_serve_are_refused_by_name(tmp_path: Path) -> None:
    key, other, edwards = elliptic(), elliptic(), Ed25519PrivateKey.generate()
    own = certificate("A", key)
    files = {
        "no certificate of the private key": pem(certificate("B", other), key),
        "no private key": pem(own),
        "another kind": pem(certificate("A", edwards), edwards),
        "not for signatures": pem(certificate("A", key, signs=False), key),
        "valid from": pem(certificate("A", key, days=(-9, -2)), key),
        "is encrypted": pem(own, key, passphrase=b"horse"),
        "does not open without": b"nothing of the kind",
        "no certificate;": pem(key),
    }
    for said, content in files.items():
        with pytest.raises(InvalidKey, match=said):
            read.signing_certificate(private_file(tmp_path / "file.pem", content))
    with pytest.raises(InvalidKey, match="does not open with this"):
        read.signing_certificate(private_file(tmp_path / "file.pem", files["is encrypted"]), b"donkey")
    with pytest.raises(InvalidKey, match="cannot be read"):
        read.signing_certificate(tmp_path / "none.pem")
    with pytest.raises(InvalidKey, match="no certificate"):
        read.trusted_certificates(private_file(tmp_path / "file.pem", b"nothing"))


def test_a_key_may_lie_in_a_file_of_its_own(tmp_path: Path) -> None:
    key, root_key = elliptic(), elliptic()
    root = certificate("Root", root_key, signs=False)
    (tmp_path / "chain.pem").write_bytes(pem(root, certificate("A", key, ("Root", root_key))))
    secret = private_file(tmp_path / "key.pem", pem(key, passphrase=b"horse"))
    found = read.signing_certificate(tmp_path / "chain.pem", b"horse", secret)
    assert found.name == "A" and found.chain == (root,) and read.needs_passphrase(tmp_path / "chain.pem", secret)
    packed = pkcs12.serialize_key_and_certificates(None, key, found.certificate, None, serialization.NoEncryption())
    assert not read.needs_passphrase(private_file(tmp_path / "open.p12", packed))
    assert read.signing_certificate(tmp_path / "open.p12").certificate == found.certificate


@posix
def test_a_key_that_others_can_read_is_refused(lab: Lab, tmp_path: Path) -> None:
    copy = shutil.copy(lab.boss, tmp_path / "boss.pem")
    Path(copy).chmod(0o644)
    with pytest.raises(InvalidKey, match="chmod 600"):
        read.signing_certificate(Path(copy))
