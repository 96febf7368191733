"""The list of runs, newest first."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from textual.binding import Binding
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.history import HistoryEntry
from iml_tui.runs.queue import ordinal
from iml_tui.runs.record import RESUMABLE_STATES, State
from iml_tui.text import printable
from iml_tui.ui.messages import CompareRequested, DeleteRequested, MoveRequested, ResumeRequested, RunChosen
from iml_tui.ui.states import RUN_LOOKS
from iml_tui.ui.widgets.run_story import short_story
from iml_tui.ui.widgets.safe_option_list import SafeOptionList

MARK = "●"

_AT_ONCE = 25
"""Runs that are laid out before keys are looked at again, which takes some milliseconds."""


class HistoryList(SafeOptionList):
    """Choosing a run shows it, as it stands or as it goes on. Marked runs can be compared."""

    BORDER_TITLE = "Runs"
    BINDINGS = [
        Binding("enter", "select", "Open", id="history.select", tooltip="Show the run"),
        Binding(
            "space", "mark", "Mark", key_display="Space", id="history.mark", tooltip="Mark the run, to be compared"
        ),
        Binding("v", "compare", "Compare", id="history.compare", tooltip="Compare the marked runs"),
        Binding("r", "resume_highlighted", "Resume", id="history.resume", tooltip="Go on with a run that was left"),
        Binding("comma", "move(-1)", "Earlier", key_display=",", id="history.earlier", tooltip="Earlier in the queue"),
        Binding("full_stop", "move(1)", "Later", key_display=".", id="history.later", tooltip="Later in the queue"),
        Binding("u", "unmark_all", "Unmark all", id="history.unmark", tooltip="Unmark all runs", show=False),
        Binding(
            "delete,backspace",
            "delete",
            "Delete",
            id="history.delete",
            tooltip="Remove it for good, or from the queue (asks)",
        ),
    ]

    def __init__(self) -> None:
        super().__init__(id="history")
        self._entries: list[HistoryEntry] = []
        self._places: dict[str, int] = {}
        self._shown: list[tuple[str, Row]] = []
        self._marked: list[str] = []
        self._filled_anew = 0

    def show(self, entries: list[HistoryEntry], places: Mapping[str, int] = MappingProxyType({})) -> None:
        """Show these runs; the highlight stays on the run where it was. `places` are those in the queue, by run."""
        self._entries, self._places = entries, dict(places)
        runs = {entry.directory.id for entry in entries}
        self._marked = [run for run in self._marked if run in runs]
        self._draw()

    def _draw(self) -> None:
        now = time.time()
        marked = set(self._marked)
        shown = [
            (run, row_of(entry, now, marked=run in marked, place=self._places.get(run, 0)))
            for entry in self._entries
            for run in (entry.directory.id,)
        ]
        self.border_subtitle = f"{len(self._marked)} marked · v compares" if self._marked else ""
        before, self._shown = self._shown, shown
        if [run for run, _ in shown] != [run for run, _ in before] or (not shown and not self.option_count):
            self._rebuild(before[self.highlighted][0] if self.highlighted is not None and before else None)
        else:
            # Those beyond are added later, as they are by then.
            for index, ((_, row), (_, former)) in enumerate(zip(shown[: self.option_count], before, strict=False)):
                if row != former:
                    self.replace_option_prompt_at_index(index, describe(row))

    def _rebuild(self, run: str | None) -> None:
        """Fill the list anew: what is seen at once, a long rest by and by, so that keys are answered meanwhile."""
        self.clear_options()
        self._filled_anew += 1
        if not self._shown:
            self.add_option(Option("No runs yet: Enter, then F5", disabled=True))
            return
        at = next((index for index, (shown, _) in enumerate(self._shown) if shown == run), None)
        self._fill(self._filled_anew, at)

    def _fill(self, filling: int, highlighted: int | None) -> None:
        """Add the next options; the one at `highlighted` is so once it is there."""
        if filling != self._filled_anew:
            return  # The list was emptied meanwhile, and is filled by another.
        there = self.option_count
        self.add_options(Option(describe(row), id=run) for run, row in self._shown[there : there + _AT_ONCE])
        if highlighted is not None and highlighted < self.option_count:
            if self.highlighted is None:
                self.highlighted = highlighted
            highlighted = None
        if self.option_count < len(self._shown):
            self.call_later(self._fill, filling, highlighted)

    @property
    def highlighted_entry(self) -> HistoryEntry | None:
        """The run under the highlight."""
        index = self.highlighted
        return self._entries[index] if index is not None and index < len(self._entries) else None

    @property
    def marked(self) -> list[RunDirectory]:
        """The marked runs, in the order in which they were marked."""
        directories = {entry.directory.id: entry.directory for entry in self._entries}
        return [directories[run] for run in self._marked if run in directories]

    def on_focus(self) -> None:
        """Enter opens something at once."""
        if self.highlighted is None and self._shown:
            self.highlighted = 0

    def on_option_list_option_highlighted(self) -> None:
        """The keys are those of the run."""
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys that would do nothing are not offered."""
        if action not in ("resume_highlighted", "move"):
            return True
        entry = self.highlighted_entry
        if entry is None:
            return False
        return entry.state in RESUMABLE_STATES if action == "resume_highlighted" else entry.directory.id in self._places

    def choose(self, directory: RunDirectory) -> None:
        """Move the highlight to a run, if it is listed already."""
        runs = [run for run, _ in self._shown]
        if directory.id in runs:
            at = runs.index(directory.id)
            if at < self.option_count:
                self.highlighted = at
            else:
                self.call_later(self.choose, directory)  # The list is being filled.

    def mark(self, directories: Iterable[RunDirectory]) -> None:
        """Mark these runs, and no others."""
        self._marked = [directory.id for directory in directories]
        self._draw()

    def action_resume_highlighted(self) -> None:
        """Ask for the highlighted run to go on."""
        entry = self.highlighted_entry
        if entry is not None:
            self.post_message(ResumeRequested(entry.directory))

    def action_move(self, step: int) -> None:
        """Ask for another place of the highlighted run in the queue."""
        entry = self.highlighted_entry
        if entry is not None:
            self.post_message(MoveRequested(entry.directory, step))

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


@dataclass(frozen=True)
class Row:
    """What is shown of a run, as plain text: told apart in microseconds, where there are many runs."""

    state: State
    title: str
    age: str
    summary: str
    marked: bool


def row_of(entry: HistoryEntry, now: float, *, marked: bool, place: int = 0) -> Row:
    """What is shown of a run; `place` is that in the queue, 0 for one that is not in it."""
    title = entry.record.title if entry.record is not None else entry.directory.id
    return Row(entry.state, title, age(now - entry.created) if entry.created else "", _told(entry, now, place), marked)


def _told(entry: HistoryEntry, now: float, place: int) -> str:
    record = entry.record
    if record is None:
        return entry.problem
    parts = [f"on {entry.elsewhere}, last heard of {_ago(now - entry.last_sign)}"] if entry.elsewhere else []
    if entry.state == "queued":
        parts.append(f"{ordinal(place)} in the queue" if place else "queued, but in no order")
    if record.resumes and entry.state not in ("done", "failed"):
        parts.append(short_story(record))
    rest = record.message or record.summary or entry.note
    if entry.state == "interrupted" and not rest:
        rest = (
            f"its worker is gone, last heard of {_ago(now - entry.last_sign)}"
            if entry.last_sign
            else "its worker is gone"
        )
    return " · ".join(filter(None, (*parts, rest)))


def _ago(seconds: float) -> str:
    text = age(seconds)
    return "just now" if text == "now" else f"{text} ago"


def describe(row: Row) -> Content:
    """Two lines on a run: its state, title and age; its mark, if it has one, and what came of it."""
    look = RUN_LOOKS[row.state]
    return Content.from_markup(
        f"[{look.style}]{look.sign}[/] $title [dim]$age[/dim]\n[$text-accent bold]$mark[/] [dim]$summary[/dim]",
        mark=MARK if row.marked else " ",
        title=printable(row.title),
        age=row.age,
        summary=printable(row.summary) or look.word,
    )


def age(seconds: float) -> str:
    """How long ago, in the largest fitting unit: now, 5 min, 3 h, 12 d."""
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{int(seconds // length)} {unit}"
    return "now"
