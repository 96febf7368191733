"""`run --queue` and `queue`, with nobody who works it off."""

import json
import socket
from pathlib import Path

import pytest

from iml_tui.headless.displays import Lines
from iml_tui.runs import queue
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.queue_order import QueueFiles
from iml_tui.runs.reading import RunReader
from tests.recorded import CREATED, recorded_run

from .conftest import Lab


@pytest.fixture(autouse=True)
def woken(monkeypatch: pytest.MonkeyPatch) -> list[Path | None]:
    """The roots of the queues for which a supervisor was asked for; none is started."""
    asked: list[Path | None] = []

    def note(root: Path | None = None) -> bool:
        asked.append(root)
        return False

    monkeypatch.setattr(queue, "ensure_supervisor", note)
    return asked


@pytest.fixture
def three(root: Path) -> list[RunDirectory]:
    """Three queued runs."""
    made = [recorded_run(root, "epochs", "queued", epochs=2, created=CREATED + i) for i in range(3)]
    for directory in made:
        queue.enqueue(directory)
    return made


def test_a_run_is_queued(lab: Lab, root: Path, woken: list[Path | None]) -> None:
    first = lab("run", "epochs", "--queue", "--device", "cpu")
    assert (first.code, first.err.count("1st in the queue")) == (0, 1), first.err
    directory = RunDirectory(root / first.out.strip())
    assert directory.read_record().state == "queued"
    assert root in woken
    second = lab("run", "epochs", "--queue", "--json")
    document = json.loads(second.out)
    assert (document["state"], document["position"]) == ("queued", 2)
    assert [entry.run for entry in queue.entries(root)] == [directory.id, document["run"]]


def test_a_queued_run_is_not_waited_for(lab: Lab, root: Path) -> None:
    outcome = lab("run", "epochs", "--queue", "--detach")
    assert outcome.code == 2
    assert "--queue and --detach" in outcome.err
    assert not root.exists()


def test_every_command_sees_to_the_queue(lab: Lab, woken: list[Path | None]) -> None:
    assert lab("list").code == 0
    assert woken == [None]


def test_the_queue_is_listed(lab: Lab, three: list[RunDirectory]) -> None:
    outcome = lab("queue")
    assert outcome.code == 0
    lines = [line for line in outcome.out.splitlines() if "epochs" in line]
    assert [line.split()[:2] for line in lines] == [[str(i + 1), each.id] for i, each in enumerate(three)]
    assert "just starting" in outcome.err


def test_an_empty_queue_says_how_to_fill_it(lab: Lab, root: Path) -> None:
    outcome = lab("queue")
    assert (outcome.code, outcome.out) == (0, "")
    assert "--queue" in outcome.err
    assert not root.with_name("queue").exists()


def test_the_queue_as_json(lab: Lab, root: Path, three: list[RunDirectory]) -> None:
    running = recorded_run(root, "learning-rate", "running", epochs=4)
    with QueueFiles(root).editing() as order:
        order.remove(three[2].id)
    document = json.loads(lab("queue", "--json").out)
    assert document["host"] == socket.gethostname()
    assert document["supervisor"] == {"alive": False, "pid": None}
    assert [(run["position"], run["run"]) for run in document["queue"]] == [(1, three[0].id), (2, three[1].id)]
    assert document["queue"][0]["device"] == "auto"
    assert document["queue"][0]["waiting_since"].startswith("20")
    assert document["training"] == [{"run": running.id, "state": "running", "slot": "cpu"}]
    assert document["in_no_order"] == [three[2].id]
    assert lab("queue", "--json", "cancel", "last").code == 2


def test_a_run_in_no_order_is_told_of(lab: Lab, root: Path, three: list[RunDirectory]) -> None:
    with QueueFiles(root).editing() as order:
        order.runs = []
    assert f"iml-lab queue add {three[1].id}" in lab("queue").err
    outcome = lab("queue", "add", three[1].id)
    assert (outcome.code, outcome.out) == (0, f"{three[1].id}\n")
    assert [entry.run for entry in queue.entries(root)] == [three[1].id]


def test_a_run_is_moved(lab: Lab, root: Path, three: list[RunDirectory]) -> None:
    outcome = lab("queue", "move", three[2].id, "1")
    assert outcome.code == 0
    assert "1st of 3" in outcome.err
    assert [entry.run for entry in queue.entries(root)] == [three[2].id, three[0].id, three[1].id]
    outcome = lab("queue", "move", three[2].id, "9")
    assert outcome.code == 2
    assert "no place 9" in outcome.err


@pytest.mark.parametrize("command", [["queue", "cancel"], ["stop"]])
def test_a_run_is_taken_out(lab: Lab, root: Path, three: list[RunDirectory], command: list[str]) -> None:
    outcome = lab(*command, three[0].id)
    assert outcome.code == 0
    assert "out of the queue" in outcome.err
    assert three[0].read_record().state == "stopped"
    assert [entry.run for entry in queue.entries(root)] == [three[1].id, three[2].id]
    assert lab("delete", "--yes", three[0].id).code == 0


def test_a_queued_run_is_deleted_only_after_it_was_taken_out(lab: Lab, three: list[RunDirectory]) -> None:
    outcome = lab("delete", "--yes", three[0].id)
    assert outcome.code == 75
    assert f"iml-lab queue cancel {three[0].id}" in outcome.err
    assert three[0].path.is_dir()


@pytest.mark.parametrize("command", [["move", "done", "1"], ["cancel", "done"], ["add", "done"]])
def test_what_does_not_wait_is_refused(lab: Lab, root: Path, command: list[str]) -> None:
    directory = recorded_run(root, "epochs", "done", epochs=2)
    words = [directory.id if word == "done" else word for word in command]
    outcome = lab("queue", *words)
    assert outcome.code == 2
    assert directory.id in outcome.err
    assert directory.read_record().state == "done"


@pytest.mark.parametrize("command", [["move", "2031", "1"], ["cancel", "2031"], ["add", "2031"]])
def test_an_unknown_run_is_refused(lab: Lab, three: list[RunDirectory], command: list[str]) -> None:
    outcome = lab("queue", *command)
    assert outcome.code == 2
    assert "no run" in outcome.err


def test_a_damaged_order_is_told_of(lab: Lab, root: Path, three: list[RunDirectory]) -> None:
    QueueFiles(root).order_file.write_text("{")
    outcome = lab("queue")
    assert outcome.code == 0
    assert "order.json.damaged-" in outcome.err
    assert three[2].id in outcome.out


def test_the_place_in_the_queue_is_shown(
    lab: Lab, root: Path, three: list[RunDirectory], capsys: pytest.CaptureFixture[str]
) -> None:
    assert "queued, 2nd of 3" in lab("show", three[1].id).out
    display = Lines()
    display.update(RunReader(three[1]), stopping=False)
    display.update(RunReader(three[1]), stopping=False)
    queue.cancel(three[0].id, root)
    display.update(RunReader(three[1]), stopping=False)
    assert capsys.readouterr().err == "queued, 2nd of 3\nqueued, 1st of 2\n"
