"""SIGKILL at every step of starting, of taking up again, and of writing checkpoints."""

from __future__ import annotations

import signal
from itertools import product

import pytest

from iml_tui.runs.checkpoints import CheckpointStore
from iml_tui.runs.process import START_SECONDS, record_failed_start
from iml_tui.runs.reading import RunReader
from iml_tui.runs.updating import update_record
from tests.faults.conftest import Command, Lab
from tests.faults.outcomes import Outcome, events_of, outcome_of, repeated
from tests.faults.workers import Fault

KILLED = -signal.SIGKILL


@pytest.mark.fault("SIGKILL before the worker took its run over")
def test_a_worker_killed_before_it_took_over_is_told_by_who_started_it(
    lab: Lab, command: Command, whole: Outcome
) -> None:
    directory = lab.make()
    code = lab.train(directory, ("signal_before", "iml_tui.worker:RunLock", 1))
    assert code == KILLED
    # What the command line, the screen and the supervisor do when a worker of theirs has ended.
    record_failed_start(directory, code)
    shown = command("show", directory.id)
    assert "failed" in shown.out
    assert "ended before it began (exit code -9)" in shown.out + shown.err
    assert lab.resume(directory) == 0
    assert outcome_of(directory) == whole


@pytest.mark.fault("SIGKILL before the worker took its run over")
def test_a_start_of_which_nobody_hears_is_interrupted_after_a_while(lab: Lab, whole: Outcome) -> None:
    directory = lab.make()
    assert lab.train(directory, ("signal_before", "iml_tui.worker:RunLock", 1)) == KILLED
    record = directory.read_record()
    assert RunReader(directory).state == "starting"
    update_record(directory, record, created=record.created - START_SECONDS - 1)
    assert RunReader(directory).state == "interrupted"
    assert lab.resume(directory) == 0
    assert outcome_of(directory) == whole


STARTING: dict[str, Fault] = {
    "before it says who it is": ("signal_before", "iml_tui.runs.directory:RunDirectory.write_record", 1),
    "before the log says who it is": ("signal_before", "iml_tui.runs.events:EventWriter.append", 1),
    "before it trains": ("signal_at", "started", 1),
    "before the first checkpoint": ("signal_before", "iml_tui.runs.checkpoints:CheckpointStore.write", 1),
    "before the first batch": ("signal_at", "trial_started", 1),
    "before the first epoch": ("signal_at_report", 1),
}


@pytest.mark.fault("SIGKILL while it starts")
@pytest.mark.parametrize("fault", STARTING.values(), ids=STARTING)
def test_a_worker_killed_while_it_starts_loses_nothing(fault: Fault, lab: Lab, whole: Outcome) -> None:
    directory = lab.make()
    assert lab.train(directory, fault) == KILLED
    record = directory.read_record()
    if record.worker is None:
        update_record(directory, record, created=record.created - START_SECONDS - 1)
    assert RunReader(directory).state == "interrupted"
    assert lab.resume(directory) == 0
    assert outcome_of(directory) == whole


RESUMING: dict[str, Fault] = {
    "before it says who it is": ("signal_before", "iml_tui.runs.directory:RunDirectory.write_record", 1),
    "before a series is shortened": ("signal_before", "iml_tui.runs.series:_shorten", 3),
    "when it has told": ("signal_at", "resumed", 1),
}


@pytest.mark.fault("SIGKILL while it takes up again")
@pytest.mark.parametrize("fault", RESUMING.values(), ids=RESUMING)
def test_a_worker_killed_while_it_takes_up_again_loses_nothing(fault: Fault, lab: Lab, whole: Outcome) -> None:
    directory = lab.make()
    assert lab.train(directory, ("signal_at", "epoch", 2 * 4)) == KILLED
    assert lab.resume(directory, fault) == KILLED
    record = directory.read_record()
    if record.worker is None:
        assert record.asked is not None
        update_record(directory, record, asked=record.asked - START_SECONDS - 1)
    assert lab.resume(directory) == 0
    assert outcome_of(directory) == whole
    assert repeated(directory) == 1


STEPS = ("made", "half written", "written", "on disk", "in place")


@pytest.mark.fault("SIGKILL while a checkpoint is written, or an old one removed")
@pytest.mark.parametrize(("number", "step"), [*product((1, 4), STEPS), (4, "first removed")])
def test_a_worker_killed_while_it_writes_a_checkpoint_goes_on_from_a_whole_one(
    number: int, step: str, lab: Lab, whole: Outcome
) -> None:
    directory = lab.make()
    assert lab.train(directory, ("kill_in_checkpoint", number, step)) == KILLED
    assert lab.resume(directory) == 0
    store = CheckpointStore(directory.checkpoints)
    assert all(file.header is not None for file in store.all())
    assert not [path for path in directory.checkpoints.iterdir() if path.name.startswith(".")]
    assert not RunReader(directory).warnings
    # The first is written before anything is trained, the fourth after the third epoch.
    [resumed] = events_of(directory, "resumed")
    written = step in ("in place", "first removed")
    assert resumed["epoch"] == (0 if number == 1 else 3 if written else 2)
    assert outcome_of(directory) == whole
