"""The lab by keyboard, on recorded runs."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from textual.events import Key
from textual.pilot import Pilot
from textual.widgets import Input, Static, TabbedContent
from textual.worker import WorkerCancelled

from iml_tui.errors import LabError, UsageError
from iml_tui.ui.app import LabApp
from iml_tui.ui.screens.help import HelpScreen
from iml_tui.ui.screens.question import Question
from iml_tui.ui.widgets.form_field import FormField
from iml_tui.ui.widgets.history_list import HistoryList
from iml_tui.ui.widgets.log_view import LogView
from iml_tui.ui.widgets.run_header import RunHeader
from iml_tui.ui.widgets.tables_view import TablesView
from tests.recorded import recorded_run
from tests.ui.conftest import RecordedLaboratory

MakeApp = Callable[..., LabApp]
SIZES = [(120, 40), (80, 24)]


async def settle(pilot: Pilot[None]) -> None:
    """Wait until threads have answered and the screen has taken it in."""
    await pilot.pause()
    # A question waits for its answer; an empty list would mean all workers.
    while workers := [worker for worker in pilot.app.workers if not worker.name.startswith("ask")]:
        with contextlib.suppress(WorkerCancelled):  # Another one of its kind has taken its place.
            await pilot.app.workers.wait_for_complete(workers)
            break
        await pilot.pause()
    await pilot.pause()
    await pilot.pause()


def header(app: LabApp) -> str:
    return str(app.lab.query_one(RunHeader).render())


def field(app: LabApp, name: str) -> FormField:
    return app.lab.query_one(f"#field-{name}", FormField)


@pytest.mark.parametrize("size", SIZES)
async def test_pick_edit_start(make_app: MakeApp, laboratory: RecordedLaboratory, size: tuple[int, int]) -> None:
    app = make_app()
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        await pilot.press("down", "enter")  # Epochs
        await settle(pilot)
        assert app.lab.query_one(TabbedContent).active == "setup"
        assert isinstance(app.screen.focused, Input)
        await pilot.press("end", "backspace", "backspace", "backspace", "0")
        await pilot.pause()
        assert field(app, "epochs").has_class("-invalid")
        await pilot.press("f5")
        await settle(pilot)
        assert laboratory.started == []
        await pilot.press("backspace", "7")
        await pilot.pause()
        assert not field(app, "epochs").has_class("-invalid")
        assert field(app, "epochs").has_class("-changed")
        await pilot.press("f5")
        await settle(pilot)
        assert [(slug, hyperparameters.epochs) for slug, hyperparameters, _, _ in laboratory.started] == [("epochs", 7)]  # type: ignore[attr-defined]
        assert app.lab.query_one(TabbedContent).active == "charts"
        assert "running" in header(app)


async def test_a_second_press_starts_no_second_run(make_app: MakeApp, laboratory: RecordedLaboratory) -> None:
    app = make_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        app.lab.action_start()
        app.lab.action_start()
        await settle(pilot)
        assert len(laboratory.started) == 1


async def test_an_interrupted_run_is_not_said_to_go_on(make_app: MakeApp, root: Path) -> None:
    run = recorded_run(root, "batch-size", "interrupted")
    app = make_app(attach=run)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        lines = str(app.lab.query_one("#trial-lines", Static).render())
        assert "interrupted" in lines
        assert "not trained" in lines
        assert "left" not in lines


async def test_reset_and_drafts(make_app: MakeApp) -> None:
    app = make_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("enter")
        await settle(pilot)
        await pilot.press("tab", "9")
        await pilot.pause()
        assert field(app, "epochs").value == "509"
        await pilot.press("f2", "down", "enter")
        await settle(pilot)
        assert field(app, "epochs").value == "100"
        await pilot.press("f2", "up", "enter")
        await settle(pilot)
        assert field(app, "epochs").value == "509", "what was typed is kept"
        await pilot.press("tab", "f9")
        await pilot.pause()
        assert field(app, "epochs").value == "50"
        assert not field(app, "epochs").has_class("-changed")


async def test_keys_that_arrive_together_keep_their_order(make_app: MakeApp) -> None:
    app = make_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("down", "enter")
        await settle(pilot)
        for key in ("backspace", "backspace", "backspace", "8", "9", "left", "7"):
            app.post_message(Key(key, key if len(key) == 1 else None))
        await settle(pilot)
        assert field(app, "epochs").value == "879"


async def test_bad_data_is_told_at_its_field(make_app: MakeApp, laboratory: RecordedLaboratory) -> None:
    laboratory.failure = UsageError("train.csv, line 3, column lat: 'x' is not a number")
    app = make_app(data_directory=Path("somewhere"))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("f5")
        await settle(pilot)
        assert field(app, "data-folder").has_class("-invalid")
        assert "not started" in header(app)
        laboratory.failure = LabError("no run can be kept")
        await pilot.press("f5")
        await settle(pilot)
        assert "not started" in header(app)


async def test_running_run_is_shown_at_once(make_app: MakeApp, root: Path) -> None:
    recorded_run(root, "epochs", "done")
    running = recorded_run(root, "batch-size", "running", created=1_760_000_100.0)
    app = make_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await settle(pilot)
        assert running.id in header(app)
        assert "running" in header(app)


async def test_attach(make_app: MakeApp, root: Path) -> None:
    done = recorded_run(root, "epochs", "done")
    app = make_app(attach=done)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert done.id in header(app)
        assert "done" in header(app)


async def test_stop_asks_first(make_app: MakeApp, laboratory: RecordedLaboratory, root: Path) -> None:
    running = recorded_run(root, "epochs", "running")
    app = make_app(attach=running)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("f8")
        await pilot.pause()
        assert isinstance(app.screen, Question)
        await pilot.press("escape")
        await settle(pilot)
        assert laboratory.stopped == []
        await pilot.press("f8")
        await pilot.pause()
        await pilot.press("enter")
        await settle(pilot)
        assert laboratory.stopped == [running]
        app.lab._poll()
        assert "stopping" in header(app)


async def test_live_run_ends(make_app: MakeApp, root: Path) -> None:
    running = recorded_run(root, "epochs", "running", epochs=4)
    app = make_app(attach=running)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        assert "running" in header(app)
        record = running.read_record()
        running.write_record(record.model_copy(update={"state": "failed", "message": "the disk is full"}))
        app.lab._poll()
        await pilot.pause()
        assert "failed" in header(app)
        assert "the disk is full" in header(app)
        assert str(running.log_file) in header(app)


@pytest.mark.parametrize(("key", "left", "stopped"), [("d", True, False), ("s", True, True), ("c", False, False)])
async def test_quit_while_training(
    make_app: MakeApp, laboratory: RecordedLaboratory, root: Path, key: str, left: bool, stopped: bool
) -> None:
    recorded_run(root, "epochs", "running")
    app = make_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("escape", "q")
        await pilot.pause()
        assert isinstance(app.screen, Question)
        await pilot.press(key)
        await settle(pilot)
        assert app._exit is left
        assert bool(laboratory.stopped) is stopped


async def test_quit_detaches_by_default(make_app: MakeApp, laboratory: RecordedLaboratory, root: Path) -> None:
    recorded_run(root, "epochs", "running")
    app = make_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("ctrl+q")
        await pilot.pause()
        await pilot.press("enter")
        await settle(pilot)
        assert app._exit
        assert laboratory.stopped == []


async def test_quit_at_once_when_nothing_trains(make_app: MakeApp, root: Path) -> None:
    recorded_run(root, "epochs", "done")
    app = make_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("q")
        await settle(pilot)
        assert app._exit


async def test_delete_asks_and_keeps_by_default(make_app: MakeApp, root: Path) -> None:
    run = recorded_run(root, "epochs", "done")
    app = make_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("f2", "home", "delete")
        await pilot.pause()
        assert isinstance(app.screen, Question)
        await pilot.press("enter")
        await settle(pilot)
        assert run.path.is_dir()
        await pilot.press("delete")
        await pilot.pause()
        await pilot.press("d")
        await settle(pilot)
        await settle(pilot)
        assert not run.path.exists()
        assert app.lab.query_one(HistoryList).highlighted_entry is None


async def test_running_run_is_not_deleted(make_app: MakeApp, root: Path) -> None:
    run = recorded_run(root, "epochs", "running")
    app = make_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await settle(pilot)
        app.lab.query_one(HistoryList).focus()
        await pilot.press("home", "delete")
        await pilot.pause()
        await pilot.press("d")
        await settle(pilot)
        assert run.path.is_dir()


async def test_tabs_show_tables_findings_log(make_app: MakeApp, root: Path) -> None:
    run = recorded_run(root, "learning-rate", "done")
    run.log_file.write_text("training learning rate 1\nan \x1b[31mescape sequence\n")
    app = make_app(attach=run)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("f2", "4")
        await settle(pilot)
        tables = app.lab.query_one(TablesView)
        assert tables.virtual_size.height > 10
        await pilot.press("5")
        await settle(pilot)
        assert app.lab.query_one(TabbedContent).active == "findings"
        await pilot.press("6")
        await settle(pilot)
        lines = [strip.text for strip in app.lab.query_one(LogView).lines]
        assert any("training learning rate 1" in line for line in lines)
        assert not any("\x1b" in line for line in lines)


async def test_copy_settings(make_app: MakeApp, root: Path) -> None:
    run = recorded_run(root, "learning-rate", "done", epochs=3, learning_rates=(0.5, 0.25))
    app = make_app(attach=run)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("f2", "c")
        await settle(pilot)
        assert field(app, "learning_rates").value == "0.5, 0.25"
        assert field(app, "epochs").value == "3"


@pytest.mark.parametrize("state", ["starting", "stopped", "failed", "interrupted", "done"])
async def test_every_state_looks_like_itself(make_app: MakeApp, root: Path, state: str) -> None:
    run = recorded_run(root, "learning-rate", state)  # type: ignore[arg-type]
    app = make_app(attach=run)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        assert state in header(app)
        assert app.lab.query_one(RunHeader).has_class(f"-{state}")


async def test_damaged_run_is_listed_and_told(make_app: MakeApp, root: Path) -> None:
    run = recorded_run(root, "epochs", "done")
    run.record_file.write_text("{")
    run.events_file.unlink()
    app = make_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        app.lab.query_one(HistoryList).focus()
        await pilot.press("home", "enter")
        await settle(pilot)
        assert any("damaged" in notification.message for notification in app._notifications)


async def test_help_names_every_key(make_app: MakeApp) -> None:
    app = make_app()
    async with app.run_test(size=(120, 60)) as pilot:
        await settle(pilot)
        await pilot.press("f1")
        await pilot.pause()
        assert isinstance(app.screen, HelpScreen)
        await pilot.press("escape")
        await pilot.pause()
        assert app.screen is app.lab


async def test_palette_offers_the_lab(make_app: MakeApp) -> None:
    app = make_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        titles = {command.title for command in app.get_system_commands(app.screen)}
        assert {"Set up: Epochs", "Start the form's experiment", "Stop the shown run, keep its figures"} <= titles


async def test_theme_is_remembered(make_app: MakeApp, root: Path) -> None:
    app = make_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        app.theme = "textual-light"
        await pilot.pause()
    assert json.loads((root.parent / "settings.json").read_text()) == {"theme": "textual-light"}
    again = make_app()
    async with again.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert again.theme == "textual-light"


@pytest.mark.parametrize("size", [(50, 15), (12, 4), (200, 60)])
async def test_any_size(make_app: MakeApp, root: Path, size: tuple[int, int]) -> None:
    run = recorded_run(root, "batch-size", "done")
    app = make_app(attach=run)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.resize_terminal(*size)
        for key in ("1", "2", "3", "4", "5", "6", "f2", "escape", "f4"):
            await pilot.press(key)
            await settle(pilot)
        await pilot.resize_terminal(120, 40)
        await settle(pilot)
        assert run.id in header(app)


async def test_every_key_is_survived(make_app: MakeApp, root: Path) -> None:
    recorded_run(root, "learning-rate", "done")
    app = make_app()
    keys = [*"abcdefghijklmnoprstuvwyz0123456789?/.,;[]", *(f"f{number}" for number in range(1, 13))]
    keys += ["tab", "shift+tab", "up", "down", "left", "right", "home", "end", "pageup", "pagedown", "space", "escape"]
    async with app.run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        for key in keys:
            await pilot.press(key)
            if len(app.screen_stack) > 1:  # Help, palette, a question: what is behind it gets the next key.
                await pilot.press("escape")
        await pilot.pause()
        assert app.is_running


async def test_a_crash_leaves_a_sentence_and_a_log(make_app: MakeApp, root: Path) -> None:
    app = make_app()

    def fail() -> None:
        raise RuntimeError("what nobody foresaw")

    with pytest.raises(RuntimeError):  # noqa: PT012 - Pilot raises it again; a user sees the panel that panic() prints.
        async with app.run_test(size=(80, 24)) as pilot:
            await settle(pilot)
            app.call_later(fail)
            await pilot.pause()
    log = (root.parent / "iml-lab.log").read_text()
    assert "Traceback" in log
    assert "what nobody foresaw" in log


async def test_a_run_that_cannot_be_opened_leaves_the_lab_ready_to_start(
    make_app: MakeApp, laboratory: RecordedLaboratory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(directory: object) -> None:
        raise LabError("its directory is gone")

    app = make_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        monkeypatch.setattr(laboratory, "open", gone)
        app.lab.action_start()
        await settle(pilot)
        await settle(pilot)
        app.lab.action_start()
        await settle(pilot)
        assert len(laboratory.started) == 2
