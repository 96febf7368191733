"""Whole charts: what a reader sees, for sensible and for hostile input."""

from itertools import product

import numpy as np
import pytest
from rich.cells import cell_len

from iml_tui.experiments.charts import Curve
from iml_tui.ui.plotting import DARK, LIGHT, Drawing, Limits, make_palette, render
from iml_tui.ui.plotting.palette import ABOVE, MARKERS, contrast
from iml_tui.ui.plotting.text import squeeze

rng = np.random.default_rng(7)


def curve(label: str, y: object) -> Curve:
    values = np.asarray(y, dtype=np.float64)
    return Curve(label, np.arange(1, len(values) + 1, dtype=np.float64), values)


FALLING = curve("lr 0.001", 0.3 + 2 * np.exp(-np.arange(50) / 6))
SLOW = curve("lr 1e-05", np.linspace(3.4, 2.4, 50))
DIVERGING = curve("lr 1", np.geomspace(1e3, 1e6, 50))
POINT = curve("batch 1", [0.764])
NOISY = Curve("noise", np.arange(1, 106_898, dtype=np.float64), rng.gamma(2, 0.5, 106_897).astype(np.float32))
HOSTILE = curve("\x1b[31m[bold]red[/]\u202e\n深層学習" * 4, [1, 2, 3])
ODD = [
    curve("empty", []),
    curve("nan", [np.nan] * 9),
    curve("inf", [np.inf, -np.inf, np.inf]),
    curve("mixed", [1, np.nan, np.inf, 3, -np.inf, np.nan]),
    curve("zero", [0.0] * 5),
    curve("huge", [1e308, -1e308, 1e-308]),
    Curve("unsorted", np.array([3.0, 1, np.nan, 2]), np.array([1.0, 2, 3, 4])),
    Curve("uneven", np.arange(5.0), np.arange(3.0)),
    Curve("nan x", np.full(3, np.nan), np.arange(3.0)),
]


def draw(*curves: Curve, width: int = 80, height: int = 24, **options: object) -> Drawing:
    return render(curves, width, height, title="Loss", x_label="epoch", y_label="nats", **options)  # type: ignore[arg-type]


def plot_area(drawing: Drawing) -> list[str]:
    lines = drawing.plain().split("\n")
    top = next(i for i, text in enumerate(lines) if "│" in text or "┤" in text)
    bottom = next(i for i, text in enumerate(lines) if "└" in text)
    left = lines[bottom].index("└") + 1
    return [text[left:] for text in lines[top:bottom]]


def braille_rows(area: list[str]) -> set[int]:
    return {i for i, text in enumerate(area) if any(0x2800 < ord(c) < 0x2900 for c in text)}


def test_a_chart_names_what_it_shows() -> None:
    text = draw(FALLING, SLOW).plain()
    lines = text.split("\n")
    assert lines[0] == "Loss"
    assert "━●━ lr 0.001 0.3006" in lines[1]
    assert "━◆━ lr 1e-05 2.4" in lines[1]
    assert lines[2] == "nats"
    assert lines[-1].strip() == "epoch"
    assert lines[-2].split() == ["1", "10", "20", "30", "40", "50"]


def test_the_legend_is_above_the_data_and_nothing_but_data_is_in_the_plot_area() -> None:
    for height in (8, 24, 40):
        area = plot_area(draw(FALLING, SLOW, POINT, height=height))
        assert not any("lr" in text for text in area)


def test_curves_differ_without_colour() -> None:
    area = "".join(plot_area(draw(FALLING, SLOW)))
    assert area.count("●") > 5
    assert area.count("◆") > 5


def test_a_single_point_is_a_visible_mark_with_its_label() -> None:
    alone = "".join(plot_area(draw(POINT)))
    assert "●" in alone
    assert "batch 1" in alone
    among = plot_area(
        draw(curve("long", np.linspace(0.5, 0.95, 50)), curve("batch 16", np.linspace(0.7, 0.9, 10)), POINT)
    )
    assert sum(text.count("■") for text in among) == 1


def test_a_diverging_curve_is_marked_at_the_top_and_the_others_use_the_height() -> None:
    area = plot_area(draw(DIVERGING, FALLING, SLOW))
    assert area[0].count(ABOVE) > 5
    assert not any(ABOVE in text for text in area[1:])
    rows = braille_rows(area)
    assert max(rows) - min(rows) > 0.8 * len(area)


def test_infinity_goes_over_the_edge_and_nan_is_a_gap() -> None:
    area = plot_area(draw(curve("a", [1, 2, np.inf, 2, 1])))
    assert area[0].count(ABOVE) == 1
    gap = plot_area(draw(curve("a", [1, 1, np.nan, 1, 1])))
    assert any("     " in text.strip() for text in gap if "⠒" in text or "⠤" in text or "⠉" in text or "⣀" in text)


def test_noise_is_a_band_with_a_mean_in_it() -> None:
    drawing = draw(NOISY, width=120, height=40)
    colours = {
        s.style.color.name for line in drawing.lines for s in line if "⣿" in s.text and s.style and s.style.color
    }
    assert DARK.band(0) in colours
    assert any(s.style and s.style.bgcolor for line in drawing.lines for s in line)
    assert "line: mean" in drawing.plain()


@pytest.mark.parametrize("curves", [[], [ODD[0]], [ODD[1]], [ODD[0], ODD[1]]])
def test_without_data_it_says_so(curves: list[Curve]) -> None:
    assert "no data yet" in draw(*curves).plain()
    assert "no data yet" in draw(*curves, log_y=True, log_x=True).plain()


def test_odd_curves_do_not_keep_the_good_one_from_being_drawn() -> None:
    area = plot_area(draw(*ODD[:5], FALLING))
    assert len(braille_rows(area)) > 5


@pytest.mark.parametrize("log", [False, True])
def test_no_size_and_no_values_raise_and_every_line_fits(log: bool) -> None:
    sets = [[], ODD, [HOSTILE, POINT], [FALLING, SLOW, DIVERGING], [NOISY], [FALLING] * 23, *([c] for c in ODD)]
    sizes = [*product((0, 1, 5, 10, 23, 24, 37), (0, 1, 3, 6, 7, 9)), (80, 24), (24, 60), (200, 7), (200, 60), (-3, 5)]
    for curves, (width, height) in product(sets, sizes):
        drawing = draw(*curves, width=width, height=height, log_x=log, log_y=log, cursor=3.0 if log else None)
        assert len(drawing.lines) == max(0, height)
        assert all(cell_len(text) <= max(0, width) for text in drawing.plain().split("\n"))


def test_a_small_place_tells_the_last_values() -> None:
    assert draw(FALLING, width=18, height=3).plain().split("\n") == ["Loss", "● lr 0.001 0.3006", ""]


def test_hostile_labels_are_plain_text() -> None:
    drawing = render([HOSTILE], 80, 24, title="\x1b]0;x\x07[red]t", x_label="\x1b[2J", y_label="[/]\r")
    text = drawing.plain()
    assert not any(ord(c) < 32 and c != "\n" for c in text)
    assert "\u202e" not in text
    assert "\\x1b[31m[bo" in text
    assert "[red]t" in text.split("\n")[0]


def test_drawing_twice_on_log_axes_gives_the_same() -> None:
    curves = (FALLING, curve("zero", [1, 0, 0.5]), DIVERGING)
    first, second = (draw(*curves, log_x=True, log_y=True).plain() for _ in range(2))
    assert first == second
    assert "0.5┤" in first


def test_given_limits_hold_and_what_is_beyond_is_marked() -> None:
    area = plot_area(draw(SLOW, limits=Limits(x=(1, 100), y=(0, 1))))
    assert ABOVE in area[0]
    assert not area[0][len(area[0]) // 2 + 3 :].strip("┈ ")
    assert draw(POINT, limits=Limits(x=(1, 50))).plain().split("\n")[-2].split()[-1] == "50"


def test_many_curves_in_little_room_are_counted() -> None:
    text = draw(*[curve(f"curve number {i}", [i, i + 1]) for i in range(30)], width=40, height=10).plain()
    assert "more" in text.split("\n")[1]
    assert "…" in text.split("\n")[1]


def test_shortened_labels_still_differ() -> None:
    legend = (
        draw(*[curve(f"batch size {2**i}", [1, 2]) for i in range(4, 10)], width=60, height=9).plain().split("\n")[1]
    )
    assert len(set(legend.split())) > 3
    assert squeeze("batch size 1024", 8) == "bat…1024"
    assert [cell_len(squeeze("深層学習 network", w)) <= w for w in range(15)] == [True] * 15


def test_the_cursor_reads_values_off() -> None:
    text = draw(FALLING, POINT, cursor=10).plain()
    assert text.split("\n")[0].endswith("epoch 10")
    assert f"lr 0.001 {FALLING.y[9]:.4g}" in text
    assert "batch 1 –" in text


@pytest.mark.parametrize("background", ["#000000", "#121212", "#2e3440", "#e0e0e0", "#ffffff", "#fdf6e3"])
def test_every_colour_stands_out_from_the_background(background: str) -> None:
    palette = make_palette(background, "#000000" if background > "#9" else "#ffffff")
    assert all(contrast(colour, background) >= 3 for colour in palette.series)
    assert len(set(palette.series)) == len(palette.series) >= 6


def test_palettes_and_marks() -> None:
    assert ABOVE not in MARKERS
    assert DARK.series != LIGHT.series
    mono = make_palette("#000000", "#ffffff", monochrome=True)
    assert mono.pattern(0) != mono.pattern(1)
    assert draw(FALLING, SLOW, palette=mono).plain() != draw(FALLING, SLOW).plain()
