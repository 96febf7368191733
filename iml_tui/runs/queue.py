"""The queue of this host: runs that wait for a free device, worked off by a process of its own (`iml_tui.supervisor`).

A run is in the queue where its record says `queued` and the order has it. `root` is everywhere the directory of all
runs, by default the user's.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from iml_tui.errors import LabError, RunBusyError, UsageError
from iml_tui.runs import control
from iml_tui.runs.directory import NewerRunError, RunDirectory
from iml_tui.runs.lock import RunLock
from iml_tui.runs.places import runs_root
from iml_tui.runs.process import true_state
from iml_tui.runs.queue_order import OrderEntry, QueueFiles, has_begun, one_at_a_time, queued_records
from iml_tui.runs.rebuilding import mend_record, rebuild_record
from iml_tui.runs.record import ACTIVE_STATES, RESUMABLE_STATES, RecordHead, RunRecord, WorkerIdentity
from iml_tui.runs.updating import update_record

_supervisors: list[subprocess.Popen[bytes]] = []  # Those started here, so that none stays a zombie.


@dataclass(frozen=True)
class QueueEntry:
    """A run that waits. `position` counts from 1; `since` is when it was queued, in seconds since the epoch.

    `resume` tells that it goes on with what it has; `problem` why the last attempt to start it failed, else "".
    """

    directory: RunDirectory
    position: int
    record: RecordHead
    resume: bool
    since: float
    problem: str = ""

    @property
    def run(self) -> str:
        """The run's id."""
        return self.directory.id

    @property
    def slot(self) -> str:
        """The device that its worker, which is just starting, was given; "" while it waits for one."""
        return self.record.device.slot


def enqueue(directory: RunDirectory, *, resume: bool = False) -> QueueEntry:
    """Put a run at the end of the queue; one that is in it keeps its place.

    Call `ensure_supervisor` afterwards. A run that has begun before goes on with what it has, and only where `resume`
    says that this is meant.

    Raises:
        RunBusyError: a worker is at it.
        UsageError: it has ended.
        LabError: the run or the queue cannot be written; the run may then say `queued` and be in no order, and
            another call takes it in.
    """
    with owning(directory) as record:
        _refuse_unfit(directory, record, resume=resume)
        begun, waited = has_begun(record), record.state == "queued"
        if not waited:
            control.clear(directory.control)
        host = socket.gethostname()
        if (record.state, record.host) != ("queued", host):
            device = record.device.model_copy(update={"slot": ""})
            record = update_record(directory, record, state="queued", message="", host=host, device=device)
    with QueueFiles(directory.path.parent).editing() as order:
        entry = order.find(directory.id) if waited else None
        if entry is None:
            # One that was cancelled, or begun by a supervisor that was killed before it took it out.
            order.remove(directory.id)
            entry = OrderEntry(run=directory.id, resume=begun, since=time.time())
            order.runs.append(entry)
        position = [each.run for each in order.runs if not each.cancelled].index(directory.id) + 1
    return QueueEntry(directory, position, record, entry.resume, entry.since)


def entries(root: Path | None = None) -> list[QueueEntry]:
    """The runs that wait, first come first; those just being started are among them.

    Runs in the order that are gone, have begun or have ended are left out.

    Raises:
        LabError: the order cannot be read.
    """
    files = QueueFiles(root if root is not None else runs_root())
    order = files.peek()
    if order is None:
        with files.editing() as order:
            pass
    found: list[QueueEntry] = []
    for entry in order.runs:
        directory = RunDirectory(files.root / entry.run)
        record = queued_record(directory)
        if record is not None and not entry.cancelled:
            found.append(QueueEntry(directory, len(found) + 1, record, entry.resume, entry.since, entry.problem))
    return found


def queued_record(directory: RunDirectory) -> RecordHead | None:
    """What lists need of the record of a run that waits on this host; None where it does not."""
    try:
        record: RecordHead | None = directory.read_head()
    except NewerRunError:
        return None
    except LabError:  # Whoever starts the run mends it.
        record = _rebuilt(directory)
    return record if record is not None and record.state == "queued" and record.host == socket.gethostname() else None


def _rebuilt(directory: RunDirectory) -> RecordHead | None:
    try:
        return rebuild_record(directory)
    except NewerRunError:
        return None


def place_of(directory: RunDirectory) -> tuple[int, int] | None:
    """The position of a run in the queue, from 1, and how many are in it; None where the order does not have it."""
    try:
        order = QueueFiles(directory.path.parent).peek()
    except LabError:
        return None
    waiting = [entry.run for entry in order.runs if not entry.cancelled] if order is not None else []
    return (waiting.index(directory.id) + 1, len(waiting)) if directory.id in waiting else None


def describe_place(directory: RunDirectory, host: str = "") -> str:
    """How a queued run stands: "queued, 2nd of 3".

    `host` is the record's: the queue of another machine cannot be told from here.
    """
    if host and host != socket.gethostname():
        return f"queued on {host}"
    place = place_of(directory)
    if place is None:
        return f"queued, but in no order; iml-lab queue add {directory.id} takes it in"
    return f"queued, {ordinal(place[0])} of {place[1]}"


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th, …, 11th, …, 21st."""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def move(run: str, position: int, root: Path | None = None) -> None:
    """Give a run another place in the queue, counted from 1.

    Raises:
        UsageError: it does not wait, or there is no such place.
        LabError: the order cannot be written.
    """
    files = QueueFiles(root if root is not None else runs_root())
    with files.editing() as order:
        waiting = [
            entry
            for entry in order.runs
            if not entry.cancelled and queued_record(RunDirectory(files.root / entry.run)) is not None
        ]
        moved = next((entry for entry in waiting if entry.run == run), None)
        if moved is None:
            raise UsageError(f"{run} is not in the queue; iml-lab queue lists it")
        if not 1 <= position <= len(waiting):
            many = "1 run waits" if len(waiting) == 1 else f"{len(waiting)} runs wait"
            raise UsageError(f"there is no place {position} in the queue: {many}")
        waiting.remove(moved)
        waiting.insert(position - 1, moved)
        order.runs = [*waiting, *(entry for entry in order.runs if entry not in waiting)]


def cancel(run: str, root: Path | None = None) -> None:
    """Take a run out of the queue. It is then stopped: it can be resumed, queued again, or deleted.

    Raises:
        RunBusyError: it has begun meanwhile.
        UsageError: it does not wait.
        LabError: the run or the queue cannot be written.
    """
    files = QueueFiles(root if root is not None else runs_root())
    directory = RunDirectory(files.root / run)
    with owning(directory) as record:
        if record.state != "queued":
            raise UsageError(f"{run} is not queued ({true_state(record, directory)})")
        message = "cancelled before it " + ("went on" if has_begun(record) else "began")
        record = update_record(directory, record, state="stopped", message=message)
    with files.editing() as order:
        entry = order.find(run)
        if entry is not None and record.device.slot:
            entry.cancelled = True
        else:
            order.remove(run)


def astray(root: Path | None = None) -> list[str]:
    """Ids of the runs that say that they are queued here but are in no order, as a crash can leave them."""
    root = root if root is not None else runs_root()
    in_order = {entry.run for entry in entries(root)}
    return [entry.run for entry in queued_records(root) if entry.run not in in_order]


def note(root: Path | None = None) -> str:
    """What users of the queue are to know: that its order was damaged, say. "" where there is nothing."""
    order = QueueFiles(root if root is not None else runs_root()).peek()
    return order.note if order is not None else ""


def supervisor_alive(root: Path | None = None) -> bool:
    """Whether somebody works the queue off."""
    return QueueFiles(root if root is not None else runs_root()).supervised()


def supervisor(root: Path | None = None) -> WorkerIdentity | None:
    """Who works the queue off; None where nobody does."""
    return QueueFiles(root if root is not None else runs_root()).supervisor()


def ensure_supervisor(root: Path | None = None) -> bool:
    """Start a supervisor where runs wait and none is at it; whether one was started.

    Cheap where nothing is queued. Of two that are started at the same time one ends at once.

    Raises:
        LabError: the queue cannot be read or the process not be started.
    """
    files = QueueFiles(root if root is not None else runs_root())
    _supervisors[:] = [process for process in _supervisors if process.poll() is None]
    if not files.order_file.exists() or not (entries(files.root) or _cancelled(files)) or files.supervised():
        return False
    # -P keeps the user's current directory, which may hold a module of the same name, off the import path.
    command = [sys.executable, "-P", "-m", "iml_tui.supervisor", str(files.root)]
    try:
        log = os.open(files.log_file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    except OSError as error:
        raise LabError(f"{files.log_file} cannot be written: {error.strerror}") from error
    try:
        _supervisors.append(
            subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        )
    except OSError as error:
        raise LabError(f"the supervisor of the queue cannot be started: {error.strerror}") from error
    finally:
        os.close(log)
    return True


def _cancelled(files: QueueFiles) -> bool:
    order = files.peek()
    return order is not None and any(entry.cancelled for entry in order.runs)


def _refuse_unfit(directory: RunDirectory, record: RunRecord, *, resume: bool) -> None:
    state = true_state(record, directory)
    if state == "queued" or (state == "starting" and record.worker is None):
        return  # The second is one that was just made.
    if state in ACTIVE_STATES:
        raise RunBusyError(f"{directory.id} is {state} already; iml-lab attach {directory.id} shows it")
    if state not in RESUMABLE_STATES:
        raise UsageError(f"{directory.id} is {state}: there is nothing left to train")
    if has_begun(record) and not resume:
        raise UsageError(f"{directory.id} is {state}; go on with it by iml-lab resume {directory.id}")


@contextlib.contextmanager
def owning(directory: RunDirectory) -> Iterator[RunRecord]:
    """The record of a run, while its lock keeps workers off; a damaged one is mended first.

    Raises:
        RunBusyError: a worker is at it.
        LabError: the run cannot be read or written.
    """
    with one_at_a_time:
        lock = RunLock(directory.lock_file)
        try:
            mend_record(directory)
            yield directory.read_record()
        except OSError as error:
            raise LabError(f"{directory.path} cannot be written: {error.strerror or error}") from error
        finally:
            lock.release()
