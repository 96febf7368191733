"""Whether a difference between two models exceeds the noise between seeds: Student's paired t-test, Holm's correction.

The tail of Student's distribution is summed in closed form, as importing SciPy would keep a screen waiting for half a
second. Pure functions of figures; p-values are two-sided.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Final

from iml_tui.experiments.results import TrialResult
from iml_tui.experiments.seeds import seeds_of

SIGNIFICANCE: Final = 0.05
"""A difference that noise alone makes in fewer than 1 of 20 comparisons is said to exceed it (R. A. Fisher 1925)."""


@dataclass(frozen=True)
class PairedTest:
    """A paired t-test over `pairs` seeds.

    `difference` and `deviation` are the mean and the standard deviation (n − 1) of the differences first − second.
    `t` and `p` are NaN where nothing can be tested: fewer than two pairs, a figure that is not finite, or differences
    that are the same for every seed, so that there is no noise to compare them with.
    """

    pairs: int
    difference: float
    deviation: float
    t: float
    p: float

    @property
    def degrees_of_freedom(self) -> int:
        """One less than there are pairs."""
        return max(0, self.pairs - 1)


def paired_t_test(first: Sequence[float], second: Sequence[float]) -> PairedTest:
    """Two-sided t-test of the mean of first − second, pair by pair, against 0.

    Student, "The probable error of a mean", Biometrika 6, 1908. The differences are taken to be normally distributed.

    Args:
        first, second: one figure a seed, in the same order of seeds.

    Raises:
        ValueError: their lengths differ.
    """
    differences = [a - b for a, b in zip(first, second, strict=True)]
    count = len(differences)
    mean = fmean(differences) if differences else math.nan
    if count < 2 or not math.isfinite(mean):
        return PairedTest(count, mean, math.nan, math.nan, math.nan)
    deviation = stdev(differences)
    # Equal differences of floats differ in their last bits.
    if deviation <= 1e-12 * max(map(abs, (*first, *second))):
        return PairedTest(count, mean, deviation, math.nan, math.nan)
    t = mean / (deviation / math.sqrt(count))
    return PairedTest(count, mean, deviation, t, two_sided_p(t, count - 1))


def two_sided_p(t: float, degrees_of_freedom: int) -> float:
    """The probability of a value at least as far from 0 as `t` under Student's t distribution.

    Abramowitz & Stegun, "Handbook of Mathematical Functions", 1964, 26.7.3 and 26.7.4: for a whole number of degrees of
    freedom, finite sums of powers of cos θ with θ = arctan(|t| / √ν). The error is some 1e-16, absolutely.
    """
    angle = math.atan(abs(t) / math.sqrt(degrees_of_freedom))
    cosine, sine = math.cos(angle), math.sin(angle)
    odd = degrees_of_freedom % 2
    term = cosine if odd else 1.0
    total = 0.0
    for power in range(1 + odd, degrees_of_freedom, 2):
        total += term
        term *= power / (power + 1) * cosine**2
    inside = 2 / math.pi * (angle + sine * total) if odd else sine * total
    return min(1.0, max(0.0, 1 - inside))


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """p-values corrected for as many comparisons as there are; NaN stays NaN and is not counted.

    S. Holm, "A simple sequentially rejective multiple test procedure", Scand. J. Statist. 6, 1979: the smallest of m
    is multiplied by m, the next by m − 1 and so on; none falls below the one before it, none exceeds 1.
    """
    tested = sorted((p, name) for name, p in p_values.items() if not math.isnan(p))
    corrected = dict.fromkeys(p_values, math.nan)
    largest = 0.0
    for position, (p, name) in enumerate(tested):
        largest = max(largest, min(1.0, p * (len(tested) - position)))
        corrected[name] = largest
    return corrected


def compare(model: TrialResult, other: TrialResult, metric: str) -> PairedTest:
    """The paired test of two models' figures after their last epochs, over the seeds that both were trained with."""
    of_first, of_second = _by_seed(model, metric), _by_seed(other, metric)
    common = [seed for seed in of_first if seed in of_second]
    return paired_t_test([of_first[seed] for seed in common], [of_second[seed] for seed in common])


def _by_seed(model: TrialResult, metric: str) -> dict[int, float]:
    """The figure of every seed after the last epoch that all of the model's seeds have finished."""
    last = len(model.epochs)
    return {trial.trial.seed: trial.at(last, metric) for trial in seeds_of(model)} if last else {}
