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
from iml_tui.ui.messages import DeleteRequested, RunChosen
from iml_tui.ui.states import RUN_LOOKS


class HistoryList(OptionList):
    """Choosing a run shows it, as it stands or as it goes on."""

    BORDER_TITLE = "Runs"
    BINDINGS = [
        Binding("enter", "select", "Open", id="history.select", tooltip="Show the run"),
        Binding("delete,backspace", "delete", "Delete", id="history.delete", tooltip="Remove the run for good (asks)"),
    ]

    def __init__(self) -> None:
        super().__init__(id="history")
        self._entries: list[HistoryEntry] = []
        self._shown: list[tuple[str, Content]] = []

    def show(self, entries: list[HistoryEntry]) -> None:
        """Show these runs; the highlight stays on the run where it was."""
        self._entries = entries
        shown = [(entry.directory.id, describe(entry, time.time())) for entry in entries]
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

    def on_focus(self) -> None:
        """Enter opens something at once."""
        if self.highlighted is None and self._shown:
            self.highlighted = 0

    def choose(self, directory: RunDirectory) -> None:
        """Move the highlight to a run, if it is listed already."""
        runs = [run for run, _ in self._shown]
        if directory.id in runs:
            self.highlighted = runs.index(directory.id)

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


def describe(entry: HistoryEntry, now: float) -> Content:
    """Two lines on a run: its state, title and age; what came of it."""
    look = RUN_LOOKS[entry.state]
    title = printable(entry.record.title) if entry.record is not None else printable(entry.directory.id)
    summary = entry.problem if entry.record is None else entry.record.message or entry.record.summary
    return Content.from_markup(
        f"[{look.style}]{look.sign}[/] $title [dim]$age[/dim]\n  [dim]$summary[/dim]",
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
