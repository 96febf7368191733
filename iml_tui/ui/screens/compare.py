"""Models of any runs beside one another: one chart, what differs, what came out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.content import Content
from textual.events import Resize
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Footer, Static
from textual.worker import get_current_worker

from iml_tui.errors import LabError
from iml_tui.experiments.charts import METRIC_TITLES, curves
from iml_tui.experiments.results import METRICS
from iml_tui.runs.comparison import (
    GRADIENT_NORMS,
    Compared,
    best_of,
    candidates,
    chart_of,
    charted,
    default_choice,
    notices,
    together,
)
from iml_tui.runs.comparison_tables import comparison_tables
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.reading import RunReader
from iml_tui.runs.record import ACTIVE_STATES
from iml_tui.text import printable
from iml_tui.ui.laboratory import Laboratory
from iml_tui.ui.widgets.chart import ChartView
from iml_tui.ui.widgets.compared_list import ComparedList
from iml_tui.ui.widgets.tables_view import TablesView

POLL_SECONDS = 1.0
PANES = ("chart", "tables", "models")
_MOST_REFERENCES = 6  # In a command that the user is to type.


class CompareScreen(Screen[None]):
    """Shows models of the runs beside one another, those that go on as they grow.

    Args:
        laboratory: what opens the runs.
        directories: the runs. Those that cannot be read are left out and said to be; without any the screen closes.
    """

    HORIZONTAL_BREAKPOINTS = [(0, "-tiny"), (70, "-narrow"), (100, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-short"), (20, "-medium"), (32, "-tall")]

    BINDINGS: ClassVar = [
        # Before the chart, for which Escape means less.
        Binding(
            "escape", "leave", "Back", key_display="Esc", priority=True, id="compare.leave", tooltip="Back to the lab"
        ),
        Binding("m", "metric(1)", "Metric", id="compare.metric", tooltip="Chart the next metric"),
        Binding(
            "M",
            "metric(-1)",
            "Metric before",
            id="compare.metric-before",
            tooltip="Chart the metric before",
            show=False,
        ),
        Binding("l", "log", "Log axis", id="compare.log", tooltip="Logarithmic y axis, or linear again"),
        Binding("f4", "next_pane", "Panes", key_display="F4", id="compare.pane", tooltip="Chart, tables, models"),
        Binding("f2,e", "pane('models')", "Models", key_display="F2", id="compare.models", tooltip="Go to the models"),
        Binding("a", "choose_all", "All", id="compare.all", tooltip="Take all models in"),
        Binding("b", "choose_best", "Best", id="compare.best", tooltip="Only the best model of each run"),
    ]

    def __init__(self, laboratory: Laboratory, directories: Sequence[RunDirectory]) -> None:
        super().__init__()
        self._laboratory = laboratory
        self._directories = directories
        self._readers: list[RunReader] = []
        self._chosen: set[str] = set()
        self._problems: list[str] = []
        self._told = ""  # On which models were taken in by default.
        self._metric = "validation_accuracy"
        self._log_y = False
        self._pane = PANES[0]

    def compose(self) -> ComposeResult:
        """Models and chart above, tables below, keys at the bottom."""
        yield Static("Reading the runs …", id="compare-header")
        with Horizontal(id="compare-top"):
            yield ComparedList()
            yield ChartView(chart_of(self._metric), id="compare-chart")
        yield TablesView()
        yield Footer(compact=True)

    def on_mount(self) -> None:
        """Read the runs, and follow those that go on."""
        self.action_pane("chart")
        self._read()
        self.app.theme_changed_signal.subscribe(self, lambda theme: self.draw())
        self.set_interval(POLL_SECONDS, self._poll)

    @work(thread=True, exclusive=True, group="read", name="read runs to compare")
    def _read(self) -> None:
        readers, problems = [], []
        for directory in self._directories:
            try:
                readers.append(self._laboratory.open(directory))
            except LabError as error:
                problems.append(f"{directory.id} is left out: {error}.")
        if not get_current_worker().is_cancelled:
            self.app.call_from_thread(self._show, readers, problems)

    def _show(self, readers: list[RunReader], problems: list[str]) -> None:
        if not readers:
            self.app.notify(" ".join(problems), title="Nothing to compare", severity="error", timeout=15, markup=False)
            self.dismiss(None)
            return
        items, told = default_choice(readers)
        self._readers = readers
        self._chosen = {item.reference for item in items}
        self._problems, self._told = problems, told
        self.draw()

    def on_resize(self, event: Resize) -> None:
        """The keys of the screen come first where the footer is short."""
        self.query_one(Footer).show_command_palette = event.size.width >= 100

    @property
    def candidates(self) -> list[Compared]:
        """All that can be taken in, run by run."""
        return [item for reader in self._readers for item in candidates(reader)]

    @property
    def chosen(self) -> list[Compared]:
        """What is taken in."""
        return [item for item in self.candidates if item.reference in self._chosen]

    def draw(self) -> None:
        """Draw the list, the chart and the tables anew."""
        there = self.candidates
        items = [item for item in there if item.reference in self._chosen]
        if not items:
            return  # The runs are still being read.
        results = together(items)
        self.query_one(ComparedList).show(there, [item.reference for item in items])
        chart = chart_of(self._metric, log_y=self._log_y)
        view = self.query_one(ChartView)
        view.chart = chart
        view.show(curves(chart, results))
        view.refresh()
        by = self._metric if self._metric in METRICS else "validation_accuracy"
        self.query_one(TablesView).show(comparison_tables(items, results, by), _command(items))
        self.query_one("#compare-header", Static).update(self._header(items))

    def _header(self, items: Sequence[Compared]) -> Content:
        runs = len({item.run for item in items})
        metric = "gradient norms" if self._metric == GRADIENT_NORMS else METRIC_TITLES[self._metric]
        models = "1 model" if len(items) == 1 else f"{len(items)} models"
        lines = [
            Content.from_markup(
                "[b]Comparison[/b]  $models of $runs  [dim]$metric[/dim]",
                models=models,
                runs="1 run" if runs == 1 else f"{runs} runs",
                metric=metric,
            )
        ]
        for sentence in filter(None, (*notices(items), self._told, *self._problems)):
            lines.append(Content.from_markup("[$text-warning]! $sentence[/]", sentence=printable(sentence)))
        return Content("\n").join(lines)

    def _poll(self) -> None:
        changed = [reader.poll() for reader in self._readers if reader.state in ACTIVE_STATES]
        if any(changed):
            self.draw()

    @on(ComparedList.Toggled)
    def _toggle(self, event: ComparedList.Toggled) -> None:
        changed = self._chosen ^ {event.reference}
        if not changed:
            self.notify("One model stays in.", severity="warning")
            return
        self._choose(changed)

    def _choose(self, references: set[str]) -> None:
        self._chosen, self._told = references, ""
        self.draw()

    def action_choose_all(self) -> None:
        """Take all models in, as means over their seeds."""
        self._choose({item.reference for item in self.candidates if item.seed is None})

    def action_choose_best(self) -> None:
        """Take in the best model of each run only."""
        models = [[item for item in candidates(reader) if item.seed is None] for reader in self._readers]
        self._choose({best_of(items).reference for items in models})

    def action_metric(self, step: int) -> None:
        """Chart the next metric (1), or the one before (−1)."""
        if not self._readers:
            return
        there = charted(together(self.chosen))
        at = there.index(self._metric) if self._metric in there else 0
        self._metric = there[(at + step) % len(there)]
        self.query_one(ChartView).cursor = None  # It stands at an epoch or a batch.
        self.draw()

    def action_log(self) -> None:
        """Make the y axis logarithmic, or linear again."""
        self._log_y = not self._log_y
        self.draw()

    def action_pane(self, pane: str) -> None:
        """Go to a pane; on a narrow screen it is the only one."""
        self._pane = pane
        for name in PANES:
            self.set_class(name == pane, f"-{name}")
        panes: dict[str, type[Widget]] = {"chart": ChartView, "tables": TablesView, "models": ComparedList}
        self.call_after_refresh(self.query_one(panes[pane]).focus)

    def action_next_pane(self) -> None:
        """Go to the next pane, after the last to the first."""
        self.action_pane(PANES[(PANES.index(self._pane) + 1) % len(PANES)])

    def action_leave(self) -> None:
        """Stop reading values off the chart; else go back to the lab."""
        chart = self.query_one(ChartView)
        if chart.has_focus and chart.cursor is not None:
            chart.action_cursor_off()
        else:
            self.dismiss(None)


def _command(items: Sequence[Compared]) -> str:
    """How to get the tables and the chart as files."""
    references = [printable(item.reference) for item in items[:_MOST_REFERENCES]]
    more = " …" if len(items) > _MOST_REFERENCES else ""
    return f"As files: iml-lab compare {' '.join(references)}{more} --to DIR"
