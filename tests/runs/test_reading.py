from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from iml_tui.errors import LabError
from iml_tui.experiments.results import METRICS
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.events import EventWriter
from iml_tui.runs.reading import BATCH_LOSS, RunReader
from iml_tui.runs.rebuilding import REBUILT
from iml_tui.runs.record import State
from iml_tui.runs.series import SeriesWriter
from tests.recorded import CREATED, departed, recorded_run


@pytest.fixture
def events(waiting: RunDirectory) -> Iterator[EventWriter]:
    with closing(EventWriter(waiting.events_file)) as writer:
        yield writer


def epoch(events: EventWriter, number: int, loss: float = 0.5, trial: int = 0) -> None:
    metrics = dict.fromkeys(METRICS, loss)
    events.append("epoch", trial=trial, epoch=number, metrics=metrics, seconds=0.25, samples_per_second=1e5)


def test_there_is_nothing_at_first(waiting: RunDirectory) -> None:
    reader = RunReader(waiting)
    assert reader.state == "starting"
    assert [trial.state for trial in reader.results.trials] == ["waiting"] * 3
    assert [trial.epochs for trial in reader.results.trials] == [[], [], []]
    assert reader.results.experiment == "learning-rate"
    assert reader.poll() is False


def test_a_run_is_followed_as_it_grows(waiting: RunDirectory, events: EventWriter) -> None:
    reader = RunReader(waiting)
    trial = reader.results.trials[1]
    events.append("trial_started", trial=1)
    events.append("progress", trial=1, epoch=1, step=3, steps=12, samples_per_second=None)
    assert reader.poll()
    assert trial.state == "running"
    assert (trial.progress.epoch, trial.progress.step, trial.progress.steps) == (1, 3, 12)
    assert math.isnan(trial.progress.samples_per_second)
    epoch(events, 1, 0.75, trial=1)
    assert reader.poll()
    assert trial.values("train_loss") == [0.75]
    assert (trial.epochs[0].seconds, trial.epochs[0].samples_per_second) == (0.25, 1e5)
    assert (trial.progress.epoch, trial.progress.step) == (1, 12)
    events.append("diverged", trial=1, epoch=2, batch=7)
    events.append("trial_finished", trial=1, state="diverged")
    assert reader.poll()
    assert (trial.state, trial.diverged_at) == ("diverged", (2, 7))
    assert reader.results.trials[0].state == "waiting"
    assert not reader.poll()


def test_a_size_that_is_known_only_at_the_end_is_taken_in(waiting: RunDirectory, events: EventWriter) -> None:
    reader = RunReader(waiting)
    trial = reader.results.trials[0]
    events.append("trial_started", trial=0, parameters=0)
    reader.poll()
    assert trial.parameters is None
    events.append("trial_finished", trial=0, state="done", parameters=300)
    reader.poll()
    assert (trial.parameters, trial.state) == (300, "done")


def test_two_readers_see_the_same(waiting: RunDirectory, events: EventWriter) -> None:
    live = RunReader(waiting)
    for number in range(1, 6):
        epoch(events, number, 1 / number)
        live.poll()
    late = RunReader(waiting)
    assert late.results.trials[0].epochs == live.results.trials[0].epochs


def test_what_was_not_finite_is_nan(waiting: RunDirectory, events: EventWriter) -> None:
    epoch(events, 1, math.inf)
    epoch(events, 2, math.nan)
    trial = RunReader(waiting).results.trials[0]
    assert np.isnan(trial.values("train_loss")).all()
    assert trial.best("train_loss") is None


def test_repeated_epochs_replace_what_was_rewound(waiting: RunDirectory, events: EventWriter) -> None:
    for number in (1, 2, 3, 4):
        epoch(events, number, number)
    reader = RunReader(waiting)
    epoch(events, 3, 30)
    reader.poll()
    trial = reader.results.trials[0]
    assert trial.values("train_loss") == [1, 2, 30]
    assert [one.epoch for one in trial.epochs] == [1, 2, 3]


def test_a_lost_epoch_is_a_gap_and_moves_no_other(waiting: RunDirectory, events: EventWriter) -> None:
    for number in (1, 2, 3, 4):
        epoch(events, number, number / 10)
    content = waiting.events_file.read_bytes()
    waiting.events_file.write_bytes(content.replace(b'"epoch":2', b'"epoch":9'))
    reader = RunReader(waiting)
    trial = reader.results.trials[0]
    assert reader.damaged_events == 1
    assert [one.epoch for one in trial.epochs] == [1, 2, 3, 4]
    np.testing.assert_array_equal(trial.values("train_loss"), [0.1, math.nan, 0.3, 0.4])
    assert trial.at(4, "train_loss") == 0.4
    assert trial.best("train_loss") == (1, 0.1)


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "epoch", "trial": 3, "epoch": 1, "metrics": {}},
        {"type": "epoch", "trial": -1, "epoch": 1, "metrics": {}},
        {"type": "epoch", "trial": "0", "epoch": 1, "metrics": {}},
        {"type": "epoch", "trial": 0, "epoch": 0, "metrics": {}},
        {"type": "epoch", "trial": 0, "epoch": 10**9, "metrics": {}},
        {"type": "finished"},
        {"type": "of a later version", "trial": 0},
        {"type": "of a later version", "trial": "no number"},
    ],
)
def test_events_that_fit_no_trial_change_nothing(
    waiting: RunDirectory, events: EventWriter, fields: dict[str, Any]
) -> None:
    epoch(events, 1)
    events.append(**fields)
    reader = RunReader(waiting)
    assert [len(trial.epochs) for trial in reader.results.trials] == [1, 0, 0]


def test_warnings_are_kept(waiting: RunDirectory, events: EventWriter) -> None:
    events.append("warning", message="the device is slow")
    assert RunReader(waiting).warnings == ["the device is slow"]


def test_series_are_loaded_when_asked_for(waiting: RunDirectory) -> None:
    load = RunReader(waiting).results.trials[2].series[BATCH_LOSS]
    assert load().shape == (0,)
    with closing(SeriesWriter(waiting.series_file(2, BATCH_LOSS))) as writer:
        writer.append(np.array([3, 2, 1], np.float32))
    np.testing.assert_array_equal(load(), [3, 2, 1])


def test_a_run_whose_worker_dies_is_interrupted(waiting: RunDirectory, events: EventWriter) -> None:
    reader = RunReader(waiting)
    epoch(events, 1)
    waiting.write_record(waiting.read_record().model_copy(update={"state": "running", "worker": departed()}))
    assert reader.poll()
    assert reader.state == "interrupted"
    assert len(reader.results.trials[0].epochs) == 1
    assert not reader.poll()


def test_a_worker_that_ends_while_one_looks_is_not_interrupted(
    waiting: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = waiting.read_record().model_copy(update={"state": "running", "worker": departed()})
    reader = RunReader(waiting)
    waiting.write_record(running)

    def end_meanwhile(record: Any, directory: RunDirectory) -> str:
        # The worker writes its last record and is gone before its process is looked at.
        if record.state == "running":
            waiting.write_record(running.model_copy(update={"state": "done"}))
            return "interrupted"
        return str(record.state)

    monkeypatch.setattr("iml_tui.runs.reading.true_state", end_meanwhile)
    assert reader.poll()
    assert reader.state == "done"


def test_the_end_is_seen_with_all_that_came_before_it(waiting: RunDirectory, events: EventWriter) -> None:
    reader = RunReader(waiting)
    epoch(events, 1)
    waiting.write_record(waiting.read_record().model_copy(update={"state": "done"}))
    reader.poll()
    assert (reader.state, len(reader.results.trials[0].epochs)) == ("done", 1)


def test_a_record_that_is_damaged_later_leaves_the_last_good_one(waiting: RunDirectory) -> None:
    reader = RunReader(waiting)
    good = waiting.read_record()
    waiting.record_file.write_text("{")
    assert reader.poll()
    assert reader.warnings == [REBUILT]
    waiting.record_file.unlink()
    assert not reader.poll()
    assert (reader.record, reader.state) == (good, "starting")
    waiting.write_record(good)
    assert reader.poll()
    assert reader.warnings == []


def test_without_a_record_there_is_no_reader(waiting: RunDirectory) -> None:
    waiting.record_file.unlink()
    waiting.events_file.unlink()
    with pytest.raises(LabError, match="cannot be read"):
        RunReader(waiting)


@pytest.mark.parametrize(("state", "seconds"), [("done", 60.0), ("interrupted", 30.0), ("running", 97.0)])
def test_the_time_of_a_run_ends_with_it(tmp_path: Path, state: State, seconds: float) -> None:
    run = recorded_run(tmp_path, "epochs", state)  # Began 3 s after it was asked for, last heard of after 33 s.
    assert RunReader(run).seconds(now=CREATED + 100.0) == seconds


def test_a_run_that_has_not_begun_took_no_time(waiting: RunDirectory) -> None:
    assert RunReader(waiting).seconds(now=1e12) == 0.0


def test_a_log_that_is_gone_is_told(waiting: RunDirectory) -> None:
    assert not RunReader(waiting).warnings
    waiting.write_record(waiting.read_record().model_copy(update={"started": 1.0}))
    waiting.events_file.unlink(missing_ok=True)
    [warning] = RunReader(waiting).warnings
    assert "events.jsonl" in warning
