"""Decimation keeps what a column of dots has to show."""

from itertools import pairwise

import numpy as np
import pytest

from iml_tui.ui.plotting.decimate import decimate, extremes, running_mean


def steps(n: int) -> np.ndarray:
    return np.arange(n, dtype=np.float64)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_lowest_highest_and_mean_of_every_column_are_those_of_its_points(dtype: type) -> None:
    y = np.random.default_rng(0).normal(size=1003).astype(dtype)
    reduced = decimate(steps(1003), y, np.linspace(0, 1003, 18))
    parts = [y[np.searchsorted(steps(1003), a) : np.searchsorted(steps(1003), b)] for a, b in edges_of(18)]
    np.testing.assert_array_equal(reduced.low, [p.min() for p in parts])
    np.testing.assert_array_equal(reduced.high, [p.max() for p in parts])
    np.testing.assert_allclose(reduced.mean, [p.mean(dtype=np.float64) for p in parts])
    assert reduced.count.sum() == 1003


def edges_of(n: int) -> list[tuple[float, float]]:
    edges = np.linspace(0, 1003, n)
    return list(pairwise(edges))


def test_one_spike_among_a_hundred_thousand_points_survives() -> None:
    y = np.zeros(106_897, dtype=np.float32)
    y[54_321] = 7
    _, drawn = extremes(decimate(steps(len(y)), y, np.linspace(0, len(y), 201)))
    assert drawn.max() == 7


def test_nan_is_skipped_and_a_column_of_nothing_else_is_nan() -> None:
    y = np.array([1, np.nan, 3, np.nan, np.nan, np.nan, 5, 6, np.nan])
    reduced = decimate(steps(9), y, np.array([0.0, 3, 6, 9]))
    np.testing.assert_array_equal(reduced.low, [1, np.nan, 5])
    np.testing.assert_array_equal(reduced.high, [3, np.nan, 6])
    np.testing.assert_array_equal(reduced.mean, [2, np.nan, 5.5])
    np.testing.assert_array_equal(reduced.count, [2, 0, 2])


def test_infinities_are_extremes_but_not_part_of_the_mean() -> None:
    reduced = decimate(steps(4), np.array([1, np.inf, 3, -np.inf]), np.array([0.0, 4]))
    assert (reduced.low[0], reduced.high[0], reduced.mean[0]) == (-np.inf, np.inf, 2)


def test_columns_without_points_and_points_outside_are_left_out() -> None:
    reduced = decimate(np.array([-5.0, 1, 1, 7, 50]), np.arange(5.0), np.array([0.0, 2, 4, 6, 8]))
    np.testing.assert_array_equal(reduced.index, [0, 3])
    np.testing.assert_array_equal(reduced.high, [2, 3])
    assert len(decimate(np.empty(0), np.empty(0), np.array([0.0, 1])).index) == 0


def test_the_polyline_keeps_its_order() -> None:
    x, rising = extremes(decimate(steps(100), steps(100), np.linspace(0, 100, 11)))
    assert (np.diff(x) >= 0).all()
    assert (np.diff(rising) > 0).all()
    _, falling = extremes(decimate(steps(100), -steps(100), np.linspace(0, 100, 11)))
    assert (np.diff(falling) < 0).all()


def test_the_running_mean_weighs_every_point_alike_and_stays_nan_where_nothing_is() -> None:
    y = np.array([0, 0, 0, 8, np.nan, np.nan])
    reduced = decimate(np.array([0.0, 0, 0, 1, 2, 2]), y, np.array([0.0, 1, 2, 3]))
    np.testing.assert_allclose(running_mean(reduced, 3), [2, 2, np.nan])
