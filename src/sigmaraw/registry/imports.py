"""Functions and classes that a user names by ``package.module:name``. The user's word is the only reason to import them."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from typing import Any

from sigmaraw.errors import InvalidSpec


def is_dotted(text: str) -> bool:
    """Return whether `text` is a name of a module: identifiers joined by points."""
    return all(part.isidentifier() for part in text.split("."))


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
        Of the function or class.

    Returns
    -------
    callable
        The function or class.

    Raises
    ------
    InvalidSpec
        No such module, one that fails to import, no such name in it, or not a function.
    """
    try:
        found = _import(module)
    except (Exception, SystemExit) as error:
        words = "" if isinstance(error, ImportError | SyntaxError) else f"{type(error).__name__}: "
        reason = words + (" ".join(str(error).split()) or type(error).__name__)
        raise InvalidSpec(
            f"{kind} '{spec}': module {module} cannot be imported ({reason[:120]})",
            f"package.module:function, or a registered {kind}",
            "check the name, and put the module's folder on PYTHONPATH",
        ) from error
    function = getattr(found, name, None)
    if not callable(function):
        what = "no function" if function is None else "something else than a function called"
        raise InvalidSpec(f"{kind} '{spec}': {module} has {what} '{name}'", "a function of one image", "check the name")
    return function


def _import(module: str) -> Any:
    top, here = module.partition(".")[0], str(Path.cwd())
    if top not in sys.modules and importlib.util.find_spec(top) is None and here not in sys.path:
        if not (Path(here, f"{top}.py").is_file() or Path(here, top).is_dir()):
            raise ModuleNotFoundError(f"No module named '{top}'")
        sys.path.append(here)
        importlib.invalidate_caches()
    return importlib.import_module(module)
