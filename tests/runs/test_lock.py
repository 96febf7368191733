from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from iml_tui.errors import LabError, RunBusyError
from iml_tui.runs import lock as locking
from iml_tui.runs.lock import RunLock, lock_holder

# Holds the lock until its standard input is closed; says so once it has it.
_HOLDER = """
import sys
from pathlib import Path
from iml_tui.runs.lock import RunLock
lock = RunLock(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def held_elsewhere(path: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", _HOLDER, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_second_process_is_refused_until_the_first_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "20251009-085320-epochs" / "lock"
    path.parent.mkdir()
    with held_elsewhere(path) as process:
        with pytest.raises(RunBusyError, match="20251009-085320-epochs is owned by another worker") as caught:
            RunLock(path)
        assert caught.value.exit_code == 75
        process.kill()
        process.wait()
        RunLock(path).release()


def test_a_lock_that_was_released_is_free(tmp_path: Path) -> None:
    RunLock(tmp_path / "lock").release()
    with held_elsewhere(tmp_path / "lock"):
        pass


def test_a_file_system_without_locks_is_not_another_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "lockf", fail)
    with pytest.raises(LabError, match="cannot be locked: No locks available") as caught:
        RunLock(tmp_path / "lock")
    assert not isinstance(caught.value, RunBusyError)


def test_a_missing_directory_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="lock cannot be opened: No such file"):
        RunLock(tmp_path / "missing" / "lock")


def test_the_holder_of_a_lock_is_known(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert lock_holder(path) is None
    assert not path.exists()
    with held_elsewhere(path) as process:
        assert lock_holder(path) == process.pid
        assert lock_holder(path) == process.pid
        process.kill()
        process.wait()
        assert lock_holder(path) is None


def test_asking_frees_no_lock_of_this_process(tmp_path: Path) -> None:
    lock = RunLock(tmp_path / "lock")
    assert lock_holder(tmp_path / "lock") == os.getpid()
    with pytest.raises(RunBusyError):  # Closing what was opened for a second one would free the first.
        RunLock(tmp_path / "lock")
    taker = [sys.executable, "-c", _HOLDER, str(tmp_path / "lock")]
    second = subprocess.run(taker, input="", capture_output=True, text=True, check=False)
    assert "RunBusyError" in second.stderr
    lock.release()
    assert lock_holder(tmp_path / "lock") is None
    assert subprocess.run(taker, input="", capture_output=True, text=True, check=True).stdout == "held\n"


def test_a_copied_lock_is_nobodys(tmp_path: Path) -> None:
    with held_elsewhere(tmp_path / "lock") as process:
        (tmp_path / "copy").write_bytes((tmp_path / "lock").read_bytes())
        assert lock_holder(tmp_path / "copy") is None
        (tmp_path / "lock").rename(tmp_path / "moved")
        assert lock_holder(tmp_path / "moved") == process.pid


def test_where_the_holder_cannot_be_told_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lock").touch()
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(locking.sys, "platform", "plan9")
        with pytest.raises(OSError, match="cannot be asked for"):
            lock_holder(tmp_path / "lock")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="not a regular file"):
        lock_holder(tmp_path / "pipe")
