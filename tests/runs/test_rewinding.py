"""Events of runs that pause, are changed, stopped, resumed and forked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from iml_tui.experiments.results import METRICS, Change, ForkPoint
from iml_tui.runs.directory import RunDirectory
from iml_tui.runs.events import EventWriter
from iml_tui.runs.reading import RunReader, SavedState
from iml_tui.runs.record import State
from tests.recorded import CREATED, departed

Log = Callable[..., None]


@pytest.fixture
def log(waiting: RunDirectory) -> Iterator[Log]:
    """Writes events, `after` seconds after the run was asked for."""
    with closing(EventWriter(waiting.events_file)) as writer:

        def append(type: str, after: float = 0.0, **fields: Any) -> None:
            with patch("time.time", lambda: CREATED + after):
                writer.append(type, **fields)

        yield append


def epochs(log: Log, *numbers: int, trial: int = 0, after: float = 0.0) -> None:
    for number in numbers:
        log("epoch", after, trial=trial, epoch=number, metrics=dict.fromkeys(METRICS, number / 10), seconds=1.0)


def resumed(log: Log, *trials: int, epoch: int, step: int = 0, after: float = 0.0, **fields: Any) -> None:
    fields = {"exact": True, "reason": "", "steps": 100, **fields}
    log("resumed", after, trials=list(trials), epoch=epoch, step=step, **fields)


def change(log: Log, epoch: int, step: int, new: float = 0.5, trial: int = 0) -> None:
    log("changed", 9.0, trial=trial, epoch=epoch, step=step, steps=100, field="learning_rate", old=0.1, new=new)


def record(run: RunDirectory, state: State, **changes: Any) -> None:
    run.write_record(run.read_record().model_copy(update={"state": state, **changes}))


class TestResuming:
    def test_what_was_rewound_is_dropped(self, waiting: RunDirectory, log: Log) -> None:
        reader = RunReader(waiting)
        epochs(log, 1, 2, 3, 4)
        epochs(log, 1, 2, trial=1)
        for number in (1, 2, 4):
            log("map", trial=0, epoch=number)
        log("trial_finished", trial=0, state="stopped")
        reader.poll()
        resumed(log, 0, epoch=2, step=30)
        reader.poll()
        first, second, third = reader.results.trials
        assert first.values("train_loss") == [0.1, 0.2]
        assert (first.maps, first.state) == ([1, 2], "running")
        assert (first.progress.epoch, first.progress.step, first.progress.steps) == (3, 30, 100)
        assert (len(second.epochs), second.state, third.state) == (2, "waiting", "waiting")
        late = RunReader(waiting)
        assert late.results.trials[0].epochs == first.epochs

    def test_all_trials_of_a_group_are_rewound(self, waiting: RunDirectory, log: Log) -> None:
        epochs(log, 1, 2, trial=0)
        epochs(log, 1, 2, trial=2)
        resumed(log, 0, 2, epoch=1)
        reader = RunReader(waiting)
        assert [len(trial.epochs) for trial in reader.results.trials] == [1, 0, 1]
        assert [trial.state for trial in reader.results.trials] == ["running", "waiting", "running"]

    def test_a_trial_that_starts_anew_has_nothing(self, waiting: RunDirectory, log: Log) -> None:
        epochs(log, 1, 2)
        log("map", trial=0, epoch=1)
        log("predictions", trial=0)
        log("diverged", trial=0, epoch=1, batch=1)
        change(log, 1, 1)
        resumed(log, 0, epoch=0)
        trial = RunReader(waiting).results.trials[0]
        assert (trial.epochs, trial.maps, trial.changes, trial.diverged_at) == ([], [], [], None)
        assert not trial.has_predictions

    @pytest.mark.parametrize(
        ("diverged", "kept"),
        [((2, 100), True), ((3, 30), True), ((3, 31), False), ((4, 1), False)],
    )
    def test_a_divergence_is_forgotten_where_it_lies_ahead(
        self, waiting: RunDirectory, log: Log, diverged: tuple[int, int], kept: bool
    ) -> None:
        log("diverged", trial=0, epoch=diverged[0], batch=diverged[1])
        resumed(log, 0, epoch=2, step=30)
        assert RunReader(waiting).results.trials[0].diverged_at == (diverged if kept else None)

    def test_changes_are_kept_up_to_there(self, waiting: RunDirectory, log: Log) -> None:
        for epoch, step in ((1, 50), (3, 30), (3, 31), (4, 2)):
            change(log, epoch, step)
        resumed(log, 0, epoch=2, step=30)
        trial = RunReader(waiting).results.trials[0]
        assert [(change.epoch, change.step) for change in trial.changes] == [(1, 50), (3, 30)]

    def test_whether_it_is_exact_is_told(self, waiting: RunDirectory, log: Log) -> None:
        reader = RunReader(waiting)
        resumed(log, 0, epoch=1)
        reader.poll()
        assert reader.inexact == ""
        resumed(log, 0, epoch=2, exact=False, reason="2 threads became 4")
        resumed(log, 0, epoch=3)  # What was inexact once, stays so.
        reader.poll()
        assert reader.inexact == "2 threads became 4"


def test_a_change_is_kept(waiting: RunDirectory, log: Log) -> None:
    reader = RunReader(waiting)
    change(log, 3, 25, trial=1)
    assert reader.poll()
    assert reader.results.trials[1].changes == [Change(3, 25, 100, "learning_rate", 0.1, 0.5, CREATED + 9)]
    assert reader.results.trials[1].changes[0].position == 2.25


def test_a_fork_knows_where_it_comes_from(waiting: RunDirectory, log: Log) -> None:
    where = {"run": "parent", "name": "learning rate 0.1", "epochs": 2, "step": 50, "steps": 100}
    log("forked", trial=0, changes=[["learning_rate", 0.1, 0.5], ["scheduler", "none", "step"]], **where)
    epochs(log, 1, 2)
    trial = RunReader(waiting).results.trials[0]
    assert trial.fork == ForkPoint(changes=(("learning_rate", 0.1, 0.5), ("scheduler", "none", "step")), **where)
    assert (len(trial.epochs), trial.state) == (2, "waiting")


def test_the_last_checkpoint_is_known(waiting: RunDirectory, log: Log) -> None:
    reader = RunReader(waiting)
    assert reader.last_checkpoint is None
    for number in (1, 2):
        log("checkpoint", 5.0, file="../../x", trials=[0, 1], epoch=number, step=3, steps=100, reason="epoch")
    reader.poll()
    assert reader.last_checkpoint == SavedState((0, 1), 2, 3, 100, CREATED + 5)


class TestTime:
    """Seconds of training. The run begins 10 s after it was asked for."""

    @pytest.fixture
    def running(self, waiting: RunDirectory, log: Log) -> RunDirectory:
        record(waiting, "running", started=CREATED + 10)
        log("recorded", 8.0, changes={"worker": {"pid": 1}, "state": "starting"})
        log("started", 10.0, device="CPU")
        epochs(log, 1, after=20.0)
        return waiting

    @staticmethod
    def seconds(run: RunDirectory, after: float) -> tuple[float, float]:
        reader = RunReader(run)
        return reader.seconds(CREATED + after), reader.training_seconds(CREATED + after)

    def test_a_pause_does_not_count(self, running: RunDirectory, log: Log) -> None:
        log("paused", 30.0)
        assert self.seconds(running, 30) == self.seconds(running, 1000) == (20, 20)
        change(log, 2, 1)
        log("continued", 1030.0)
        assert self.seconds(running, 1040) == (30, 30)
        log("paused", 1040.0)
        record(running, "paused")
        assert self.seconds(running, 9999) == (30, 30)

    def test_nor_does_the_time_between_a_stop_and_its_resumption(self, running: RunDirectory, log: Log) -> None:
        log("finished", 30.0, state="stopped", message="")
        record(running, "stopped", finished=CREATED + 30.25)
        assert self.seconds(running, 1000) == (20.25, 20.25)
        log("recorded", 3000.0, changes={"state": "queued"})  # The queue is no worker.
        record(running, "queued")
        assert self.seconds(running, 90_000) == (20, 20)
        record(running, "starting")
        assert self.seconds(running, 90_000) == (20, 20)
        log("recorded", 90_000.0, changes={"worker": {"pid": 2}, "state": "starting"})
        log("started", 90_005.0, device="CPU")
        record(running, "running", finished=None)
        resumed(log, 0, epoch=1, after=90_006.0)
        assert self.seconds(running, 90_015) == (30, 30)
        log("finished", 90_025.0, state="done", message="")
        record(running, "done", finished=CREATED + 90_025)
        assert self.seconds(running, 200_000) == (40, 40)
        assert RunReader(running).idle_seconds(CREATED + 90_025) == 89_975

    def test_nor_does_the_time_after_the_worker_was_killed(self, running: RunDirectory, log: Log) -> None:
        record(running, "running", worker=departed())
        assert self.seconds(running, 1000) == (10, 10)
        log("recorded", 5000.0, changes={"worker": {"pid": 2}, "state": "starting"})
        log("started", 5005.0, device="CPU")
        record(running, "running", worker=None, asked=4e9)
        assert self.seconds(running, 5015) == (20, 20)

    def test_nor_does_a_pause_in_which_the_worker_was_killed(self, running: RunDirectory, log: Log) -> None:
        log("paused", 30.0)
        log("warning", 500.0, message="Nothing was changed.")
        record(running, "paused", worker=departed())
        assert self.seconds(running, 1000) == (20, 20)
        log("started", 5005.0, device="CPU")
        record(running, "running", worker=None, asked=4e9)
        assert self.seconds(running, 5015) == (30, 30)

    def test_preparations_are_no_training(self, running: RunDirectory, log: Log) -> None:
        log("finished", 30.0, state="stopped", message="")
        log("started", 1000.0, device="CPU")
        log("preparing", 1000.0, what="decoding pictures", done=0, total=10)
        assert self.seconds(running, 1010) == (30, 20)
        log("paused", 1010.0)
        log("continued", 1110.0)
        assert self.seconds(running, 1120) == (40, 20)
        resumed(log, 0, epoch=1, after=1120.0)
        assert self.seconds(running, 1130) == (50, 30)

    def test_a_clock_that_was_set_back_takes_no_time_away(self, running: RunDirectory, log: Log) -> None:
        log("paused", 30.0)
        log("continued", 25.0)
        assert self.seconds(running, 40) == (30, 30)

    def test_of_an_ended_run_the_record_may_know_more(self, running: RunDirectory, log: Log) -> None:
        log("finished", 50.0, state="done", message="")
        record(running, "done", finished=CREATED + 50, idle_seconds=15.0)
        assert self.seconds(running, 99) == (25, 25)
        assert running.read_record().seconds == 25


def test_a_run_of_another_host_says_so(waiting: RunDirectory, log: Log) -> None:
    log("started", 50.0, device="CPU")
    known = waiting.read_record()
    assert known.worker is not None
    record(waiting, "running", worker=known.worker.model_copy(update={"host": "gpu07"}))
    reader = RunReader(waiting)
    assert (reader.state, reader.elsewhere, reader.last_sign) == ("running", "gpu07", CREATED + 50)


def test_nothing_of_a_run_is_a_path(waiting: RunDirectory, tmp_path: Path) -> None:
    record(waiting, "stopped", id="../../elsewhere")
    assert waiting.read_record().id == waiting.id == RunReader(waiting).record.id
