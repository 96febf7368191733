"""Limits and ticks of the two axes.

Limits are rounded outwards to round numbers, so that they stay where they are while a live curve moves a little, and
they follow the readable curves: a curve that leaves all others behind is cut off at the edge.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from iml_tui.ui.plotting import ticks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from iml_tui.experiments.charts import Curve

    Floats = NDArray[np.float64]

Pair = tuple[float, float]

# A value is out of scale beyond so many times the size of the typical curve: at 20 rows, that curve is squeezed into
# two or three.
_OUT_OF_SCALE = 8.0
# Up to here a value is never out of scale, whatever the others are: guessing one of 150 classes costs 5 nats, and a
# validation loss of 3 must be seen beside a training loss of 0.01.
_NEVER_OUT_OF_SCALE = 5.0
# The same on a logarithmic axis, which has more room, in log10: 80 times the typical curve, never up to 100. And only
# what would make the axis longer than so many times what the others need: gradients may well span twenty decades.
_OUT_OF_SCALE_LOG, _NEVER_OUT_OF_SCALE_LOG = math.log10(80), 2.0
_TOO_LONG = 1.6
# A logarithmic axis has at most so many decades below the highest value: a squared norm of float32 gradients can be as
# small as 1e-90. What is smaller is beyond the edge, as 0 is.
_LONGEST_LOG = 90.0
_LOG_RANGE = (-300.0, 40.0)
# A band takes in at most so many decades below its line: a deviation as large as the mean reaches down to 0.
_BAND_BELOW_LOG = 1.0
# Room beside the outermost points of an axis with few of them, as a part of its length.
_POINT_MARGIN = 0.04
_LARGEST = 1e300
_SAMPLE = 512
_FAR = 1e9


@dataclass(frozen=True)
class Limits:
    """Axis limits in data units, (low, high); None leaves an axis to the data. x is kept exactly as given."""

    x: Pair | None = None
    y: Pair | None = None


@dataclass(frozen=True)
class Axis:
    """One axis: limits and ticks in axis units (log10 of the data where `log`)."""

    low: float
    high: float
    log: bool
    ticks: tuple[float, ...]
    labels: tuple[str, ...]

    def positions(self, values: NDArray[np.floating], cells: int) -> Floats:
        """Where data values fall on `cells` cells, in cells: 0.5 at the low limit, cells − 0.5 at the high one.

        plotext rounds ticks in the same way, so data and ticks meet. NaN stays NaN; infinities, and 0 on a log axis,
        are `_FAR` axis lengths away.
        """
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            scaled = np.log10(values, dtype=np.float64) if self.log else values.astype(np.float64)
            share = np.clip((scaled - self.low) / (self.high - self.low), -_FAR, _FAR)
        return 0.5 + (cells - 1) * share

    def values(self, positions: Floats, cells: int) -> Floats:
        """The data values at positions in cells: the inverse of `positions`."""
        scaled = self.low + (positions - 0.5) / max(cells - 1, 1) * (self.high - self.low)
        with np.errstate(over="ignore"):
            return np.power(10.0, scaled) if self.log else scaled


def x_axis(curves: Sequence[Curve], width: int, *, log: bool, limits: Pair | None, at_points: bool = False) -> Axis:
    """The x axis of a plot area `width` cells wide; x of curves increase. Without data it runs from 0 to 1.

    `at_points` puts the ticks at the points, which are few, and leaves some room on both sides.
    """
    if at_points and limits is None and (found := _points(curves, log)).size:
        return _axis_at(found, width, log)
    ends = [float(v) for c in curves if len(c.x) for v in _ends(c.x, log)]
    whole = not log and all(v.is_integer() for v in ends) and (limits is None or float(limits[0]).is_integer())
    if not _usable(limits, log):
        limits = None
    if limits is not None:
        low, high = _scaled(limits, log)
    elif not ends:
        low, high = (0.0, 1.0)
    else:
        low, high = _round_x(min(ends), max(ends), log=log, whole=whole)
    return _axis(low, high, log, max(1, width // 12), whole)


def y_axis(curves: Sequence[Curve], height: int, *, log: bool, limits: Pair | None) -> Axis:
    """The y axis of a plot area `height` cells high. Without data it runs from 0 to 1 (1 to 10 where `log`)."""
    if limits is None or not _usable(limits, log):
        limits = y_limits([curves], log=log) or ((1.0, 10.0) if log else (0.0, 1.0))
    low, high = _scaled(limits, log)
    return _axis(low, high, log, max(2, min(8, height // 3)), whole=False)


def y_limits(curve_groups: Iterable[Sequence[Curve]], *, log: bool = False) -> Pair | None:
    """Common y limits, in data units, of the charts of one panel; None while there is nothing finite to draw.

    The typical size is that of the curve at the lower third (its 10 % and 90 % quantiles), so two thirds of the
    curves may diverge; see `_OUT_OF_SCALE`.
    """
    samples = [s for group in curve_groups for c in group if len(s := _with_band(c, log))]
    if not samples:
        return None
    low, high = min(s.min() for s in samples), max(s.max() for s in samples)
    low, high = (_readable_log if log else _readable)([np.sort(s) for s in samples], float(low), float(high))
    low, high = _apart(max(float(low), -_LARGEST), min(float(high), _LARGEST))
    if not log:
        # An axis that nearly reaches 0 is read more easily, and keeps still longer, when it does.
        low = 0.0 if 0 < low < high / 4 else low
        width = ticks.step(high - low, 5) / 2
        return math.floor(low / width + 1e-6) * width, math.ceil(high / width - 1e-6) * width
    return 10 ** _round_log(low, up=False), 10 ** _round_log(high, up=True)


def _readable(samples: list[Floats], low: float, high: float) -> Pair:
    """The range of what is not out of scale; samples are sorted."""
    typical = (len(samples) - 1) // 3
    top = sorted(_quantile(s, 0.9) for s in samples)[typical]
    bottom = sorted((_quantile(s, 0.1) for s in samples), reverse=True)[typical]
    size = max(abs(top), abs(bottom))
    bound = max(_OUT_OF_SCALE * size, _NEVER_OUT_OF_SCALE)
    if low >= -bound and high <= bound:
        return low, high
    # Curves that are mostly out of scale pass through all values on their way: they have no say.
    calm = [s for s in samples if _quantile(s, 0.75) <= bound and _quantile(s, 0.25) >= -bound] or samples
    kept = np.concatenate([s[np.abs(s) <= bound] for s in calm])
    return (float(kept.min()), float(kept.max())) if kept.size else (max(low, -bound), min(high, bound))


def _readable_log(samples: list[Floats], low: float, high: float) -> Pair:
    """The same for values in log10. Small values are never cut off: they are what a logarithmic axis is for."""
    top = sorted(_quantile(s, 0.9) for s in samples)[(len(samples) - 1) // 3]
    bound = max(top + _OUT_OF_SCALE_LOG, _NEVER_OUT_OF_SCALE_LOG)
    calm = [s for s in samples if _quantile(s, 0.75) <= bound] or samples
    highest = max((float(s[s <= bound][-1]) for s in calm if s[0] <= bound), default=high)
    high = highest if high - low > _TOO_LONG * max(highest - low, 1.0) else high
    return max(low, high - _LONGEST_LOG), high


def _quantile(ordered: Floats, share: float) -> float:
    # Of sorted values; np.quantile takes six times as long.
    return float(ordered[round(share * (len(ordered) - 1))])


def _sample(y: NDArray[np.floating], log: bool) -> Floats:
    """The finite values of a curve, log10 where `log`; of a long one lowest and highest of each of many blocks."""
    if len(y) > 2 * _SAMPLE:
        starts = np.linspace(0, len(y), _SAMPLE, endpoint=False).astype(np.int64)
        y = np.concatenate([np.fmin.reduceat(y, starts), np.fmax.reduceat(y, starts), y[starts]])
    values = np.asarray(y, dtype=np.float64)
    if log:
        with np.errstate(divide="ignore", invalid="ignore"):
            values = np.log10(values)
        return values[(values >= _LOG_RANGE[0]) & (values <= _LOG_RANGE[1])]
    return values[np.isfinite(values)]


def _with_band(curve: Curve, log: bool) -> Floats:
    """The sample of a curve together with its band, which is seen as far as it says anything."""
    if curve.low is None or curve.high is None:
        return _sample(curve.y, log)
    low = np.fmax(curve.low, curve.y / 10**_BAND_BELOW_LOG) if log else curve.low
    return np.concatenate([_sample(values, log) for values in (curve.y, low, curve.high)])


def _points(curves: Sequence[Curve], log: bool) -> Floats:
    """All different x, in axis units."""
    found: Floats = np.unique(np.concatenate([np.asarray(c.x, dtype=np.float64) for c in curves] or [np.empty(0)]))
    found = found[np.isfinite(found) & ((found > 0) | (not log))]
    if log:
        found = np.log10(found)
    return found


def _axis_at(points: Floats, width: int, log: bool) -> Axis:
    low, high = _apart(float(points[0]), float(points[-1]))
    margin = _POINT_MARGIN * (high - low)
    low, high = low - margin, high + margin
    labels = [ticks.plain(10**point if log else point) for point in points.tolist()]
    at = (points - low) / (high - low) * width
    kept, free = [], -1.0
    for i, label in enumerate(labels):
        if at[i] - len(label) / 2 >= free:
            kept.append(i)
            free = at[i] + len(label) / 2 + 1
    return Axis(low, high, log, tuple(points[kept].tolist()), tuple(labels[i] for i in kept))


def _ends(x: NDArray[np.floating], log: bool) -> NDArray[np.floating]:
    """First and last of the increasing x, of the positive ones where `log`."""
    if log:
        x = x[np.searchsorted(x, 0, side="right") :]
    return x[[0, -1]] if len(x) else x


def _usable(limits: Pair | None, log: bool) -> bool:
    if limits is None or not all(map(math.isfinite, limits)):
        return False
    return limits[0] < limits[1] and (not log or limits[0] > 0)


def _scaled(limits: Pair, log: bool) -> Pair:
    return (math.log10(limits[0]), math.log10(limits[1])) if log else (float(limits[0]), float(limits[1]))


def _apart(low: float, high: float) -> Pair:
    """The pair, widened where its ends are so close that an axis between them shows nothing but rounding."""
    size = max(abs(low), abs(high))
    if high - low > 1e-6 * size:
        return low, high
    around = 0.1 * size or 1.0
    return low - around, high + around


def _round_x(low: float, high: float, *, log: bool, whole: bool) -> Pair:
    if log:
        low, high = _apart(math.log10(low), math.log10(high))
        return _round_log(low, up=False), _round_log(high, up=True)
    if low == high:
        return (low - 1, high + 1) if whole else _apart(low, high)
    low, high = _apart(low, high)
    width = max(ticks.step(high - low, 20), 1.0 if whole else 0.0)
    # Epochs count from 1: an axis from there, not from 0, with its end rounded up.
    start = low if whole else math.floor(low / width + 1e-6) * width
    return start, math.ceil(high / width - 1e-6) * width


def _round_log(value: float, *, up: bool) -> float:
    """log10 of the next 1, 2 or 5 × 10^k above or below 10^value."""
    decade = math.floor(value)
    marks = [decade + math.log10(m) for m in (1, 2, 5, 10)]
    return min(m for m in marks if m >= value - 1e-9) if up else max(m for m in marks if m <= value + 1e-9)


def _axis(low: float, high: float, log: bool, count: int, whole: bool) -> Axis:
    positions, labels = ticks.log_ticks(low, high, count) if log else ticks.linear_ticks(low, high, count, whole=whole)
    return Axis(low, high, log, tuple(positions), tuple(labels))
