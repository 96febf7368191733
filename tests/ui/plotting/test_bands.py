"""Bands over seeds, axes of networks' sizes, scatters, and logarithmic axes with nothing on them."""

from __future__ import annotations

import numpy as np
import pytest

from iml_tui.experiments.charts import Curve
from iml_tui.ui.plotting import DARK, Drawing, make_palette, render
from iml_tui.ui.plotting.axes import x_axis, y_axis, y_limits
from iml_tui.ui.plotting.text import plus_minus
from iml_tui.ui.plotting.trace import ordered, trace
from tests.ui.plotting.test_render import plot_area


def banded(y: object, deviation: object, label: str = "lr 0.001", x: object = None) -> Curve:
    values = np.asarray(y, dtype=np.float64)
    off = np.asarray(deviation, dtype=np.float64)
    with np.errstate(all="ignore"):
        low, high = values - off, values + off
    places = np.arange(1.0, len(values) + 1) if x is None else np.asarray(x, dtype=np.float64)
    return Curve(label, places, values, low, high)


def draw(*curves: Curve, width: int = 80, height: int = 24, **options: object) -> Drawing:
    return render(curves, width, height, title="Loss", x_label="epoch", **options)  # type: ignore[arg-type]


FALLING = banded(0.3 + 2 * np.exp(-np.arange(50) / 6), np.full(50, 0.2))
NETS = banded([0.72, 0.86, 0.93, 0.95], [0.02, 0.01, 0.01, 0.03], "test accuracy", [1, 2, 6, 10])


def colours(drawing: Drawing) -> set[str]:
    return {s.style.color.name for line in drawing.lines for s in line if s.style and s.style.color}


def test_a_band_is_drawn_around_the_line_in_a_dimmer_colour_and_explained() -> None:
    drawing = draw(FALLING)
    assert DARK.band(0) in colours(drawing)
    assert "band: ± 1 standard deviation over seeds" in drawing.plain()
    assert DARK.band(0) not in colours(draw(Curve("lr", FALLING.x, FALLING.y)))
    assert "band" not in draw(Curve("lr", FALLING.x, FALLING.y)).plain()


def test_a_narrow_chart_explains_its_band_in_short() -> None:
    assert "band: ± 1 sd over seeds" in draw(FALLING, width=30).plain()


def test_bands_are_there_without_colour() -> None:
    mono = make_palette("#000000", "#ffffff", monochrome=True)
    assert draw(FALLING, palette=mono).plain() != draw(Curve(FALLING.label, FALLING.x, FALLING.y), palette=mono).plain()


def test_the_legend_and_the_cursor_read_mean_and_deviation() -> None:
    assert f"lr 0.001 {FALLING.y[-1]:.2f} ± 0.20" in draw(FALLING).plain()
    assert "test accuracy 0.930 ± 0.010" in draw(NETS, cursor=6.0, at_points=True).plain()


@pytest.mark.parametrize(
    ("value", "deviation", "text"),
    [
        (0.93, 0.01, "0.930 ± 0.010"),
        (0.93124, 0.0021, "0.9312 ± 0.0021"),
        (2.3, 0.4, "2.30 ± 0.40"),
        (0.5, 0.0, "0.5000 ± 0.0000"),
        (3.2e-19, 4e-20, "3.2e-19 ± 4e-20"),
        (0.5, np.nan, "0.5"),
        (np.inf, 1.0, "inf"),
    ],
)
def test_a_value_with_its_deviation(value: float, deviation: float, text: str) -> None:
    assert plus_minus(value, deviation) == text


def test_the_limits_take_the_band_in() -> None:
    limits = y_limits([[banded([0.5] * 5, [0.3] * 5)]])
    assert limits is not None
    assert limits[0] <= 0.2
    assert limits[1] >= 0.8


def test_a_band_that_reaches_down_to_nothing_does_not_stretch_a_log_axis() -> None:
    wide = banded([1e-3] * 9, [1e-3 * (1 - 1e-12)] * 9)
    limits = y_limits([[wide]], log=True)
    assert limits is not None
    assert limits[0] == pytest.approx(1e-4)
    assert "▼" not in draw(wide, log_y=True).plain()
    assert y_limits([[banded([1e-3] * 9, [2e-3] * 9)]], log=True) == pytest.approx((1e-4, 5e-3))


def test_gaps_unsorted_points_and_lone_ones_have_bands_too() -> None:
    gap = banded([1, 1, np.nan, 1, 1], [0.1, 0.1, np.nan, 0.1, 0.1])
    drawn = trace(gap, 0, x_axis([gap], 40, log=False, limits=None), y_axis([gap], 20, log=False, limits=None), 40, 20)
    assert drawn.band is not None
    assert np.isnan(drawn.band[1]).any()
    assert np.isfinite(drawn.band[1]).sum() > 20
    mixed = ordered(banded([3, 1, 2], [0.3, 0.1, 0.2], x=[3, 1, 2]))
    assert mixed.high is not None
    np.testing.assert_allclose(mixed.high - mixed.y, [0.1, 0.2, 0.3])
    lone = banded([0.5], [0.4])
    alone = trace(
        lone, 0, x_axis([lone], 40, log=False, limits=None), y_axis([lone], 20, log=False, limits=None), 40, 20
    )
    assert alone.band is not None
    assert len(alone.band[0]) == 1
    assert alone.spread > 10


@pytest.mark.parametrize("log", [False, True])
def test_no_band_raises(log: bool) -> None:
    odd = [
        banded([], []),
        banded([np.nan] * 3, [np.nan] * 3),
        banded([np.inf, -np.inf, 1], [np.inf, np.nan, 5]),
        banded([1.0, 0.0, 1e308], [1e308, 0.0, 1e308]),
        Curve("uneven", np.arange(5.0), np.arange(4.0), np.arange(3.0), np.arange(5.0)),
        banded(np.ones(5000), np.ones(5000)),
    ]
    for curves in ([curve] for curve in odd):
        for width, height in ((24, 7), (80, 24), (200, 60)):
            draw(*curves, width=width, height=height, log_x=log, log_y=log, cursor=2.0)
    draw(*odd, log_x=log, log_y=log)


def test_networks_stand_at_their_depths_each_with_its_mark() -> None:
    drawing = draw(NETS, at_points=True)
    assert drawing.plain().split("\n")[-2].split() == ["1", "2", "6", "10"]
    assert "".join(plot_area(drawing)).count("●") == 4
    assert draw(banded([1, 2], [0, 0], x=[8, 64]), at_points=True, log_x=True).plain().split("\n")[-2].split() == [
        "8",
        "64",
    ]


def test_depths_too_close_for_their_labels_leave_some_out() -> None:
    axis = x_axis([banded(np.ones(200), np.zeros(200))], 40, log=False, limits=None, at_points=True)
    assert axis.labels[0] == "1"
    assert 5 < len(axis.labels) < 20


def test_labels_of_a_scatter_do_not_collide() -> None:
    sizes = (600, 1000, 1040, 1080, 2400, 2500, 8000, 66_000)
    points = [banded([0.9], [0.001], f"net {size}", [size]) for size in sizes]
    area = plot_area(draw(*points, log_x=True, cursor=600.0))
    text = "\n".join(area)
    assert sum(f"net {size}" in text for size in sizes) >= 5
    title = draw(*points, log_x=True, cursor=2400.0).plain().split("\n")[0]
    assert title.endswith("epoch 2,400 · net 2400 0.9000 ± 0.0010")


def test_vanished_gradients_have_an_axis_that_can_be_read() -> None:
    axis = y_axis([Curve("g", np.arange(9.0), np.geomspace(1, 1e-60, 9))], 20, log=True, limits=None)
    assert (axis.low, axis.high) == (-60, 0)
    assert {"10⁻⁶⁰", "10⁰"} <= set(axis.labels)
    assert y_limits([[Curve("g", np.arange(2.0), np.array([1.0, 1e-200]))]], log=True) == pytest.approx((1e-90, 1))


def test_zero_is_below_a_log_axis_and_said_to_be() -> None:
    some = Curve("layer 30", np.arange(1.0, 11), np.array([1e-3] * 4 + [0.0] * 6))
    drawing = draw(some, log_y=True)
    assert "▼ exactly 0" in drawing.plain()
    assert "▼" in plot_area(drawing)[-1]
    nothing = draw(Curve("layer 0", np.arange(1.0, 11), np.zeros(10)), log_y=True)
    assert "▼" in plot_area(nothing)[-1]
    assert "no data" not in nothing.plain()
    assert "exactly 0" not in draw(some).plain()


def test_a_curve_that_starts_as_nothing_is_told_from_one_that_is_left_out() -> None:
    small = Curve("layer 0", np.arange(1.0, 4), np.array([1e-200, 1.0, 1.0]))
    area = plot_area(draw(small, log_y=True))
    assert "▼" in area[-1]
    assert "exactly 0" not in draw(small, log_y=True).plain()


def test_where_the_legend_is_full_the_band_is_explained_beside_the_title() -> None:
    crowded = [banded([1, 2], [0.1, 0.1], f"hidden layers {i}") for i in range(8)]
    title = draw(*crowded, width=80, height=14).plain().split("\n")[0]
    assert title.startswith("Loss")
    assert title.endswith("band: ± 1 sd over seeds")


def test_what_is_below_is_seen_though_another_curve_has_its_marks_there() -> None:
    x = np.arange(1.0, 11)
    area = plot_area(draw(Curve("layer 0", x, np.zeros(10)), Curve("layer 1", x, np.full(10, 1e-9)), log_y=True))
    assert area[-1].count("▼") > 3
