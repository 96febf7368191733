"""`list` and `runs`."""

import json
import time
from pathlib import Path

import pytest

from iml_tui.experiments.hyperparameters import fields
from iml_tui.experiments.registry import EXPERIMENTS
from tests.recorded import recorded_run

from .conftest import Lab


def test_list_names_every_experiment_and_every_setting(lab: Lab) -> None:
    outcome = lab("list")
    assert outcome.code == 0
    assert outcome.err == ""
    for experiment in EXPERIMENTS:
        assert experiment.slug in outcome.out
        assert experiment.id in outcome.out
        for spec in fields(experiment.hyperparameters):
            assert f"{spec.name}=" in outcome.out
    assert "learning_rates=1,0.01,0.001,1e-05" in outcome.out


def test_list_as_json_has_what_a_form_needs(lab: Lab) -> None:
    document = json.loads(lab("list", "--json").out)
    assert [each["slug"] for each in document["experiments"]] == [each.slug for each in EXPERIMENTS]
    first = document["experiments"][0]
    assert first["question"].endswith("?")
    rates = next(each for each in first["hyperparameters"] if each["name"] == "learning_rates")
    assert rates["default"] == [1.0, 0.01, 0.001, 0.00001]
    assert "greater than 0" in rates["allowed"]


def test_no_runs_yet(lab: Lab, home: Path) -> None:
    outcome = lab("runs")
    assert outcome.code == 0
    assert outcome.out == ""
    assert "iml-lab run" in outcome.err
    assert json.loads(lab("runs", "--json").out) == {"runs": []}
    assert not home.exists()


@pytest.fixture
def three_runs(root: Path) -> list[str]:
    """A finished run, a younger one that trains, and one whose record is damaged; their ids."""
    done = recorded_run(root, "learning-rate", "done", epochs=3, created=time.time() - 7200)
    running = recorded_run(root, "epochs", "running", epochs=4, created=time.time() - 60)
    damaged = recorded_run(root, "batch-norm", "done", epochs=2)
    damaged.record_file.write_text('{"id": \x1b[31m')
    damaged.events_file.unlink()  # From which it could be rebuilt.
    return [running.id, done.id, damaged.id]


def test_runs_are_listed_newest_first(lab: Lab, three_runs: list[str]) -> None:
    outcome = lab("runs")
    assert outcome.code == 0
    lines = outcome.out.splitlines()[2:]
    assert [line.split()[0] for line in lines] == three_runs
    assert "running" in lines[0]
    assert "%" in lines[0]
    assert "Learning rate" in lines[1]
    assert "validation accuracy" in lines[1]
    assert "2 h" in lines[1]
    assert "damaged" in lines[2]
    assert "\x1b" not in outcome.out


def test_runs_as_json(lab: Lab, three_runs: list[str]) -> None:
    runs = json.loads(lab("runs", "--json").out)["runs"]
    assert [run["run"] for run in runs] == three_runs
    running, done, damaged = runs
    assert running["state"] == "running"
    assert 0 < running["progress"] < 1
    assert done["progress"] is None
    assert done["experiment"] == "learning-rate"
    assert Path(done["directory"]).is_dir()
    assert damaged["experiment"] is None
    assert "damaged" in damaged["message"]


def test_a_record_that_was_rebuilt_is_told_of(lab: Lab, root: Path) -> None:
    directory = recorded_run(root, "batch-norm", "done", epochs=2)
    directory.record_file.write_text("{")
    assert "rebuilt from the event log" in lab("runs").out
    [run] = json.loads(lab("runs", "--json").out)["runs"]
    assert (run["experiment"], run["state"]) == ("batch-norm", "done")
    assert "rebuilt from the event log" in run["note"]


def test_a_queued_and_an_interrupted_run_say_what_comes_next(lab: Lab, root: Path) -> None:
    interrupted = recorded_run(root, "epochs", "interrupted", epochs=4)
    assert f"iml-lab resume {interrupted.id}" in lab("runs").out
    recorded_run(root, "batch-norm", "queued", epochs=4)
    assert "queued, but in no order" in lab("runs").out
