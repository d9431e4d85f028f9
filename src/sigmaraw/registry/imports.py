"""Functions and classes that a user names by ``package.module:name``. The user's word is the only reason to import them."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from sigmaraw.errors import InvalidSpec, ProgramNotAllowed, visible

_ALLOWED: ContextVar[bool] = ContextVar("imports_allowed", default=True)
_OPTIONS = {"pipeline": "--pipeline", "denoiser": "--codec"}


@contextmanager
def imports_allowed(typed: bool) -> Iterator[None]:
    """Let specifications import a user's code inside this block only where the user typed them: those of a file may be a stranger's.

    Parameters
    ----------
    typed : bool
        Whether the user typed what is made in this block.
    """
    before = _ALLOWED.set(typed and _ALLOWED.get())
    try:
        yield
    finally:
        _ALLOWED.reset(before)


def is_dotted(text: str) -> bool:
    """Return whether `text` is a name of a module: identifiers joined by points."""
    return all(part.isidentifier() for part in text.split("."))


def is_file(text: str) -> bool:
    """Return whether `text` names a file of Python code, as in ``mymodel.py:count``."""
    return text.endswith(".py")


def import_named(kind: str, spec: str, module: str, name: str) -> Any:
    """Import `module` and return what it calls `name`.

    The working folder is searched last, as for a script that lies there.

    Parameters
    ----------
    kind : str
        What is wanted, for messages: "pipeline", "denoiser".
    spec : str
        As typed.
    module, name : str
        Of the function or class. A module that ends in ``.py`` is a file.

    Returns
    -------
    callable
        The function or class.

    Raises
    ------
    InvalidSpec
        No such module, one that fails to import, no such name in it, or not a function.
    ProgramNotAllowed
        Inside `imports_allowed` for what the user did not type.
    """
    if not _ALLOWED.get():
        raise ProgramNotAllowed(
            f"{kind} '{visible(spec)}' comes from a file, and would run the code of {visible(module)} on this machine",
            "the word of the one who starts sigmaraw, which no file can give",
            f"read that code; then type this specification with {_OPTIONS.get(kind, '--pipeline')}",
        )
    try:
        found = _from_file(Path(module)) if is_file(module) else _import(module)
    except (Exception, SystemExit) as error:
        words = "" if isinstance(error, ImportError | SyntaxError) else f"{type(error).__name__}: "
        reason = words + (" ".join(str(error).split()) or type(error).__name__)
        raise InvalidSpec(
            f"{kind} '{spec}': module {module} cannot be imported ({reason[:120]})",
            f"package.module:function or file.py:function, or a registered {kind}",
            _remedy(module, error),
        ) from error
    function = getattr(found, name, None)
    if not callable(function):
        what = "no function" if function is None else "something else than a function called"
        raise InvalidSpec(f"{kind} '{spec}': {module} has {what} '{name}'", "a function of one image", "check the name")
    return function


def _remedy(module: str, error: BaseException) -> str:
    """Return what to do about a module that fails to import: it may be missing itself, lack another package, or be wrong."""
    lacking = (error.name or "") if isinstance(error, ModuleNotFoundError) else ""
    if isinstance(error, ModuleNotFoundError) and (not lacking or f"{module}.".startswith(f"{lacking}.")):
        return "check the name, and put the module's folder on PYTHONPATH"
    if lacking:
        return f"install {lacking.partition('.')[0]} into the environment that sigmaraw runs in, or put its folder on PYTHONPATH"
    return f"correct {module}"


def _from_file(path: Path) -> Any:
    """Return a file's module. It is made once, under the file's name; its folder is searched for what it imports itself."""
    if not path.is_file():
        raise ModuleNotFoundError(f"{path} does not exist")
    found, folder = path.resolve(), str(path.resolve().parent)
    held = sys.modules.get(path.stem)
    if held is not None and getattr(held, "__file__", None) is not None and Path(str(held.__file__)).resolve() == found:
        return held
    # Another module of that name keeps it: this one gets a name that no import statement can say.
    name = path.stem if held is None and _is_free(path.stem, found) else f"{path.stem} of {found}"
    if name in sys.modules:
        return sys.modules[name]
    specification = importlib.util.spec_from_file_location(name, found)
    if specification is None or specification.loader is None:
        raise ImportError(f"{path} cannot be read as Python code")
    module = importlib.util.module_from_spec(specification)
    if folder not in sys.path:
        sys.path.append(folder)
    sys.modules[name] = module
    try:
        specification.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _is_free(name: str, found: Path) -> bool:
    """Return whether no other module than that of the file `found` has this name."""
    if not name.isidentifier():
        return False
    other = importlib.util.find_spec(name)
    return other is None or (other.origin is not None and Path(other.origin).resolve() == found)


def _import(module: str) -> Any:
    top, here = module.partition(".")[0], str(Path.cwd())
    if top not in sys.modules and importlib.util.find_spec(top) is None and here not in sys.path:
        if not (Path(here, f"{top}.py").is_file() or Path(here, top).is_dir()):
            raise ModuleNotFoundError(f"No module named '{top}'")
        sys.path.append(here)
        importlib.invalidate_caches()
    return importlib.import_module(module)
