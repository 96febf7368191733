"""The queue with its real supervisor and real workers."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from iml_tui.errors import LabError
from iml_tui.runs import queue
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.process import owner, terminate
from iml_tui.runs.queue_order import QueueFiles
from iml_tui.runs.record import WorkerIdentity

from .conftest import LONG, Home, wait_for, wait_for_event, wait_for_state

pytestmark = pytest.mark.end_to_end

SHORT = ("--set", "epochs=2", "--set", "learning_rates=0.01")


class Queue:
    """The queue of a lab."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.root = home.root

    def put(self, *arguments: str, data: Path | None = None) -> RunDirectory:
        """Queue a run by the command line."""
        folder = str(data or self.home.data)
        words = ("run", "learning-rate", "--data", folder, "--device", "cpu", "--queue")
        code, out, err = self.home.call(*words, *arguments)
        assert code == 0, err
        return RunDirectory(self.root / out.strip())

    def supervisor(self) -> WorkerIdentity:
        """Who works it off, as soon as somebody does."""
        return wait_for(lambda: queue.supervisor(self.root))

    def wait_for_its_end(self) -> None:
        """Wait until nobody works it off any more."""
        wait_for(lambda: not queue.supervisor_alive(self.root))

    def stop(self, directory: RunDirectory) -> None:
        """Stop a run by the command line."""
        code, _, err = self.home.call("stop", directory.id)
        assert code == 0, err

    def close(self) -> None:
        """End the supervisor, before it starts anything else."""
        for _ in range(2):  # A second one may have been started by the last command.
            identity = queue.supervisor(self.root)
            if identity is not None and terminate(identity):
                wait_for(lambda identity=identity: owner(identity) == "gone")
        for entry in queue.entries(self.root):
            try:
                queue.cancel(entry.run, self.root)
            except LabError:  # It has just begun: the home ends its worker.
                continue


@pytest.fixture
def line(home: Home) -> Iterator[Queue]:
    made = Queue(home)
    yield made
    made.close()


def times(directory: RunDirectory) -> tuple[float, float]:
    """When a run began and ended."""
    record = directory.read_record()
    assert record.started is not None
    assert record.finished is not None
    return record.started, record.finished


def test_runs_follow_one_another_also_when_one_fails(line: Queue, tmp_path: Path) -> None:
    lost = tmp_path / "lost"
    shutil.copytree(line.home.data, lost)
    first = line.put(*LONG)
    wait_for_event(first, "epoch")
    fails, last = line.put(*SHORT, data=lost), line.put(*SHORT)
    assert [entry.run for entry in queue.entries(line.root)] == [fails.id, last.id]
    shutil.rmtree(lost)
    line.stop(first)
    wait_for_state(last, "done")
    assert first.read_record().state == "stopped"
    assert fails.read_record().state == "failed"
    assert str(lost) in fails.read_record().message
    assert times(first)[1] <= times(fails)[0] <= times(fails)[1] <= times(last)[0]
    assert {run.read_record().device.slot for run in (first, fails, last)} == {"cpu"}
    line.wait_for_its_end()


def test_a_killed_supervisor_is_replaced_and_its_worker_goes_on(line: Queue) -> None:
    first = line.put(*LONG)
    wait_for_event(first, "epoch")
    second = line.put(*SHORT)
    killed = line.supervisor()
    os.kill(killed.pid, signal.SIGKILL)
    line.wait_for_its_end()
    assert line.home.call("list")[0] == 0
    assert line.supervisor() != killed
    assert first.read_record().state == "running"
    line.stop(first)
    wait_for_state(second, "done")
    assert times(first)[1] <= times(second)[0]


def test_a_supervisor_that_is_told_to_end_leaves_all_as_it_is(line: Queue) -> None:
    first = line.put(*LONG)
    wait_for_event(first, "epoch")
    second = line.put(*SHORT)
    told = line.supervisor()
    os.kill(told.pid, signal.SIGHUP)  # A closed terminal is nothing to it.
    os.kill(told.pid, signal.SIGTERM)
    line.wait_for_its_end()
    assert first.read_record().state == "running"
    assert [entry.run for entry in queue.entries(line.root)] == [second.id]
    line.stop(first)
    wait_for_state(second, "done")  # The command that stopped the first has brought another supervisor.


def test_queued_runs_wait_for_one_that_was_started_directly(line: Queue) -> None:
    line.home.start_run(*LONG)
    direct = line.home.training()
    queued = line.put(*SHORT)
    line.supervisor()
    viewer = line.home.start("attach", queued.id, "--plain")
    assert viewer.stderr is not None
    assert viewer.stderr.readline() == "queued, 1st of 1\n"
    line.stop(direct)
    wait_for_state(queued, "done")
    assert times(direct)[1] <= times(queued)[0]
    out, err = viewer.communicate()
    assert viewer.returncode == 0, err
    assert str(queued.path) in out


def test_the_order_is_changed_while_a_run_trains(line: Queue) -> None:
    first = line.put(*LONG)
    wait_for_event(first, "epoch")
    never, second, third = line.put(*SHORT), line.put(*SHORT), line.put(*SHORT)
    assert line.home.call("queue", "move", third.id, "1")[0] == 0
    assert line.home.call("queue", "cancel", never.id)[0] == 0
    line.stop(first)
    wait_for_state(second, "done")
    assert times(third)[1] <= times(second)[0]
    line.wait_for_its_end()
    record = never.read_record()
    assert (record.state, record.started) == ("stopped", None)


def test_a_damaged_order_is_mended_by_the_supervisor(line: Queue) -> None:
    first = line.put(*LONG)
    wait_for_event(first, "epoch")
    second = line.put(*SHORT)
    files = QueueFiles(line.root)
    files.order_file.write_bytes(b"\x00garbled")
    wait_for(lambda: list(files.path.glob("order.json.damaged-*")))
    assert "damaged" in line.home.call("queue")[2]
    line.stop(first)
    wait_for_state(second, "done")


def test_a_stopped_run_goes_on_from_the_queue(line: Queue) -> None:
    run = line.put(*LONG)
    wait_for_event(run, "epoch")
    line.stop(run)
    code, _, err = line.home.call("queue", "add", run.id)
    assert code == 0, err
    wait_for(lambda: run.read_record().resumes)
    wait_for_state(run, "running")
    line.stop(run)
    wait_for_state(run, "stopped")
