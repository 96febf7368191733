"""Those who look on: labs in terminals of their own, and command lines that follow a run. They come and go."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Callable
from typing import Final

from tests.soak.lab import Lab
from tests.soak.terminal import Terminal

MOST: Final = 2
"""Labs that are open at once."""

END_SECONDS: Final = 30.0
"""A lab whose terminal is gone has ended after this time, also on a busy machine."""

SIZES: Final = ((120, 40), (80, 24), (200, 60))

PRESSED: Final = (
    *("up", "down", "left", "right", "tab", "shift+tab", "enter", "escape", "page down", "page up"),
    *("f1", "f2", "f3", "f4", "f6", "f7", "f8", "f9"),
    *("1", "2", "3", "4", "5", "6", "c", "v", "h", "u", "p", "k", "j", "b", " "),
)


class Viewers:
    """What viewers do, at random.

    Attributes:
        weights: how often each is done.
    """

    def __init__(self, lab: Lab) -> None:
        self._lab, self._random = lab, lab.random
        self.weights: dict[Callable[[], str], int] = {
            self._open: 4,
            self._press: 12,
            self._resize: 2,
            self._stall_terminal: 2,
            self._leave: 5,
            self._follow: 4,
            self._stop_following: 4,
        }

    def _open(self) -> str:
        if len(self._lab.terminals) >= MOST:
            return ""
        runs = self._lab.runs()
        words = ["--data", str(self._lab.data), "--device", "cpu"]
        if runs and self._random.random() < 0.7:
            words = ["attach", self._random.choice(runs).directory.id]
        columns, rows = self._random.choice(SIZES)
        terminal = self._lab.open_terminal(*words, columns=columns, rows=rows)
        end = time.monotonic() + END_SECONDS
        while terminal.written < 2000 and terminal.process.poll() is None and time.monotonic() < end:
            time.sleep(0.02)
        return f"a lab is opened, {columns}x{rows}: iml-lab {' '.join(words)}"

    def _terminal(self) -> Terminal | None:
        self._lab.reap()
        return self._random.choice(self._lab.terminals) if self._lab.terminals else None

    def _press(self) -> str:
        terminal = self._terminal()
        if terminal is None:
            return ""
        keys = self._random.choices(PRESSED, k=self._random.randint(1, 12))
        for key in keys:
            terminal.type(key)
            time.sleep(self._random.choice((0.0, 0.02, 0.2)))
        return f"keys: {' '.join('space' if key == ' ' else key for key in keys)}"

    def _resize(self) -> str:
        terminal = self._terminal()
        if terminal is None:
            return ""
        columns, rows = self._random.randint(20, 200), self._random.randint(5, 60)
        terminal.resize(columns, rows)
        return f"a terminal becomes {columns}x{rows}"

    def _stall_terminal(self) -> str:
        """Nobody reads what the lab writes, as over a connection that hangs."""
        terminal = self._terminal()
        if terminal is None:
            return ""
        seconds = self._random.uniform(0.5, 4)
        terminal.stalled.set()
        time.sleep(seconds)
        terminal.stalled.clear()
        return f"a terminal hung for {seconds:.1f} s"

    def _leave(self) -> str:
        terminal = self._terminal()
        if terminal is None:
            return ""
        self._lab.terminals.remove(terminal)
        return self.end(terminal, self._random.choice(("closed", "SIGHUP", "SIGKILL", "SIGTERM", "quit")))

    def end(self, terminal: Terminal, how: str) -> str:
        """End a lab in one of five ways; the lab must have ended then."""
        if how == "closed":
            terminal.hang_up()
        elif how == "quit":
            for key in ("escape", "escape", "escape", "ctrl+q"):
                terminal.type(key)
                time.sleep(0.3)
            terminal.type("d")
            if terminal.end(5) is None:  # It may have been in a field or a dialog.
                terminal.hang_up()
        else:
            terminal.process.send_signal(signal.Signals[how])
        if terminal.end(END_SECONDS) is None:
            self._lab.report(f"a lab goes on for {END_SECONDS:.0f} s after its end ({how})")
        with contextlib.suppress(OSError):
            terminal.kill()
        return f"a lab is left: {how}"

    def _follow(self) -> str:
        runs = self._lab.active()
        followers = [command for command in self._lab.commands if command.follows]
        if not runs or len(followers) >= MOST:
            return ""
        directory = self._random.choice(runs).directory
        self._lab.start("attach", directory.id, "--plain", follows=True)
        return f"iml-lab attach {directory.id} --plain"

    def _stop_following(self) -> str:
        """Of a viewer the end changes nothing; Ctrl-C to the command that started a run stops it."""
        followers = [command for command in self._lab.commands if command.follows]
        if not followers:
            return ""
        command = self._random.choice(followers)
        number = self._random.choice((signal.SIGINT, signal.SIGTERM, signal.SIGKILL, signal.SIGHUP))
        command.send(number)
        return f"{number.name} to iml-lab {' '.join(command.words[:2])}"
