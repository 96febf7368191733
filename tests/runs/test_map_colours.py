from __future__ import annotations

import numpy as np
import pytest
from rich.color import Color, ColorSystem

from iml_tui.runs.map_colours import (
    COLOURS_16,
    COLOURS_256,
    NO_COLOUR,
    PALETTES,
    TRUECOLOR,
    MapPalette,
    colour_classes,
    conflicts,
    ink,
    neighbours,
)
from tests.runs.colour_vision import distances, lab

# The sixteen colours in other terminals: xterm, the Windows console, Tango. The palette itself has those of the VGA.
THEMES = {
    "xterm": "000000 cd0000 00cd00 cdcd00 0000ee cd00cd 00cdcd e5e5e5"
    " 7f7f7f ff0000 00ff00 ffff00 5c5cff ff00ff 00ffff ffffff",
    "windows": "0c0c0c c50f1f 13a10e c19c00 0037da 881798 3a96dd cccccc"
    " 767676 e74856 16c60c f9f1a5 3b78ff b4009e 61d6d6 f2f2f2",
    "tango": "2e3436 cc0000 4e9a06 c4a000 3465a4 75507b 06989a d3d7cf"
    " 555753 ef2929 8ae234 fce94f 729fcf ad7fa8 34e2e2 eeeeec",
}


def random_graph(classes: int, density: float, seed: int = 0) -> np.ndarray:
    touching = np.random.default_rng(seed).random((classes, classes)) < density
    return (touching | touching.T) & ~np.eye(classes, dtype=bool)


def apart(colours: tuple[str, ...]) -> float:
    found = distances(colours, colours)
    return float(found[~np.eye(len(colours), dtype=bool)].min())


def test_lab_is_that_of_the_literature() -> None:
    # B. Lindbloom's calculator, sRGB, D65.
    expected = [[53.24, 80.09, 67.20], [87.73, -86.18, 83.18], [32.30, 79.19, -107.86], [100, 0, 0]]
    np.testing.assert_allclose(lab(["#ff0000", "#00ff00", "#0000ff", "#ffffff"], "normal"), expected, atol=0.02)


@pytest.mark.parametrize(("palette", "fills", "points"), [(TRUECOLOR, 20, 10), (COLOURS_256, 23, 11)])
def test_colours_stay_apart_with_any_colour_vision(palette: MapPalette, fills: float, points: float) -> None:
    assert len(palette) >= 10
    assert apart(palette.fills) >= fills
    assert distances(palette.fills, [palette.wrong]).min() >= fills
    assert distances(palette.fills, palette.right).min() >= points
    assert apart(palette.right) >= points
    assert distances(palette.right, [palette.wrong]).min() >= fills


def test_wrong_points_are_brighter_than_everything() -> None:
    for palette in (TRUECOLOR, COLOURS_256, COLOURS_16):
        others = lab([*palette.fills, *palette.right], "normal")[:, 0]
        assert lab([palette.wrong], "normal")[0, 0] > others.max() + 5
        assert (lab(palette.right, "normal")[:, 0] < lab(palette.fills, "normal")[:, 0]).all()


def test_a_terminal_of_256_colours_shows_exactly_these() -> None:
    for colour in (*COLOURS_256.fills, *COLOURS_256.right, COLOURS_256.wrong):
        shown = Color.parse(colour).downgrade(ColorSystem.EIGHT_BIT)
        assert shown.get_truecolor().hex == colour


# The Windows console has another magenta.
@pytest.mark.parametrize(
    ("system", "numbers"),
    [(ColorSystem.STANDARD, [4, 10, 6, 8, 1, 5, 0, 15]), (ColorSystem.WINDOWS, [4, 10, 6, 8, 1, 13, 0, 15])],
)
def test_a_terminal_of_16_colours_shows_these(system: ColorSystem, numbers: list[int]) -> None:
    colours = [*COLOURS_16.fills, COLOURS_16.right[0], COLOURS_16.wrong]
    assert [Color.parse(colour).downgrade(system).number for colour in colours] == numbers


@pytest.mark.parametrize("theme", THEMES)
def test_sixteen_colours_stay_apart_in_other_terminals(theme: str) -> None:
    table = ["#" + entry for entry in THEMES[theme].split()]
    for magenta in (5, 13) if theme == "windows" else (5,):
        fills = tuple(table[number] for number in (4, 10, 6, 8, 1, magenta))
        assert min(apart(fills), apart(COLOURS_16.fills)) >= 14
        assert distances(fills, [table[15]]).min() >= 20


def test_every_colour_system_of_rich_has_a_palette() -> None:
    assert set(PALETTES) == {"truecolor", "256", "standard", "windows"}
    assert all(len(palette.fills) == len(palette.right) for palette in PALETTES.values())


def test_neighbours_touch_along_sides_and_at_corners() -> None:
    touching = neighbours(np.array([[0, 0, 1], [0, 0, 1], [2, 2, 3]]), 5)
    assert {(a, b) for a, b in np.argwhere(touching).tolist() if a < b} == {
        (0, 1),
        (0, 2),
        (0, 3),
        (1, 2),
        (1, 3),
        (2, 3),
    }
    assert (touching == touching.T).all()
    assert not touching.diagonal().any()


def test_the_reach_of_neighbours() -> None:
    row = np.array([[0, 1, 2, 3]])
    assert np.argwhere(np.triu(neighbours(row, 4))).tolist() == [[0, 1], [1, 2], [2, 3]]
    assert np.argwhere(np.triu(neighbours(row.T, 4, reach=2))).tolist() == [[0, 1], [0, 2], [1, 2], [1, 3], [2, 3]]
    assert not neighbours(np.array([[2]]), 3, reach=2).any()


@pytest.mark.parametrize("seed", range(5))
def test_neighbours_agree_with_looking_at_every_cell(seed: int) -> None:
    cells = np.random.default_rng(seed).integers(0, 9, (7, 6))
    expected = np.zeros((9, 9), dtype=bool)
    for (r, c), one in np.ndenumerate(cells):
        for other in cells[max(0, r - 1) : r + 2, max(0, c - 1) : c + 2].ravel():
            expected[one, other] = one != other
    np.testing.assert_array_equal(neighbours(cells, 9), expected | expected.T)


@pytest.mark.parametrize("seed", range(4))
def test_neighbours_never_share_a_colour(seed: int) -> None:
    touching = random_graph(33, 0.18, seed)
    colours = colour_classes(touching, np.arange(33), 6)
    assert colours.min() >= 0
    assert colours.max() < 6
    assert not conflicts(touching, colours).any()


def test_the_biggest_classes_have_a_colour_each() -> None:
    sizes = np.arange(40) ** 2
    colours = colour_classes(random_graph(40, 0.1), sizes, 12)
    assert len(set(colours[-8:].tolist())) == 8


def test_colours_stay_where_they_fit() -> None:
    touching = random_graph(33, 0.1)
    sizes = np.arange(33)
    before = colour_classes(touching, sizes, 12)
    changed = touching.copy()
    same = np.flatnonzero(before == before[32])
    smaller = int(same[0])
    changed[smaller, 32] = changed[32, smaller] = True  # Two that share a colour have met.
    after = colour_classes(changed, sizes, 12, before)
    assert np.flatnonzero(after != before).tolist() == [smaller]
    assert not conflicts(changed, after).any()
    np.testing.assert_array_equal(colour_classes(touching, sizes, 12, before), before)


def test_previous_colours_that_the_palette_lacks_are_dropped() -> None:
    found = colour_classes(random_graph(5, 0.5), np.ones(5), 4, np.array([9, NO_COLOUR, 1, 30, 2]))
    assert set(found.tolist()) <= set(range(4))


def test_previous_colours_give_way_where_they_are_in_the_way() -> None:
    # A circle of four in two colours, of which two opposite ones came with different ones.
    circle = np.zeros((4, 4), dtype=bool)
    for one in range(4):
        circle[one, (one + 1) % 4] = circle[(one + 1) % 4, one] = True
    found = colour_classes(circle, np.ones(4), 2, np.array([0, NO_COLOUR, 1, NO_COLOUR]))
    assert not conflicts(circle, found).any()


def test_too_few_colours_are_told() -> None:
    complete = ~np.eye(5, dtype=bool)
    colours = colour_classes(complete, np.ones(5), 4)
    assert len(set(colours.tolist())) == 4
    assert conflicts(complete, colours).sum() == 2  # One pair, from both sides.
    assert colour_classes(complete, np.ones(5), 1).tolist() == [0] * 5


def test_no_classes_need_no_colours() -> None:
    assert colour_classes(np.zeros((0, 0), dtype=bool), np.zeros(0), 3).shape == (0,)


def test_labels_can_be_read_on_every_colour() -> None:
    for palette in PALETTES.values():
        for colour in palette.fills:
            assert abs(lab([ink(colour)], "normal")[0, 0] - lab([colour], "normal")[0, 0]) > 40
