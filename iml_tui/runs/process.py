"""Starting a worker that outlives its starter, and telling whether the worker of a run still lives."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Literal

import psutil

from iml_tui.errors import LabError, RunBusyError
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.lock import RunLock
from iml_tui.runs.record import ACTIVE_STATES, RunRecord, State, WorkerIdentity

START_SECONDS = 120.0
"""A worker that has not taken its run over after this time never will: importing torch takes seconds, on a cold
network file system up to a minute."""


def start_worker(directory: RunDirectory) -> subprocess.Popen[bytes]:
    """Start `python -m iml_tui.worker` in a session of its own, its output in the run's log.

    Neither closing the terminal nor the end of this process touches it.

    Raises:
        LabError: the process cannot be started.
    """
    # -P keeps the user's current directory, which may hold a torch.py, off the import path.
    command = [sys.executable, "-P", "-m", "iml_tui.worker", str(directory.path)]
    try:
        log = os.open(directory.log_file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    except OSError as error:
        raise LabError(f"{directory.log_file} cannot be written: {error.strerror}") from error
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
        os.kill(identity.pid, signal.SIGTERM)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def true_state(record: RunRecord) -> State:
    """The record's state, or `interrupted` where it says that a worker is at it but none is."""
    if record.state not in ACTIVE_STATES or record.state == "queued":
        return record.state
    if record.worker is None:
        late = record.host == socket.gethostname() and time.time() - record.created > START_SECONDS
        return "interrupted" if late else record.state
    return "interrupted" if owner(record.worker) == "gone" else record.state


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
        directory.write_record(record.model_copy(update={"state": "failed", "message": message}))
    finally:
        lock.release()


def last_log_line(directory: RunDirectory) -> str:
    """The last line of the run's log that says anything."""
    try:
        lines = directory.log_file.read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    told = [line.strip() for line in lines if line.strip()]
    return told[-1] if told else f"{directory.log_file} is empty"
