"""Numbers as the report writes them."""

import math
from collections.abc import Sequence
from typing import Final

from onestep.evaluation.results import Better, Figure

DASH: Final = "–"  # noqa: RUF001 - the dash that stands for nothing
_SIGNIFICANT_DIGITS = 3
_MOST_DECIMALS = 6


def number(value: float | None, *, like: float | None = None) -> str:
    """Return a number with three significant digits, at most six decimals, and no exponent.

    Args:
        value: None and NaN become a dash.
        like: Take the decimals that this number would get, so that an interval lines up with its value.
    """
    if value is None or math.isnan(value):
        return DASH
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"  # noqa: RUF001 - a real minus sign
    return f"{value:,.{_decimals(value if like is None else like)}f}".replace("-", "\N{MINUS SIGN}")


def value_text(figure: Figure) -> str:
    """Return a figure's value with its unit, such as `24.1 dB`."""
    return with_unit(number(figure.value), figure.unit)


def with_unit(text: str, unit: str) -> str:
    """Return a number's text and its unit, with a space that does not break."""
    return f"{text}\N{NO-BREAK SPACE}{unit}" if unit else text


def interval_text(figure: Figure) -> str:
    """Return a figure's 95 % interval, or nothing where it has none."""
    if figure.low is None or figure.high is None:
        return ""
    return f"{number(figure.low, like=figure.value)} to {number(figure.high, like=figure.value)}"


def direction_text(better: Better) -> str:
    """Say which way a figure is better."""
    return {"higher": "higher is better", "lower": "lower is better", "neither": "neither way is better"}[better]


def counted(count: int, unit: str) -> str:
    """Return `1 picture`, `2 pictures`."""
    return f"{count:,} {unit}{'' if count == 1 else 's'}"


def listed(parts: Sequence[str]) -> str:
    """Return `a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def _decimals(value: float) -> int:
    if value == 0 or not math.isfinite(value):
        return _SIGNIFICANT_DIGITS - 1
    return min(max(_SIGNIFICANT_DIGITS - 1 - math.floor(math.log10(abs(value))), 0), _MOST_DECIMALS)
