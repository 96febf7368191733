"""Marks on exported figures."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np

from iml_tui.experiments.charts import Chart, Curve
from iml_tui.experiments.marks import Mark
from iml_tui.runs.figure_axes import y_axis
from iml_tui.runs.figures import draw_figure

X = np.arange(1.0, 21.0)
DOTTED = 'stroke-dasharray="1.5 3"'


def figure(*marks: tuple[Mark, ...]) -> str:
    drawn = [Curve(f"curve {i}", X, (i + 2) / X, marks=each) for i, each in enumerate(marks)]
    axis = y_axis([drawn], log=False, quantity="loss")
    text = draw_figure(Chart("a", "T", ("train_loss",), y_label="loss"), drawn, axis)
    ElementTree.fromstring(text.encode())
    return text


def test_a_line_with_its_label() -> None:
    text = figure((Mark(10.5, "lr 0.05"),), ())
    assert text.count(DOTTED) == 1
    assert ">lr 0.05</text>" in text
    assert "dotted: changed while training, or forked" in text


def test_without_marks_nothing_is_told() -> None:
    assert DOTTED not in figure((), ())
    assert "dotted" not in figure((), ())


def test_labels_do_not_cover_one_another() -> None:
    text = figure(tuple(Mark(10 + i * 0.1, f"lr {i}") for i in range(8)))
    assert text.count(DOTTED) == 8
    places = re.findall(r'<text x="([\d.]+)" y="([\d.]+)"[^>]*>lr \d</text>', text)
    assert 2 <= len(places) < 8
    assert len(set(places)) == len(places)


def test_one_change_of_several_curves_is_one_line() -> None:
    text = figure((Mark(10.5, "lr 0.05"),), (Mark(10.5, "lr 0.05"),))
    assert text.count(DOTTED) == 1
    assert text.count(">lr 0.05<") == 1


def test_what_is_off_the_axis_is_left_out() -> None:
    assert DOTTED not in figure((Mark(50.0, "lr 0.05"), Mark(float("nan"), "lr 1")))


def test_a_hostile_label_is_neutralised() -> None:
    text = figure((Mark(10.5, "lr <script>\x1b[31m"),))
    assert "<script>" not in text
    assert "\x1b" not in text
