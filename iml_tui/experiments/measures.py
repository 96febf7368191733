"""Measures of training curves: trend, fluctuation, settling, and the noise of batch losses. Pure functions.

A curve holds one value after each epoch (or batch), in order. Relative measures are fractions, not percent. What cannot
be measured on a curve (too short, not finite, not positive) is NaN or None, never an error.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

# The tolerance band, as a share of the whole step, that is customary for the settling time of a step response.
SETTLING_BAND: Final = 0.05
# Makes the median absolute deviation of normally distributed values their standard deviation: 1 / Φ⁻¹(3/4).
NORMAL_CONSISTENCY: Final = 1.4826
# Noise is measured at the end of the training, where the level of the loss changes least.
NOISE_SHARE: Final = 0.2
# The standard deviation of fewer batches is itself uncertain by more than 7 % (1/√(2n)).
NOISE_MIN_BATCHES: Final = 100


def last_third(count: int, at_least: int = 3) -> int:
    """How many of `count` epochs make the last third: rounded up, not fewer than `at_least` where there are as many."""
    return min(count, max(at_least, math.ceil(count / 3)))


def fluctuation(values: Sequence[float]) -> float:
    """Relative fluctuation: the robust standard deviation about the least-squares straight line, over the median.

    The line takes the trend out, so that a smoothly falling curve does not count as fluctuating. The deviation is
    1.4826 times the median absolute deviation (F. R. Hampel, "The influence curve and its role in robust estimation",
    J. Amer. Statist. Assoc. 69, 1974), so that a few single spikes do not make a quiet curve count as fluctuating.
    NaN for fewer than 3 values.
    """
    y = _curve(values)
    if len(y) < 3 or not np.all(np.isfinite(y)) or np.median(y) <= 0:
        return math.nan
    slope, intercept = _line(y)
    residuals = y - (intercept + slope * np.arange(len(y)))
    deviation = NORMAL_CONSISTENCY * np.median(np.abs(residuals - np.median(residuals)))
    return float(deviation / np.median(y))


def fall_per_epoch(values: Sequence[float]) -> float:
    """The share by which the curve falls each epoch, from the least-squares slope s of ln(values): 1 − exp(s).

    Negative where it rises. NaN for fewer than 2 values, or any that is not positive.
    """
    y = _curve(values)
    if len(y) < 2 or not np.all(np.isfinite(y)) or np.any(y <= 0):
        return math.nan
    slope, _ = _line(np.log(y))
    return float(-np.expm1(slope))


def rise(values: Sequence[float]) -> float:
    """By how much the least-squares straight line rises from its first to its last point, divided by the mean.

    Negative where it falls; NaN for fewer than 2 values.
    """
    y = _curve(values)
    if len(y) < 2 or not np.all(np.isfinite(y)) or y.mean() <= 0:
        return math.nan
    slope, _ = _line(y)
    return float(slope * (len(y) - 1) / y.mean())


def falling_share(values: Sequence[float]) -> float:
    """The fraction of steps from one value to the next that go down; NaN for fewer than 2 values."""
    y = _curve(values)
    return float(np.mean(np.diff(y) < 0)) if len(y) > 1 else math.nan


def settling_epoch(values: Sequence[float], band: float = SETTLING_BAND) -> int | None:
    """The epoch (from 1) by which the curve has come within `band` of all the way to its final level.

    The final level is the mean of the last third; the first epoch that is at most `band` times |first value − final
    level| away from it counts, as later fluctuation is judged by `fluctuation`. None for fewer than 3 values, or where
    one is not finite.
    """
    y = _curve(values)
    if len(y) < 3 or not np.all(np.isfinite(y)):
        return None
    level = y[-last_third(len(y)) :].mean()
    inside = np.flatnonzero(np.abs(y - level) <= band * abs(y[0] - level))
    return int(inside[0]) + 1 if len(inside) else None


def first_at_most(values: Sequence[float], level: float) -> int | None:
    """The first epoch (from 1) whose value is at most `level`; None where there is none."""
    reached = np.flatnonzero(_curve(values) <= level)
    return int(reached[0]) + 1 if len(reached) else None


@dataclass(frozen=True)
class Noise:
    """The noise of a loss per batch, over the last `batches` batches.

    `mean` and `deviation` are in the unit of the loss; `relative` is deviation / mean.
    """

    batches: int
    mean: float
    deviation: float
    relative: float


def noise(batch_losses: ArrayLike) -> Noise | None:
    """The noise of the loss from batch to batch at the end of the training.

    Over the last fifth of the batches (at least 100, where there are as many): σ = √(Σ (l[i+1] − l[i])² / (2 (n − 1))),
    the difference-based estimate of the standard deviation about the local mean (J. von Neumann et al., "The mean
    square successive difference", Ann. Math. Statist. 12, 1941; J. Rice, "Bandwidth choice for nonparametric
    regression", Ann. Statist. 12, 1984). The slow fall of the loss cancels in the differences of neighbours, and no
    window of a moving average need be chosen.

    Returns:
        None for fewer than 2 batches; NaN figures where a loss is not finite.
    """
    losses = np.asarray(batch_losses, dtype=np.float64).ravel()
    if len(losses) < 2:
        return None
    tail = losses[-max(math.ceil(NOISE_SHARE * len(losses)), NOISE_MIN_BATCHES) :]
    if not np.all(np.isfinite(tail)):
        return Noise(len(tail), math.nan, math.nan, math.nan)
    mean = float(tail.mean())
    deviation = float(np.sqrt(np.mean(np.diff(tail) ** 2) / 2))
    return Noise(len(tail), mean, deviation, deviation / mean if mean > 0 else math.nan)


def _curve(values: Sequence[float]) -> NDArray[np.float64]:
    return np.asarray(values, dtype=np.float64)


def _line(y: NDArray[np.float64]) -> tuple[float, float]:
    """Slope and intercept of the least-squares line through (0, y[0]), (1, y[1]), …"""
    x = np.arange(len(y)) - (len(y) - 1) / 2
    slope = float(x @ y / (x @ x))
    return slope, float(y.mean()) - slope * (len(y) - 1) / 2
