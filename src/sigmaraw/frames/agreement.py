"""Whether the headers of a series agree: darks, flats and the command line speak of one camera at one setting."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sigmaraw.errors import InvalidSeries, ProfileMismatch
from sigmaraw.frames.fits_keys import is_temperature
from sigmaraw.frames.headers import Stated, stated

TEMPERATURE_LIMIT_C = 2.0
"""Difference from which temperatures contradict: dark current doubles every 5 to 8 °C, so 2 °C change it by 20 to 30 %."""
_CFA_KEYS = ("BAYERPAT", "BAYRPAT", "CFAPAT", "COLORTYP", "CFA pattern")
_REGION_KEYS = ("ROI_X", "ROI_Y", "ROI_WDTH", "ROI_HGHT", "XORGSUBF", "YORGSUBF", "SUBARRAY", "Orientation")
_NO_CFA = {"NONE", "MONO", "MONOCHROME", "NO", "FALSE"}
_BITS_KEYS = ("BITDEPTH", "ADCBITS", "SIGBITS")
_AGREE = 0.01  # of one level's files: what a shutter's own log scatters


@dataclass(frozen=True)
class Contradiction:
    """One key of which two files state different values.

    Parameters
    ----------
    key : str
        As the files write it.
    first, second : str
        The two values.
    where_first, where_second : str
        The two files.
    """

    key: str
    first: str
    second: str
    where_first: str
    where_second: str

    def __str__(self) -> str:
        return f"{self.key} is {self.first} in {self.where_first} and {self.second} in {self.where_second}"


def contradictions(headers: Iterable[tuple[Path, Stated]]) -> list[Contradiction]:
    """Return every key of which two files state different values; temperatures are those at the two ends, where they differ by too much.

    Parameters
    ----------
    headers : iterable of (Path, Stated)
        The files of darks and flats, in any order.

    Returns
    -------
    list of Contradiction
        One a key, in the order of the keys.
    """
    seen: dict[str, dict[str, tuple[str, Path]]] = {}
    for path, one in headers:
        for key, value in one.settings.items():
            seen.setdefault(key, {}).setdefault(value.casefold(), (value, path))
    found = []
    for key, values in seen.items():
        ends = list(values.values())
        if is_temperature(key):
            try:
                ends.sort(key=lambda entry: float(entry[0]))
                close = float(ends[-1][0]) - float(ends[0][0]) <= TEMPERATURE_LIMIT_C
            except ValueError:
                close = len(ends) < 2
            if close:
                continue
        if len(ends) > 1:
            (first, a), (second, b) = ends[0], ends[-1]
            found.append(Contradiction(key, first, second, _short(a), _short(b)))
    return found


def _short(path: Path) -> str:
    return "/".join(path.parts[-2:])


def refuse_contradictions(name: str, found: Sequence[Contradiction]) -> list[str]:
    """Return what is to be noted: temperatures that differ. Raise InvalidSeries for any other key, with both values."""
    hard = [one for one in found if not is_temperature(one.key)]
    if hard:
        more = f" (and {len(hard) - 1} more: {', '.join(one.key for one in hard[1:6])})" if len(hard) > 1 else ""
        raise InvalidSeries(
            f"the headers of {name} contradict each other: {hard[0]}{more}",
            "darks and flats of one camera at one setting",
            "take darks and flats at the same setting, or remove the files of another one",
        )
    return [f"the headers state different temperatures: {one}; dark level and dark current change with it" for one in found]


def shared_settings(headers: Iterable[Stated]) -> dict[str, str]:
    """Return the keys of a series that an image of the same camera must agree in; temperatures and regions are not among them."""
    found: dict[str, str] = {}
    for one in headers:
        for key, value in one.settings.items():
            if not is_temperature(key) and key not in _REGION_KEYS:
                found.setdefault(key, value)
    return found


def refuse_other_settings(paths: Iterable[str], settings: Mapping[str, str], profile: str) -> None:
    """Refuse images whose headers contradict those of the frames that a camera profile was made from.

    Parameters
    ----------
    paths : iterable of str
        Files of the image.
    settings : mapping of str to str
        The profile's keys; of others nothing is asked.
    profile : str
        What the profile is called in the message.

    Raises
    ------
    ProfileMismatch
        A key of which the two state different values.
    """
    if not settings:
        return
    for path in paths:
        for key, value in stated(Path(path)).settings.items():
            if key in settings and settings[key].casefold() != value.casefold():
                raise ProfileMismatch(
                    f"{key} is {value} in {path} and {settings[key]} in the frames of {profile}",
                    "an image and a profile of one camera at one setting",
                    "use the profile of that setting",
                )


def cfa_of_series(headers: Iterable[tuple[Path, Stated]]) -> str | None:
    """Return the colour filter pattern that the headers state, None where they state none."""
    for _, one in headers:
        for key in _CFA_KEYS:
            value = one.settings.get(key)
            if value is not None and value.upper() not in _NO_CFA:
                return value.upper()
    return None


def bits_notes(headers: Iterable[tuple[Path, Stated]], bits: int | None) -> list[str]:
    """Return a note where the bit depth that is stated by hand differs from that of a header."""
    for path, one in headers:
        for key in _BITS_KEYS:
            value = one.settings.get(key)
            if bits is not None and value is not None and value.isdecimal() and int(value) != bits:
                return [f"{bits} bits are stated by hand; {key} is {value} in {_short(path)}"]
    return []


def level_exposure(files: Sequence[tuple[Path, Stated]], named_ms: float | None, name: str) -> tuple[float | None, list[str]]:
    """Return the exposure of one level, ms, from its files' headers and its name, and what is to be noted.

    Parameters
    ----------
    files : sequence of (Path, Stated)
        The level's files.
    named_ms : float or None
        What its name states, ms.
    name : str
        The level's name, for messages.

    Returns
    -------
    tuple of (float or None, list of str)
        None where neither states an exposure that is understood.

    Raises
    ------
    InvalidSeries
        Exposures that differ by more than 1 %, among the files or between header and name.
    """
    notes = [f"exposure of {name} not known: {_short(path)} states {one.unknown}" for path, one in files if one.unknown][:1]
    complete = bool(files) and all(one.times_ms for _, one in files)
    times = [time for _, one in files for time in one.times_ms] if complete else []
    if times and max(times) - min(times) > _AGREE * max(times):
        raise InvalidSeries(
            f"the files of {name} state exposures from {min(times):g} to {max(times):g} ms",
            "one exposure per level",
            "give each exposure a file or folder of its own, or say in frames.csv what they are",
        )
    stated = sum(times) / len(times) if times else None
    if stated is not None and named_ms is not None and abs(stated - named_ms) > _AGREE * max(stated, named_ms):
        raise InvalidSeries(
            f"the name of {name} says {named_ms:g} ms, its header {stated:g} ms", "one exposure", "say in frames.csv which one is right"
        )
    return (named_ms if stated is None else stated), ([] if named_ms is not None else notes)
