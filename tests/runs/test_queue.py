"""The order of the queue: put in, moved, taken out, damaged, and changed by many at once. Nothing is trained."""

import shutil
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from iml_tui.errors import LabError, RunBusyError, UsageError
from iml_tui.runs import queue
from iml_tui.runs.control import request_stop, stop_requested
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.events import EventReader
from iml_tui.runs.lock import RunLock
from iml_tui.runs.queue_order import OrderEntry, QueueFiles
from iml_tui.runs.record import State, WorkerIdentity
from iml_tui.runs.updating import update_record
from tests.recorded import CREATED, recorded_run


def fresh(root: Path, created: float = CREATED) -> RunDirectory:
    """A run that was just made: no worker, no event."""
    directory = recorded_run(root, "epochs", "queued", epochs=2, created=created)
    record = directory.read_record()
    directory.write_record(record.model_copy(update={"state": "starting", "host": socket.gethostname()}))
    return directory


@pytest.fixture
def three(root: Path) -> list[RunDirectory]:
    """Three queued runs."""
    made = [fresh(root, CREATED + i) for i in range(3)]
    for directory in made:
        queue.enqueue(directory)
    return made


def ids(root: Path) -> list[str]:
    return [entry.run for entry in queue.entries(root)]


def test_runs_wait_in_the_order_of_asking(root: Path, three: list[RunDirectory]) -> None:
    assert ids(root) == [directory.id for directory in three]
    assert [entry.position for entry in queue.entries(root)] == [1, 2, 3]
    assert queue.place_of(three[1]) == (2, 3)
    assert queue.describe_place(three[1]) == "queued, 2nd of 3"
    assert all(directory.read_record().state == "queued" for directory in three)
    assert queue.enqueue(three[0]).position == 1, "one that is in the queue keeps its place"
    assert len(ids(root)) == 3
    assert not queue.astray(root)


def test_nothing_is_made_by_looking(root: Path) -> None:
    assert queue.entries(root) == []
    assert not queue.supervisor_alive(root)
    assert queue.supervisor(root) is None
    assert not queue.ensure_supervisor(root)
    assert not QueueFiles(root).path.exists()


def test_the_files_are_their_users_only(root: Path, three: list[RunDirectory]) -> None:
    path = QueueFiles(root).path
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0
    for file in path.iterdir():
        assert file.stat().st_mode & 0o077 == 0, file


@pytest.mark.parametrize(("which", "to", "expected"), [(2, 1, (2, 0, 1)), (0, 3, (1, 2, 0)), (1, 2, (0, 1, 2))])
def test_a_run_can_be_moved(
    root: Path, three: list[RunDirectory], which: int, to: int, expected: tuple[int, ...]
) -> None:
    queue.move(three[which].id, to, root)
    assert ids(root) == [three[index].id for index in expected]


@pytest.mark.parametrize("position", [0, -1, 4])
def test_there_is_no_such_place(root: Path, three: list[RunDirectory], position: int) -> None:
    with pytest.raises(UsageError, match="3 runs wait"):
        queue.move(three[0].id, position, root)
    assert ids(root) == [directory.id for directory in three]


def test_only_what_waits_is_moved(root: Path, three: list[RunDirectory]) -> None:
    done = recorded_run(root, "epochs", "done", epochs=2)
    with pytest.raises(UsageError, match="not in the queue"):
        queue.move(done.id, 1, root)


def test_a_cancelled_run_is_stopped_and_can_be_put_back(root: Path, three: list[RunDirectory]) -> None:
    queue.cancel(three[1].id, root)
    record = three[1].read_record()
    assert (record.state, record.message) == ("stopped", "cancelled before it began")
    assert ids(root) == [three[0].id, three[2].id]
    with pytest.raises(UsageError, match="not queued"):
        queue.cancel(three[1].id, root)
    entry = queue.enqueue(three[1], resume=True)
    assert (entry.position, entry.resume) == (3, False), "no worker was ever at it: there is nothing to resume"
    assert three[1].read_record().message == ""


def test_changes_of_the_record_are_in_the_event_log(root: Path, three: list[RunDirectory]) -> None:
    queue.cancel(three[0].id, root)
    changes = [
        event["changes"] for event in EventReader(three[0].events_file).read_new() if event["type"] == "recorded"
    ]
    merged: dict[str, object] = {}
    for change in changes:
        merged |= change
    record = three[0].read_record().model_dump(mode="json")
    assert merged == {key: record[key] for key in ("state", "message", "host", "device")}


def test_a_run_that_is_being_started_is_marked_for_the_supervisor(root: Path, three: list[RunDirectory]) -> None:
    record = three[0].read_record()
    update_record(three[0], record, device=record.device.model_copy(update={"slot": "cpu"}))
    queue.cancel(three[0].id, root)
    assert ids(root) == [three[1].id, three[2].id]
    order = QueueFiles(root).peek()
    assert order is not None
    assert (order.runs[0].run, order.runs[0].cancelled) == (three[0].id, True)
    assert queue.place_of(three[1]) == (1, 2)
    queue.move(three[2].id, 1, root)
    assert ids(root) == [three[2].id, three[1].id]


def test_a_run_whose_worker_has_just_taken_it_is_not_cancelled(root: Path, three: list[RunDirectory]) -> None:
    hold = (
        "import sys; from pathlib import Path; from iml_tui.runs.lock import RunLock\n"
        "lock = RunLock(Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(three[0].lock_file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == b"held\n"
        with pytest.raises(RunBusyError):
            queue.cancel(three[0].id, root)
        worker.communicate()
    assert ids(root)[0] == three[0].id


@pytest.mark.parametrize("state", ["stopped", "failed", "interrupted"])
def test_a_run_that_has_begun_goes_on(root: Path, state: State) -> None:
    directory = recorded_run(root, "epochs", state, epochs=4)
    request_stop(directory.control)
    with pytest.raises(UsageError, match="iml-lab resume"):
        queue.enqueue(directory)
    entry = queue.enqueue(directory, resume=True)
    assert entry.resume
    assert directory.read_record().state == "queued"
    assert not stop_requested(directory.control), "a request to its last worker is not one to the next"
    assert [entry.resume for entry in queue.entries(root)] == [True]
    queue.cancel(directory.id, root)
    assert directory.read_record().message == "cancelled before it went on"


@pytest.mark.parametrize(
    ("state", "error"), [("done", UsageError), ("running", RunBusyError), ("paused", RunBusyError)]
)
def test_what_has_ended_or_runs_is_refused(root: Path, state: State, error: type[LabError]) -> None:
    directory = recorded_run(root, "epochs", state, epochs=2)
    with pytest.raises(error, match=directory.id):
        queue.enqueue(directory, resume=True)
    assert directory.read_record().state == state


def test_what_was_left_in_the_order_is_no_word_on_how_to_go_on(root: Path, three: list[RunDirectory]) -> None:
    """A supervisor was killed after it had started the run's worker; then that one was killed, too."""
    directory = three[0]
    gone = WorkerIdentity(host=socket.gethostname(), pid=2**22 - 1, started=0.0, boot_id="")
    record = directory.read_record()
    directory.write_record(record.model_copy(update={"state": "running", "worker": gone, "started": time.time()}))
    entry = queue.enqueue(directory, resume=True)
    assert entry.resume, "the next worker is to go on, not to refuse the run as one that has begun"
    assert entry.position == 3
    assert [(entry.run, entry.resume) for entry in queue.entries(root)][-1] == (directory.id, True)


def test_what_does_not_wait_any_more_is_left_out(root: Path, three: list[RunDirectory]) -> None:
    record = three[0].read_record()
    three[0].write_record(record.model_copy(update={"state": "running"}))
    shutil.rmtree(three[1].path)
    assert ids(root) == [three[2].id]
    other = three[2].read_record().model_copy(update={"host": "elsewhere"})
    three[2].write_record(other)
    assert ids(root) == []
    assert queue.describe_place(three[2], "elsewhere") == "queued on elsewhere"


def test_a_run_in_no_order_is_told_of_and_taken_in(root: Path, three: list[RunDirectory]) -> None:
    with QueueFiles(root).editing() as order:
        order.remove(three[1].id)
    assert queue.astray(root) == [three[1].id]
    assert f"iml-lab queue add {three[1].id}" in queue.describe_place(three[1])
    assert queue.enqueue(three[1], resume=True).position == 3
    assert not queue.astray(root)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff\xfe", b"[]", b'{"runs": [{"run": "../../etc"}]}', b'{"runs": "all"}', b"[" * 100_000],
    ids=["empty", "torn", "binary", "list", "path", "type", "deep"],
)
def test_a_damaged_order_is_moved_aside_and_found_again(root: Path, three: list[RunDirectory], content: bytes) -> None:
    queue.move(three[2].id, 1, root)
    recorded_run(root, "epochs", "done", epochs=2, created=CREATED + 9)
    files = QueueFiles(root)
    files.order_file.write_bytes(content)
    assert ids(root) == [directory.id for directory in three], "in the order in which they were made"
    kept = next(files.path.glob("order.json.damaged-*"))
    assert kept.read_bytes() == content
    assert str(kept) in queue.note(root)
    for directory in three:
        queue.cancel(directory.id, root)
    assert queue.note(root) == "", "nobody waits: there is nothing left to tell"


@pytest.mark.parametrize("name", ["", ".", "..", ".hidden", "../x", "/etc", "a/b", "a\0b"])
def test_an_entry_leads_nowhere_else(name: str) -> None:
    with pytest.raises(ValueError, match="not the name of a run"):
        OrderEntry(run=name)


def test_an_order_that_cannot_be_written_is_told_in_one_sentence(root: Path) -> None:
    directory = fresh(root)
    root.with_name("queue").write_text("in the way")
    with pytest.raises(LabError, match=r"the queue in .* cannot be written"):
        queue.enqueue(directory)
    root.with_name("queue").unlink()
    assert queue.astray(root) == [directory.id]
    assert queue.enqueue(directory).position == 1


PUT = """
import sys
from pathlib import Path
from iml_tui.runs.queue_order import OrderEntry, QueueFiles
sys.stdin.readline()
for index in range(40):
    with QueueFiles(Path(sys.argv[1])).editing() as order:
        order.runs.append(OrderEntry(run=f"{sys.argv[2]}-{index}"))
"""


def test_many_processes_change_the_order_at_once(root: Path) -> None:
    names = ("a", "b", "c")
    processes = [
        subprocess.Popen([sys.executable, "-c", PUT, str(root), name], stdin=subprocess.PIPE, text=True)
        for name in names
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    for process in processes:
        process.communicate()
        assert process.returncode == 0
    order = QueueFiles(root).peek()
    assert order is not None
    for name in names:
        assert [entry.run for entry in order.runs if entry.run[0] == name] == [f"{name}-{index}" for index in range(40)]


def test_many_threads_change_the_order_at_once(root: Path) -> None:
    def put(name: str) -> None:
        for index in range(20):
            with QueueFiles(root).editing() as order:
                order.runs.append(OrderEntry(run=f"{name}-{index}"))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(put, "abcd"))
    order = QueueFiles(root).peek()
    assert order is not None
    assert len(order.runs) == 80


def test_two_processes_queue_runs_at_once(root: Path) -> None:
    crowd = [fresh(root, CREATED + i) for i in range(6)]
    put = (
        "import sys; from pathlib import Path; from iml_tui.runs.directory import RunDirectory\n"
        "from iml_tui.runs.queue import enqueue\n"
        "for path in sys.argv[1:]: enqueue(RunDirectory(Path(path)))"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", put, *(str(each.path) for each in part)])
        for part in (crowd[:3], crowd[3:])
    ]
    assert [process.wait() for process in processes] == [0, 0]
    assert sorted(ids(root)) == sorted(directory.id for directory in crowd)


def test_the_lock_of_a_supervisor_is_seen_only_from_outside(root: Path, three: list[RunDirectory]) -> None:
    assert not queue.supervisor_alive(root)
    hold = (
        "import sys; from pathlib import Path; from iml_tui.runs.lock import RunLock\n"
        "lock = RunLock(Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(QueueFiles(root).path / "supervisor.lock")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        assert queue.supervisor_alive(root)
        assert queue.supervisor(root) is None, "nobody has said who it is"
        assert not queue.ensure_supervisor(root)
        other.communicate()
    assert not queue.supervisor_alive(root)
    RunLock(QueueFiles(root).path / "supervisor.lock").release()
