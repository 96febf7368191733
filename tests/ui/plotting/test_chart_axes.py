"""Limits and ticks: round, steady, and never at the mercy of one curve."""

import numpy as np
import pytest

from iml_tui.experiments.charts import Curve
from iml_tui.ui.plotting.axes import x_axis, y_axis, y_limits
from iml_tui.ui.plotting.ticks import linear_ticks, log_ticks, step


def curve(*values: float) -> Curve:
    return Curve("c", np.arange(1, len(values) + 1, dtype=np.float64), np.array(values, dtype=np.float64))


GOOD = curve(*np.linspace(2.2, 0.3, 50))
FAIR = curve(*np.linspace(2.5, 0.6, 50))


@pytest.mark.parametrize("top", [1e3, 1e6, 1e30, np.inf])
def test_diverging_curves_do_not_squash_the_others(top: float) -> None:
    values = np.geomspace(2, min(top, 1e30), 50)
    values[25:] = top
    alone = y_limits([[GOOD, FAIR]])
    assert alone == (0.0, 2.5)
    for curves in ([GOOD, FAIR, curve(*values)], [GOOD, curve(*values), curve(*values)], [curve(*values), FAIR]):
        limits = y_limits([curves])
        assert limits is not None
        assert limits[0] == 0
        assert 2.2 <= limits[1] <= 8 * 2.5


def test_diverging_curves_do_not_squash_the_others_on_a_log_axis_either() -> None:
    diverging = curve(*np.geomspace(1e3, 1e6, 50))
    assert y_limits([[GOOD, FAIR, diverging]], log=True) == pytest.approx((0.2, 5))
    assert y_limits([[diverging]], log=True) == pytest.approx((1e3, 1e6))


def test_vanishing_and_exploding_gradients_are_both_on_a_log_axis() -> None:
    vanishing, exploding = curve(*np.geomspace(1e-3, 1e-20, 50)), curve(*np.geomspace(1, 1e4, 50))
    assert y_limits([[vanishing, vanishing, vanishing, exploding]], log=True) == pytest.approx((1e-20, 1e4))


def test_one_spike_is_cut_off_but_the_rest_of_its_curve_is_not() -> None:
    limits = y_limits([[GOOD, curve(4e5, *np.linspace(3.4, 3.3, 49))]])
    assert limits == (0.0, 3.5)


def test_a_validation_loss_a_hundred_times_the_training_loss_is_shown() -> None:
    assert y_limits([[curve(2.0, *[0.01] * 49), curve(*np.linspace(2, 3.1, 50))]]) == (0.0, 3.5)


def test_limits_stay_while_values_grow_a_little() -> None:
    seen = {y_limits([[curve(*np.linspace(0.31, 2.26 + grown, 30))]]) for grown in np.linspace(0, 0.2, 40)}
    assert len(seen) == 1
    ends = {x_axis([curve(*[1.0] * n)], 80, log=False, limits=None).high for n in range(100, 501)}
    assert len(ends) < 30


def test_charts_of_a_panel_share_limits_that_hold_both() -> None:
    shared = y_limits([[curve(0.5, 1.5)], [curve(2.0, 3.9)]])
    assert shared is not None
    assert shared[0] <= 0.5
    assert shared[1] >= 3.9
    assert y_axis([curve(0.5, 1.5)], 20, log=False, limits=shared).high == shared[1]


def test_nothing_finite_has_no_limits() -> None:
    assert y_limits([[]]) is None
    assert y_limits([[curve(), curve(np.nan, np.inf)]]) is None
    assert y_limits([[curve(0.0, -1.0)]], log=True) is None


@pytest.mark.parametrize("value", [0.0, 0.764, -3.0, 1e-30, 1e300, 3.4e38])
def test_a_constant_curve_has_an_axis_around_it(value: float) -> None:
    limits = y_limits([[curve(value, value)]])
    assert limits is not None
    assert limits[0] <= value <= limits[1]
    assert limits[0] < limits[1]


@pytest.mark.parametrize("limits", [(2.0, 1.0), (1.0, 1.0), (np.nan, 1.0), (0.0, np.inf)])
def test_unusable_limits_fall_back_on_the_data(limits: tuple[float, float]) -> None:
    assert y_axis([GOOD], 20, log=False, limits=limits) == y_axis([GOOD], 20, log=False, limits=None)


def test_epochs_run_from_one_with_whole_ticks_and_given_limits_are_kept() -> None:
    axis = x_axis([GOOD], 80, log=False, limits=None)
    assert (axis.low, axis.high) == (1, 50)
    assert axis.labels == ("1", "10", "20", "30", "40", "50")
    assert x_axis([curve(1.0, 2.0)], 200, log=False, limits=None).labels == ("1", "2")
    assert x_axis([curve(1.0)], 80, log=False, limits=(1, 50)).high == 50


def test_log_axes_are_labelled_in_one_way_and_positions_are_log10() -> None:
    axis = y_axis([curve(1e-7, 1e-2, 5)], 40, log=True, limits=None)
    assert {"10⁻⁶", "10⁰"} <= set(axis.labels) or {"10⁻⁷", "10⁻¹"} <= set(axis.labels)
    near = y_axis([curve(0.01, 10)], 20, log=True, limits=None)
    assert near.labels == ("0.01", "0.1", "1", "10")
    np.testing.assert_allclose(near.positions(np.array([0.01, 10]), 20), [0.5, 19.5])
    np.testing.assert_array_equal(near.positions(np.array([0.0, -1.0]), 20) < 0, [True, False])


def test_positions_and_values_are_inverse() -> None:
    for log in (False, True):
        axis = x_axis([GOOD], 80, log=log, limits=None)
        np.testing.assert_allclose(axis.values(axis.positions(GOOD.x, 80), 80), GOOD.x)


@pytest.mark.parametrize(
    ("low", "high", "count", "labels"),
    [
        (0, 1, 5, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        (0, 3.5, 4, ["0", "1", "2", "3"]),
        (-0.5, 0.5, 2, ["-0.5", "0.0", "0.5"]),
        (0, 110_000, 6, ["0", "20k", "40k", "60k", "80k", "100k"]),
        (0, 4e-5, 4, ["0", "1e-5", "2e-5", "3e-5", "4e-5"]),
        (0, 2e12, 2, ["0", "1e12", "2e12"]),
    ],
)
def test_linear_tick_labels(low: float, high: float, count: int, labels: list[str]) -> None:
    assert linear_ticks(low, high, count)[1] == labels


def test_steps_are_round() -> None:
    assert [step(span, 5) for span in (1, 5, 7, 30, 0.05)] == pytest.approx([0.2, 1, 2, 10, 0.01])


@pytest.mark.parametrize(("low", "high"), [(-40, 40), (0, 0.01), (0.3, 0.31), (-1, 0.7), (5.99, 6.02)])
@pytest.mark.parametrize("count", [1, 2, 5, 10])
def test_log_ticks_lie_inside(low: float, high: float, count: int) -> None:
    positions, labels = log_ticks(low, high, count)
    assert len(positions) == len(labels)
    assert all(low - 1e-6 <= p <= high + 1e-6 for p in positions)


@pytest.mark.parametrize(("low", "high"), [(-19, -0.9), (-61, 0.3), (-29.5, -0.1), (-3, 8)])
def test_a_log_axis_never_has_a_single_label(low: float, high: float) -> None:
    assert all(2 <= len(log_ticks(low, high, count)[0]) <= 2 * count for count in (2, 3, 5))
