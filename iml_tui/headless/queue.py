"""`queue`: the runs that wait for a free device, and what is done with their order."""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from iml_tui.headless.ages import age
from iml_tui.headless.document import iso_time
from iml_tui.headless.runs import tell_queued
from iml_tui.headless.streams import output_console, say, write_json
from iml_tui.runs import queue
from iml_tui.runs.history import HistoryEntry, find_run, list_runs
from iml_tui.runs.places import runs_root
from iml_tui.runs.queue import QueueEntry
from iml_tui.text import printable

TRAINING = ("starting", "running", "paused")


def list_queue(*, as_json: bool) -> int:
    """Print who waits, who trains, and whether somebody works the queue off."""
    waiting = queue.entries(runs_root())
    active = [entry for entry in list_runs(runs_root()) if _trains_here(entry)]
    astray = queue.astray(runs_root())
    if as_json:
        write_json(_document(waiting, active, astray))
        return 0
    console = output_console()
    if waiting:
        console.print(_waiting_table(waiting))
    else:
        say("The queue is empty; iml-lab run EXPERIMENT --queue puts a run into it.")
    for entry in active:
        console.print(Text(printable(f"{entry.directory.id} is {entry.state} on {_device_of(entry)}")))
    _say_how_it_stands(waiting, astray)
    return 0


def add(reference: str, *, as_json: bool) -> int:
    """Put a run that did not get to its end into the queue again."""
    return tell_queued(queue.enqueue(find_run(runs_root(), reference), resume=True), as_json=as_json)


def move(reference: str, position: int) -> int:
    """Give a run another place."""
    directory = find_run(runs_root(), reference)
    queue.move(directory.id, position, runs_root())
    say(f"{directory.id} is {queue.describe_place(directory)}.")
    return 0


def cancel(reference: str) -> int:
    """Take a run out."""
    directory = find_run(runs_root(), reference)
    queue.cancel(directory.id, runs_root())
    say(
        f"{directory.id} is taken out of the queue; iml-lab queue add {directory.id} puts it back, "
        f"iml-lab delete {directory.id} removes it."
    )
    return 0


def _waiting_table(waiting: Sequence[QueueEntry]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("", justify="right", no_wrap=True)
    table.add_column("Run", no_wrap=True, overflow="ellipsis")
    table.add_column("Experiment", overflow="fold")
    table.add_column("Device", no_wrap=True)
    table.add_column("Waiting", justify="right", no_wrap=True)
    with_problems = any(entry.problem for entry in waiting)
    if with_problems:
        table.add_column("Cannot be started", overflow="fold")
    for entry in waiting:
        device = f"{entry.slot}, starting" if entry.slot else entry.record.device.requested
        row = [
            str(entry.position),
            entry.run,
            f"{entry.record.title}{' (goes on)' if entry.resume else ''}",
            device,
            age(time.time() - entry.since),
        ]
        table.add_row(*(Text(printable(text)) for text in [*row, *([entry.problem] if with_problems else [])]))
    return table


def _say_how_it_stands(waiting: Sequence[QueueEntry], astray: Sequence[str]) -> None:
    note = queue.note(runs_root())
    if note:
        say(f"Note: {note}.")
    for run in astray:
        say(f"{run} says that it is queued but is in no order; iml-lab queue add {run} takes it in.")
    if waiting and not queue.supervisor_alive(runs_root()):
        say("Nobody works it off yet: its supervisor is just starting.")


def _trains_here(entry: HistoryEntry) -> bool:
    record = entry.record
    if record is None or entry.state not in TRAINING:
        return False
    return (record.worker.host if record.worker is not None else record.host) == socket.gethostname()


def _device_of(entry: HistoryEntry) -> str:
    assert entry.record is not None
    device = entry.record.device
    return (device.chosen if entry.state != "starting" else "") or device.slot or device.requested


def _document(waiting: Sequence[QueueEntry], active: Sequence[HistoryEntry], astray: Sequence[str]) -> dict[str, Any]:
    """The document of `queue --json`; `training` are runs on this machine's devices, queued or not."""
    identity = queue.supervisor(runs_root())
    return {
        "host": socket.gethostname(),
        "supervisor": {
            "alive": queue.supervisor_alive(runs_root()),
            "pid": identity.pid if identity is not None else None,
        },
        "queue": [
            {
                "position": entry.position,
                "run": entry.run,
                "directory": str(entry.directory.path),
                "experiment": entry.record.experiment,
                "device": entry.record.device.requested,
                "slot": entry.slot or None,
                "resume": entry.resume,
                "waiting_since": iso_time(entry.since),
                "problem": entry.problem,
            }
            for entry in waiting
        ],
        "training": [{"run": entry.directory.id, "state": entry.state, "slot": _device_of(entry)} for entry in active],
        "in_no_order": list(astray),
        "note": queue.note(runs_root()),
    }
