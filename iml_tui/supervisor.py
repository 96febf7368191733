"""The process that works the queue of this host off: `python -m iml_tui.supervisor RUNS`.

It starts a worker for the first run that fits a free slot, one run a slot at a time, and ends when nobody waits and
all its workers have ended. Workers live in sessions of their own: whatever ends the supervisor, they go on, and the
next one sees them at work. It never imports torch.
"""

from __future__ import annotations

import contextlib
import logging
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from iml_tui.errors import LabError, RunBusyError
from iml_tui.runs.atomic import write_atomically
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.history import History
from iml_tui.runs.lock import RunLock
from iml_tui.runs.process import last_log_line, own_identity, start_worker, terminate, true_state
from iml_tui.runs.queue import owning, queued_record
from iml_tui.runs.queue_order import Order, OrderEntry, QueueFiles
from iml_tui.runs.slots import assign, machine_slots, occupied
from iml_tui.runs.updating import update_record

POLL_SECONDS = 0.5

LOOK_SECONDS = 2.0
"""How often the records of all runs are looked at while those that wait wait for devices that others have."""

RETRY_SECONDS = 30.0
"""A run whose worker could not be started (a full disk, too many processes) is tried again after this time."""

NOT_FAILED = frozenset({RunBusyError.exit_code, 130, -signal.SIGTERM})
"""How a worker ends that found the run's lock taken, or the run cancelled, or was ended because it is."""


@dataclass(frozen=True)
class Begun:
    """A worker that was started here, and the slot that it has until it ends."""

    directory: RunDirectory
    slot: str
    process: subprocess.Popen[bytes]


class Supervisor:
    """Works a queue off. Whoever makes one holds the supervisor's lock, and hands it over."""

    def __init__(self, files: QueueFiles, lock: RunLock, slots: Sequence[str]) -> None:
        self._files = files
        self._lock = lock
        self._slots = slots
        self._begun: dict[str, Begun] = {}
        self._history = History(files.root)
        self._retry: dict[str, float] = {}
        self._blocked: dict[str, tuple[str, str]] = {}
        self._next_look = 0.0
        self._problem = ""
        self.terminated = False

    def run(self) -> None:
        """Work until nothing is left, or SIGTERM: that leaves the workers and the order to the next supervisor."""
        while not self.terminated:
            try:
                if self.step():
                    return
                self._problem = ""
            except (LabError, OSError) as error:
                # A full disk, say: all that can be done is to try again.
                if str(error) != self._problem:
                    self._problem = str(error)
                    logging.warning("%s", error)
            time.sleep(POLL_SECONDS)
        logging.info("ended by a signal; workers go on")
        self._lock.release()

    def step(self) -> bool:
        """See who has ended and start who may begin; whether nothing is left to do, and the lock is given up.

        Raises:
            LabError, OSError: files of the queue or of a run cannot be read or written.
        """
        self._reap()
        self._start_what_fits()
        return self._left_when_done()

    def _start_what_fits(self) -> None:
        with self._files.editing() as order:
            waiting = self._prune(order)
        if not waiting:
            return
        busy = {begun.slot for begun in self._begun.values()}
        if not assign(waiting.values(), self._slots, busy):
            return
        if waiting == self._blocked and time.monotonic() < self._next_look:
            return
        busy |= self._occupied()
        self._blocked, self._next_look = dict(waiting), time.monotonic() + LOOK_SECONDS
        while fitting := assign(waiting.values(), self._slots, busy):
            for run, slot in fitting:
                del waiting[run]
                # Where the worker cannot be started, the slot is the next one's.
                if self._start(run, slot):
                    busy.add(slot)

    def _occupied(self) -> set[str]:
        """The slots on which workers of this host are that were not started here."""
        found = set()
        for entry in self._history.entries():
            record = entry.record
            if record is None or entry.state not in ("starting", "running", "paused"):
                continue
            host = record.worker.host if record.worker is not None else record.host
            if host == socket.gethostname() and entry.directory.id not in self._begun:
                found.add(occupied(record.device, entry.state, self._slots))
        return found

    def _prune(self, order: Order) -> dict[str, tuple[str, str]]:
        """Take out of the order what does not wait any more; returns who may begin, with the devices asked for."""
        waiting: dict[str, tuple[str, str]] = {}
        for entry in list(order.runs):
            record = queued_record(RunDirectory(self._files.root / entry.run))
            if entry.cancelled:
                self._end_cancelled(entry)
            if record is None or entry.cancelled:
                order.remove(entry.run)
            elif entry.run not in self._begun and time.monotonic() >= self._retry.get(entry.run, 0.0):
                waiting[entry.run] = (entry.run, record.device.requested)
        return waiting

    def _end_cancelled(self, entry: OrderEntry) -> None:
        """End the worker of a run that was cancelled between its start and its taking the run over."""
        begun = self._begun.get(entry.run)
        if begun is not None:
            begun.process.terminate()
            return
        with contextlib.suppress(LabError):  # The worker of a former supervisor.
            directory = RunDirectory(self._files.root / entry.run)
            record = directory.read_record()
            if record.worker is not None and true_state(record, directory) in ("starting", "running"):
                terminate(record.worker)

    def _start(self, run: str, slot: str) -> bool:
        """Start the worker of a run; whether the slot is in use now."""
        directory = RunDirectory(self._files.root / run)
        try:
            resume = self._give_slot(directory, slot)
            if resume is None:
                return False
            self._begun[run] = Begun(directory, slot, start_worker(directory, resume=resume))
        except RunBusyError:
            # The worker that a former supervisor started is just taking it over.
            return True
        except (LabError, OSError) as error:
            logging.warning("%s cannot be started: %s", run, error)
            self._retry[run] = time.monotonic() + RETRY_SECONDS
            self._tell_problem(run, str(error))
            return False
        logging.info("%s begins on %s", run, slot)
        return True

    def _give_slot(self, directory: RunDirectory, slot: str) -> bool | None:
        """Write the slot into the record; whether the run is to be resumed, None where it does not wait any more."""
        with owning(directory) as record:
            order = self._files.peek()
            entry = order.find(directory.id) if order is not None else None
            if entry is None or queued_record(directory) is None:
                return None
            if record.device.slot != slot:
                update_record(directory, record, device=record.device.model_copy(update={"slot": slot}))
            return entry.resume

    def _tell_problem(self, run: str, problem: str) -> None:
        with contextlib.suppress(LabError), self._files.editing() as order:
            entry = order.find(run)
            if entry is not None:
                entry.problem = problem

    def _reap(self) -> None:
        """Take note of workers that have ended."""
        for run, begun in list(self._begun.items()):
            code = begun.process.poll()
            if code is None:
                continue
            del self._begun[run]
            self._next_look = 0.0
            logging.info("%s has ended (exit code %d)", run, code)
            if code not in NOT_FAILED and begun.directory.path.is_dir():
                _record_failed_start(begun.directory, code)

    def _left_when_done(self) -> bool:
        """Give the lock up where nothing is left to do; whether it was.

        Inside the lock of the order: a run that is queued before is seen here, and whoever queues one afterwards sees
        that nobody supervises.
        """
        with self._files.editing() as order:
            if order.runs or self._begun:
                return False
            self._files.supervisor_file.unlink(missing_ok=True)
            self._lock.release()
        return True


def _record_failed_start(directory: RunDirectory, exit_code: int) -> None:
    """Record that the worker ended before it took the run over: one that did has made it something else than queued."""
    with contextlib.suppress(RunBusyError), owning(directory) as record:
        if queued_record(directory) is not None:
            message = f"the worker ended before it began (exit code {exit_code}): {last_log_line(directory)}"
            update_record(directory, record, state="failed", message=message)


def main(arguments: list[str]) -> int:
    """Supervise the queue of the runs in the directory that is the one argument; returns the exit code."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m iml_tui.supervisor RUNS\n")
        return 2
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(asctime)s %(message)s")
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    files = QueueFiles(Path(arguments[0]).absolute())
    try:
        with files.locked():
            lock = files.take_supervisor_lock()
    except RunBusyError:
        return 0  # Another one was faster.
    except LabError as error:
        logging.warning("%s", error)
        return error.exit_code
    supervisor = Supervisor(files, lock, machine_slots())

    def end(number: int, frame: FrameType | None) -> None:
        supervisor.terminated = True

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    with contextlib.suppress(OSError):
        write_atomically(files.supervisor_file, own_identity().model_dump_json() + "\n")
    supervisor.run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
