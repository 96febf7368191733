"""Round numbers for axes: steps, positions and labels of ticks."""

from __future__ import annotations

import math

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_LOG_STRIDES = (1, 2, 3, 5, 10, 20, 50, 100)
_LOG_MANTISSAS = (0.0, math.log10(2), math.log10(5))


def step(span: float, count: int) -> float:
    """The smallest of 1, 2, 5 × 10^k that divides `span` into `count` steps at most."""
    raw = max(span / max(count, 1), 1e-300)
    power = 10.0 ** math.floor(math.log10(raw))
    return next((m * power for m in (1, 2, 5) if m * power >= raw * (1 - 1e-9)), 10 * power)


def linear_ticks(low: float, high: float, count: int, *, whole: bool = False) -> tuple[list[float], list[str]]:
    """Positions and labels of at most `count + 1` ticks; `whole` allows whole numbers only."""
    width = step(high - low, count)
    if whole:
        width = max(width, 1.0)
    first, last = math.ceil(low / width - 1e-6), math.floor(high / width + 1e-6)
    positions = [i * width for i in range(first, last + 1)]
    if whole and low.is_integer() and (not positions or positions[0] - low > width / 2):
        positions.insert(0, low)
    return positions, _linear_labels(positions, width)


def log_ticks(low: float, high: float, count: int) -> tuple[list[float], list[str]]:
    """Positions (log10) and labels of ticks on a logarithmic axis: decades, or 1, 2, 5 within few of them.

    Within less than that the ticks are those of a linear axis, put where they belong.
    """
    first, last = math.ceil(low - 1e-9), math.floor(high + 1e-9)
    if last - first >= 1:
        least = (last - first) / max(count, 1)
        at = next((i for i, stride in enumerate(_LOG_STRIDES) if stride >= least), len(_LOG_STRIDES) - 1)
        decades: list[int] = []
        while len(decades) < 2:  # A single label does not say how long a decade is.
            decades = [k for k in range(first, last + 1) if k % _LOG_STRIDES[at] == 0]
            at -= 1
        if high - low >= 1.7 or count < 4:
            return [float(k) for k in decades], _decade_labels(decades)
    spread = [k + m for k in range(math.floor(low), last + 1) for m in _LOG_MANTISSAS]
    inside = [p for p in spread if low - 1e-9 <= p <= high + 1e-9]
    if len(inside) >= 2:
        return inside, [_short(10**p) for p in inside]
    positions, labels = linear_ticks(10**low, 10**high, count)
    kept = [(p, label) for p, label in zip(positions, labels, strict=True) if p > 0]
    return [math.log10(p) for p, _ in kept], [label for _, label in kept]


def decade(power: int) -> str:
    """A power of ten: 10⁻⁶."""
    return f"10{str(power).translate(_SUPERSCRIPTS)}"


def plain(value: float) -> str:
    """A measured place on an axis, written out: 6, 0.5, 66,000, 1e-07."""
    whole = abs(value - round(value)) < 1e-6 * max(abs(value), 1) and (round(value) != 0 or value == 0)
    return f"{value:,.0f}" if whole else f"{value:.4g}"


def _linear_labels(positions: list[float], width: float) -> list[str]:
    largest = max((abs(p) for p in positions), default=0.0)
    if largest >= 1e9 or 0 < largest < 1e-3:
        return [
            "0" if p == 0 else f"{p:.3g}".replace("e-0", "e-").replace("e+0", "e").replace("e+", "e") for p in positions
        ]
    for unit, suffix in ((1e6, "M"), (1e3, "k")):
        if width >= unit / 2 and largest >= 10 * unit:
            return [f"{p / unit:.4g}{suffix}" if abs(p) >= unit else f"{p:.4g}" for p in positions]
    decimals = max(0, -math.floor(math.log10(width) + 1e-9))
    return [f"{p:.{decimals}f}".replace("-0.0", "0.0") if p else f"{0:.{decimals}f}" for p in positions]


def _decade_labels(powers: list[int]) -> list[str]:
    # One way of writing for the whole axis: 0.01 beside 10⁻⁵ is hard to compare.
    if all(-3 <= k <= 3 for k in powers):
        return [_short(10.0**k) for k in powers]
    return [decade(k) for k in powers]


def _short(value: float) -> str:
    return f"{value:.3g}".replace("e-0", "e-").replace("e+0", "e")
