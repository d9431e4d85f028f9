"""The machine as it is when a command starts: streams that are closed, foreign encodings, variables set for other programs."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import platform
import subprocess
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

from sigmaraw import __version__
from sigmaraw.cli.faults import say
from sigmaraw.errors import InvalidOption, UnusableEnvironment
from sigmaraw.files import cache_folder

_TOLERANT = ("replace", "backslashreplace", "xmlcharrefreplace", "namereplace", "ignore")
_PROBE_S = 120.0


def prepare_streams() -> None:
    """Make the standard streams usable, whatever the caller did to them.

    A closed one becomes the null device, down to its descriptor: else the next file that is opened takes its number, and whatever a C
    library has to say goes into that file. Characters that an encoding lacks are printed as "?".
    """
    for number, (name, flags) in enumerate((("stdin", os.O_RDONLY), ("stdout", os.O_WRONLY), ("stderr", os.O_WRONLY))):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, flags)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("r" if name == "stdin" else "w", encoding="utf-8"))  # noqa: SIM115 (for the process)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None and getattr(stream, "errors", None) not in _TOLERANT:
            reconfigure(errors="replace")


def quieten(log: Path | None) -> None:
    """Send warnings of libraries to the log, not to the screen; with `log` keep it in that file.

    What a user has to know is said by the command itself. Raises InvalidOption where the file cannot be written.
    """
    if sys.warnoptions:  # PYTHONWARNINGS=error of another program would turn a library's remark into a failure
        warnings.resetwarnings()
    logging.captureWarnings(True)
    spoken = logging.getLogger("py.warnings")
    spoken.addHandler(logging.NullHandler())
    spoken.propagate = False
    for name in ("matplotlib", "jax", "distributed", "torch", "onnxruntime"):
        logging.getLogger(name).addHandler(logging.NullHandler())
        logging.getLogger(name).propagate = False
    if log is None:
        return
    try:
        handler = logging.FileHandler(log, encoding="utf-8")
    except OSError as error:
        raise InvalidOption(f"--log {log} ({error.strerror})", "a file that can be written", "choose another") from error
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    own = logging.getLogger("sigmaraw")
    own.setLevel(logging.INFO)
    own.addHandler(handler)
    spoken.addHandler(handler)


def check_words(arguments: Sequence[str]) -> None:
    """Refuse names that are no text in this system's encoding: a record, which is UTF-8, could not name them. Raises InvalidOption."""
    for word in arguments:
        try:
            word.encode("utf-8")
        except UnicodeEncodeError as error:
            shown = word.encode("utf-8", "backslashreplace").decode("ascii", "replace")
            raise InvalidOption(f"'{shown}', which is not text in this system's encoding", "a name in UTF-8", "rename the file") from error


_DRAW = (
    "import numpy; from sigmaraw.noise import NoiseModel;"
    "NoiseModel(gain_dn_per_e=1.0, offset_dn=100.0, read_noise_e=2.0, bits=12).sample(numpy.full((4, 4), 200.0), 2)"
)
_PREFIXES = ("JAX_", "XLA_FLAGS", "LIBTPU_")
_HARMLESS = frozenset({
    "XLA_PYTHON_CLIENT_PREALLOCATE", "JAX_COMPILATION_CACHE_DIR", "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES",
})  # fmt: skip
"""They say where compiled code and memory lie: JAX draws with them."""


def keep_compiled() -> None:
    """Have JAX keep what it compiles in the user's cache folder, unless a folder is stated: each shape is then compiled once a machine.

    A folder belongs to one kind of processor, since a home may be shared. Call it before JAX is imported.
    """
    kind = f"{platform.machine()} {platform.python_version()} {__version__}"
    with contextlib.suppress(OSError):  # where the system does not tell
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        kind += next((line for line in lines if line.startswith(("flags", "Features"))), "")
    name = hashlib.sha256(kind.encode()).hexdigest()[:16]
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(cache_folder() / "jax" / name))
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.1")


def check_environment() -> None:
    """Leave out variables, set for other programs, with which JAX cannot draw here, and say so on standard error; keep what it compiles.

    XLA ends the process where it does not know a flag, with the exit code that stands for a FAIL here. So a process of its own tries to
    draw, and only where such a variable is set. Replicas are the same bytes without these variables.

    Raises
    ------
    UnusableEnvironment
        JAX draws neither with them nor without.
    """
    keep_compiled()
    _leave_out()


def _leave_out() -> None:
    stated = {name: value for name, value in sorted(os.environ.items()) if name.startswith(_PREFIXES) and name not in _HARMLESS and value}
    if not stated or stated == {"JAX_PLATFORMS": "cpu"}:
        return
    why = _fault_of(dict(os.environ))
    if why is None:
        return
    without = {name: value for name, value in os.environ.items() if name not in stated}
    words = ", ".join(f"{name}={value}" for name, value in stated.items())
    if (other := _fault_of(without)) is not None:
        raise UnusableEnvironment(f"JAX cannot draw here ({other})", "a JAX that works", "install it anew, see https://docs.jax.dev")
    for name in stated:
        del os.environ[name]
    say(f"warning: {words} left out, JAX cannot draw here with it ({why})")


def _fault_of(environment: dict[str, str]) -> str | None:
    """Return the last line of what JAX says where it cannot draw in an environment, None where it can."""
    try:
        tried = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", _DRAW],
            env={**environment, "JAX_TRACEBACK_FILTERING": "off"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PROBE_S,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return type(error).__name__
    if tried.returncode == 0:
        return None
    lines = [line.strip() for line in tried.stderr.splitlines() if line.strip()]
    return lines[-1][:160] if lines else f"exit code {tried.returncode}"
