"""The chart widget in a small app."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence

import numpy as np
import pytest
from textual.app import App, ComposeResult
from textual.containers import Vertical

from iml_tui.experiments.charts import Chart, Curve
from iml_tui.ui.plotting import Limits
from iml_tui.ui.widgets import chart as chart_module
from iml_tui.ui.widgets.chart import ChartView

LOSS = Chart("loss", "Validation loss per epoch", ("validation_loss",), y_label="nats")


def falling(points: int, label: str = "lr 0.001") -> Curve:
    x = np.arange(1, points + 1, dtype=np.float64)
    return Curve(label, x, 0.3 + 2 * np.exp(-x / 6))


class ChartApp(App[None]):
    CSS = "#hidden { display: none; }"

    def __init__(self, curves: Sequence[Curve] = (), chart: Chart = LOSS) -> None:
        super().__init__()
        self.animation_level = "none"
        self.curves, self.chart = list(curves), chart

    def compose(self) -> ComposeResult:
        yield ChartView(self.chart)
        with Vertical(id="hidden"):
            yield ChartView(self.chart, id="other")

    @property
    def view(self) -> ChartView:
        return self.query(ChartView).first()

    def on_mount(self) -> None:
        self.view.show(self.curves)

    def text(self) -> str:
        return "\n".join(strip.text for strip in self.screen._compositor.render_strips(self.size))


@pytest.fixture
def draws(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """The sizes of all charts drawn."""
    seen: list[tuple[int, int]] = []
    real = chart_module.render

    def counted(curves: Sequence[Curve], width: int, height: int, **options: object) -> object:
        seen.append((width, height))
        return real(curves, width, height, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(chart_module, "render", counted)
    return seen


async def test_it_shows_curves_at_80x24() -> None:
    app = ChartApp([falling(50)])
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        text = app.text()
        assert "Validation loss per epoch" in text
        assert "lr 0.001 0.3005" in text
        assert text.count("●") > 5


async def test_it_says_that_there_is_no_data() -> None:
    app = ChartApp()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert "no data yet" in app.text()


async def test_updates_appear_but_a_burst_is_one_repaint(
    draws: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("iml_tui.ui.widgets.plot.monotonic", lambda: 100.0)  # However slow the machine is.
    app = ChartApp([falling(2)])
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        before = len(draws)
        for points in range(3, 40):
            app.view.show([falling(points)])
        await pilot.pause(0.4)
        assert len(draws) == before + 1
        assert f"lr 0.001 {falling(39).y[-1]:.4g}" in app.text()


async def test_what_has_not_changed_is_not_drawn_again(draws: list[tuple[int, int]]) -> None:
    app = ChartApp([falling(20)])
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause(0.3)
        before = len(draws)
        app.view.show([falling(20)])
        await pilot.pause(0.3)
        assert len(draws) == before
        app.view.show([falling(20)], Limits(y=(0, 10)))
        await pilot.pause(0.3)
        assert len(draws) == before + 1


async def test_a_hidden_chart_is_drawn_only_when_it_comes_into_view(draws: list[tuple[int, int]]) -> None:
    app = ChartApp()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        before = len(draws)
        app.query_one("#other", ChartView).show([falling(9, "hidden one")])
        await pilot.pause(0.3)
        assert len(draws) == before
        app.query_one("#hidden").display = True
        await pilot.pause()
        app.query_one("#hidden").styles.display = "block"
        await pilot.pause(0.1)
        assert "hidden one" in app.text()


async def test_it_follows_the_size_of_the_terminal(draws: list[tuple[int, int]]) -> None:
    app = ChartApp([falling(50)])
    async with app.run_test(size=(80, 24)) as pilot:
        for size in ((120, 40), (10, 3), (200, 60)):
            await pilot.resize_terminal(*size)
            await pilot.pause()
            assert app.view.drawing.width == size[0]
        assert draws[-1] == (200, 60)


async def test_the_light_theme_has_colours_of_its_own() -> None:
    app = ChartApp([falling(50)])
    async with app.run_test(size=(80, 24)) as pilot:
        app.theme = "textual-dark"
        await pilot.pause()
        dark = app.view.drawing
        app.theme = "textual-light"
        await pilot.pause()
        light = app.view.drawing
        assert dark.plain() == light.plain()
        assert dark.lines != light.lines


@pytest.mark.parametrize("theme", ["ansi-dark", "ansi-light"])
async def test_themes_of_the_terminal_s_own_colours_work(theme: str) -> None:
    app = ChartApp([falling(50)])
    async with app.run_test(size=(80, 24)) as pilot:
        app.theme = theme
        await pilot.pause()
        assert "lr 0.001" in app.text()


async def test_keys_read_values_off() -> None:
    app = ChartApp([falling(50)])
    async with app.run_test(size=(80, 24)) as pilot:
        app.view.focus()
        await pilot.press("left", "left")
        assert "epoch 48" not in app.view.drawing.plain()
        await pilot.pause()
        assert app.view.cursor == 49
        await pilot.press("home")
        await pilot.pause()
        assert "epoch 1" in app.text()
        await pilot.press("escape")
        await pilot.pause()
        assert app.view.cursor is None


async def test_markup_in_labels_is_text() -> None:
    app = ChartApp([falling(5, "[bold red]x[/] \x1b[2J")])
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert "[bold red]x[/] \\x1b[2J" in app.text()


@pytest.mark.parametrize("value", ["1", ""])
def test_no_color_draws_patterns_instead(value: str) -> None:
    # Textual reads NO_COLOR when an app is made: a process of its own.
    code = """
import asyncio
from tests.ui.test_chart_widget import ChartApp, falling

async def main():
    app = ChartApp([falling(50), falling(50, "other")])
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        app.export_screenshot()
        assert app.no_color and app.view._palette().monochrome
        assert "other" in app.text()

asyncio.run(main())
"""
    environment = {**os.environ, "NO_COLOR": value}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
