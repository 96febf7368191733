"""`pause` and `continue`."""

from __future__ import annotations

from iml_tui.errors import UsageError
from iml_tui.headless.asking import ask, wait_until
from iml_tui.headless.streams import say
from iml_tui.runs import control
from iml_tui.runs.history import find_run
from iml_tui.runs.places import runs_root
from iml_tui.runs.reading import RunReader
from iml_tui.runs.record import ACTIVE_STATES


def pause(reference: str) -> int:
    """Ask a run's worker to pause, and wait until it does.

    Raises:
        UsageError: the run has not begun or has ended.
    """
    directory = find_run(runs_root(), reference)
    reader = RunReader(directory)
    if reader.state == "paused" and control.pause_requested(directory.control):
        say(f"{directory.id} is paused already; iml-lab continue {directory.id} lets it go on.")
        return 0
    _refuse_unless_training(reader, "paused")
    ask(directory, control.request_pause)
    wait_until(reader, lambda: reader.state == "paused" or reader.state not in ACTIVE_STATES)
    if reader.state in ACTIVE_STATES:
        will = "is paused" if reader.state == "paused" else "was asked to pause and will do so after the current batch"
        say(f"{directory.id} {will}; iml-lab continue {directory.id} lets it go on.")
        return 0
    say(f"{directory.id} ended before it could pause ({reader.state}).")
    return 1


def go_on(reference: str) -> int:
    """Let a paused run go on, and wait until it does; also takes back a pause that has not begun.

    Raises:
        UsageError: the run has not begun or has ended.
    """
    directory = find_run(runs_root(), reference)
    reader = RunReader(directory)
    _refuse_unless_training(reader, "continued")
    if reader.state != "paused" and not control.pause_requested(directory.control):
        say(f"{directory.id} is not paused ({reader.state}).")
        return 0
    ask(directory, control.request_continue)
    if wait_until(reader, lambda: reader.state != "paused"):
        say(f"{directory.id} is {reader.state}.")
    else:
        say(f"{directory.id} was asked to go on and will do so as soon as its worker looks.")
    return 0


def _refuse_unless_training(reader: RunReader, wanted: str) -> None:
    run, state = reader.directory.id, reader.state
    if state == "queued":
        raise UsageError(f"{run} is queued and has not begun; iml-lab queue move or cancel changes what it waits for")
    if state not in ACTIVE_STATES:
        ended = f"{run} is {state}: only a run that trains can be {wanted}"
        raise UsageError(ended if state == "done" else f"{ended}; iml-lab resume {run} goes on with it")
