"""The heat map widget, alone and among the charts of an experiment."""

from __future__ import annotations

from dataclasses import replace

import pytest
from textual.app import App, ComposeResult

from iml_tui.experiments.charts import Cells, Chart, HeatMap, heat_map_cells
from iml_tui.experiments.results import Results
from iml_tui.ui.widgets.chart import ChartView
from iml_tui.ui.widgets.charts_view import Charts, ChartsView
from iml_tui.ui.widgets.heat_map import HeatMapView
from tests.experiments.gradient_results import gradient_results, healthy, vanishing

HEAT = HeatMap("heat", "Gradient of every layer")
CHARTS = (
    Chart("norms", "Gradient norms", ("gradient_norm.0", "gradient_norm.100"), log_y=True, trials=(0,)),
    replace(HEAT, id="plain", panel="heat"),
    replace(HEAT, id="healthy", title="Of the other net", panel="heat"),
)


def cells(done: int = 10) -> Cells:
    return heat_map_cells(HEAT, gradient_results({"plain": vanishing}, done=done))


class HeatApp(App[None]):
    def __init__(self, shown: Cells | None = None) -> None:
        super().__init__()
        self.animation_level = "none"
        self.shown = shown

    def compose(self) -> ComposeResult:
        yield HeatMapView(HEAT)

    def on_mount(self) -> None:
        if self.shown is not None:
            self.view.show(self.shown)
        self.view.focus()

    @property
    def view(self) -> HeatMapView:
        return self.query_one(HeatMapView)


class ChartsApp(App[None]):
    CSS = "ChartRow { height: 14; } HeatMapView { width: 1fr; }"

    def __init__(self, results: Results, shown: Charts = CHARTS) -> None:
        super().__init__()
        self.animation_level = "none"
        self.results, self.shown = results, shown

    def compose(self) -> ComposeResult:
        yield ChartsView()

    @property
    def charts(self) -> ChartsView:
        return self.query_one(ChartsView)

    async def on_mount(self) -> None:
        await self.charts.show_charts(self.shown)
        self.charts.show_results(self.shown, self.results, live=False)


async def test_it_shows_all_layers() -> None:
    app = HeatApp(cells())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        text = app.view.drawing.plain()
        assert "output 100┤" in text
        assert "▀" in text


async def test_keys_read_cells() -> None:
    app = HeatApp(cells())
    async with app.run_test(size=(80, 24)) as pilot:
        seen = []
        for key in ("left", "up", "pageup", "home", "down", "end", "right", "escape"):
            await pilot.press(key)
            seen.append(app.view.cursor)
        assert seen == [(100, 10), (99, 10), (89, 10), (89, 1), (90, 1), (90, 10), (90, 10), None]
        await pilot.press("end", "pageup", "pageup")
        await pilot.pause()
        assert "layer 80, epoch 10" in app.view.drawing.plain()


async def test_keys_without_data_do_nothing() -> None:
    app = HeatApp()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("left", "up", "home")
        await pilot.pause()
        assert app.view.cursor is None
        assert "no data yet" in app.view.drawing.plain()


async def test_the_cursor_stays_inside_another_run() -> None:
    app = HeatApp(cells())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("end")
        app.view.show(cells(done=3))
        assert app.view.cursor == (100, 3)
        app.view.show(cells(done=0))
        assert app.view.cursor is None


@pytest.mark.parametrize("live", [True, False])
async def test_only_a_live_run_keeps_room_for_more_epochs(live: bool) -> None:
    app = HeatApp()
    async with app.run_test(size=(80, 24)) as pilot:
        app.view.show(cells(done=4), live=live)
        await pilot.pause(0.4)
        assert app.view.drawing.plain().split("\n")[-1].split()[-1] == ("10" if live else "4")


async def test_charts_and_heat_maps_stand_together_and_are_resolved_by_the_results() -> None:
    results = gradient_results({"plain": vanishing, "healthy": healthy})
    app = ChartsApp(results)
    async with app.run_test(size=(100, 40)) as pilot:
        await pilot.pause()
        views = list(app.query(HeatMapView))
        assert [view.chart.id for view in views] == ["plain", "healthy"]
        assert views[0].region.y == views[1].region.y
        resolved = (replace(CHARTS[0], trials=(1,), title="Healthy norms"), CHARTS[1], replace(CHARTS[2], trial=1))
        app.charts.show_results(resolved, results, live=False)
        await pilot.pause(0.4)
        assert "Healthy norms" in app.query_one(ChartView).drawing.plain()
        assert views == list(app.query(HeatMapView))
        first, second = (view.drawing.plain().split("\n")[1] for view in views)
        assert first.split()[0] == second.split()[0] == "10⁻⁴⁶"  # One scale for both.


async def test_a_narrower_screen_keeps_what_was_shown() -> None:
    results = gradient_results({"plain": vanishing, "healthy": healthy}, done=2)
    app = ChartsApp(results)
    async with app.run_test(size=(100, 40)) as pilot:
        await pilot.pause()
        app.charts.show_results((CHARTS[0], CHARTS[1], replace(CHARTS[2], trial=1)), results, live=True)
        await pilot.resize_terminal(50, 40)
        await pilot.pause(0.4)
        views = list(app.query(HeatMapView))
        assert views[0].region.y < views[1].region.y
        assert [view.chart.trial for view in views] == [0, 1]
