"""The lab's one screen: experiments and runs on the left, the form and what is measured in the middle."""

from __future__ import annotations

from pathlib import Path

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.events import Resize
from textual.widget import Widget
from textual.widgets import Footer, TabbedContent
from textual.worker import get_current_worker

from iml_tui.errors import LabError
from iml_tui.experiments.base import Experiment
from iml_tui.experiments.registry import EXPERIMENTS, find
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.history import HistoryEntry
from iml_tui.ui.following import Follower
from iml_tui.ui.laboratory import Laboratory
from iml_tui.ui.messages import (
    CompareRequested,
    ExperimentChosen,
    HistoryRead,
    RunChosen,
    RunOpened,
    StartFailed,
    StartRequested,
)
from iml_tui.ui.screens.lab_keys import LAB_KEYS, VIEWER
from iml_tui.ui.screens.run_actions import RunActions
from iml_tui.ui.widgets.experiment_list import ExperimentList
from iml_tui.ui.widgets.history_list import HistoryList
from iml_tui.ui.widgets.hyperparameter_form import HyperparameterForm, Settings
from iml_tui.ui.widgets.machine_view import MachineView
from iml_tui.ui.widgets.map_view import FULL
from iml_tui.ui.widgets.run_view import PICTURES, RunView

POLL_SECONDS = 0.2
HISTORY_SECONDS = 1.5


class LabScreen(RunActions):
    """Shows one experiment's form, and one run."""

    HORIZONTAL_BREAKPOINTS = [(0, "-tiny"), (70, "-narrow"), (100, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-short"), (20, "-medium"), (32, "-tall")]

    BINDINGS = LAB_KEYS

    def __init__(self, laboratory: Laboratory, data: Path | None, device: str, attach: RunDirectory | None) -> None:
        super().__init__(laboratory)
        self._data = data
        self._device = device
        self._attach_to = attach
        self._follower: Follower | None = None
        self._entries: list[HistoryEntry] | None = None

    def compose(self) -> ComposeResult:
        """Lists on the left, tabs in the middle, keys at the bottom."""
        with Horizontal(id="lab"):
            with Vertical(id="lists"):
                yield ExperimentList()
                yield HistoryList()
                yield MachineView()
            yield RunView(HyperparameterForm(EXPERIMENTS[0], self._data, self._device))
        yield Footer(compact=True)

    def on_mount(self) -> None:
        """Show the first experiment, and begin to follow the runs."""
        self.query_one(RunView).show_experiment(EXPERIMENTS[0])
        self.query_one(ExperimentList).focus()
        self.add_class("-lists")
        self.set_interval(POLL_SECONDS, self._poll)
        self.set_interval(HISTORY_SECONDS, self._read_history_again)
        self.read_history()
        self._work_queue_off()
        if self._attach_to is not None:
            self.open_run(self._attach_to)

    def on_resize(self, event: Resize) -> None:
        """The keys of the lab come first where the footer is short; the palette's is in the help as well."""
        self.query_one(Footer).show_command_palette = event.size.width >= 100

    # What is shown

    @on(ExperimentChosen)
    async def _choose_experiment(self, event: ExperimentChosen) -> None:
        await self.show_experiment(event.experiment)

    async def show_experiment(self, experiment: Experiment) -> None:
        """Show an experiment's form; a run goes on unseen."""
        self._reader = self._follower = None
        view = self.query_one(RunView)
        await view.form.show(experiment)
        view.show_experiment(experiment)
        self.query_one(ExperimentList).choose(experiment.slug)
        self.remove_class("-lists")
        view.show_tab("setup")
        self.call_after_refresh(view.form.focus_first)
        self.refresh_bindings()

    @on(RunChosen)
    def _choose_run(self, event: RunChosen) -> None:
        self.open_run(event.directory)

    @work(thread=True, exclusive=True, group="open", name="open run")
    def open_run(self, directory: RunDirectory) -> None:
        """Read a run, which may be long, and show it."""
        try:
            reader = self.laboratory.open(directory)
            experiment = find(reader.record.experiment)
        except LabError as error:
            self.app.call_from_thread(self.notify, str(error), severity="error", timeout=10, markup=False)
            return
        if not get_current_worker().is_cancelled:
            self.post_message(RunOpened(reader, experiment))

    @on(RunOpened)
    async def _show_run(self, event: RunOpened) -> None:
        self._reader, self._follower = event.reader, Follower(event.reader)
        self.remove_class("-lists")
        view = self.query_one(RunView)
        await view.form.show(event.experiment)
        await view.show_run(event.experiment, event.reader)
        self.query_one(ExperimentList).choose(event.experiment.slug)
        self.query_one(HistoryList).choose(event.reader.directory)
        if self.viewer is not None and self.has_class(PICTURES):
            self.viewer.focus()
        elif not self.has_class("-wide"):  # The lists, which had the focus, are hidden now.
            view.focus_tabs()
        self.refresh_bindings()

    def _poll(self) -> None:
        follower = self._follower
        if follower is None or self._reader is None:
            return
        before = follower.reader.state
        changed = follower.look()
        self.query_one(RunView).update_run(changed=changed, state=follower.state, problem=follower.problem)
        for news in follower.news():
            self.notify(news.text, title=news.title, severity=news.severity, timeout=news.timeout, markup=False)
        if follower.reader.state != before:
            self.read_history()
        if follower.turned:
            self.refresh_bindings()

    def _read_history_again(self) -> None:
        """Not while it is still being read: with many runs on a busy machine that may take longer than the interval."""
        if not any(worker.group == "history" for worker in self.workers):
            self.read_history()

    @work(thread=True, exclusive=True, group="history", name="read history")
    def read_history(self) -> None:
        """Read the list of runs."""
        try:
            entries = self.laboratory.history()
            places = self.laboratory.places() if any(entry.state == "queued" for entry in entries) else {}
        except LabError as error:
            self.app.call_from_thread(self.notify, str(error), severity="error", markup=False)
            return
        self.post_message(HistoryRead(entries, places))

    @work(thread=True, group="queue", name="work queue off")
    def _work_queue_off(self) -> None:
        """Somebody has to, where runs wait and the last one who did was killed."""
        try:
            self.laboratory.work_queue_off()
        except LabError as error:
            self._tell_problem("The queue stands still", error)

    @on(HistoryRead)
    def _show_history(self, event: HistoryRead) -> None:
        first = self._entries is None
        self._entries = event.entries
        history = self.query_one(HistoryList)
        history.show(event.entries, event.places)
        if self._to_mark and {run.directory for run in event.entries} >= set(self._to_mark):
            history.mark(self._to_mark)  # It is listed by now.
            self._to_mark = []
        active = self.active_runs()
        if first and active and self._attach_to is None:
            self.open_run(active[0].directory)  # Who logs in again sees what is going on.

    def active_runs(self) -> list[HistoryEntry]:
        """The runs that are going on."""
        return [entry for entry in self._entries or [] if entry.active]

    # What is done

    @on(StartRequested)
    def action_start(self) -> None:
        """Start the form's experiment."""
        self._begin(queued=False)

    def action_queue(self) -> None:
        """Put the form's experiment at the end of the queue."""
        self._begin(queued=True)

    def _begin(self, *, queued: bool) -> None:
        if any(worker.group == "start" and not worker.is_finished for worker in self.workers):
            return  # F5 pressed twice means one run.
        view = self.query_one(RunView)
        settings = view.form.settings()
        if settings is None:
            view.show_tab("setup")
            self.remove_class("-lists")
            self.notify("The form has errors: see the marked fields.", severity="error")
            return
        view.show_starting(view.form.experiment)
        self._start(view.form.experiment, settings, queued=queued)

    @work(thread=True, exclusive=True, group="start", name="start run")
    def _start(self, experiment: Experiment, settings: Settings, *, queued: bool) -> None:
        begin = self.laboratory.enqueue if queued else self.laboratory.start
        try:
            directory = begin(experiment, settings.hyperparameters, settings.data, settings.device)
        except LabError as error:
            self.post_message(StartFailed(experiment, error))
            return
        self.app.call_from_thread(self.begun, directory)

    @on(StartFailed)
    def _show_start_failed(self, event: StartFailed) -> None:
        self.app.clear_notifications()
        view = self.query_one(RunView)
        view.show_experiment(event.experiment)
        view.show_tab("setup")
        if event.error.exit_code == 2:
            view.form.show_data_error(str(event.error))
        self.notify(str(event.error), title="Not started", severity="error", timeout=15, markup=False)

    @on(CompareRequested)
    def _compare(self, event: CompareRequested) -> None:
        from iml_tui.ui.screens.compare import CompareScreen  # The first paint does not wait for it.

        if len(event.directories) >= 2:
            self.app.push_screen(CompareScreen(self.laboratory, event.directories))
        else:
            self.notify("To compare, mark two runs or more in the list of runs: Space marks one, v compares.")

    def action_compare(self) -> None:
        """Compare the marked runs."""
        self.query_one(HistoryList).action_compare()

    async def action_copy_settings(self) -> None:
        """Take the shown run's settings into the form."""
        if self._reader is not None:
            await self.query_one(RunView).fill_form(self._reader)
            self.notify("The form holds the settings of this run; F5 starts another with them.")

    def action_reset_all(self) -> None:
        """Put all defaults of the form back."""
        self.query_one(RunView).form.reset_all()

    # Where the focus is

    def action_lists(self) -> None:
        """Go to the lists, which hide the rest on a narrow screen."""
        self.remove_class(FULL)
        self.add_class("-lists")
        lists = self.query_one(ExperimentList), self.query_one(HistoryList)
        target = lists[1] if lists[0].has_focus else lists[0]
        self.call_after_refresh(target.focus)

    def action_show_tab(self, tab: str) -> None:
        """Show one tab; `viewer` stands for that of maps or pictures."""
        self.remove_class("-lists")
        view = self.query_one(RunView)
        if tab != "setup" and self._reader is None:
            self.notify("No run is shown: start one with F5, or open one from the list of runs (F2).")
        elif tab == VIEWER and view.viewer_tab is None:
            self.notify("This experiment has neither maps nor pictures.")
        view.show_tab((view.viewer_tab or "") if tab == VIEWER else tab)

    def action_next_tab(self) -> None:
        """Show the next tab, after the last the first."""
        tabs = ["setup", *(self.query_one(RunView).panes if self._reader is not None else ())]
        active = self.query_one(TabbedContent).active
        self.action_show_tab(tabs[(tabs.index(active) + 1) % len(tabs)] if active in tabs else tabs[0])

    @property
    def viewer(self) -> Widget | None:
        """The widget of maps or pictures that is seen."""
        return self.query_one(RunView).viewer(self.query_one(TabbedContent).active)

    def action_leave(self) -> None:
        """From a field to the tabs, from the lists to the form."""
        self.remove_class("-lists")
        self.query_one(RunView).focus_tabs()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys that would do nothing are not offered."""
        if action == "queue":  # That of the form, where there is most room for it.
            return self.query_one(TabbedContent).active == "setup" or self._reader is None
        return super().check_action(action, parameters)

    @on(TabbedContent.TabActivated)
    def _tab_activated(self) -> None:
        self.refresh_bindings()
