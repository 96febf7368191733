"""Axes of exported figures: limits that follow the readable curves, ticks at round numbers.

Which values are out of scale follows the same rule as on the screen (`ui/plotting/axes.py`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from iml_tui.experiments.charts import Curve

    Floats = NDArray[np.float64]

Quantity = Literal["loss", "accuracy", "other"]

_FEW_POINTS = 10

# Beyond so many times the size of the typical curve a value is out of scale; a logarithmic axis has room for more.
_OUT_OF_SCALE = 8.0
_OUT_OF_SCALE_LOG = 16.0
# Up to here a value is never out of scale: guessing one of 150 classes costs 5 nats.
_NEVER_OUT_OF_SCALE = 5.0
# What a logarithmic axis shows. Losses of single samples reach down to 1e-38 and say nothing there; gradients do, and
# squares of float32 numbers reach down to 1e-90.
_LOG_RANGE: dict[Quantity, tuple[float, float]] = {
    "loss": (1e-6, 1e40),
    "accuracy": (1e-6, 1.0),
    "other": (1e-90, 1e40),
}


@dataclass(frozen=True)
class Axis:
    """One axis from `low` to `high`, in log10 of the data where `log`."""

    low: float
    high: float
    log: bool

    def scaled(self, values: NDArray[np.floating]) -> Floats:
        """Data values in axis units; NaN where they are not finite, or not positive on a logarithmic axis."""
        values = np.asarray(values, dtype=np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            scaled = np.log10(values) if self.log else values
        return np.where(np.isfinite(scaled), scaled, np.nan)

    def fractions(self, values: NDArray[np.floating]) -> Floats:
        """Where data values fall: 0 at the low end, 1 at the high end, less or more outside."""
        return (self.scaled(values) - self.low) / (self.high - self.low)


@dataclass(frozen=True)
class Tick:
    """A mark at `at` (axis units). `label` is "" for a minor one; `exponent` is set above it: 10 and "6" is 10⁶."""

    at: float
    label: str = ""
    exponent: str = ""


def x_axis(curves: Sequence[Curve], *, log: bool) -> Axis:
    """The x axis: exactly as long as all curves together, with a little room at both ends."""
    found = [x for curve in curves if len(x := _visible(curve.x, log, "other"))]
    if not found:
        return Axis(0.0, 1.0, log)
    low, high = float(min(x.min() for x in found)), float(max(x.max() for x in found))
    if log:
        low, high = math.log10(low), math.log10(high)
    if low == high:
        room = 0.3 if log else max(0.5, 0.1 * abs(low))
    else:
        # Marks on the edge would be half outside; a dense curve ends there all the same.
        room = (0.05 if max(map(len, found)) <= _FEW_POINTS else 0.02) * (high - low)
    return Axis(low - room, high + room, log)


def y_axis(groups: Sequence[Sequence[Curve]], *, log: bool, quantity: Quantity = "other") -> Axis:
    """The common y axis of the charts whose curves are given, which all measure one `quantity`.

    Values out of scale are left outside: those far above the 90 % quantile of the best curve where they are losses,
    else of the lower median curve. On a logarithmic axis only losses can be out of scale.
    """
    values = [v for curves in groups for c in curves if len(v := _visible(c.y, log, quantity))]
    if not values:
        return Axis(0.0, 1.0, log)
    bound = _bound(values, log, quantity)
    # Curves that are mostly out of scale pass through all values on their way there: they have no say.
    calm = [v for v in values if np.quantile(v, 0.75) <= bound] or values
    bands = [b for curves in groups for c in curves for b in (c.low, c.high) if b is not None]
    shown = [*calm, *(_visible(band, log, quantity) for band in bands)]
    kept = np.concatenate([v[np.abs(v) <= bound] for v in shown])
    low, high = (float(kept.min()), float(kept.max())) if kept.size else (-bound, bound)
    if log:
        return _padded(math.log10(low), math.log10(high), log=True)
    if 0 <= low < 0.35 * high:
        low = 0.0
    axis = _padded(low, high, log=False)
    if quantity == "accuracy" and all(v.min() >= 0 and v.max() <= 1 for v in values):
        return Axis(max(axis.low, 0.0), min(axis.high, 1.0), log)
    return Axis(0.0, axis.high, log) if low == 0 else axis


def ticks(axis: Axis, count: int, *, first: int | None = None) -> list[Tick]:
    """Ticks within the axis, about `count` of them labelled; `first` is for whole numbers that begin there."""
    return _log_ticks(axis, count) if axis.log else _linear_ticks(axis.low, axis.high, count, first)


def value_ticks(axis: Axis, values: Floats) -> list[Tick] | None:
    """A tick at each of a few whole values; None where there are too many, or their labels would not fit."""
    found = np.unique(values[np.isfinite(values)])
    at = axis.fractions(found)
    if not 0 < len(found) <= _FEW_POINTS or not np.isfinite(at).all() or (np.diff(at) < 0.04).any():
        return None
    places = axis.scaled(found).tolist()
    return [Tick(place, _plain(value, 0)) for place, value in zip(places, found.tolist(), strict=True)]


def _visible(y: NDArray[np.floating], log: bool, quantity: Quantity) -> Floats:
    values = np.asarray(y, dtype=np.float64)
    if log:
        least, most = _LOG_RANGE[quantity]
        return values[(values >= least) & (values <= most)]
    return values[np.isfinite(values)]


def _bound(values: Sequence[Floats], log: bool, quantity: Quantity) -> float:
    if log and quantity != "loss":
        return math.inf
    sizes = sorted(float(np.quantile(np.abs(v), 0.9)) for v in values)
    size = sizes[0 if quantity == "loss" else (len(sizes) - 1) // 2]
    return max((_OUT_OF_SCALE_LOG if log else _OUT_OF_SCALE) * size, _NEVER_OUT_OF_SCALE)


def _padded(low: float, high: float, *, log: bool) -> Axis:
    # Closer than this, an axis between them shows nothing but rounding.
    least = 0.05 if log else max(1e-6 * max(abs(low), abs(high)), 1e-12)
    if high - low < least:
        around = 0.3 if log else (0.1 * max(abs(low), abs(high)) or 1.0)
        return Axis(low - around, high + around, log)
    room = 0.04 * (high - low)
    return Axis(low - room, high + room, log)


def _linear_ticks(low: float, high: float, count: int, whole_from: int | None = None) -> list[Tick]:
    raw = (high - low) / max(count, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next((m * power for m in (1, 2, 5) if m * power >= raw * (1 - 1e-9)), 10 * power)
    if whole_from is not None:
        step = max(step, 1.0)
        low = max(low, whole_from)
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    first, last = math.ceil(low / step - 1e-6), math.floor(high / step + 1e-6)
    places = [i * step for i in range(first, last + 1)]
    if whole_from and step > 1:
        places.insert(0, float(whole_from))
    return [Tick(place, _plain(place, decimals)) for place in places]


def _plain(value: float, decimals: int) -> str:
    if value and not 1e-5 <= abs(value) < 1e9:
        return f"{value:.3g}"
    return f"{value:,.{decimals}f}".replace("-", "−")


def _log_ticks(axis: Axis, count: int) -> list[Tick]:
    """Decades, with 2 and 5 or all digits between them where there are few, and unlabelled ticks at the rest."""
    span = axis.high - axis.low
    decades = range(math.floor(axis.low), math.ceil(axis.high) + 1)
    labelled = {1} if span > 2 else {1, 2, 5} if span > 0.8 else set(range(1, 10))
    stride = max(1, math.ceil(span / (1.5 * count)))
    as_power = not all(-3 <= k <= 5 for k in decades if axis.low <= k <= axis.high)
    found = []
    for decade in decades:
        for digit in range(1, 10):
            at = decade + math.log10(digit)
            if not axis.low - 1e-9 <= at <= axis.high + 1e-9 or (stride > 1 and digit > 1):
                continue
            if digit not in labelled or decade % stride:
                found.append(Tick(at))
            elif as_power and digit == 1:
                found.append(Tick(at, "10", str(decade).replace("-", "−")))
            else:
                found.append(Tick(at, _plain(digit * 10.0**decade, max(0, -decade))))
    return found if any(tick.label for tick in found) else _few_log_ticks(axis, count)


def _few_log_ticks(axis: Axis, count: int) -> list[Tick]:
    # Less than one digit fits: the ticks of a linear axis, put where they belong.
    linear = _linear_ticks(10**axis.low, 10**axis.high, count)
    return [Tick(math.log10(tick.at), tick.label) for tick in linear if tick.at > 0]
