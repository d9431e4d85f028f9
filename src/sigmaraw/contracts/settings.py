"""What a specification may set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Parameter:
    """One setting of a codec family, pipeline or mode, as a specification may give it.

    Parameters
    ----------
    name : str
        The key.
    kind : {bool, int, float, str}
        Its type.
    default : bool, int, float or str, optional
        The value where the key is not given; None where there is none.
    required : bool
        Whether it must be given.
    minimum, maximum : float, optional
        The range of a number, ends included.
    choices : tuple
        The allowed values, where they are few.
    unit : str
        "1" for a pure number, "" for words.
    help : str
        One line for listings.
    file : bool
        Whether it names a file; in a TOML file it is then relative to that file. Of ``file.py:function`` the file is meant.

    Examples
    --------
    >>> Parameter("quality", int, 90, minimum=1, maximum=100, unit="1", help="1 to 100").domain()
    'a whole number from 1 up to 100'
    """

    name: str
    kind: type[bool] | type[int] | type[float] | type[str]
    default: Any = None
    required: bool = False
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[Any, ...] = ()
    unit: str = ""
    help: str = ""
    file: bool = False

    def domain(self) -> str:
        """Return in words which values are allowed."""
        if self.kind is bool:
            return "true or false"
        if self.choices:
            return "one of " + ", ".join(str(choice) for choice in self.choices)
        if self.kind is str:
            return self.help or "a word"
        number = "a whole number" if self.kind is int else "a number"
        low = "" if self.minimum is None else f" from {self.minimum:g}"
        high = "" if self.maximum is None else f" up to {self.maximum:g}"
        return number + low + high

    def describe(self) -> dict[str, Any]:
        """Return what a listing shows, as JSON values."""
        return {
            "name": self.name,
            "domain": self.domain(),
            "default": self.default,
            "required": self.required,
            "unit": self.unit,
            "help": self.help,
        }
