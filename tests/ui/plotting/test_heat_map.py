"""Heat maps: what a reader sees, for sensible and for hostile input."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from rich.cells import cell_len

from iml_tui.experiments.charts import Cells
from iml_tui.ui.plotting import DARK, LIGHT, Drawing, make_palette
from iml_tui.ui.plotting.colour_scale import LEVELS, UNKNOWN, ZERO, LogScale, level_colours, log_scale
from iml_tui.ui.plotting.heat_map import Steps, render_heat_map
from iml_tui.ui.plotting.palette import luminance
from tests.experiments.gradient_results import healthy, vanishing

VANISHING = np.stack([vanishing(101, epoch, 0) for epoch in range(1, 11)], axis=1)
HEALTHY = np.stack([healthy(101, epoch, 0) for epoch in range(1, 11)], axis=1)


def draw(values: object, width: int = 80, height: int = 24, epochs: int = 0, **options: object) -> Drawing:
    values = np.asarray(values, dtype=np.float64)
    return render_heat_map(Cells(values, epochs), width, height, title="All layers", **options)  # type: ignore[arg-type]


def shades(values: object, width: int = 80, height: int = 24, epochs: int = 0, **options: object) -> list[str]:
    """The lines in characters alone."""
    return draw(values, width, height, epochs, color_system="standard", **options).plain().split("\n")


def rows(lines: list[str]) -> list[str]:
    """What is right of the axis."""
    return [text.partition("┤")[2] or text.partition("│")[2] for text in lines if "┤" in text or "│" in text]


def backgrounds(drawing: Drawing) -> set[str]:
    return {s.style.bgcolor.name for line in drawing.lines for s in line if s.style and s.style.bgcolor}


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_vanishing_can_be_seen_at_a_glance(size: tuple[int, int]) -> None:
    area = rows(shades(VANISHING, *size))
    assert set(area[0]) == {"×"}
    assert set(area[-1]) == {"█"}
    signs = "×·░▒▓█"
    first = [signs.index(text[0]) for text in area]
    assert first == sorted(first)
    assert set(first) == set(range(len(signs)))


def test_a_healthy_net_looks_the_same_everywhere() -> None:
    assert set("".join(rows(shades(HEALTHY)))) == {"█"}


def test_the_ends_of_the_network_and_the_epochs_are_named() -> None:
    lines = shades(VANISHING)
    assert lines[0] == "All layers"
    assert "input 0┤" in lines[2]
    assert "output 100┤" in lines[-2]
    assert lines[-1].split() == ["epoch", *map(str, range(1, 11))]


def test_the_colour_bar_names_powers_of_ten_and_says_what_is_zero_and_what_is_gathered() -> None:
    text = draw(VANISHING, 120, 40).plain().split("\n")[1]
    assert "10⁻⁴⁶ ████" in text
    assert " 10⁻²³ " in text
    assert " 10⁰" in text
    assert "× exactly 0" in text
    assert "half a row: largest of ≤ 2 layers" in text
    assert "largest" not in draw(VANISHING[:20], 120, 40).plain()
    assert "exactly 0" not in draw(HEALTHY, 120, 40).plain()


def test_a_step_shows_the_largest_of_its_layers_and_epochs() -> None:
    steps = Steps(5, 2)
    np.testing.assert_array_equal(steps.reduce(np.array([[1.0], [9], [2], [np.nan], [7]]), 0), [[9], [7]])
    assert [steps.place(item) for item in range(5)] == [0, 0, 1, 1, 1]
    assert steps.grouped == 3


def test_few_layers_and_epochs_are_stretched() -> None:
    steps = Steps(2, 5)
    np.testing.assert_array_equal(steps.reduce(np.array([3.0, 4.0]), 0), [3, 3, 4, 4, 4])
    assert all(steps.reduce(np.arange(2.0), 0)[steps.place(item)] == item for item in range(2))
    area = rows(shades([[1.0, 1.0], [1e-8, 1.0]], 60, 13))
    assert {len(text) for text in area} == {51}
    assert [text[0] for text in area] == ["█"] * 5 + ["·"] * 5


def test_exact_zero_is_not_the_least_value_and_unknown_is_neither() -> None:
    area = rows(shades([[0.0], [1e-30], [np.nan], [1.0]], 40, 7))
    assert [text.strip()[:1] for text in area] == ["×", "·", "", "█"]
    scale = LogScale(-8, 0)
    levels = scale.levels(np.array([0.0, np.nan, 1e-300, 1e-8, 1.0, 1e30, np.inf]))
    assert levels.tolist() == [ZERO, UNKNOWN, 0, 0, LEVELS - 1, LEVELS - 1, LEVELS - 1]


def test_room_is_kept_for_the_epochs_to_come() -> None:
    lines = shades(HEALTHY[:, :2], epochs=10)
    assert lines[-1].split()[-1] == "10"
    width = len("".join(rows(lines)[0]))
    assert width < 0.25 * 69
    assert not any("×" in text for text in lines)


def test_the_cursor_reads_a_cell() -> None:
    values = VANISHING.copy()
    values[30, 3] = 3.2e-19
    drawing = draw(values, cursor=(30, 4))
    assert drawing.plain().split("\n")[0].endswith("layer 30, epoch 4: 3.2e-19")
    assert drawing.plain().count("┼") == 1
    assert "layer 0, epoch 4: exactly 0" in draw(values, cursor=(0, 4)).plain()
    assert "layer 5, epoch 9: not recorded" in draw(values[:, :3], epochs=10, cursor=(5, 9)).plain()


def test_which_seed_is_shown_is_said() -> None:
    drawing = render_heat_map(Cells(HEALTHY, 10, "seed 42"), 80, 24, title="All layers")
    assert drawing.plain().split("\n")[0].endswith("seed 42")


def test_without_data_it_says_so() -> None:
    assert "no data yet" in draw(np.empty((0, 0))).plain()
    assert "no data yet" in draw(np.full((5, 2), np.nan)).plain()


def test_a_small_place_tells_the_last_values() -> None:
    lines = draw(VANISHING, 20, 5).plain().split("\n")
    assert lines[:3] == ["All layers", "largest 1", "smallest 0"]
    assert lines[3].startswith("0 in ")


def test_no_size_and_no_values_raise_and_every_line_fits() -> None:
    sets = [
        np.empty((0, 0)),
        np.empty((5, 0)),
        np.zeros((3, 3)),
        np.full((201, 300), np.inf),
        np.array([[1e-300, 1e300], [np.nan, 5e-324]]),
        VANISHING,
        HEALTHY[:1, :1],
    ]
    sizes = [*product((0, 1, 23, 24, 37), (0, 1, 6, 7, 9)), (80, 24), (24, 60), (200, 7), (200, 60), (-3, 5)]
    for values, (width, height), system in product(sets, sizes, ("truecolor", "256", "standard", None)):
        drawing = draw(values, width, height, cursor=(1, 1), epochs=4, color_system=system)
        assert len(drawing.lines) == max(0, height)
        assert all(cell_len(text) <= max(0, width) for text in drawing.plain().split("\n"))


def test_titles_from_outside_are_plain_text() -> None:
    text = render_heat_map(Cells(HEALTHY, 10), 80, 24, title="\x1b]0;x\x07[red]t").plain()
    assert not any(ord(c) < 32 and c != "\n" for c in text)
    assert "[red]t" in text


@pytest.mark.parametrize("system", ["truecolor", "256"])
def test_more_is_never_darker(system: str) -> None:
    colours = level_colours(system)
    assert colours is not None
    light = [luminance(colour) for colour in colours]
    assert light == sorted(light)
    assert light[-1] > 10 * light[0]


def test_in_256_colours_no_colour_is_rounded() -> None:
    colours = level_colours("256")
    assert colours is not None
    assert all(int(colour[i : i + 2], 16) in (0, 95, 135, 175, 215, 255) for colour in colours for i in (1, 3, 5))
    assert len(set(colours)) >= 10


def test_sixteen_colours_and_no_colour_get_shades() -> None:
    assert level_colours("standard") is level_colours("windows") is level_colours(None) is None
    mono = make_palette("#000000", "#ffffff", monochrome=True)
    drawing = draw(VANISHING, palette=mono)
    assert not backgrounds(drawing)
    assert "▓" in drawing.plain()


@pytest.mark.parametrize("palette", [DARK, LIGHT])
def test_zero_has_a_colour_that_no_value_has(palette: object) -> None:
    colours = level_colours("truecolor")
    assert colours is not None
    alone = draw(np.zeros((4, 4)), palette=palette)
    assert not backgrounds(alone) & set(colours)
    assert len(backgrounds(alone)) == 1


def test_a_scale_is_long_enough_to_calm_and_no_longer_than_float32_reaches() -> None:
    assert log_scale(np.array([0.1, 0.5])) == LogScale(-8, 0)
    assert log_scale(np.array([1e-60, 1.0])) == LogScale(-60, 0)
    assert log_scale(np.array([1e-200, 1.0])) == LogScale(-90, 0)
    assert log_scale(np.array([np.nan, 0.0, np.inf])) == LogScale(-8, 0)
    assert log_scale(np.array([2e-5, 3e4])) == LogScale(-5, 5)
    odd = log_scale(np.array([1e-9, 1.0]))
    assert odd == LogScale(-10, 0)
    assert odd.middle == -5
