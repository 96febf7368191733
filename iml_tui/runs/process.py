"""Starting a worker that outlives its starter, and telling whether the worker of a run still lives."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Final, Literal

import psutil

from iml_tui.errors import LabError, RunBusyError
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.lock import RunLock, lock_holder
from iml_tui.runs.opening import open_file, open_regular
from iml_tui.runs.record import ACTIVE_STATES, RecordHead, State, WorkerIdentity
from iml_tui.runs.updating import update_record
from iml_tui.text import printable

START_SECONDS = 120.0
"""A worker that has not taken its run over after this time never will: importing torch takes seconds, on a cold
network file system up to a minute."""

_END_OF_LOG: Final = 1 << 16


def start_worker(directory: RunDirectory, *, resume: bool = False) -> subprocess.Popen[bytes]:
    """Start `python -m iml_tui.worker` in a session of its own, its output in the run's log.

    Neither closing the terminal nor the end of this process touches it. With `resume` it goes on where an earlier
    worker of the run left off.

    Raises:
        LabError: the process cannot be started.
    """
    # -P keeps the user's current directory, which may hold a torch.py, off the import path.
    command = [sys.executable, "-P", "-m", "iml_tui.worker", *(["--resume"] if resume else []), str(directory.path)]
    try:
        log = open_file(directory.log_file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    except OSError as error:
        raise LabError(f"{printable(str(directory.log_file))} cannot be written: {error.strerror}") from error
    try:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    except OSError as error:
        raise LabError(f"the worker cannot be started: {error.strerror}") from error
    finally:
        os.close(log)


def own_identity() -> WorkerIdentity:
    """The identity of this process."""
    pid = os.getpid()
    started = _start_time(pid)
    assert started is not None, "this process exists"
    return WorkerIdentity(pid=pid, started=started, boot_id=_boot_id(), host=socket.gethostname())


def owner(identity: WorkerIdentity) -> Literal["alive", "gone", "elsewhere"]:
    """Whether the process lives; "elsewhere" where it runs on another host and cannot be seen from here."""
    if identity.host != socket.gethostname():
        return "elsewhere"
    if identity.boot_id != _boot_id() or _start_time(identity.pid) != identity.started:
        return "gone"
    return "alive"


def terminate(identity: WorkerIdentity) -> bool:
    """Send SIGTERM to a worker that is certainly the one meant; whether it was sent."""
    if owner(identity) != "alive":
        return False
    try:
        if not hasattr(os, "pidfd_open"):  # Not Linux.
            os.kill(identity.pid, signal.SIGTERM)
            return True
        # Held on to before it is looked at again: the process id may pass to another process at any time.
        process = os.pidfd_open(identity.pid)
        try:
            if owner(identity) != "alive":
                return False
            signal.pidfd_send_signal(process, signal.SIGTERM)
        finally:
            os.close(process)
    except OSError:  # It has ended, or is not this user's.
        return False
    return True


def true_state(record: RecordHead, directory: RunDirectory | None = None) -> State:
    """The record's state, or `interrupted` where it says that a worker is at it but none is.

    A worker is at a run of this host where its process lives and holds the lock of `directory`: one that lives may be
    at the run that this one is a copy of. A worker that holds the lock and has not said yet who it is, is `starting`.
    Of another host's worker nothing is known, and the record is believed.
    """
    if record.state not in ACTIVE_STATES or record.state == "queued":
        return record.state
    if record.worker is None:
        late = record.host == socket.gethostname() and time.time() - (record.asked or record.created) > START_SECONDS
        return "interrupted" if late and not _is_taken(directory, if_unknown=False) else record.state
    match owner(record.worker):
        case "elsewhere":
            return record.state
        case "alive":
            own = record.worker.pid == os.getpid()
            return record.state if own or _is_taken(directory, if_unknown=True) else "interrupted"
        case "gone":
            return "starting" if _is_taken(directory, if_unknown=False) else "interrupted"


def _is_taken(directory: RunDirectory | None, *, if_unknown: bool) -> bool:
    """Whether another process holds the run's lock; `if_unknown` where that cannot be told."""
    if directory is None:
        return if_unknown
    try:
        return lock_holder(directory.lock_file) not in (None, os.getpid())
    except OSError:
        return if_unknown


def host_elsewhere(record: RecordHead, state: State) -> str:
    """The other host that says it is at a run of this state, so that nobody here can tell; "" where there is none."""
    if state not in ACTIVE_STATES or state == "queued":
        return ""
    host = record.worker.host if record.worker is not None else record.host
    return host if host != socket.gethostname() else ""


def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:  # Not Linux.
        return str(int(psutil.boot_time()))


def _start_time(pid: int) -> float | None:
    """When the process started; None where there is none, or only its zombie.

    On Linux in seconds since boot, which setting the clock does not change, elsewhere since the epoch.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return _portable_start_time(pid) if not Path("/proc/self/stat").exists() else None
    # proc(5): the name in parentheses may hold anything; state is the first field after it, start time the 20th.
    values = stat.rpartition(")")[2].split()
    return None if values[0] in "ZX" else int(values[19]) / os.sysconf("SC_CLK_TCK")


def _portable_start_time(pid: int) -> float | None:
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.Error:
        return None


def record_failed_start(directory: RunDirectory, exit_code: int) -> None:
    """Record that the worker ended before it took the run over (it could not even import, say).

    Does nothing where some worker did take it over.
    """
    try:
        lock = RunLock(directory.lock_file)
    except RunBusyError:
        return
    try:
        record = directory.read_record()
        if record.state != "starting" or record.worker is not None:
            return
        message = f"the worker ended before it began (exit code {exit_code}): {last_log_line(directory)}"
        with contextlib.suppress(OSError):  # On a full disk nothing can be recorded; the run ends up interrupted.
            update_record(directory, record, state="failed", message=message)
    finally:
        lock.release()


def last_log_line(directory: RunDirectory) -> str:
    """The last line of the run's log that says anything. It may hold any text."""
    try:
        with open_regular(directory.log_file) as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _END_OF_LOG))
            lines = file.read(_END_OF_LOG).decode(errors="replace").splitlines()
    except OSError:
        lines = []
    told = [line.strip() for line in lines if line.strip()]
    return told[-1] if told else f"{directory.log_file} is empty"
