"""Numbers as a laboratory prints them: as many digits as the uncertainty supports, a true minus sign, powers of ten.

Every function returns None where the value is undefined (None); who prints it says "undefined" and why.
"""

from __future__ import annotations

import math

_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_MOST_DIGITS = 12  # more than a float64 statistic can mean


def _exponent(value: float) -> int:
    """Return floor(log10(|value|)) for a value other than 0."""
    return math.floor(math.log10(abs(value)))


def _minus(text: str) -> str:
    digits = text.strip("-0.")
    return text.lstrip("-") if not digits else text.replace("-", "−")


def fixed(value: float | None, decimals: int) -> str | None:
    """Return the value with a fixed number of decimals; −0 is 0."""
    return None if value is None else _minus(f"{value:.{decimals}f}")


def plain(value: float | None, digits: int = 4) -> str | None:
    """Return the value with `digits` significant digits, in powers of ten outside 10⁻⁴ to 10⁶; whole numbers stay whole."""
    if value is None:
        return None
    if value == 0:
        return "0"
    if isinstance(value, int) and abs(value) < 10**9:
        return _minus(str(value))
    exponent = _exponent(value)
    if -4 <= exponent < 6:
        return _minus(f"{value:.{max(0, digits - 1 - exponent)}f}")
    mantissa, power = f"{value:.{digits - 1}e}".split("e")
    return f"{_minus(mantissa)}×10{str(int(power)).translate(_SUPERSCRIPT)}"


def given(value: float | None, digits: int = 6) -> str | None:
    """Return a number as someone gave it: up to `digits` significant digits, without trailing zeros."""
    if value is None:
        return None
    if value == int(value) and abs(value) < 1e9:
        return _minus(str(int(value)))
    mantissa, _, power = f"{value:.{digits}g}".partition("e")
    return f"{_minus(mantissa)}×10{str(int(power)).translate(_SUPERSCRIPT)}" if power else _minus(mantissa)


def prediction(value: float | None, spread: float | None, discrete: bool) -> str | None:
    """Return a prediction in the digits that its spread supports; a count that is a whole number stays one."""
    if value is not None and discrete and value == int(value):
        return given(value)
    return measured(value, spread)


def measured(value: float | None, uncertainty: float | None) -> str | None:
    """Return the value to the second significant digit of its uncertainty (JCGM 100 §7.2.6), else to four digits.

    value, uncertainty : the same unit; uncertainty None or 0 is unknown.
    """
    if value is None:
        return None
    if not uncertainty:
        return plain(value)
    last = _exponent(uncertainty) - 1  # power of ten of the last digit that means something
    if value == 0:
        return fixed(0.0, min(max(0, -last), 4))
    size = max(_exponent(value), last + 1)
    if -4 <= size < 6:
        return fixed(value, min(max(0, -last), _MOST_DIGITS))
    return plain(float(value), min(max(2, size - last + 1), _MOST_DIGITS))


def interval(low: float | None, high: float | None) -> str | None:
    """Return "[low, high]" with the digits that its width supports."""
    if low is None or high is None:
        return None
    width = abs(high - low) / 4  # about one standard uncertainty of a 95 % interval
    return f"[{measured(low, width)}, {measured(high, width)}]"


def probability(value: float | None) -> str | None:
    """Return a p-value: three decimals, or two digits and a power of ten below .001."""
    if value is None:
        return None
    return fixed(value, 3) if value >= 0.001 or value == 0 else plain(value, 2)


def percent(value: float | None) -> str | None:
    """Return a fraction as per cent."""
    return None if value is None else f"{plain(100 * value, 2)} %"


def of_studies(value: float | None) -> str | None:
    """Return a probability of a decision rule as per cent of studies; below a thousandth its digits mean nothing."""
    if value is None or not 0.0 < value < 1.0 or 1e-3 <= value <= 0.999:
        return percent(value)
    return "less than 0.1 %" if value < 0.5 else "more than 99.9 %"


def with_unit(text: str | None, unit: str) -> str | None:
    """Return number and unit; a pure number has none."""
    shown = unit_label(unit)
    return None if text is None else f"{text} {shown}" if shown else text


def unit_label(unit: str) -> str:
    """Return a unit as printed: "" for a pure number, e⁻ for electrons, DN² for squares."""
    if unit in ("", "1"):
        return ""
    return unit.replace("e-", "e⁻").replace("DN2", "DN²")
