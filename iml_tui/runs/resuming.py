"""Starting a worker on a run that an earlier one left: stopped, failed, or gone."""

from __future__ import annotations

import subprocess
import time

from iml_tui.errors import LabError
from iml_tui.runs import control
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.events import EventWriter
from iml_tui.runs.lock import RunLock
from iml_tui.runs.process import start_worker, true_state
from iml_tui.runs.rebuilding import mend_record
from iml_tui.runs.record import RESUMABLE_STATES, RunRecord
from iml_tui.runs.updating import update_record


def resume_run(directory: RunDirectory) -> subprocess.Popen[bytes]:
    """Start a worker that goes on where the last one left off; the run is `starting` from now on.

    A damaged `run.json` is rebuilt from the event log first.

    Raises:
        RunBusyError: a worker is at it.
        LabError: the run is done or was queued, or its directory cannot be written.
    """
    prepare_resuming(directory)
    return start_worker(directory, resume=True)


def prepare_resuming(directory: RunDirectory) -> RunRecord:
    """Record that a worker is asked for to resume the run; returns the record.

    Raises: as `resume_run`.
    """
    lock = RunLock(directory.lock_file)
    try:
        note = mend_record(directory)
        record = directory.read_record()
        state = true_state(record, directory)
        if state not in RESUMABLE_STATES and record.worker is None:
            raise LabError(f"{directory.id} is {state}; only a run that was begun can be resumed")
        if record.state == "done":
            raise LabError(f"{directory.id} is done; there is nothing to resume, but it can be forked")
        try:
            control.clear_stop(directory.control)  # Nobody served it; the next worker is not to.
            if note:
                _warn(directory, f"{note}.")
            return update_record(directory, record, state="starting", worker=None, message="", asked=time.time())
        except OSError as error:
            raise LabError(f"{directory.path} cannot be written: {error.strerror}") from error
    finally:
        lock.release()


def _warn(directory: RunDirectory, sentence: str) -> None:
    events = EventWriter(directory.events_file)
    try:
        events.append("warning", message=sentence)
    finally:
        events.close()
