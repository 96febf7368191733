"""Maps as drawings: aspect, names, colours of neighbours, points, differences, any size."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from rich.cells import cell_len
from rich.color import Color, ColorSystem
from rich.segment import Segment
from rich.style import Style

from iml_tui.runs.maps import DecisionMap, MapData, map_data
from iml_tui.ui.plotting.map_colouring import Colouring, MapColours, map_colours
from iml_tui.ui.plotting.map_difference import difference
from iml_tui.ui.plotting.map_labels import label_places, long_name, short_name
from iml_tui.ui.plotting.map_layout import lay_out, near, place
from iml_tui.ui.plotting.map_page import TOO_SMALL, Page, draw_page
from iml_tui.ui.plotting.map_paint import UPPER_HALF
from iml_tui.ui.plotting.map_scene import Scene, ShownMap, names_of
from iml_tui.ui.plotting.map_scrubber import kept_in_short, position_bar
from tests.recorded_maps import europe, made_up_map

SYSTEMS = ["truecolor", "256", "standard"]
RICH_SYSTEMS = {"256": ColorSystem.EIGHT_BIT, "standard": ColorSystem.STANDARD}
LEFT, RIGHT = made_up_map(0, 12), made_up_map(1, 12)


def scheme(system: str | None = "truecolor", *, monochrome: bool = False) -> MapColours:
    return map_colours("#121212", "#e0e0e0", system, monochrome=monochrome)


def scene(*maps: DecisionMap, **options: object) -> Scene:
    shown = tuple(ShownMap(title, drawn) for title, drawn in zip(("best: a", "worst: b"), maps, strict=False))
    return Scene(europe(), shown, epochs=(1, 2, 12), epoch=12, planned=50, entries=names_of(europe()), **options)  # type: ignore[arg-type]


def page(drawn: Scene, width: int = 120, height: int = 36, colours: MapColours | None = None) -> Page:
    colours = colours or scheme()
    return draw_page(drawn, width, height, colours, Colouring(europe().class_counts, len(colours.palette)))


def cells(drawn: Page, frame: int = 0) -> list[list[tuple[str, str | None, str | None]]]:
    """Sign, colour and background of each cell of a map."""
    found = drawn.frames[frame]
    rows = []
    for line in drawn.drawing.lines[found.y : found.y + found.layout.rows]:
        flat = [(sign, *_colours(segment)) for segment in line for sign in segment.text]
        rows.append(flat[found.x : found.x + found.layout.columns])
    return rows


def _colours(segment: Segment) -> tuple[str | None, str | None]:
    style = segment.style or Style()
    return tuple(colour.name if colour else None for colour in (style.color, style.bgcolor))  # type: ignore[return-value]


def square(side: float = 10.0, north: float = 5.0) -> MapData:
    """A square of degrees with a test sample of class 0 in its middle."""
    steps = (np.arange(20) + 0.5) / 20 * side
    return MapData(
        steps.astype(np.float32),
        (north - steps).astype(np.float32),
        np.array([[side / 2, north - side / 2]], np.float32),
        np.zeros(1, np.int64),
        np.array([3, 2]),
        ("DE Germany", "AT Austria"),
    )


def two_halves(data: MapData, split: int = 10) -> DecisionMap:
    classes = np.zeros(data.shape, np.int64)
    classes[:, split:] = 1
    return DecisionMap(0, 1, classes, np.full(data.shape, 0.75, np.float32), np.zeros(1, np.int64))


@pytest.mark.parametrize(("north", "ratio"), [(5.0, 1.0), (65.0, 0.5)])
def test_a_degree_of_longitude_is_as_long_as_its_latitude_makes_it(north: float, ratio: float) -> None:
    layout = lay_out(square(north=north), 200, 60)
    assert layout is not None
    rows, columns = layout.pixels
    assert columns / rows == pytest.approx(ratio, rel=0.03)


def test_the_map_fills_what_it_is_given_and_no_more() -> None:
    for width, height in ((120, 40), (40, 60), (200, 20)):
        layout = lay_out(europe(), width, height)
        assert layout is not None
        assert layout.left + layout.columns <= width
        assert layout.rows + 1 <= height
        assert layout.rows + 1 == height or layout.left + layout.columns >= width - 1


def test_ticks_stand_at_their_degrees() -> None:
    layout = lay_out(europe(), 100, 40)
    assert layout is not None
    for column, label in layout.x_ticks:
        degrees = float(label.rstrip("EW").rstrip("°")) * (-1 if label.endswith("W") else 1)
        assert layout.longitudes[column] == pytest.approx(degrees, abs=0.6)
    assert [label for _, label in layout.y_ticks] == ["70°N", "60°N", "50°N", "40°N"]


def test_places_are_named_in_words() -> None:
    assert place(11.6, 48.2) == "48.2° N 11.6° E"
    assert place(-9.1, -38.7) == "38.7° S 9.1° W"


@pytest.mark.parametrize("longitudes", [(10.0, 10.0), (10.0, 10.002)])
@pytest.mark.parametrize("latitudes", [(50.0, 52.0), (50.0, 50.001)])
def test_a_map_of_a_small_place_is_near_everywhere(
    longitudes: tuple[float, float], latitudes: tuple[float, float]
) -> None:
    places = np.array([(x, y) for x in longitudes for y in latitudes], np.float32)
    data = map_data(places, np.arange(4), places, np.arange(4), ("A", "B", "C", "D"))
    found = near(data)
    assert found[0].all()
    assert found[-1].all()
    assert found.all() == (latitudes[1] < 51)


def test_land_is_near_and_the_atlantic_is_not() -> None:
    layout = lay_out(europe(), 100, 40)
    assert layout is not None
    assert layout.near[layout.pixel_at(11.6, 48.2)]
    assert not layout.near[layout.pixel_at(-10.0, 62.0)]
    assert near(europe()).mean() < 0.7


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("epoch", [1, 3, 12])
def test_neighbours_never_share_a_colour(system: str, epoch: int) -> None:
    maps = made_up_map(0, epoch), made_up_map(1, epoch)
    drawn = page(scene(*maps, points="none"), colours=scheme(system))
    for frame, decided in enumerate(maps):
        layout = drawn.frames[frame].layout
        classes, shown = layout.sample(decided.classes), _upper_and_lower(cells(drawn, frame))
        for turned in (False, True):
            strong, own, colours = (array.T if turned else array for array in (layout.near, classes, shown))
            differ = strong[:, 1:] & strong[:, :-1] & (own[:, 1:] != own[:, :-1])
            same = (colours[:, 1:] == colours[:, :-1]) & (colours[:, 1:] != "")
            assert differ.any()
            assert not (differ & same).any()


def _upper_and_lower(found: list[list[tuple[str, str | None, str | None]]]) -> NDArray[np.str_]:
    """The colour of each pixel; empty where a name is written."""
    rows: list[list[str]] = []
    for row in found:
        plain = [(sign, fore or "", back or "") for sign, fore, back in row]
        rows.append([fore if sign == UPPER_HALF else back if sign == " " else "" for sign, fore, back in plain])
        rows.append([back if sign in (UPPER_HALF, " ") else "" for sign, fore, back in plain])
    return np.array(rows)


@pytest.mark.parametrize("system", ["256", "standard"])
def test_colours_are_those_that_the_terminal_has(system: str) -> None:
    for fill in scheme(system).palette.fills:
        assert Color.parse(fill).downgrade(RICH_SYSTEMS[system]).get_truecolor().hex in (fill, _vga_to_theme(fill))


def _vga_to_theme(fill: str) -> str:
    """Rich shows the sixteen colours as its own theme has them; which of them it is must be unambiguous."""
    return Color.parse(fill).downgrade(ColorSystem.STANDARD).get_truecolor().hex


def test_a_class_keeps_its_colour_from_epoch_to_epoch() -> None:
    colouring = Colouring(europe().class_counts, 12)
    first, _ = colouring.colours([made_up_map(0, 12).classes])
    again, _ = colouring.colours([made_up_map(0, 11).classes])
    assert (first == again).mean() > 0.8
    back, _ = colouring.colours([made_up_map(0, 12).classes])
    assert (back == again).all(), "colours that suit both maps stay"


def test_regions_that_must_share_a_colour_are_parted_by_a_border() -> None:
    data = square()
    colours = scheme()
    drawn = Scene(data, (ShownMap("one", two_halves(data)),), points="none", epochs=(1,), epoch=1, planned=1)
    one_colour = Colouring(data.class_counts, 1)
    found = draw_page(drawn, 60, 30, colours, one_colour)
    middle = _upper_and_lower(cells(found))[30]
    assert colours.background in middle
    assert middle[0] != colours.background


def test_names_stand_inside_their_regions() -> None:
    layout = lay_out(europe(), 100, 40)
    assert layout is not None
    classes = layout.sample(LEFT.classes)
    names = scene(LEFT).short_names
    labels = label_places(classes, layout.near, names)
    assert {"FR", "DE", "ES"} <= {label.text for label in labels}
    for label in labels:
        around = classes[2 * label.row - 1 : 2 * label.row + 3, label.column - 1 : label.column + len(label.text) + 1]
        assert (around == label.label).all(), label


def test_short_names() -> None:
    assert (short_name("DE Germany", 5), long_name("DE Germany", 5)) == ("DE", "Germany")
    assert (short_name("17", 5), long_name("17", 5)) == ("17", "")
    assert (short_name("Germany", 5), long_name("Germany", 5)) == ("Ger", "Germany")
    assert short_name("深層", 5) == "5"
    assert short_name("\x1b[2J", 5) == "5"
    assert "\x1b" not in long_name("\x1b[2J", 5)


def test_what_is_read_off_names_place_class_probability_and_city() -> None:
    data = square()
    drawn = Scene(data, (ShownMap("one", two_halves(data)),), epochs=(1,), epoch=1, planned=1, entries=names_of(data))
    text = page_of(replace(drawn, cursor=(1.0, 4.0)))
    assert "4.0° N 1.0° E  DE Germany 0.75" in text
    assert "city" not in text
    assert "AT Austria 0.75 · city: DE Germany" in page_of(replace(drawn, cursor=(5.01, 0.0)))
    assert "100.0% right, 0 of 1 test points wrong" in page_of(drawn)


def page_of(drawn: Scene) -> str:
    colours = scheme()
    return draw_page(drawn, 80, 30, colours, Colouring(drawn.data.class_counts, 12)).drawing.plain()


def test_the_difference_in_numbers() -> None:
    data = replace(square(), test_labels=np.array([0]))
    left, right = two_halves(data, 10), replace(two_halves(data, 12), test_classes=np.array([1]))
    found = difference(data, near(data), left, right)
    assert found.area == pytest.approx(0.1)
    assert found.samples == 1
    assert found.only_left.tolist() == [True]
    assert found.only_right.tolist() == [False]
    assert "10.0% of the area" in found.sentence()


def test_the_difference_weighs_rows_by_their_latitude() -> None:
    data = square(side=60.0, north=60.0)
    left = two_halves(data)
    classes = left.classes.copy()
    classes[:10] = 1 - classes[:10]  # The northern half.
    found = difference(data, near(data), left, replace(left, classes=classes))
    north = np.sin(np.radians(60)) - np.sin(np.radians(30))
    assert found.area == pytest.approx(north / np.sin(np.radians(60)), rel=1e-2)


def test_the_difference_is_bright_and_the_rest_is_not() -> None:
    drawn = page(scene(LEFT, RIGHT, view="difference"))
    layout = drawn.frames[0].layout
    bright = _upper_and_lower(cells(drawn)) == scheme().bright
    assert (bright == (layout.sample(LEFT.classes != RIGHT.classes) & layout.near)).all()
    text = page(scene(LEFT, RIGHT, view="difference", cursor=(15.0, 52.0))).drawing.plain()
    assert "≠" in text or "both" in text


def test_wrong_points_are_bright_dots() -> None:
    drawn = page(scene(LEFT, points="wrong"))
    dots = [cell for row in cells(drawn) for cell in row if "\u2800" < cell[0] <= "\u28ff"]
    assert dots
    assert {fore for _, fore, _ in dots} == {scheme().palette.wrong}
    everything = page(scene(LEFT, points="all"))
    assert sum(row.count("\u2800") for row in everything.drawing.plain().splitlines()) == 0
    assert sum(sign > "\u2800" for row in cells(everything) for sign, *_ in row) > len(dots)


def test_two_maps_side_by_side_where_there_is_room_else_one() -> None:
    assert len(page(scene(LEFT, RIGHT), 120, 36).frames) == 2
    assert len(page(scene(LEFT, RIGHT), 46, 36).frames) == 1
    assert "worst: b" in page(scene(LEFT, RIGHT, view="right"), 46, 36).drawing.plain()


def test_a_cell_knows_its_place() -> None:
    drawn = page(scene(LEFT, RIGHT))
    left, right = drawn.frames
    assert left.place_at(left.x - 1, left.y) is None
    assert left.place_at(left.x, left.y) == right.place_at(right.x, right.y)
    longitude, latitude = left.place_at(left.x + 3, left.y + 4) or (0.0, 0.0)
    assert left.layout.pixel_at(longitude, latitude)[1] == 3
    assert left.layout.pixel_at(longitude, latitude)[0] // 2 == 4


def test_without_colour_there_are_borders_and_names() -> None:
    drawn = page(scene(LEFT), colours=scheme(monochrome=True))
    text = drawn.drawing.plain()
    assert UPPER_HALF not in text
    assert sum("\u2800" < sign <= "\u28ff" for sign in text) > 50
    assert "FR" in text
    assert {back for row in cells(drawn) for _, _, back in row} == {None}


@pytest.mark.parametrize("view", ["both", "left", "right", "difference"])
@pytest.mark.parametrize("size", [(0, 0), (1, 1), (12, 4), (24, 10), (80, 15), (80, 24), (200, 60)])
def test_any_size(view: str, size: tuple[int, int]) -> None:
    for maps in ((LEFT, RIGHT), (LEFT,)):
        drawing = page(scene(*maps, view=view, cursor=(11.6, 48.2)), *size).drawing
        assert len(drawing.lines) == size[1]
        assert all(cell_len(line) <= size[0] for line in drawing.plain().splitlines())
    if size == (24, 10):
        assert TOO_SMALL.split()[0] in page(scene(LEFT), *size).drawing.plain()


def test_a_map_that_is_missing_is_a_sentence_beside_the_other() -> None:
    drawn = replace(scene(LEFT), maps=(ShownMap("a", LEFT), ShownMap("b", None, "the map is damaged")))
    assert "the map is damaged" in page(drawn).drawing.plain()
    assert "nothing that it could differ from" in page(replace(drawn, view="difference")).drawing.plain()


def test_the_scrubber_says_where_it_stands() -> None:
    assert kept_in_short(range(1, 51), 12) == "1 2 3 … 11 12 13 … 50"
    assert kept_in_short((1, 2), 2) == "1 2"
    assert position_bar(range(1, 21), 1, 20).startswith("●─")
    assert position_bar(range(1, 21), 20, 20).endswith("─●")
    assert position_bar((3,), 3, 20) == "●"
