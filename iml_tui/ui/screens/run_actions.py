"""What a user does to runs: stop, pause, go on, resume, change, fork, queue, delete."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from textual import on, work
from textual.screen import Screen

from iml_tui.errors import LabError
from iml_tui.experiments.registry import find
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.reading import RunReader
from iml_tui.runs.record import RESUMABLE_STATES
from iml_tui.ui.laboratory import Laboratory
from iml_tui.ui.messages import DeleteRequested, MoveRequested, ResumeRequested
from iml_tui.ui.screens.question import Answer, Question
from iml_tui.ui.states import on_its_way

if TYPE_CHECKING:
    from iml_tui.experiments.base import Experiment
    from iml_tui.ui.screens.fork_dialog import ForkWanted

_AT_WORK = ("starting", "running", "paused")


class RunActions(Screen[None]):
    """The part of the lab's screen that acts on runs; what is shown is the rest's."""

    def __init__(self, laboratory: Laboratory) -> None:
        super().__init__()
        self.laboratory = laboratory
        self._reader: RunReader | None = None
        self._told_logout = False
        self._to_mark: list[RunDirectory] = []

    # What the rest of the screen does

    def open_run(self, directory: RunDirectory) -> object:
        """Read a run and show it."""
        raise NotImplementedError

    def read_history(self) -> object:
        """Read the list of runs."""
        raise NotImplementedError

    async def show_experiment(self, experiment: Experiment) -> None:
        """Show an experiment's form."""
        raise NotImplementedError

    # Whether there is anything to do

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys that would do nothing are not offered."""
        reader = self._reader
        if action == "stop":
            return True if reader is not None and reader.state in (*_AT_WORK, "queued") else None
        if action == "copy_settings":
            return reader is not None
        if action in ("pause", "go_on", "resume"):
            return reader is not None and action == _going(reader)
        if action == "change":
            return reader is not None and reader.state in ("running", "paused") and _has_changeable(reader)
        if action == "fork":
            return reader is not None and reader.state not in ("queued", "starting")
        return True

    # The shown run

    @work(name="ask to stop")
    async def action_stop(self) -> None:
        """Stop the shown run, after a question; take one that is queued out of the queue."""
        reader = self._reader
        if reader is not None and reader.state == "queued":
            await self._cancel(reader.directory)
            return
        if reader is None or reader.state not in _AT_WORK:
            self.notify("No running run is shown; open one from the list of runs.", severity="warning")
            return
        answer = await self.app.push_screen_wait(
            Question(
                "Stop the run?",
                "What it has measured so far is kept and its tables are written. It can be resumed later.",
                (Answer("stop", "Stop", "s", "warning"), Answer("continue", "Go on", "g")),
            )
        )
        if answer == "stop":
            self.ask_to_stop(reader.directory)

    def ask_to_stop(self, directory: RunDirectory) -> None:
        """Let a run stop at its next batch."""
        self._ask(directory, self.laboratory.stop)

    def action_pause(self) -> None:
        """Let the shown run pause at its next batch."""
        if self._reader is not None:
            self._ask(self._reader.directory, self.laboratory.pause)

    def action_go_on(self) -> None:
        """Let the shown run, which pauses or is about to, go on."""
        if self._reader is not None:
            self._ask(self._reader.directory, self.laboratory.go_on)

    def action_resume(self) -> None:
        """Go on with the shown run where its last worker left off."""
        if self._reader is not None:
            self.resume_run(self._reader.directory)

    @work(name="ask what to change")
    async def action_change(self) -> None:
        """Change a hyperparameter of trials of the shown run while they train."""
        from iml_tui.ui.screens.change_dialog import ChangeDialog, changeable_now

        reader = self._reader
        trials = changeable_now(reader.results) if reader is not None else []
        if reader is None or not trials:
            self.notify("Nothing that trains now has a hyperparameter to change.", severity="warning")
            return
        wanted = await self.app.push_screen_wait(ChangeDialog(trials))
        if wanted:
            asked = self._ask(reader.directory, lambda directory: self.laboratory.change(directory, wanted))
            if asked:
                self.notify("Asked for; the worker takes it up at its next batch.", timeout=4)

    @work(name="ask what to fork")
    async def action_fork(self) -> None:
        """Start a run that goes on from a checkpoint of the shown one, with other hyperparameters."""
        from iml_tui.runs.fork import forkable
        from iml_tui.ui.screens.fork_dialog import ForkDialog

        reader = self._reader
        if reader is None:
            return
        choices = forkable(reader)
        if not choices:
            self.notify(
                "No checkpoint of this run can be forked: none was written yet, or it was too large to be kept after "
                "the end, or nothing in the run is trained step by step.",
                severity="warning",
                timeout=10,
            )
            return
        live = reader.state in _AT_WORK
        wanted = await self.app.push_screen_wait(
            ForkDialog(reader.results, choices, reader.record.device.requested, live=live)
        )
        if wanted is not None:
            self._fork(reader, wanted)

    @work(thread=True, exclusive=True, group="start", name="fork run")
    def _fork(self, reader: RunReader, wanted: ForkWanted) -> None:
        try:
            directory = self.laboratory.fork(
                reader, wanted.choice, wanted.trials, wanted.changes, wanted.device, queued=wanted.queued
            )
        except LabError as error:
            self._tell_problem("Not forked", error)
            return
        self.app.call_from_thread(self._forked, reader.directory, directory)

    def _forked(self, parent: RunDirectory, fork: RunDirectory) -> None:
        self._to_mark = [parent, fork]
        self.begun(fork)
        self.notify(
            f"It goes on from {parent.id}. Both are marked in the list of runs: v there shows them on one chart.",
            title="Forked",
            timeout=12,
            markup=False,
        )

    def begun(self, directory: RunDirectory) -> None:
        """A run was started or queued: show it."""
        self.open_run(directory)
        self.read_history()
        self._warn_of_logout()

    def _warn_of_logout(self) -> None:
        if not self._told_logout and (sentence := self.laboratory.logout_kills()):
            self._told_logout = True
            self.notify(sentence, title="After logout", severity="warning", timeout=20, markup=False)

    def _ask(self, directory: RunDirectory, ask: Callable[[RunDirectory], None]) -> bool:
        """Ask the worker of a run for something; whether that could be written."""
        try:
            ask(directory)
        except OSError as error:
            sentence = f"{directory.control} cannot be written: {error.strerror or error}"
            self.notify(sentence, title="Not asked for", severity="error", timeout=15, markup=False)
            return False
        self.refresh_bindings()
        return True

    # Any run

    @on(ResumeRequested)
    def _resume_requested(self, event: ResumeRequested) -> None:
        self.resume_run(event.directory)

    @work(thread=True, exclusive=True, group="start", name="resume run")
    def resume_run(self, directory: RunDirectory) -> None:
        """Go on with a run where its last worker left off, and show it."""
        try:
            self.laboratory.resume(directory)
        except LabError as error:
            self._tell_problem("Not resumed", error)
            return
        self.app.call_from_thread(self.begun, directory)

    @on(MoveRequested)
    @work(thread=True, group="queue", name="move in queue")
    def _move(self, event: MoveRequested) -> None:
        try:
            places = self.laboratory.places()
            place = places.get(event.directory.id)
            if place is None or not 1 <= place + event.step <= len(places):
                return
            self.laboratory.move(event.directory, place + event.step)
        except LabError as error:
            self._tell_problem("Not moved", error)
            return
        self.app.call_from_thread(self.read_history)

    async def _cancel(self, directory: RunDirectory) -> None:
        answer = await self.app.push_screen_wait(
            Question(
                "Take it out of the queue?",
                f"{directory.id} will not begin by itself then. It stays in the list, and can be resumed or deleted.",
                (Answer("keep", "Keep it", "k"), Answer("cancel", "Take it out", "t", "warning")),
            )
        )
        if answer != "cancel":
            return
        try:
            self.laboratory.cancel(directory)
        except LabError as error:
            self.notify(str(error), severity="error", markup=False)
        self.read_history()

    @on(DeleteRequested)
    @work(name="ask to delete")
    async def _delete(self, event: DeleteRequested) -> None:
        directory = event.entry.directory
        if event.entry.state == "queued":
            await self._cancel(directory)
            return
        answer = await self.app.push_screen_wait(
            Question(
                "Delete the run?",
                f"{directory.id} with all its tables and figures is removed for good.",
                (Answer("keep", "Keep", "k"), Answer("delete", "Delete", "d", "error")),
            )
        )
        if answer != "delete":
            return
        try:
            self.laboratory.delete(directory)
        except LabError as error:
            self.notify(str(error), severity="error", markup=False)
            return
        if self._reader is not None and self._reader.directory == directory:
            await self.show_experiment(find(self._reader.record.experiment))
        self.read_history()

    def _tell_problem(self, title: str, error: LabError) -> None:
        """Show an error of a thread."""
        self.app.call_from_thread(self.notify, str(error), title=title, severity="error", timeout=15, markup=False)


def _going(reader: RunReader) -> str:
    """Which of the actions on F7 fits the run: pause, go_on, resume; "" where none does."""
    state = on_its_way(reader)
    if reader.state in RESUMABLE_STATES:
        return "resume"
    return {"running": "pause", "pausing": "go_on", "paused": "go_on"}.get(state, "")


def _has_changeable(reader: RunReader) -> bool:
    from iml_tui.ui.screens.change_dialog import changeable_now

    return bool(changeable_now(reader.results))
