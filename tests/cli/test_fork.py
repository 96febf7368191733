"""`fork`: which checkpoint is taken, what may differ, and what is said of forks."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from iml_tui.headless import runs
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.history import list_runs
from tests.recorded import recorded_changes, recorded_checkpoints, recorded_run

from .conftest import Lab


@pytest.fixture
def parent(root: Path) -> RunDirectory:
    """Two models that trained together, with three checkpoints."""
    directory = recorded_run(root, "learning-rate", "done", epochs=4, learning_rates=(0.01, 0.001))
    recorded_checkpoints(directory, ([0, 1], 1, 120), ([0, 1], 2, 0), ([0, 1], 3, 0))
    return directory


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[RunDirectory]:
    """The forks that a worker was started on; it ends at once."""
    found: list[RunDirectory] = []

    def start(directory: RunDirectory) -> subprocess.Popen[bytes]:
        found.append(directory)
        return subprocess.Popen([sys.executable, "-c", "raise SystemExit('no worker in this test')"])

    monkeypatch.setattr(runs, "start_worker", start)
    return found


def test_the_newest_checkpoint_of_all_models_is_taken(
    lab: Lab, parent: RunDirectory, started: list[RunDirectory]
) -> None:
    outcome = lab("fork", parent.id, "--set", "learning-rate=0.0005", "--set", "epochs=9")
    [directory] = started
    record = directory.read_record()
    assert record.fork is not None
    assert (record.fork.run, record.fork.epochs, record.fork.step) == (parent.id, 3, 0)
    assert [trial.label for trial in record.trials] == ["lr 0.01 → 0.0005, 9 epochs", "lr 0.001 → 0.0005, 9 epochs"]
    assert record.device.requested == "auto"
    assert f"Forked from {parent.id} after epoch 3: lr 0.01, lr 0.001." in outcome.err
    assert f"iml-lab compare {parent.id} {directory.id}" in outcome.err


@pytest.mark.parametrize(
    ("options", "place"),
    [
        (["--checkpoint", "0"], (1, 120)),
        (["--checkpoint", "1"], (2, 0)),
        (["--epoch", "2"], (2, 0)),
        (["--epoch", "3"], (3, 0)),
    ],
)
def test_a_checkpoint_is_named(
    lab: Lab, parent: RunDirectory, started: list[RunDirectory], options: list[str], place: tuple[int, int]
) -> None:
    lab("fork", f"{parent.id}:2", "--device", "CPU", *options)
    record = started[0].read_record()
    assert record.fork is not None
    assert (record.fork.epochs, record.fork.step) == place
    assert record.fork.members == [1]
    assert record.device.requested == "cpu"


def test_models_that_trained_apart_are_forked_one_by_one(lab: Lab, root: Path, started: list[RunDirectory]) -> None:
    parent = recorded_run(root, "batch-norm", "done", epochs=4, seeds=(1, 7))
    recorded_checkpoints(parent, ([0, 1], 3, 0), ([2, 3], 3, 0))
    outcome = lab("fork", "last")
    assert outcome.code == 2
    assert f"have checkpoints of their own; name one, such as {parent.id}:1" in outcome.err
    lab("fork", f"{parent.id}:2")
    lab("fork", f"{parent.id}:2:7")
    assert [[trial.seed for trial in made.read_record().trials] for made in started] == [[1, 7], [7]]


def test_what_diverged_is_left_out_and_forked_from_before_that(
    lab: Lab, root: Path, started: list[RunDirectory]
) -> None:
    parent = recorded_run(root, "learning-rate", "done", epochs=4, learning_rates=(1.0, 0.001))
    recorded_checkpoints(parent, ([0, 1], 0, 5), ([0, 1], 3, 0))
    outcome = lab("fork", parent.id)
    assert "learning rate 1 is left out: its loss was no number by then" in outcome.err
    assert [trial.label for trial in started[0].read_record().trials] == ["lr 0.001, again from epoch 4"]
    lab("fork", f"{parent.id}:1", "--set", "learning_rate=0.01")
    record = started[1].read_record()
    assert record.fork is not None
    assert (record.fork.epochs, record.fork.step) == (0, 5)
    assert record.trials[0].label == "lr 1 → 0.01"


def test_checkpoints_are_listed(lab: Lab, parent: RunDirectory, started: list[RunDirectory]) -> None:
    outcome = lab("fork", "last", "--list")
    assert (outcome.code, outcome.err) == (0, "")
    lines = [line.split("   ") for line in outcome.out.splitlines()[2:]]
    places = ["after epoch 3", "after epoch 2", "in epoch 2, after batch 120 of 313"]
    assert [[cell.strip() for cell in line if cell.strip()][:3] for line in lines] == [
        [str(number), place, "lr 0.01, lr 0.001"] for number, place in zip((2, 1, 0), places, strict=True)
    ]
    document = json.loads(lab("fork", "last:1", "--list", "--json").out)
    assert [each["number"] for each in document["checkpoints"]] == [2, 1, 0]
    assert document["checkpoints"][2]["step"] == 120
    newest = max(parent.checkpoints.iterdir())
    newest.write_bytes(b"\x00" + newest.read_bytes())
    assert lab("fork", "last", "--list").err == "1 checkpoint is damaged.\n"
    assert not started


def test_a_run_without_checkpoints(lab: Lab, root: Path) -> None:
    recorded_run(root, "learning-rate", "done", epochs=4)
    assert "There is no checkpoint of last that can be forked" in lab("fork", "last", "--list").err
    outcome = lab("fork", "last")
    assert outcome.code == 2
    assert "has no checkpoint to fork from" in outcome.err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["last", "--epoch", "2", "--checkpoint", "0"], "--checkpoint and --epoch both say where to fork"),
        (
            ["last", "--epoch", "1"],
            "there is no checkpoint after epoch 1 of 20251009-085320-learning-rate to fork from",
        ),
        (["last", "--checkpoint", "9"], "there is no checkpoint 9"),
        (["last:3"], "'last:3' names nothing"),
        (["last", "--set", "epochs=3"], "--set epochs=3: epochs must be a whole number above 3"),
        (["last", "--set", "epochs=4.5"], "--set epochs=4.5: epochs must be a whole number, not '4.5'"),
        (["last", "--set", "learning_rate=fast"], "--set learning_rate=fast: learning_rate must be a number"),
        (["last", "--set", "scheduler=linear"], "scheduler must be one of none, step, cosine, one-cycle"),
        (["last", "--set", "batch_size=3"], "'batch_size' cannot differ in a fork of learning rate 0.01"),
        (["last", "--set", "epochs"], "--set needs key=value, such as --set epochs=3; 'epochs' is not that"),
        (["last", "--device", "tpu"], "--device 'tpu'"),
        (["nowhere"], "no run 'nowhere'"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(
    lab: Lab, root: Path, parent: RunDirectory, started: list[RunDirectory], arguments: list[str], sentence: str
) -> None:
    outcome = lab("fork", *arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert sentence in outcome.err
    assert outcome.err.count("\n") == 1
    assert not started
    assert len(list_runs(root)) == 1


def test_a_damaged_checkpoint_is_one_sentence(
    lab: Lab, root: Path, parent: RunDirectory, started: list[RunDirectory]
) -> None:
    newest = max(parent.checkpoints.iterdir())
    newest.write_bytes(newest.read_bytes()[:-1])
    outcome = lab("fork", "last")
    assert (outcome.code, outcome.out) == (1, "")
    assert "is damaged; choose another" in outcome.err
    assert len(list_runs(root)) == 1


def test_forks_are_told_as_such(lab: Lab, parent: RunDirectory, started: list[RunDirectory]) -> None:
    recorded_changes(parent, (1, 2, 7, "learning_rate", 0.001, 0.002))
    lab("fork", f"{parent.id}:2", "--epoch", "2", "--set", "learning_rate=0.0005")
    fork = started[0].id
    shown = lab("show", fork).out
    assert f"Forked from  {parent.id} after epoch 2: learning rate 0.002 → 0.0005\n" in shown
    assert "Changed      learning rate 0.001 → 0.002 at epoch 2, batch 7\n" in shown
    assert "Epochs in common" in shown
    assert f"forked from {parent.id}" in lab("runs").out
    document = json.loads(lab("show", fork, "--json").out)
    assert (document["fork"]["run"], document["fork"]["epochs"]) == (parent.id, 2)
    [trial] = document["trials"]
    assert trial["fork"]["changes"] == [["learning_rate", 0.002, 0.0005]]
    assert trial["changes"][0] | {"time": ""} == {
        "epoch": 2,
        "step": 7,
        "steps": 313,
        "field": "learning_rate",
        "old": 0.001,
        "new": 0.002,
        "time": "",
    }
    of_parent = json.loads(lab("show", parent.id, "--json").out)
    assert of_parent["fork"] is None
    assert [each["epochs"] for each in of_parent["checkpoints"]] == [3, 2, 1]
    listed = {run["run"]: run["forked_from"] for run in json.loads(lab("runs", "--json").out)["runs"]}
    assert listed == {fork: parent.id, parent.id: None}


def test_fork_and_parent_are_compared(lab: Lab, parent: RunDirectory, started: list[RunDirectory]) -> None:
    lab("fork", f"{parent.id}:2", "--epoch", "2", "--set", "learning_rate=0.0005")
    document = json.loads(lab("compare", f"{parent.id}:2", started[0].id, "--json").out)
    assert [model["label"] for model in document["models"]] == ["lr 0.001", "lr 0.001 → 0.0005"]
    before, after = (model["epochs"] for model in document["models"])
    assert after == before[:2]
    assert {row["property"] for row in document["differences"]} >= {"Learning rate", "Forked from"}


def test_nothing_of_a_run_directory_reaches_the_terminal_raw(
    lab: Lab, parent: RunDirectory, started: list[RunDirectory]
) -> None:
    record = parent.read_record()
    trials = [
        trial.model_copy(update={"name": f"\x1b[31m{trial.name}", "label": f"\x1b]0;x\x07{trial.label}"})
        for trial in record.trials
    ]
    update = {
        "trials": trials,
        "title": "\x1b[2Jtitle",
        "message": "\x1b[5m",
        "host": "\x1b[1mhost",
        "summary": "\x9b2J",
    }
    parent.write_record(record.model_copy(update=update))
    commands = [
        ["fork", parent.id, "--list"],
        ["fork", f"{parent.id}:1", "--set", "batch_size=3"],
        ["fork", f"{parent.id}:1", "--checkpoint", "9"],
        ["fork", parent.id, "--set", "learning_rate=0.1"],
        ["show", "last"],
        ["show", parent.id],
        ["runs"],
        ["compare", parent.id],
        ["attach", parent.id],
        ["set", f"{parent.id}:1", "learning_rate=1"],
        ["resume", parent.id],
    ]
    for command in commands:
        outcome = lab(*command)
        assert not {"\x1b", "\x9b", "\x07"} & set(outcome.out + outcome.err), command
