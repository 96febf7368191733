"""Who is at a run: a second worker, copies, reused process ids, another boot, another machine."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.process import own_identity, owner, terminate
from iml_tui.runs.reading import RunReader
from tests.faults.conftest import LONG, Command, Lab
from tests.faults.outcomes import Outcome, contents, outcome_of
from tests.faults.workers import Worker
from tests.workers import DEADLINE, wait_for_event

KILLED = -signal.SIGKILL


@pytest.fixture
def bystander() -> Iterator[subprocess.Popen[bytes]]:
    """A process that has nothing to do with any run."""
    process = subprocess.Popen(["sleep", "600"])
    yield process
    process.kill()
    process.wait()


@pytest.fixture
def training(lab: Lab) -> tuple[RunDirectory, Worker]:
    """A run that trains, and its worker."""
    directory = lab.make(settings=LONG)
    worker = lab.start(directory)
    wait_for_event(directory, "epoch")
    return directory, worker


@pytest.fixture
def killed(lab: Lab) -> RunDirectory:
    directory = lab.make()
    assert lab.train(directory, ("signal_at", "checkpoint", 3)) == KILLED
    return directory


def give_worker(directory: RunDirectory, **fields: object) -> None:
    """Let the record name another worker."""
    record = directory.read_record()
    assert record.worker is not None
    directory.write_record(record.model_copy(update={"worker": record.worker.model_copy(update=fields)}))


@pytest.mark.fault("A second worker is started")
def test_a_second_worker_leaves_without_a_trace(training: tuple[RunDirectory, Worker], command: Command) -> None:
    directory, worker = training
    worker.kill(signal.SIGSTOP)  # So that nothing but the second one could write.
    try:
        before = contents(directory.path)
        for more in ([], ["--resume"]):
            second = subprocess.run(
                [sys.executable, "-P", "-m", "iml_tui.worker", *more, str(directory.path)],
                capture_output=True,
                text=True,
                timeout=DEADLINE,
                check=False,
            )
            assert (second.returncode, second.stdout) == (75, "")
            assert "is owned by another worker" in second.stderr
        assert command("resume", directory.id).code == 75
        assert command("delete", directory.id, "--yes").code == 75
        assert contents(directory.path) == before
    finally:
        worker.kill(signal.SIGCONT)
    assert RunReader(directory).state == "running"


@pytest.mark.fault("The directory of a run is moved or copied")
def test_a_moved_run_goes_on_where_it_is(killed: RunDirectory, lab: Lab, whole: Outcome) -> None:
    moved = RunDirectory(lab.root / "moved")
    killed.path.rename(moved.path)
    reader = RunReader(moved)
    assert (reader.record.id, reader.state) == ("moved", "interrupted")
    assert lab.resume(moved) == 0
    found = outcome_of(moved)
    assert (found.figures, found.series, found.states) == (whole.figures, whole.series, whole.states)


@pytest.mark.fault("The directory of a run is moved or copied")
def test_the_copy_of_a_run_that_trains_belongs_to_nobody(
    training: tuple[RunDirectory, Worker], lab: Lab, command: Command
) -> None:
    directory, worker = training
    copy = RunDirectory(lab.root / "copy")
    shutil.copytree(directory.path, copy.path)
    assert RunReader(copy).state == "interrupted"
    assert "interrupted" in command("show", "copy").out
    stopped = command("stop", "copy")
    assert "not running any more (interrupted)" in stopped.err
    assert command("delete", "copy", "--yes").code == 0
    assert RunReader(directory).state == "running"
    worker.kill(0)


@pytest.mark.fault("A run was made on another machine")
def test_a_worker_elsewhere_is_believed_and_never_signalled(
    killed: RunDirectory, bystander: subprocess.Popen[bytes], command: Command
) -> None:
    # It has the number and the start time of a process that lives here.
    here = own_identity()
    give_worker(killed, host="elsewhere", pid=bystander.pid, boot_id=here.boot_id, started=start_of(bystander))
    reader = RunReader(killed)
    assert (reader.state, reader.elsewhere) == ("running", "elsewhere")
    assert "running on elsewhere, last heard of" in " ".join(command("show", killed.id).out.split())
    assert reader.record.worker is not None
    assert owner(reader.record.worker) == "elsewhere"
    assert not terminate(reader.record.worker)
    assert command("resume", killed.id).code == 75
    assert command("delete", killed.id, "--yes").code == 75
    assert bystander.poll() is None


@pytest.mark.fault("The process id of a dead worker belongs to another process")
def test_a_reused_process_id_is_seen_through(
    killed: RunDirectory, bystander: subprocess.Popen[bytes], lab: Lab, command: Command, whole: Outcome
) -> None:
    give_worker(killed, pid=bystander.pid)
    check_interrupted(killed, command)
    # Even one that was started in the same tick of the clock does not hold the lock.
    give_worker(killed, pid=bystander.pid, started=start_of(bystander))
    assert RunReader(killed).state == "interrupted"
    assert bystander.poll() is None
    assert lab.resume(killed) == 0
    assert outcome_of(killed) == whole
    assert bystander.poll() is None


@pytest.mark.fault("The machine was restarted")
def test_a_worker_of_another_boot_is_gone(
    killed: RunDirectory, bystander: subprocess.Popen[bytes], lab: Lab, command: Command, whole: Outcome
) -> None:
    give_worker(killed, pid=bystander.pid, started=start_of(bystander), boot_id="an earlier boot")
    check_interrupted(killed, command)
    assert lab.resume(killed) == 0
    assert outcome_of(killed) == whole
    assert bystander.poll() is None


def check_interrupted(directory: RunDirectory, command: Command) -> None:
    """It is shown as interrupted, and its process is left alone."""
    reader = RunReader(directory)
    assert reader.state == "interrupted"
    assert reader.record.worker is not None
    assert owner(reader.record.worker) == "gone"
    assert not terminate(reader.record.worker)
    assert "interrupted" in command("runs").out
    assert "not running any more (interrupted)" in command("stop", directory.id).err


def start_of(process: subprocess.Popen[bytes]) -> float:
    """When a process started, as the lab tells it."""
    from iml_tui.runs.process import _start_time

    started = _start_time(process.pid)
    assert started is not None
    return started
