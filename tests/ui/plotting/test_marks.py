"""Marks on charts of the terminal."""

from __future__ import annotations

import numpy as np
import pytest

from iml_tui.experiments.charts import Curve
from iml_tui.experiments.marks import Mark
from iml_tui.ui.plotting import DARK, LIGHT, make_palette, render
from iml_tui.ui.plotting.compose import MARK

X = np.arange(1.0, 21.0)


def drawn(*marks: tuple[Mark, ...], width: int = 100, height: int = 20) -> str:
    made = [Curve(f"curve {i}", X, (i + 2) / X, marks=each) for i, each in enumerate(marks)]
    return render(made, width, height, title="T", x_label="epoch", y_label="loss").plain()


def test_a_line_with_its_label() -> None:
    text = drawn((Mark(10.5, "lr 0.05"),))
    assert f"{MARK}lr 0.05" in text or f"lr 0.05{MARK}" in text
    columns = {line.index(MARK) for line in text.splitlines()[3:] if MARK in line}
    assert len(columns) == 1
    assert "changed while training" in text


def test_without_marks_nothing_is_told() -> None:
    assert MARK not in drawn(())


def test_the_data_are_not_covered() -> None:
    plain, marked = drawn(()).splitlines(), drawn((Mark(10.5, "lr 0.05"),)).splitlines()
    for before, after in zip(plain[3:], marked[3:], strict=True):
        braille = [(i, sign) for i, sign in enumerate(before) if "\u2800" < sign <= "\u28ff" or sign == "●"]
        assert all(after[i] == sign for i, sign in braille)


def test_the_same_change_of_several_curves_is_labelled_once() -> None:
    assert drawn(*[(Mark(10.5, "lr 0.05"),)] * 3).count("lr 0.05") == 1
    assert "lr 0.05 …" in drawn((Mark(10.5, "lr 0.05"),), (Mark(10.5, "lr 0.01"),))


def test_many_are_ticks_at_the_top() -> None:
    text = drawn(tuple(Mark(1 + i * 0.9, f"lr {i}") for i in range(20)))
    assert "lr 7" not in text
    rows = [line for line in text.splitlines()[3:] if MARK in line]
    assert 1 <= len(rows) <= 2


@pytest.mark.parametrize("place", [-5.0, 0.0, 21.5, 1e9, float("nan"), float("inf")])
def test_what_is_off_the_axis_is_left_out(place: float) -> None:
    text = drawn((Mark(place, "lr 0.05"),))
    assert "lr 0.05" not in text


def test_a_hostile_label_is_neutralised() -> None:
    assert "\x1b" not in drawn((Mark(10.5, "lr \x1b[31m0.05"),))


@pytest.mark.parametrize("size", [(24, 7), (30, 8), (1, 1), (200, 60)])
def test_any_size(size: tuple[int, int]) -> None:
    for palette in (DARK, LIGHT, make_palette("#121212", "#e0e0e0", monochrome=True)):
        curve = Curve("c", X, 1 / X, marks=(Mark(3.0, "lr 0.05"), Mark(3.1, "wide 漢字")))
        drawing = render([curve], *size, palette=palette)
        assert all(sum(segment.cell_length for segment in line) <= size[0] for line in drawing.lines)
