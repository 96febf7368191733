"""The files of a queue, which belongs to one host: who waits in which order, and who works it off.

    queue/<host>/order.json       the runs that wait, in order; replaced as a whole under `order.lock`
    queue/<host>/supervisor.lock  held by the supervisor for as long as it lives
    queue/<host>/supervisor.json  its identity
    queue/<host>/supervisor.log   what it did

Home directories are shared between machines: each has a queue of its own.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, Field, ValidationError, field_validator

from iml_tui.errors import LabError, RunBusyError
from iml_tui.runs.atomic import write_atomically
from iml_tui.runs.history import list_runs
from iml_tui.runs.lock import RunLock
from iml_tui.runs.process import owner
from iml_tui.runs.record import RecordHead, WorkerIdentity

LOCK_SECONDS = 10.0
"""The lock of the order is held for milliseconds; whoever holds it for longer hangs."""

one_at_a_time = threading.RLock()
"""Locks of files do not exclude the threads of one process, and closing a file in one ends the lock of another."""


class OrderEntry(BaseModel):
    """A run that waits since `since` (seconds since the epoch); `resume` tells that it goes on with what it has.

    `cancelled` is set where a worker may have been started already: the supervisor ends it and removes the entry.
    `problem` is why the last attempt to start it came to nothing, "" where there was none.
    """

    run: str
    resume: bool = False
    since: float = 0.0
    cancelled: bool = False
    problem: str = ""

    @field_validator("run")
    @classmethod
    def _name(cls, run: str) -> str:
        # It is joined onto a path: it must not lead anywhere else.
        if not run or run.startswith(".") or "/" in run or "\0" in run:
            raise ValueError("is not the name of a run")
        return run


class Order(BaseModel):
    """`order.json`. `note` is what users of the queue are to know, "" where there is nothing."""

    format: int = 1
    runs: list[OrderEntry] = Field(default_factory=list)
    note: str = ""

    def find(self, run: str) -> OrderEntry | None:
        """The entry of a run that waits."""
        return next((entry for entry in self.runs if entry.run == run and not entry.cancelled), None)

    def remove(self, run: str) -> None:
        """Take a run out."""
        self.runs = [entry for entry in self.runs if entry.run != run]


@dataclass(frozen=True)
class QueueFiles:
    """The queue of this host for the runs below `root`."""

    root: Path

    @property
    def path(self) -> Path:
        """The queue's directory."""
        host = re.sub(r"[^A-Za-z0-9._-]", "_", socket.gethostname()).lstrip(".") or "host"
        return self.root.with_name("queue") / host

    @property
    def order_file(self) -> Path:
        """`order.json`."""
        return self.path / "order.json"

    @property
    def supervisor_file(self) -> Path:
        """`supervisor.json`."""
        return self.path / "supervisor.json"

    @property
    def log_file(self) -> Path:
        """`supervisor.log`."""
        return self.path / "supervisor.log"

    def peek(self) -> Order | None:
        """The order as it stands, without the lock, which reading a file that is replaced as a whole does not need.

        None where it is damaged, which only who holds the lock mends.

        Raises:
            LabError: the file cannot be read.
        """
        try:
            return Order.model_validate_json(self.order_file.read_bytes())
        except FileNotFoundError:
            return Order()
        except ValidationError:
            return None
        except OSError as error:
            raise LabError(f"{self.order_file} cannot be read: {error.strerror}") from error

    @contextlib.contextmanager
    def editing(self) -> Iterator[Order]:
        """The order to be changed: nobody else changes it meanwhile, and it is written in the end where it was.

        A damaged file is moved aside, and the runs that say that they are queued are found again.

        Raises:
            LabError: the order cannot be read, written or locked.
        """
        with self.locked():
            order = self.peek()
            before = order.model_dump_json(indent=2) if order is not None else ""
            if order is None:
                order = self._found_again()
            yield order
            if not order.runs and before:
                order.note = ""
            after = order.model_dump_json(indent=2)
            if after != before:
                try:
                    write_atomically(self.order_file, after + "\n")
                except OSError as error:
                    raise LabError(f"{self.order_file} cannot be written: {error.strerror}") from error

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock of the order.

        Raises:
            LabError: it cannot be had.
        """
        with one_at_a_time:
            try:
                for directory in (self.path.parent, self.path):
                    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
                descriptor = os.open(self.path / "order.lock", os.O_RDWR | os.O_CREAT, 0o600)
            except OSError as error:
                raise LabError(f"the queue in {self.path} cannot be written: {error.strerror}") from error
            try:
                _wait_for_lock(descriptor, self.path / "order.lock")
                yield
            finally:
                os.close(descriptor)

    def take_supervisor_lock(self) -> RunLock:
        """Become the supervisor. Only inside `locked()`, so that a look at the lock is never in the way.

        Raises:
            RunBusyError: another process is.
        """
        return RunLock(self.path / "supervisor.lock")

    def supervised(self) -> bool:
        """Whether a supervisor lives. The supervisor itself does not ask: the look would end its lock."""
        if not self.path.is_dir():
            return False
        with self.locked():
            try:
                self.take_supervisor_lock().release()
            except RunBusyError:
                return True
        return False

    def supervisor(self) -> WorkerIdentity | None:
        """The identity of the supervisor that lives; None where none does or it has not said yet."""
        if not self.supervised():
            return None
        try:
            identity = WorkerIdentity.model_validate_json(self.supervisor_file.read_bytes())
        except (OSError, ValidationError):
            return None
        return identity if owner(identity) == "alive" else None

    def _found_again(self) -> Order:
        kept = self.order_file.with_name(f"order.json.damaged-{time.strftime('%Y%m%d-%H%M%S')}")
        try:
            self.order_file.rename(kept)
        except OSError as error:
            raise LabError(f"{self.order_file} is damaged and cannot be moved: {error.strerror}") from error
        return Order(
            runs=queued_records(self.root),
            note=f"the order of the queue was damaged and is kept as {kept}; the queued runs were found again and wait "
            "in the order in which they were made",
        )


def queued_records(root: Path) -> list[OrderEntry]:
    """The runs of this host whose records say that they are queued, the oldest first."""
    return [
        OrderEntry(run=entry.directory.id, resume=has_begun(entry.record), since=entry.record.created)
        for entry in reversed(list_runs(root))
        if entry.state == "queued" and entry.record is not None and entry.record.host == socket.gethostname()
    ]


def has_begun(record: RecordHead) -> bool:
    """Whether a worker was at the run before, so that the next one must go on with what is there."""
    return record.worker is not None or record.started is not None


def _wait_for_lock(descriptor: int, path: Path) -> None:
    end = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EAGAIN):
                raise LabError(f"{path} cannot be locked: {error.strerror}") from error
            if time.monotonic() > end:
                raise LabError(f"{path} is locked by a process that hangs; end that one (fuser {path})") from error
        else:
            return
        time.sleep(0.01)
