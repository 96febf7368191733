"""The middle of the screen: header, form, charts, maps or pictures, tables, findings, log and the trials of one run."""

from __future__ import annotations

import time
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widget import Widget
from textual.widgets import TabbedContent, TabPane, Tabs

from iml_tui.experiments.base import Experiment
from iml_tui.experiments.change_tables import tables_of
from iml_tui.experiments.hyperparameters import format_setting
from iml_tui.runs.reading import RunReader
from iml_tui.runs.record import ACTIVE_STATES
from iml_tui.text import printable
from iml_tui.ui.states import on_its_way
from iml_tui.ui.widgets.charts_view import ChartsView
from iml_tui.ui.widgets.findings_view import FindingsView
from iml_tui.ui.widgets.hyperparameter_form import HyperparameterForm
from iml_tui.ui.widgets.log_view import LogView
from iml_tui.ui.widgets.map_view import FULL
from iml_tui.ui.widgets.maps_view import MapsView
from iml_tui.ui.widgets.pictures_view import PicturesView
from iml_tui.ui.widgets.run_header import RunHeader
from iml_tui.ui.widgets.run_story import describe_run
from iml_tui.ui.widgets.tables_view import TablesView
from iml_tui.ui.widgets.trial_progress import TrialProgressView

REFRESH_SECONDS = 1.0
"""Tables, findings and the clock of a running run are renewed this often; charts pace themselves."""

PICTURES = "-pictures"
"""The class of a screen that leaves the room of lists and trials to pictures."""


class RunView(Vertical):
    """Shows the form of an experiment and, once there is one, a run of it."""

    PANES: ClassVar[tuple[str, ...]] = ("charts", "maps", "pictures", "tables", "findings", "log")
    VIEWERS: ClassVar[tuple[str, ...]] = ("maps", "pictures")
    """Those of which an experiment has one or none."""

    def __init__(self, form: HyperparameterForm) -> None:
        super().__init__(id="run-view")
        self.form = form
        self._experiment: Experiment = form.experiment
        self._reader: RunReader | None = None
        self._state = ""
        self._refreshed = 0.0

    def compose(self) -> ComposeResult:
        """Header, tabs, trials."""
        yield RunHeader()
        with TabbedContent(initial="setup"):
            with TabPane("Set up", id="setup"):
                yield self.form
            with TabPane("Charts", id="charts"):
                yield ChartsView()
            with TabPane("Maps", id="maps"):
                yield MapsView()
            with TabPane("Pictures", id="pictures"):
                yield PicturesView()
            with TabPane("Tables", id="tables"):
                yield TablesView()
            with TabPane("Findings", id="findings"):
                yield FindingsView()
            with TabPane("Log", id="log"):
                yield LogView()
        yield TrialProgressView()

    def show_experiment(self, experiment: Experiment) -> None:
        """No run is shown."""
        self._experiment, self._reader = experiment, None
        self.query_one(RunHeader).show_experiment(experiment)
        self._offer_run(False)

    def show_starting(self, experiment: Experiment) -> None:
        """A run is about to be."""
        self._reader = None
        self.query_one(RunHeader).show_starting(experiment)

    async def show_run(self, experiment: Experiment, reader: RunReader) -> None:
        """Show a run from now on."""
        was_form = self.query_one(TabbedContent).active == "setup"
        self._experiment, self._reader = experiment, reader
        await self.query_one(ChartsView).show_charts(experiment.charts)
        self.query_one(LogView).follow(reader.directory.log_file, describe_run(reader))
        self._offer_run(True)
        if was_form:
            self.show_tab("charts")
        self.update_run(changed=True, state=on_its_way(reader))

    def update_run(self, *, changed: bool, state: str, problem: str = "") -> None:
        """Show what is new; cheap where nothing is.

        Args:
            changed: whether the run was read with anything new in it.
            state, problem: as the header takes them.
        """
        reader = self._reader
        if reader is None:
            return
        now = time.monotonic()
        due = reader.state in ACTIVE_STATES and now - self._refreshed >= REFRESH_SECONDS
        ended = changed and reader.state not in ACTIVE_STATES
        if changed or due or state != self._state:
            self._state = state
            self.query_one(RunHeader).show_run(self._experiment, reader, state, problem)
            self.query_one(TrialProgressView).show(
                reader.results, ended=reader.state not in ACTIVE_STATES, paused=reader.state == "paused"
            )
        if due or ended:
            self._refreshed = now
        # Charts, maps and pictures pace themselves.
        if due or ended or (changed and self.query_one(TabbedContent).active in ("charts", *self.VIEWERS)):
            self._refresh_pane()

    @property
    def panes(self) -> list[str]:
        """The panes that the experiment has."""
        return [pane for pane in self.PANES if pane not in self.VIEWERS or pane == self._experiment.shows]

    def show_tab(self, tab: str) -> None:
        """Show one tab, if it has anything to show."""
        if tab != "setup" and (self._reader is None or tab not in self.panes):
            return
        self.query_one(TabbedContent).active = tab
        viewer = self.viewer(tab)
        if viewer is not None:  # Its keys belong to the map or the pictures.
            self.call_after_refresh(viewer.focus)
        elif self.screen.focused is not None and self.screen.focused in self._viewers():
            self.focus_tabs()  # A hidden widget would lose it to none.

    @property
    def viewer_tab(self) -> str | None:
        """The tab of maps or that of pictures, if the experiment has one."""
        return self._experiment.shows if self._experiment.shows in self.VIEWERS else None

    def viewer(self, tab: str) -> Widget | None:
        """What has the keys on a tab of maps or pictures."""
        if tab == "maps":
            return self.query_one(MapsView).view
        return self.query_one(PicturesView).focused_part if tab == "pictures" else None

    def _viewers(self) -> tuple[Widget, ...]:
        pictures = self.query_one(PicturesView)
        return self.query_one(MapsView).view, pictures.view, pictures.confusion_view

    def focus_tabs(self) -> None:
        """Take the focus out of a field."""
        self.query_one(Tabs).focus()

    async def fill_form(self, reader: RunReader) -> None:
        """Take a run's settings into the form."""
        settings = {key: printable(format_setting(value)) for key, value in reader.record.hyperparameters.items()}
        await self.form.fill(self._experiment, settings)
        self.show_tab("setup")

    @on(TabbedContent.TabActivated)
    def _tab_activated(self) -> None:
        active = self.query_one(TabbedContent).active
        if active not in self.VIEWERS:
            self.screen.remove_class(FULL)
        self.screen.set_class(active == "pictures", PICTURES)
        self._refresh_pane()

    def _refresh_pane(self) -> None:
        """Renew the pane that is seen."""
        reader = self._reader
        if reader is None:
            return
        match self.query_one(TabbedContent).active:
            case "charts":
                self._draw_charts(reader)
            case "maps":
                self._draw_maps(reader)
            case "pictures":
                live = reader.state in ACTIVE_STATES
                self.query_one(PicturesView).show_results(reader.directory, reader.results, live=live)
            case "tables":
                self.query_one(TablesView).show(tables_of(self._experiment, reader.results), _where(reader))
            case "findings":
                findings = self._experiment.findings(reader.results)
                self.query_one(FindingsView).show(self._experiment.question, findings, final=reader.state == "done")
            case "log":
                self.query_one(LogView).read_new()

    def _draw_charts(self, reader: RunReader) -> None:
        charts = self._experiment.charts_for(reader.results)
        self.query_one(ChartsView).show_results(charts, reader.results, live=reader.state in ACTIVE_STATES)

    def _draw_maps(self, reader: RunReader) -> None:
        live = reader.state in ACTIVE_STATES
        self.query_one(MapsView).show_results(self._experiment, reader.directory, reader.results, live=live)

    def _offer_run(self, offered: bool) -> None:
        tabs = self.query_one(TabbedContent)
        if tabs.active in self.VIEWERS and tabs.active not in self.panes:
            self.show_tab("charts" if offered else "setup")
        for pane in self.PANES:
            (tabs.enable_tab if offered else tabs.disable_tab)(pane)
            (tabs.show_tab if pane in self.panes else tabs.hide_tab)(pane)
        self.query_one(TrialProgressView).set_class(not offered, "-hidden")


def _where(reader: RunReader) -> str:
    if reader.state in ACTIVE_STATES:
        return "The tables are saved when the run ends or is stopped."
    tables, _ = reader.directory.result_files()
    return f"Saved as CSV, Markdown, LaTeX and JSON in {reader.directory.tables}" if tables else _why_no_tables(reader)


def _why_no_tables(reader: RunReader) -> str:
    if reader.state == "interrupted":
        return "No table was saved: the worker was gone before it could. What is shown here comes from the event log."
    return "No table was saved: there was no whole epoch to tell of."
