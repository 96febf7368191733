"""Pictures as cells: what fits, what is cut, and what is left of a picture on every kind of terminal."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from rich.cells import cell_len

from iml_tui.experiments.picture_choice import Cell, choose, confusion
from iml_tui.runs.pictures import TestPictures
from iml_tui.ui.plotting.picture_colours import PictureColours, picture_colours
from iml_tui.ui.plotting.picture_confusion import Confusion, draw_confusions
from iml_tui.ui.plotting.picture_layout import crop_for, fitting_side, lay_out
from iml_tui.ui.plotting.picture_page import PicturePainter, crop_of
from iml_tui.ui.plotting.picture_paint import paint_picture
from iml_tui.ui.plotting.picture_scene import PictureScene, ShownModel
from tests.recorded_faces import CLASSES, GIVEAWAYS, made_up_faces, made_up_probabilities

COLOURS = picture_colours("#121212", "#e0e0e0", "truecolor")


def scene(count: int = 40, names: tuple[str, str] = CLASSES) -> PictureScene:
    split = made_up_faces(count)
    pictures = TestPictures(split.pixels, split.labels, split.names, split.details, names)
    given = [made_up_probabilities(split.labels, skill, seed) for seed, skill in enumerate((1.5, 0.0))]
    a, b = (ShownModel(i, f"model {i}", probabilities, 0.5) for i, probabilities in enumerate(given))
    return PictureScene(pictures, (a, b), choose(split.labels, *given, "A right, B wrong"), "A right, B wrong")


def test_two_pixels_a_cell() -> None:
    picture = np.zeros((4, 2, 3), dtype=np.uint8)
    picture[0], picture[1, 0], picture[2] = (255, 0, 0), (0, 255, 0), (0, 0, 252)
    lines = paint_picture(picture, 2, 4, COLOURS)
    assert [segment.text for segment in lines[0]] == ["▀", "▀"]
    first = lines[0][0].style
    assert first is not None
    assert first.color is not None
    assert first.bgcolor is not None
    assert first.color.triplet == (255, 0, 0)
    assert first.bgcolor.triplet == (0, 255, 0)
    assert [segment.text for segment in lines[1]] == ["▀▀"], "cells that look the same are one segment"
    assert len(paint_picture(picture[:3], 2, 3, COLOURS)) == 2, "an odd line of pixels has a cell to itself"


@pytest.mark.parametrize("system", ["truecolor", "256", "standard", "windows", None])
@pytest.mark.parametrize("monochrome", [True, False])
@pytest.mark.parametrize("background", ["#121212", "#f5f5f5"])
def test_every_terminal(system: str | None, monochrome: bool, background: str) -> None:
    colours = picture_colours(background, "#808080", system, monochrome=monochrome)
    for width, height in ((64, 64), (24, 24), (25, 13), (1, 1), (128, 128)):
        lines = paint_picture(made_up_faces(1).pixels[0], width, height, colours)
        assert len(lines) == (height + 1) // 2
        assert all(sum(segment.cell_length for segment in line) == width for line in lines)


def shades(colours: PictureColours) -> set[tuple[int, int, int]]:
    found = set()
    for line in paint_picture(made_up_faces(1).pixels[0], 32, 32, colours):
        for segment in line:
            assert segment.style is not None
            for colour in (segment.style.color, segment.style.bgcolor):
                assert colour is not None
                assert colour.triplet is not None
                found.add(tuple(colour.triplet))
    return found


def test_few_colours_become_greys_that_keep_the_brightness() -> None:
    four = shades(picture_colours("#121212", "#e0e0e0", "standard"))
    assert four == {(value,) * 3 for value in (0, 85, 170, 255)}
    greys = shades(picture_colours("#121212", "#e0e0e0", "truecolor", monochrome=True))
    assert len(greys) > 20
    assert all(red == green == blue for red, green, blue in greys)
    ramp = np.linspace(0, 255, 64).astype(np.uint8)[None, :, None].repeat(64, 0).repeat(3, 2)
    dark, light = (picture_colours(ground, "#808080", None) for ground in ("#121212", "#f5f5f5"))
    lit = {}
    for name, colours in (("dark", dark), ("light", light)):
        text = ["".join(segment.text for segment in line) for line in paint_picture(ramp, 32, 32, colours)]
        dots = [[(ord(sign) - 0x2800).bit_count() for sign in line] for line in text]
        lit[name] = np.array(dots).mean(axis=0)
    assert lit["dark"][:8].mean() < 2 < 6 < lit["dark"][-8:].mean()
    assert lit["light"][:8].mean() > 6 > 2 > lit["light"][-8:].mean()


def test_five_where_they_can_be_seen_else_two_else_one() -> None:
    # The rows that the tab has at 120 × 40 and 80 × 24, and the whole window.
    counts = {(118, 30): 5, (118, 36): 5, (78, 14): 2, (78, 20): 2, (48, 8): 1}
    for (width, height), count in counts.items():
        layout = lay_out(width, height, 64)
        assert layout is not None
        assert layout.count == count
        assert layout.rows * layout.block_lines <= height
        assert layout.columns * layout.block + 2 * (layout.columns - 1) <= width
    assert lay_out(3, 1, 64) is None
    assert fitting_side(70, 90, 64) == 64
    assert fitting_side(130, 200, 64) == 128
    assert fitting_side(37, 60, 64) == 36


def test_a_crop_can_be_moved_to_every_edge() -> None:
    whole = crop_for(120, 39, 64, None)
    assert whole is not None
    assert whole.whole
    assert whole.zoom == 1
    part = crop_for(80, 23, 64, 3)
    assert part is not None
    assert not part.whole
    assert part.width * 3 <= 80
    assert part.placed(-9, -9, 64).left == part.placed(-9, -9, 64).top == 0
    end = part.placed(99, 99, 64)
    assert (end.left + end.width, end.top + end.height) == (64, 64)
    large = crop_for(300, 90, 64, None)
    assert large is not None
    assert large.zoom == 2


def test_pages_fit_whatever_the_size() -> None:
    painter = PicturePainter()
    for shown in (scene(), scene(names=("生成された顔" * 4, "réel"))):
        for width, height in ((118, 33), (78, 15), (48, 9), (30, 5), (17, 30), (200, 55), (4, 2), (0, 0)):
            for place in (0, len(shown) - 1):
                drawing = painter.page(shown, place, width, height, COLOURS).drawing
                assert len(drawing.lines) == height
                assert all(sum(segment.cell_length for segment in line) <= width for line in drawing.lines)
                crop = crop_of(shown, width, height, None)
                if crop is not None:
                    enlarged = painter.enlarged(shown, place, crop, width, height, COLOURS).drawing
                    assert len(enlarged.lines) == height
                    assert all(sum(segment.cell_length for segment in line) <= width for line in enlarged.lines)


def test_a_page_tells_what_there_is() -> None:
    shown = scene()
    page = PicturePainter().page(shown, 6, 118, 33, COLOURS)
    text = page.drawing.plain()
    assert f"A right, B wrong: 6–10 of {len(shown)}" in text
    assert text.count("✓ right: ") == text.count("✗ wrong: ") == 5
    assert "▸ 7 " in text
    assert shown.name(6) in text
    assert shown.details(6) in text
    assert [spot.place for spot in page.spots] == [5, 6, 7, 8, 9]
    spot = page.spots[4]
    assert spot.holds(spot.x, spot.y)
    assert not spot.holds(spot.x - 1, spot.y)


def test_an_enlarged_picture_tells_all_that_is_known_of_it() -> None:
    shown = scene()
    details = ", ".join(GIVEAWAYS)
    pictures = replace(shown.pictures, details=(details,) * len(shown.pictures.labels))
    shown = PictureScene(pictures, shown.models, shown.positions, shown.chosen)
    for width, height in ((78, 22), (80, 23), (118, 38)):
        crop = crop_of(shown, width, height, None)
        assert crop is not None
        page = PicturePainter().enlarged(shown, 0, crop, width, height, COLOURS)
        words = page.drawing.plain().replace("▀", " ").split()
        assert details in " ".join(words)


def test_probabilities_are_those_of_the_decision() -> None:
    shown = scene()
    position = int(shown.positions[0])
    for verdict, model in zip(shown.verdicts(0), shown.models, strict=True):
        given = float(model.probabilities[position])
        assert verdict.probability == pytest.approx(max(given, 1 - given))
        assert verdict.right == (verdict.said == shown.true_class(0))


@pytest.mark.parametrize(("width", "height"), [(118, 30), (78, 15), (48, 9), (30, 12), (8, 3), (0, 0)])
def test_confusion_matrices(width: int, height: int) -> None:
    shown = scene()
    matrices = [
        Confusion(side, "a model with quite a long name", confusion(shown.pictures.labels, model.probabilities), "")
        for side, model in zip("AB", shown.models, strict=True)  # type: ignore[arg-type]
    ]
    drawing, spots = draw_confusions(matrices, CLASSES, Cell("B", 0, 1), width, height, COLOURS)
    assert len(drawing.lines) == height
    assert all(sum(segment.cell_length for segment in line) <= width for line in drawing.lines)
    assert len({spot.cell for spot in spots}) == 8
    if width >= 48:
        plain = drawing.plain()
        for matrix in matrices:
            for count in matrix.counts.ravel().tolist():
                assert str(count) in plain
        assert ">" in plain, "the chosen cell is marked without colour as well"
    assert cell_len(drawing.plain().partition("\n")[0]) <= width
