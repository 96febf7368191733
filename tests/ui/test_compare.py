"""Marking runs in the history, and the screen that compares them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from iml_tui.errors import LabError
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.events import EventWriter
from iml_tui.ui.app import LabApp
from iml_tui.ui.screens.compare import CompareScreen
from iml_tui.ui.screens.help import HelpScreen
from iml_tui.ui.widgets.chart import ChartView
from iml_tui.ui.widgets.compared_list import ComparedList
from iml_tui.ui.widgets.history_list import HistoryList
from iml_tui.ui.widgets.tables_view import TablesView
from tests.recorded import CREATED, recorded_run
from tests.ui.conftest import RecordedLaboratory
from tests.ui.test_lab_screen import settle
from tests.ui.test_pictures import NARROW, WIDE, Compare, keys

MakeApp = Callable[..., LabApp]


@pytest.fixture
def two(root: Path) -> list[RunDirectory]:
    """Two runs, the newest first."""
    older = recorded_run(root, "learning-rate", epochs=6, learning_rates=(0.01, 0.001))
    newer = recorded_run(root, "batch-norm", epochs=5, seeds=(1, 2), created=CREATED + 10)
    for run in (older, newer):
        run.write_record(run.read_record().model_copy(update={"host": "laboratory"}))
    return [newer, older]


async def opened(pilot: Pilot[None], *more: str) -> CompareScreen:
    """Mark the first two runs of the history and compare them."""
    await settle(pilot)
    for key in ("f2", "home", "space", "down", "space", "v", *more):
        await pilot.press(key)
        await settle(pilot)
    screen = pilot.app.screen
    assert isinstance(screen, CompareScreen)
    return screen


def notices(app: LabApp) -> list[str]:
    return [notification.message for notification in app._notifications]


def curves(screen: CompareScreen) -> list[str]:
    return [curve.label for curve in screen.query_one(ChartView)._curves]


def text(screen: CompareScreen) -> str:
    return "\n".join(strip.text for strip in screen._compositor.render_strips(screen.size))


async def test_space_marks_and_unmarks(make_app: MakeApp, two: list[RunDirectory]) -> None:
    app = make_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        history = app.lab.query_one(HistoryList)
        await pilot.press("f2", "home", "down", "space", "up", "space")
        assert history.marked == two[::-1]  # In the order in which they were marked.
        assert "●" in str(history.get_option_at_index(0).prompt)
        assert str(history.border_subtitle).startswith("2 marked")
        await pilot.press("space")
        assert history.marked == two[1:]
        assert "●" not in str(history.get_option_at_index(0).prompt)
        await pilot.press("u")
        assert history.marked == []
        assert not history.border_subtitle


async def test_marks_stay_when_the_list_is_read_again_and_go_with_their_runs(
    make_app: MakeApp, laboratory: RecordedLaboratory, two: list[RunDirectory]
) -> None:
    app = make_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("f2", "home", "space", "down", "space")
        laboratory.delete(two[0])
        app.lab.read_history()
        await settle(pilot)
        assert app.lab.query_one(HistoryList).marked == two[1:]


async def test_with_fewer_than_two_marks_a_notice_says_how(make_app: MakeApp, two: list[RunDirectory]) -> None:
    app = make_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("f2", "home", "space", "v")
        await settle(pilot)
        assert app.screen is app.lab
        assert "Space marks" in notices(app)[-1]


async def test_a_damaged_run_cannot_be_marked(make_app: MakeApp, two: list[RunDirectory]) -> None:
    two[0].record_file.write_text("{")
    two[0].events_file.unlink()  # What the record is rebuilt from.
    app = make_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("f2", "end", "space")
        assert app.lab.query_one(HistoryList).marked == []
        assert "is damaged" in notices(app)[-1]


async def test_all_models_are_drawn_and_told_of(make_app: MakeApp, two: list[RunDirectory]) -> None:
    app = make_app()
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(pilot)
        assert curves(screen) == ["without batch norm", "with batch norm", "lr 0.01", "lr 0.001"]
        shown = text(screen)
        for part in ("4 models of 2 runs", "Results", "Validation accuracy", "±", "1 without batch norm", "seed 2"):
            assert part in shown
        await pilot.press("escape")
        assert app.screen is app.lab


async def test_models_are_left_out_and_taken_in(make_app: MakeApp, two: list[RunDirectory]) -> None:
    app = make_app()
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(pilot, "f2", "home", "space")
        assert curves(screen) == ["with batch norm", "lr 0.01", "lr 0.001"]
        await pilot.press("down", "space")  # Its first seed alone.
        await settle(pilot)
        assert curves(screen)[0] == "without batch norm · seed 1"
        await pilot.press("b")
        await settle(pilot)
        assert curves(screen) == ["without batch norm", "lr 0.001"]
        assert [item.number for item in screen.chosen] == [1, 2]
        await pilot.press("a")
        await settle(pilot)
        assert len(curves(screen)) == 4


async def test_one_model_stays(make_app: MakeApp, two: list[RunDirectory]) -> None:
    app = make_app()
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(pilot, "b")
        for item in screen.chosen:
            screen.query_one(ComparedList).post_message(ComparedList.Toggled(item.reference))
        await settle(pilot)
        assert len(screen.chosen) == 1
        assert notices(app)[-1] == "One model stays in."


async def test_metrics_and_the_axis(make_app: MakeApp, two: list[RunDirectory]) -> None:
    app = make_app()
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(pilot, "m")
        chart = screen.query_one(ChartView)
        assert chart.chart.metrics == ("validation_loss",)
        assert not chart.chart.log_y
        await pilot.press("l")
        assert chart.chart.log_y
        await pilot.press("M", "M")
        assert chart.chart.metrics == ("batch_loss",)
        await settle(pilot)
        assert max(len(curve.y) for curve in chart._curves) > 1000
        await pilot.press("m")
        assert chart.chart.metrics == ("validation_accuracy",)


async def test_escape_first_stops_reading_values(make_app: MakeApp, two: list[RunDirectory]) -> None:
    app = make_app()
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(pilot, "left")
        assert screen.query_one(ChartView).cursor is not None
        await pilot.press("escape")
        assert screen.query_one(ChartView).cursor is None
        assert app.screen is screen
        await pilot.press("escape")
        assert app.screen is app.lab


async def test_a_narrow_screen_shows_one_pane(make_app: MakeApp, two: list[RunDirectory]) -> None:
    app = make_app()
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot)
        panes = [screen.query_one(ChartView), screen.query_one(TablesView), screen.query_one(ComparedList)]
        for pane in panes:
            assert [other.region.height > 0 for other in panes] == [other is pane for other in panes]
            assert pane.has_focus
            await pilot.press("f4")
            await settle(pilot)
        assert panes[0].has_focus


async def test_other_data_is_warned_of(make_app: MakeApp, two: list[RunDirectory]) -> None:
    record = two[0].read_record()
    data = record.data.model_copy(update={"name": "[b]mine", "sha256": "ab" * 32})
    two[0].write_record(record.model_copy(update={"data": data, "experiment": "of-another-version"}))
    app = make_app()
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(pilot)
        header = str(screen.query_one("#compare-header", Static).render())
        assert "on different data" in header
        assert "[b]mine" in header


async def test_of_too_many_models_the_best_are_taken_and_it_is_said(make_app: MakeApp, root: Path) -> None:
    for _ in range(2):
        recorded_run(root, "learning-rate", epochs=2, learning_rates=tuple(10.0**-power for power in range(1, 9)))
    app = make_app()
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(pilot)
        assert len(curves(screen)) == 2
        assert "too many curves" in str(screen.query_one("#compare-header", Static).render())
        await pilot.press("a")
        await settle(pilot)
        assert len(curves(screen)) == 16
        assert "too many curves" not in str(screen.query_one("#compare-header", Static).render())


async def test_a_run_that_goes_on_grows(make_app: MakeApp, root: Path, two: list[RunDirectory]) -> None:
    run = recorded_run(root, "epochs", "running", epochs=6, created=CREATED + 20)
    app = make_app()
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(pilot)
        chart = screen.query_one(ChartView)
        assert len(chart._curves[0].y) == 3
        writer = EventWriter(run.events_file)
        writer.append("epoch", trial=0, epoch=4, metrics={"validation_accuracy": 0.5}, seconds=1.0)
        writer.close()
        screen._poll()
        assert chart._curves[0].y.tolist()[3:] == [0.5]


async def test_runs_that_cannot_be_read_are_left_out(
    make_app: MakeApp, laboratory: RecordedLaboratory, two: list[RunDirectory], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = laboratory.open
    broken = {two[0].id}

    def open_run(directory: RunDirectory) -> object:
        if directory.id in broken:
            raise LabError("run.json is damaged")
        return real(directory)

    monkeypatch.setattr(laboratory, "open", open_run)
    app = make_app()
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(pilot)
        assert f"{two[0].id} is left out: run.json is damaged." in str(
            screen.query_one("#compare-header", Static).render()
        )
        assert curves(screen) == ["lr 0.01", "lr 0.001"]
        await pilot.press("escape")
        broken.add(two[1].id)
        await pilot.press("v")
        await settle(pilot)
        assert app.screen is app.lab
        assert "is left out" in notices(app)[-1]


async def test_every_key_is_in_the_help(make_app: MakeApp, two: list[RunDirectory]) -> None:
    app = make_app()
    async with app.run_test(size=(120, 60)) as pilot:
        screen = await opened(pilot)
        names = {command.title for command in app.get_system_commands(screen)}
        assert {"Back to the lab", "Chart the next metric"} <= names
        await pilot.press("f1")
        assert isinstance(app.screen, HelpScreen)
        assert "In a comparison" in [title for title, _ in app.screen._groups]
        assert "Compare the marked runs" in {command.title for command in app.get_system_commands(app.lab)}


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_comparison(snap_compare: Compare, make_app: MakeApp, two: list[RunDirectory], size: tuple[int, int]) -> None:
    pressed = keys("f2", "home", "space", "down", "space", "v", "m")
    assert snap_compare(make_app(), terminal_size=size, run_before=pressed)


def test_tables(snap_compare: Compare, make_app: MakeApp, two: list[RunDirectory]) -> None:
    pressed = keys("f2", "home", "space", "down", "space", "v", "f4")
    assert snap_compare(make_app(), terminal_size=NARROW, run_before=pressed)
