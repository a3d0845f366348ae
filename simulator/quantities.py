"""Kubernetes quantities in canonical form: the largest unit that leaves a whole number.

Exponents are left as they are.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

_FORM = re.compile(r"([+-]?)(\d+(?:\.\d*)?|\.\d+)(?:([eE][+-]?\d+)|([numkMGTPE]|[KMGTPE]i)?)")
_DECIMAL = {"n": -3, "u": -2, "m": -1, "": 0, "k": 1, "M": 2, "G": 3, "T": 4, "P": 5, "E": 6}
_BINARY = {"": 0, "Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}
_NANO = 10**9


def canonical(value: Any) -> Any:
    """Return `1` for `1000m`, `1Gi` for `1024Mi`, `500m` for `0.5`; anything that isn't a quantity stays as it is."""
    match = (
        _FORM.fullmatch(str(value)) if isinstance(value, str | int | float) and not isinstance(value, bool) else None
    )
    if match is None:
        return value
    sign, digits, exponent, unit = match.groups()
    number = Fraction(digits)
    if exponent:
        return value
    if unit in _BINARY and unit:
        number *= 1024 ** _BINARY[unit]
        text = _largest(number, 1024, _BINARY) if number >= 1024 and number.denominator == 1 else _decimal(number)
    else:
        text = _decimal(number * Fraction(1000) ** _DECIMAL[unit or ""])
    return sign.replace("+", "") + text


def _decimal(number: Fraction) -> str:
    # nothing is finer than a billionth: anything smaller is rounded up
    return _largest(Fraction(-(-number * _NANO // 1), _NANO), 1000, _DECIMAL)


def _largest(number: Fraction, base: int, units: dict[str, int]) -> str:
    if not number:
        return "0"
    fitting = [unit for unit, power in units.items() if (number / Fraction(base) ** power).denominator == 1]
    unit = max(fitting, key=units.__getitem__)
    return f"{number / Fraction(base) ** units[unit]}{unit}"
