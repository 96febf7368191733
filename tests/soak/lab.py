"""A lab that is soaked: its home, the command lines and terminals that are open on it, and what went wrong."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from iml_tui.errors import LabError
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.history import HistoryEntry, list_runs
from tests.soak.terminal import Terminal
from tests.workers import heed_interrupts, write_cities

COMMAND_SECONDS = 150.0
"""`stop` and the like wait up to a minute by themselves, and the machine is busy."""

EXIT_CODES = frozenset({0, 1, 2, 75, 130, 143})
"""Those that the design knows."""

UNFORESEEN = ("Traceback (most recent call last)", "Something unforeseen went wrong")


@dataclass
class Command:
    """A command line at work. `follows` tells that it ends with a run, so that it may take any time."""

    words: tuple[str, ...]
    process: subprocess.Popen[bytes]
    output: Path
    follows: bool
    begun: float = field(default_factory=time.monotonic)
    ended_by_us: bool = False

    def text(self) -> str:
        """What it wrote to stdout and stderr."""
        return self.output.read_text(errors="replace")

    def send(self, number: int) -> None:
        """Send it a signal, by which it may end."""
        self.ended_by_us = True
        self.process.send_signal(number)


class Lab:
    """One home below `path`, and everything that is open on it.

    Attributes:
        problems: sentences on what is not as it should be.
        kills: SIGKILLs to the workers of each run, by its id.
        done: how often each action was done, by its name.
    """

    def __init__(self, path: Path, seed: int) -> None:
        self.home = path / "home"
        self.root = self.home / "runs"
        self.references = path / "references"
        self.data = path / "cities"
        self.data.mkdir(parents=True, exist_ok=True)
        write_cities(self.data)
        self._outputs = path / "commands"
        self._outputs.mkdir(exist_ok=True)
        self.environment = {**os.environ, "IML_LAB_HOME": str(self.home)}
        self.random = random.Random(seed)
        self.commands: list[Command] = []
        self.terminals: list[Terminal] = []
        self.problems: list[str] = []
        self.kills: Counter[str] = Counter()
        self.done: Counter[str] = Counter()
        self._began = time.monotonic()
        self._count = 0

    def say(self, line: str) -> None:
        """One line an action."""
        sys.stdout.write(f"{time.monotonic() - self._began:7.1f} s  {line}\n")
        sys.stdout.flush()

    def report(self, problem: str) -> None:
        """Something is not as it should be."""
        self.problems.append(problem)
        self.say(f"!! {problem}")

    def start(self, *words: str, follows: bool = False) -> Command:
        """Start a command line, and do not wait for it."""
        self._count += 1
        output = self._outputs / f"{self._count:04d}.txt"
        with output.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "iml_tui", *words],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                preexec_fn=heed_interrupts,
            )
        command = Command(words, process, output, follows)
        self.commands.append(command)
        return command

    def call(self, *words: str) -> tuple[int, str]:
        """Run a command line to its end; its exit code and what it wrote."""
        command = self.start(*words)
        with contextlib.suppress(subprocess.TimeoutExpired):
            command.process.wait(timeout=COMMAND_SECONDS)
        self.reap()
        return command.process.poll() or 0, command.text()

    def reap(self) -> None:
        """Look at the commands and terminals that have ended by themselves, and at those that should have."""
        for command in list(self.commands):
            code = command.process.poll()
            line = f"iml-lab {' '.join(command.words)}"
            if code is None:
                if not command.follows and time.monotonic() - command.begun > COMMAND_SECONDS:
                    self.report(f"{line} still runs after {COMMAND_SECONDS:.0f} s: {command.text()[-500:]}")
                    command.process.kill()
                    command.ended_by_us = True
                continue
            self.commands.remove(command)
            text = command.text()
            # Ctrl-C while Python itself still starts: nobody can say that in a sentence.
            interrupted = command.ended_by_us and text.rstrip().endswith("KeyboardInterrupt")
            if any(sign in text for sign in UNFORESEEN) and not interrupted:
                self.report(f"{line} says: {text[-2000:]}")
            elif code not in EXIT_CODES and not command.ended_by_us:
                self.report(f"{line} ended with {code}: {text[-500:]}")
        for terminal in list(self.terminals):
            code = terminal.process.poll()
            if code is not None:
                self.terminals.remove(terminal)
                terminal.kill()
                # A run that is deleted while the lab on it opens is refused in a sentence.
                if code != 0 and "there is no run" not in terminal.tail:
                    self.report(f"a lab ended by itself with {code}: {terminal.tail[-1500:]!r}")

    def open_terminal(self, *words: str, columns: int, rows: int) -> Terminal:
        """A lab in a terminal."""
        command = [sys.executable, "-P", "-m", "iml_tui", *words]
        terminal = Terminal(command, self.environment, columns, rows)
        self.terminals.append(terminal)
        return terminal

    def runs(self) -> list[HistoryEntry]:
        """The runs, oldest first."""
        with contextlib.suppress(LabError):
            return list(reversed(list_runs(self.root)))
        return []

    def active(self) -> list[HistoryEntry]:
        """The runs at which a worker is or is about to be."""
        return [entry for entry in self.runs() if entry.active and entry.state != "queued"]

    def processes(self) -> Iterator[psutil.Process]:
        """All processes of this home but those of the references, zombies not among them."""
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.environ().get("IML_LAB_HOME") == str(self.home):
                    yield process

    def workers(self, directory: RunDirectory) -> list[psutil.Process]:
        """The workers of a run, also those that have not said yet that they are."""
        return [
            process
            for process in self.processes()
            if "iml_tui.worker" in (words := _words(process)) and str(directory.path) in words
        ]

    def supervisors(self) -> list[psutil.Process]:
        """The supervisors of the queue."""
        return [process for process in self.processes() if "iml_tui.supervisor" in _words(process)]

    def kill_workers(self, directory: RunDirectory, number: int) -> int:
        """Send a signal to the workers of a run; returns to how many."""
        workers = self.workers(directory)
        for worker in workers:
            with contextlib.suppress(psutil.Error):
                worker.send_signal(number)
                # SIGTERM may come before the worker listens, and then ends it as SIGKILL does.
                self.kills[directory.id] += number in (signal.SIGKILL, signal.SIGTERM)
        return len(workers)

    def close(self) -> None:
        """End everything that is still there, however."""
        for terminal in self.terminals:
            terminal.kill()
        for command in self.commands:
            command.process.kill()
            command.process.wait()
        for process in (*self.supervisors(), *self.processes()):
            with contextlib.suppress(psutil.Error):
                process.kill()


def _words(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []
