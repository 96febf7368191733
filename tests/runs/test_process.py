from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from iml_tui.runs import process
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.process import own_identity, owner, record_failed_start, terminate, true_state
from iml_tui.runs.record import ACTIVE_STATES, WorkerIdentity
from tests.recorded import CREATED, departed


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


@pytest.mark.parametrize("change", [{"started": 0.25}, {"boot_id": "another"}, {"host": "elsewhere"}])
def test_a_reused_process_id_is_never_signalled(
    stranger: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch, change: dict[str, object]
) -> None:
    def kill(*_: object) -> None:
        raise AssertionError("signalled")

    monkeypatch.setattr(os, "kill", kill)
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
