from __future__ import annotations

import errno
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from iml_tui.errors import LabError
from iml_tui.runs import process
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.lock import RunLock, lock_holder
from iml_tui.runs.process import (
    last_log_line,
    own_identity,
    owner,
    record_failed_start,
    start_worker,
    terminate,
    true_state,
)
from iml_tui.runs.rebuilding import rebuild_record
from iml_tui.runs.record import ACTIVE_STATES, RecordHead, WorkerIdentity
from tests.recorded import CREATED, departed
from tests.runs.test_lock import held_elsewhere


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    """A living process of somebody else."""
    with subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE) as running:
        yield running
        running.kill()


def identity_of(pid: int) -> WorkerIdentity:
    started = process._start_time(pid)
    assert started is not None
    return own_identity().model_copy(update={"pid": pid, "started": started})


def test_this_process_is_alive() -> None:
    assert owner(own_identity()) == "alive"
    assert own_identity() == own_identity()


@pytest.mark.parametrize("change", [{"started": 0.25}, {"boot_id": "another"}, {"pid": 2**22 + 1}])
def test_another_process_under_the_same_name_is_not_the_one(change: dict[str, object]) -> None:
    assert owner(own_identity().model_copy(update=change)) == "gone"


def test_a_process_on_another_host_cannot_be_seen() -> None:
    assert owner(own_identity().model_copy(update={"host": "elsewhere", "pid": 2**22 + 1})) == "elsewhere"


def test_a_zombie_is_gone(stranger: subprocess.Popen[bytes]) -> None:
    identity = identity_of(stranger.pid)
    assert owner(identity) == "alive"
    stranger.kill()
    os.waitid(os.P_PID, stranger.pid, os.WEXITED | os.WNOWAIT)  # Ended, and not yet reaped.
    assert owner(identity) == "gone"
    assert not terminate(identity)


def test_terminate_signals_the_worker(stranger: subprocess.Popen[bytes]) -> None:
    assert terminate(identity_of(stranger.pid))
    assert stranger.wait() == -signal.SIGTERM


def forbid_signals(monkeypatch: pytest.MonkeyPatch) -> None:
    def kill(*_: object) -> None:
        raise AssertionError("signalled")

    monkeypatch.setattr(os, "kill", kill)
    monkeypatch.setattr(signal, "pidfd_send_signal", kill)


def test_a_process_id_that_is_reused_between_two_looks_is_not_signalled(
    stranger: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    identity = identity_of(stranger.pid)
    looks = iter(["alive", "gone"])
    forbid_signals(monkeypatch)
    monkeypatch.setattr(process, "owner", lambda _: next(looks))
    assert not terminate(identity)


def test_a_worker_of_another_user_is_not_an_error(
    stranger: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(signal, "pidfd_send_signal", refuse)
    assert not terminate(identity_of(stranger.pid))


@pytest.mark.parametrize("change", [{"started": 0.25}, {"boot_id": "another"}, {"host": "elsewhere"}])
def test_a_reused_process_id_is_never_signalled(
    stranger: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch, change: dict[str, object]
) -> None:
    forbid_signals(monkeypatch)
    assert not terminate(identity_of(stranger.pid).model_copy(update=change))
    assert stranger.poll() is None


def test_a_name_with_parentheses_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    line = "7 (a) S 1 (b)) R " + " ".join(["0"] * 18) + " 250 0\n"
    monkeypatch.setattr(process.Path, "read_text", lambda _, **named: line)
    assert process._start_time(7) == 250 / os.sysconf("SC_CLK_TCK")


def test_a_run_whose_worker_is_gone_is_interrupted(waiting: RunDirectory) -> None:
    record = waiting.read_record()
    for state in ACTIVE_STATES - {"queued"}:
        assert true_state(record.model_copy(update={"state": state})) == state
        assert true_state(record.model_copy(update={"state": state, "worker": departed()})) == "interrupted"
    for ended in ("stopped", "failed", "done", "queued"):
        assert true_state(record.model_copy(update={"state": ended, "worker": departed()})) == ended


@pytest.mark.parametrize(("after", "state"), [(1.0, "starting"), (process.START_SECONDS + 1, "interrupted")])
def test_a_worker_has_time_to_begin(
    waiting: RunDirectory, monkeypatch: pytest.MonkeyPatch, after: float, state: str
) -> None:
    record = waiting.read_record().model_copy(update={"worker": None})
    monkeypatch.setattr(process.time, "time", lambda: CREATED + after)
    assert true_state(record) == state
    assert true_state(record.model_copy(update={"host": f"not-{socket.gethostname()}"})) == "starting"


def test_a_worker_that_could_not_begin_is_recorded(waiting: RunDirectory) -> None:
    waiting.write_record(waiting.read_record().model_copy(update={"worker": None}))
    waiting.log_file.write_text("Traceback\nModuleNotFoundError: No module named 'torch'\n\n")
    record_failed_start(waiting, 1)
    record = waiting.read_record()
    assert record.state == "failed"
    assert "exit code 1" in record.message
    assert record.message.endswith("ModuleNotFoundError: No module named 'torch'")


def test_a_worker_that_began_keeps_its_record(waiting: RunDirectory) -> None:
    record_failed_start(waiting, 1)
    assert waiting.read_record().state == "starting"


class TestLock:
    """Whose run it is, is told by the lock as well as by the process."""

    @staticmethod
    def running(run: RunDirectory, worker: WorkerIdentity | None) -> RecordHead:
        record = run.read_record().model_copy(update={"state": "running", "worker": worker})
        run.write_record(record)
        return record

    def test_a_living_process_that_holds_the_lock_is_the_worker(self, waiting: RunDirectory) -> None:
        with held_elsewhere(waiting.lock_file) as worker:
            record = self.running(waiting, identity_of(worker.pid))
            assert true_state(record, waiting) == "running"
            moved = RunDirectory(waiting.path.rename(waiting.path.parent / "moved"))
            assert true_state(record, moved) == "running"

    def test_a_copied_run_is_interrupted(self, waiting: RunDirectory) -> None:
        with held_elsewhere(waiting.lock_file) as worker:
            record = self.running(waiting, identity_of(worker.pid))
            copy = RunDirectory(waiting.path.parent / "copy")
            shutil.copytree(waiting.path, copy.path)
            assert true_state(record, copy) == "interrupted"
            assert true_state(record, waiting) == "running"

    def test_a_living_process_without_the_lock_is_another(
        self, waiting: RunDirectory, stranger: subprocess.Popen[bytes]
    ) -> None:
        assert true_state(self.running(waiting, identity_of(stranger.pid)), waiting) == "interrupted"

    def test_where_locks_cannot_be_asked_for_the_process_counts(
        self, waiting: RunDirectory, stranger: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(_: object) -> None:
            raise OSError(errno.ENOLCK, "No locks available")

        monkeypatch.setattr(process, "lock_holder", fail)
        assert true_state(self.running(waiting, identity_of(stranger.pid)), waiting) == "running"
        assert true_state(self.running(waiting, departed()), waiting) == "interrupted"

    def test_a_worker_that_has_the_lock_and_has_not_said_so_is_starting(self, waiting: RunDirectory) -> None:
        gone, unnamed = departed(), None
        with held_elsewhere(waiting.lock_file):
            assert true_state(self.running(waiting, gone), waiting) == "starting"
            late = self.running(waiting, unnamed)  # It was asked for long ago.
            assert true_state(late.model_copy(update={"state": "starting"}), waiting) == "starting"
        assert true_state(self.running(waiting, gone), waiting) == "interrupted"
        assert true_state(self.running(waiting, unnamed), waiting) == "interrupted"

    def test_looking_does_not_free_a_lock_of_this_process(self, waiting: RunDirectory) -> None:
        lock = RunLock(waiting.lock_file)
        # Who holds the lock itself, to mend or to resume a run, is no worker of it.
        assert true_state(self.running(waiting, departed()), waiting) == "interrupted"
        assert lock_holder(waiting.lock_file) == os.getpid()
        with subprocess.Popen([sys.executable, "-c", _TRY, str(waiting.lock_file)], stdout=subprocess.PIPE) as other:
            assert other.communicate()[0] == b"busy\n"
        lock.release()


_TRY = """
import sys
from pathlib import Path
from iml_tui.errors import RunBusyError
from iml_tui.runs.lock import RunLock
try:
    RunLock(Path(sys.argv[1]))
    print("free")
except RunBusyError:
    print("busy")
"""


def test_the_last_line_of_a_huge_log_is_found(waiting: RunDirectory) -> None:
    with waiting.log_file.open("wb") as file:
        file.truncate(1 << 40)  # Sparse.
        file.seek(0, os.SEEK_END)
        file.write(b"\nthe reason\n \n")
    assert last_log_line(waiting) == "the reason"


def test_only_a_regular_file_is_a_log(waiting: RunDirectory) -> None:
    os.mkfifo(waiting.log_file)
    assert last_log_line(waiting).endswith("log.txt is empty")
    with pytest.raises(LabError, match=r"log\.txt cannot be written: it is not a regular file"):
        start_worker(waiting)


def test_a_failed_start_is_in_the_log_as_well(waiting: RunDirectory) -> None:
    waiting.write_record(waiting.read_record().model_copy(update={"worker": None}))
    record_failed_start(waiting, 1)
    assert rebuild_record(waiting) == waiting.read_record()
