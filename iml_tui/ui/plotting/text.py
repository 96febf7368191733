"""Text and numbers fitted to terminal cells."""

from __future__ import annotations

import math

from rich.cells import cell_len


def fit(text: str, width: int) -> str:
    """The text cut to `width` cells at most, with an ellipsis where something is missing."""
    if cell_len(text) <= width:
        return text
    if width <= 0:
        return ""
    kept, used = [], 0
    for character in text:
        used += cell_len(character)
        if used > width - 1:
            break
        kept.append(character)
    return "".join(kept) + "…"


def squeeze(text: str, width: int) -> str:
    """The text cut to `width` cells at most in its middle: labels of one chart often differ at their ends only."""
    if cell_len(text) <= width:
        return text
    head = fit(text, (width + 1) // 2)
    tail = fit(text[::-1], width - cell_len(head) + 1)[:-1][::-1]
    return head + tail


def number(value: float) -> str:
    """A value for a legend: three or four significant digits, a short exponent; 8 characters at most."""
    text = f"{value:.4g}"
    if "e" not in text and (abs(value) >= 1e-3 or value == 0 or value != value):
        return text
    if "inf" in text:
        return text
    mantissa, exponent = f"{value:.2e}".split("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"


def plus_minus(value: float, deviation: float) -> str:
    """A value with its standard deviation, both to the two leading digits of the latter: 0.9312 ± 0.0021.

    Four decimals at most. The value alone where the deviation is not finite.
    """
    if not math.isfinite(deviation) or not math.isfinite(value):
        return number(value)
    if not 1e-3 <= abs(value) < 1e4:
        return f"{number(value)} ± {number(float(f'{deviation:.1e}'))}"
    decimals = min(4, max(0, 1 - math.floor(math.log10(deviation)))) if deviation > 0 else 4
    return f"{value:.{decimals}f} ± {deviation:.{decimals}f}"
