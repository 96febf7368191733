"""`runs`: the runs there are."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

from rich import box
from rich.table import Table
from rich.text import Text

from iml_tui.errors import LabError
from iml_tui.headless.ages import age
from iml_tui.headless.displays import overall_progress
from iml_tui.headless.document import history_document
from iml_tui.headless.streams import output_console, say, write_json
from iml_tui.runs.history import HistoryEntry, list_runs
from iml_tui.runs.places import runs_root
from iml_tui.runs.queue import describe_place
from iml_tui.runs.reading import RunReader
from iml_tui.runs.record import RecordHead
from iml_tui.text import printable

# Below this width the ids, which begin with the date and end with the experiment, have to do.
_ROOM_FOR_TITLES = 110

_STYLES = {
    "done": "green",
    "stopped": "yellow",
    "failed": "red",
    "interrupted": "red",
    "running": "bold",
    "paused": "yellow",
}


def list_history(*, as_json: bool) -> int:
    """Print the runs, newest first."""
    entries = list_runs(runs_root())
    if as_json:
        write_json({"runs": [history_document(entry, _progress(entry)) for entry in entries]})
        return 0
    if not entries:
        say("There are no runs yet; start one with: iml-lab run learning-rate")
        return 0
    console = output_console()
    console.print(_table(entries, with_titles=console.width >= _ROOM_FOR_TITLES))
    return 0


def _table(entries: list[HistoryEntry], *, with_titles: bool) -> Table:
    here = socket.gethostname()
    with_host = any(entry.record and entry.record.host != here for entry in entries)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("Run", no_wrap=True, overflow="ellipsis")
    if with_titles:
        table.add_column("Experiment", no_wrap=True)
    table.add_column("State", no_wrap=True)
    table.add_column("Result", overflow="fold")
    table.add_column("Age", no_wrap=True, justify="right")
    if with_host:
        table.add_column("Host", overflow="ellipsis")
    for entry in entries:
        row = [Text(printable(entry.directory.id))]
        if with_titles:
            row.append(Text(printable(entry.record.title if entry.record else "")))
        row.append(Text(printable(_state(entry)), style=_STYLES.get(entry.state, "")))
        row.append(Text(printable(_result(entry))))
        row.append(Text(age(time.time() - entry.created) if entry.record else ""))
        if with_host:
            row.append(Text(printable(entry.record.host if entry.record and entry.record.host != here else "")))
        table.add_row(*row)
    return table


def _state(entry: HistoryEntry) -> str:
    """The state, of a queued run with its place."""
    if entry.state != "queued" or entry.record is None:
        return entry.state
    return describe_place(entry.directory, entry.record.host)


def _result(entry: HistoryEntry) -> str:
    if entry.record is None:
        return entry.problem
    progress = _progress(entry)
    if progress is not None:
        result = f"{progress:.0%}"
    else:
        result = entry.record.message if entry.state == "failed" else entry.record.summary
    return " · ".join(filter(None, [result, *_history(entry.record), _last_heard(entry), _way_on(entry), entry.note]))


def _history(record: RecordHead) -> Iterator[str]:
    """What is to be known of a figure: that it is another run's in part, or not what it would have been."""
    if record.fork is not None:
        yield f"forked from {record.fork.run}"
    if record.resumes:
        yield "resumed" if all(each.exact for each in record.resumes) else "resumed, not exactly"


def _last_heard(entry: HistoryEntry) -> str:
    """How old the news of a worker is that cannot be seen from here."""
    if not entry.elsewhere or not entry.last_sign:
        return ""
    return f"last heard of {age(time.time() - entry.last_sign)} ago"


def _way_on(entry: HistoryEntry) -> str:
    return f"iml-lab resume {entry.directory.id}" if entry.state == "interrupted" else ""


def _progress(entry: HistoryEntry) -> float | None:
    """The done part of a run that is at it; the event logs of ended runs are not read."""
    if not entry.active:
        return None
    try:
        return overall_progress(RunReader(entry.directory)).fraction
    except LabError:
        return None
