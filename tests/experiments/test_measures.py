from __future__ import annotations

import math

import numpy as np
import pytest

from iml_tui.experiments.measures import (
    fall_per_epoch,
    falling_share,
    first_at_most,
    fluctuation,
    last_third,
    noise,
    rise,
    settling_epoch,
)
from tests.experiments.factory import batch_losses


@pytest.mark.parametrize(("count", "expected"), [(0, 0), (1, 1), (2, 2), (3, 3), (9, 3), (10, 4), (50, 17), (100, 34)])
def test_last_third(count: int, expected: int) -> None:
    assert last_third(count) == expected


def test_fall_per_epoch_of_a_geometric_curve_is_its_ratio() -> None:
    assert fall_per_epoch([3 * 0.98**i for i in range(20)]) == pytest.approx(0.02)
    assert fall_per_epoch([3 * 1.01**i for i in range(20)]) == pytest.approx(-0.01)


@pytest.mark.parametrize("values", [[], [1.0], [1.0, 0.0], [1.0, math.nan], [math.inf, 1.0]])
def test_what_cannot_be_measured_is_nan(values: list[float]) -> None:
    assert math.isnan(fall_per_epoch(values))
    assert math.isnan(fluctuation(values))


def test_fluctuation_is_the_relative_standard_deviation_of_normal_noise() -> None:
    values = 0.5 + np.random.default_rng(0).normal(0, 0.05, 20_000)
    assert fluctuation(list(values)) == pytest.approx(0.1, rel=0.03)


def test_fluctuation_ignores_trend_and_single_spikes() -> None:
    falling = [1 - 0.01 * i for i in range(30)]
    assert fluctuation(falling) == pytest.approx(0, abs=1e-12)
    quiet = list(0.2 + np.random.default_rng(1).normal(0, 0.002, 30))
    spiked = [*quiet[:10], 0.6, *quiet[11:]]
    assert fluctuation(spiked) < 0.05 < np.std(spiked) / np.mean(spiked)


def test_rise_and_falling_share() -> None:
    assert rise([1.0, 1.1, 1.2]) == pytest.approx(0.2 / 1.1)
    assert rise([1.2, 1.1, 1.0]) == pytest.approx(-0.2 / 1.1)
    assert falling_share([3, 2, 1, 2, 1]) == 0.75


def test_settling_is_95_percent_of_the_way() -> None:
    curve = [0.3 + math.exp(-i / 5) for i in range(60)]  # Within 5 % of the way from ln(20) · 5 = 14.98 steps on.
    assert settling_epoch(curve) == 16
    assert settling_epoch([1.0, 2.0]) is None
    assert settling_epoch([1.0, 0.5, math.nan]) is None


def test_first_at_most_counts_epochs_from_one() -> None:
    assert first_at_most([3, 2, 1, 2], 2) == 2
    assert first_at_most([3, 2], 1) is None
    assert first_at_most([math.nan, 2], 2) == 2


def test_noise_is_the_standard_deviation_about_the_local_mean() -> None:
    found = noise(batch_losses(50_000, 0.1))
    assert found is not None
    assert found.batches == 10_000
    assert found.deviation == pytest.approx(0.1, rel=0.03)
    assert found.relative == pytest.approx(found.deviation / found.mean)


def test_a_slow_fall_of_the_loss_is_no_noise() -> None:
    found = noise(np.linspace(3, 1, 10_000))
    assert found is not None
    assert found.deviation < 1e-3 * found.mean


def test_noise_of_short_and_broken_series() -> None:
    assert noise([]) is None
    assert noise([1.0]) is None
    short = noise([1.0, 2.0, 1.0])
    assert short is not None
    assert short.batches == 3
    assert short.deviation == pytest.approx(math.sqrt(0.5))
    broken = noise([1.0, math.nan, 1.0])
    assert broken is not None
    assert math.isnan(broken.deviation)
