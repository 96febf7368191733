"""What a user does to runs by keyboard: pause, go on, resume, change, fork, queue."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from textual.widgets import Footer, Static

from iml_tui.errors import LabError
from iml_tui.runs import control, queue
from iml_tui.runs.directory import RunDirectory
from iml_tui.ui.app import LabApp
from iml_tui.ui.screens.change_dialog import ChangeDialog
from iml_tui.ui.screens.compare import CompareScreen
from iml_tui.ui.screens.fork_dialog import ForkDialog
from iml_tui.ui.screens.question import Question
from iml_tui.ui.widgets.form_field import FormField
from iml_tui.ui.widgets.history_list import HistoryList
from iml_tui.ui.widgets.run_header import RunHeader
from tests.recorded import recorded_changes, recorded_checkpoints, recorded_run
from tests.ui.conftest import RecordedLaboratory
from tests.ui.test_lab_screen import header, settle

MakeApp = Callable[..., LabApp]


def offered(app: LabApp) -> set[str]:
    """The keys that the footer offers."""
    return {
        f"{active.binding.key_display or active.binding.key} {active.binding.description}"
        for active in app.screen.active_bindings.values()
        if active.binding.show and active.enabled
    }


def told(app: LabApp) -> str:
    return "\n".join(f"{notice.title} {notice.message}" for notice in app._notifications)


def requests(run: RunDirectory) -> list[control.ChangeRequest]:
    return [
        request for _, request in control.pending_changes(run.control) if isinstance(request, control.ChangeRequest)
    ]


async def test_pause_and_go_on(make_app: MakeApp, root: Path) -> None:
    run = recorded_run(root, "epochs", "running")
    app = make_app(attach=run)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        assert "F7 Pause" in offered(app)
        await pilot.press("f7")
        await settle(pilot)
        assert control.pause_requested(run.control)
        app.lab._poll()
        await settle(pilot)
        assert "pausing" in header(app)
        run.write_record(run.read_record().model_copy(update={"state": "paused"}))
        app.lab._poll()
        await settle(pilot)
        assert "paused" in header(app)
        assert "left" not in header(app)
        assert "paused" in str(app.lab.query_one("#trial-lines", Static).render())
        assert app.lab.query_one(RunHeader).has_class("-paused")
        assert "F7 Go on" in offered(app)
        assert "F8 Stop" in offered(app)
        await pilot.press("f7")
        await settle(pilot)
        assert not control.pause_requested(run.control)


async def test_a_pause_can_be_taken_back(make_app: MakeApp, root: Path) -> None:
    run = recorded_run(root, "epochs", "running")
    app = make_app(attach=run)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("f7")
        app.lab._poll()
        await settle(pilot)
        assert "F7 Go on" in offered(app)
        await pilot.press("f7")
        app.lab._poll()
        await settle(pilot)
        assert not control.pause_requested(run.control)
        assert "running" in header(app)


async def test_another_viewers_pause_is_seen(make_app: MakeApp, root: Path) -> None:
    run = recorded_run(root, "epochs", "running")
    app = make_app(attach=run)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        control.request_pause(run.control)
        app.lab._poll()
        assert "pausing" in header(app)


@pytest.mark.parametrize("state", ["stopped", "interrupted", "failed"])
async def test_resume(make_app: MakeApp, laboratory: RecordedLaboratory, root: Path, state: str) -> None:
    run = recorded_run(root, "epochs", state)  # type: ignore[arg-type]
    app = make_app(attach=run)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        assert "F7 Resume" in offered(app)
        assert "F7 goes on" in header(app)
        await pilot.press("f7")
        await settle(pilot)
        assert laboratory.resumed == [run]
        assert "running" in header(app)


async def test_resume_from_the_list(make_app: MakeApp, laboratory: RecordedLaboratory, root: Path) -> None:
    recorded_run(root, "epochs", "done")
    run = recorded_run(root, "batch-size", "stopped", created=1_760_000_100.0)
    app = make_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        app.lab.query_one(HistoryList).focus()
        await pilot.press("home")
        await pilot.pause()
        assert "r Resume" in offered(app)
        await pilot.press("down")
        await pilot.pause()
        assert "r Resume" not in offered(app)
        await pilot.press("up", "r")
        await settle(pilot)
        assert laboratory.resumed == [run]


async def test_why_a_run_is_not_resumed(make_app: MakeApp, laboratory: RecordedLaboratory, root: Path) -> None:
    run = recorded_run(root, "epochs", "stopped")
    laboratory.failure = LabError("all checkpoints are damaged")
    app = make_app(attach=run)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("f7")
        await settle(pilot)
        assert "all checkpoints are damaged" in told(app)
        assert "stopped" in header(app)


async def test_a_resumption_by_others_is_followed(make_app: MakeApp, root: Path) -> None:
    run = recorded_run(root, "epochs", "stopped")
    app = make_app(attach=run)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        RecordedLaboratory(root).resume(run)
        assert app.lab._follower is not None
        app.lab._follower._looked = 0.0
        app.lab._poll()
        assert "running" in header(app)


async def test_change(make_app: MakeApp, root: Path) -> None:
    run = recorded_run(root, "learning-rate", "running")
    app = make_app(attach=run)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("h")
        await settle(pilot)
        assert isinstance(app.screen, ChangeDialog)
        await pilot.press("end", *["backspace"] * 8, "0", "enter")
        await settle(pilot)
        assert isinstance(app.screen, ChangeDialog), "a learning rate of 0 cannot be"
        assert "must be above 0" in str(app.screen.query_one("#dialog-error", Static).render())
        await pilot.press(*".0005", "enter")
        await settle(pilot)
        assert app.screen is app.lab
        assert requests(run) == [control.ChangeRequest(trial=1, field="learning_rate", value=0.0005)]
        recorded_changes(run, (1, 26, 120, "learning_rate", 0.01, 0.0005))
        app.lab._poll()
        await pilot.pause()
        assert "lr 0.01: learning rate 0.01 → 0.0005 at epoch 26, batch 120" in told(app)


async def test_change_all_that_train_together(make_app: MakeApp, root: Path) -> None:
    run = recorded_run(root, "learning-rate", "running", seeds=(1, 2, 3))
    recorded_changes(run, (4, 26, 120, "weight_decay", 0.0, 0.5))
    app = make_app(attach=run)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("h")
        await settle(pilot)
        # The last model is all of them; the second hyperparameter is the weight decay.
        await pilot.press("up", "up", "left", "down", "right", "down", *"0.5", "enter")
        await settle(pilot)
        # One of the three has that value already.
        assert {(request.trial, request.field, request.value) for request in requests(run)} == {
            (3, "weight_decay", 0.5),
            (5, "weight_decay", 0.5),
        }


async def test_nothing_to_change_offers_nothing(make_app: MakeApp, root: Path) -> None:
    app = make_app(attach=recorded_run(root, "epochs", "done"))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        assert "h Tune" not in offered(app)
        await pilot.press("h")
        await settle(pilot)
        assert app.screen is app.lab


async def test_a_rejected_change_is_told(make_app: MakeApp, root: Path) -> None:
    from iml_tui.runs.events import EventWriter

    run = recorded_run(root, "epochs", "running")
    app = make_app(attach=run)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        events = EventWriter(run.events_file)
        events.append("warning", message="the learning rate was \x1b[31mnot changed")
        events.close()
        app.lab._poll()
        await pilot.pause()
        assert "the learning rate was \\x1b[31mnot changed" in told(app)


async def test_fork_and_compare(make_app: MakeApp, laboratory: RecordedLaboratory, root: Path) -> None:
    run = recorded_run(root, "learning-rate", "done", epochs=4)
    recorded_checkpoints(run, ([0, 1, 2, 3], 2, 0), ([0, 1, 2, 3], 3, 100))
    app = make_app(attach=run)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        assert "f Fork" in offered(app)
        await pilot.press("f")
        await settle(pilot)
        assert isinstance(app.screen, ForkDialog)
        await pilot.press("right", "down", "right", "down")  # The second model, from the earlier checkpoint.
        await settle(pilot)
        rate = app.screen.query_one("#field-learning_rate", FormField)
        assert rate.default == "0.001"
        rate.focus_value()
        await pilot.press("end", *["backspace"] * 5, *"-1", "f5")
        await settle(pilot)
        assert isinstance(app.screen, ForkDialog)
        assert rate.has_class("-invalid")
        await pilot.press(*["backspace"] * 2, *"0.5", "f5")
        await settle(pilot)
        await settle(pilot)
        assert laboratory.forked == [(run, (2,), {"learning_rate": 0.5}, False)]
        assert run.id in told(app)
        fork = app.lab._reader
        assert fork is not None
        assert fork.record.fork is not None
        assert (fork.record.fork.epochs, fork.record.fork.step) == (2, 0)
        # Both are marked, so that v compares them.
        await pilot.press("f2", "f2")
        app.lab.query_one(HistoryList).focus()
        await pilot.press("v")
        await settle(pilot)
        assert isinstance(app.screen, CompareScreen)


async def test_a_fork_of_all_epochs_asks_for_more(make_app: MakeApp, root: Path) -> None:
    run = recorded_run(root, "epochs", "done", epochs=4)
    recorded_checkpoints(run, ([0], 4, 0))
    app = make_app(attach=run)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("f")
        await settle(pilot)
        assert app.screen.query_one("#field-epochs", FormField).value == "8"


async def test_a_fork_without_checkpoints(make_app: MakeApp, root: Path) -> None:
    app = make_app(attach=recorded_run(root, "epochs", "done"))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("f")
        await settle(pilot)
        assert app.screen is app.lab
        assert "No checkpoint" in told(app)


async def test_queue_move_and_cancel(make_app: MakeApp, root: Path) -> None:
    recorded_run(root, "epochs", "done")
    first = recorded_run(root, "batch-norm", "queued")
    queue.enqueue(first)
    app = make_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        app.lab.action_show_tab("setup")
        await settle(pilot)
        assert "F6 Queue" in offered(app)
        await pilot.press("f6")
        await settle(pilot)
        await settle(pilot)
        runs = [entry.run for entry in queue.entries(root)]
        assert len(runs) == 2
        assert runs[0] == first.id
        assert "queued, 2nd of 2" in header(app)
        history = app.lab.query_one(HistoryList)
        history.focus()
        history.choose(RunDirectory(root / runs[1]))
        await pilot.pause()
        assert {", Earlier", ". Later"} <= offered(app)
        await pilot.press("comma")
        await settle(pilot)
        await settle(pilot)
        assert [entry.run for entry in queue.entries(root)] == runs[::-1]
        assert "1st in the queue" in str(history.get_option(runs[1]).prompt)
        await pilot.press("delete")
        await pilot.pause()
        assert isinstance(app.screen, Question)
        await pilot.press("t")
        await settle(pilot)
        assert [entry.run for entry in queue.entries(root)] == [first.id]
        assert RunDirectory(root / runs[1]).read_record().state == "stopped"


async def test_stopping_a_queued_run_takes_it_out(make_app: MakeApp, root: Path) -> None:
    run = recorded_run(root, "epochs", "queued")
    queue.enqueue(run)
    app = make_app(attach=run)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("f8")
        await pilot.pause()
        assert isinstance(app.screen, Question)
        await pilot.press("t")
        await settle(pilot)
        assert queue.entries(root) == []


async def test_leaving_with_queued_runs_only(make_app: MakeApp, root: Path) -> None:
    queue.enqueue(recorded_run(root, "epochs", "queued"))
    app = make_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("ctrl+q")
        await pilot.pause()
        text = str(app.screen.query_one("#question-text", Static).render())
        assert "1 run is queued" in text
        assert not app.screen.query("#answer-stop")


async def test_a_login_that_kills_is_told_once(make_app: MakeApp, laboratory: RecordedLaboratory, root: Path) -> None:
    laboratory.logout = "Logging out would end this run."
    app = make_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("f5")
        await settle(pilot)
        assert told(app).count("Logging out") == 1
        await pilot.press("f5")
        await settle(pilot)
        assert told(app).count("Logging out") == 1


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_the_footer_has_room_for_the_keys_of_a_running_run(
    make_app: MakeApp, root: Path, size: tuple[int, int]
) -> None:
    app = make_app(attach=recorded_run(root, "epochs", "running"))
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        footer = app.lab.query_one(Footer)
        assert footer.virtual_size.width <= footer.size.width
        assert {"F5 Start", "F7 Pause", "F8 Stop", "h Tune", "f Fork", "F1 Help", "q Quit"} <= offered(app)


async def test_pages_of_a_list_that_is_not_seen(make_app: MakeApp, root: Path) -> None:
    recorded_run(root, "epochs", "done")
    app = make_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        runs = app.lab.query_one(HistoryList)
        runs.focus()
        await settle(pilot)
        app.lab.query_one("#lists").display = False
        await settle(pilot)
        runs.clear_options()
        runs._shown = []
        app.lab.read_history()
        await settle(pilot)
        assert runs.highlighted is None or runs.option_count
        runs.highlighted = 0
        runs.action_page_down()
        runs.action_page_up()
        assert runs.highlighted == 0
