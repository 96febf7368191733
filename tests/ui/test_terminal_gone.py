"""The terminal goes away while the lab draws on it: the lab ends by itself, quietly."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.recorded import recorded_run

DEADLINE = 60.0


def start(home: Path) -> tuple[subprocess.Popen[bytes], int]:
    """The lab on a terminal of its own, and our end of that."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "IML_LAB_HOME": str(home), "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "30"}
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "iml_tui"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment,
        start_new_session=True,
        preexec_fn=control_terminal,
    )
    os.close(theirs)
    return process, ours


def control_terminal() -> None:
    """Make the terminal that of the new session, as a login does: its end is a hang-up."""
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def wait_for_drawing(process: subprocess.Popen[bytes], ours: int, text: bytes) -> None:
    """Read what it draws until the text is there."""
    seen = b""
    end = time.monotonic() + DEADLINE
    while text not in seen:
        assert time.monotonic() < end, seen[-2000:]
        assert process.poll() is None, seen[-2000:]
        if select.select([ours], [], [], 1.0)[0]:
            seen += os.read(ours, 1 << 16)


@pytest.mark.parametrize("way", ["hang-up", "ignored hang-up"])
def test_a_closed_terminal(tmp_path: Path, way: str) -> None:
    recorded_run(tmp_path / "runs", "epochs", "running")
    before = signal.getsignal(signal.SIGHUP)
    if way == "ignored hang-up":  # As below nohup: only reading and writing fail.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        process, ours = start(tmp_path)
    finally:
        signal.signal(signal.SIGHUP, before)
    try:
        wait_for_drawing(process, ours, b"Epochs")
        os.close(ours)
        process.wait(DEADLINE)
    finally:
        process.kill()
        process.wait()
    assert process.returncode != -signal.SIGKILL
    assert not list(Path.cwd().glob("core*"))
