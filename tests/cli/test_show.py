"""`show`, and the JSON document that it shares with `run`."""

import json
import math
from pathlib import Path

import pytest

from iml_tui.experiments.results import METRICS
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.record import State
from tests.recorded import recorded_run

from .conftest import Lab


@pytest.fixture
def done(root: Path) -> RunDirectory:
    return recorded_run(root, "learning-rate", "done", epochs=3)


def test_show_prints_what_was_asked_and_what_came_out(lab: Lab, done: RunDirectory) -> None:
    outcome = lab("show", "last")
    assert outcome.code == 0
    assert outcome.err == ""
    for text in (done.id, "done after 1 min 00 s", "epochs=3 (default 50)", "80,000 train", "CPU", "Findings"):
        assert text in outcome.out
    assert str(done.path) in outcome.out
    assert ".{csv,json,md,tex}" in outcome.out


def test_the_document_is_complete(lab: Lab, done: RunDirectory) -> None:
    document = json.loads(lab("show", done.id, "--json").out)
    assert document["run"] == done.id
    assert document["directory"] == str(done.path)
    assert document["experiment"] == "learning-rate"
    assert document["state"] == "done"
    assert document["hyperparameters"]["epochs"] == 3
    assert document["data"]["rows"] == {"train": 80_000, "validation": 10_000, "test": 10_000}
    assert document["device"]["chosen"] == "cpu"
    assert document["created"] == "2025-10-09T08:53:20.000+00:00"
    assert document["finished"] > document["started"]
    assert [trial["hyperparameters"]["learning_rate"] for trial in document["trials"]] == [1.0, 0.01, 0.001, 1e-05]
    for trial in document["trials"]:
        assert trial["seed"] == 42
        assert "seed" not in trial["hyperparameters"]
        assert [epoch["epoch"] for epoch in trial["epochs"]] == [1, 2, 3]
        assert all(set(epoch) == {"epoch", *METRICS} for epoch in trial["epochs"])
        assert trial["timing"]["train_seconds"] == pytest.approx(0.75)
    assert {Path(path).suffix for path in document["tables"]} == {".csv", ".md", ".tex", ".json"}
    assert all(Path(path).is_file() for path in [*document["tables"], *document["figures"]])
    assert all(set(finding) == {"title", "text", "evidence"} for finding in document["findings"])


def test_what_is_not_finite_is_null_and_says_why(lab: Lab, done: RunDirectory) -> None:
    out = lab("show", "last", "--json").out
    assert "NaN" not in out
    diverged = json.loads(out)["trials"][0]
    assert diverged["state"] == "diverged"
    assert diverged["diverged_at"]["epoch"] == 1
    assert diverged["epochs"][2]["train_loss"] is None
    assert math.isfinite(diverged["epochs"][2]["train_accuracy"])


@pytest.mark.parametrize("state", ["queued", "starting", "running", "stopped", "interrupted", "failed"])
def test_every_state_can_be_shown(lab: Lab, root: Path, state: State) -> None:
    recorded_run(root, "batch-size", state, epochs=4)
    outcome = lab("show", "last")
    assert outcome.code == 0
    assert state in outcome.out
    document = json.loads(lab("show", "last", "--json").out)
    assert document["state"] == state
    assert bool(document["message"]) == (state in ("failed", "interrupted"))


def test_an_interrupted_run_names_its_log_and_the_last_line(lab: Lab, root: Path) -> None:
    directory = recorded_run(root, "epochs", "interrupted", epochs=4)
    directory.log_file.write_text("loading\nKilled by the scheduler\n\n")
    message = json.loads(lab("show", "last", "--json").out)["message"]
    assert str(directory.log_file) in message
    assert "Killed by the scheduler" in message


def test_hostile_texts_of_a_run_are_shown_harmless(lab: Lab, done: RunDirectory) -> None:
    record = done.read_record()
    trials = [record.trials[0].model_copy(update={"name": "\x1b]0;x\x07", "label": "\x1b[2J"}), *record.trials[1:]]
    data = record.data.model_copy(update={"name": "[red]\x1b[31m"})
    hostile = {"title": "\x1b[2Jtitle", "summary": "\x9b31m", "message": "\rline", "trials": trials, "data": data}
    done.write_record(record.model_copy(update=hostile))
    for command in ("show", "attach"):
        outcome = lab(command, "last")
        assert outcome.code == 0
        assert not set("\x1b\x9b\r\x07") & set(outcome.out + outcome.err)
    assert "[red]" in lab("show", "last").out


def test_an_experiment_of_another_version_is_shown_without_tables(lab: Lab, done: RunDirectory) -> None:
    done.write_record(done.read_record().model_copy(update={"experiment": "gradient-flow"}))
    outcome = lab("show", "last")
    assert outcome.code == 0
    assert "gradient-flow" in outcome.out
    document = json.loads(lab("show", "last", "--json").out)
    assert document["findings"] == []
    assert len(document["trials"]) == 4


def test_a_damaged_run_is_one_sentence(lab: Lab, done: RunDirectory) -> None:
    done.record_file.write_text("{")
    done.events_file.unlink()  # From which it could be rebuilt.
    outcome = lab("show", "last")
    assert outcome.code == 1
    assert outcome.out == ""
    assert "damaged" in outcome.err


def test_several_seeds_are_shown_together_and_documented_one_by_one(lab: Lab, root: Path) -> None:
    recorded_run(root, "learning-rate", "done", epochs=12, learning_rates=(0.01, 0.001), seeds=(1, 2, 3))
    out = lab("show", "last").out
    assert "seeds=1,2,3 (default 42)" in out
    assert "mean ± standard deviation over 3 seeds" in out
    assert "Paired over 3 seeds" in out
    document = json.loads(lab("show", "last", "--json").out)
    assert [trial["seed"] for trial in document["trials"]] == [1, 2, 3, 1, 2, 3]
    assert [trial["model"] for trial in document["trials"]][2:4] == ["learning rate 0.01", "learning rate 0.001"]
    assert all(trial["parameters"] == 1969 for trial in document["trials"])
    lowest = document["findings"][0]["evidence"]
    assert (lowest["validation_loss_n"], lowest["epoch_n"]) == (3, 3)
    assert lowest["validation_loss_sd"] > 0


def test_recorded_gradients_are_in_the_document(lab: Lab, root: Path) -> None:
    recorded_run(root, "gradients", "done", epochs=2, hidden_layers=9)
    (trial,) = json.loads(lab("show", "last", "--json").out)["trials"]
    for epoch in trial["epochs"]:
        assert len(epoch["gradient_norms"]) == len(epoch["zero_gradients"]) == 10
    assert trial["maps"] == []


def test_a_run_of_a_former_version_is_shown_with_its_seed(lab: Lab, done: RunDirectory) -> None:
    document = json.loads(done.record_file.read_text())
    document["hyperparameters"]["seed"] = document["hyperparameters"].pop("seeds")[0]
    done.record_file.write_text(json.dumps(document))
    assert "seeds=42" in lab("show", "last").out
    assert json.loads(lab("show", "last", "--json").out)["hyperparameters"]["seeds"] == [42]
    assert json.loads(lab("runs", "--json").out)["runs"][0]["state"] == "done"
