"""What the supervisor of the queue starts, on which device, with made-up GPUs and workers that train nothing."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from iml_tui import supervisor as supervising
from iml_tui.errors import LabError
from iml_tui.runs import queue
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.lock import RunLock
from iml_tui.runs.process import own_identity
from iml_tui.runs.queue_order import QueueFiles
from iml_tui.runs.record import State
from iml_tui.supervisor import Supervisor
from tests.recorded import CREATED, departed, recorded_run

TWO = ("cuda:0", "cuda:1", "cpu")


@dataclass
class Worker:
    """Stands for the process of a worker."""

    directory: RunDirectory
    resume: bool
    code: int | None = None
    terminated: bool = False

    def poll(self) -> int | None:
        return self.code

    def terminate(self) -> None:
        self.terminated = True

    def take_over(self) -> None:
        """Record what a worker records first."""
        self.write(state="running", worker=own_identity())

    def end(self, state: State | None, code: int) -> None:
        """End, having recorded this state, or nothing."""
        if state is not None:
            self.write(state=state)
        self.code = code

    def write(self, **changes: Any) -> None:
        record = self.directory.read_record()
        self.directory.write_record(record.model_copy(update=changes))


@dataclass
class Bench:
    """A supervisor and the workers that it has started, by run, in order."""

    root: Path
    supervisor: Supervisor
    workers: dict[str, Worker] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)

    def queue(self, *devices: str) -> list[RunDirectory]:
        """Queued runs for these devices."""
        made = []
        for index, device in enumerate(devices):
            directory = recorded_run(self.root, "epochs", "queued", epochs=2, created=CREATED + index)
            record = directory.read_record()
            wanted = record.device.model_copy(update={"requested": device})
            # As it was just made; what the queue changes of it is in the event log as well.
            directory.write_record(record.model_copy(update={"device": wanted, "state": "starting"}))
            queue.enqueue(directory)
            made.append(directory)
        return made

    def begun(self) -> dict[str, str]:
        """The slots that workers were started on, by run."""
        return {run: worker.directory.read_record().device.slot for run, worker in self.workers.items()}

    def start(self, directory: RunDirectory, *, resume: bool = False) -> Worker:
        """In place of `start_worker`."""
        if directory.id in self.broken:
            raise LabError("no more processes")
        self.workers[directory.id] = Worker(directory, resume)
        return self.workers[directory.id]


@pytest.fixture
def bench(root: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    root.mkdir(parents=True)
    files = QueueFiles(root)
    with files.locked():
        lock = files.take_supervisor_lock()
    made = Bench(root, Supervisor(files, lock, TWO))
    monkeypatch.setattr(supervising, "start_worker", made.start)
    return made


def test_each_gpu_trains_one_run_at_a_time(bench: Bench) -> None:
    a, b, c, d = bench.queue("auto", "auto", "auto", "cpu")
    assert not bench.supervisor.step()
    assert bench.begun() == {a.id: "cuda:0", b.id: "cuda:1", d.id: "cpu"}
    for worker in bench.workers.values():
        worker.take_over()
    bench.supervisor.step()
    assert [entry.run for entry in queue.entries(bench.root)] == [c.id]
    assert len(bench.workers) == 3
    bench.workers[b.id].end("done", 0)
    bench.supervisor.step()
    assert bench.begun()[c.id] == "cuda:1"


def test_it_ends_when_nobody_waits_and_its_last_worker_has_ended(bench: Bench) -> None:
    (a,) = bench.queue("cpu")
    assert not bench.supervisor.step()
    bench.workers[a.id].take_over()
    assert not bench.supervisor.step()
    bench.workers[a.id].end("stopped", 130)
    assert bench.supervisor.step()
    assert not queue.supervisor_alive(bench.root)


def test_whoever_queues_a_run_while_the_lock_is_given_up_waits_for_that(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The supervisor decides that it is done and gives its lock up while nobody can change the order.

    Otherwise a run queued in between would see a supervisor that does not see the run.
    """
    take = "import fcntl, sys\nwith open(sys.argv[1], 'r+') as file: fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)\n"
    command = [sys.executable, "-c", take, str(QueueFiles(bench.root).path / "order.lock")]
    found: list[int] = []
    release = RunLock.release

    def look_and_release(lock: RunLock) -> None:
        found.append(subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode)
        release(lock)

    monkeypatch.setattr(RunLock, "release", look_and_release)
    assert bench.supervisor.step()
    assert found == [1], "the lock of the order was not held"
    assert subprocess.run(command, check=False).returncode == 0


@pytest.mark.parametrize("state", ["running", "paused", "starting"])
def test_a_run_that_was_started_directly_keeps_its_device(bench: Bench, state: State) -> None:
    direct = recorded_run(bench.root, "learning-rate", state, epochs=4)
    record = direct.read_record()
    direct.write_record(record.model_copy(update={"device": record.device.model_copy(update={"chosen": "cpu"})}))
    busy = "cuda:0" if state == "starting" else "cpu"  # One that asked for `auto` and has not said yet takes a GPU.
    a, b = bench.queue("cpu", "cuda:0")
    bench.supervisor.step()
    assert bench.begun() == ({a.id: "cpu"} if busy == "cuda:0" else {b.id: "cuda:0"})
    direct.write_record(record.model_copy(update={"state": "done"}))
    bench.supervisor.step()
    assert set(bench.begun()) == {a.id, b.id}


def test_all_records_are_looked_at_seldom_while_nothing_can_begin(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    direct = recorded_run(bench.root, "learning-rate", "running", epochs=4)
    record = direct.read_record()
    direct.write_record(record.model_copy(update={"device": record.device.model_copy(update={"chosen": "cpu"})}))
    now = [100.0]
    monkeypatch.setattr(supervising.time, "monotonic", lambda: now[0])
    (a,) = bench.queue("cpu")
    bench.supervisor.step()
    direct.write_record(record.model_copy(update={"state": "done"}))
    bench.supervisor.step()
    assert not bench.workers
    now[0] += supervising.LOOK_SECONDS
    bench.supervisor.step()
    assert a.id in bench.workers


def test_a_run_whose_worker_is_gone_keeps_nothing(bench: Bench) -> None:
    gone = recorded_run(bench.root, "learning-rate", "running", epochs=4)
    gone.write_record(gone.read_record().model_copy(update={"worker": departed()}))
    (a,) = bench.queue("cpu")
    bench.supervisor.step()
    assert bench.begun() == {a.id: "cpu"}


def test_runs_on_another_host_keep_nothing_here(bench: Bench) -> None:
    there = recorded_run(bench.root, "learning-rate", "running", epochs=4)
    worker = own_identity().model_copy(update={"host": "elsewhere"})
    there.write_record(there.read_record().model_copy(update={"worker": worker, "host": "elsewhere"}))
    (a,) = bench.queue("cpu")
    bench.supervisor.step()
    assert bench.begun() == {a.id: "cpu"}


def test_a_worker_that_ends_before_it_begins_is_recorded_and_the_next_run_begins(bench: Bench) -> None:
    a, b = bench.queue("cpu", "cpu")
    bench.supervisor.step()
    a.log_file.write_text("ImportError: no torch\n")
    bench.workers[a.id].end(None, 1)
    bench.supervisor.step()
    record = a.read_record()
    assert record.state == "failed"
    assert "exit code 1" in record.message
    assert "ImportError: no torch" in record.message
    assert set(bench.begun()) == {a.id, b.id}


def test_a_worker_that_found_another_one_leaves_the_run_to_it(bench: Bench) -> None:
    a, b = bench.queue("cpu", "cpu")
    bench.supervisor.step()
    other = bench.workers.pop(a.id)
    other.take_over()
    other.end(None, 75)
    bench.supervisor.step()
    assert a.read_record().state == "running"
    assert b.id not in bench.workers, "the other one is on the CPU"


@pytest.mark.parametrize("code", [75, -signal.SIGTERM])
def test_a_worker_that_found_the_lock_taken_or_was_ended_leaves_the_run_in_the_queue(bench: Bench, code: int) -> None:
    (a,) = bench.queue("cpu")
    bench.supervisor.step()
    first = bench.workers[a.id]
    first.end(None, code)
    bench.supervisor.step()
    assert a.read_record().state == "queued"
    assert bench.workers[a.id] is not first, "it is started again"


def test_a_worker_that_was_killed_does_not_stop_the_queue(bench: Bench) -> None:
    a, b = bench.queue("cpu", "cpu")
    bench.supervisor.step()
    bench.workers[a.id].write(state="running", worker=departed())
    bench.workers[a.id].end(None, -signal.SIGKILL)
    bench.supervisor.step()
    assert b.id in bench.workers


def test_a_run_that_cannot_be_started_lets_others_pass_and_is_tried_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = bench.queue("cpu", "cpu")
    bench.broken.add(a.id)
    bench.supervisor.step()
    assert bench.begun() == {b.id: "cpu"}
    assert queue.entries(bench.root)[0].problem == "no more processes"
    bench.workers[b.id].take_over()
    bench.workers[b.id].end("done", 0)
    bench.broken.clear()
    bench.supervisor.step()
    assert a.id not in bench.workers, "not at once: it would fail again"
    monkeypatch.setattr(supervising.time, "monotonic", lambda: float("inf"))
    bench.supervisor.step()
    assert a.id in bench.workers


def test_a_run_cancelled_while_its_worker_starts_is_ended(bench: Bench) -> None:
    a, b = bench.queue("cpu", "cpu")
    bench.supervisor.step()
    queue.cancel(a.id, bench.root)
    assert [entry.run for entry in queue.entries(bench.root)] == [b.id]
    assert not bench.supervisor.step()
    assert bench.workers[a.id].terminated
    bench.workers[a.id].end(None, -signal.SIGTERM)
    bench.supervisor.step()
    assert a.read_record().state == "stopped"
    assert b.id in bench.workers
    order = QueueFiles(bench.root).peek()
    assert order is not None
    assert [entry.run for entry in order.runs] == [b.id]


def test_a_run_that_had_begun_is_resumed(bench: Bench) -> None:
    stopped = recorded_run(bench.root, "epochs", "stopped", epochs=4)
    queue.enqueue(stopped, resume=True)
    (new,) = bench.queue("cuda:1")
    bench.supervisor.step()
    assert {run: worker.resume for run, worker in bench.workers.items()} == {stopped.id: True, new.id: False}


def test_a_run_that_is_gone_is_dropped(bench: Bench) -> None:
    a, b = bench.queue("cpu", "cpu")
    shutil.rmtree(a.path)
    bench.supervisor.step()
    assert bench.begun() == {b.id: "cpu"}


@pytest.mark.parametrize("content", [None, "{"])
def test_a_damaged_record_of_a_queued_run_is_mended(bench: Bench, content: str | None) -> None:
    (a,) = bench.queue("cpu")
    if content is None:
        a.record_file.unlink()
    else:
        a.record_file.write_text(content)
    assert [entry.run for entry in queue.entries(bench.root)] == [a.id]
    bench.supervisor.step()
    assert a.id in bench.workers
    assert a.read_record().state == "queued"


def test_a_run_of_which_nothing_can_be_read_is_dropped(bench: Bench) -> None:
    a, b = bench.queue("cpu", "cpu")
    a.record_file.write_text("{")
    a.events_file.unlink()
    bench.supervisor.step()
    assert bench.begun() == {b.id: "cpu"}


def test_moving_changes_who_is_next(bench: Bench) -> None:
    a, b, c = bench.queue("cpu", "cpu", "cpu")
    queue.move(c.id, 1, bench.root)
    bench.supervisor.step()
    assert list(bench.begun()) == [c.id]
    bench.workers[c.id].take_over()
    bench.workers[c.id].end("done", 0)
    queue.move(b.id, 1, bench.root)
    bench.supervisor.step()
    assert list(bench.begun()) == [c.id, b.id]
    assert a.id not in bench.workers
