"""A real terminal, of which the test is the other end: what is drawn on it, and what becomes of it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
from pathlib import Path

from tests.workers import DEADLINE, wait_for

SEQUENCE = re.compile(rb"\x1b\[[0-9;:?<>=]*[ -/]*[@-~]")
"""A control sequence (ECMA-48, 5.4)."""


class Terminal:
    """A command on a terminal of 120 columns and 40 rows.

    Attributes:
        process: the command.
        received: all bytes that the terminal got.
    """

    def __init__(self, home: Path, *command: str) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        self.process = subprocess.Popen(
            command or (sys.executable, "-P", "-m", "iml_tui"),
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**os.environ, "IML_LAB_HOME": str(home), "TERM": "xterm-256color", "COLORTERM": "truecolor"},
            start_new_session=True,
            preexec_fn=_take_terminal,
        )
        os.close(slave)
        self.received = bytearray()
        self._open = True
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    @classmethod
    def lab(cls, home: Path, *arguments: str) -> Terminal:
        """The lab, or another command of it, on a terminal."""
        return cls(home, sys.executable, "-P", "-m", "iml_tui", *arguments)

    @property
    def text(self) -> str:
        """What was drawn, without control sequences: what changed, in the order in which it was drawn."""
        return SEQUENCE.sub(b"", bytes(self.received)).decode(errors="replace")

    def wait_for(self, *words: str, since: int = 0) -> None:
        """Wait until one of these was drawn, `since` so many bytes."""

        def drawn() -> bool:
            text = SEQUENCE.sub(b"", bytes(self.received[since:])).decode(errors="replace")
            return any(word in text for word in words)

        wait_for(drawn)

    def drain(self) -> None:
        """Wait until everything that an ended command wrote has been received."""
        self._reading.join(DEADLINE)

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._master, keys.encode())

    def close(self) -> None:
        """The terminal is gone, as when its window is closed: whoever has it gets SIGHUP."""
        if self._open:
            self._open = False
            os.close(self._master)

    def end(self) -> None:
        """End everything that is left."""
        self.close()
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait(DEADLINE)

    def _read(self) -> None:
        with contextlib.suppress(OSError):
            while data := os.read(self._master, 1 << 16):
                self.received += data


def _take_terminal() -> None:
    """In the child: the terminal is that of its session, so that closing it is heard of, also below nohup."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
