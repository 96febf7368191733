"""The screen and other viewers: they stall, are killed, lose their terminal, and are several. The worker goes on."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.history import list_runs
from iml_tui.runs.process import terminate
from iml_tui.runs.reading import RunReader
from tests.faults.conftest import LONG, Lab, next_epoch
from tests.faults.terminal import Terminal
from tests.faults.workers import Worker
from tests.workers import DEADLINE, wait_for, wait_for_event

F5 = "\x1b[15~"


@pytest.fixture
def terminals() -> Iterator[Callable[[Terminal], Terminal]]:
    """Ends the terminals that a test opened."""
    opened: list[Terminal] = []

    def add(terminal: Terminal) -> Terminal:
        opened.append(terminal)
        return terminal

    yield add
    for terminal in opened:
        terminal.end()


@pytest.fixture
def training(lab: Lab) -> tuple[RunDirectory, Worker]:
    """A run that trains, and its worker."""
    directory = lab.make(settings=LONG)
    worker = lab.start(directory)
    wait_for_event(directory, "epoch")
    return directory, worker


def listening(pid: int) -> list[object]:
    """The network ports on which a process and its children listen."""
    processes = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    return [each for process in processes for each in process.net_connections("all") if each.status == "LISTEN"]


@pytest.mark.fault("The screen stalls")
@pytest.mark.fault("Two viewers at once")
@pytest.mark.fault("Somebody looks for open ports")
def test_a_stalled_screen_holds_nothing_up_and_catches_up(
    training: tuple[RunDirectory, Worker], lab: Lab, terminals: Callable[[Terminal], Terminal]
) -> None:
    directory, worker = training
    screen = terminals(Terminal.lab(lab.home, "attach", directory.id))
    plain = terminals(Terminal.lab(lab.home, "attach", directory.id, "--plain"))
    screen.wait_for("running")
    plain.wait_for("epoch")
    assert not listening(screen.process.pid)
    assert not listening(worker.pid)
    memory = psutil.Process(screen.process.pid).memory_info().rss
    screen.process.send_signal(signal.SIGSTOP)
    for _ in range(50):
        next_epoch(directory)
    assert psutil.Process(worker.pid).status() != psutil.STATUS_STOPPED
    worker.kill(signal.SIGTERM)
    assert worker.wait() == 130
    assert plain.process.wait(DEADLINE) == 130
    drawn = len(screen.received)
    screen.process.send_signal(signal.SIGCONT)
    screen.wait_for("stopped", since=drawn)
    assert psutil.Process(screen.process.pid).memory_info().rss < memory + (64 << 20)


def close_terminal(terminal: Terminal) -> None:
    terminal.close()


def kill(terminal: Terminal) -> None:
    terminal.process.kill()


@pytest.mark.fault("The terminal is closed, SIGHUP")
@pytest.mark.fault("The screen is killed")
@pytest.mark.parametrize("end", [close_terminal, kill])
def test_a_run_outlives_the_screen_that_started_it(
    end: Callable[[Terminal], None], lab: Lab, terminals: Callable[[Terminal], Terminal]
) -> None:
    screen = terminals(Terminal.lab(lab.home, "--data", str(lab.data), "--device", "cpu"))
    screen.wait_for("F5")
    screen.type(F5)
    directory = only_run(lab)
    wait_for_event(directory, "epoch")
    end(screen)
    screen.process.wait(DEADLINE)
    wait_for(lambda: RunReader(directory).state == "done")
    assert all(len(trial.epochs) == trial.trial.epochs for trial in RunReader(directory).results.trials)


@pytest.mark.fault("tmux is killed")
def test_a_run_outlives_tmux(lab: Lab, tmp_path: Path) -> None:
    tmux = shutil.which("tmux")
    if tmux is None:
        pytest.skip("there is no tmux here")
    socket = str(tmp_path / "tmux")

    def call(*words: str) -> str:
        return subprocess.run(
            [tmux, "-S", socket, "-f", os.devnull, *words],
            env={**os.environ, "IML_LAB_HOME": str(lab.home), "LC_ALL": "C.UTF-8"},
            capture_output=True,
            text=True,
            check=True,
            timeout=DEADLINE,
        ).stdout

    command = [sys.executable, "-P", "-m", "iml_tui", "--data", str(lab.data), "--device", "cpu"]
    call("new-session", "-d", "-x", "120", "-y", "40", *command)
    try:
        wait_for(lambda: "F5" in call("capture-pane", "-p"))
        screen = int(call("list-panes", "-F", "#{pane_pid}"))
        call("send-keys", "F5")
        directory = only_run(lab)
        wait_for_event(directory, "epoch")
    finally:
        call("kill-server")
    wait_for(lambda: not psutil.pid_exists(screen))
    wait_for(lambda: RunReader(directory).state == "done")


def only_run(lab: Lab) -> RunDirectory:
    """The one run, as soon as it is there."""
    return wait_for(lambda: next((entry.directory for entry in list_runs(lab.root) if entry.record), None))


@pytest.fixture(autouse=True)
def _leave_no_worker(lab: Lab) -> Iterator[None]:
    """Workers that the screen started are ended as well."""
    yield
    for entry in list_runs(lab.root):
        if entry.active and entry.record is not None:
            worker = RunReader(entry.directory).record.worker
            if worker is not None:
                terminate(worker)
