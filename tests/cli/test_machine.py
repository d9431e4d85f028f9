"""The machine as it is: encodings, variables of other programs, closed streams, full disks, forks, working folders, models that raise."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import jax
import netCDF4
import numpy as np
import pytest
import tifffile

import sigmaraw as sr
from sigmaraw.cli import machine
from tests.cli.conftest import FILES

N = 12


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small image, its camera, and modules with models of people who think of other things."""
    folder = tmp_path_factory.mktemp("place")
    random = np.random.default_rng(5)
    image = np.clip(np.rint(100 + 0.5 * (random.poisson(300, (24, 24)) + random.normal(0, 4, (24, 24)))), 0, 4095).astype(np.uint16)
    tifffile.imwrite(folder / "image.tif", image, photometric="minisblack")
    sr.CameraProfile.from_values(gain=0.5, offset=100, read_noise=4, bits=12).to_netcdf(folder / "camera.nc")
    (folder / "elsewhere").mkdir()
    head = "import os, sys\ncalls = 0\n"
    count = "    global calls\n    calls += 1\n"
    elsewhere = f"os.chdir({str(folder / 'elsewhere')!r})"
    last = '    return {"mean": float(image.mean())}\n'
    bodies = {
        "raises_late": f'{count}    if calls == 60: raise ValueError("no objects found")\n{last}',
        "leaves": f"{count}    if calls == 60: sys.exit(0)\n{last}",
        "interrupted": f"{count}    if calls == 60: raise KeyboardInterrupt\n{last}",
        "moves": f"    {elsewhere}\n{last}",
        "stays": last,
    }
    for name, body in bodies.items():
        module = f"machine_{name}"
        first = f"{elsewhere}\n" if name == "stays" else ""
        (folder / f"{module}.py").write_text(f"{head}{first}def measure(image):\n{body}")
    return folder


@pytest.fixture
def here(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Work in an empty folder, with the modules of `place` fresh and on the path."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(place))
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("machine_")]:
        del sys.modules[name]
    from sigmaraw.study import predicting

    predicting._pipeline.cache_clear()


def _command(place: Path, pipeline: str, *more: object) -> list[str]:
    common = ["validate", place / "image.tif", "--camera", place / "camera.nc", "--codec", "jpegls:near=1", "--mode", "around-raw"]
    return [str(part) for part in (*common, "--pipeline", pipeline, "-n", N, "--seed", 1, "--quiet", "-o", "out", *more)]


# --- models that raise ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("module", "code", "says"),
    [
        # Call 60 is in the second block of the codec's group: 4 on the image and its decoded version, 20 to see whether answers repeat,
        # 12 of the raw group, 10 replicas and their decoded versions in the first block.
        ("raises_late", 2, "raised ValueError: no objects found"),
        ("leaves", 2, "raised SystemExit: 0"),
        ("interrupted", 130, "interrupted"),
    ],
)
def test_a_model_that_raises_is_named_and_what_was_computed_is_kept(
    place: Path, here: Path, sigmaraw: Callable, module: str, code: int, says: str
) -> None:
    outcome = sigmaraw(*_command(place, f"machine_{module}:measure", "--check"))
    assert outcome.code == code, outcome.err
    (line,) = outcome.err.splitlines()
    assert says in line
    assert "Traceback" not in outcome.err and outcome.out == ""
    if code == 2:
        assert f"machine_{module}.py, line" in line and "on image 0, group 1, after 'jpegls:near=1', replica 11;" in line
        assert "image.tif" in line
    else:
        assert line.endswith(f"Go on with it: sigmaraw validate --resume {here / 'out'}"), line
    assert {path.name for path in (here / "out").iterdir()} - {"blocks.sqlite"} == {"partial.nc"}  # the former for --resume
    assert "partial.nc" in line
    with netCDF4.Dataset(here / "out" / "partial.nc") as data:
        raw = np.ma.filled(data["raw_prediction"][:], np.nan)
    assert raw.shape == (2, N, 1, 1)
    camera, image = sr.CameraProfile.from_netcdf(place / "camera.nc"), tifffile.imread(place / "image.tif")
    expected = sr.replicas(image, camera, N, "around-raw", seed=1).values.mean(axis=(1, 2))
    np.testing.assert_array_equal(raw[0, :, 0, 0], expected)
    assert np.isfinite(raw[1, :10]).all() and np.isnan(raw[1, 10:]).all(), "a block counts when it is whole"


def test_the_replica_that_a_model_fails_on_has_its_number() -> None:
    camera = sr.CameraProfile.from_values(gain=0.5, offset=100, read_noise=4, bits=12)
    image = np.full((8, 8), 300, np.uint16)
    wanted = sr.replicas(image, camera, N, "around-raw", seed=1).values[11]

    def measure(seen: np.ndarray) -> dict[str, float]:
        if np.array_equal(seen, wanted):
            raise LookupError("not this one")
        return {"mean": float(seen.mean())}

    with pytest.raises(sr.errors.PredictionFailed, match=r"LookupError: not this one .* on image 0, group 0, replica 11;") as caught:
        sr.validate(image, camera, codecs="lossless", pipeline=measure, n=N, mode="around-raw", seed=1)
    raw = caught.value.partial["raw_prediction"].values
    assert np.isfinite(raw[0, :10]).all() and np.isnan(raw[0, 10:]).all()
    assert isinstance(caught.value, RuntimeError)


def test_an_object_that_raises_in_batch_is_named_too() -> None:
    class Broken:
        spec = "mine"
        measurements = ()

        def batch(self, images: np.ndarray) -> dict[str, np.ndarray]:
            raise OverflowError("too much")

        def config(self) -> dict[str, str]:
            return {"name": "mine"}

    camera = sr.CameraProfile.from_values(gain=0.5, offset=100, read_noise=4, bits=12)
    with pytest.raises(sr.errors.PredictionFailed, match="pipeline 'mine' raised OverflowError: too much"):
        sr.validate(np.full((8, 8), 300, np.uint16), camera, codecs="lossless", pipeline=Broken(), n=2)


# --- working folders --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("module", ["moves", "stays"])
def test_a_model_that_changes_the_working_folder_moves_no_output(place: Path, here: Path, sigmaraw: Callable, module: str) -> None:
    """`moves` does so at every call, `stays` when it is imported: the image, named from the folder before, is read after that."""
    image = here / "mine.tif"
    image.write_bytes((place / "image.tif").read_bytes())
    command = _command(place, f"machine_{module}:measure")
    command[1] = "mine.tif"
    outcome = sigmaraw(*command)
    assert outcome.code == 0, outcome.err
    assert outcome.out.rstrip().endswith("report: out/report.html")
    assert (here / "out" / "report.html").is_file()
    assert Path.cwd() == here
    assert list((place / "elsewhere").iterdir()) == []


# --- streams, encodings and variables of other programs ---------------------------------------------------------------
def _start(place: Path, folder: Path, *more: str, **variables: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "sigmaraw", *_command(place, "intensity", *more)]
    environment = {"OMP_NUM_THREADS": "1", **os.environ, **variables}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, timeout=900)


def _whole(folder: Path) -> None:
    assert sorted(path.name for path in folder.iterdir()) == FILES
    assert b"</html>" in (folder / "report.html").read_bytes()


def test_a_notebooks_variables_and_a_foreign_encoding(place: Path, tmp_path: Path) -> None:
    variables = {
        "PYTHONIOENCODING": "cp1252",
        "MPLBACKEND": "module://matplotlib_inline.of_a_notebook",
        "PYTHONWARNINGS": "error",
        "MATPLOTLIBRC": str(tmp_path / "none"),
    }
    done = _start(place, tmp_path, **variables)
    assert done.returncode == 0, done.stderr
    assert done.stderr == b""
    text = done.stdout.decode("cp1252")
    assert "jpegls:near=1" in text and "largest |??|" in text, "letters that the encoding lacks are replaced, and columns stay"
    _whole(tmp_path / "out")


def test_a_gpu_machines_variables(place: Path, tmp_path: Path) -> None:
    """XLA ends the process at a flag that it does not know, with exit code 1: the code of a FAIL."""
    variables = {"JAX_PLATFORMS": "nonsense", "XLA_FLAGS": "--xla_of_another_version=1", "CUDA_VISIBLE_DEVICES": "0"}
    done = _start(place, tmp_path, "--check", "--codec", "lossless", **variables)
    (line,) = done.stderr.decode().splitlines()
    assert "XLA_FLAGS=--xla_of_another_version=1 left out" in line and "JAX_PLATFORMS=nonsense" in line
    assert done.returncode in (0, 1, 3), done.stderr  # the verdict's
    record = json.loads((tmp_path / "out" / "record.json").read_text())
    worst = {row["verdict"] for row in record["results"]}
    assert (done.returncode == 1) == ("FAIL" in worst)
    _whole(tmp_path / "out")


def test_closed_streams(place: Path, tmp_path: Path) -> None:
    """As a service starts programs: no descriptor 0, 1 or 2, which the next files to be opened would take."""
    command = " ".join(f"'{part}'" for part in [sys.executable, "-m", "sigmaraw", *_command(place, "intensity")])
    code = subprocess.run(["sh", "-c", f"{command.replace(' ' + repr('--quiet'), '')} <&- >&- 2>&-"], cwd=tmp_path, timeout=900).returncode
    assert code == 0
    _whole(tmp_path / "out")
    assert sr.Record.read(tmp_path / "out").document["plan"]["n"] == N


def test_a_full_output_stream_is_one_line(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run([sys.executable, "-m", "sigmaraw", "metrics"], stdout=full, stderr=subprocess.PIPE, timeout=300)
    assert done.returncode == 2
    (line,) = done.stderr.decode().splitlines()
    assert "No space left" in line


def test_a_reader_that_stops_reading_is_no_fault() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([sys.executable, "-m", "sigmaraw", "metrics"], stdout=writing, stderr=subprocess.PIPE, timeout=300)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


def test_variables_with_which_jax_draws_are_left_alone(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[dict[str, str]] = []

    def fault(environment: dict[str, str]) -> str | None:
        asked.append(environment)
        return "unknown flag" if "XLA_FLAGS" in environment else None

    monkeypatch.setattr(machine, "_fault_of", fault)
    for name in [name for name in os.environ if name.startswith(("JAX_", "XLA_", "LIBTPU_"))]:
        monkeypatch.delenv(name)
    machine.check_environment()
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    monkeypatch.setenv("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")
    machine.check_environment()
    assert asked == [], "no process is started where nothing that matters is set"
    monkeypatch.setenv("JAX_ENABLE_X64", "1")
    machine.check_environment()
    assert len(asked) == 1 and os.environ["JAX_ENABLE_X64"] == "1" and capsys.readouterr().err == ""
    monkeypatch.setenv("XLA_FLAGS", "--new")
    machine.check_environment()
    assert "XLA_FLAGS" not in os.environ and "JAX_ENABLE_X64" not in os.environ
    assert "XLA_FLAGS=--new" in capsys.readouterr().err
    monkeypatch.setenv("XLA_FLAGS", "--new")
    monkeypatch.setattr(machine, "_fault_of", lambda environment: "no JAX")
    with pytest.raises(sr.errors.UnusableEnvironment, match="no JAX"):
        machine.check_environment()


def test_a_file_name_that_is_no_text_is_refused(place: Path, here: Path, sigmaraw: Callable) -> None:
    command = _command(place, "intensity")
    command[1] = os.fsdecode(b"image\xff.tif")
    Path(command[1]).write_bytes((place / "image.tif").read_bytes())
    outcome = sigmaraw(*command)
    assert outcome.code == 2 and len(outcome.err.splitlines()) == 1
    assert "not text" in outcome.err
    assert not (here / "out").exists()


def test_the_end_of_a_damaged_file_is_a_fault_and_no_interruption(
    place: Path, tmp_path: Path, sigmaraw: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(*_: object, **__: object) -> None:
        raise EOFError("EOF read where object expected")  # as importing a .pyc that a full disk cut off

    monkeypatch.setattr(sr.CameraProfile, "from_values", damaged)
    values = ["--gain", 1, "--offset", 100, "--read-noise", 1, "--bits", 12]
    outcome = sigmaraw("camera", *values, "-o", tmp_path / "c.nc")
    assert outcome.code == 70
    assert "EOF read where object expected" in outcome.err and len(outcome.err.strip().splitlines()) == 1


# --- full disks -------------------------------------------------------------------------------------------------------
@contextlib.contextmanager
def _files_up_to(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond `size` bytes, as on a full disk or under a quota.

    JAX leaves what it could write of a compiled kernel in its folder, and never writes it again: what these tests compile is not kept.
    """
    kept = bool(jax.config.jax_enable_compilation_cache)
    jax.config.update("jax_enable_compilation_cache", False)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handled = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handled)
        jax.config.update("jax_enable_compilation_cache", kept)


@pytest.mark.parametrize("output", ["out", "r.zarr", "r.nc", "r.tif", "camera.nc"])
def test_a_full_disk_is_one_line_and_leaves_nothing(place: Path, here: Path, sigmaraw: Callable, output: str) -> None:
    """Each writer has its own way of saying it; HDF5 says "HDF error"."""
    command = _command(place, "intensity", "--codec", "lossless")
    if output == "camera.nc":
        command = ["camera", "--gain", "1", "--offset", "9", "--read-noise", "2", "--bits", "12", "-o", output]
    elif output != "out":
        # 300 replicas of noise do not pack into 16 KiB, whole or as chunks of many in one file.
        command = ["replicas", str(place / "image.tif"), "--camera", str(place / "camera.nc"), "-n", "300", "-q", "-o", output]
    with _files_up_to(500 if output == "r.zarr" else 8192):
        outcome = sigmaraw(*command)
    assert outcome.code == 2, outcome.err
    (line,) = outcome.err.splitlines()
    assert "no space left to write" in line
    time.sleep(0.2)  # whoever still writes in a thread would be seen
    assert list(here.iterdir()) == []


def test_a_full_disk_under_zarr_leaves_no_tasks(place: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """zarr works in a loop of its own; what is unfinished there is said on standard error when the process ends."""
    words = [sys.executable, "-m", "sigmaraw", "replicas", place / "image.tif", "--camera", place / "camera.nc", "-n", 300, "-q"]
    command = " ".join(f"'{word}'" for word in (*words, "-o", "r.zarr"))
    # Python leaves what it could write of a .pyc, and JAX of a compiled kernel: neither can be read later.
    variables = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "JAX_COMPILATION_CACHE_DIR": str(tmp_path_factory.mktemp("jax"))}
    done = subprocess.run(["sh", "-c", f"ulimit -f 1; {command}"], cwd=tmp_path, env=variables, capture_output=True, text=True, timeout=900)
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert list(tmp_path.iterdir()) == []


# --- forks ------------------------------------------------------------------------------------------------------------
@pytest.mark.filterwarnings("ignore:os.fork")
def test_a_fork_after_jax_is_refused_and_does_not_hang(place: Path) -> None:
    camera = sr.CameraProfile.from_netcdf(place / "camera.nc")
    image = tifffile.imread(place / "image.tif")
    sr.replicas(image, camera, 2, "around-raw")
    child = os.fork()
    if child == 0:
        code = 1
        try:
            sr.replicas(image, camera, 2, "around-raw")
        except sr.errors.ForkedProcess as error:
            code = 7 if "spawn" in str(error) and isinstance(error, RuntimeError) else 2
        finally:
            os._exit(code)
    end = time.monotonic() + 300
    while (status := os.waitpid(child, os.WNOHANG)) == (0, 0) and time.monotonic() < end:
        time.sleep(0.05)
    if status == (0, 0):
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status[1]) == 7 and status[0] == child


# --- faults of this program -------------------------------------------------------------------------------------------
def test_a_fault_of_this_program_is_70_with_its_trace_in_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, sigmaraw: Callable
) -> None:
    from sigmaraw import metrics

    def broken(name: str | None) -> list[str]:
        raise ZeroDivisionError("in the middle\nof it")

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(metrics, "describe", broken)
    outcome = sigmaraw("metrics")
    assert outcome.code == 70
    (line,) = outcome.err.splitlines()
    assert "ZeroDivisionError: in the middle of it" in line
    (trace,) = tmp_path.glob("sigmaraw-fault-*.txt")
    assert str(trace) in line
    assert "Traceback" in trace.read_text() and "in broken" in trace.read_text()


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (MemoryError(), 2, "not enough memory"),
        (PermissionError(13, "Permission denied", "/a/b"), 2, "/a/b"),
        (KeyError("x"), 70, "KeyError"),
    ],
)
def test_exit_codes_of_what_goes_wrong(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, sigmaraw: Callable, error: Exception, code: int, says: str
) -> None:
    from sigmaraw import metrics

    def broken(name: str | None) -> list[str]:
        raise error

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(metrics, "describe", broken)
    outcome = sigmaraw("metrics")
    assert outcome.code == code
    assert says in outcome.err and len(outcome.err.splitlines()) == 1


def test_a_log_holds_what_the_screen_does_not(place: Path, here: Path, sigmaraw: Callable) -> None:
    outcome = sigmaraw("--log", "log.txt", *_command(place, "intensity"))
    assert outcome.code == 0 and outcome.err == ""
    assert "sigmaraw.study.run: study of 1 images" in (here / "log.txt").read_text()
    assert sigmaraw("--log", here, "metrics").code == 2
