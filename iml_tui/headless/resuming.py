"""`resume`: going on with a run that was stopped, was interrupted, or failed."""

from __future__ import annotations

from iml_tui.errors import RunBusyError, UsageError
from iml_tui.headless.runs import document_of, run, tell_queued
from iml_tui.headless.streams import say, write_json
from iml_tui.runs import queue
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.history import entry_of, find_run
from iml_tui.runs.lock import RunLock
from iml_tui.runs.places import runs_root
from iml_tui.runs.reading import RunReader
from iml_tui.runs.rebuilding import mend_record
from iml_tui.runs.record import ACTIVE_STATES


def resume(reference: str, *, detach: bool, queued: bool, as_json: bool) -> int:
    """Start a worker that goes on where the last one left off, or put the run into the queue; returns the exit code.

    Raises:
        RunBusyError: a worker is at it, or it waits in the queue.
        UsageError: it is to be queued and detached at once.
        LabError: it cannot be resumed.
    """
    if queued and detach:
        raise UsageError("--queue and --detach exclude each other: a queued run goes on later and is not waited for")
    directory = find_run(runs_root(), reference)
    _mend(directory)
    state = entry_of(directory).state
    if state == "queued":
        raise RunBusyError(
            f"{directory.id} is {queue.describe_place(directory)}, and goes on by itself; iml-lab attach "
            f"{directory.id} shows it"
        )
    if state in ACTIVE_STATES:
        raise RunBusyError(f"{directory.id} is {state} already; iml-lab attach {directory.id} shows it")
    if state == "done":
        say(
            f"{directory.id} is done: there is nothing left to train. iml-lab fork {directory.id} --set epochs=… goes "
            "on from its end."
        )
        if as_json:
            write_json(document_of(RunReader(directory)))
        return 0
    if queued:
        return tell_queued(queue.enqueue(directory, resume=True), as_json=as_json)
    return run(directory, detach=detach, as_json=as_json, resume=True)


def _mend(directory: RunDirectory) -> None:
    """Rebuild a damaged `run.json` from the event log.

    Raises:
        RunBusyError: a worker is at it.
        LabError: there is nothing to rebuild it from.
    """
    if entry_of(directory).active:  # Its worker holds the lock.
        return
    lock = RunLock(directory.lock_file)
    try:
        mend_record(directory)
    finally:
        lock.release()
