"""A real terminal of the lab: a pty that somebody types on, stalls, resizes, hangs up."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Final

_TAIL: Final = 1 << 14

KEYS: Final = {
    "up": "\x1b[A",
    "down": "\x1b[B",
    "right": "\x1b[C",
    "left": "\x1b[D",
    "enter": "\r",
    "escape": "\x1b",
    "tab": "\t",
    "shift+tab": "\x1b[Z",
    "f1": "\x1bOP",
    "f2": "\x1bOQ",
    "f3": "\x1bOR",
    "f4": "\x1bOS",
    "f5": "\x1b[15~",
    "f6": "\x1b[17~",
    "f7": "\x1b[18~",
    "f8": "\x1b[19~",
    "f9": "\x1b[20~",
    "page down": "\x1b[6~",
    "page up": "\x1b[5~",
    "ctrl+q": "\x11",
}
"""What a terminal sends for keys that are no characters."""


class Terminal:
    """A program in a terminal of its own, which reads all that it writes.

    Args:
        command: what runs in it.
        environment: its environment.
        columns, rows: the size.

    Attributes:
        written: bytes that the program has written.
        stalled: while it is set nothing is read, as over a connection that hangs.
    """

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], columns: int = 120, rows: int = 40
    ) -> None:
        self._master, slave = pty.openpty()
        self.resize(columns, rows)
        self.process = subprocess.Popen(
            command,
            env={**environment, "TERM": "xterm-256color", "COLORTERM": "truecolor"},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=_take_terminal,
        )
        os.close(slave)
        self.written = 0
        self.stalled = threading.Event()
        self._closing = threading.Event()
        self._tail = b""
        self._thread = threading.Thread(target=self._drain, daemon=True)
        self._thread.start()

    def _drain(self) -> None:
        """Read until the program has ended or the terminal is closed."""
        with contextlib.suppress(OSError):  # EIO: the program has ended.
            while not self._closing.is_set():
                if self.stalled.is_set():
                    time.sleep(0.05)
                elif select.select([self._master], [], [], 0.05)[0]:
                    data = os.read(self._master, 1 << 16)
                    self.written += len(data)
                    self._tail = (self._tail + data)[-_TAIL:]
        # Here and not elsewhere: a descriptor that another thread waits for would stay open.
        os.close(self._master)

    @property
    def tail(self) -> str:
        """The last of what the program wrote."""
        return self._tail.decode(errors="replace")

    def type(self, keys: str) -> None:
        """Send characters, or the name of a key."""
        with contextlib.suppress(OSError):  # It has ended meanwhile.
            # Never wait for a program that does not read.
            if select.select([], [self._master], [], 0)[1]:
                os.write(self._master, KEYS.get(keys, keys).encode())

    def resize(self, columns: int, rows: int) -> None:
        """Give the terminal another size; the program gets SIGWINCH."""
        with contextlib.suppress(OSError):
            fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def hang_up(self) -> None:
        """Close the terminal: the program gets SIGHUP, and errors where it writes."""
        self._closing.set()
        self._thread.join()

    def end(self, seconds: float) -> int | None:
        """Wait for the program's end; its exit code, or None where it goes on."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.process.wait(timeout=seconds)
        return None

    def kill(self) -> None:
        """End the program, and close the terminal."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.hang_up()


def _take_terminal() -> None:
    """In the child, which leads a session: stdin becomes its terminal, and signals do what they do by default."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
