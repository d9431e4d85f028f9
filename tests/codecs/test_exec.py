"""Programs as codecs: only by permission, without a shell, within limits, and what they give back is checked."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest

import sigmaraw as sr
from sigmaraw import registry
from sigmaraw.codecs import codec
from sigmaraw.contracts import Encoded
from sigmaraw.errors import CodecFailed, InputNotFound, InvalidSpec, ProgramNotAllowed
from sigmaraw.files import sha256_of_file
from sigmaraw.study import Plan, Rule, run, run_search, run_sweep
from sigmaraw.study.grid import expand

COPY = 'exec:encode="cp {in} {out}",decode="cp {in} {out}"'
COPY_AS_WRITTEN = COPY.replace('"', "")  # by a grid: marks that are not needed are left out
FRAME = np.random.default_rng(3).integers(0, 4096, (33, 17)).astype(np.uint16)
CAMERA = sr.CameraProfile.from_values(gain=0.5, offset=100, read_noise=1.6, bits=12)


def python(words: str) -> str:
    """Return a command line that runs a line of Python with {in} and {out} as its arguments."""
    return f"{sys.executable} -c '{words}' {{in}} {{out}}"


def step(encode: str = "cp {in} {out}", decode: str = "cp {in} {out}", more: str = "") -> str:
    quoted = [f'{key}="{text.replace(chr(34), chr(34) * 2)}"' for key, text in (("encode", encode), ("decode", decode))]
    return "exec:" + ",".join([*quoted, *([more] if more else [])])


def roundtrip(spec: str, frame: np.ndarray = FRAME) -> tuple[np.ndarray, int]:
    return codec(spec, allow_exec=True).roundtrip(frame)


# --- permission -------------------------------------------------------------------------------------------------------
def test_without_permission_nothing_runs(tmp_path):
    spec = step(encode=f"touch {tmp_path / 'ran'} {{in}} {{out}}")
    with pytest.raises(ProgramNotAllowed, match="would run a program"):
        codec(spec)
    with pytest.raises(ProgramNotAllowed):
        sr.validate([FRAME], CAMERA, codecs=["lossless", spec], pipeline="otsu", n=2)
    with pytest.raises(ProgramNotAllowed):  # one that was allowed allows no other
        run(Plan((COPY, spec), "otsu", n=2), [FRAME], CAMERA, allow_exec=[COPY])
    assert list(tmp_path.iterdir()) == []


def test_a_permitted_program_is_studied_and_recorded():
    record = sr.validate([FRAME], CAMERA, codecs=[COPY], pipeline="otsu", n=4, allow_exec=True)
    (entry,) = record.document["codecs"]
    assert entry["codec"] == COPY
    resolved = entry["resolved"]["steps"][0]
    assert resolved["encode"] == "cp {in} {out}"
    assert resolved["programs_sha256"] == dict.fromkeys(("encode", "decode"), sha256_of_file(Path(shutil.which("cp"))))
    assert np.array_equal(roundtrip(entry["resolved"]["full_spec"])[0], FRAME)
    assert all(row["epsilon_hat"] == 0 for row in record.document["results"])


def test_sweep_and_search_run_only_what_the_caller_typed(tmp_path):
    spec = step(encode=f"touch {tmp_path / 'ran'} {{in}} {{out}}")
    images = [FRAME, FRAME[::-1].copy()]
    for study in (sr.sweep, sr.search):
        with pytest.raises(ProgramNotAllowed):
            study(images, CAMERA, codecs=["lossless", spec], pipeline="otsu", n=2)
    typed = f"{COPY}+jpegls:near=1|4"
    for grids in ((typed, spec), (spec,), (f"{spec}+jpegls:near=1|4", typed), (f"{COPY}+jpegls:near=1|4|8",)):
        plan = Plan(grids, "otsu", n=2)  # of which the caller himself wrote no more than `typed`
        with pytest.raises(ProgramNotAllowed):
            run_sweep(plan, images, CAMERA, allow_exec=[typed])
        with pytest.raises(ProgramNotAllowed):
            run_search(plan, images, CAMERA, Rule(), allow_exec=[typed])
    assert list(tmp_path.iterdir()) == []


def test_a_permitted_grid_is_swept_and_searched_between_its_points_too():
    grid = f"{COPY}+jpegls:near=0|200"
    swept = sr.sweep([FRAME], CAMERA, codecs=[grid], pipeline="otsu", n=2, allow_exec=True)
    assert [entry["codec"] for entry in swept.document["codecs"]] == [f"{COPY_AS_WRITTEN}+jpegls:near={near}" for near in (0, 200)]
    found = sr.search([FRAME, FRAME[::-1].copy()], CAMERA, codecs=grid, pipeline="otsu", n=2, refine=1, allow_exec=True)
    tried = [row.codec for row in found.summary.families[0].tried]
    assert sorted(tried) == sorted(f"{COPY_AS_WRITTEN}+jpegls:near={near}" for near in (0, 100, 200))
    assert found.confirmation is not None


def test_a_bar_in_a_command_line_is_no_list():
    spec = step(encode="cp {in} {out} a|b") + "+jpegls:near=1|2"
    points = expand(spec)
    assert [point.value for point in points] == [1, 2]
    assert {registry.parse_chain(point.codec)[0].keys["encode"] for point in points} == {"cp {in} {out} a|b"}
    assert {registry.parse_chain(point.codec)[0].keys["decode"] for point in points} == {"cp {in} {out}"}
    formats = expand(step(more="format=png|tiff"))
    assert [point.value for point in formats] == ["png", "tiff"]


# --- no shell ---------------------------------------------------------------------------------------------------------
def test_no_shell_reads_the_template(tmp_path):
    spec = step(encode=f"cp {{in}} {{out}} ; touch {tmp_path / 'ran'}")
    with pytest.raises(CodecFailed, match="'cp' of exec's encode ends with code 1"):
        roundtrip(spec)
    assert list(tmp_path.iterdir()) == []
    words = 'import sys,shutil; assert sys.argv[3:]==["$HOME *|", "17x33", "16", "2"], sys.argv; shutil.copy(sys.argv[1],sys.argv[2])'
    decoded, _ = roundtrip(step(encode=python(words) + ' "$HOME *|" {width}x{height} {bits} {bytes}'))
    assert np.array_equal(decoded, FRAME)


@pytest.mark.parametrize(
    ("encode", "words"),
    [
        ("cp {in}", "expected a program"),
        ("{in} {out}", "expected a program"),
        ("cp {in} {out} {home}", "one of {in}, {out}, {width}"),
        ("cp '{in} {out}", "No closing quotation"),
        ('cp "{in}" {out', "expected a program"),
    ],
)
def test_wrong_templates_are_refused(encode, words):
    with pytest.raises(InvalidSpec, match=words):
        codec(step(encode=encode), allow_exec=True)


def test_a_program_that_is_not_there_and_a_suffix_with_a_path_are_refused():
    with pytest.raises(InputNotFound, match="no program 'no-such-program', which decode"):
        codec(step(decode="no-such-program {in} {out}"), allow_exec=True)
    with pytest.raises(InvalidSpec, match="letters and digits"):
        codec(step(more="suffix=/../x"), allow_exec=True)


# --- what goes in and comes out ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("form", ["png", "tiff", "raw"])
@pytest.mark.parametrize("shape", [(1, 1), (33, 17), (5, 3)])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_a_copy_is_exact_in_every_format(form, shape, kind):
    frame = np.random.default_rng(4).integers(0, np.iinfo(kind).max + 1, shape).astype(kind)
    decoded, nbytes = roundtrip(step(more=f"format={form},lossless=true"), frame)
    assert decoded.dtype == frame.dtype
    assert np.array_equal(decoded, frame)
    if form == "raw":
        assert nbytes == frame.nbytes


def test_bytes_are_those_of_the_stream_and_raw_is_little_endian(tmp_path):
    words = f'import sys,shutil; shutil.copy(sys.argv[1],"{tmp_path}/seen"); open(sys.argv[2],"wb").write(b"abc")'
    back = f'import sys,shutil; assert open(sys.argv[1],"rb").read()==b"abc"; shutil.copy("{tmp_path}/seen",sys.argv[2])'
    decoded, nbytes = roundtrip(step(python(words), python(back), "format=raw"))
    assert nbytes == 3
    assert np.array_equal(decoded, FRAME)
    assert (tmp_path / "seen").read_bytes() == FRAME.astype("<u2").tobytes()


def test_the_decoder_sees_nothing_of_the_encoder():
    peek = 'import sys,os,shutil; assert sorted(os.listdir())==["in.bin","stderr"], os.listdir(); shutil.copy(sys.argv[1],sys.argv[2])'
    assert np.array_equal(roundtrip(step(decode=python(peek)))[0], FRAME)


LOSSY = 'import sys; b=bytearray(open(sys.argv[1],"rb").read()); b[5]^=1; open(sys.argv[2],"wb").write(b)'


def test_lossy_is_let_through_and_claimed_exactness_checked():
    decoded, _ = roundtrip(step(decode=python(LOSSY), more="format=raw"))
    assert np.count_nonzero(decoded != FRAME) == 1
    with pytest.raises(CodecFailed, match="does not give back the frame, though lossless=true"):
        roundtrip(step(decode=python(LOSSY), more="format=raw,lossless=true"))


@pytest.mark.parametrize(
    ("encode", "decode", "more", "words"),
    [
        (python('import sys; sys.exit("no\\x1b[2J\\nlight")'), None, "", r"ends with code 1 \(it says: no\[2J light\)"),
        (python("import os; os.kill(os.getpid(), 11)"), None, "", "dies of signal 11"),
        (python("pass"), None, "", "wrote no {out}"),
        (python('import sys,os; os.symlink("/etc/passwd", sys.argv[2])'), None, "", "wrote no {out}"),
        (python('import sys; open(sys.argv[2],"w")'), None, "", "wrote an empty file"),
        (python("import time; time.sleep(60)"), None, "seconds=0.3", "has not ended within 0.3 s"),
        (None, python('import sys; open(sys.argv[2],"wb").write(b"no image")'), "", "could not decode"),
        (None, python('import sys; open(sys.argv[2],"wb").write(bytes(1120))'), "format=raw", "could not decode"),
    ],
    ids=["code", "signal", "nothing", "link", "empty", "time", "no image", "too short"],
)
def test_failures_are_one_line(encode, decode, more, words):
    with pytest.raises(CodecFailed, match=words) as caught:
        roundtrip(step(encode or "cp {in} {out}", decode or "cp {in} {out}", more))
    assert "\n" not in str(caught.value)


def test_another_shape_or_dtype_is_refused():
    other = "import sys,numpy,imagecodecs as i; open(sys.argv[2],'wb').write(i.png_encode(numpy.zeros({},{!r})))"
    for shape, kind in (((17, 33), "uint16"), ((33, 17), "uint8"), ((33, 17, 3), "uint16")):
        words = other.format(shape, kind).replace("'", '"')
        with pytest.raises(CodecFailed, match="exec decoded to"):
            roundtrip(step(decode=python(words)))


def test_a_program_that_writes_too_much_ends_with_its_children(tmp_path):
    # The child of a child says its number and writes without end; the limit is 20 MB above what the program was given.
    child = f'import subprocess,sys; open("{tmp_path}/pid","w").write(str(subprocess.Popen(["dd","if=/dev/zero","of=out.bin"]).pid)); '
    with pytest.raises(CodecFailed, match="writes more than 20001"):
        roundtrip(step(python(child + "import time; time.sleep(60)"), more="megabytes=20,seconds=50"))
    status = Path(f"/proc/{(tmp_path / 'pid').read_text()}/cmdline")
    for _ in range(100):
        if not status.exists() or not status.read_bytes():  # gone, or ended and not yet asked for its exit code
            return
        time.sleep(0.05)
    raise AssertionError("the child of the program still runs")


def test_no_folder_is_left_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    roundtrip(COPY)
    with pytest.raises(CodecFailed):
        roundtrip(step(python("raise SystemExit(3)")))
    assert list(tmp_path.iterdir()) == []


def test_a_stream_that_a_program_cannot_read_is_refused():
    chain = codec(COPY, allow_exec=True)
    with pytest.raises(CodecFailed, match="could not decode"):
        chain.steps[0].decode(Encoded(b"\x89PNG\r\n\x1a\nnothing"), FRAME.shape, FRAME.dtype)
