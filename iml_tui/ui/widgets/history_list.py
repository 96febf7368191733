"""The list of runs, newest first."""

from __future__ import annotations

import time

from textual.binding import Binding
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.history import HistoryEntry
from iml_tui.text import printable
from iml_tui.ui.messages import CompareRequested, DeleteRequested, RunChosen
from iml_tui.ui.states import RUN_LOOKS

MARK = "●"


class HistoryList(OptionList):
    """Choosing a run shows it, as it stands or as it goes on. Marked runs can be compared."""

    BORDER_TITLE = "Runs"
    BINDINGS = [
        Binding("enter", "select", "Open", id="history.select", tooltip="Show the run"),
        Binding(
            "space", "mark", "Mark", key_display="Space", id="history.mark", tooltip="Mark the run, to be compared"
        ),
        Binding("v", "compare", "Compare", id="history.compare", tooltip="Compare the marked runs"),
        Binding("u", "unmark_all", "Unmark all", id="history.unmark", tooltip="Unmark all runs", show=False),
        Binding("delete,backspace", "delete", "Delete", id="history.delete", tooltip="Remove the run for good (asks)"),
    ]

    def __init__(self) -> None:
        super().__init__(id="history")
        self._entries: list[HistoryEntry] = []
        self._shown: list[tuple[str, Content]] = []
        self._marked: list[str] = []

    def show(self, entries: list[HistoryEntry]) -> None:
        """Show these runs; the highlight stays on the run where it was."""
        self._entries = entries
        runs = {entry.directory.id for entry in entries}
        self._marked = [run for run in self._marked if run in runs]
        self._draw()

    def _draw(self) -> None:
        now = time.time()
        shown = [
            (entry.directory.id, describe(entry, now, marked=entry.directory.id in self._marked))
            for entry in self._entries
        ]
        self.border_subtitle = f"{len(self._marked)} marked · v compares" if self._marked else ""
        if shown == self._shown:
            return
        same_runs = [run for run, _ in shown] == [run for run, _ in self._shown]
        if same_runs:
            for (run, content), (_, before) in zip(shown, self._shown, strict=True):
                if content != before:
                    self.replace_option_prompt(run, content)
        else:
            self._rebuild(shown)
        self._shown = shown

    def _rebuild(self, shown: list[tuple[str, Content]]) -> None:
        highlighted = self.highlighted_entry
        self.clear_options()
        self.add_options(Option(content, id=run) for run, content in shown)
        if not shown:
            self.add_option(Option("No runs yet: Enter, then F5", disabled=True))
        runs = [run for run, _ in shown]
        if highlighted is not None and highlighted.directory.id in runs:
            self.highlighted = runs.index(highlighted.directory.id)

    @property
    def highlighted_entry(self) -> HistoryEntry | None:
        """The run under the highlight."""
        index = self.highlighted
        if index is None or index >= len(self._shown):
            return None
        run = self._shown[index][0]
        return next((entry for entry in self._entries if entry.directory.id == run), None)

    @property
    def marked(self) -> list[RunDirectory]:
        """The marked runs, in the order in which they were marked."""
        directories = {entry.directory.id: entry.directory for entry in self._entries}
        return [directories[run] for run in self._marked if run in directories]

    def on_focus(self) -> None:
        """Enter opens something at once."""
        if self.highlighted is None and self._shown:
            self.highlighted = 0

    def choose(self, directory: RunDirectory) -> None:
        """Move the highlight to a run, if it is listed already."""
        runs = [run for run, _ in self._shown]
        if directory.id in runs:
            self.highlighted = runs.index(directory.id)

    def action_mark(self) -> None:
        """Mark the highlighted run, or take its mark away."""
        entry = self.highlighted_entry
        if entry is None:
            return
        if entry.directory.id in self._marked:
            self._marked.remove(entry.directory.id)
        elif entry.record is None:
            self.notify(f"It cannot be compared: {entry.problem}", severity="warning", markup=False)
        else:
            self._marked.append(entry.directory.id)
        self._draw()

    def action_unmark_all(self) -> None:
        """Take all marks away."""
        self._marked.clear()
        self._draw()

    def action_compare(self) -> None:
        """Ask for a comparison of the marked runs."""
        self.post_message(CompareRequested(self.marked))

    def action_delete(self) -> None:
        """Ask for the removal of the highlighted run."""
        entry = self.highlighted_entry
        if entry is not None:
            self.post_message(DeleteRequested(entry))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Tell the screen."""
        event.stop()
        entry = next((entry for entry in self._entries if entry.directory.id == event.option.id), None)
        if entry is not None:
            self.post_message(RunChosen(entry.directory))


def describe(entry: HistoryEntry, now: float, *, marked: bool = False) -> Content:
    """Two lines on a run: its state, title and age; its mark, if it has one, and what came of it."""
    look = RUN_LOOKS[entry.state]
    title = printable(entry.record.title) if entry.record is not None else printable(entry.directory.id)
    summary = entry.problem if entry.record is None else entry.record.message or entry.record.summary
    return Content.from_markup(
        f"[{look.style}]{look.sign}[/] $title [dim]$age[/dim]\n[$text-accent bold]$mark[/] [dim]$summary[/dim]",
        mark=MARK if marked else " ",
        title=title,
        age=age(now - entry.created) if entry.created else "",
        summary=printable(summary) or look.word,
    )


def age(seconds: float) -> str:
    """How long ago, in the largest fitting unit: now, 5 min, 3 h, 12 d."""
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{int(seconds // length)} {unit}"
    return "now"
